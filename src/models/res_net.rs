//! Residual networks.

use super::conv_norm::{conv, norm};
use crate::activations::Relu;
use crate::formats::Translation;
use crate::layers::{Dense, GlobalAvgPool2d, MaxPool2d, Padding, Residual, Sequential};

/// ResNet, for images of 224 x 224: residual blocks in four stages, then means and a dense layer; 11.7 (ResNet-18), 21.8
/// (ResNet-34) and 25.6 million (ResNet-50) parameters for 1,000 classes.
///
/// A block of ResNet-18 and -34 has two convolutions of 3 x 3; one of ResNet-50 has a 3 x 3 between two of 1 x 1, and the
/// 3 x 3 takes the stride, as in torchvision.
///
/// # Shapes
/// input `[batch, height, width, 3]`, output `[batch, classes]`
/// # Defaults
/// batch normalisation with epsilon 1e-5 and momentum 0.9, kernels Kaiming normal by outputs
/// # Example
/// ```
/// use gradus::models::ResNet;
/// use gradus::prelude::*;
/// let model = ResNet::resnet18(10);
/// let y = model.forward(&Tape::inference().input(ndarray::Array4::<f32>::zeros((1, 32, 32, 3))))?;
/// assert_eq!(y.shape(), [1, 10]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// He, Zhang, Ren & Sun 2016, "Deep Residual Learning for Image Recognition"
#[derive(Debug)]
pub struct ResNet;

impl ResNet {
    /// Creates ResNet-18 with scores for this many classes.
    pub fn resnet18(classes: usize) -> Sequential {
        network([2, 2, 2, 2], 1, plain, classes)
    }

    /// Creates ResNet-34 with scores for this many classes.
    pub fn resnet34(classes: usize) -> Sequential {
        network([3, 4, 6, 3], 1, plain, classes)
    }

    /// Creates ResNet-50 with scores for this many classes.
    pub fn resnet50(classes: usize) -> Sequential {
        network([3, 4, 6, 3], 4, bottleneck, classes)
    }

    /// Returns how torchvision stores it.
    pub fn translation() -> Translation {
        Translation::pytorch()
            .rename("layer*.*.downsample.*", "layer*.*.shortcut.*")
            .rename("layer*.*.conv*", "layer*.*.body.conv*")
            .rename("layer*.*.bn*", "layer*.*.body.bn*")
    }
}

/// Two convolutions.
fn plain(filters: usize, stride: usize) -> Sequential {
    Sequential::new()
        .add_named("conv1", conv(filters, 3, stride))
        .add_named("bn1", norm())
        .add(Relu)
        .add_named("conv2", conv(filters, 3, 1))
        .add_named("bn2", norm())
}

/// Three convolutions, of which the middle one works on a quarter of the channels.
fn bottleneck(filters: usize, stride: usize) -> Sequential {
    Sequential::new()
        .add_named("conv1", conv(filters, 1, 1))
        .add_named("bn1", norm())
        .add(Relu)
        .add_named("conv2", conv(filters, 3, stride))
        .add_named("bn2", norm())
        .add(Relu)
        .add_named("conv3", conv(4 * filters, 1, 1))
        .add_named("bn3", norm())
}

/// Creates a network with this many blocks in each stage, whose outputs have `expansion` times the channels that they
/// work on.
fn network(stages: [usize; 4], expansion: usize, body: fn(usize, usize) -> Sequential, classes: usize) -> Sequential {
    let mut model = Sequential::new()
        .add_named("conv1", conv(64, 7, 2))
        .add_named("bn1", norm())
        .add(Relu)
        .add_named("maxpool", MaxPool2d::new(3).strides(2).padding(Padding::all(1)));
    let mut channels = 64;
    for (stage, depth) in stages.into_iter().enumerate() {
        let filters = 64 << stage;
        let mut blocks = Sequential::new();
        for i in 0..depth {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            let mut block = Residual::new(body(filters, stride)).activation(Relu);
            if stride > 1 || channels != expansion * filters {
                channels = expansion * filters;
                let shortcut = Sequential::new().add_named("0", conv(channels, 1, stride)).add_named("1", norm());
                block = block.shortcut(shortcut);
            }
            blocks = blocks.add_named(&i.to_string(), block);
        }
        model = model.add_named(&format!("layer{}", stage + 1), blocks);
    }
    model.add_named("avgpool", GlobalAvgPool2d).add_named("fc", Dense::new(classes))
}
