//! Deep networks of small convolutions.

use crate::activations::Relu;
use crate::formats::Translation;
use crate::initializers::HeNormal;
use crate::layers::{AdaptiveAvgPool2d, Conv2d, Dense, Dropout, Flatten, MaxPool2d, Padding, Sequential};

/// VGG, for images of 224 x 224: 3 x 3 convolutions in five stages, three dense layers; 133 (VGG-11) and 138 million (VGG-16)
/// parameters for 1,000 classes.
///
/// # Shapes
/// input `[batch, height, width, 3]` with sides of at least 32, output `[batch, classes]`
/// # Defaults
/// no batch normalisation, dropout of a half after the first two dense layers, kernels He normal
/// # Example
/// ```
/// use gradus::models::Vgg;
/// use gradus::prelude::*;
/// let model = Vgg::vgg16(1000);
/// assert_eq!(model.parameters().len(), 32);
/// assert!(model.get("classifier_6").is_some());
/// ```
/// # Reference
/// Simonyan & Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
#[derive(Debug)]
pub struct Vgg;

impl Vgg {
    /// Creates VGG-11 with scores for this many classes.
    pub fn vgg11(classes: usize) -> Sequential {
        network([1, 1, 2, 2, 2], classes)
    }

    /// Creates VGG-16 with scores for this many classes.
    pub fn vgg16(classes: usize) -> Sequential {
        network([2, 2, 3, 3, 3], classes)
    }

    /// Returns how torchvision stores it.
    pub fn translation() -> Translation {
        Translation::pytorch().rename("classifier.*", "classifier_*").flattened("classifier_0", 512)
    }
}

/// Creates a network with this many convolutions in each stage.
fn network(stages: [usize; 5], classes: usize) -> Sequential {
    let mut features = Sequential::new();
    // torchvision counts activations as layers.
    let mut place = 0;
    for (depth, filters) in stages.into_iter().zip([64, 128, 256, 512, 512]) {
        for _ in 0..depth {
            let conv = Conv2d::new(filters, 3).padding(Padding::all(1)).activation(Relu).kernel_initializer(HeNormal);
            features = features.add_named(&place.to_string(), conv);
            place += 2;
        }
        features = features.add_named(&place.to_string(), MaxPool2d::new(2));
        place += 1;
    }
    let dense = || Dense::new(4096).activation(Relu).kernel_initializer(HeNormal);
    Sequential::new()
        .add_named("features", features)
        .add_named("avgpool", AdaptiveAvgPool2d::new(7))
        .add(Flatten)
        .add_named("classifier_0", dense())
        .add_named("classifier_2", Dropout::new(0.5))
        .add_named("classifier_3", dense())
        .add_named("classifier_5", Dropout::new(0.5))
        .add_named("classifier_6", Dense::new(classes))
}
