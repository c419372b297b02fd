//! From a case's settings to gradus' layers, losses, optimizers and initializers.

use gradus::prelude::*;
use serde_json::Value;

use super::fixture::{Case, list, number, sizes, text};

/// What a builder gives, or the name of what gradus does not have.
pub type Built<T> = std::result::Result<T, String>;

/// Runs `$then` with `$activation` bound to the activation of that name (`leaky_relu:0.2` has a number).
macro_rules! with_activation {
    ($name:expr, $activation:ident => $then:expr) => {{
        let (name, parameter) = $name.split_once(':').unwrap_or(($name, ""));
        let parameter: f32 = parameter.parse().unwrap_or(f32::NAN);
        with_activation!(@ name, $activation, $then,
            "" => Linear, "linear" => Linear, "relu" => Relu, "sigmoid" => Sigmoid, "tanh" => Tanh,
            "leaky_relu" => LeakyRelu::new(parameter), "elu" => Elu::new(parameter), "gelu" => Gelu,
            "gelu_tanh" => Gelu::tanh(), "silu" => Silu, "softplus" => Softplus, "softmax" => Softmax,
            "log_softmax" => LogSoftmax)
    }};
    (@ $name:ident, $activation:ident, $then:expr, $($text:literal => $value:expr),+) => {
        match $name {
            $($text => { let $activation = $value; $then })+
            other => return Err(format!("no activation `{other}`")),
        }
    };
}

/// The value of an activation by its name.
pub fn activate(name: &str, x: &Var) -> Built<Var> {
    Ok(with_activation!(name, activation => activation.apply(x)))
}

/// Sets those options of a layer that the case mentions.
macro_rules! options {
    ($layer:expr, $spec:expr, $($key:literal => |$inner:ident, $value:ident| $set:expr),+ $(,)?) => {{
        let mut layer = $layer;
        $(if !$spec[$key].is_null() {
            let ($inner, $value) = (layer, &$spec[$key]);
            layer = $set;
        })+
        layer
    }};
}

/// The case's layers, named by their position.
pub fn stack(specs: &Value) -> Built<Sequential> {
    let mut model = Sequential::new();
    for (i, spec) in list(specs).iter().enumerate() {
        model = add(model, &i.to_string(), spec)?;
    }
    Ok(model)
}

fn add(model: Sequential, name: &str, spec: &Value) -> Built<Sequential> {
    let activation = text(&spec["activation"]);
    let size = || pair(&spec["size"]);
    Ok(match text(&spec["layer"]) {
        "Dense" => {
            let layer = options!(Dense::new(spec["units"].as_u64().unwrap_or(0) as usize), spec,
                "use_bias" => |layer, value| layer.use_bias(value == true),
            );
            with_activation!(activation, activation => model.add_named(name, layer.activation(activation)))
        }
        "Conv2d" => {
            let filters = spec["filters"].as_u64().unwrap_or(0) as usize;
            let layer = options!(Conv2d::new(filters, pair(&spec["kernel"])), spec,
                "stride" => |layer, value| layer.stride(pair(value)),
                "dilation" => |layer, value| layer.dilation(pair(value)),
                "groups" => |layer, value| layer.groups(value.as_u64().unwrap_or(0) as usize),
                "padding" => |layer, value| layer.padding(padding(value)),
                "use_bias" => |layer, value| layer.use_bias(value == true),
            );
            with_activation!(activation, activation => model.add_named(name, layer.activation(activation)))
        }
        "MaxPool2d" => model.add_named(
            name,
            options!(MaxPool2d::new(size()), spec,
                "stride" => |layer, value| layer.stride(pair(value)),
                "padding" => |layer, value| layer.padding(padding(value)),
            ),
        ),
        "AvgPool2d" => model.add_named(
            name,
            options!(AvgPool2d::new(size()), spec,
                "stride" => |layer, value| layer.stride(pair(value)),
                "padding" => |layer, value| layer.padding(padding(value)),
                "count_padding" => |layer, value| layer.count_padding(value == true),
            ),
        ),
        "BatchNorm" => model.add_named(
            name,
            options!(BatchNorm::new(), spec,
                "momentum" => |layer, value| layer.momentum(number(value, 0.0)),
                "epsilon" => |layer, value| layer.epsilon(number(value, 0.0)),
                "center" => |layer, value| layer.center(value == true),
                "scale" => |layer, value| layer.scale(value == true),
            ),
        ),
        "GlobalAvgPool2d" => model.add_named(name, GlobalAvgPool2d),
        "GlobalMaxPool2d" => model.add_named(name, GlobalMaxPool2d),
        "Flatten" => model.add_named(name, Flatten),
        "Reshape" => model.add_named(name, Reshape::new(sizes(&spec["shape"]))),
        "Dropout" => model.add_named(name, Dropout::new(number(&spec["rate"], 0.0))),
        "Activation" => with_activation!(activation, activation => model.add_named(name, activation)),
        other => return Err(format!("no layer `{other}`")),
    })
}

