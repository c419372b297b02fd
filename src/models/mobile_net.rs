//! A network for phones.

use super::conv_norm::{conv, norm};
use crate::activations::Relu6;
use crate::formats::Translation;
use crate::layers::{Conv2d, Dense, Dropout, GlobalAvgPool2d, Residual, Sequential};
use crate::tensor::Float;

/// MobileNetV2, for images of 224 x 224: 17 blocks, each of a 1 x 1 convolution that widens, a depthwise 3 x 3, and a 1 x 1
/// that narrows, without an activation, with a way around where shapes allow it; 3.5 million parameters for 1,000 classes.
///
/// # Shapes
/// input `[batch, height, width, 3]`, output `[batch, classes]`
/// # Defaults
/// width 1, dropout of 0.2 before the dense layer, batch normalisation with epsilon 1e-5 and momentum 0.9, kernels Kaiming
/// normal by outputs
/// # Example
/// ```
/// use gradus::models::MobileNetV2;
/// use gradus::prelude::*;
/// let model = MobileNetV2::with_width(10, 0.25);
/// let y = model.forward(&Tape::inference().input(ndarray::Array4::<f32>::zeros((1, 32, 32, 3))))?;
/// assert_eq!(y.shape(), [1, 10]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Sandler, Howard, Zhu, Zhmoginov & Chen 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks"
#[derive(Debug)]
pub struct MobileNetV2;

/// Of each stage: by how much its blocks widen, channels, how many blocks, stride of the first.
const STAGES: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];

impl MobileNetV2 {
    /// Creates the network with scores for this many classes.
    pub fn mobilenet_v2(classes: usize) -> Sequential {
        Self::with_width(classes, 1.0)
    }

    /// Creates the network with scores for this many classes, and with `width` times the channels.
    #[doc(alias = "alpha")]
    #[doc(alias = "width_mult")]
    pub fn with_width(classes: usize, width: Float) -> Sequential {
        let mut channels = scaled(32, width);
        let mut features = Sequential::new().add_named("0", conv_norm(conv(channels, 3, 2)));
        for [widening, filters, depth, first] in STAGES {
            let filters = scaled(filters, width);
            for i in 0..depth {
                let stride = if i == 0 { first } else { 1 };
                let body = body(channels, widening, filters, stride);
                let name = features.len().to_string();
                features = match stride == 1 && channels == filters {
                    true => features.add_named(&name, Residual::new(body)),
                    false => features.add_named(&name, Sequential::new().add_named("body", body)),
                };
                channels = filters;
            }
        }
        let last = conv_norm(conv(scaled(1280, width.max(1.0)), 1, 1));
        let name = features.len().to_string();
        Sequential::new()
            .add_named("features", features.add_named(&name, last))
            .add_named("avgpool", GlobalAvgPool2d)
            .add_named("classifier_0", Dropout::new(0.2))
            .add_named("classifier_1", Dense::new(classes))
    }

    /// Returns how torchvision stores it.
    pub fn translation() -> Translation {
        Translation::pytorch().rename("features.*.conv.*", "features.*.body.*").rename("classifier.*", "classifier_*")
    }
}

/// A convolution, a norm, an activation.
fn conv_norm(conv: Conv2d) -> Sequential {
    Sequential::new().add_named("0", conv).add_named("1", norm()).add_named("2", Relu6)
}

/// What a block adds to its input.
fn body(channels: usize, widening: usize, filters: usize, stride: usize) -> Sequential {
    let hidden = channels.saturating_mul(widening);
    let mut body = Sequential::new();
    if widening > 1 {
        body = body.add_named("0", conv_norm(conv(hidden, 1, 1)));
    }
    let place = body.len();
    body.add_named(&place.to_string(), conv_norm(conv(hidden, 3, stride).groups(hidden)))
        .add_named(&(place + 1).to_string(), conv(filters, 1, 1))
        .add_named(&(place + 2).to_string(), norm())
}

/// Returns `channels * width` as the nearest multiple of 8 that is at least nine tenths of it.
fn scaled(channels: usize, width: Float) -> usize {
    let wanted = channels as Float * width;
    let nearest = ((wanted + 4.0) as usize / 8 * 8).max(8);
    if (nearest as Float) < 0.9 * wanted { nearest.saturating_add(8) } else { nearest }
}
