//! Gradients of a convolution, with or without the max pooling that followed it.

use super::forward::pack_forward;
use super::forward::pack_panels;
use super::sparse::{Lists, SparseProduct, Term};
use super::{ConvShape, Method, depthwise, winograd};
use crate::buffers::Loan;
use crate::float::Float;
use crate::kernels::{
    columns::add_columns,
    parallel,
    scratch::with_scratch,
    simd::{dispatch, panel_width, vectorize, vectorized},
    tile::{Product, Start, cells},
};
use std::ops::Range;

/// The gradient of a convolution's output, or of its pooled output.
#[derive(Clone, Copy, Debug)]
pub struct OutputGradient<'a> {
    pub dy: &'a [Float],
    /// Window and argmax of the pooling of [`forward_max_pool`](super::forward_max_pool).
    pub max_pool: Option<([usize; 2], &'a [u8])>,
}

impl OutputGradient<'_> {
    fn pool(&self) -> [usize; 2] {
        self.max_pool.map_or([1, 1], |(pool, _)| pool)
    }

    /// Height and width of the pooled output.
    fn windows(&self, shape: &ConvShape) -> [usize; 2] {
        let (out, pool) = (shape.grid(), self.pool());
        [out[0] / pool[0], out[1] / pool[1]]
    }

    /// Height and width of the part of the convolution's output that was pooled.
    fn grid(&self, shape: &ConvShape) -> [usize; 2] {
        let (windows, pool) = (self.windows(shape), self.pool());
        [windows[0] * pool[0], windows[1] * pool[1]]
    }

    /// Gradients of some of the images.
    fn images(&self, shape: &ConvShape, first: usize, count: usize) -> Self {
        let len = self.windows(shape).iter().product::<usize>() * shape.filters;
        let range = first * len..((first + count) * len).min(self.dy.len());
        Self { dy: &self.dy[range.clone()], max_pool: self.max_pool.map(|(pool, argmax)| (pool, &argmax[range])) }
    }

    /// Whether the sparse product is worth while, which works on rows of `columns` numbers.
    fn is_sparse(&self, shape: &ConvShape, columns: usize) -> bool {
        if !shape.has_contiguous_rows() || columns < 32 {
            return false;
        }
        // Lists count in 32 bits where rows start: in a block of images, and in the kernel.
        let block = shape.images_per_block(self.grid(shape)) * shape.padded_len();
        if u32::try_from(block.max(shape.filters * columns)).is_err() {
            return false;
        }
        let nonzero = vectorize(|| self.dy.iter().map(|&dy| u32::from(dy != 0.0)).sum::<u32>());
        let pixels = self.pool()[0] * self.pool()[1];
        (nonzero as usize) < self.dy.len() * pixels * 3 / 10
    }

    /// Argmax of the window in `dy[at]`, if there was a pooling.
    #[inline]
    fn places(&self, at: Range<usize>) -> Option<&[u8]> {
        self.max_pool.map(|(_, argmax)| &argmax[at])
    }

    /// For each filter, a list of the gradients of its pixels with the patches that they belong to.
    fn fill_by_filter(&self, shape: &ConvShape, lists: &mut Lists) {
        let (windows, pool) = (self.windows(shape), self.pool());
        let mut offsets = [0; 256];
        for (i, offset) in offsets[..pool[0] * pool[1]].iter_mut().enumerate() {
            *offset = shape.patch(i / pool[1], i % pool[1]);
        }
        for (i, dy) in self.dy.chunks_exact(shape.filters).enumerate() {
            let (line, x) = (i / windows[1], i % windows[1]);
            let image = line / windows[0] * shape.padded_len();
            let corner = image + shape.patch(line % windows[0] * pool[0], x * pool[1]);
            let places = self.places(i * shape.filters..(i + 1) * shape.filters);
            for (filter, &value) in dy.iter().enumerate() {
                let place = places.map_or(0, |places| places[filter]);
                let len = &mut lists.heads[filter].0;
                let row = (corner + offsets[place as usize]) as u32;
                // Branches on the numbers would be mispredicted: a term that is zero is overwritten by the next one.
                lists.terms[filter * lists.stride + *len as usize] = Term { row, value };
                *len += u32::from(value != 0.0);
            }
        }
    }

    /// For each pixel, a list of the gradients of its filters with the filters' rows of weights.
    fn fill_by_pixel(&self, shape: &ConvShape, row: usize, lists: &mut Lists) {
        const NONE: u16 = u16::MAX;
        let ([_, width], pool, grid) = (self.windows(shape), self.pool(), self.grid(shape));
        let mut winners = vec![NONE; shape.filters];
        for (i, dy) in self.dy.chunks_exact(shape.filters).enumerate() {
            let corner = i / width * pool[0] * grid[1] + i % width * pool[1];
            let places = self.places(i * shape.filters..(i + 1) * shape.filters);
            for (filter, winner) in winners.iter_mut().enumerate() {
                let place = places.map_or(0, |places| u16::from(places[filter]));
                *winner = if dy[filter] == 0.0 { NONE } else { place };
            }
            for place in 0..pool[0] * pool[1] {
                let pixel = corner + place / pool[1] * grid[1] + place % pool[1];
                let terms = &mut lists.terms[pixel * lists.stride..][..shape.filters];
                let mut len = 0;
                for (filter, &winner) in winners.iter().enumerate() {
                    // SAFETY: `len` is at most `filter`, and there is a place for each filter.
                    unsafe { *terms.get_unchecked_mut(len) = Term { row: (filter * row) as u32, value: dy[filter] } };
                    len += usize::from(winner as usize == place);
                }
                lists.heads[pixel].0 = len as u32;
            }
        }
    }

    /// Calls `work` with the gradient of the convolution's output, `[image, grid, filters]`.
    fn with_dense<R>(&self, shape: &ConvShape, work: impl FnOnce(&[Float]) -> R) -> R {
        let Some(([pool_height, pool_width], argmax)) = self.max_pool else { return work(self.dy) };
        let (line, filters) = (self.windows(shape)[1] * shape.filters, shape.filters);
        with_scratch(self.dy.len() * pool_height * pool_width, |dense| {
            expand(self.dy, argmax, [pool_height, pool_width], line, filters, dense);
            work(dense)
        })
    }
}

