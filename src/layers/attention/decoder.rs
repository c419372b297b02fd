//! A block of a Transformer that also attends to another sequence.

use super::MultiHeadAttention;
use super::block::{Block, described_block, setters};
use crate::activations::Activation;
use crate::autograd::{ParamList, Var};
use crate::config::{Described, Reader, config, described};
use crate::error::Result;
use crate::layers::{Dropout, Layer, LayerNorm};
use crate::tensor::Float;

/// Attention of a sequence to itself and then to another one, then two dense layers, each with a residual connection
/// and a norm. The layer takes `(sequence, other)`, where `other` is what an encoder made.
///
/// # Shapes
/// inputs `[batch, time, size]` and `[batch, other_time, features]`, output `[batch, time, size]`
/// # Defaults
/// ReLU, no dropout, norms after the residual connections with epsilon 1e-5; a step sees itself and those before it
/// # Errors
/// inputs of other than three axes, or a first one of other features than `size`; a size that is not a multiple of the
/// number of heads; a rate outside of 0 to 1
/// # Example
/// ```
/// use gradus::layers::TransformerDecoder;
/// use gradus::prelude::*;
/// let decoder = TransformerDecoder::new(64, 4, 256).dropout(0.1);
/// let tape = Tape::inference();
/// let target = tape.input(ndarray::Array3::<f32>::ones((2, 10, 64)));
/// let source = tape.input(ndarray::Array3::<f32>::ones((2, 30, 64)));
/// assert_eq!(decoder.forward(&(target, source))?.shape(), [2, 10, 64]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Vaswani et al. 2017; PyTorch `TransformerDecoderLayer`, whose `self_attn`, `multihead_attn`, `linear1`, `linear2` and
/// `norm1` to `norm3` are `self_attention`, `cross_attention` (see [`MultiHeadAttention`]), `linear_1`, `linear_2` and
/// `norm_1` to `norm_3` here; Keras Hub `TransformerDecoder`
#[doc(alias = "TransformerDecoderLayer")]
pub struct TransformerDecoder {
    block: Block,
    self_attention: MultiHeadAttention,
    cross_attention: MultiHeadAttention,
    norm_1: LayerNorm,
    norm_2: LayerNorm,
    norm_3: LayerNorm,
}

impl TransformerDecoder {
    /// Creates a block for `size` features, with `heads` heads of each attention and `hidden` units between the dense
    /// layers.
    pub fn new(size: usize, heads: usize, hidden: usize) -> Self {
        let block = Block::new(size, heads, hidden);
        let attention = || MultiHeadAttention::new(heads, block.head_size()).output_size(size);
        let (self_attention, cross_attention) = (attention().causal(true), attention());
        let norm = || LayerNorm::new().epsilon(1e-5);
        Self { block, self_attention, cross_attention, norm_1: norm(), norm_2: norm(), norm_3: norm() }
    }

    setters!([self_attention, cross_attention], [norm_1, norm_2, norm_3]);
}

described_block!(TransformerDecoder, [self_attention, cross_attention, norm_1, norm_2, norm_3]);

impl Layer<(Var, Var)> for TransformerDecoder {
    config!();

    fn forward(&self, (x, other): &(Var, Var)) -> Result<Var> {
        self.block.check(x)?;
        let to_itself = |x: &Var| x.tape().within("self_attention", || self.self_attention.forward(x));
        let cross = &self.cross_attention;
        let to_other =
            |x: &Var| cross.attend(x, other, other, &cross.options()).map_err(|error| error.within("cross_attention"));
        let x = self.block.residual(("norm_1", &self.norm_1), x, to_itself)?;
        let x = self.block.residual(("norm_2", &self.norm_2), &x, to_other)?;
        self.block.feed_forward(("norm_3", &self.norm_3), &x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("self_attention", &self.self_attention);
        list.nest("cross_attention", &self.cross_attention);
        list.nest("linear_1", &self.block.linear_1);
        list.nest("linear_2", &self.block.linear_2);
        list.nest("dropout", &self.block.dropout);
        list.nest("norm_1", &self.norm_1);
        list.nest("norm_2", &self.norm_2);
        list.nest("norm_3", &self.norm_3);
    }
}
