//! Convolution of 3 x 3 and max pooling of 2 x 2 by Winograd's `F(2 x 2, 3 x 3)`: 16 products a window instead of 36.
//!
//! Reference: Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks".

use super::ConvShape;
use crate::Float;
use crate::kernels::scratch::with_scratch;
use crate::kernels::simd::{Kernel, Lanes, dispatch, panel_width};
use crate::kernels::tile::{Product, Start};

/// Windows that are transformed before they are multiplied.
const WINDOWS: usize = 30;

/// Whether it applies, and there are enough channels to pay for the transforms.
pub(super) fn fits(shape: &ConvShape, pool: [usize; 2]) -> bool {
    let plain = (shape.stride, shape.dilation, shape.groups, pool) == ([1; 3], [1; 3], 1, [2, 2]);
    plain && shape.kernel == [1, 3, 3] && shape.size[0] == 1 && shape.channels >= 16 && shape.filters >= 16
}

/// The transformed kernel in panels of columns: `[panel, 16, channel, column]`.
pub(super) fn pack(shape: &ConvShape, kernel: &[Float]) -> Vec<Float> {
    let (width, channels) = (panel_width(), shape.channels);
    let mut packed = vec![0.0; shape.filters.next_multiple_of(width) * channels * 16];
    let g = |[a, b, c]: [Float; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    for (channel, filter) in (0..channels).flat_map(|c| (0..shape.filters).map(move |f| (c, f))) {
        let (panel, column) = (filter / width, filter % width);
        let w = |y: usize, x: usize| kernel[((y * 3 + x) * channels + channel) * shape.filters + filter];
        let columns = |x: usize| g([w(0, x), w(1, x), w(2, x)]);
        let [a, b, c] = [columns(0), columns(1), columns(2)];
        for y in 0..4 {
            let line = g([a[y], b[y], c[y]]);
            for x in 0..4 {
                let place = (panel * 16 + y * 4 + x) * channels + channel;
                packed[place * width + column] = line[x];
            }
        }
    }
    packed
}

pub(super) fn forward(
    shape: &ConvShape,
    grid: [usize; 2],
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    argmax: &mut [u8],
) {
    let (width, channels, filters, windows) = (panel_width(), shape.channels, shape.filters, grid[0] * grid[1]);
    let most = WINDOWS.min(windows);
    let (patches_len, sums_len) = (16 * most * channels, 16 * most * width);
    let block = most * filters;
    let images = y.chunks_exact_mut(windows * filters).zip(argmax.chunks_exact_mut(windows * filters));
    for (x, (y, argmax)) in x.chunks_exact(shape.input_len()).zip(images) {
        let blocks = y.chunks_mut(block).zip(argmax.chunks_mut(block)).enumerate();
        shape.with_padded(x, |x| {
            with_scratch(patches_len + sums_len, |scratch| {
                let (patches, sums) = scratch.split_at_mut(patches_len);
                for (i, (y, argmax)) in blocks {
                    let count = y.len() / filters;
                    let starts = (i * most..i * most + count)
                        .map(|w| shape.patch(w / grid[1] * 2, w % grid[1] * 2))
                        .collect::<Vec<_>>();
                    let [_, _, row] = shape.padded();
                    dispatch(TransformPatches { x, starts: &starts, row: row * channels, channels, patches });
                    let rows: Vec<_> = (0..count).map(|w| (w * channels, w * width)).collect();
                    for (panel, b) in packed.chunks_exact(16 * channels * width).enumerate() {
                        let columns = width.min(filters - panel * width);
                        for (i, b) in b.chunks_exact(channels * width).enumerate() {
                            dispatch(Product {
                                rows: &rows,
                                segments: &[(0, 0)],
                                k: channels,
                                a: &patches[i * count * channels..],
                                a_step: 1,
                                b,
                                b_step: width,
                                b_panel: 0,
                                c: &mut sums[i * count * width..],
                                columns,
                                start: Start::Zero,
                            });
                        }
                        let bias = bias.map(|bias| &bias[panel * width..]);
                        let (y, argmax) = (&mut y[panel * width..], &mut argmax[panel * width..]);
                        dispatch(TransformSums { sums, count, width, columns, filters, bias, y, argmax });
                    }
                }
            });
        });
    }
}

/// `a + b` and `a - b` for [`Lanes`].
macro_rules! lanes {
    ($a:ident + $b:ident) => {
        L::splat(1.0).mul_add($a, $b)
    };
    ($a:ident - $b:ident) => {
        L::splat(-1.0).mul_add($b, $a)
    };
}

/// `B^T d B` of patches `d` of 4 x 4 pixels: `[16, window, channel]`.
struct TransformPatches<'a> {
    x: &'a [Float],
    starts: &'a [usize],
    row: usize,
    channels: usize,
    patches: &'a mut [Float],
}

