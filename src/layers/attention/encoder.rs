//! A block of a Transformer without another sequence: BERT's, and with a causal mask GPT's.

use super::MultiHeadAttention;
use super::block::{Block, described_block, setters};
use crate::activations::Activation;
use crate::autograd::{ParamList, Var};
use crate::config::{Described, Reader, config, described};
use crate::error::Result;
use crate::layers::{Dropout, Layer, LayerNorm};
use crate::tensor::Float;

/// Attention of a sequence to itself, then two dense layers, each with a residual connection and a norm.
///
/// A stack of these is an encoder such as BERT; with `causal` it is a decoder without another sequence, such as GPT.
///
/// # Shapes
/// input and output `[batch, time, size]`
/// # Defaults
/// ReLU, no dropout, norms after the residual connections with epsilon 1e-5, every step sees every other
/// # Errors
/// an input of other than three axes or other features than `size`; a size that is not a multiple of the number of
/// heads; a rate outside of 0 to 1
/// # Example
/// ```
/// use gradus::prelude::*;
/// let bert = Sequential::new()
///     .add(TransformerEncoder::new(64, 4, 256).activation(Gelu).dropout(0.1))
///     .add(TransformerEncoder::new(64, 4, 256).activation(Gelu).dropout(0.1));
/// let x = Tape::inference().input(ndarray::Array3::<f32>::ones((2, 10, 64)));
/// assert_eq!(bert.forward(&x)?.shape(), [2, 10, 64]);
/// let gpt = TransformerEncoder::new(64, 4, 256).activation(Gelu::tanh()).pre_norm(true).causal(true);
/// assert_eq!(gpt.forward(&x)?.shape(), [2, 10, 64]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Vaswani et al. 2017; PyTorch `TransformerEncoderLayer`, whose `self_attn`, `linear1`, `linear2`, `norm1` and `norm2`
/// are `self_attention` (see [`MultiHeadAttention`]), `linear_1`, `linear_2`, `norm_1` and `norm_2` here; Keras Hub
/// `TransformerEncoder`
#[doc(alias = "TransformerEncoderLayer")]
pub struct TransformerEncoder {
    block: Block,
    self_attention: MultiHeadAttention,
    norm_1: LayerNorm,
    norm_2: LayerNorm,
}

impl TransformerEncoder {
    /// Creates a block for `size` features, with `heads` heads of attention and `hidden` units between the dense
    /// layers.
    pub fn new(size: usize, heads: usize, hidden: usize) -> Self {
        let block = Block::new(size, heads, hidden);
        let self_attention = MultiHeadAttention::new(heads, block.head_size()).output_size(size);
        let norm = || LayerNorm::new().epsilon(1e-5);
        Self { block, self_attention, norm_1: norm(), norm_2: norm() }
    }

    setters!([self_attention], [norm_1, norm_2]);
}

described_block!(TransformerEncoder, [self_attention, norm_1, norm_2]);

impl Layer for TransformerEncoder {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.block.check(x)?;
        let attention = |x: &Var| x.tape().within("self_attention", || self.self_attention.forward(x));
        let x = self.block.residual(("norm_1", &self.norm_1), x, attention)?;
        self.block.feed_forward(("norm_2", &self.norm_2), &x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("self_attention", &self.self_attention);
        list.nest("linear_1", &self.block.linear_1);
        list.nest("linear_2", &self.block.linear_2);
        list.nest("dropout", &self.block.dropout);
        list.nest("norm_1", &self.norm_1);
        list.nest("norm_2", &self.norm_2);
    }
}
