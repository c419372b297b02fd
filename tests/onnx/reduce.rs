//! Operators along axes.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs, resolved};
use super::value::{Kind, Value};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "ArgMax" | "ArgMin" => arg(node),
        "CumSum" => cumulative(node),
        "TopK" => top_k(node),
        "Hardmax" => {
            let (x, axis) = (node.var(0)?, node.axis(-1));
            let last = x.shape().len() - 1;
            let places = x.argmax(axis)?.one_hot(x.shape()[resolved(axis, last + 1)])?;
            // The new axis is the last one.
            let mut order: Vec<usize> = (0..last).collect();
            order.insert(resolved(axis, last + 1), last);
            node.one(places.permute(&order)?)
        }
        "Einsum" => {
            let vars: Vec<&Var> = node.inputs.iter().flatten().map(|value| &value.var).collect();
            node.one(Var::einsum(&node.string("equation", ""), &vars)?)
        }
        op if op.starts_with("Reduce") => reduced(node),
        _ => Err(Failure::Unknown),
    }
}

fn reduced(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let axes = node.axes(1).unwrap_or_default();
    let nothing = axes.is_empty() && node.flag("noop_with_empty_axes", false);
    let axes = if axes.is_empty() && !nothing { (0..x.shape().len() as isize).collect() } else { axes };
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
        "ReduceSumSquare" => [|x, axes| x.square().sum_axes(axes), |x, axes| x.square().sum_axes_keep(axes)],
        _ => return Err(Failure::Unknown),
    };
    node.one(if keep { keeping(x, &axes)? } else { dropping(x, &axes)? })
}

fn arg(node: &Node<'_>) -> Outputs {
    let (x, axis) = (node.var(0)?, node.axis(0));
    let index = |x: &Var| if node.op() == "ArgMax" { x.argmax(axis) } else { x.argmin(axis) };
    let axis = resolved(axis, x.shape().len()) as isize;
    let y = match node.flag("select_last_index", false) {
        true => (x.shape()[axis as usize] - 1) as Float - index(&x.flip(axis)?)?,
        false => index(x)?,
    };
    node.typed(if node.flag("keepdims", true) { y.insert_axis(axis)? } else { y }, Kind::INT64)
}

fn cumulative(node: &Node<'_>) -> Outputs {
    let (x, axis) = (node.var(0)?, node.value(1)?.ints()[0] as isize);
    let reverse = node.flag("reverse", false);
    let x = if reverse { x.flip(axis)? } else { x.clone() };
    let mut y = x.cumsum(axis)?;
    if node.flag("exclusive", false) {
        y = y - x;
    }
    node.one(if reverse { y.flip(axis)? } else { y })
}

fn top_k(node: &Node<'_>) -> Outputs {
    let (x, k, axis) = (node.var(0)?, node.value(1)?.ints()[0] as usize, node.axis(-1));
    let (values, indices) = match node.flag("largest", true) {
        true => x.top_k(k, axis)?,
        false => {
            let (values, indices) = (-x).top_k(k, axis)?;
            (-values, indices)
        }
    };
    Ok(vec![Value { var: values, kind: node.kind() }, Value { var: indices, kind: Kind::INT64 }])
}
