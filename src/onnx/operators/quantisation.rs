//! Numbers of few bits with a scale: read as what they stand for.

use super::ElementType;
use super::elementwise::number_of;
use super::layers::product;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::onnx::node::{Node, Outputs, unsupported};
use crate::onnx::value::Value;
use crate::tensor::{Float, data, tensor};

/// Scales or zero points, repeated so that they broadcast to the values: one for all, one for each place of an axis, or one for
/// each block along it.
fn spread(node: &Node<'_>, i: usize, shape: &[usize]) -> Result<Var> {
    let scale = node.var(i)?;
    let own = scale.value.shape().to_vec();
    if scale.value.len() == 1 {
        return scale.reshape(&[]);
    }
    let axis = node.axis(1, shape.len())?;
    let block = node.int("block_size", 0);
    if own.len() == 1 && block == 0 {
        let mut wide = vec![1; shape.len()];
        wide[axis] = own[0];
        if own[0] == shape[axis] {
            return scale.reshape(&wide);
        }
    }
    if own.len() == shape.len() && own[axis] > 0 {
        let size = shape[axis].div_ceil(own[axis]);
        node.bounded(&[scale.value.len(), size])?;
        let wide = scale.repeat(size, axis as isize)?.slice(axis as isize, ..shape[axis])?;
        if wide.value.shape() == shape {
            return Ok(wide);
        }
    }
    Err(Error::shape(format!("expected scales for the shape {shape:?}, got {own:?}")))
}

pub fn dequantize(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let scale = spread(node, 1, x.value.shape())?;
    let x = match node.get(2) {
        Some(_) => &x - spread(node, 2, x.value.shape())?,
        None => x,
    };
    node.typed(x * scale, node.value(1)?.kind)
}

/// The nearest number of a type, its limits beyond them.
fn saturated(kind: ElementType, x: Float) -> Result<Float> {
    match kind.integer() {
        Some((bits, signed)) if bits <= 32 => {
            let count = (bits as Float).exp2();
            let (low, high) = if signed { (-count / 2.0, count / 2.0 - 1.0) } else { (0.0, count - 1.0) };
            Ok(x.clamp(low, high))
        }
        Some(_) => Ok(x),
        None => number_of(kind, x, true),
    }
}

pub fn quantize(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let shape = x.value.shape().to_vec();
    let kind = match (node.get(2), node.int("output_dtype", 0)) {
        (Some(zero), _) => zero.kind,
        (None, 0) => ElementType(2),
        (None, number) => ElementType::checked(i32::try_from(number).unwrap_or(0))?,
    };
    if node.int("precision", 0) > 1 {
        return Err(unsupported("quotients of another precision"));
    }
    let scaled = &x / spread(node, 1, &shape)?;
    let zero = node.get(2).map(|_| spread(node, 2, &shape)).transpose()?;
    let rounded = if kind.integer().is_some() { scaled.round() } else { scaled };
    let moved = match zero {
        Some(zero) => rounded + zero,
        None => rounded,
    };
    moved.mark_inspected();
    let numbers: Result<Vec<Float>> = data(&moved.value).iter().map(|x| saturated(kind, *x)).collect();
    node.typed(node.tape.constant(tensor(&shape, numbers?)), kind)
}

/// With a scale and a zero point that follow from the numbers.
pub fn dynamic(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let numbers = node.value(0)?.numbers()?;
    let (low, high) = numbers.iter().fold((0.0, 0.0), |(low, high): (Float, Float), x| (low.min(*x), high.max(*x)));
    let scale = (high - low) / 255.0;
    let round = |x: Float| x.round_ties_even();
    let zero = if scale > 0.0 { round(-low / scale).clamp(0.0, 255.0) } else { 0.0 };
    let place = |x: &Float| if scale > 0.0 { (round(x / scale) + zero).clamp(0.0, 255.0) } else { zero };
    let y = node.tape.constant(tensor(x.value.shape(), numbers.iter().map(place).collect()));
    let outputs = [(y, ElementType(2)), (node.scalar(scale), ElementType::FLOAT), (node.scalar(zero), ElementType(2))];
    Ok(outputs.map(|(var, kind)| Value::new(var, kind)).into())
}

/// `MatMulInteger` and `QLinearMatMul`.
pub fn matmul(node: &Node<'_>) -> Outputs {
    let is_linear = node.op() == "QLinearMatMul";
    let (b, zeros) = if is_linear { (3, [2, 5]) } else { (1, [2, 3]) };
    let less = |i: usize, zero: usize, axis: usize| {
        let x = node.var(i)?;
        let Some(zero) = node.get(zero) else { return Ok(x) };
        let mut zero = zero.var()?;
        if zero.value.len() == 1 {
            return Ok(&x - zero.reshape(&[])?);
        }
        if zero.value.ndim() == 1 && x.value.ndim() >= 2 && axis == 0 {
            zero = zero.insert_axis(-1)?;
        }
        match crate::ops::broadcasts(x.value.shape(), zero.value.shape()) {
            true => Ok(&x - zero),
            false => Err(Error::shape("expected zero points that broadcast")),
        }
    };
    let product = product(node, &less(0, zeros[0], 0)?, &less(b, zeros[1], 1)?)?;
    if !is_linear {
        return node.typed(product, ElementType(6));
    }
    let zero = node.value(7)?;
    if zero.kind != ElementType(2) {
        return Err(unsupported("a product that is rounded to other numbers than 8 bits without a sign"));
    }
    let scales = node.value(1)?.number()? * node.value(4)?.number()? / node.value(6)?.number()?;
    let y = (product * scales).round() + zero.number()?;
    let numbers: Result<Vec<Float>> = data(&y.value).iter().map(|x| saturated(zero.kind, *x)).collect();
    y.mark_inspected();
    node.typed(node.tape.constant(tensor(y.value.shape(), numbers?)), zero.kind)
}
