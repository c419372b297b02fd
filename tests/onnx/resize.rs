//! Operators that give images another size, and those that sample them at given places.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs, resolved};
use super::shape::lengths;
use super::value::Value;
use super::windows::{channels_first, channels_last};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "Upsample" | "Resize" => resize(node),
        "AffineGrid" => affine_grid(node),
        "GridSample" => grid_sample(node),
        _ => Err(Failure::Unknown),
    }
}

fn resize(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let [_, _, height, width] = *x.shape() else { return Err(Failure::skip("resizing of other than images")) };
    let axes = node.axes(usize::MAX).unwrap_or_else(|| (0..4).collect());
    // What is given for some axes, as what is for height and width.
    let of_image = |given: &[Float], all: [Float; 2]| {
        let mut both = all;
        for (axis, given) in axes.iter().map(|axis| resolved(*axis, 4)).zip(given) {
            match axis {
                2 | 3 => both[axis - 2] = *given,
                _ => {}
            }
        }
        both
    };
    let cells = [height as Float, width as Float];
    let scales = node.get(if node.op() == "Resize" { 2 } else { 1 }).map(Value::numbers).unwrap_or_default();
    let layer = match node.get(3) {
        Some(sizes) => {
            let wanted = of_image(&sizes.numbers(), cells);
            let ratios = [wanted[0] / cells[0], wanted[1] / cells[1]];
            let lengths = match &*node.string("keep_aspect_ratio_policy", "stretch") {
                "not_larger" => cells.map(|len| (len * ratios[0].min(ratios[1])).round()),
                "not_smaller" => cells.map(|len| (len * ratios[0].max(ratios[1])).round()),
                _ => wanted,
            };
            Resize2d::new(lengths.map(|len| len as usize))
        }
        None => Resize2d::by(of_image(&scales, [1.0; 2]).map(f64::from)),
    };
    let (mode, counting) =
        (node.string("mode", "nearest"), node.string("coordinate_transformation_mode", "half_pixel"));
    if counting == "tf_crop_and_resize" {
        return Err(Failure::skip("crop and resize at once, which neither Keras' nor PyTorch's resizing has"));
    }
    if node.flag("antialias", false) {
        return Err(Failure::skip("antialiasing over a repeated border, which Keras and PyTorch leave out"));
    }
    let rounding = node.string("nearest_mode", "round_prefer_floor");
    let y = layer.forward(&channels_last(x)?)?;
    // Whether a new cell has its centre between two old ones.
    let ties = (0..2).any(|axis| {
        let (from, to) = (x.shape()[axis + 2], y.shape()[axis + 1]);
        scales.is_empty() && (0..to).any(|i| ((2 * i + 1) * from).is_multiple_of(2 * to))
    });
    let interpolation = match (&*mode, &*counting, &*rounding) {
        ("nearest", "half_pixel", "round_prefer_floor") if ties => {
            return Err(Failure::skip(
                "the first of two cells that are as near, where Keras and PyTorch take the second",
            ));
        }
        ("nearest", "half_pixel", "round_prefer_floor" | "round_prefer_ceil") => Interpolation::Nearest,
        ("nearest", "asymmetric", "floor") => Interpolation::NearestFloor,
        ("nearest", ..) => {
            let reason = format!("the nearest cell by {counting} and {rounding}, which neither Keras nor PyTorch has");
            return Err(Failure::skip(reason));
        }
        (_, "half_pixel_symmetric" | "asymmetric", _) => {
            return Err(Failure::skip(format!("places by {counting}, which neither Keras nor PyTorch has")));
        }
        (_, "pytorch_half_pixel", _) if y.shape()[1..3].contains(&1) => {
            return Err(Failure::skip("the first cell where there is one, which PyTorch no longer takes"));
        }
        (_, "align_corners", _)
            if scales.iter().zip(x.shape()).any(|(by, len)| (by * *len as Float).fract() != 0.0) =>
        {
            return Err(Failure::skip("corners aligned by a length that is not whole, which PyTorch does not have"));
        }
        ("linear", ..) => Interpolation::Linear,
        _ => match (node.float("cubic_coeff_a", -0.75), node.flag("exclude_outside", false)) {
            (-0.75, false) => Interpolation::Cubic,
            (-0.5, true) => Interpolation::CatmullRom,
            _ => return Err(Failure::skip("another cubic than those of Keras and PyTorch")),
        },
    };
    let layer = layer.interpolation(interpolation).align_corners(counting == "align_corners");
    node.one(channels_first(&layer.forward(&channels_last(x)?)?)?)
}

fn affine_grid(node: &Node<'_>) -> Outputs {
    let (maps, size, align) = (node.var(0)?, lengths(&node.value(1)?.ints()), node.flag("align_corners", false));
    node.one(match size[2..] {
        [height, width] => AffineGrid2d::new([height, width]).align_corners(align).forward(maps)?,
        [depth, height, width] => AffineGrid3d::new([depth, height, width]).align_corners(align).forward(maps)?,
        _ => return Err(Failure::skip("places in other than images and volumes")),
    })
}

fn grid_sample(node: &Node<'_>) -> Outputs {
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
    let inputs = (channels_last(node.var(0)?)?, node.var(1)?.clone());
    macro_rules! sample {
        ($layer:ident) => {
            $layer::new().interpolation(interpolation).outside(outside).align_corners(align).forward(&inputs)?
        };
    }
    let y = if inputs.1.shape().len() == 4 { sample!(GridSample2d) } else { sample!(GridSample3d) };
    node.one(channels_first(&y)?)
}