impl Kernel for TransformPatches<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let end = self.starts.iter().max().map_or(0, |start| start + 3 * self.row + 4 * self.channels);
        let step = self.starts.len() * self.channels;
        assert!(end <= self.x.len() && 16 * step <= self.patches.len(), "image or patches too short");
        for (window, &start) in self.starts.iter().enumerate() {
            for channel in (0..self.channels).step_by(L::WIDTH) {
                let rest = self.channels - channel;
                // SAFETY: checked above.
                unsafe {
                    let x = self.x.as_ptr().add(start + channel);
                    let to = self.patches.as_mut_ptr().add(window * self.channels + channel);
                    let mask = L::mask(rest.min(L::WIDTH));
                    let mut columns = [[L::splat(0.0); 4]; 4];
                    for j in 0..4 {
                        let mut d = [L::splat(0.0); 4];
                        for i in 0..4 {
                            let x = x.add(i * self.row + j * self.channels);
                            d[i] = if rest >= L::WIDTH { L::load(x) } else { L::load_part(x, mask) };
                        }
                        let [a, b, c, d] = d;
                        columns[j] = [lanes!(a - c), lanes!(b + c), lanes!(c - b), lanes!(b - d)];
                    }
                    for i in 0..4 {
                        let [a, b, c, d] = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                        let line = [lanes!(a - c), lanes!(b + c), lanes!(c - b), lanes!(b - d)];
                        for j in 0..4 {
                            let to = to.add((i * 4 + j) * step);
                            if rest >= L::WIDTH { line[j].store(to) } else { line[j].store_part(to, mask) }
                        }
                    }
                }
            }
        }
    }
}

/// `A^T m A` of sums `m`, which gives the 2 x 2 pixels of a window, and their maximum.
struct TransformSums<'a> {
    sums: &'a [Float],
    count: usize,
    width: usize,
    columns: usize,
    filters: usize,
    bias: Option<&'a [Float]>,
    y: &'a mut [Float],
    argmax: &'a mut [u8],
}

impl Kernel for TransformSums<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let end = self.count.saturating_sub(1) * self.filters + self.columns;
        assert!(end <= self.y.len() && end <= self.argmax.len(), "pooled output too short");
        let (step, columns) = (self.count * self.width, self.columns);
        assert!(16 * step <= self.sums.len() && columns <= self.width && self.width.is_multiple_of(L::WIDTH));
        assert!(self.bias.is_none_or(|bias| columns <= bias.len()), "bias too short");
        for (window, column) in (0..self.count).flat_map(|w| (0..columns).step_by(L::WIDTH).map(move |c| (w, c))) {
            // SAFETY: checked above.
            unsafe {
                let sums = self.sums.as_ptr().add(window * self.width + column);
                let mut rows = [[L::splat(0.0); 4]; 2];
                for j in 0..4 {
                    let at = |i: usize| L::load(sums.add((i * 4 + j) * step));
                    let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
                    let (sum, difference) = (lanes!(b + c), lanes!(b - c));
                    (rows[0][j], rows[1][j]) = (lanes!(a + sum), lanes!(difference - d));
                }
                let (mut best, mut place) = (L::splat(Float::NEG_INFINITY), L::splat(0.0));
                for i in 0..2 {
                    let [a, b, c, d] = rows[i];
                    let (sum, difference) = (lanes!(b + c), lanes!(b - c));
                    let (left, right) = (lanes!(a + sum), lanes!(difference - d));
                    (best, place) = left.max_place(L::splat(2.0 * i as Float), best, place);
                    (best, place) = right.max_place(L::splat(2.0 * i as Float + 1.0), best, place);
                }
                let (rest, mask) = ((columns - column).min(L::WIDTH), L::mask((columns - column).min(L::WIDTH)));
                if let Some(bias) = self.bias {
                    let bias = L::load_part(bias.as_ptr().add(column), mask);
                    best = lanes!(best + bias);
                }
                let at = window * self.filters + column;
                let bytes = place.to_bytes();
                if rest == L::WIDTH {
                    best.store(self.y.as_mut_ptr().add(at));
                    bytes.as_ptr().copy_to_nonoverlapping(self.argmax.as_mut_ptr().add(at), L::WIDTH);
                } else {
                    best.store_part(self.y.as_mut_ptr().add(at), mask);
                    bytes.as_ptr().copy_to_nonoverlapping(self.argmax.as_mut_ptr().add(at), rest);
                }
            }
        }
    }
}
