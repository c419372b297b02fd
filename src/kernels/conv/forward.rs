//! Forward convolution: a matrix product whose rows are patches, read where they lie in the image.

use std::cell::Cell;
use std::ops::Range;

use super::{ConvShape, Method, depthwise, pieces, winograd};
use crate::buffers::Loan;
use crate::float::Float;
use crate::kernels::{
    parallel,
    simd::{dispatch, panel_width},
    tile::{Product, Start, cells},
};

/// Rows of a product: enough to keep a panel of weights busy, few enough to stay in the first cache.
const ROWS: usize = 96;

/// The kernel as [`forward`] wants it.
pub fn pack_forward(method: Method, shape: &ConvShape, kernel: &[Float]) -> Loan {
    match method {
        Method::Depthwise => Loan::copy(kernel),
        Method::Winograd => winograd::pack(shape, kernel),
        Method::Patches => pack_patches(shape, kernel),
    }
}

/// The kernel in panels of columns: `[group, panel, tap and channel, column]`.
pub(super) fn pack_patches(shape: &ConvShape, kernel: &[Float]) -> Loan {
    let (width, terms, filters) = (panel_width(), shape.taps() * shape.group_channels(), shape.group_filters());
    let group_len = filters.next_multiple_of(width) * terms;
    let mut packed = Loan::new(shape.groups * group_len);
    if !filters.is_multiple_of(width) {
        packed.fill(0.0);
    }
    for (group, packed) in packed.chunks_exact_mut(group_len).enumerate() {
        pack_panels(shape, group, kernel, packed);
    }
    packed
}

/// Columns of a group of filters, from a matrix of all filters: `[panel, row, column]`. Leaves gaps as they are.
pub(super) fn pack_panels(shape: &ConvShape, group: usize, matrix: &[Float], packed: &mut [Float]) {
    let (width, filters) = (panel_width(), shape.group_filters());
    let panel_len = matrix.len() / shape.filters * width;
    let mut panels: Vec<_> = packed.chunks_exact_mut(panel_len).zip((0..filters).step_by(width)).collect();
    parallel::for_each(&mut panels, |(panel, first)| {
        let (start, columns) = (group * filters + *first, width.min(filters - *first));
        for (to, row) in panel.chunks_exact_mut(width).zip(matrix.chunks_exact(shape.filters)) {
            to[..columns].copy_from_slice(&row[start..start + columns]);
        }
    });
}

/// Stretches of a patch that are contiguous, as `(start in the patch, start in a packed panel)`, and their length.
pub(super) fn segments(shape: &ConvShape) -> (Vec<(usize, usize)>, usize) {
    let ([_, _, width], channels, panel) = (shape.kernel, shape.group_channels(), panel_width());
    let rows = 0..shape.kernel_rows();
    if shape.has_contiguous_rows() {
        let k = width * channels;
        (rows.map(|y| (shape.tap(y, 0), y * k * panel)).collect(), k)
    } else {
        let mut taps = Vec::new();
        for y in rows {
            for x in 0..width {
                taps.push((shape.tap(y, x), (y * width + x) * channels * panel));
            }
        }
        (taps, channels)
    }
}

/// What is done to each part of an output, with its place, when it was just computed.
pub type Finish<'a> = &'a (dyn Fn(usize, &mut [Float]) + Sync);

/// `y = x * kernel + bias` for the images in `x`, on all threads, with the kernel from [`pack_forward`] for the same method; then
/// `finish`.
pub fn forward(
    method: Method,
    shape: &ConvShape,
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    finish: Finish<'_>,
) {
    let images = x.len() / shape.input_len().max(1);
    let mut parts = filter_parts(shape, images);
    if parts.len() > 1 {
        let y = Shared(cells(y));
        return parallel::for_each(&mut parts, |filters| {
            some_filters(method, shape, x, packed, bias, &y.output(filters.clone()), finish);
        });
    }
    let (mut work, mut rest, mut first) = (Vec::new(), y, 0);
    for piece in pieces(shape, [1, 1], images) {
        let (own, others) = rest.split_at_mut(piece.y);
        rest = others;
        work.push((piece.shape, &x[piece.x], first, own));
        first += piece.y;
    }
    parallel::for_each(&mut work, |(shape, x, first, y)| {
        let finish: Finish<'_> = &|at, y| finish(*first + at, y);
        match method {
            Method::Depthwise => depthwise::forward(shape, x, packed, bias, y, finish),
            _ => {
                let y = Output { numbers: cells(y), filters: 0..shape.filters };
                some_filters(method, shape, x, packed, bias, &y, finish);
            }
        }
    });
}

