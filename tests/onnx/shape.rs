//! Operators that make and rearrange tensors.

use gradus::prelude::*;
use ndarray::{Array1, Array2, ArrayD};

use super::node::{Failure, Node, Outputs, resolved};
use super::value::{Kind, Value};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "Constant" => constant(node),
        "ConstantOfShape" => {
            let fill = node.attribute("value").and_then(|found| found.t.as_ref());
            let fill = fill.map(|proto| Value::of(node.tape, proto)).transpose()?;
            let shape = lengths(&node.value(0)?.ints());
            let number = fill.as_ref().map_or(0.0, |fill| fill.var.item());
            let y = node.tape.constant(ArrayD::from_elem(shape, number));
            node.typed(y, fill.map_or(Kind::FLOAT, |fill| fill.kind))
        }
        "EyeLike" => {
            let [rows, columns] = *node.var(0)?.shape() else { return Err(Failure::skip("identity of other ranks")) };
            let k = node.int("k", 0);
            let one = |(i, j): (usize, usize)| Float::from(u8::from(j as i64 - i as i64 == k));
            let y = node.tape.constant(Array2::from_shape_fn((rows, columns), one));
            node.typed(y, Kind::checked(node.int("dtype", i64::from(node.kind().0)) as i32)?)
        }
        "Range" => {
            let [start, limit, delta] = [0, 1, 2].map(|i| node.var(i).map(Var::item));
            let (start, limit, delta) = (start?, limit?, delta?);
            let count = ((limit - start) / delta).ceil().max(0.0) as usize;
            node.one(node.tape.constant(Array1::from_shape_fn(count, |i| start + i as Float * delta)))
        }
        "Shape" => {
            let shape: Vec<i64> = node.var(0)?.shape().iter().map(|len| *len as i64).collect();
            let rank = shape.len() as i64;
            let bound = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
            let (start, end) = (bound(node.int("start", 0)), bound(node.int("end", rank)));
            Ok(vec![Value::list(node.tape, shape.get(start..end).unwrap_or_default())])
        }
        "Size" => node.typed(node.scalar(node.var(0)?.value().len() as Float), Kind::INT64),
        "Reshape" => {
            let x = node.var(0)?;
            let copies = !node.flag("allowzero", false);
            let mut shape = node.value(1)?.ints();
            for (i, len) in shape.iter_mut().enumerate().filter(|(_, len)| **len == 0 && copies) {
                *len = x.shape()[i] as i64;
            }
            let known: i64 = shape.iter().filter(|len| **len >= 0).product();
            for len in shape.iter_mut().filter(|len| **len < 0) {
                *len = x.value().len() as i64 / known.max(1);
            }
            node.one(x.reshape(&lengths(&shape))?)
        }
        "Flatten" => {
            let shape = node.var(0)?.shape();
            let axis = resolved(node.axis(1), shape.len());
            let (rows, columns) = (shape[..axis].iter().product(), shape[axis..].iter().product());
            node.one(node.var(0)?.reshape(&[rows, columns])?)
        }
        "Transpose" => {
            let rank = node.var(0)?.shape().len();
            let order = node.ints("perm", usize::MAX).map_or_else(|| (0..rank).rev().collect(), |axes| lengths(&axes));
            node.one(node.var(0)?.permute(&order)?)
        }
        "Squeeze" => {
            let shape = node.var(0)?.shape();
            let ones = || (0..shape.len() as isize).filter(|axis| shape[*axis as usize] == 1).collect();
            let mut axes: Vec<usize> =
                node.axes(1).unwrap_or_else(ones).into_iter().map(|axis| resolved(axis, shape.len())).collect();
            axes.sort_unstable();
            let squeezed = axes.iter().rev().try_fold(node.var(0)?.clone(), |x, axis| x.remove_axis(*axis as isize));
            node.one(squeezed?)
        }
        "Unsqueeze" => {
            let axes = node.axes(1).unwrap_or_default();
            let rank = node.var(0)?.shape().len() + axes.len();
            let mut axes: Vec<usize> = axes.into_iter().map(|axis| resolved(axis, rank)).collect();
            axes.sort_unstable();
            node.one(axes.iter().try_fold(node.var(0)?.clone(), |x, axis| x.insert_axis(*axis as isize))?)
        }
        "Concat" => {
            let vars: Vec<&Var> = node.inputs.iter().flatten().map(|value| &value.var).collect();
            node.one(Var::concat(&vars, node.axis(0))?)
        }
        "Split" => split(node),
        "Slice" => slice(node),
        "Expand" => {
            let (x, shape) = (node.var(0)?, lengths(&node.value(1)?.ints()));
            // ONNX broadcasts both ways.
            let ones = node.tape.constant(ArrayD::<Float>::ones(shape));
            let shape = (x * &ones).shape().to_vec();
            node.one(x.broadcast_to(&shape)?)
        }
        "Tile" => node.one(node.var(0)?.tile(&lengths(&node.value(1)?.ints()))?),
        "Pad" => pad(node),
        "CenterCropPad" => {
            let x = node.var(0)?;
            let axes = node.axes(usize::MAX).unwrap_or_else(|| (0..x.shape().len() as isize).collect());
            let wanted = lengths(&node.value(1)?.ints());
            let y = axes.iter().zip(wanted).try_fold(x.clone(), |x, (axis, want)| {
                let axis = resolved(*axis, x.shape().len());
                let len = x.shape()[axis];
                if len > want {
                    let start = (len - want) / 2;
                    return x.slice(axis as isize, start..start + want);
                }
                let mut padding = vec![[0; 2]; x.shape().len()];
                padding[axis] = [(want - len) / 2, want - len - (want - len) / 2];
                x.pad(&padding, PadMode::Constant(0.0))
            });
            node.one(y?)
        }
        "Trilu" => {
            let k = node.get(1).map_or(0, |k| k.ints()[0]) as isize;
            let x = node.var(0)?;
            node.one(if node.flag("upper", true) { x.triu(k)? } else { x.tril(k)? })
        }
        _ => Err(Failure::Unknown),
    }
}

