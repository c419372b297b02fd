//! Operators that make and rearrange tensors.

use super::ElementType;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::formats::onnx::tensors::{decode, lengths};
use crate::onnx::node::{Node, Outputs, resolved, unsupported};
use crate::onnx::value::Value;
use crate::ops::PadMode;
use crate::tensor::{Float, tensor};
use ndarray::Array1;

pub fn identity(node: &Node<'_>) -> Outputs {
    Ok(vec![node.value(0)?.clone()])
}

pub fn constant(node: &Node<'_>) -> Outputs {
    let attribute = node.proto.attribute.first().ok_or_else(|| unsupported("undefined constant"))?;
    match &*attribute.name {
        "value" => {
            let proto =
                attribute.t.as_ref().ok_or_else(|| Error::value("expected a tensor in a constant, got none"))?;
            let (value, kind) = decode(proto)?;
            node.typed(node.tape.constant(value), kind)
        }
        "value_int" => node.typed(node.scalar(attribute.i as Float), ElementType::INT64),
        "value_ints" => Ok(vec![Value::list(node.tape, &attribute.ints)]),
        "value_float" => node.typed(node.scalar(attribute.f as Float), ElementType::FLOAT),
        "value_floats" => {
            let numbers = attribute.floats.iter().map(|x| *x as Float).collect();
            node.typed(node.tape.constant(tensor(&[attribute.floats.len()], numbers)), ElementType::FLOAT)
        }
        "value_string" | "value_strings" => Err(unsupported("string tensors")),
        _ => Err(unsupported("sparse tensors")),
    }
}

/// The shape that an input holds.
fn shape_of(node: &Node<'_>, i: usize) -> Result<Vec<usize>> {
    let shape = lengths(&node.value(i)?.ints()?)?;
    node.bounded(&shape)?;
    Ok(shape)
}

pub fn constant_of_shape(node: &Node<'_>) -> Outputs {
    let fill = node.attribute("value").and_then(|found| found.t.as_ref()).map(decode).transpose()?;
    let shape = shape_of(node, 0)?;
    let (number, kind) = match &fill {
        Some((value, kind)) => (value.first().copied().unwrap_or(0.0), *kind),
        None => (0.0, ElementType::FLOAT),
    };
    node.typed(node.tape.constant(tensor(&shape, vec![number; shape.iter().product()])), kind)
}

pub fn eye_like(node: &Node<'_>) -> Outputs {
    let shape = node.value(0)?.shape();
    let [rows, columns] = shape[..] else { return Err(unsupported("identity of other ranks")) };
    let k = node.int("k", 0);
    let one = |(i, j): (usize, usize)| Float::from(u8::from((j as i64).saturating_sub(i as i64) == k));
    let y = node.tape.constant(ndarray::Array2::from_shape_fn((rows, columns), one));
    let kind = i32::try_from(node.int("dtype", i64::from(node.kind().0))).unwrap_or(0);
    node.typed(y, ElementType::checked(kind)?)
}

pub fn range(node: &Node<'_>) -> Outputs {
    let [start, limit, delta] = [0, 1, 2].map(|i| node.value(i).and_then(Value::number));
    let (start, limit, delta) = (start?, limit?, delta?);
    let count = ((limit - start) / delta).ceil().max(0.0) as usize;
    node.bounded(&[count])?;
    node.one(node.tape.constant(Array1::from_shape_fn(count, |i| start + i as Float * delta)))
}

/// What computes with the length of the batch is another function of each batch.
pub fn shape(node: &Node<'_>) -> Outputs {
    let shape: Vec<i64> = node.value(0)?.shape().iter().map(|len| *len as i64).collect();
    let rank = shape.len() as i64;
    let bound = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (bound(node.int("start", 0)), bound(node.int("end", rank)));
    if start == 0 {
        node.var(0)?.mark_seen();
    }
    Ok(vec![Value::list(node.tape, shape.get(start..end).unwrap_or_default())])
}

pub fn size(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    x.mark_seen();
    node.typed(node.scalar(x.value.len() as Float), ElementType::INT64)
}

pub fn reshape(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let (own, copies) = (x.shape(), !node.flag("allowzero", false));
    let wanted = node.ints("shape", 1)?.ok_or_else(|| Error::value("expected a shape, got none"))?;
    let mut shape = wanted.clone();
    for (i, len) in shape.iter_mut().enumerate().filter(|(_, len)| **len == 0 && copies) {
        *len = own.get(i).map_or(0, |len| *len as i64);
    }
    let count: usize = own.iter().product();
    let known =
        shape.iter().filter(|len| **len >= 0).try_fold(1_i64, |known, len| known.checked_mul(*len)).unwrap_or(0);
    for len in shape.iter_mut().filter(|len| **len < 0) {
        *len = count as i64 / known.max(1);
    }
    let shape = lengths(&shape).map_err(|_| Error::shape(format!("cannot reshape {own:?} to {wanted:?}")))?;
    node.one(x.var()?.reshape(&shape)?)
}

