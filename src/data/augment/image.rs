//! An image as its built-in changes see it.

use ndarray::{ArrayD, IxDyn};

use super::Fill;
use crate::error::{Error, Result};
use crate::tensor::Float;

/// An image: rows of pixels of channels, in one piece of memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// How many rows.
    pub height: usize,
    /// How many columns.
    pub width: usize,
    /// How many numbers a pixel has.
    pub channels: usize,
    /// The numbers, `height · width · channels` of them.
    pub pixels: Vec<Float>,
}

/// The whole number below, and the rest. A call of `floor` would take longer than all else that a pixel needs.
fn split(x: Float) -> [Float; 2] {
    let whole = x as i64 as Float;
    let whole = if whole > x { whole - 1.0 } else { whole };
    [whole, x - whole]
}

impl Image {
    /// From an example; `who` asks.
    ///
    /// # Errors
    /// an example that does not have three axes, or whose channels seem to come first, as in PyTorch: 1, 3 or 4 rows of pixels
    /// with 8 channels or more
    pub fn new(who: &str, example: ArrayD<Float>) -> Result<Self> {
        let [height, width, channels] = *example.shape() else {
            let shape = example.shape();
            return Err(Error::shape(format!("{who}: expected images [height, width, channels], got {shape:?}")));
        };
        if [1, 3, 4].contains(&height) && width >= 8 && channels >= 8 {
            return Err(Error::shape(format!(
                "{who}: expected images [height, width, channels], got [{height}, {width}, {channels}], whose channels seem to \
                 come first; bring them last with `permuted_axes([0, 2, 3, 1])` of all images"
            )));
        }
        let len = example.len();
        let pixels = if example.is_standard_layout() {
            let (mut pixels, start) = example.into_raw_vec_and_offset();
            pixels.drain(..start.unwrap_or(0));
            pixels.truncate(len);
            pixels
        } else {
            example.iter().copied().collect()
        };
        Ok(Self { height, width, channels, pixels })
    }

    /// As an example again.
    ///
    /// # Errors
    /// another number of pixels than the sizes say
    pub fn into_example(self) -> Result<ArrayD<Float>> {
        let (shape, count) = ([self.height, self.width, self.channels], self.pixels.len());
        ArrayD::from_shape_vec(IxDyn(&shape), self.pixels).map_err(|_| {
            Error::shape(format!("an image {shape:?} [height, width, channels] cannot have {count} numbers"))
        })
    }

    /// A row of pixels.
    pub(super) fn row(&self, y: usize) -> &[Float] {
        &self.pixels[y * self.width * self.channels..][..self.width * self.channels]
    }

    /// The image whose pixel at a row and a column is the one that `source` says of this image, between pixels the mean of
    /// the four around it, by distance.
    pub(super) fn warp(&self, fill: Fill, source: impl Fn(usize, usize) -> (Float, Float)) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        let stride = self.width * self.channels;
        for y in 0..self.height {
            for x in 0..self.width {
                let (row, column) = source(y, x);
                let ([top, down], [left, right]) = (split(row), split(column));
                let mean = |[a, b, c, d]: [Float; 4]| {
                    (a * (1.0 - right) + b * right) * (1.0 - down) + (c * (1.0 - right) + d * right) * down
                };
                let (top, left) = (top as i64, left as i64);
                // Most pixels have all four inside.
                if top >= 0 && top + 1 < self.height as i64 && left >= 0 && left + 1 < self.width as i64 {
                    let first = top as usize * stride + left as usize * self.channels;
                    let (upper, lower) = (&self.pixels[first..], &self.pixels[first + stride..]);
                    let next = self.channels;
                    pixels.extend((0..next).map(|i| mean([upper[i], upper[i + next], lower[i], lower[i + next]])));
                    continue;
                }
                let rows = [fill.index(top, self.height), fill.index(top.saturating_add(1), self.height)];
                let columns = [fill.index(left, self.width), fill.index(left.saturating_add(1), self.width)];
                let at = |row: usize, column: usize, channel: usize| match (rows[row], columns[column]) {
                    (Some(row), Some(column)) => self.pixels[row * stride + column * self.channels + channel],
                    _ => fill.value(),
                };
                pixels.extend((0..self.channels).map(|i| mean([at(0, 0, i), at(0, 1, i), at(1, 0, i), at(1, 1, i)])));
            }
        }
        Self { pixels, ..*self }
    }

    /// A linear map around the centre: `row = a y + b x`, `column = c y + d x`.
    pub(super) fn transform(&self, fill: Fill, [a, b, c, d]: [Float; 4]) -> Self {
        let (cy, cx) = ((self.height as Float - 1.0) / 2.0, (self.width as Float - 1.0) / 2.0);
        self.warp(fill, |y, x| {
            let (y, x) = (y as Float - cy, x as Float - cx);
            (a * y + b * x + cy, c * y + d * x + cx)
        })
    }

    /// Copies a rectangle, `rows` by `columns` at `(top, left)`, out of an image of the same size.
    pub(super) fn paste(&mut self, other: &Self, [top, left]: [usize; 2], [rows, columns]: [usize; 2]) {
        for y in top..top + rows {
            let range = (y * self.width + left) * self.channels..(y * self.width + left + columns) * self.channels;
            self.pixels[range.clone()].copy_from_slice(&other.pixels[range]);
        }
    }
}