vectorized! {
    /// Undoes max pooling: a window gets its gradient where its maximum was, and zeros elsewhere.
    fn expand(dy: &[Float], argmax: &[u8], pool: [usize; 2], line: usize, filters: usize, dense: &mut [Float]) {
        let lines = dy.chunks_exact(line).zip(argmax.chunks_exact(line));
        for (block, (dy, argmax)) in dense.chunks_exact_mut(pool[0] * pool[1] * line).zip(lines) {
            for (y, dense) in block.chunks_exact_mut(pool[1] * line).enumerate() {
                for (pixel, dense) in dense.chunks_exact_mut(filters).enumerate() {
                    let (window, place) = (pixel / pool[1] * filters, (y * pool[1] + pixel % pool[1]) as u8);
                    let (dy, argmax) = (&dy[window..][..filters], &argmax[window..][..filters]);
                    for f in 0..filters {
                        dense[f] = if argmax[f] == place { dy[f] } else { 0.0 };
                    }
                }
            }
        }
    }
}

/// The kernel of the turned convolution, packed for its `method`: `[tap, channel, filter]` becomes `[last tap first, filter,
/// channel]`, and stays in that order where each channel has a filter of its own.
pub fn pack_turned(method: Method, turned: &ConvShape, kernel: &[Float]) -> Loan {
    let (channels, filters) = (turned.filters, turned.group_channels());
    let matrix = (channels * filters).max(1);
    with_scratch(kernel.len(), |reversed| {
        reversed.fill(0.0);
        for (to, from) in reversed.chunks_exact_mut(matrix).zip(kernel.chunks_exact(matrix).rev()) {
            add_transposed(from, filters, channels, to);
        }
        pack_forward(method, turned, reversed)
    })
}

/// The kernel transposed for `input_gradient`: `[group, kernel row, filter, kernel column, channel]`.
pub fn pack_backward(shape: &ConvShape, kernel: &[Float]) -> Loan {
    if shape.is_depthwise() {
        return Loan::copy(kernel);
    }
    let row = shape.kernel[2] * shape.group_channels();
    let mut packed = Loan::new(kernel.len());
    if shape.groups == 1 {
        packed.fill(0.0);
        let matrix = (row * shape.filters).max(1);
        for (to, from) in packed.chunks_exact_mut(matrix).zip(kernel.chunks_exact(matrix)) {
            add_transposed(from, shape.filters, row, to);
        }
        return packed;
    }
    for (i, packed) in packed.chunks_exact_mut(row.max(1)).enumerate() {
        let (filter, y) = (i % shape.group_filters(), i / shape.group_filters() % shape.kernel_rows());
        let filter = filter + i / (shape.group_filters() * shape.kernel_rows()) * shape.group_filters();
        for (j, packed) in packed.iter_mut().enumerate() {
            *packed = kernel[(y * row + j) * shape.filters + filter];
        }
    }
    packed
}

