//! Operators that normalise.

use super::layers::{channels_last, last};
use crate::autograd::Param;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::layers::{AvgPool1d, BatchNorm, GroupNorm, InstanceNorm, Layer, LayerNorm, Padding, RmsNorm};
use crate::onnx::node::{Node, Outputs, Weight, forward, unsupported};
use crate::onnx::value::Value;

/// With the statistics of the batch on a tape of training, whatever the node says of its mode, as a layer does.
pub fn batch(node: &Node<'_>) -> Outputs {
    let mut layer = BatchNorm::new().epsilon(node.float("epsilon", 1e-5)).momentum(node.float("momentum", 0.9));
    let (gamma, beta) = (node.weight(1, &[0])?, node.weight(2, &[0])?);
    (layer.gamma, layer.beta) = (gamma.param.clone(), beta.param.clone());
    layer.moving_mean = statistics(node, 3)?;
    layer.moving_variance = statistics(node, 4)?;
    let mut outputs = channels_last(node, &layer, &[&gamma, &beta])?;
    for (i, param) in [(1, &layer.moving_mean), (2, &layer.moving_variance)] {
        if node.wants(i) {
            let value = node.tape.pending(param).or_else(|| param.value());
            let value = value.ok_or_else(|| unsupported("statistics without a value"))?;
            outputs.push(Value::new(node.tape.constant(&value), node.kind()));
        }
    }
    Ok(outputs)
}

fn statistics(node: &Node<'_>, i: usize) -> Result<Param> {
    if let Some(param) = node.value(i)?.as_parameter(&[0]) {
        return Ok(param.clone());
    }
    let var = node.var(i)?;
    var.mark_inspected();
    let param = Param::state(crate::initializers::Zeros);
    param.put((*var.value).clone())?;
    Ok(param)
}

/// A layer with a gamma and a beta for each channel.
pub fn by_channel(node: &Node<'_>) -> Outputs {
    let (gamma, beta) = (node.weight(1, &[0])?, node.weight(2, &[0])?);
    let epsilon = node.float("epsilon", 1e-5);
    if node.op() == "InstanceNormalization" {
        let mut layer = InstanceNorm::new().scale(true).center(true).epsilon(epsilon);
        (layer.gamma, layer.beta) = (gamma.param.clone(), beta.param.clone());
        return channels_last(node, &layer, &[&gamma, &beta]);
    }
    let groups = node.count("num_groups", 1)?;
    if node.opset < 21 && groups > 1 && gamma.len() == groups {
        return Err(unsupported("a gamma for each group, which later versions of the operator do not have"));
    }
    let mut layer = GroupNorm::new(groups).epsilon(epsilon);
    (layer.gamma, layer.beta) = (gamma.param.clone(), beta.param.clone());
    channels_last(node, &layer, &[&gamma, &beta])
}

pub fn mean_variance(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let axes = node.axes(usize::MAX, x.value.ndim())?.unwrap_or_else(|| vec![0, 2, 3]);
    let axes: Vec<isize> = axes.into_iter().map(|axis| axis as isize).collect();
    let centered = &x - x.mean_axes_keep(&axes)?;
    node.one(&centered / (centered.square().mean_axes_keep(&axes)?.sqrt() + 1e-9))
}

pub fn unit(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let axis = [node.axis(-1, x.value.ndim())? as isize];
    let norm = if node.int("p", 2) == 1 { x.abs().sum_axes_keep(&axis)? } else { x.norm_axes_keep(&axis)? };
    node.one(x / norm)
}

/// A mean over neighbouring channels, in which those beyond the edge count as 0.
pub fn local_response(node: &Node<'_>) -> Outputs {
    let order = last(node.value(0)?.rank());
    let (x, size) = (node.value(0)?.laid(&order)?, node.count("size", 1)?);
    let channels = x.value.shape().last().copied().unwrap_or(1).max(1);
    let padding = Padding::Explicit([[(size - 1) / 2, size / 2]]);
    let pool = AvgPool1d::new(size).strides(1).padding(padding).count_padding(true);
    let means = pool.forward(&x.square().reshape(&[x.value.len() / channels, channels, 1])?)?;
    let means = means.reshape(x.value.shape())? * node.float("alpha", 1e-4) + node.float("bias", 1.0);
    Ok(vec![Value::ordered(&x / means.powf(node.float("beta", 0.75)), order, node.kind())])
}

/// Over all axes from a certain one to the last.
pub fn rows(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let rank = x.value.ndim();
    let first = node.axis(-1, rank)?;
    let axes: Vec<isize> = (first..rank).map(|axis| axis as isize - rank as isize).collect();
    let epsilon = node.float("epsilon", 1e-5);
    let own: Vec<usize> = (0..axes.len()).collect();
    let gamma = node.weight(1, &own).or_else(|_| spread(node, 1, &x, first))?;
    // Layers leave axis 0 to the batch.
    let run = |layer: &dyn Fn(&Var) -> Result<Var>| match first {
        0 => layer(&x.insert_axis(0)?)?.remove_axis(0),
        _ => layer(&x),
    };
    if node.op() == "RMSNormalization" {
        let mut layer = RmsNorm::new().axes(axes).epsilon(epsilon);
        layer.gamma = gamma.param.clone();
        return node.one(run(&|x| forward(&layer, x, &[&gamma]))?);
    }
    let beta = node.get(2).map(|_| node.weight(2, &own).or_else(|_| spread(node, 2, &x, first))).transpose()?;
    let mut layer = LayerNorm::new().axes(axes.clone()).epsilon(epsilon).center(beta.is_some());
    layer.gamma = gamma.param.clone();
    let mut weights = vec![&gamma];
    if let Some(beta) = &beta {
        layer.beta = beta.param.clone();
        weights.push(beta);
    }
    let mut outputs = vec![run(&|x| forward(&layer, x, &weights))?];
    if node.wants(1) {
        let mean = x.mean_axes_keep(&axes)?;
        let variance = (&x - &mean).square().mean_axes_keep(&axes)?;
        outputs.extend([mean, (variance + epsilon).sqrt().recip()]);
    }
    Ok(outputs.into_iter().map(|var| Value::new(var, node.kind())).collect())
}

/// A weight of fewer axes than are normalised, for all of them.
fn spread(node: &Node<'_>, i: usize, x: &Var, first: usize) -> Result<Weight> {
    let shape = x.value.shape().get(first..).ok_or_else(|| Error::shape("expected axes to normalise"))?;
    Weight::computed(node.var(i)?.broadcast_to(shape)?)
}
