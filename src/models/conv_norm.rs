//! What the networks with batch normalisation are made of.

use crate::initializers::{Fan, KaimingNormal};
use crate::layers::{BatchNorm, Conv2d, Padding};

/// A convolution without bias, padded so that its output is as large as the input, or smaller by the stride.
pub(super) fn conv(filters: usize, size: usize, stride: usize) -> Conv2d {
    let initializer = KaimingNormal { a: 0.0, mode: Fan::Out };
    let conv = Conv2d::new(filters, size).strides(stride).padding(Padding::all(size / 2));
    conv.use_bias(false).kernel_initializer(initializer)
}

/// Batch normalisation with PyTorch's settings.
pub(super) fn norm() -> BatchNorm {
    BatchNorm::new().epsilon(1e-5).momentum(0.9)
}
