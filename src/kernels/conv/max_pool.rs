//! Convolution and max pooling in one: the output of the convolution never leaves the first cache.

use super::forward::{pack_patches, segments};
use super::{ConvShape, winograd};
use crate::buffers::Loan;
use crate::float::Float;
use crate::kernels::{
    scratch::with_scratch,
    simd::{Kernel, Lanes, dispatch, panel_width},
    tile::{Product, Start, cells},
};

/// Convolution pixels that are computed before they are pooled.
const PIXELS: usize = 128;

/// The kernel as `forward_max_pool` wants it.
pub fn pack_forward_max_pool(shape: &ConvShape, pool: [usize; 2], kernel: &[Float]) -> Loan {
    if pool == [2, 2] && winograd::fits(shape) { winograd::pack(shape, kernel) } else { pack_patches(shape, kernel) }
}

/// Like `forward`, then max pooling by windows that touch each other; pixels that no window covers are not computed.
///
/// `argmax` receives the place of the maximum inside its window, the first one if there are several.
pub fn forward_max_pool(
    shape: &ConvShape,
    pool: [usize; 2],
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    argmax: &mut [u8],
) {
    let size = pool[0] * pool[1];
    assert!(size <= 256, "a pooling window of {size} pixels does not fit into a u8");
    let [out_height, out_width] = shape.grid();
    let grid = [out_height / pool[0], out_width / pool[1]];
    let len = grid[0] * grid[1] * shape.filters;
    if len == 0 {
        return;
    }
    if pool == [2, 2] && winograd::fits(shape) {
        return winograd::forward_max_pool(shape, grid, x, packed, bias, y, argmax);
    }
    let (segments, k) = segments(shape);
    let (pooled, width) = (Pooled { shape, segments: &segments, k, packed, bias, size }, panel_width());
    let mut rows = Vec::with_capacity(PIXELS + grid[1] * size);
    for (x, (y, argmax)) in
        x.chunks_exact(shape.input_len()).zip(y.chunks_exact_mut(len).zip(argmax.chunks_exact_mut(len)))
    {
        shape.with_padded(x, |x| {
            let mut first = 0;
            for line in 0..grid[0] {
                for column in 0..grid[1] {
                    for i in 0..pool[0] {
                        for j in 0..pool[1] {
                            let patch = shape.patch(line * pool[0] + i, column * pool[1] + j);
                            rows.push((patch, rows.len() * width));
                        }
                    }
                }
                if rows.len() < PIXELS && line + 1 < grid[0] {
                    continue;
                }
                pooled.windows(&rows, x, &mut y[first * shape.filters..], &mut argmax[first * shape.filters..]);
                first = (line + 1) * grid[1];
                rows.clear();
            }
        });
    }
}

/// A convolution whose pixels are computed window after window, and pooled at once.
struct Pooled<'a> {
    shape: &'a ConvShape,
    segments: &'a [(usize, usize)],
    k: usize,
    packed: &'a [Float],
    bias: Option<&'a [Float]>,
    /// Pixels of a window.
    size: usize,
}

impl Pooled<'_> {
    /// Some windows of an image: `rows` says where the patches of their pixels start.
    fn windows(&self, rows: &[(usize, usize)], x: &[Float], y: &mut [Float], argmax: &mut [u8]) {
        let (shape, width) = (self.shape, panel_width());
        let (filters, channels) = (shape.group_filters(), shape.group_channels());
        let panel_len = shape.taps() * channels * width;
        with_scratch(rows.len() * width, |scratch| {
            for (panel, b) in self.packed.chunks_exact(panel_len).enumerate() {
                let panels = filters.div_ceil(width);
                let (group, column) = (panel / panels, panel % panels * width);
                let (columns, column) = (width.min(filters - column), group * filters + column);
                dispatch(Product {
                    rows,
                    segments: self.segments,
                    k: self.k,
                    a: &x[group * channels..],
                    a_step: 1,
                    b,
                    b_step: width,
                    b_panel: panel_len,
                    c: cells(scratch),
                    columns,
                    start: self.bias.map_or(Start::Zero, |bias| Start::Row(&bias[column..])),
                });
                let (size, filters) = (self.size, shape.filters);
                dispatch(Max { pixels: scratch, size, width, column, columns, filters, y, argmax });
            }
        });
    }
}

/// The maximum of each column of `size` pixels and its first place; not a number wins over any number.
struct Max<'a> {
    pixels: &'a [Float],
    size: usize,
    width: usize,
    column: usize,
    columns: usize,
    filters: usize,
    y: &'a mut [Float],
    argmax: &'a mut [u8],
}

impl Kernel for Max<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let windows = self.pixels.len() / (self.size * self.width);
        let end = windows.saturating_sub(1) * self.filters + self.column + self.columns;
        assert!(
            self.columns <= self.width && end <= self.y.len() && end <= self.argmax.len(),
            "pooled output too short"
        );
        for (window, first) in (0..windows).flat_map(|w| (0..self.columns).step_by(L::WIDTH).map(move |c| (w, c))) {
            // SAFETY: checked above; panels are a whole number of registers wide.
            unsafe {
                let pixels = self.pixels.as_ptr().add(window * self.size * self.width + first);
                let y = self.y.as_mut_ptr().add(window * self.filters + self.column + first);
                let argmax = self.argmax.as_mut_ptr().add(window * self.filters + self.column + first);
                let (mut best, mut place) = (L::splat(Float::NEG_INFINITY), L::splat(0.0));
                for p in 0..self.size {
                    let x = L::load(pixels.add(p * self.width));
                    (best, place) = x.max_place(L::splat(p as Float), best, place);
                }
                let bytes = place.to_bytes();
                if self.columns - first >= L::WIDTH {
                    best.store(y);
                    bytes.as_ptr().copy_to_nonoverlapping(argmax, L::WIDTH);
                } else {
                    best.store_part(y, L::mask(self.columns - first));
                    bytes.as_ptr().copy_to_nonoverlapping(argmax, self.columns - first);
                }
            }
        }
    }
}
