//! The settings of BERT.

use std::path::Path;

use crate::error::Result;
use crate::models::{HiddenActivation, config::Fields};
use crate::tensor::Float;

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
#[derive(Clone, Debug, PartialEq)]
pub struct BertConfig {
    /// How many tokens there are.
    #[doc(alias = "vocab_size")]
    pub vocabulary: usize,
    /// Features of each token.
    #[doc(alias = "hidden_size")]
    pub size: usize,
    /// Blocks of attention and dense layers.
    #[doc(alias = "num_hidden_layers")]
    pub layers: usize,
    /// Heads of each attention, of which `size` is a multiple.
    #[doc(alias = "num_attention_heads")]
    pub heads: usize,
    /// Units between the two dense layers of each block.
    #[doc(alias = "intermediate_size")]
    pub hidden: usize,
    /// Steps of the longest sequence.
    #[doc(alias = "max_position_embeddings")]
    pub positions: usize,
    /// How many kinds of token there are: 2 tell the sentences of a pair apart.
    #[doc(alias = "type_vocab_size")]
    pub token_types: usize,
    /// The id of tokens that are not there; `None` if there is none.
    #[doc(alias = "pad_token_id")]
    pub padding_id: Option<usize>,
    /// The activation between the two dense layers of each block, and in the head of masked language modelling.
    #[doc(alias = "hidden_act")]
    pub activation: HiddenActivation,
    /// What the norms add to the variance.
    #[doc(alias = "layer_norm_eps")]
    pub epsilon: Float,
    /// The share of features that are dropped in training.
    #[doc(alias = "hidden_dropout_prob")]
    pub dropout: Float,
    /// The share of the attention's weights that are dropped in training.
    #[doc(alias = "attention_probs_dropout_prob")]
    pub attention_dropout: Float,
    /// The share of features that are dropped before a classifier in training.
    pub classifier_dropout: Float,
    /// Whether the last kernel of masked language modelling is the embedding of the tokens; else it has one of its own.
    #[doc(alias = "tie_word_embeddings")]
    pub tied: bool,
    /// Standard deviation of the first weights, which are drawn from a normal distribution.
    #[doc(alias = "initializer_range")]
    pub deviation: Float,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            vocabulary: 30_522,
            size: 768,
            layers: 12,
            heads: 12,
            hidden: 3072,
            positions: 512,
            token_types: 2,
            padding_id: Some(0),
            activation: HiddenActivation::Gelu,
            epsilon: 1e-12,
            dropout: 0.1,
            attention_dropout: 0.1,
            classifier_dropout: 0.1,
            tied: true,
            deviation: 0.02,
        }
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
