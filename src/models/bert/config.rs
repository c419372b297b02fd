//! The settings of BERT.

use std::path::Path;

use crate::config::described;
use crate::error::Result;
use crate::models::{HiddenActivation, config::Fields};
use crate::tensor::Float;

described! {
    /// The settings of a [`Bert`](super::Bert).
    ///
    /// # Defaults
    /// those of BERT-base, uncased: 12 layers of 12 heads, 768 features, 30,522 tokens
    /// # Example
    /// ```
    /// use gradus::models::BertConfig;
    /// let small = BertConfig { layers: 2, heads: 4, size: 64, hidden: 256, ..BertConfig::default() };
    /// assert_eq!(small.vocabulary, 30_522);
    /// ```
    /// # Reference
    /// Devlin et al. 2019; Hugging Face `BertConfig`, whose names are the aliases of the fields
    #[derive(Clone, PartialEq)]
    pub struct BertConfig {
        /// How many tokens there are.
        #[doc(alias = "vocab_size")]
        vocabulary: [usize] = 30_522,
        /// Features of each token.
        #[doc(alias = "hidden_size")]
        size: [usize] = 768,
        /// Blocks of attention and dense layers.
        #[doc(alias = "num_hidden_layers")]
        layers: [usize] = 12,
        /// Heads of each attention, of which `size` is a multiple.
        #[doc(alias = "num_attention_heads")]
        heads: [usize] = 12,
        /// Units between the two dense layers of each block.
        #[doc(alias = "intermediate_size")]
        hidden: [usize] = 3072,
        /// Steps of the longest sequence.
        #[doc(alias = "max_position_embeddings")]
        positions: [usize] = 512,
        /// How many kinds of token there are: 2 tell the sentences of a pair apart.
        #[doc(alias = "type_vocab_size")]
        token_types: [usize] = 2,
        /// The id of padding tokens; `None` without one.
        #[doc(alias = "pad_token_id")]
        padding_id: [Option<usize>] = Some(0),
        /// The activation between the two dense layers of each block, and in the head of masked language modelling.
        #[doc(alias = "hidden_act")]
        activation: [HiddenActivation] = HiddenActivation::Gelu,
        /// What the norms add to the variance.
        #[doc(alias = "layer_norm_eps")]
        epsilon: [Float] = 1e-12,
        /// The share of features that are dropped in training.
        #[doc(alias = "hidden_dropout_prob")]
        dropout: [Float] = 0.1,
        /// The share of the attention's weights that are dropped in training.
        #[doc(alias = "attention_probs_dropout_prob")]
        attention_dropout: [Float] = 0.1,
        /// The share of features that are dropped before a classifier in training.
        classifier_dropout: [Float] = 0.1,
        /// Whether the last kernel of masked language modelling is the embedding of the tokens; else it has one of its own.
        #[doc(alias = "tie_word_embeddings")]
        tied: [bool] = true,
        /// Standard deviation of the first weights, which are drawn from a normal distribution.
        #[doc(alias = "initializer_range")]
        deviation: [Float] = 0.02,
    }
}

impl BertConfig {
    /// Reads the settings of a `config.json` of Hugging Face.
    ///
    /// # Errors
    /// a file that cannot be read or is not JSON; a field that is absent or out of its range, which is named; a network
    /// of another type, or with other than absolute positions
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let fields = Fields::open(path.as_ref(), "bert")?;
        fields.only("position_embedding_type", &"absolute".into())?;
        fields.only("is_decoder", &false.into())?;
        let default = Self::default();
        let dropout = fields.share("hidden_dropout_prob", default.dropout)?;
        Ok(Self {
            vocabulary: fields.size("vocab_size", None)?,
            size: fields.size("hidden_size", None)?,
            layers: fields.layers("num_hidden_layers")?,
            heads: fields.size("num_attention_heads", None)?,
            hidden: fields.size("intermediate_size", None)?,
            positions: fields.size("max_position_embeddings", default.positions)?,
            token_types: fields.size("type_vocab_size", default.token_types)?,
            padding_id: fields.id("pad_token_id", default.padding_id)?,
            activation: fields.activation("hidden_act", default.activation)?,
            epsilon: fields.share("layer_norm_eps", default.epsilon)?,
            dropout,
            attention_dropout: fields.share("attention_probs_dropout_prob", default.attention_dropout)?,
            classifier_dropout: fields.share("classifier_dropout", dropout)?,
            tied: fields.flag("tie_word_embeddings", default.tied)?,
            deviation: fields.share("initializer_range", default.deviation)?,
        })
    }
}