pub fn flatten(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let shape = x.shape();
    let axis = match node.int("axis", 1) {
        axis if axis == shape.len() as i64 => shape.len(),
        axis => resolved(axis, shape.len())?,
    };
    let flat = [shape[..axis].iter().product(), shape[axis..].iter().product()];
    // What is one number in a channel lies in the same order either way.
    let channels = shape.len() > 2 && axis == 1 && shape[2..].iter().all(|len| *len == 1);
    let var = if channels { x.laid(&x.order())? } else { x.var()? };
    node.one(var.reshape(&flat)?)
}

pub fn transpose(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let order = match node.ints("perm", usize::MAX)? {
        Some(axes) => lengths(&axes)?,
        None => (0..x.rank()).rev().collect(),
    };
    Ok(vec![x.permuted(&order)?])
}

pub fn squeeze(node: &Node<'_>) -> Outputs {
    let mut x = node.var(0)?;
    let rank = x.value.ndim();
    let ones = || (0..rank).filter(|axis| x.value.shape()[*axis] == 1).collect();
    let mut axes = node.axes(1, rank)?.unwrap_or_else(ones);
    axes.sort_unstable();
    for axis in axes.into_iter().rev() {
        x = x.remove_axis(axis as isize)?;
    }
    node.one(x)
}

pub fn unsqueeze(node: &Node<'_>) -> Outputs {
    let mut x = node.var(0)?;
    let axes = node.ints("axes", 1)?.unwrap_or_default();
    let rank = x.value.ndim() + axes.len();
    if rank > 16 {
        return Err(Error::shape(format!("expected at most 16 axes, got {rank}")));
    }
    let mut axes: Vec<usize> = axes.into_iter().map(|axis| resolved(axis, rank)).collect::<Result<_>>()?;
    axes.sort_unstable();
    for axis in axes {
        x = x.insert_axis(axis as isize)?;
    }
    node.one(x)
}

pub fn concat(node: &Node<'_>) -> Outputs {
    let first = node.value(0)?;
    let (order, axis) = (first.order(), node.axis(0, first.rank())?);
    let place = order.iter().position(|own| *own == axis).unwrap_or(axis);
    node.bounded(&[node.inputs.iter().flatten().map(Value::len).sum()])?;
    let vars: Vec<Var> = node.inputs.iter().flatten().map(|value| value.laid(&order)).collect::<Result<_>>()?;
    let y = Var::concat(&vars.iter().collect::<Vec<_>>(), place as isize)?;
    Ok(vec![Value::ordered(y, order, first.kind)])
}

pub fn split(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let (order, axis) = (x.order(), node.axis(0, x.rank())?);
    let len = x.shape()[axis];
    let parts = match node.ints("split", 1)? {
        Some(parts) => lengths(&parts)?,
        None => {
            let count = node.proto.output.len().max(1);
            let part = len.div_ceil(count);
            (0..count).map(|i| part.min(len.saturating_sub(i * part))).collect()
        }
    };
    let place = order.iter().position(|own| *own == axis).unwrap_or(axis);
    let parts = x.laid(&order)?.split(&parts, place as isize)?;
    Ok(parts.into_iter().map(|var| Value::ordered(var, order.clone(), x.kind)).collect())
}

pub fn slice(node: &Node<'_>) -> Outputs {
    let missing = || Error::value("expected starts and ends, got none");
    let x = node.value(0)?;
    let order = x.order();
    let mut y = x.laid(&order)?;
    let starts = node.ints("starts", 1)?.ok_or_else(missing)?;
    let ends = node.ints("ends", 2)?.ok_or_else(missing)?;
    let axes = node.axes(3, x.rank())?.unwrap_or_else(|| (0..starts.len()).collect());
    let steps = node.get(4).map_or_else(|| Ok(vec![1; starts.len()]), Value::ints)?;
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(axes).zip(steps) {
        let axis = order.iter().position(|own| *own == axis).ok_or_else(missing)?;
        let len = y.value.shape()[axis] as i64;
        if step == 0 {
            return Err(Error::value("expected a step other than 0"));
        }
        // The first place that is out of range at either end.
        let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let bound = |at: i64| (if at < 0 { at.saturating_add(len) } else { at }).clamp(low, high.max(low));
        let (start, end) = (bound(*start), bound(*end));
        y = match step {
            1 => y.slice(axis as isize, start as usize..end.max(start) as usize)?,
            _ => {
                let count = ((end - start) as f64 / step as f64).ceil().max(0.0) as i64;
                y.pick(axis, (0..count).map(|i| (start + i * step) as usize).collect(), 0.0)
            }
        };
    }
    Ok(vec![Value::ordered(y, order, x.kind)])
}

