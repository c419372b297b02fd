//! Forward convolution: a matrix product whose rows are patches, read where they lie in the image.

use super::{ConvShape, Method, depthwise, winograd};
use crate::buffers::Loan;
use crate::float::Float;
use crate::kernels::{
    parallel,
    simd::{dispatch, panel_width},
    tile::{Product, Start},
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

/// `y = x * kernel + bias` for the images in `x`, with the kernel from [`pack_forward`] for the same method; then `finish` on each
/// part of `y`, with its place, when it was just computed.
pub fn forward(
    method: Method,
    shape: &ConvShape,
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    finish: &dyn Fn(usize, &mut [Float]),
) {
    match method {
        Method::Depthwise => return depthwise::forward(shape, x, packed, bias, y, finish),
        Method::Winograd => winograd::forward(shape, x, packed, bias, y),
        Method::Patches => return by_patches(shape, x, packed, bias, y, finish),
    }
    finish(0, y);
}

fn by_patches(
    shape: &ConvShape,
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    finish: &dyn Fn(usize, &mut [Float]),
) {
    let grid = shape.grid();
    let block = shape.images_per_block(grid);
    let (segments, k) = segments(shape);
    // One column may have a stride that no number holds.
    let step = if grid[1] > 1 { shape.patch(0, 1) } else { 0 };
    let mut rows = Vec::with_capacity(ROWS + grid[1]);
    if shape.output_len() == 0 {
        return;
    }
    for (i, (x, y)) in x.chunks(block * shape.input_len()).zip(y.chunks_mut(block * shape.output_len())).enumerate() {
        let first = i * block * shape.output_len();
        shape.with_padded(x, |x| {
            let lines = y.len() / (grid[1] * shape.filters);
            for line in 0..lines {
                let mut from = line / grid[0] * shape.padded_len() + shape.patch(line % grid[0], 0);
                let start = line * grid[1] * shape.filters;
                for to in (start..start + grid[1] * shape.filters).step_by(shape.filters) {
                    rows.push((from, to));
                    from += step;
                }
                if rows.len() >= ROWS || line + 1 == lines {
                    for group in 0..shape.groups {
                        product(shape, group, &rows, &segments, k, x, packed, bias, y);
                    }
                    let done = rows[0].1..(line + 1) * grid[1] * shape.filters;
                    finish(first + done.start, &mut y[done]);
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
    y: &mut [Float],
) {
    let b_panel = shape.taps() * shape.group_channels() * panel_width();
    let filters = shape.group_filters();
    dispatch(Product {
        rows,
        segments,
        k,
        a: &x[group * shape.group_channels()..],
        a_step: 1,
        b: &packed[group * filters.div_ceil(panel_width()) * b_panel..],
        b_step: panel_width(),
        b_panel,
        c: &mut y[group * filters..],
        columns: filters,
        start: bias.map_or(Start::Zero, |bias| Start::Row(&bias[group * filters..])),
    });
}
