//! Losses. Classes are in axis 1.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::value::Value;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "NegativeLogLikelihoodLoss" => node.one(reduced(node, SparseCrossEntropy::from_log_probabilities())?),
        "SoftmaxCrossEntropyLoss" => {
            let loss = reduced(node, SparseCrossEntropy::from_logits())?;
            let logarithms = node.var(0)?.log_softmax(1)?;
            Ok([loss, logarithms].map(|var| Value { var, kind: node.kind() }).into())
        }
        _ => Err(Failure::Unknown),
    }
}

fn reduced(node: &Node<'_>, mut loss: SparseCrossEntropy) -> Result<Var, Failure> {
    if let Some(ignored) = node.attribute("ignore_index") {
        loss = loss.ignore_class(ignored.i);
    }
    if let Some(weights) = node.get(2) {
        loss = loss.class_weights(weights.numbers());
    }
    let prediction = node.var(0)?;
    let axes: Vec<usize> = [0].into_iter().chain(2..prediction.shape().len()).chain([1]).collect();
    let each = loss.each(&prediction.permute(&axes)?, node.var(1)?.value())?;
    Ok(match &*node.string("reduction", "mean") {
        "none" => each.losses().clone(),
        "sum" => each.sum(),
        _ => each.mean()?,
    })
}
