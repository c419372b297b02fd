//! The layers of `convolution_cases.py`: those that slide over, pool or reshape inputs of one, two and three axes.

use gradus::activations::Softplus;
use gradus::layers::*;
use gradus::prelude::*;
use serde_json::Value;

use super::build::{Built, options, with_activation};
use super::fixture::{sizes, text};

/// The model with the layer that a case describes.
pub fn add(model: Sequential, name: &str, spec: &Value) -> Built<Sequential> {
    let kind = text(&spec["layer"]);
    Ok(match kind {
        "Permute" => model.add_named(name, Permute::new(sizes(&spec["axes"]))),
        "RepeatVector" => model.add_named(name, RepeatVector::new(size(&spec["times"]))),
        "PixelShuffle" => model.add_named(name, PixelShuffle::new(size(&spec["factor"]))),
        "PixelUnshuffle" => model.add_named(name, PixelUnshuffle::new(size(&spec["factor"]))),
        "GlobalAvgPool1d" => model.add_named(name, GlobalAvgPool1d),
        "GlobalMaxPool1d" => model.add_named(name, GlobalMaxPool1d),
        "GlobalAvgPool2d" => model.add_named(name, GlobalAvgPool2d),
        "GlobalMaxPool2d" => model.add_named(name, GlobalMaxPool2d),
        "GlobalAvgPool3d" => model.add_named(name, GlobalAvgPool3d),
        "GlobalMaxPool3d" => model.add_named(name, GlobalMaxPool3d),
        _ => match kind.split_at(kind.len().saturating_sub(2)) {
            (kind, "1d") => of_rank::<1>(model, name, kind, spec)?,
            (kind, "2d") => of_rank::<2>(model, name, kind, spec)?,
            (kind, "3d") => of_rank::<3>(model, name, kind, spec)?,
            _ => return Err(format!("no layer `{kind}`")),
        },
    })
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap_or(0) as usize
}

fn array<const N: usize>(value: &Value) -> [usize; N] {
    sizes(value).try_into().unwrap_or([0; N])
}

fn pairs<const N: usize>(value: &Value) -> [[usize; 2]; N] {
    std::array::from_fn(|axis| array(&value[axis]))
}

pub fn padding<const N: usize>(value: &Value) -> Padding<N> {
    match value.as_str() {
        Some("same") => Padding::Same,
        Some("causal") => Padding::Causal,
        None if value.is_array() => Padding::Explicit(pairs(value)),
        _ => Padding::Valid,
    }
}

pub fn interpolation(value: &Value) -> Interpolation {
    match text(value) {
        "nearest_floor" => Interpolation::NearestFloor,
        "linear" => Interpolation::Linear,
        "cubic" => Interpolation::Cubic,
        "catmull_rom" => Interpolation::CatmullRom,
        "lanczos3" => Interpolation::Lanczos3,
        "lanczos5" => Interpolation::Lanczos5,
        _ => Interpolation::Nearest,
    }
}

fn of_rank<const N: usize>(model: Sequential, name: &str, kind: &str, spec: &Value) -> Built<Sequential> {
    /// A layer with the options that all sliding windows have, and those that only it has.
    macro_rules! sliding {
        ($layer:expr $(, $key:literal => |$inner:ident, $value:ident| $set:expr)*) => {
            options!($layer, spec,
                "stride" => |layer, value| layer.strides(array(value)),
                "dilation" => |layer, value| layer.dilation_rate(array(value)),
                "padding" => |layer, value| layer.padding(padding(value)),
                $($key => |$inner, $value| $set,)*
            )
        };
    }
    macro_rules! activated {
        ($layer:expr) => {{
            let layer = options!($layer, spec, "use_bias" => |layer, value| layer.use_bias(value == true));
            with_activation!(text(&spec["activation"]), activation => model.add_named(name, layer.activation(activation)))
        }};
    }
    let (filters, kernel, window) = (size(&spec["filters"]), array::<N>(&spec["kernel"]), array::<N>(&spec["size"]));
    Ok(match kind {
        "Conv" => activated!(sliding!(Conv::new(filters, kernel),
            "groups" => |layer, value| layer.groups(size(value)))),
        "ConvTranspose" => activated!(sliding!(ConvTranspose::new(filters, kernel),
            "groups" => |layer, value| layer.groups(size(value)),
            "output_padding" => |layer, value| layer.output_padding(array(value)))),
        "DepthwiseConv" => activated!(sliding!(DepthwiseConv::new(kernel),
            "depth_multiplier" => |layer, value| layer.depth_multiplier(size(value)))),
        "SeparableConv" => activated!(sliding!(SeparableConv::new(filters, kernel),
            "depth_multiplier" => |layer, value| layer.depth_multiplier(size(value)))),
        "MaxPool" => model.add_named(
            name,
            sliding!(MaxPool::new(window),
            "ceil_mode" => |layer, value| layer.ceil_mode(value == true)),
        ),
        "AvgPool" => model.add_named(
            name,
            sliding!(AvgPool::new(window),
            "ceil_mode" => |layer, value| layer.ceil_mode(value == true),
            "count_padding" => |layer, value| layer.count_padding(value == true)),
        ),
        "AdaptiveAvgPool" => model.add_named(name, AdaptiveAvgPool::new(array::<N>(&spec["output"]))),
        "AdaptiveMaxPool" => model.add_named(name, AdaptiveMaxPool::new(array::<N>(&spec["output"]))),
        "ZeroPad" => model.add_named(name, ZeroPad::new(pairs::<N>(&spec["border"]))),
        "Crop" => model.add_named(name, Crop::new(pairs::<N>(&spec["border"]))),
        "UpSample" => model.add_named(
            name,
            options!(UpSample::new(array::<N>(&spec["factors"])), spec,
            "interpolation" => |layer, value| layer.interpolation(interpolation(value)),
            "align_corners" => |layer, value| layer.align_corners(value == true)),
        ),
        "Resize" => {
            let layer = match &spec["factors"] {
                Value::Null => Resize::new(array::<N>(&spec["lengths"])),
                factors => Resize::by(std::array::from_fn(|axis| factors[axis].as_f64().unwrap_or(0.0))),
            };
            let layer = options!(layer, spec,
                "interpolation" => |layer, value| layer.interpolation(interpolation(value)),
                "align_corners" => |layer, value| layer.align_corners(value == true),
                "antialias" => |layer, value| layer.antialias(value == true));
            model.add_named(name, layer)
        }
        "Unfold" => model.add_named(name, sliding!(Unfold::new(window))),
        "Fold" => model.add_named(name, sliding!(Fold::new(array::<N>(&spec["lengths"]), window))),
        other => return Err(format!("no layer `{other}` of rank {N}")),
    })
}
