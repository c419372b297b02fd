//! Operators that are activations.

use crate::activations::{
    Activation, Celu, Elu, Gelu, HardShrink, HardSigmoid, HardSilu, LeakyRelu, Mish, Relu, Selu, Sigmoid, Silu,
    SoftShrink, Softplus, Softsign, Tanh, Threshold,
};
use crate::autograd::Var;
use crate::error::Result;
use crate::layers::PRelu;
use crate::onnx::node::{Node, Outputs, forward, unsupported};

/// An activation written as operations on variables.
struct Formula<F>(F);

impl<F: Fn(&Var) -> Var + Send + Sync> Activation for Formula<F> {
    fn apply(&self, x: &Var) -> Var {
        (self.0)(x)
    }
}

pub fn of(node: &Node<'_>) -> Result<Box<dyn Activation>> {
    let alpha = |default: f32| node.float("alpha", default);
    Ok(match node.op() {
        "Relu" => Box::new(Relu),
        "LeakyRelu" => Box::new(LeakyRelu::new(alpha(0.01))),
        "ThresholdedRelu" => Box::new(Threshold::new(alpha(1.0), 0.0)),
        "Elu" => Box::new(Elu::new(alpha(1.0))),
        "Celu" => Box::new(Celu::new(alpha(1.0))),
        "Selu" if node.proto.attribute.is_empty() => Box::new(Selu),
        "Selu" => {
            let (elu, gamma) = (Elu::new(alpha(1.673_263_2)), node.float("gamma", 1.050_701));
            Box::new(Formula(move |x: &Var| elu.apply(x) * gamma))
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
            if alpha == 1.0 / 6.0 && beta == 0.5 {
                return Ok(Box::new(HardSigmoid));
            }
            Box::new(Formula(move |x: &Var| (x * alpha + beta).clip(0.0, 1.0)))
        }
        "Swish" if alpha(1.0) == 1.0 => Box::new(Silu),
        "Swish" => {
            let alpha = alpha(1.0);
            Box::new(Formula(move |x: &Var| x * Sigmoid.apply(&(x * alpha))))
        }
        "Shrink" => match (node.float("lambd", 0.5), node.float("bias", 0.0)) {
            (threshold, 0.0) => Box::new(HardShrink::new(threshold)),
            (threshold, bias) if threshold == bias => Box::new(SoftShrink::new(threshold)),
            _ => return Err(unsupported("shrinking by other than the threshold")),
        },
        other => return Err(unsupported(format_args!("the activation `{other}`"))),
    })
}

/// Slopes of an example; axis 0 is left to the batch.
pub fn parametric(node: &Node<'_>) -> Outputs {
    let x = node.value(0)?;
    let mut slopes = node.var(1)?;
    while slopes.value.ndim() < x.rank() {
        slopes = slopes.insert_axis(0)?;
    }
    let shape = slopes.value.shape().to_vec();
    let is_for_examples = slopes.value.ndim() > 1 && shape[0] == 1;
    let shared = |shape: &[usize]| -> Vec<isize> {
        (1..).zip(shape).filter(|(_, len)| **len == 1).map(|(axis, _)| axis).collect()
    };
    let (x, shared) = match is_for_examples {
        true => (x.var()?, shared(&shape[1..])),
        false => (x.var()?.insert_axis(0)?, shared(&shape)),
    };
    let slopes = if is_for_examples { slopes.remove_axis(0)? } else { slopes };
    let mut layer = PRelu::new().shared_axes(shared);
    let weight = crate::onnx::node::Weight::computed(slopes)?;
    layer.alpha = weight.param.clone();
    let y = forward(&layer, &x, &[&weight])?;
    node.one(if is_for_examples { y } else { y.remove_axis(0)? })
}
