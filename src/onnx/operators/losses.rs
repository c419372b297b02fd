//! Losses. Classes are in axis 1.

use super::layers::last;
use crate::autograd::Var;
use crate::error::Result;
use crate::losses::{Loss, SparseCrossEntropy};
use crate::onnx::node::{Node, Outputs};
use crate::onnx::value::Value;

pub fn run(node: &Node<'_>) -> Outputs {
    if node.op() == "NegativeLogLikelihoodLoss" {
        return node.one(reduced(node, SparseCrossEntropy::from_log_probabilities())?);
    }
    let loss = reduced(node, SparseCrossEntropy::from_logits())?;
    let logarithms = node.var(0)?.log_softmax(1)?;
    Ok([loss, logarithms].map(|var| Value::new(var, node.kind())).into())
}

fn reduced(node: &Node<'_>, mut loss: SparseCrossEntropy) -> Result<Var> {
    if let Some(ignored) = node.attribute("ignore_index") {
        loss = loss.ignore_class(ignored.i);
    }
    if let Some(weights) = node.get(2) {
        loss = loss.class_weights(weights.numbers()?);
    }
    let prediction = node.value(0)?;
    let labels = node.var(1)?;
    labels.mark_inspected();
    let each = loss.each(&prediction.laid(&last(prediction.rank()))?, &labels.value)?;
    Ok(match &*node.string("reduction", "mean") {
        "none" => each.losses().clone(),
        "sum" => each.sum(),
        _ => each.mean()?,
    })
}
