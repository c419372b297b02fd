//! The first network that read digits.

use crate::activations::Tanh;
use crate::formats::Translation;
use crate::layers::{AvgPool2d, Conv2d, Dense, Flatten, Sequential};

/// LeNet-5, for grey images of 32 x 32: two convolutions with means of their output, three dense layers; 61,706 parameters
/// for ten classes.
///
/// The means have no weights of their own, each channel of the second convolution sees all of the first, and the last layer
/// is a dense one, as in most programs today.
///
/// # Shapes
/// input `[batch, 32, 32, 1]`, which [`ZeroPad2d`](crate::layers::ZeroPad2d) by 2 makes of MNIST's images; output
/// `[batch, classes]`
/// # Example
/// ```
/// use gradus::models::LeNet5;
/// use gradus::prelude::*;
/// let model = LeNet5::lenet5(10);
/// let y = model.forward(&Tape::inference().input(ndarray::Array4::<f32>::zeros((2, 32, 32, 1))))?;
/// assert_eq!((y.shape(), model.parameter_count()), (&[2, 10][..], 61_706));
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition"
#[derive(Debug)]
pub struct LeNet5;

impl LeNet5 {
    /// Creates the network with scores for this many classes.
    pub fn lenet5(classes: usize) -> Sequential {
        Sequential::new()
            .add_named("conv1", Conv2d::new(6, 5).activation(Tanh))
            .add(AvgPool2d::new(2))
            .add_named("conv2", Conv2d::new(16, 5).activation(Tanh))
            .add(AvgPool2d::new(2))
            .add(Flatten)
            .add_named("fc1", Dense::new(120).activation(Tanh))
            .add_named("fc2", Dense::new(84).activation(Tanh))
            .add_named("fc3", Dense::new(classes))
    }

    /// Returns how PyTorch stores it, with the names `conv1`, `conv2`, `fc1`, `fc2`, `fc3`.
    pub fn translation() -> Translation {
        Translation::pytorch().flattened("fc1", 16)
    }
}