pub(crate) fn lengths(numbers: &[i64]) -> Vec<usize> {
    numbers.iter().map(|len| *len as usize).collect()
}

fn constant(node: &Node<'_>) -> Outputs {
    let Some(attribute) = node.proto.attribute.first() else { return Err(Failure::skip("undefined constant")) };
    match &*attribute.name {
        "value" => {
            let proto = attribute.t.as_ref().ok_or_else(|| Failure::Wrong("a constant without its tensor".into()))?;
            Ok(vec![Value::of(node.tape, proto)?])
        }
        "value_int" => node.typed(node.scalar(attribute.i as Float), Kind::INT64),
        "value_ints" => Ok(vec![Value::list(node.tape, &attribute.ints)]),
        "value_float" => node.typed(node.scalar(attribute.f as Float), Kind::FLOAT),
        "value_floats" => node.typed(node.tape.constant(Array1::from(attribute.floats.clone())), Kind::FLOAT),
        "value_string" | "value_strings" => Err(Failure::skip("string tensors")),
        _ => Err(Failure::skip("sparse tensors")),
    }
}

fn split(node: &Node<'_>) -> Outputs {
    let (x, axis) = (node.var(0)?, node.axis(0));
    let len = x.shape()[resolved(axis, x.shape().len())];
    let parts = match node.ints("split", 1) {
        Some(parts) => lengths(&parts),
        None => {
            let count = node.proto.output.len();
            let part = len.div_ceil(count);
            (0..count).map(|i| part.min(len.saturating_sub(i * part))).collect()
        }
    };
    Ok(x.split(&parts, axis)?.into_iter().map(|var| Value { var, kind: node.kind() }).collect())
}

fn slice(node: &Node<'_>) -> Outputs {
    let mut y = node.var(0)?.clone();
    let (starts, ends) = (node.value(1)?.ints(), node.value(2)?.ints());
    let axes = node.axes(3).unwrap_or_else(|| (0..starts.len() as isize).collect());
    let steps = node.get(4).map_or_else(|| vec![1; starts.len()], Value::ints);
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(axes).zip(steps) {
        let len = y.shape()[resolved(axis, y.shape().len())] as i64;
        // The first place that is out of range at either end.
        let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let bound = |at: i64| (if at < 0 { at.saturating_add(len) } else { at }).clamp(low, high);
        let (start, end) = (bound(*start), bound(*end));
        y = match step {
            1 => y.slice(axis, start as usize..end.max(start) as usize)?,
            _ => {
                let count = ((end - start) as f64 / step as f64).ceil().max(0.0) as i64;
                let places: Vec<i64> = (0..count).map(|i| start + i * step).collect();
                y.take(&Value::list(node.tape, &places).var, axis)?
            }
        };
    }
    node.one(y)
}

fn pad(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let fill = node.get(2).map_or(0.0, |fill| fill.var.item());
    let mode = match &*node.string("mode", "constant") {
        "constant" => PadMode::Constant(fill),
        "edge" => PadMode::Edge,
        "reflect" => PadMode::Reflect,
        "wrap" => PadMode::Wrap,
        other => return Err(Failure::skip(format!("padding mode {other}"))),
    };
    let pads = node.value(1)?.ints();
    let axes = node.axes(3).unwrap_or_else(|| (0..x.shape().len() as isize).collect());
    let mut padding = vec![[0; 2]; x.shape().len()];
    let mut y = x.clone();
    for (i, axis) in axes.iter().enumerate() {
        let axis = resolved(*axis, x.shape().len());
        let [before, after] = [pads[i], pads[i + axes.len()]];
        padding[axis] = [before.max(0) as usize, after.max(0) as usize];
        let end = x.shape()[axis] - (-after).max(0) as usize;
        y = y.slice(axis as isize, (-before).max(0) as usize..end)?;
    }
    node.one(y.pad(&padding, mode)?)
}
