//! Convolution of `[depth, height, width, channels]` with a kernel `[depth, height, width, channels / groups, filters]`.
//! An image has depth 1, a sequence depth and height 1.

mod backward;
mod bands;
mod depthwise;
mod forward;
mod max_pool;
mod sparse;
#[cfg(test)]
mod tests;
mod winograd;

pub use backward::{
    OutputGradient, add_turned_gradient, input_gradient, is_turned, pack_backward, pack_turned, turn_back,
    weight_gradient,
};
pub use bands::pieces;
pub use forward::{forward, pack_forward};
pub use max_pool::{forward_max_pool, pack_forward_max_pool};

use crate::float::Float;

/// The sizes of a convolution. Lower ranks have lengths of 1 in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Depth, height and width of the input.
    pub size: [usize; 3],
    pub channels: usize,
    pub filters: usize,
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    pub dilation: [usize; 3],
    pub groups: usize,
    /// Zeros around the input: `[[front, back], [top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 3],
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As a product whose rows are patches.
    Patches,
    /// Each channel on its own.
    Depthwise,
    /// With fewer multiplications.
    Winograd,
}

impl ConvShape {
    /// How the convolution is computed fastest.
    pub fn method(&self) -> Method {
        if self.is_depthwise() {
            return Method::Depthwise;
        }
        // Tiles reach over the edge of small outputs.
        let [products, sums] = [self.grid().map(|len| len.div_ceil(2) * 4), self.grid().map(|len| len * 3)];
        let saves = 3 * products[0] * products[1] <= 2 * sums[0] * sums[1];
        if saves && winograd::fits(self) { Method::Winograd } else { Method::Patches }
    }

    /// The convolution that takes the gradient of the output to that of the input, with the kernel turned round, if there is one.
    pub fn turned(&self) -> Option<Self> {
        let reach = [0, 1, 2].map(|i| (self.kernel[i] - 1) * self.dilation[i]);
        let inside = (0..3).all(|i| self.padding[i].iter().all(|padding| *padding <= reach[i]));
        let padding = [0, 1, 2].map(|i| self.padding[i].map(|padding| reach[i].saturating_sub(padding)));
        let (channels, filters) = (self.filters, self.channels);
        let turned = Self { size: self.out(), channels, filters, padding, ..*self };
        let each = self.groups == 1 || (self.is_depthwise() && self.channels == self.filters);
        (inside && each && self.stride == [1; 3]).then_some(turned)
    }

    /// Depth, height and width of the output; zero where the kernel is larger than the padded input.
    pub fn out(&self) -> [usize; 3] {
        let padded = self.padded();
        let out = |i: usize| {
            let reach = (self.kernel[i] - 1) * self.dilation[i] + 1;
            if padded[i] < reach { 0 } else { (padded[i] - reach) / self.stride[i] + 1 }
        };
        [out(0), out(1), out(2)]
    }

    /// Lines (of all depths) and columns of the output.
    pub fn grid(&self) -> [usize; 2] {
        let [depth, height, width] = self.out();
        [depth * height, width]
    }

    /// Numbers in an input image.
    pub fn input_len(&self) -> usize {
        self.size.iter().product::<usize>() * self.channels
    }

    /// Numbers in an output image.
    pub fn output_len(&self) -> usize {
        self.out().iter().product::<usize>() * self.filters
    }

    /// Numbers in the kernel.
    #[cfg(test)]
    pub fn kernel_len(&self) -> usize {
        self.taps() * self.group_channels() * self.filters
    }

    /// Whether each channel has filters of its own.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels
    }

    #[inline]
    fn padded(&self) -> [usize; 3] {
        let padded = |i: usize| self.size[i] + self.padding[i][0] + self.padding[i][1];
        [padded(0), padded(1), padded(2)]
    }

    #[inline]
    fn padded_len(&self) -> usize {
        let [depth, height, width] = self.padded();
        depth * height * width * self.channels
    }

    fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Rows of the kernel, of all depths.
    fn kernel_rows(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Where the patch of an output pixel starts in the padded image; `line` counts the lines of all depths.
    #[inline]
    fn patch(&self, line: usize, column: usize) -> usize {
        let [depth, _, width] = self.padded();
        let row = if depth == 1 { line * self.stride[1] } else { self.deep_row(line) };
        (row * width + column * self.stride[2]) * self.channels
    }

    /// In which row of the padded image the patches of a line start.
    #[inline(never)]
    fn deep_row(&self, line: usize) -> usize {
        let ([_, height, _], [_, lines, _]) = (self.padded(), self.out());
        line / lines * self.stride[0] * height + line % lines * self.stride[1]
    }

    /// Where a tap reads, counted from the start of a patch; `row` counts the kernel's rows of all depths.
    #[inline]
    fn tap(&self, row: usize, column: usize) -> usize {
        let [_, height, width] = self.padded();
        let [_, rows, _] = self.kernel;
        let row = row / rows * self.dilation[0] * height + row % rows * self.dilation[1];
        (row * width + column * self.dilation[2]) * self.channels
    }

    /// Row and column of a tap.
    fn place(&self, tap: usize) -> [usize; 2] {
        [tap / self.kernel[2], tap % self.kernel[2]]
    }

    /// Whether a kernel row is one stretch of memory in an image.
    fn has_contiguous_rows(&self) -> bool {
        self.groups == 1 && (self.dilation[2] == 1 || self.kernel[2] == 1)
    }

    /// How many images to work on together, so that weights are used often enough while they are in cache.
    fn images_per_block(&self, grid: [usize; 2]) -> usize {
        (128 / (grid[0] * grid[1]).max(1)).max(1)
    }

    /// Where the lines of an image start in the padded one.
    fn padded_lines(&self) -> impl Iterator<Item = usize> {
        let ([_, height, _], [_, padded_height, width], channels) = (self.size, self.padded(), self.channels);
        let [[front, _], [top, _], [left, _]] = self.padding;
        (0..self.size[0] * height).map(move |line| {
            let row = (line / height + front) * padded_height + line % height + top;
            (row * width + left) * channels
        })
    }

    /// Copies images into zero-bordered ones.
    pub fn pad(&self, images: &[Float], padded: &mut [Float]) {
        let row = self.size[2] * self.channels;
        let (len, padded_len) = (self.input_len().max(1), self.padded_len().max(1));
        for (image, padded) in images.chunks_exact(len).zip(padded.chunks_exact_mut(padded_len)) {
            let mut done = 0;
            for (start, line) in self.padded_lines().zip(image.chunks_exact(row)) {
                padded[done..start].fill(0.0);
                done = start + row;
                padded[start..done].copy_from_slice(line);
            }
            padded[done..].fill(0.0);
        }
    }

    /// The inverse of `pad`.
    pub fn crop(&self, padded: &[Float], images: &mut [Float]) {
        let row = self.size[2] * self.channels;
        let (len, padded_len) = (self.input_len().max(1), self.padded_len().max(1));
        for (image, padded) in images.chunks_exact_mut(len).zip(padded.chunks_exact(padded_len)) {
            for (start, line) in self.padded_lines().zip(image.chunks_exact_mut(row)) {
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
