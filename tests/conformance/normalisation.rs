//! The layers and initializers of the cases of normalisation, noise and activations.

use gradus::activations::*;
use gradus::initializers::{Fan, Identity, KaimingNormal, KaimingUniform, Spread, VarianceScaling};
use gradus::layers::*;
use gradus::prelude::*;
use serde_json::Value;

use super::build::{Built, options};
use super::fixture::{Case, list, number, text};

/// Adds a layer that `build` does not know.
pub fn add(model: Sequential, name: &str, spec: &Value) -> Built<Sequential> {
    let (kind, value) = (text(&spec["layer"]), number(&spec["value"], f32::NAN));
    let axis = spec["axis"].as_i64().map(|axis| axis as isize);
    let axes = |value: &Value| -> Vec<isize> {
        list(value).iter().filter_map(Value::as_i64).map(|axis| axis as isize).collect()
    };
    let rate = number(&spec["rate"], f32::NAN);
    macro_rules! add {
        ($($key:literal => $layer:expr),+ $(,)?) => {
            match kind {
                $($key => model.add_named(name, $layer),)+
                other => return Err(format!("no layer `{other}`")),
            }
        };
    }
    // A setting that the case does not mention keeps its default.
    let or = |default: f32| if value.is_nan() { default } else { value };
    Ok(add! {
        "Exponential" => Exponential,
        "HardSigmoid" => HardSigmoid,
        "HardSilu" => HardSilu,
        "HardTanh" => HardTanh,
        "LogSigmoid" => LogSigmoid,
        "Mish" => Mish,
        "Relu6" => Relu6,
        "Selu" => Selu,
        "Celu" => Celu::new(or(Celu::default().alpha)),
        "Softsign" => Softsign,
        "Squareplus" => Squareplus::new(or(Squareplus::default().b)),
        "SoftShrink" => if value.is_nan() { SoftShrink::default() } else { SoftShrink::new(value) },
        "HardShrink" => if value.is_nan() { HardShrink::default() } else { HardShrink::new(value) },
        "TanhShrink" => TanhShrink,
        "Threshold" => Threshold::new(number(&spec["threshold"], f32::NAN), value),
        "Sparsemax" => Sparsemax::over(axis.unwrap_or(-1)),
        "Softmax" => Softmax::over(axis.unwrap_or(-1)),
        "LogSoftmax" => LogSoftmax::over(axis.unwrap_or(-1)),
        "Glu" => axis.map_or(Glu::default(), Glu::over),
        "Relu" => options!(Relu::threshold(0.0), spec,
            "max_value" => |relu, value| relu.max_value(number(value, 0.0)),
            "negative_slope" => |relu, value| relu.negative_slope(number(value, 0.0)),
            "threshold" => |relu, value| relu.threshold(number(value, 0.0)),
        ),
        "PRelu" => PRelu::new().shared_axes(axes(&spec["shared_axes"])),
        "LayerNorm" => options!(LayerNorm::new(), spec,
            "axes" => |layer, value| layer.axes(axes(value)),
            "epsilon" => |layer, value| layer.epsilon(number(value, 0.0)),
            "center" => |layer, value| layer.center(value == true),
            "scale" => |layer, value| layer.scale(value == true),
        ),
        "RmsNorm" => options!(RmsNorm::new(), spec,
            "axes" => |layer, value| layer.axes(axes(value)),
            "epsilon" => |layer, value| layer.epsilon(number(value, 0.0)),
            "scale" => |layer, value| layer.scale(value == true),
        ),
        "UnitNorm" => options!(UnitNorm::new(), spec, "axes" => |layer, value| layer.axes(axes(value))),
        "GroupNorm" => options!(GroupNorm::new(spec["groups"].as_u64().unwrap_or(0) as usize), spec,
            "epsilon" => |layer, value| layer.epsilon(number(value, 0.0)),
            "center" => |layer, value| layer.center(value == true),
            "scale" => |layer, value| layer.scale(value == true),
        ),
        "InstanceNorm" => options!(InstanceNorm::new(), spec,
            "epsilon" => |layer, value| layer.epsilon(number(value, 0.0)),
            "center" => |layer, value| layer.center(value == true),
            "scale" => |layer, value| layer.scale(value == true),
        ),
        "SpectralNorm" => {
            // One step, whose parameters have no name before them.
            let inner = super::build::bare(&spec["inner"])?;
            SpectralNorm::new(inner).power_iterations(spec["power_iterations"].as_u64().unwrap_or(1) as usize)
        },
        "AlphaDropout" => AlphaDropout::new(rate),
        "GaussianDropout" => GaussianDropout::new(rate),
        "GaussianNoise" => GaussianNoise::new(rate),
        "SpatialDropout1d" => SpatialDropout1d::new(rate),
        "SpatialDropout2d" => SpatialDropout2d::new(rate),
        "SpatialDropout3d" => SpatialDropout3d::new(rate),
    })
}

pub fn initializer(case: &Case) -> Built<Box<dyn Initializer>> {
    let mode = match text(&case.settings["mode"]) {
        "Out" => Fan::Out,
        "Average" => Fan::Average,
        _ => Fan::In,
    };
    let distribution = match text(&case.settings["distribution"]) {
        "Normal" => Spread::Normal,
        "Uniform" => Spread::Uniform,
        _ => Spread::TruncatedNormal,
    };
    let a = case.number("a", 0.0);
    Ok(match text(&case.settings["initializer"]) {
        "VarianceScaling" => Box::new(VarianceScaling { scale: case.number("scale", 1.0), mode, distribution }),
        "KaimingUniform" => Box::new(KaimingUniform { a, mode }),
        "KaimingNormal" => Box::new(KaimingNormal { a, mode }),
        "Identity" => Box::new(Identity { gain: case.number("gain", 1.0) }),
        other => return Err(format!("no initializer `{other}`")),
    })
}
