//! Attention, positions, and the blocks of Transformers.

mod block;
mod decoder;
mod dot_product;
mod encoder;
mod multi_head;
mod positions;
mod rotary;
mod scored;

pub use decoder::TransformerDecoder;
pub use dot_product::{AttentionOptions, scaled_dot_product_attention};
pub use encoder::TransformerEncoder;
pub use multi_head::{CrossAttention, KeyValueCache, MultiHeadAttention};
pub use positions::{LearnedPositions, SinusoidalPositions};
pub use rotary::RotaryEmbedding;
pub use scored::{AdditiveAttention, Attention};