/// The filters of each thread, where they are divided and not the images: if there are more weights than other numbers, so that
/// a thread reads some of the weights instead of all.
fn filter_parts(shape: &ConvShape, images: usize) -> Vec<Range<usize>> {
    let (threads, width) = (parallel::threads(), panel_width());
    let panels = shape.filters.div_ceil(width);
    let each = panels.div_ceil(threads);
    let weights = shape.taps() * shape.channels * shape.filters;
    let are_even = 5 * each * threads <= 6 * panels;
    if shape.groups > 1 || weights <= images * (shape.input_len() + shape.output_len()) || !are_even {
        return Vec::new();
    }
    let starts = (0..panels).step_by(each);
    starts.map(|panel| panel * width..shape.filters.min((panel + each) * width)).collect()
}

/// An output `[pixel, filter]`, of which others compute other filters.
pub(super) struct Output<'a> {
    pub numbers: &'a [Cell<Float>],
    /// From the first one of a panel.
    pub filters: Range<usize>,
}

impl Output<'_> {
    /// Calls `finish` on some pixels of these filters.
    fn finish(&self, pixels: Range<usize>, all: usize, finish: Finish<'_>) {
        let [runs, len] =
            if self.filters.len() == all { [1, pixels.len() * all] } else { [pixels.len(), self.filters.len()] };
        for i in 0..runs {
            let at = (pixels.start + i) * all + self.filters.start;
            let numbers = &self.numbers[at..at + len];
            // SAFETY: nobody else uses these filters.
            finish(at, unsafe { std::slice::from_raw_parts_mut(numbers.as_ptr() as *mut Float, len) });
        }
    }
}

/// An output that several threads write.
struct Shared<'a>(&'a [Cell<Float>]);

// SAFETY: each thread has filters of its own.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    fn output(&self, filters: Range<usize>) -> Output<'_> {
        Output { numbers: self.0, filters }
    }
}

/// Some filters of images, on one thread.
fn some_filters(
    method: Method,
    shape: &ConvShape,
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &Output<'_>,
    finish: Finish<'_>,
) {
    if shape.output_len() == 0 {
        return;
    }
    if let Method::Patches = method {
        return by_patches(shape, x, packed, bias, y, finish);
    }
    winograd::forward(shape, x, packed, bias, y);
    y.finish(0..y.numbers.len() / shape.filters, shape.filters, finish);
}

fn by_patches(
    shape: &ConvShape,
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &Output<'_>,
    finish: Finish<'_>,
) {
    let (grid, filters) = (shape.grid(), shape.filters);
    let block = shape.images_per_block(grid);
    let (segments, k) = segments(shape);
    // One column may have a stride that no number holds.
    let step = if grid[1] > 1 { shape.patch(0, 1) } else { 0 };
    let mut rows = Vec::with_capacity(ROWS + grid[1]);
    for (i, x) in x.chunks(block * shape.input_len()).enumerate() {
        let (first, lines) = (i * block * grid[0], x.len() / shape.input_len() * grid[0]);
        shape.with_padded(x, |x| {
            let mut done = first * grid[1];
            for line in 0..lines {
                let mut from = line / grid[0] * shape.padded_len() + shape.patch(line % grid[0], 0);
                let pixel = (first + line) * grid[1];
                for pixel in pixel..pixel + grid[1] {
                    rows.push((from, pixel * filters));
                    from += step;
                }
                if rows.len() >= ROWS || line + 1 == lines {
                    for group in 0..shape.groups {
                        product(shape, group, &rows, &segments, k, x, packed, bias, y);
                    }
                    y.finish(done..pixel + grid[1], filters, finish);
                    done = pixel + grid[1];
                    rows.clear();
                }
            }
        });
    }
}

#[allow(clippy::too_many_arguments)]
fn product(
    shape: &ConvShape,
    group: usize,
    rows: &[(usize, usize)],
    segments: &[(usize, usize)],
    k: usize,
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &Output<'_>,
) {
    let b_panel = shape.taps() * shape.group_channels() * panel_width();
    // All of a group's, or some of the only group.
    let wanted = if shape.groups > 1 { 0..shape.group_filters() } else { y.filters.clone() };
    let (panel, filter) = (
        group * shape.group_filters().div_ceil(panel_width()) + wanted.start / panel_width(),
        group * shape.group_filters() + wanted.start,
    );
    dispatch(Product {
        rows,
        segments,
        k,
        a: &x[group * shape.group_channels()..],
        a_step: 1,
        b: &packed[panel * b_panel..],
        b_step: panel_width(),
        b_panel,
        c: &y.numbers[filter..],
        columns: wanted.len(),
        start: bias.map_or(Start::Zero, |bias| Start::Row(&bias[filter..])),
    });
}