/// `dx`, overwritten, for the images of `gradient`, with the kernel from [`pack_backward`].
pub fn input_gradient(shape: &ConvShape, gradient: OutputGradient<'_>, packed: &[Float], dx: &mut [Float]) {
    if shape.is_depthwise() {
        return depthwise::input_gradient(shape, gradient.dy, packed, dx);
    }
    let (grid, row) = (gradient.grid(shape), shape.kernel[2] * shape.group_channels());
    if shape.padded_len() == shape.input_len() {
        return sum_input_gradient(shape, grid, row, gradient, packed, dx);
    }
    for (image, dx) in dx.chunks_exact_mut(shape.input_len()).enumerate() {
        with_scratch(shape.padded_len(), |padded| {
            sum_input_gradient(shape, grid, row, gradient.images(shape, image, 1), packed, padded);
            shape.crop(padded, dx);
        });
    }
}

/// `dx` of padded images.
fn sum_input_gradient(
    shape: &ConvShape,
    grid: [usize; 2],
    row: usize,
    gradient: OutputGradient<'_>,
    packed: &[Float],
    dx: &mut [Float],
) {
    dx.fill(0.0);
    let block = shape.images_per_block(grid);
    let sparse = gradient.is_sparse(shape, row);
    let mut rows = Vec::with_capacity(block * grid[0] * grid[1]);
    for (i, dx) in dx.chunks_mut(block * shape.padded_len()).enumerate() {
        let images = dx.len() / shape.padded_len();
        let gradient = gradient.images(shape, i * block, images);
        let pixels = (0..images).flat_map(|image| {
            (0..grid[0] * grid[1]).map(move |p| image * shape.padded_len() + shape.patch(p / grid[1], p % grid[1]))
        });
        if sparse {
            let segments: Vec<_> =
                (0..shape.kernel_rows()).map(|y| (y * shape.filters * row, shape.tap(y, 0))).collect();
            Lists::with(shape.filters, pixels, |lists| {
                gradient.fill_by_pixel(shape, row, lists);
                dispatch(SparseProduct { lists, segments: &segments, b: packed, c: dx, columns: row });
            });
            continue;
        }
        gradient.with_dense(shape, |dy| {
            let (filters, channels) = (shape.group_filters(), shape.group_channels());
            rows.clear();
            rows.extend(pixels.enumerate().map(|(i, pixel)| (i * shape.filters, pixel)));
            for tap in 0..shape.groups * shape.taps() {
                let (group, [y, x]) = (tap / shape.taps(), shape.place(tap % shape.taps()));
                dispatch(Product {
                    rows: &rows,
                    segments: &[(0, 0)],
                    k: filters,
                    a: &dy[group * filters..],
                    a_step: 1,
                    b: &packed[(group * shape.kernel_rows() + y) * filters * row + x * channels..],
                    b_step: row,
                    b_panel: panel_width(),
                    c: cells(&mut dx[shape.tap(y, x) + group * channels..]),
                    columns: channels,
                    start: Start::Accumulate,
                });
            }
        });
    }
}

/// Adds to `dw` and `db` the gradients for the images in `x`.
pub fn weight_gradient(
    shape: &ConvShape,
    x: &[Float],
    gradient: OutputGradient<'_>,
    dw: &mut [Float],
    db: Option<&mut [f64]>,
) {
    if let Some(db) = db {
        add_columns(db, gradient.dy);
    }
    if shape.is_depthwise() {
        return depthwise::weight_gradient(shape, x, gradient.dy, dw);
    }
    if gradient.max_pool.is_none() && shape.method() == Method::Winograd {
        return winograd::weight_gradient(shape, x, gradient.dy, dw);
    }
    let (grid, row) = (gradient.grid(shape), shape.kernel[2] * shape.group_channels());
    let block = shape.images_per_block(grid);
    let blocks = x.chunks(block * shape.input_len()).enumerate();
    let blocks = blocks.map(|(i, x)| (x, gradient.images(shape, i * block, x.len() / shape.input_len())));
    if !gradient.is_sparse(shape, row) {
        for (x, gradient) in blocks {
            let images = x.len() / shape.input_len();
            let dense =
                |x: &[Float]| gradient.with_dense(shape, |dy| sum_weight_gradient(shape, grid, images, x, dy, dw));
            shape.with_padded(x, dense);
        }
        return;
    }
    with_scratch(dw.len(), |turned| {
        turned.fill(0.0);
        blocks.for_each(|(x, gradient)| add_turned_gradient(shape, x, gradient, turned));
        turn_back(shape, turned, dw);
    });
}

/// Whether the gradients of single images are made by [`add_turned_gradient`].
pub fn is_turned(shape: &ConvShape, gradient: OutputGradient<'_>) -> bool {
    let winograd = gradient.max_pool.is_none() && shape.method() == Method::Winograd;
    !shape.is_depthwise() && !winograd && gradient.is_sparse(shape, shape.kernel[2] * shape.group_channels())
}