fn pair(value: &Value) -> [usize; 2] {
    sizes(value).try_into().unwrap_or_default()
}

fn padding(value: &Value) -> Padding {
    match value {
        Value::Array(axes) => Padding::Explicit([pair(&axes[0]), pair(&axes[1])]),
        value if value == "same" => Padding::Same,
        _ => Padding::Valid,
    }
}

/// The parameters of a stack under the case's paths: those of a single layer have no number before them.
pub fn parameters(model: &Sequential) -> Vec<(String, Param)> {
    let strip = |path: String| if model.len() == 1 { path["0.".len()..].to_owned() } else { path };
    model.parameters().into_iter().map(|(path, param)| (strip(path), param)).collect()
}

pub fn loss(case: &Case) -> Built<Box<dyn Loss>> {
    let from_logits = case.settings["from_logits"] == true;
    Ok(match text(&case.settings["loss"]) {
        "MeanSquaredError" => Box::new(MeanSquaredError),
        "MeanAbsoluteError" => Box::new(MeanAbsoluteError),
        "CrossEntropy" => Box::new(CrossEntropy { from_logits }),
        "SparseCrossEntropy" => Box::new(SparseCrossEntropy { from_logits }),
        "BinaryCrossEntropy" => Box::new(BinaryCrossEntropy { from_logits }),
        other => return Err(format!("no loss `{other}`")),
    })
}

pub fn initializer(case: &Case) -> Built<Box<dyn Initializer>> {
    let number = |key, default| case.number(key, default);
    Ok(match text(&case.settings["initializer"]) {
        "XavierUniform" => Box::new(XavierUniform),
        "XavierNormal" => Box::new(XavierNormal),
        "HeUniform" => Box::new(HeUniform),
        "HeNormal" => Box::new(HeNormal),
        "LecunUniform" => Box::new(LecunUniform),
        "LecunNormal" => Box::new(LecunNormal),
        "Zeros" => Box::new(Zeros),
        "Ones" => Box::new(Ones),
        "Constant" => Box::new(Constant(number("value", 0.0))),
        "Orthogonal" => Box::new(Orthogonal { gain: number("gain", 1.0) }),
        "RandomNormal" => {
            let usual = RandomNormal::default();
            Box::new(RandomNormal { mean: number("mean", usual.mean), std: number("std", usual.std) })
        }
        "TruncatedNormal" => {
            let usual = TruncatedNormal::default();
            Box::new(TruncatedNormal { mean: number("mean", usual.mean), std: number("std", usual.std) })
        }
        "RandomUniform" => {
            let usual = RandomUniform::default();
            Box::new(RandomUniform { min: number("min", usual.min), max: number("max", usual.max) })
        }
        other => return Err(format!("no initializer `{other}`")),
    })
}

pub fn metric(case: &Case) -> Built<Box<dyn Metric>> {
    Ok(match text(&case.settings["metric"]) {
        "Accuracy" => {
            let usual = Accuracy::default();
            Box::new(usual.threshold(case.number("threshold", usual.threshold)))
        }
        "TopKAccuracy" => Box::new(TopKAccuracy::new(case.settings["k"].as_u64().unwrap_or(0) as usize)),
        "MeanAbsolute" => Box::new(MeanAbsolute::default()),
        other => return Err(format!("no metric `{other}`")),
    })
}
