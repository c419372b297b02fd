//! Operators along axes.

use super::ElementType;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::onnx::node::{Node, Outputs, resolved};
use crate::onnx::value::Value;

/// The largest place of each line, as ones.
pub fn hardmax(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let rank = x.value.ndim();
    let axis = node.axis(if node.opset < 13 { 1 } else { -1 }, rank)?;
    let places = x.argmax(axis as isize)?.one_hot(x.value.shape()[axis])?;
    // The new axis is the last one.
    node.one(places.permute(&inserted_last(axis, rank))?)
}

/// The order that brings the last of `rank` axes to this place.
pub fn inserted_last(axis: usize, rank: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank - 1).collect();
    order.insert(axis, rank - 1);
    order
}

pub fn einsum(node: &Node<'_>) -> Outputs {
    let (vars, equation) = (node.vars()?, node.string("equation", ""));
    let letters: Vec<char> = equation.split("->").next().unwrap_or_default().chars().collect();
    // A letter of each axis, at most, is in the result.
    if letters.len() > 64 || vars.len() > 8 {
        return Err(Error::value(format!("expected an equation of at most 8 values and 64 letters, got `{equation}`")));
    }
    let lengths: Vec<usize> = distinct(&equation, &vars);
    node.bounded(&lengths)?;
    node.one(Var::einsum(&equation, &vars.iter().collect::<Vec<_>>())?)
}

/// The length of each letter of an equation.
fn distinct(equation: &str, vars: &[Var]) -> Vec<usize> {
    let left = equation.split("->").next().unwrap_or_default().replace(' ', "");
    let mut known: Vec<char> = Vec::new();
    let mut lengths = Vec::new();
    for (term, var) in left.split(',').zip(vars) {
        for (letter, len) in term.chars().filter(char::is_ascii_alphabetic).zip(var.value.shape()) {
            if !known.contains(&letter) {
                known.push(letter);
                lengths.push(*len);
            }
        }
    }
    lengths
}

pub fn reduced(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let rank = x.rank();
    let axes = node.axes(1, rank)?.unwrap_or_default();
    let nothing = axes.is_empty() && node.flag("noop_with_empty_axes", false);
    let axes: Vec<usize> = if axes.is_empty() && !nothing { (0..rank).collect() } else { axes };
    let keep = node.flag("keepdims", true);
    type Along = fn(&Var, &[isize]) -> Result<Var>;
    let [dropping, keeping]: [Along; 2] = match node.op() {
        "ReduceSum" => [Var::sum_axes, Var::sum_axes_keep],
        "ReduceMean" => [Var::mean_axes, Var::mean_axes_keep],
        "ReduceMax" => [Var::max_axes, Var::max_axes_keep],
        "ReduceMin" => [Var::min_axes, Var::min_axes_keep],
        "ReduceProd" => [Var::prod_axes, Var::prod_axes_keep],
        "ReduceL1" => [|x, axes| x.abs().sum_axes(axes), |x, axes| x.abs().sum_axes_keep(axes)],
        "ReduceL2" => [Var::norm_axes, Var::norm_axes_keep],
        "ReduceLogSum" => [|x, axes| Ok(x.sum_axes(axes)?.ln()), |x, axes| Ok(x.sum_axes_keep(axes)?.ln())],
        "ReduceLogSumExp" => [Var::log_sum_exp_axes, Var::log_sum_exp_axes_keep],
        _ => [|x, axes| x.square().sum_axes(axes), |x, axes| x.square().sum_axes_keep(axes)],
    };
    // The axes of the numbers as they lie; what is left keeps its order.
    let order = x.order();
    let places: Vec<isize> =
        (0..rank).filter(|place| axes.contains(&order[*place])).map(|place| place as isize).collect();
    let var = x.laid(&order)?;
    if keep {
        return Ok(vec![Value::ordered(keeping(&var, &places)?, order, node.kind())]);
    }
    let left: Vec<usize> = order.iter().copied().filter(|axis| !axes.contains(axis)).collect();
    let order = left.iter().map(|axis| left.iter().filter(|other| *other < axis).count()).collect();
    Ok(vec![Value::ordered(dropping(&var, &places)?, order, node.kind())])
}

pub fn arg(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let axis = node.axis(0, x.value.ndim())? as isize;
    let index = |x: &Var| if node.op() == "ArgMax" { x.argmax(axis) } else { x.argmin(axis) };
    let y = match node.flag("select_last_index", false) {
        true => (x.value.shape()[axis as usize] as crate::tensor::Float - 1.0) - index(&x.flip(axis)?)?,
        false => index(&x)?,
    };
    node.typed(if node.flag("keepdims", true) { y.insert_axis(axis)? } else { y }, ElementType::INT64)
}

pub fn cumulative(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let axis = resolved(node.value(1)?.int()?, x.value.ndim())? as isize;
    let reverse = node.flag("reverse", false);
    let x = if reverse { x.flip(axis)? } else { x };
    let mut y = x.cumsum(axis)?;
    if node.flag("exclusive", false) {
        y = y - x;
    }
    node.one(if reverse { y.flip(axis)? } else { y })
}

pub fn top_k(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let k = match node.attribute("k") {
        Some(k) => k.i,
        None => node.value(1)?.int()?,
    };
    let axis = node.axis(-1, x.value.ndim())?;
    let len = x.value.shape()[axis];
    let k = usize::try_from(k)
        .ok()
        .filter(|k| *k <= len)
        .ok_or_else(|| Error::value(format!("expected a `k` of at most {len}, the length of axis {axis}, got {k}")))?;
    let (values, indices) = match node.flag("largest", true) {
        true => x.top_k(k, axis as isize)?,
        false => {
            let (values, indices) = (-x).top_k(k, axis as isize)?;
            (-values, indices)
        }
    };
    Ok(vec![Value::new(values, node.kind()), Value::new(indices, ElementType::INT64)])
}
