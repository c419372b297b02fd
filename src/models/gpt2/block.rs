//! A block of GPT-2.

use super::Gpt2Config;
use crate::autograd::{Layer, Noise, ParamList, Var};
use crate::error::Result;
use crate::initializers::RandomNormal;
use crate::layers::{AttentionOptions, Dense, Dropout, KeyValueCache, LayerNorm, scaled_dot_product_attention};
use crate::tensor::Float;

pub(super) fn norm(config: &Gpt2Config) -> LayerNorm {
    LayerNorm::new().epsilon(config.epsilon)
}

/// `x = x + attention(norm(x))`, then `x + mlp(norm(x))`.
///
/// One dense layer makes queries, keys and values, as in the original, so that its kernels are read as they are.
#[derive(Debug)]
pub(super) struct Block {
    size: usize,
    heads: usize,
    attention_dropout: Float,
    ln_1: LayerNorm,
    c_attn: Dense,
    attention_projection: Dense,
    ln_2: LayerNorm,
    c_fc: Dense,
    mlp_projection: Dense,
    dropout: Dropout,
    noise: Noise,
}

impl Block {
    pub fn new(config: &Gpt2Config) -> Self {
        let dense =
            |units: usize, std: Float| Dense::new(units).kernel_initializer(RandomNormal { mean: 0.0, stddev: std });
        // What is added up over the residual connections starts smaller, as in the original.
        let projected = config.deviation / (2.0 * config.layers as Float).sqrt();
        let hidden = config.hidden.unwrap_or(config.size.saturating_mul(4));
        Self {
            size: config.size,
            heads: config.heads,
            attention_dropout: config.attention_dropout,
            ln_1: norm(config),
            c_attn: dense(config.size.saturating_mul(3), config.deviation),
            attention_projection: dense(config.size, projected),
            ln_2: norm(config),
            c_fc: dense(hidden, config.deviation).activation(config.activation),
            mlp_projection: dense(config.size, projected),
            dropout: Dropout::new(config.dropout),
            noise: Noise::default(),
        }
    }

    /// Runs the forward pass; the steps follow on those of the cache, if there is one.
    pub fn forward_cached(&self, x: &Var, cache: Option<&mut KeyValueCache>) -> Result<Var> {
        let y = self.attend(&self.ln_1.forward(x)?, cache).map_err(|error| error.within("attn"))?;
        let x = x + self.dropout.forward(&y)?;
        let hidden = self.c_fc.forward(&self.ln_2.forward(&x)?).map_err(|error| error.within("mlp.c_fc"))?;
        let y = self.mlp_projection.forward(&hidden).map_err(|error| error.within("mlp.c_proj"))?;
        Ok(x + self.dropout.forward(&y)?)
    }

    fn attend(&self, x: &Var, cache: Option<&mut KeyValueCache>) -> Result<Var> {
        let [batch, time] = [x.value.shape()[0], x.value.shape()[1]];
        let parts = self.c_attn.forward(x)?.split(&[self.size; 3], 2)?;
        let heads = |part: &Var| part.reshape(&[batch, time, self.heads, self.size / self.heads]);
        let (q, mut k, mut v) = (heads(&parts[0])?, heads(&parts[1])?, heads(&parts[2])?);
        let start = cache.as_ref().map_or(0, |cache| cache.len());
        if let Some(cache) = cache {
            (k, v) = cache.extend(k, v)?;
        }
        let options = AttentionOptions::new().causal_from(start).dropout(self.noise.of(self.attention_dropout));
        let y = scaled_dot_product_attention(&q, &k, &v, &options)?;
        self.attention_projection.forward(&y.reshape(&[batch, time, self.size])?)
    }
}

impl Layer for Block {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.forward_cached(x, None)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("ln_1", &self.ln_1);
        list.nest("attn.c_attn", &self.c_attn);
        list.nest("attn.c_proj", &self.attention_projection);
        list.nest("ln_2", &self.ln_2);
        list.nest("mlp.c_fc", &self.c_fc);
        list.nest("mlp.c_proj", &self.mlp_projection);
        list.nest("dropout", &self.dropout);
        list.noise(&self.noise);
    }
}
