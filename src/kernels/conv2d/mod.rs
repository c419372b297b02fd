//! Convolution of images `[height, width, channels]` with a kernel `[height, width, channels / groups, filters]`.

mod backward;
mod forward;
mod max_pool;
mod sparse;
#[cfg(test)]
mod tests;
mod winograd;

pub use backward::{OutputGradient, input_gradient, pack_backward, weight_gradient};
pub use forward::{forward, pack_forward};
pub use max_pool::{forward_max_pool, pack_forward_max_pool};

use crate::Float;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub filters: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    /// Zeros around the image: `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
}

impl Conv2dShape {
    /// Height and width of the output; zero where the kernel is larger than the padded image.
    pub fn out(&self) -> [usize; 2] {
        let padded = self.padded();
        [0, 1].map(|i| {
            let reach = (self.kernel[i] - 1) * self.dilation[i] + 1;
            if padded[i] < reach { 0 } else { (padded[i] - reach) / self.stride[i] + 1 }
        })
    }

    /// Numbers in an input image.
    pub fn input_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers in an output image.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.out();
        height * width * self.filters
    }

    /// Numbers in the kernel.
    #[cfg(test)]
    pub fn kernel_len(&self) -> usize {
        self.taps() * self.group_channels() * self.filters
    }

    fn padded(&self) -> [usize; 2] {
        let [[top, bottom], [left, right]] = self.padding;
        [self.height + top + bottom, self.width + left + right]
    }

    fn padded_len(&self) -> usize {
        let [height, width] = self.padded();
        height * width * self.channels
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Where the patch of an output pixel starts in the padded image.
    fn patch(&self, y: usize, x: usize) -> usize {
        (y * self.stride[0] * self.padded()[1] + x * self.stride[1]) * self.channels
    }

    /// Where a tap reads, counted from the start of a patch.
    fn tap(&self, y: usize, x: usize) -> usize {
        (y * self.dilation[0] * self.padded()[1] + x * self.dilation[1]) * self.channels
    }

    /// Row and column of a tap.
    fn place(&self, tap: usize) -> [usize; 2] {
        [tap / self.kernel[1], tap % self.kernel[1]]
    }

    /// Whether a kernel row is one stretch of memory in an image.
    fn has_contiguous_rows(&self) -> bool {
        self.groups == 1 && (self.dilation[1] == 1 || self.kernel[1] == 1)
    }

    /// How many images to work on together, so that weights are used often enough while they are in cache.
    fn images_per_block(&self, grid: [usize; 2]) -> usize {
        (128 / (grid[0] * grid[1]).max(1)).max(1)
    }

    /// Copies images into zero-bordered ones.
    fn pad(&self, images: &[Float], padded: &mut [Float]) {
        let [[top, _], [left, _]] = self.padding;
        let (row, padded_row) = (self.width * self.channels, self.padded()[1] * self.channels);
        if self.padded_len() != self.input_len() {
            padded.fill(0.0);
        }
        for (image, padded) in images.chunks_exact(self.input_len()).zip(padded.chunks_exact_mut(self.padded_len())) {
            for (y, line) in image.chunks_exact(row).enumerate() {
                let start = (y + top) * padded_row + left * self.channels;
                padded[start..start + row].copy_from_slice(line);
            }
        }
    }

    /// The inverse of `pad`.
    fn crop(&self, padded: &[Float], images: &mut [Float]) {
        let [[top, _], [left, _]] = self.padding;
        let (row, padded_row) = (self.width * self.channels, self.padded()[1] * self.channels);
        for (image, padded) in images.chunks_exact_mut(self.input_len()).zip(padded.chunks_exact(self.padded_len())) {
            for (y, line) in image.chunks_exact_mut(row).enumerate() {
                let start = (y + top) * padded_row + left * self.channels;
                line.copy_from_slice(&padded[start..start + row]);
            }
        }
    }

    /// Calls `work` with the images, zero-bordered if the convolution pads.
    fn with_padded<R>(&self, images: &[Float], work: impl FnOnce(&[Float]) -> R) -> R {
        if self.padded_len() == self.input_len() {
            return work(images);
        }
        let len = images.len() / self.input_len() * self.padded_len();
        super::scratch::with_scratch(len, |padded| {
            self.pad(images, padded);
            work(padded)
        })
    }
}
