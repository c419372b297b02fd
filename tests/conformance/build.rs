//! From a case's settings to gradus' layers, losses, optimizers and initializers.

use gradus::activations::Softplus;
use gradus::initializers::*;
use gradus::prelude::*;
use serde_json::Value;

use super::convolution;
use super::fixture::{Case, list, number, sizes, text};
use super::normalisation;

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

pub(crate) use with_activation;

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
pub(super) use options;

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
    Ok(match text(&spec["layer"]) {
        "Dense" => {
            let layer = options!(Dense::new(spec["units"].as_u64().unwrap_or(0) as usize), spec,
                "use_bias" => |layer, value| layer.use_bias(value == true),
            );
            with_activation!(activation, activation => model.add_named(name, layer.activation(activation)))
        }
        "BatchNorm" => model.add_named(
            name,
            options!(BatchNorm::new(), spec,
                "momentum" => |layer, value| layer.momentum(number(value, 0.0)),
                "epsilon" => |layer, value| layer.epsilon(number(value, 0.0)),
                "center" => |layer, value| layer.center(value == true),
                "scale" => |layer, value| layer.scale(value == true),
            ),
        ),
        "Flatten" => model.add_named(name, Flatten),
        "Reshape" => model.add_named(
            name,
            Reshape::new(sizes(&spec["shape"]).into_iter().map(|len| len as isize).collect::<Vec<_>>()),
        ),
        "Dropout" => model.add_named(name, Dropout::new(number(&spec["rate"], 0.0))),
        "Activation" => with_activation!(activation, activation => model.add_named(name, activation)),
        "Permute" | "RepeatVector" | "PixelShuffle" | "PixelUnshuffle" => convolution::add(model, name, spec)?,
        layer if !layer.starts_with("Spatial") && ["1d", "2d", "3d"].iter().any(|rank| layer.ends_with(rank)) => {
            convolution::add(model, name, spec)?
        }
        _ => normalisation::add(model, name, spec)?,
    })
}

/// A layer whose parameters have no name before theirs.
pub struct Bare(Sequential);

impl Layer for Bare {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.0.forward(x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.0.get("0").expect("its only layer").params(list);
    }
}

pub fn bare(spec: &Value) -> Built<Bare> {
    add(Sequential::new(), "0", spec).map(Bare)
}

/// The parameters of a stack under the case's paths: those of a single layer have no number before them.
pub fn parameters(model: &Sequential) -> Vec<(String, Param)> {
    let strip = |path: String| if model.len() == 1 { path["0.".len()..].to_owned() } else { path };
    model.parameters().into_iter().map(|(path, param)| (strip(path), param)).collect()
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
            Box::new(RandomNormal { mean: number("mean", usual.mean), stddev: number("std", usual.stddev) })
        }
        "TruncatedNormal" => {
            let usual = TruncatedNormal::default();
            Box::new(TruncatedNormal { mean: number("mean", usual.mean), stddev: number("std", usual.stddev) })
        }
        "RandomUniform" => {
            let usual = RandomUniform::default();
            Box::new(RandomUniform { minval: number("min", usual.minval), maxval: number("max", usual.maxval) })
        }
        _ => normalisation::initializer(case)?,
    })
}
