//! Layers that take places, indices or angles beside their input.

use gradus::layers::*;
use gradus::prelude::*;
use serde_json::Value;

use super::Check;
use super::build::{Built, options};
use super::convolution::{interpolation, padding};
use super::fixture::{Case, sizes, text};
use super::run::{WeightedSum, compare, reason};

fn pair(value: &Value) -> [usize; 2] {
    sizes(value).try_into().unwrap_or([0; 2])
}

/// Output and input gradients.
pub fn run(case: &Case) -> Built<Vec<Check>> {
    let tape = Tape::training();
    let x: Vec<Var> = case.under("x/").iter().map(|i| tape.variable(case.tensor(&format!("x/{i}")))).collect();
    let y = forward(&case.settings, &x).map_err(reason)?;
    let mut checks = vec![compare("y", y.value(), case)];
    let gradients = tape.apply(WeightedSum(case.tensor("dy")), &[&y]).backward().map_err(reason)?;
    for (i, x) in x.iter().enumerate() {
        match (gradients.of(x), case.shape(&format!("dx/{i}"))) {
            (Some(dx), Some(_)) => checks.push(compare(&format!("dx/{i}"), dx, case)),
            (None, None) => {}
            (ours, _) => {
                return Err(format!("gradient of input {i} here: {}, there: {}", ours.is_some(), ours.is_none()));
            }
        }
    }
    Ok(checks)
}

fn forward(spec: &Value, x: &[Var]) -> Result<Var> {
    let aligned = spec["align_corners"] == true;
    let lengths = || sizes(&spec["lengths"]);
    macro_rules! sample {
        ($layer:ident) => {{
            let outside = match text(&spec["outside"]) {
                "border" => Outside::Border,
                "reflection" => Outside::Reflection,
                _ => Outside::Zeros,
            };
            let layer = $layer::new().interpolation(interpolation(&spec["interpolation"])).outside(outside);
            layer.align_corners(aligned).forward(&(x[0].clone(), x[1].clone()))
        }};
    }
    match text(&spec["layer"]) {
        "GridSample2d" => sample!(GridSample2d),
        "GridSample3d" => sample!(GridSample3d),
        "AffineGrid2d" => AffineGrid2d::new(pair(&spec["lengths"])).align_corners(aligned).forward(&x[0]),
        "AffineGrid3d" => {
            AffineGrid3d::new(<[usize; 3]>::try_from(lengths()).unwrap_or([0; 3])).align_corners(aligned).forward(&x[0])
        }
        "MaxUnpool2d" => {
            let (size, stride, padding) = (pair(&spec["size"]), pair(&spec["stride"]), padding(&spec["padding"]));
            let (y, indices) = MaxPool2d::new(size).strides(stride).padding(padding).forward_with_indices(&x[0])?;
            let layer = MaxUnpool2d::new(size).strides(stride).padding(padding);
            options!(layer, spec, "output" => |layer, value| layer.output_size(pair(value)))
                .forward(&(&y * &y, indices))
        }
        "RotaryEmbedding" => {
            let layer = RotaryEmbedding::new().interleaved(spec["interleaved"] == true);
            layer.forward_with(&x[0], &x[1], &x[2])
        }
        other => Err(Error::value(format!("no layer `{other}`"))),
    }
}
