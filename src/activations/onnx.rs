//! What activations are in ONNX.

use super::Pointwise;
use crate::autograd::{OnnxAttribute, OnnxForm};
use crate::config::{Config, Value};

/// A function of each number that is one operator without settings.
pub(crate) fn operator(function: &dyn Pointwise) -> Option<&'static str> {
    let config = function.config();
    Some(match config.kind() {
        "Relu" => "Relu",
        "Sigmoid" => "Sigmoid",
        "Tanh" => "Tanh",
        "Softplus" => "Softplus",
        "Softsign" => "Softsign",
        "Mish" => "Mish",
        "Selu" => "Selu",
        "HardSilu" => "HardSwish",
        "Exponential" => "Exp",
        _ => return None,
    })
}

fn number(config: &Config, name: &str) -> Option<f32> {
    match config.get(name) {
        Some(Value::Number(number)) => Some(*number as f32),
        _ => None,
    }
}

/// A setting as a number of the file.
fn constant(form: &mut OnnxForm, config: &Config, name: &str) -> Option<String> {
    number(config, name).map(|number| form.number(number as crate::tensor::Float))
}

/// Writes a function of `x` as nodes.
pub(crate) fn form(function: &dyn Pointwise, form: &mut OnnxForm, x: &str) -> Option<String> {
    if let Some(op) = operator(function) {
        return Some(form.node(op, &[x], &[]));
    }
    let config = function.config();
    let with = |name| Some([("alpha", OnnxAttribute::Float(number(&config, name)?))]);
    Some(match config.kind() {
        "Linear" => x.into(),
        "LeakyRelu" => form.node("LeakyRelu", &[x], &with("negative_slope")?),
        "Elu" => form.node("Elu", &[x], &with("alpha")?),
        "Celu" => form.node("Celu", &[x], &with("alpha")?),
        "HardSigmoid" => form.node("HardSigmoid", &[x], &[("alpha", OnnxAttribute::Float(1.0 / 6.0))]),
        "Relu6" | "HardTanh" => {
            let [least, most] = if config.kind() == "Relu6" { [0.0, 6.0] } else { [-1.0, 1.0] };
            let [least, most] = [form.number(least), form.number(most)];
            form.node("Clip", &[x, &least, &most], &[])
        }
        "Silu" => {
            let gate = form.node("Sigmoid", &[x], &[]);
            form.node("Mul", &[x, &gate], &[])
        }
        "LogSigmoid" => {
            let minus = form.node("Neg", &[x], &[]);
            let above = form.node("Softplus", &[&minus], &[]);
            form.node("Neg", &[&above], &[])
        }
        "Gelu" => {
            let root = form.number(std::f64::consts::FRAC_1_SQRT_2 as crate::tensor::Float);
            let scaled = form.node("Mul", &[x, &root], &[]);
            let erf = form.node("Erf", &[&scaled], &[]);
            halved(form, x, &erf)
        }
        "GeluTanh" => {
            let three = form.number(3.0);
            let cube = form.node("Pow", &[x, &three], &[]);
            let [small, scale] = [form.number(0.044715), form.number(0.797_884_560_802_865_4)];
            let bend = form.node("Mul", &[&cube, &small], &[]);
            let sum = form.node("Add", &[x, &bend], &[]);
            let scaled = form.node("Mul", &[&sum, &scale], &[]);
            let tanh = form.node("Tanh", &[&scaled], &[]);
            halved(form, x, &tanh)
        }
        _ => return at_threshold(&config, form, x),
    })
}

/// Functions that settings bend.
fn at_threshold(config: &Config, form: &mut OnnxForm, x: &str) -> Option<String> {
    Some(match config.kind() {
        "HardShrink" | "SoftShrink" => {
            let threshold = number(config, "threshold")?;
            let bias = if config.kind() == "SoftShrink" { threshold } else { 0.0 };
            let settings = [("lambd", OnnxAttribute::Float(threshold)), ("bias", OnnxAttribute::Float(bias))];
            form.node("Shrink", &[x], &settings)
        }
        "TanhShrink" => {
            let tanh = form.node("Tanh", &[x], &[]);
            form.node("Sub", &[x, &tanh], &[])
        }
        "Threshold" => {
            let below = constant(form, config, "value")?;
            above(form, config, x, &below)?
        }
        "ReluWith" => {
            let threshold = constant(form, config, "threshold")?;
            let slope = constant(form, config, "negative_slope")?;
            let distance = form.node("Sub", &[x, &threshold], &[]);
            let below = form.node("Mul", &[&distance, &slope], &[]);
            let y = above(form, config, x, &below)?;
            if number(config, "max_value").is_none_or(f32::is_infinite) {
                return Some(y);
            }
            let most = constant(form, config, "max_value")?;
            form.node("Min", &[&y, &most], &[])
        }
        "Squareplus" => {
            let b = constant(form, config, "b")?;
            let square = form.node("Mul", &[x, x], &[]);
            let sum = form.node("Add", &[&square, &b], &[]);
            let root = form.node("Sqrt", &[&sum], &[]);
            let half = form.number(0.5);
            let sum = form.node("Add", &[x, &root], &[]);
            form.node("Mul", &[&sum, &half], &[])
        }
        _ => return None,
    })
}

/// `x` above the threshold, else `below`
fn above(form: &mut OnnxForm, config: &Config, x: &str, below: &str) -> Option<String> {
    let threshold = constant(form, config, "threshold")?;
    let is_above = form.node("Greater", &[x, &threshold], &[]);
    Some(form.node("Where", &[&is_above, x, below], &[]))
}

/// `x (1 + gate) / 2`
fn halved(form: &mut OnnxForm, x: &str, gate: &str) -> String {
    let [one, half] = [form.number(1.0), form.number(0.5)];
    let gate = form.node("Add", &[gate, &one], &[]);
    let product = form.node("Mul", &[x, &gate], &[]);
    form.node("Mul", &[&product, &half], &[])
}
