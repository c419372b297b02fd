//! Operators that are activations.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::windows::set;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    if node.op() == "PRelu" {
        return parametric(node);
    }
    let alpha = |default: f32| node.float("alpha", default);
    let activation: Box<dyn Activation> = match node.op() {
        "Relu" => Box::new(Relu),
        "LeakyRelu" => Box::new(LeakyRelu::new(alpha(0.01))),
        "ThresholdedRelu" => Box::new(Threshold::new(alpha(1.0), 0.0)),
        "Elu" => Box::new(Elu::new(alpha(1.0))),
        "Celu" => Box::new(Celu::new(alpha(1.0))),
        "Selu" if node.proto.attribute.is_empty() => Box::new(Selu),
        "Selu" => {
            let (elu, gamma) = (Elu::new(alpha(1.673_263_2)), node.float("gamma", 1.050_701));
            Box::new(move |x: &Var| elu.apply(x) * gamma)
        }
        "Gelu" if node.string("approximate", "none") == "tanh" => Box::new(Gelu::tanh()),
        "Gelu" => Box::new(Gelu),
        "Sigmoid" => Box::new(Sigmoid),
        "Tanh" => Box::new(Tanh),
        "Softplus" => Box::new(Softplus),
        "Softsign" => Box::new(Softsign),
        "Mish" => Box::new(Mish),
        "HardSwish" => Box::new(HardSilu),
        "HardSigmoid" => {
            let (alpha, beta) = (alpha(0.2), node.float("beta", 0.5));
            Box::new(move |x: &Var| (x * alpha + beta).clip(0.0, 1.0))
        }
        "Swish" if alpha(1.0) == 1.0 => Box::new(Silu),
        "Swish" => {
            let alpha = alpha(1.0);
            Box::new(move |x: &Var| x * Sigmoid.apply(&(x * alpha)))
        }
        "Shrink" => match (node.float("lambd", 0.5), node.float("bias", 0.0)) {
            (threshold, 0.0) => Box::new(HardShrink::new(threshold)),
            (threshold, bias) if threshold == bias => Box::new(SoftShrink::new(threshold)),
            _ => return Err(Failure::skip("shrinking by other than the threshold")),
        },
        _ => return Err(Failure::Unknown),
    };
    node.one(activation.apply(node.var(0)?))
}

/// Slopes of an example; axis 0 is left to the batch.
fn parametric(node: &Node<'_>) -> Outputs {
    let (x, mut slopes) = (node.var(0)?, node.var(1)?.clone());
    while slopes.shape().len() < x.shape().len() {
        slopes = slopes.insert_axis(0)?;
    }
    let shared: Vec<isize> = (1..).zip(slopes.shape()).filter(|(_, len)| **len == 1).map(|(axis, _)| axis).collect();
    let layer = PRelu::new().shared_axes(shared);
    set(&layer, "alpha", &slopes)?;
    node.one(layer.forward(&x.insert_axis(0)?)?.remove_axis(0)?)
}
