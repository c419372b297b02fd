//! Attention, with `[batch, heads, time, size]` or `[batch, time, heads · size]` as `[batch, time, heads, size]`.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::value::{Kind, Value};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "Attention" => attention(node),
        "RotaryEmbedding" => rotary(node),
        _ => Err(Failure::Unknown),
    }
}

/// `[batch, time, heads, size]`
fn heads(node: &Node<'_>, i: usize, count: &str) -> Result<Var, Failure> {
    let x = node.var(i)?;
    Ok(match *x.shape() {
        [batch, time, features] => {
            let count = node.int(count, 1) as usize;
            x.reshape(&[batch, time, count, features / count])?
        }
        _ => x.permute(&[0, 2, 1, 3])?,
    })
}

fn rotary(node: &Node<'_>) -> Outputs {
    let x = heads(node, 0, "num_heads")?;
    let table = |i: usize| match node.get(3) {
        Some(positions) => node.var(i)?.take(&positions.var, 0).map_err(Failure::from),
        None => node.var(i).cloned(),
    };
    let size = match node.int("rotary_embedding_dim", 0) {
        0 => x.shape()[3],
        size => size as usize,
    };
    let layer = RotaryEmbedding::new().size(size).interleaved(node.flag("interleaved", false));
    let y = layer.forward_with(&x, &table(1)?, &table(2)?)?;
    node.one(match node.var(0)?.shape().len() {
        3 => y.reshape(node.var(0)?.shape())?,
        _ => y.permute(&[0, 2, 1, 3])?,
    })
}

fn attention(node: &Node<'_>) -> Outputs {
    let query = heads(node, 0, "q_num_heads")?;
    let [mut key, mut value] = [heads(node, 1, "kv_num_heads")?, heads(node, 2, "kv_num_heads")?];
    let mut before = 0;
    if let (Some(past_key), Some(past_value)) = (node.get(4), node.get(5)) {
        before = past_key.var.shape()[2];
        key = Var::concat(&[&past_key.var.permute(&[0, 2, 1, 3])?, &key], 1)?;
        value = Var::concat(&[&past_value.var.permute(&[0, 2, 1, 3])?, &value], 1)?;
    }
    let scale = node.attribute("scale").map(|scale| scale.f as Float);
    let cap = node.float("softcap", 0.0);
    let mask = node.get(3);
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
    let keys = key.shape()[1];
    if let Some(mask) = mask {
        // Keys that the mask is too short for are not seen.
        let missing = keys - mask.var.shape()[mask.var.shape().len() - 1];
        let mut padding = vec![[0; 2]; mask.var.shape().len()];
        padding[mask.var.shape().len() - 1] = [0, missing];
        let seen = mask.kind == Kind::BOOL;
        let fill = if seen { 0.0 } else { Float::NEG_INFINITY };
        let mask = mask.var.pad(&padding, PadMode::Constant(fill))?;
        options = if seen { options.mask(&mask) } else { options.bias(&mask).cap_bias(true) };
    }
    if let Some(counts) = node.get(6) {
        let counts = counts.var.reshape(&[counts.var.shape()[0], 1, 1, 1])?;
        let places = node.tape.constant(ndarray::Array1::from_iter(0..keys));
        options = options.mask(&places.less(&counts)?);
    }
    let y = scaled_dot_product_attention(&query, &key, &value, &options)?;
    let y = match *node.var(0)?.shape() {
        [batch, time, _] => y.reshape(&[batch, time, y.shape()[2] * y.shape()[3]])?,
        _ => y.permute(&[0, 2, 1, 3])?,
    };
    let outputs = [y, key.permute(&[0, 2, 1, 3])?, value.permute(&[0, 2, 1, 3])?];
    let mut outputs: Vec<Value> = outputs.map(|var| Value { var, kind: node.kind() }).into();
    if node.wants(3) {
        let (query, key) = (query.permute(&[0, 2, 1, 3])?, outputs[1].var.clone());
        outputs.push(Value { var: scores(node, &query, &key, scale, cap)?, kind: node.kind() });
    }
    Ok(outputs)
}

/// The scores, which the operation never holds: from the operations that they consist of.
fn scores(node: &Node<'_>, query: &Var, key: &Var, scale: Option<Float>, cap: Float) -> Result<Var, Failure> {
    let mode = node.int("qk_matmul_output_mode", 0);
    let scale = scale.unwrap_or(1.0 / (query.shape()[3] as Float).sqrt());
    let key = key.repeat(query.shape()[1] / key.shape()[1], 1)?;
    let mut scores = query.matmul(&key.transpose()?)? * scale;
    if mode == 0 {
        return Ok(scores);
    }
    if let Some(mask) = node.get(3) {
        if mask.kind == Kind::BOOL {
            return Err(Failure::skip("scores under a mask of booleans"));
        }
        scores = scores + &mask.var;
    }
    if node.flag("is_causal", false) {
        let [.., queries, keys] = *scores.shape() else { return Err(Failure::Unknown) };
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
