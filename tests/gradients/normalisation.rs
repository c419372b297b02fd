//! A row for each layer of normalisation and noise, and for activations that no other table has: they overflow far out,
//! or change the shape.

use gradus::activations::{Exponential, Glu, Sparsemax};
use gradus::initializers::{Constant, VarianceScaling};
use gradus::layers::*;
use gradus::prelude::*;

use super::{Function, Row, function, layer, numbers};

pub(crate) fn functions() -> Vec<Function> {
    let cube = [numbers(&[3, 4, 2])];
    let mask = || ndarray::array![[1, 1, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]];
    vec![
        function("BatchNorm under a mask", &cube, move |x| BatchNorm::new().forward(&x[0].clone().with_mask(mask())?)),
        function("Exponential", &[numbers(&[3, 4])], |x| Ok(Exponential.apply(&x[0]))),
        function("sparsemax along axis 1", &cube, |x| x[0].sparsemax(1)),
        function("softmax along axis 1 of 3", &cube, |x| x[0].softmax(1)),
        function("log_softmax along axis 1 of 3", &cube, |x| x[0].log_softmax(-2)),
    ]
}

/// Spectral norms with many iterations: differences see the vectors move with the kernel, unless they have arrived.
pub(crate) fn table() -> Vec<Row> {
    let cube = &[3, 4, 2];
    const IMAGES: &[usize] = &[2, 3, 2, 4];
    const OTHER: Option<&[usize]> = Some(&[2, 3, 2, 5]);
    vec![
        layer("BatchNorm of 3 axes", cube, Some(&[3, 4, 3]), BatchNorm::new),
        layer("BatchNorm of 5 axes", &[2, 2, 1, 3, 2], Some(&[2, 2, 1, 3, 3]), BatchNorm::new),
        layer("LayerNorm", cube, Some(&[3, 4, 3]), LayerNorm::new),
        layer("LayerNorm of a vector", &[3, 5], Some(&[3]), LayerNorm::new),
        layer("LayerNorm epsilon", cube, Some(&[3, 4, 3]), || LayerNorm::new().epsilon(0.1)),
        layer("LayerNorm over two axes", cube, Some(&[3, 3, 2]), || LayerNorm::new().axes([-2, -1])),
        layer("LayerNorm without beta", cube, Some(&[3, 4, 3]), || LayerNorm::new().center(false)),
        layer("LayerNorm without gamma", cube, Some(&[3, 4, 3]), || LayerNorm::new().scale(false)),
        layer("LayerNorm without both", cube, Some(&[3]), || LayerNorm::new().scale(false).center(false)),
        layer("RmsNorm", cube, Some(&[3, 4, 3]), RmsNorm::new),
        layer("RmsNorm epsilon", cube, Some(&[3, 4, 3]), || RmsNorm::new().epsilon(0.1)),
        layer("RmsNorm over two axes", cube, Some(&[3, 3, 2]), || RmsNorm::new().axes([1, 2])),
        layer("RmsNorm without gamma", cube, Some(&[3]), || RmsNorm::new().scale(false)),
        layer("UnitNorm", cube, Some(&[3]), UnitNorm::new),
        layer("UnitNorm over two axes", cube, Some(&[3]), || UnitNorm::new().axes([2, 1])),
        layer("GroupNorm", IMAGES, OTHER, || GroupNorm::new(2)),
        layer("GroupNorm of one group", IMAGES, OTHER, || GroupNorm::new(1)),
        layer("GroupNorm on sequences", &[2, 3, 4], Some(&[2, 3, 6]), || GroupNorm::new(2).epsilon(0.1)),
        layer("GroupNorm on vectors", &[2, 6], Some(&[2, 4]), || GroupNorm::new(2)),
        layer("GroupNorm without beta", IMAGES, OTHER, || GroupNorm::new(2).center(false)),
        layer("GroupNorm without gamma", IMAGES, OTHER, || GroupNorm::new(2).scale(false)),
        layer("InstanceNorm", IMAGES, Some(&[2, 4]), InstanceNorm::new),
        layer("InstanceNorm with both", IMAGES, OTHER, || InstanceNorm::new().scale(true).center(true)),
        layer("InstanceNorm epsilon", &[2, 3, 4], Some(&[2, 4]), || InstanceNorm::new().epsilon(0.1)),
        layer("SpectralNorm of Dense", &[3, 4], Some(&[3, 5]), || {
            SpectralNorm::new(Dense::new(3)).power_iterations(500)
        }),
        layer("SpectralNorm of Conv2d", IMAGES, OTHER, || {
            SpectralNorm::new(Conv2d::new(3, 2).activation(Tanh)).power_iterations(500)
        }),
        layer("SpectralNorm parameter", &[3, 4], Some(&[3, 5]), || {
            let inner = Sequential::new().add(Dense::new(3).activation(Tanh)).add(Dense::new(2));
            SpectralNorm::new(inner).parameter("dense_1.kernel").power_iterations(500)
        }),
        layer("Dropout on sequences", cube, None, || Dropout::new(0.2)),
        layer("SpatialDropout1d", cube, Some(&[3, 4]), || SpatialDropout1d::new(0.4)),
        layer("SpatialDropout2d", IMAGES, Some(&[3, 4]), || SpatialDropout2d::new(0.4)),
        layer("SpatialDropout3d", &[2, 2, 1, 3, 2], Some(&[3, 4]), || SpatialDropout3d::new(0.4)),
        layer("AlphaDropout", cube, None, || AlphaDropout::new(0.3)),
        layer("GaussianNoise", cube, None, || GaussianNoise::new(0.3)),
        layer("GaussianDropout", cube, None, || GaussianDropout::new(0.3)),
        layer("PRelu", cube, Some(&[3, 4, 3]), || PRelu::new().alpha_initializer(Constant(0.25))),
        layer("PRelu shared_axes", IMAGES, OTHER, || {
            PRelu::new().shared_axes([1, -2]).alpha_initializer(Constant(0.25))
        }),
        layer("Dense VarianceScaling", &[3, 4], Some(&[3, 5]), || {
            Dense::new(3).kernel_initializer(VarianceScaling::default())
        }),
        layer("Exponential in Dense", &[3, 4], Some(&[3, 5]), || Dense::new(3).activation(Exponential)),
        layer("AlongAxis softmax", cube, Some(&[3]), || Softmax::over(1)),
        layer("AlongAxis log-softmax", cube, Some(&[3]), || LogSoftmax::over(-2)),
        layer("AlongAxis sparsemax", cube, Some(&[3]), || Sparsemax::over(1)),
        layer("Glu", cube, Some(&[3, 4, 3]), Glu::default),
        layer("Glu over axis 1", cube, Some(&[3, 3, 2]), || Glu::over(1)),
    ]
}
