//! Rows for what resizes, lays out windows, or takes numbers at places.

use gradus::layers::*;
use gradus::prelude::*;

use super::{Function, Row, function, layer, numbers};

const SEQUENCES: &[usize] = &[2, 7, 2];
const IMAGES: &[usize] = &[2, 5, 4, 2];
const VOLUMES: &[usize] = &[2, 3, 4, 3, 2];

pub(crate) fn functions() -> Vec<Function> {
    let mut rows = Vec::new();
    for outside in [Outside::Zeros, Outside::Border, Outside::Reflection] {
        for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            let name = format!("GridSample2d {interpolation:?} {outside:?}");
            let sample = GridSample2d::new().interpolation(interpolation).outside(outside);
            rows.push(function(name, &[numbers(&[2, 3, 4, 2]), numbers(&[2, 2, 3, 2])], move |x| {
                sample.forward(&(x[0].clone(), x[1].clone()))
            }));
        }
    }
    rows.push(function("GridSample3d aligned", &[numbers(&[2, 3, 2, 4, 2]), numbers(&[2, 1, 2, 2, 3])], |x| {
        GridSample3d::new().align_corners(true).forward(&(x[0].clone(), x[1].clone()))
    }));
    rows.push(function("AffineGrid2d", &[numbers(&[2, 2, 3])], |x| AffineGrid2d::new([3, 2]).forward(&x[0])));
    rows.push(function("AffineGrid3d aligned", &[numbers(&[2, 3, 4])], |x| {
        AffineGrid3d::new([2, 1, 3]).align_corners(true).forward(&x[0])
    }));
    macro_rules! unpool {
        ($pool:ident, $unpool:ident, $shape:expr) => {
            rows.push(function(concat!(stringify!($unpool), " of squares"), &[numbers($shape)], |x| {
                let (y, indices) = $pool::new(2).forward_with_indices(&x[0])?;
                $unpool::new(2).forward(&(&y * &y, indices))
            }));
        };
    }
    unpool!(MaxPool1d, MaxUnpool1d, SEQUENCES);
    unpool!(MaxPool2d, MaxUnpool2d, IMAGES);
    unpool!(MaxPool3d, MaxUnpool3d, &[2, 2, 4, 3, 2]);
    let masked = |x: &Var| x.clone().with_mask(ndarray::arr2(&[[1, 1, 0, 1, 0, 0, 0], [0; 7]]));
    let sequences = [numbers(SEQUENCES)];
    rows.push(function("GlobalAvgPool1d under a mask", &sequences, move |x| GlobalAvgPool1d.forward(&masked(&x[0])?)));
    rows.push(function("RotaryEmbedding by tables", &[numbers(&[2, 3, 2, 4])], |x| {
        let angles = x[0].tape().constant(numbers(&[2, 3, 2]));
        RotaryEmbedding::new().forward_with(&x[0], &angles.cos(), &angles.sin())
    }));
    rows
}

/// Rows of a layer without parameters, with an input of two axes refused.
macro_rules! rows {
    ($rows:ident, $layer:ident, $input:expr, $($name:literal => $make:expr),+ $(,)?) => {
        $rows.extend([$(layer(concat!(stringify!($layer), " ", $name), $input, Some(&[2, 3]), || $make)),+]);
    };
}

pub(crate) fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    rows!(rows, Resize1d, SEQUENCES,
        "linear" => Resize1d::new(4).interpolation(Interpolation::Linear),
        "factor" => Resize1d::by([1.4]).interpolation(Interpolation::Cubic),
    );
    rows!(rows, Resize2d, IMAGES,
        "nearest" => Resize2d::new([3, 7]),
        "nearest floor" => Resize2d::new([3, 7]).interpolation(Interpolation::NearestFloor),
        "linear antialias" => Resize2d::new(3).interpolation(Interpolation::Linear).antialias(true),
        "cubic" => Resize2d::new([7, 3]).interpolation(Interpolation::Cubic),
        "cubic aligned" => Resize2d::new([7, 3]).interpolation(Interpolation::Cubic).align_corners(true),
        "Catmull-Rom" => Resize2d::new([7, 3]).interpolation(Interpolation::CatmullRom),
        "Lanczos" => Resize2d::new([7, 3]).interpolation(Interpolation::Lanczos3),
        "Lanczos5 antialias" => Resize2d::new([2, 3]).interpolation(Interpolation::Lanczos5).antialias(true),
    );
    rows!(rows, Resize3d, VOLUMES, "linear" => Resize3d::new([2, 5, 4]).interpolation(Interpolation::Linear));
    rows!(rows, Unfold1d, SEQUENCES, "padded" => Unfold1d::new(3).strides(2).padding(Padding::all(1)));
    rows!(rows, Unfold2d, IMAGES, "dilated" => Unfold2d::new(2).dilation_rate([2, 1]));
    rows!(rows, Unfold3d, VOLUMES, "same" => Unfold3d::new(2).padding(Padding::Same));
    rows!(rows, Fold1d, &[2, 4, 6], "padded" => Fold1d::new(7, 3).strides(2).padding(Padding::all(1)));
    rows!(rows, Fold2d, &[2, 2, 3, 8], "dilated" => Fold2d::new([4, 4], 2).dilation_rate([2, 1]));
    rows!(rows, Fold3d, &[2, 1, 2, 1, 8], "plain" => Fold3d::new([2, 3, 2], 2));
    rows
}