/// Adds to `dw`, which is `[kernel row, filter, kernel column, channel]`, the gradient for the images in `x`, where many of those of outputs
/// are 0.
pub fn add_turned_gradient(shape: &ConvShape, x: &[Float], gradient: OutputGradient<'_>, dw: &mut [Float]) {
    // Filter by filter: a kernel row of one filter stays in registers.
    let row = shape.kernel[2] * shape.group_channels();
    let segments: Vec<_> = (0..shape.kernel_rows()).map(|y| (shape.tap(y, 0), y * shape.filters * row)).collect();
    let most = gradient.dy.len() / shape.filters;
    Lists::with(most, (0..shape.filters).map(|f| f * row), |lists| {
        gradient.fill_by_filter(shape, lists);
        shape.with_padded(x, |x| {
            dispatch(SparseProduct { lists, segments: &segments, b: x, c: dw, columns: row });
        });
    });
}

/// Adds the sum of turned gradients to `dw`, `[kernel row, kernel column, channel, filter]`.
pub fn turn_back(shape: &ConvShape, turned: &[Float], dw: &mut [Float]) {
    add_transposed(turned, shape.kernel[2] * shape.group_channels(), shape.filters, dw);
}

/// Pixels whose products are added up before they are added to the gradient, about.
const TERMS: usize = 512;
/// Pieces of a weight gradient for threads, about, and a multiple of the rows of all tiles.
const PIECES: usize = 16;
const TILE: usize = 12;

fn sum_weight_gradient(
    shape: &ConvShape,
    grid: [usize; 2],
    images: usize,
    x: &[Float],
    dy: &[Float],
    dw: &mut [Float],
) {
    let (filters, channels) = (shape.group_filters(), shape.group_channels());
    let rows: Vec<_> = (0..shape.taps() * channels)
        .map(|i| {
            let [y, x] = shape.place(i / channels);
            (shape.tap(y, x) + i % channels, i * shape.filters)
        })
        .collect();
    let segments: Vec<_> = (0..images * grid[0])
        .map(|i| (i / grid[0] * shape.padded_len() + shape.patch(i % grid[0], 0), i * grid[1]))
        .collect();
    let some_rows = rows.len().div_ceil(PIECES).next_multiple_of(TILE);
    let mut sum = |group: usize, b: &[Float], b_step: usize, b_panel: usize| {
        let a_step = shape.stride[2] * shape.channels;
        let mut pieces: Vec<_> = dw.chunks_mut(some_rows * shape.filters).zip(rows.chunks(some_rows)).collect();
        parallel::for_each(&mut pieces, |(dw, rows)| {
            let rows: Vec<_> = rows.iter().map(|&(a, c)| (a, c - rows[0].1)).collect();
            // Sums of sums lose less than one over all pixels: some lines at a time, or parts of one.
            for first in (0..grid[1]).step_by(TERMS) {
                for lines in segments.chunks((TERMS / grid[1]).max(1)) {
                    let starts = lines.iter().map(|&(a, pixel)| (a + first * a_step, (pixel + first) * b_step));
                    dispatch(Product {
                        rows: &rows,
                        segments: &starts.collect::<Vec<_>>(),
                        k: TERMS.min(grid[1] - first),
                        a: &x[group * channels..],
                        a_step,
                        b,
                        b_step,
                        b_panel,
                        c: cells(&mut dw[group * filters..]),
                        columns: filters,
                        start: Start::Accumulate,
                    });
                }
            }
        });
    };
    // With few rows, `dy` is not read often enough to be worth packing.
    if rows.len() <= 64 {
        (0..shape.groups).for_each(|group| sum(group, &dy[group * filters..], shape.filters, panel_width()));
        return;
    }
    let panel_len = images * grid[0] * grid[1] * panel_width();
    with_scratch(filters.div_ceil(panel_width()) * panel_len, |panels| {
        for group in 0..shape.groups {
            pack_panels(shape, group, dy, panels);
            sum(group, panels, panel_width(), panel_len);
        }
    });
}

vectorized! {
    /// `sum[y, j, f] += x[y, f, j]`
    fn add_transposed(x: &[Float], row: usize, filters: usize, sum: &mut [Float]) {
        const SIDE: usize = 8;
        for (x, sum) in x.chunks_exact(row * filters).zip(sum.chunks_exact_mut(row * filters)) {
            for f in (0..filters).step_by(SIDE) {
                for j in (0..row).step_by(SIDE) {
                    let (fs, js) = (SIDE.min(filters - f), SIDE.min(row - j));
                    let mut block = [[0.0; SIDE]; SIDE];
                    for a in 0..fs {
                        let line = &x[(f + a) * row + j..][..js];
                        for b in 0..js {
                            block[b][a] = line[b];
                        }
                    }
                    for b in 0..js {
                        let line = &mut sum[(j + b) * filters + f..][..fs];
                        for a in 0..fs {
                            line[a] += block[b][a];
                        }
                    }
                }
            }
        }
    }
}
