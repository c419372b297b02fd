//! Operators that are layers of their own.

use super::{ElementType, each};
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::layers::{Dense, Layer, PixelShuffle, PixelUnshuffle};
use crate::onnx::node::{Node, Outputs, forward};
use crate::onnx::value::Value;

/// A product of matrices, of which input 2 may be the bias that an addition after it had.
pub fn matmul(node: &Node<'_>) -> Outputs {
    if let Some(y) = dense(node, &[0, 1])? {
        return node.one(y);
    }
    let (a, b) = (node.var(0)?, node.var(1)?);
    let y = product(node, &a, &b)?;
    let y = match node.get(2) {
        Some(bias) => sum(&y, &bias.var()?)?,
        None => y,
    };
    node.one(node.activation()?.apply(&y))
}

fn sum(y: &Var, addend: &Var) -> Result<Var> {
    let (shape, other) = (y.value.shape(), addend.value.shape());
    if crate::ops::broadcasts(shape, other) {
        return Ok(y + addend);
    }
    Err(Error::shape(format!("expected an addend that broadcasts to {shape:?}, got {other:?}")))
}

pub fn product(node: &Node<'_>, a: &Var, b: &Var) -> Result<Var> {
    let (a_shape, b_shape) = (a.value.shape(), b.value.shape());
    // The product has at most the axes of both.
    let rows: usize = a_shape.iter().rev().skip(1).product();
    let others: usize = b_shape.iter().rev().skip(2).product();
    node.bounded(&[rows.max(1), others.max(1), b_shape.last().copied().unwrap_or(1)])?;
    a.matmul(b)
}

/// The product with a parameter as one operation, if it can be.
fn dense(node: &Node<'_>, order: &[usize]) -> Result<Option<Var>> {
    let x = node.value(0)?;
    let Some(kernel) = node.value(1)?.as_parameter(order) else { return Ok(None) };
    let bias = node.get(2).map(|bias| bias.as_parameter(&[0]));
    let shape = kernel.known_shape();
    let ([_, Some(units)], true) = (&shape[..], x.rank() >= 2) else { return Ok(None) };
    node.bounded(&[x.len() / x.shape().last().copied().unwrap_or(1).max(1), *units])?;
    let mut layer = Dense::new(*units).use_bias(bias.is_some());
    layer.kernel = kernel.clone();
    match bias {
        Some(Some(bias)) if bias.known_shape() == [Some(*units)] => layer.bias = bias.clone(),
        Some(_) => return Ok(None),
        None => {}
    }
    layer.activation = node.activation()?;
    layer.forward(&x.var()?).map(Some)
}

pub fn gemm(node: &Node<'_>) -> Outputs {
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let order: &[usize] = if node.flag("transB", false) { &[1, 0] } else { &[0, 1] };
    if alpha == 1.0
        && beta == 1.0
        && !node.flag("transA", false)
        && let Some(y) = dense(node, order)?
    {
        return node.one(y);
    }
    let operand = |i: usize, name: &str| match node.flag(name, false) {
        true => node.value(i)?.permuted(&[1, 0])?.var(),
        false => node.var(i),
    };
    let mut y = product(node, &operand(0, "transA")?, &operand(1, "transB")?)?;
    if alpha != 1.0 {
        y = y * alpha;
    }
    if let Some(c) = node.get(2) {
        let c = if beta == 1.0 { c.var()? } else { c.var()? * beta };
        y = sum(&y, &c)?;
    }
    node.one(node.activation()?.apply(&y))
}

/// `Softmax` and `LogSoftmax`. Before version 13 they were over all axes from one on.
pub fn softmax(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let shape = x.value.shape().to_vec();
    let over = |x: &Var, axis: isize| if node.op() == "Softmax" { x.softmax(axis) } else { x.log_softmax(axis) };
    if node.opset >= 13 || shape.len() < 2 {
        return node.one(over(&x, node.axis(-1, shape.len())? as isize)?);
    }
    let axis = node.axis(1, shape.len())?;
    if axis + 1 == shape.len() {
        return node.one(over(&x, -1)?);
    }
    let flat = [shape[..axis].iter().product(), shape[axis..].iter().product()];
    node.one(over(&x.reshape(&flat)?, -1)?.reshape(&shape)?)
}

/// Drops in training, whatever the node says of its mode, as a layer does.
pub fn dropout(node: &Node<'_>) -> Outputs {
    let rate = node.number("ratio", 1, 0.5)?;
    let y = each(node, node.kind(), |x| match node.dropout {
        Some(layer) => {
            let mut layer = layer.clone();
            layer.rate = rate;
            layer.forward(x)
        }
        None => Ok(x.clone()),
    })?;
    if !node.wants(1) {
        return Ok(y);
    }
    let kept = match rate > 0.0 {
        true => y[0].var()?.not_equal(&node.scalar(0.0))?,
        false => node.var(0)? * 0.0 + 1.0,
    };
    Ok(vec![y[0].clone(), Value::new(kept, ElementType::BOOL)])
}

const IMAGES: [usize; 4] = [0, 2, 3, 1];

pub fn shuffle(node: &Node<'_>) -> Outputs {
    let factor = node.count("blocksize", 1)?;
    let x = node.value(0)?.laid(&IMAGES)?;
    // Layers count places of a block within a channel; ONNX' default counts channels within a place.
    let swapped = |x: &Var, from: [usize; 2]| {
        let images = &x.value.shape()[..3];
        x.reshape(&[images, &from].concat())?.permute(&[0, 1, 2, 4, 3])?.reshape(x.value.shape())
    };
    let block = factor.saturating_mul(factor);
    let y = match (node.op(), &*node.string("mode", "DCR")) {
        ("SpaceToDepth", _) => {
            let y = PixelUnshuffle::new(factor).forward(&x)?;
            swapped(&y, [y.value.shape()[3] / block, block])?
        }
        (_, "DCR") => PixelShuffle::new(factor).forward(&swapped(&x, [block, x.value.shape()[3] / block])?)?,
        _ => PixelShuffle::new(factor).forward(&x)?,
    };
    Ok(vec![Value::ordered(y, IMAGES.into(), node.kind())])
}

/// Runs a layer that wants channels last, and gives its output as the graph has it.
pub fn channels_last(node: &Node<'_>, layer: &impl Layer, weights: &[&crate::onnx::node::Weight]) -> Outputs {
    let order = last(node.value(0)?.rank());
    let y = forward(layer, &node.value(0)?.laid(&order)?, weights)?;
    Ok(vec![Value::ordered(y, order, node.kind())])
}

/// The order of axes in which the channels, axis 1, come last.
pub fn last(rank: usize) -> Vec<usize> {
    [0].into_iter().chain(2..rank).chain([1]).take(rank).collect()
}
