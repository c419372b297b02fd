//! Pooling of an image `[height, width, channels]` of any window, stride and padding.

use super::simd::vectorized;
use crate::Float;
use std::ops::Range;

/// The sizes of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dShape {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub window: [usize; 2],
    pub stride: [usize; 2],
    /// Cells around the image: `[[top, bottom], [left, right]]`. They are never the maximum.
    pub padding: [[usize; 2]; 2],
    /// Whether an average counts the padding as zeros, or leaves it out.
    pub count_padding: bool,
}

impl Pool2dShape {
    /// Height and width of the output; zero where the window is larger than the padded image.
    pub fn out(&self) -> [usize; 2] {
        let size = [self.height, self.width];
        [0, 1].map(|i| {
            let padded = size[i] + self.padding[i][0] + self.padding[i][1];
            if padded < self.window[i] { 0 } else { (padded - self.window[i]) / self.stride[i] + 1 }
        })
    }

    /// The rows and columns of the image that a window covers.
    #[inline(always)]
    fn covered(&self, y: usize, x: usize) -> [Range<usize>; 2] {
        let (at, size) = ([y, x], [self.height, self.width]);
        [0, 1].map(|i| {
            let (start, before) = (at[i] * self.stride[i], self.padding[i][0]);
            let end = (start + self.window[i]).saturating_sub(before).min(size[i]);
            start.saturating_sub(before).min(end)..end
        })
    }

    /// What the sum over a window is divided by.
    #[inline(always)]
    fn cells(&self, [rows, columns]: &[Range<usize>; 2]) -> Float {
        let cells = if self.count_padding { self.window[0] * self.window[1] } else { rows.len() * columns.len() };
        cells.max(1) as Float
    }
}

vectorized! {
    /// The maxima, and the pixels `row * width + column` where they are: the first ones, and `u32::MAX` for a window
    /// of padding only. Not a number wins over any number.
    pub fn max_pool(shape: &Pool2dShape, x: &[Float], y: &mut [Float], argmax: &mut [u32]) {
        let (channels, [height, width]) = (shape.channels, shape.out());
        let outputs = y.chunks_exact_mut(channels).zip(argmax.chunks_exact_mut(channels));
        for (i, (y, argmax)) in outputs.take(height * width).enumerate() {
            y.fill(Float::NEG_INFINITY);
            let [rows, columns] = shape.covered(i / width, i % width);
            argmax.fill(if rows.is_empty() || columns.is_empty() { u32::MAX } else { (rows.start * shape.width + columns.start) as u32 });
            for row in rows {
                for pixel in row * shape.width + columns.start..row * shape.width + columns.end {
                    let x = &x[pixel * channels..][..channels];
                    for ((best, place), &x) in y.iter_mut().zip(argmax.iter_mut()).zip(x) {
                        let greater = (x > *best) | x.is_nan();
                        *best = if greater { x } else { *best };
                        *place = if greater { pixel as u32 } else { *place };
                    }
                }
            }
        }
    }
}

/// Adds the gradients to `dx`, each where its maximum was.
pub fn max_pool_backward(channels: usize, dy: &[Float], argmax: &[u32], dx: &mut [Float]) {
    for (dy, argmax) in dy.chunks_exact(channels).zip(argmax.chunks_exact(channels)) {
        for (channel, (dy, &pixel)) in dy.iter().zip(argmax).enumerate() {
            if pixel != u32::MAX {
                dx[pixel as usize * channels + channel] += dy;
            }
        }
    }
}

vectorized! {
    /// The averages.
    pub fn average_pool(shape: &Pool2dShape, x: &[Float], y: &mut [Float]) {
        let (channels, [height, width]) = (shape.channels, shape.out());
        for (i, y) in y.chunks_exact_mut(channels).take(height * width).enumerate() {
            y.fill(0.0);
            let window = shape.covered(i / width, i % width);
            let factor = 1.0 / shape.cells(&window);
            let [rows, columns] = window;
            for row in rows {
                for pixel in row * shape.width + columns.start..row * shape.width + columns.end {
                    y.iter_mut().zip(&x[pixel * channels..][..channels]).for_each(|(y, x)| *y += x);
                }
            }
            y.iter_mut().for_each(|y| *y *= factor);
        }
    }
}