/// Broadcasts both ways.
pub fn expand(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let (own, wanted) = (x.shape(), shape_of(node, 1)?);
    let rank = own.len().max(wanted.len());
    let mut shape = vec![1; rank];
    shape[rank - own.len()..].copy_from_slice(&own);
    for (own, want) in shape[rank - wanted.len()..].iter_mut().zip(&wanted) {
        if *own != *want && *own != 1 && *want != 1 {
            return Err(Error::shape(format!("expected a shape that {:?} broadcasts to, got {wanted:?}", x.shape())));
        }
        *own = if *own == 1 { *want } else { *own };
    }
    node.bounded(&shape)?;
    node.one(x.var()?.broadcast_to(&shape)?)
}

pub fn tile(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let repeats = lengths(&node.value(1)?.ints()?)?;
    let shape: Vec<usize> =
        x.value.shape().iter().zip(&repeats).map(|(len, times)| len.saturating_mul(*times)).collect();
    node.bounded(&shape)?;
    node.one(x.tile(&repeats)?)
}

pub fn pad(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let fill = node.number("value", 2, 0.0)?;
    let mode = match &*node.string("mode", "constant") {
        "constant" => PadMode::Constant(fill),
        "edge" => PadMode::Edge,
        "reflect" => PadMode::Reflect,
        "wrap" => PadMode::Wrap,
        other => return Err(unsupported(format_args!("padding mode {other}"))),
    };
    let pads = node.ints("pads", 1)?.ok_or_else(|| Error::value("expected paddings, got none"))?;
    let axes = node.axes(3, x.rank())?.unwrap_or_else(|| (0..x.rank()).collect());
    if pads.len() != 2 * axes.len() || pads.iter().any(|pad| pad.unsigned_abs() > 1 << 28) {
        return Err(Error::value(format!("expected two paddings for each of {} axes, got {pads:?}", axes.len())));
    }
    let order = x.order();
    let mut padding = vec![[0; 2]; x.rank()];
    let mut y = x.laid(&order)?;
    for (i, axis) in axes.iter().enumerate() {
        let place = order.iter().position(|own| own == axis).unwrap_or(*axis);
        let [before, after] = [pads[i], pads[i + axes.len()]];
        padding[place] = [before.max(0) as usize, after.max(0) as usize];
        if before < 0 || after < 0 {
            let end = y.value.shape()[place].saturating_sub((-after).max(0) as usize);
            y = y.slice(place as isize, (-before).max(0) as usize..end)?;
        }
    }
    let shape: Vec<usize> = y.value.shape().iter().zip(&padding).map(|(len, [a, b])| len + a + b).collect();
    node.bounded(&shape)?;
    Ok(vec![Value::ordered(y.pad(&padding, mode)?, order, x.kind)])
}

pub fn center_crop_pad(node: &Node<'_>) -> Outputs {
    let mut x = node.var(0)?;
    let axes = node.axes(usize::MAX, x.value.ndim())?.unwrap_or_else(|| (0..x.value.ndim()).collect());
    let wanted = lengths(&node.value(1)?.ints()?)?;
    for (axis, want) in axes.into_iter().zip(wanted) {
        let len = x.value.shape()[axis];
        if len > want {
            let start = (len - want) / 2;
            x = x.slice(axis as isize, start..start + want)?;
            continue;
        }
        let mut padding = vec![[0; 2]; x.value.ndim()];
        padding[axis] = [(want - len) / 2, want - len - (want - len) / 2];
        let mut shape = x.value.shape().to_vec();
        shape[axis] = want;
        node.bounded(&shape)?;
        x = x.pad(&padding, PadMode::Constant(0.0))?;
    }
    node.one(x)
}

pub fn triangle(node: &Node<'_>) -> Outputs {
    let k = node.get(1).map_or(Ok(0), Value::int)?.clamp(-(1 << 40), 1 << 40) as isize;
    let x = node.var(0)?;
    node.one(if node.flag("upper", true) { x.triu(k)? } else { x.tril(k)? })
}
