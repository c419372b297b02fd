//! The network that won the ImageNet challenge of 2012.

use crate::activations::Relu;
use crate::formats::Translation;
use crate::initializers::HeNormal;
use crate::layers::{AdaptiveAvgPool2d, Conv2d, Dense, Dropout, Flatten, MaxPool2d, Padding, Sequential};

/// AlexNet, for images of 224 x 224: five convolutions, three dense layers; 61 million parameters for 1,000 classes.
///
/// It is torchvision's, the later form for one device, without normalisation of responses.
///
/// # Shapes
/// input `[batch, height, width, 3]` with sides of at least 63, output `[batch, classes]`
/// # Defaults
/// dropout of a half before the first two dense layers, kernels He normal
/// # Example
/// ```
/// use gradus::models::AlexNet;
/// use gradus::prelude::*;
/// let model = AlexNet::alexnet(1000);
/// assert_eq!(model.parameters()[0].0, "features.0.kernel");
/// assert!(model.get("classifier_6").is_some());
/// ```
/// # Reference
/// Krizhevsky, Sutskever & Hinton 2012; Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"
#[derive(Debug)]
pub struct AlexNet;

impl AlexNet {
    /// Creates the network with scores for this many classes.
    pub fn alexnet(classes: usize) -> Sequential {
        let conv = |filters: usize, size: usize, padding: usize| {
            Conv2d::new(filters, size).padding(Padding::all(padding)).activation(Relu).kernel_initializer(HeNormal)
        };
        let pool = || MaxPool2d::new(3).strides(2);
        let features = Sequential::new()
            .add_named("0", conv(64, 11, 2).strides(4))
            .add_named("2", pool())
            .add_named("3", conv(192, 5, 2))
            .add_named("5", pool())
            .add_named("6", conv(384, 3, 1))
            .add_named("8", conv(256, 3, 1))
            .add_named("10", conv(256, 3, 1))
            .add_named("12", pool());
        let dense = || Dense::new(4096).activation(Relu).kernel_initializer(HeNormal);
        Sequential::new()
            .add_named("features", features)
            .add_named("avgpool", AdaptiveAvgPool2d::new(6))
            .add(Flatten)
            .add_named("classifier_0", Dropout::new(0.5))
            .add_named("classifier_1", dense())
            .add_named("classifier_3", Dropout::new(0.5))
            .add_named("classifier_4", dense())
            .add_named("classifier_6", Dense::new(classes))
    }

    /// Returns how torchvision stores it.
    pub fn translation() -> Translation {
        Translation::pytorch().rename("classifier.*", "classifier_*").flattened("classifier_1", 256)
    }
}