vectorized! {
    /// Adds the gradients to `dx`, a share to each cell of the window.
    pub fn average_pool_backward(shape: &Pool2dShape, dy: &[Float], dx: &mut [Float]) {
        let (channels, [height, width]) = (shape.channels, shape.out());
        for (i, dy) in dy.chunks_exact(channels).take(height * width).enumerate() {
            let window = shape.covered(i / width, i % width);
            let factor = 1.0 / shape.cells(&window);
            let [rows, columns] = window;
            for row in rows {
                for pixel in row * shape.width + columns.start..row * shape.width + columns.end {
                    dx[pixel * channels..][..channels].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * factor);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: calls `visit(cell inside the image, input index, output index)` for each cell of each window.
    fn cells(s: &Pool2dShape, mut visit: impl FnMut(bool, usize, usize)) {
        let [height, width] = s.out();
        for (o, c) in (0..height * width).flat_map(|o| (0..s.channels).map(move |c| (o, c))) {
            for cell in 0..s.window[0] * s.window[1] {
                let row = (o / width * s.stride[0] + cell / s.window[1]).wrapping_sub(s.padding[0][0]);
                let column = (o % width * s.stride[1] + cell % s.window[1]).wrapping_sub(s.padding[1][0]);
                let inside = row < s.height && column < s.width;
                let pixel = if inside { row * s.width + column } else { 0 };
                visit(inside, pixel * s.channels + c, o * s.channels + c);
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            size in [1usize..9, 1usize..9], channels in 1usize..20, window in [1usize..4, 1usize..4],
            stride in [1usize..4, 1usize..4], padding in [[0usize..3, 0usize..3], [0usize..3, 0usize..3]],
            count_padding: bool, seed in 0usize..1000,
        ) {
            let [height, width] = size;
            let s = Pool2dShape { height, width, channels, window, stride, padding, count_padding };
            let numbers = |len: usize, by: usize| -> Vec<Float> {
                (0..len).map(|i| ((i * by + seed) % 13) as Float - 6.0).collect()
            };
            let len = s.out()[0] * s.out()[1] * channels;
            let (x, dy) = (numbers(height * width * channels, 7), numbers(len, 5));

            let (mut max, mut at) = (vec![Float::NEG_INFINITY; len], vec![None; len]);
            let (mut sum, mut count) = (vec![0.0; len], vec![0.0; len]);
            cells(&s, |inside, i, o| {
                if inside && x[i] > max[o] {
                    (max[o], at[o]) = (x[i], Some(i));
                }
                sum[o] += if inside { x[i] } else { 0.0 };
                count[o] += if inside || count_padding { 1.0 } else { 0.0 };
            });
            let (mut dx_max, mut dx_average) = (vec![1.0; x.len()], vec![1.0; x.len()]);
            (0..len).for_each(|o| if let Some(i) = at[o] { dx_max[i] += dy[o] });
            cells(&s, |inside, i, o| if inside { dx_average[i] += dy[o] / count[o] });

            let (mut y, mut argmax) = (vec![Float::NAN; len], vec![9; len]);
            max_pool(&s, &x, &mut y, &mut argmax);
            prop_assert_eq!(&y, &max);
            let mut dx = vec![1.0; x.len()];
            max_pool_backward(channels, &dy, &argmax, &mut dx);
            prop_assert_eq!(dx, dx_max);
            average_pool(&s, &x, &mut y);
            let mut dx = vec![1.0; x.len()];
            average_pool_backward(&s, &dy, &mut dx);
            for o in 0..len {
                prop_assert!((y[o] - sum[o] / Float::max(count[o], 1.0)).abs() < 1e-5);
            }
            prop_assert!(dx.iter().zip(&dx_average).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }
}
