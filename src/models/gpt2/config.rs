//! The settings of GPT-2.

use std::path::Path;

use crate::config::described;
use crate::error::Result;
use crate::models::{HiddenActivation, config::Fields};
use crate::tensor::Float;

described! {
    /// The settings of a [`Gpt2`](super::Gpt2).
    ///
    /// # Defaults
    /// those of the small GPT-2: 12 layers of 12 heads, 768 features, 50,257 tokens
    /// # Example
    /// ```
    /// use gradus::models::Gpt2Config;
    /// let bytes = Gpt2Config { vocabulary: 256, positions: 128, layers: 4, heads: 4, size: 128, ..Gpt2Config::default() };
    /// assert_eq!(bytes.hidden, None);
    /// ```
    /// # Reference
    /// Radford et al. 2019; Hugging Face `GPT2Config`, whose names are the aliases of the fields
    #[derive(Clone, PartialEq)]
    pub struct Gpt2Config {
        /// How many tokens there are.
        #[doc(alias = "vocab_size")]
        vocabulary: [usize] = 50_257,
        /// Features of each token.
        #[doc(alias = "n_embd")]
        size: [usize] = 768,
        /// Blocks of attention and dense layers.
        #[doc(alias = "n_layer")]
        layers: [usize] = 12,
        /// Heads of each attention, of which `size` is a multiple.
        #[doc(alias = "n_head")]
        heads: [usize] = 12,
        /// Units between the two dense layers of each block; `None` is four times `size`.
        #[doc(alias = "n_inner")]
        hidden: [Option<usize>] = None,
        /// Steps of the longest sequence.
        #[doc(alias = "n_positions")]
        positions: [usize] = 1024,
        /// The activation between the two dense layers of each block.
        #[doc(alias = "activation_function")]
        activation: [HiddenActivation] = HiddenActivation::GeluTanh,
        /// What the norms add to the variance.
        #[doc(alias = "layer_norm_epsilon")]
        epsilon: [Float] = 1e-5,
        /// The share of features that are dropped in training: behind the embeddings and each part of a block.
        #[doc(alias = "resid_pdrop")]
        #[doc(alias = "embd_pdrop")]
        dropout: [Float] = 0.1,
        /// The share of the attention's weights that are dropped in training.
        #[doc(alias = "attn_pdrop")]
        attention_dropout: [Float] = 0.1,
        /// The id of padding behind the texts of a classifier; `None` if there is none.
        #[doc(alias = "pad_token_id")]
        padding_id: [Option<usize>] = None,
        /// Standard deviation of the first weights, which are drawn from a normal distribution.
        #[doc(alias = "initializer_range")]
        deviation: [Float] = 0.02,
    }
}

impl Gpt2Config {
    /// Reads the settings of a `config.json` of Hugging Face.
    ///
    /// # Errors
    /// a file that cannot be read or is not JSON; a field that is absent or out of its range, which is named; a network
    /// of another type, or that scales its attention otherwise
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let fields = Fields::open(path.as_ref(), "gpt2")?;
        fields.only("scale_attn_weights", &true.into())?;
        fields.only("scale_attn_by_inverse_layer_idx", &false.into())?;
        fields.only("add_cross_attention", &false.into())?;
        fields.only("tie_word_embeddings", &true.into())?;
        let default = Self::default();
        let dropout = fields.share("resid_pdrop", default.dropout)?;
        Ok(Self {
            vocabulary: fields.size("vocab_size", None)?,
            size: fields.size("n_embd", None)?,
            layers: fields.layers("n_layer")?,
            heads: fields.size("n_head", None)?,
            hidden: fields.optional_size("n_inner")?,
            positions: fields.size("n_positions", default.positions)?,
            activation: fields.activation("activation_function", default.activation)?,
            epsilon: fields.share("layer_norm_epsilon", default.epsilon)?,
            dropout,
            attention_dropout: fields.share("attn_pdrop", default.attention_dropout)?,
            padding_id: fields.id("pad_token_id", None)?,
            deviation: fields.share("initializer_range", default.deviation)?,
        })
    }
}
