//! Operators that normalise.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs, resolved};
use super::value::Value;
use super::windows::{channels_first, channels_last, set};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "BatchNormalization" => batch(node),
        "LayerNormalization" | "RMSNormalization" => rows(node),
        "GroupNormalization" => {
            let layer = GroupNorm::new(node.int("num_groups", 1) as usize).epsilon(node.float("epsilon", 1e-5));
            by_channel(node, layer)
        }
        "InstanceNormalization" => {
            by_channel(node, InstanceNorm::new().scale(true).center(true).epsilon(node.float("epsilon", 1e-5)))
        }
        "MeanVarianceNormalization" => {
            let x = node.var(0)?;
            let axes = node.axes(usize::MAX).unwrap_or_else(|| vec![0, 2, 3]);
            let centered = x - x.mean_axes_keep(&axes)?;
            node.one(&centered / (centered.square().mean_axes_keep(&axes)?.sqrt() + 1e-9))
        }
        "LpNormalization" => {
            let (x, axis) = (node.var(0)?, [node.axis(-1)]);
            let norm = if node.int("p", 2) == 1 { x.abs().sum_axes_keep(&axis)? } else { x.norm_axes_keep(&axis)? };
            node.one(x / norm)
        }
        "LRN" => {
            // A mean over neighbouring channels, in which those beyond the edge count as 0.
            let (x, size) = (channels_last(node.var(0)?)?, node.int("size", 1) as usize);
            let channels = x.shape()[x.shape().len() - 1];
            let padding = Padding::Explicit([[(size - 1) / 2, size / 2]]);
            let pool = AvgPool1d::new(size).strides(1).padding(padding).count_padding(true);
            let means = pool.forward(&x.square().reshape(&[x.value().len() / channels, channels, 1])?)?;
            let means = means.reshape(x.shape())? * node.float("alpha", 1e-4) + node.float("bias", 1.0);
            node.one(channels_first(&(x / means.powf(node.float("beta", 0.75))))?)
        }
        _ => Err(Failure::Unknown),
    }
}

fn batch(node: &Node<'_>) -> Outputs {
    let training = node.flag("training_mode", false);
    let tape = if training { Tape::training() } else { Tape::inference() };
    let layer = BatchNorm::new().epsilon(node.float("epsilon", 1e-5)).momentum(node.float("momentum", 0.9));
    for (i, name) in ["gamma", "beta", "moving_mean", "moving_variance"].into_iter().enumerate() {
        set(&layer, name, node.var(1 + i)?)?;
    }
    let y = layer.forward(&tape.input(channels_last(node.var(0)?)?.value()))?;
    tape.commit()?;
    let mut outputs = vec![node.tape.input(channels_first(&y)?.value())];
    if training {
        let statistics = layer.parameters().into_iter().filter(|(name, _)| name.starts_with("moving"));
        outputs.extend(statistics.filter_map(|(_, param)| param.value()).map(|value| node.tape.constant(value)));
    }
    Ok(outputs.into_iter().map(|var| Value { var, kind: node.kind() }).collect())
}

/// A layer with a gamma and a beta for each channel.
fn by_channel(node: &Node<'_>, layer: impl Layer) -> Outputs {
    set(&layer, "gamma", node.var(1)?)?;
    set(&layer, "beta", node.var(2)?)?;
    node.one(channels_first(&layer.forward(&channels_last(node.var(0)?)?)?)?)
}

/// Over all axes from a certain one to the last.
fn rows(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let rank = x.shape().len();
    let axes: Vec<isize> = (resolved(node.axis(-1), rank)..rank).map(|axis| axis as isize - rank as isize).collect();
    let epsilon = node.float("epsilon", 1e-5);
    // Layers leave axis 0 to the batch.
    let batch = x.insert_axis(0)?;
    if node.op() == "RMSNormalization" {
        let layer = RmsNorm::new().axes(axes).epsilon(epsilon);
        set(&layer, "gamma", node.var(1)?)?;
        return node.one(layer.forward(&batch)?.remove_axis(0)?);
    }
    let mean = x.mean_axes_keep(&axes)?;
    let variance = (x - &mean).square().mean_axes_keep(&axes)?;
    let layer = LayerNorm::new().axes(axes).epsilon(epsilon).center(node.get(2).is_some());
    set(&layer, "gamma", node.var(1)?)?;
    if let Some(beta) = node.get(2) {
        set(&layer, "beta", &beta.var)?;
    }
    let y = layer.forward(&batch)?.remove_axis(0)?;
    Ok([y, mean, (variance + epsilon).sqrt().recip()].map(|var| Value { var, kind: node.kind() }).into())
}
