//! Operators that give images another size, and those that sample them at given places.

use super::layers::last;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::formats::onnx::tensors::lengths;
use crate::layers::{AffineGrid2d, AffineGrid3d, GridSample2d, GridSample3d, Interpolation, Layer, Outside, Resize2d};
use crate::onnx::node::{Node, Outputs, unsupported};
use crate::onnx::value::Value;
use crate::tensor::Float;

const IMAGES: [usize; 4] = [0, 2, 3, 1];

/// The lengths that images of these lengths get, or the factors that they grow by.
enum Wanted {
    Lengths([usize; 2]),
    Factors([Float; 2]),
}

impl Wanted {
    fn of(node: &Node<'_>, cells: [usize; 2]) -> Result<Self> {
        let axes = node.axes(usize::MAX, 4)?.unwrap_or_else(|| (0..4).collect());
        let cells = cells.map(|len| len as Float);
        // What is given for some axes, as what is for height and width.
        let of_image = |given: Vec<Float>, mut both: [Float; 2]| {
            for (axis, given) in axes.iter().zip(given) {
                if let Some(own) = axis.checked_sub(2).and_then(|axis| both.get_mut(axis)) {
                    *own = given;
                }
            }
            both
        };
        if let Some(sizes) = node.get(3) {
            let wanted = of_image(sizes.numbers()?, cells);
            let ratios = [wanted[0] / cells[0], wanted[1] / cells[1]];
            let lengths = match &*node.string("keep_aspect_ratio_policy", "stretch") {
                "not_larger" => cells.map(|len| (len * ratios[0].min(ratios[1])).round()),
                "not_smaller" => cells.map(|len| (len * ratios[0].max(ratios[1])).round()),
                _ => wanted,
            };
            return Ok(Self::Lengths(lengths.map(|len| len as usize)));
        }
        Ok(Self::Factors(of_image(scales(node)?, [1.0; 2])))
    }
}

fn scales(node: &Node<'_>) -> Result<Vec<Float>> {
    if let Some(scales) = node.attribute("scales") {
        return Ok(scales.floats.iter().map(|scale| *scale as Float).collect());
    }
    // Version 10 had no region of interest before the scales.
    let place = if node.op() == "Resize" && node.opset >= 11 { 2 } else { 1 };
    node.get(place).map_or(Ok(Vec::new()), Value::numbers)
}

/// The factor that brings `len` to where a product in f32, as onnxruntime has it, would be: 5 times 2.6 is 13 there, though the nearest f32
/// is below 2.6.
fn factor(len: usize, scale: Float) -> f64 {
    let (scale, cells) = (f64::from(scale) as f32, len as f64);
    let wanted = f64::from((len as f32 * scale).floor());
    [f64::from(scale), wanted / cells]
        .into_iter()
        .find(|by| (cells * by).floor() == wanted)
        .unwrap_or((wanted / cells).next_up())
}

pub fn resize(node: &Node<'_>) -> Outputs {
    let [batch, channels, height, width] = node.value(0)?.shape()[..] else {
        return Err(unsupported("resizing of other than images"));
    };
    let layer = match Wanted::of(node, [height, width])? {
        Wanted::Lengths(lengths) => {
            node.bounded(&[batch, channels, lengths[0], lengths[1]])?;
            Resize2d::new(lengths)
        }
        Wanted::Factors(by) => {
            let long = |len: usize, by: Float| (len as Float * by.max(0.0)).ceil() as usize;
            node.bounded(&[batch, channels, long(height, by[0]), long(width, by[1])])?;
            Resize2d::by([factor(height, by[0]), factor(width, by[1])])
        }
    };
    if node.flag("antialias", false) {
        return Err(unsupported("antialiasing over a repeated border, which Keras and PyTorch leave out"));
    }
    let x = node.value(0)?.laid(&IMAGES)?;
    let sizes = layer.forward(&x)?.value.shape()[1..3].to_vec();
    let (interpolation, corners) = interpolation(node, [height, width], [sizes[0], sizes[1]])?;
    let y = layer.interpolation(interpolation).align_corners(corners).forward(&x)?;
    Ok(vec![Value::ordered(y, IMAGES.into(), node.kind())])
}

