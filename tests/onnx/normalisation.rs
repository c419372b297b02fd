//! Operators that normalise.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::value::Value;
use super::windows::{channels_first, channels_last, set};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "BatchNormalization" => batch(node),
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
            let pool = AvgPool1d::new(size).stride(1).padding(padding).count_padding(true);
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
