//! A block of BERT.

use super::BertConfig;
use crate::autograd::{Layer, ParamList, Var};
use crate::error::Result;
use crate::initializers::RandomNormal;
use crate::layers::{Dense, Dropout, LayerNorm, MultiHeadAttention};

/// A dense layer with first weights as BERT has them.
pub(super) fn dense(config: &BertConfig, units: usize) -> Dense {
    Dense::new(units).kernel_initializer(RandomNormal { mean: 0.0, stddev: config.deviation })
}

pub(super) fn norm(config: &BertConfig) -> LayerNorm {
    LayerNorm::new().epsilon(config.epsilon)
}

/// `x = norm(x + attention(x))`, then `norm(x + output(intermediate(x)))`.
///
/// A [`TransformerEncoder`](crate::layers::TransformerEncoder) but for the paths, and for a dropout that BERT has not.
#[derive(Debug)]
pub(super) struct BertLayer {
    attention: MultiHeadAttention,
    attention_norm: LayerNorm,
    intermediate: Dense,
    output: Dense,
    output_norm: LayerNorm,
    dropout: Dropout,
}

impl BertLayer {
    pub fn new(config: &BertConfig) -> Self {
        let head = config.size.checked_div(config.heads).unwrap_or(0);
        let attention = MultiHeadAttention::new(config.heads, head).dropout(config.attention_dropout);
        let mut attention = attention.output_size(config.size);
        for projection in [&mut attention.query, &mut attention.key, &mut attention.value, &mut attention.output] {
            *projection = dense(config, config.size);
        }
        Self {
            attention,
            attention_norm: norm(config),
            intermediate: dense(config, config.hidden).activation(config.activation),
            output: dense(config, config.size),
            output_norm: norm(config),
            dropout: Dropout::new(config.dropout),
        }
    }
}

impl Layer for BertLayer {
    fn forward(&self, x: &Var) -> Result<Var> {
        let y = self.attention.forward(x).map_err(|error| error.within("attention"))?;
        let x = self.attention_norm.forward(&(x + self.dropout.forward(&y)?))?;
        let y = self.output.forward(&self.intermediate.forward(&x)?)?;
        self.output_norm.forward(&(x + self.dropout.forward(&y)?))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("attention.self.query", &self.attention.query);
        list.nest("attention.self.key", &self.attention.key);
        list.nest("attention.self.value", &self.attention.value);
        list.nest("attention.output.dense", &self.attention.output);
        list.nest("attention.output.LayerNorm", &self.attention_norm);
        list.nest("intermediate.dense", &self.intermediate);
        list.nest("output.dense", &self.output);
        list.nest("output.LayerNorm", &self.output_norm);
        list.nest("dropout", &self.dropout);
        list.noise(&self.attention.noise);
    }
}
