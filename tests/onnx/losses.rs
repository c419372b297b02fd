//! Losses, from the operations that they consist of.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::value::Value;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "NegativeLogLikelihoodLoss" => node.one(likelihood(node, node.var(0)?)?),
        "SoftmaxCrossEntropyLoss" => {
            let logarithms = node.var(0)?.log_softmax(1)?;
            let loss = likelihood(node, &logarithms)?;
            Ok([loss, logarithms].map(|var| Value { var, kind: node.kind() }).into())
        }
        _ => Err(Failure::Unknown),
    }
}

/// Of logarithms of probabilities with the classes in axis 1.
fn likelihood(node: &Node<'_>, logarithms: &Var) -> Result<Var, Failure> {
    let (labels, weights) = (node.var(1)?, node.get(2));
    let (labels, mask) = match node.attribute("ignore_index") {
        Some(ignored) => {
            let mask = labels.not_equal(&node.scalar(ignored.i as Float))?;
            (mask.select(labels, &node.scalar(0.0))?, Some(mask))
        }
        None => (labels.clone(), None),
    };
    let mut weight = match weights {
        Some(weights) => weights.var.take(&labels, 0)?,
        None => labels.detach() * 0.0 + 1.0,
    };
    if let Some(mask) = mask {
        weight = weight * mask;
    }
    let losses = -logarithms.take_along_axis(&labels.insert_axis(1)?, 1)?.remove_axis(1)? * &weight;
    Ok(match &*node.string("reduction", "mean") {
        "none" => losses,
        "sum" => losses.sum(),
        _ => losses.sum() / weight.sum(),
    })
}
