//! Attention, with `[batch, heads, time, size]` or `[batch, time, heads · size]` as `[batch, time, heads, size]`.

use super::ElementType;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::layers::{AttentionOptions, RotaryEmbedding, scaled_dot_product_attention};
use crate::onnx::node::{Node, Outputs, unsupported};
use crate::onnx::value::Value;
use crate::ops::PadMode;
use crate::tensor::Float;

/// `[batch, time, heads, size]`
fn heads(node: &Node<'_>, i: usize, count: &str) -> Result<Var> {
    let x = node.value(i)?;
    match x.shape()[..] {
        [batch, time, features] => {
            let count = node.count(count, 1)?;
            x.var()?.reshape(&[batch, time, count, features / count])
        }
        _ => x.laid(&[0, 2, 1, 3]),
    }
}

/// Heads as the input had them: beside the features, or in an axis of their own.
fn joined(node: &Node<'_>, y: Var) -> Result<Value> {
    match node.value(0)?.rank() {
        3 => {
            let [batch, time, heads, size] = *y.value.shape() else { return Err(Error::shape("expected heads")) };
            Ok(Value::new(y.reshape(&[batch, time, heads * size])?, node.kind()))
        }
        _ => Ok(Value::ordered(y, vec![0, 2, 1, 3], node.kind())),
    }
}

pub fn rotary(node: &Node<'_>) -> Outputs {
    let x = heads(node, 0, "num_heads")?;
    let table = |i: usize| match node.get(3) {
        Some(positions) => node.var(i)?.take(&positions.var()?, 0),
        None => node.var(i),
    };
    let size = match node.int("rotary_embedding_dim", 0) {
        0 => x.value.shape().last().copied().unwrap_or(0),
        _ => node.count("rotary_embedding_dim", 1)?,
    };
    let layer = RotaryEmbedding::new().size(size).interleaved(node.flag("interleaved", false));
    Ok(vec![joined(node, layer.forward_with(&x, &table(1)?, &table(2)?)?)?])
}

/// What is added to the scores, or left out of them: keys that the mask is too short for are not seen.
fn with_mask(node: &Node<'_>, options: AttentionOptions, keys: usize) -> Result<AttentionOptions> {
    let Some(mask) = node.get(3) else { return Ok(options) };
    let (var, rank) = (mask.var()?, mask.rank());
    let own = var.value.shape().last().copied().unwrap_or(0);
    node.bounded(&[var.value.len(), keys])?;
    let mut padding = vec![[0; 2]; rank];
    if let Some(last) = padding.last_mut() {
        *last = [0, keys.saturating_sub(own)];
    }
    let seen = mask.kind == ElementType::BOOL;
    let fill = if seen { 0.0 } else { Float::NEG_INFINITY };
    let mask = var.pad(&padding, PadMode::Constant(fill))?;
    Ok(if seen { options.mask(&mask) } else { options.bias(&mask).cap_bias(true) })
}

pub fn attention(node: &Node<'_>) -> Outputs {
    let query = heads(node, 0, "q_num_heads")?;
    let [mut key, mut value] = [heads(node, 1, "kv_num_heads")?, heads(node, 2, "kv_num_heads")?];
    let mut before = 0;
    if let (Some(past_key), Some(past_value)) = (node.get(4), node.get(5)) {
        before = past_key.shape().get(2).copied().unwrap_or(0);
        key = Var::concat(&[&past_key.laid(&[0, 2, 1, 3])?, &key], 1)?;
        value = Var::concat(&[&past_value.laid(&[0, 2, 1, 3])?, &value], 1)?;
    }
    let scale = node.attribute("scale").map(|scale| scale.f as Float);
    let cap = node.float("softcap", 0.0);
    let mut options = AttentionOptions::new();
    if let Some(scale) = scale {
        options = options.scale(scale);
    }
    if cap > 0.0 {
        options = options.soft_cap(cap);
    }
    if node.flag("is_causal", false) {
        options = options.causal_from(before);
    }
    let keys = key.value.shape()[1];
    options = with_mask(node, options, keys)?;
    if let Some(counts) = node.get(6) {
        let counts = counts.var()?.reshape(&[counts.shape().iter().product(), 1, 1, 1])?;
        let places = node.tape.constant(ndarray::Array1::from_iter((0..keys).map(|key| key as Float)));
        options = options.mask(&places.less(&counts)?);
    }
    let y = scaled_dot_product_attention(&query, &key, &value, &options)?;
    let headed = |var: &Var| Value::ordered(var.clone(), vec![0, 2, 1, 3], node.kind());
    let mut outputs = vec![joined(node, y)?, headed(&key), headed(&value)];
    if node.wants(3) {
        let (query, key) = (headed(&query).var()?, headed(&key).var()?);
        outputs.push(Value::new(scores(node, &query, &key, scale, cap)?, node.kind()));
    }
    Ok(outputs)
}

/// The scores, which the operation never holds: from the operations that they consist of.
fn scores(node: &Node<'_>, query: &Var, key: &Var, scale: Option<Float>, cap: Float) -> Result<Var> {
    let mode = node.int("qk_matmul_output_mode", 0);
    let scale = scale.unwrap_or(1.0 / (query.value.shape()[3] as Float).sqrt());
    node.bounded(&[query.value.shape()[..3].to_vec(), vec![key.value.shape()[2]]].concat())?;
    let key = key.repeat(query.value.shape()[1] / key.value.shape()[1].max(1), 1)?;
    let mut scores = query.matmul(&key.transpose()?)? * scale;
    if mode == 0 {
        return Ok(scores);
    }
    if let Some(mask) = node.get(3) {
        if mask.kind == ElementType::BOOL {
            return Err(unsupported("scores under a mask of booleans"));
        }
        let mask = Value::new(mask.var()?, ElementType::FLOAT);
        let (both, _) = node.aligned(&[&Value::new(scores, ElementType::FLOAT), &mask])?;
        scores = &both[0] + &both[1];
    }
    if node.flag("is_causal", false) {
        let [.., queries, keys] = *scores.value.shape() else { return Err(Error::shape("expected scores")) };
        let seen =
            node.tape.constant(ndarray::Array2::<Float>::ones((queries, keys))).tril((keys - queries) as isize)?;
        scores = seen.select(&scores, &node.scalar(Float::NEG_INFINITY))?;
    }
    if mode == 1 {
        return Ok(scores);
    }
    if cap > 0.0 {
        scores = (scores / cap).tanh() * cap;
    }
    Ok(if mode == 3 { scores.softmax(-1)? } else { scores })
}