/// How new cells follow from old ones, and whether the corners stay in their places.
fn interpolation(node: &Node<'_>, from: [usize; 2], to: [usize; 2]) -> Result<(Interpolation, bool)> {
    let old = node.opset < 11;
    let mode = node.string("mode", "nearest");
    let counting = node.string("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" });
    let rounding = node.string("nearest_mode", if old { "floor" } else { "round_prefer_floor" });
    let scales = if node.get(3).is_some() { Vec::new() } else { scales(node)? };
    // Whether a new cell has its centre between two old ones.
    let ties = scales.is_empty()
        && (0..2).any(|axis| (0..to[axis]).any(|i| ((2 * i + 1) * from[axis]).is_multiple_of(2 * to[axis])));
    let cells = [1, 1, from[0], from[1]];
    let found = match (&*mode, &*counting, &*rounding) {
        (_, "tf_crop_and_resize", _) => {
            return Err(unsupported("crop and resize at once, which neither Keras' nor PyTorch's resizing has"));
        }
        ("nearest", "half_pixel", "round_prefer_floor") if ties => {
            return Err(unsupported(
                "the first of two cells that are as near, where Keras and PyTorch take the second",
            ));
        }
        ("nearest", "half_pixel", "round_prefer_floor" | "round_prefer_ceil") => Interpolation::Nearest,
        ("nearest", "asymmetric", "floor") => Interpolation::NearestFloor,
        ("nearest", ..) => {
            let reason =
                format_args!("the nearest cell by {counting} and {rounding}, which neither Keras nor PyTorch has");
            return Err(unsupported(reason));
        }
        (_, "half_pixel_symmetric" | "asymmetric", _) => {
            return Err(unsupported(format_args!("places by {counting}, which neither Keras nor PyTorch has")));
        }
        (_, "pytorch_half_pixel", _) if to.contains(&1) => {
            return Err(unsupported("the first cell where there is one, which PyTorch no longer takes"));
        }
        (_, "align_corners", _) if scales.iter().zip(cells).any(|(by, len)| (by * len as Float).fract() != 0.0) => {
            return Err(unsupported("corners aligned by a length that is not whole, which PyTorch does not have"));
        }
        ("linear" | "bilinear", ..) => Interpolation::Linear,
        _ => match (node.float("cubic_coeff_a", -0.75), node.flag("exclude_outside", false)) {
            (-0.75, false) => Interpolation::Cubic,
            (-0.5, true) => Interpolation::CatmullRom,
            _ => return Err(unsupported("another cubic than those of Keras and PyTorch")),
        },
    };
    Ok((found, counting == "align_corners"))
}

pub fn affine_grid(node: &Node<'_>) -> Outputs {
    let (maps, size) = (node.var(0)?, lengths(&node.value(1)?.ints()?)?);
    node.bounded(&size)?;
    let align = node.flag("align_corners", false);
    node.one(match size.get(2..).unwrap_or_default() {
        [height, width] => AffineGrid2d::new([*height, *width]).align_corners(align).forward(&maps)?,
        [depth, height, width] => AffineGrid3d::new([*depth, *height, *width]).align_corners(align).forward(&maps)?,
        _ => return Err(unsupported("places in other than images and volumes")),
    })
}

pub fn grid_sample(node: &Node<'_>) -> Outputs {
    let interpolation = match &*node.string("mode", "linear") {
        "nearest" => Interpolation::Nearest,
        "cubic" | "bicubic" => Interpolation::Cubic,
        _ => Interpolation::Linear,
    };
    let outside = match &*node.string("padding_mode", "zeros") {
        "border" => Outside::Border,
        "reflection" => Outside::Reflection,
        _ => Outside::Zeros,
    };
    let align = node.flag("align_corners", false);
    let order = last(node.value(0)?.rank());
    let inputs = (node.value(0)?.laid(&order)?, node.var(1)?);
    let channels = inputs.0.value.shape().last().copied().unwrap_or(1);
    node.bounded(&[inputs.1.value.len(), channels])?;
    macro_rules! sample {
        ($layer:ident) => {
            $layer::new().interpolation(interpolation).outside(outside).align_corners(align).forward(&inputs)?
        };
    }
    let y: Var = if order.len() == 4 { sample!(GridSample2d) } else { sample!(GridSample3d) };
    if y.value.ndim() != order.len() {
        return Err(Error::shape("expected places for images or volumes"));
    }
    Ok(vec![Value::ordered(y, order, node.kind())])
}
