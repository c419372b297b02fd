//! Convolution of 3 x 3 by Winograd's `F(2 x 2, 3 x 3)`: 16 products for 2 x 2 outputs instead of 36, as exact as the sum.
//!
//! ```text
//! x: tiles of 4 x 4, 2 apart      16 products of matrices        y: tiles of 2 x 2
//! +---+---+                       patches  ·  kernel  =  sums    +-+
//! | +-+-+ |    patch = Bᵀ d B     [tile,      [channel,  [tile,  | |  tile = Aᵀ m A
//! +-+-+-+-+   ---------------->   channel]    filter]    filter] +-+
//! ```
//!
//! Reference: Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks".

mod transforms;
mod weight_gradient;

pub(super) use weight_gradient::weight_gradient;

use super::ConvShape;
use super::forward::Output;
use crate::buffers::Loan;
use crate::float::Float;
use crate::kernels::{
    parallel,
    scratch::with_scratch,
    simd::{dispatch, panel_width, vectorized},
    tile::{Product, Start, cells},
};
use transforms::{Outputs, Patches, Pooled, TileOrigin};

/// Products of a tile.
const PLANES: usize = 16;

/// Whether it applies, and there are enough channels to pay for the transforms.
pub(super) fn fits(shape: &ConvShape) -> bool {
    let plain = (shape.stride, shape.dilation, shape.groups) == ([1; 3], [1; 3], 1);
    plain && shape.kernel == [1, 3, 3] && shape.size[0] == 1 && shape.channels >= 16 && shape.filters >= 16
}

/// The transformed kernel `G g Gᵀ` in panels of columns: `[panel, 16, channel, column]`.
pub(super) fn pack(shape: &ConvShape, kernel: &[Float]) -> Loan {
    let (width, channels, filters) = (panel_width(), shape.channels, shape.filters);
    let mut packed = Loan::new(filters.next_multiple_of(width) * channels * PLANES);
    let mut panels: Vec<_> = packed.chunks_exact_mut(PLANES * channels * width).enumerate().collect();
    parallel::for_each(&mut panels, |(panel, packed)| {
        let (first, columns) = (*panel * width, width.min(filters - *panel * width));
        if columns < width {
            packed.fill(0.0);
        }
        transform_kernel(kernel, [channels, filters], first, columns, width, packed);
    });
    packed
}

vectorized! {
    fn transform_kernel(
        kernel: &[Float],
        sizes: [usize; 2],
        first: usize,
        columns: usize,
        width: usize,
        packed: &mut [Float],
    ) {
        const PIECE: usize = 16;
        let [channels, filters] = sizes;
        for channel in 0..channels {
            for column in (0..columns).step_by(PIECE) {
                let len = PIECE.min(columns - column);
                let mut w = [[0.0; PIECE]; 9];
                for (tap, w) in w.iter_mut().enumerate() {
                    let from = (tap * channels + channel) * filters + first + column;
                    w[..len].copy_from_slice(&kernel[from..from + len]);
                }
                let mut lines = [[[0.0; PIECE]; 3]; 4];
                for x in 0..3 {
                    for i in 0..PIECE {
                        let [a, b, c] = [w[x][i], w[3 + x][i], w[6 + x][i]];
                        lines[0][x][i] = a;
                        lines[1][x][i] = 0.5 * (a + b + c);
                        lines[2][x][i] = 0.5 * (a - b + c);
                        lines[3][x][i] = c;
                    }
                }
                for (y, line) in lines.iter().enumerate() {
                    let mut row = [[0.0; PIECE]; 4];
                    for i in 0..PIECE {
                        let [a, b, c] = [line[0][i], line[1][i], line[2][i]];
                        row[0][i] = a;
                        row[1][i] = 0.5 * (a + b + c);
                        row[2][i] = 0.5 * (a - b + c);
                        row[3][i] = c;
                    }
                    for (x, row) in row.iter().enumerate() {
                        let to = ((y * 4 + x) * channels + channel) * width + column;
                        packed[to..to + len].copy_from_slice(&row[..len]);
                    }
                }
            }
        }
    }
}

/// How tiles lie on images.
struct Tiles {
    /// Padded so that tiles fit.
    shape: ConvShape,
    grid: [usize; 2],
}

impl Tiles {
    /// Tiles that cover the output, over its edge if it is odd.
    fn covering(shape: &ConvShape) -> Self {
        let (out, mut shape) = (shape.grid(), *shape);
        for i in 0..2 {
            shape.padding[i + 1][1] += out[i] % 2;
        }
        Self { shape, grid: out.map(|len| len.div_ceil(2)) }
    }

    /// In an image.
    fn count(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Image, row and column of a tile.
    fn place(&self, tile: usize) -> [usize; 3] {
        [tile / self.count(), tile % self.count() / self.grid[1], tile % self.grid[1]]
    }

    /// Where the pixels of a tile are in outputs of this size.
    fn pixels(&self, tile: usize, [height, width]: [usize; 2], filters: usize) -> TileOrigin {
        let [image, row, column] = self.place(tile);
        let at = ((image * height + 2 * row) * width + 2 * column) * filters;
        TileOrigin { at, right: 2 * column + 1 < width, below: 2 * row + 1 < height }
    }

    /// Where the patch of a tile starts in the padded images.
    fn start(&self, tile: usize) -> usize {
        let [image, row, column] = self.place(tile);
        image * self.shape.padded_len() + self.shape.patch(2 * row, 2 * column)
    }

    /// Calls `work(padded images, tiles, first tile)` with images that make about `tiles` tiles, or one of more.
    fn each_group(&self, x: &[Float], tiles: usize, mut work: impl FnMut(&[Float], usize, usize)) {
        let (image, group) = (self.shape.input_len(), (tiles / self.count().max(1)).max(1));
        for (i, x) in x.chunks(group * image).enumerate() {
            let count = x.len() / image * self.count();
            self.shape.with_padded(x, |padded| work(padded, count, i * group * self.count()));
        }
    }

    /// Calls `finish` with the sums of some tiles and columns, for all of them and this many filters, whose panels these are.
    fn multiply(&self, x: &[Float], packed: &[Float], filters: usize, mut finish: impl FnMut(Sums<'_>)) {
        let (width, [_, _, row], channels) = (panel_width(), self.shape.padded(), self.shape.channels);
        let (most, panels) = block(channels);
        let panel_len = PLANES * channels * width;
        self.each_group(x, most, |x, count, first| {
            let most = most.min(count);
            let (patches_plane, sums_plane) = (plane(most * channels), plane(most * panels * width));
            with_scratch(PLANES * (patches_plane + sums_plane), |scratch| {
                let (patches, sums) = scratch.split_at_mut(PLANES * patches_plane);
                for tile in (0..count).step_by(most) {
                    let tiles = tile..count.min(tile + most);
                    let starts: Vec<_> = tiles.clone().map(|tile| self.start(tile)).collect();
                    let (row, to) = (row * channels, &mut *patches);
                    dispatch(Patches { x, starts: &starts, row, channels, plane: patches_plane, patches: to });
                    for (i, b) in packed.chunks(panels * panel_len).enumerate() {
                        let from = i * panels * width;
                        let columns = (panels * width).min(filters - from);
                        let stride = columns.next_multiple_of(width);
                        let rows: Vec<_> = (0..tiles.len()).map(|t| (t * channels, t * stride)).collect();
                        for i in 0..PLANES {
                            dispatch(Product {
                                rows: &rows,
                                segments: &[(0, 0)],
                                k: channels,
                                a: &patches[i * patches_plane..],
                                a_step: 1,
                                b: &b[i * channels * width..],
                                b_step: width,
                                b_panel: panel_len,
                                c: cells(&mut sums[i * sums_plane..]),
                                columns,
                                start: Start::Zero,
                            });
                        }
                        let (plane, first) = (sums_plane, first + tiles.start);
                        finish(Sums { sums, plane, stride, first, count: tiles.len(), from, columns });
                    }
                }
            });
        });
    }
}

/// Sums `[16, tile, column]` of some tiles and filters.
struct Sums<'a> {
    sums: &'a [Float],
    /// From one of the 16 to the next.
    plane: usize,
    /// From a tile to the next.
    stride: usize,
    /// The first tile of all, and how many.
    first: usize,
    count: usize,
    /// The first filter, and how many.
    from: usize,
    columns: usize,
}

/// Tiles and panels of filters that are worked on at a time: patches stay in the second cache while they are few; of many
/// channels, the weights want to be read seldom.
fn block(channels: usize) -> (usize, usize) {
    if channels <= 128 { ((4096 / channels).min(120).next_multiple_of(12), 1) } else { (96, 4) }
}

/// The distance between the starts of two of the 16 matrices of `len` numbers: their starts must not share a set of the cache.
fn plane(len: usize) -> usize {
    len.next_multiple_of(1024) + 16
}

/// `y = x * kernel + bias` for the images in `x`, with the kernel from [`pack`].
pub(super) fn forward(shape: &ConvShape, x: &[Float], packed: &[Float], bias: Option<&[Float]>, y: &Output<'_>) {
    let (tiles, out, filters) = (Tiles::covering(shape), shape.grid(), shape.filters);
    let (mut places, wanted) = (Vec::new(), &y.filters);
    let panels =
        [wanted.start, wanted.end.next_multiple_of(panel_width())].map(|filter| filter * PLANES * shape.channels);
    let packed = &packed[panels[0]..panels[1]];
    tiles.multiply(x, packed, wanted.len(), |sums| {
        let from = wanted.start + sums.from;
        places.clear();
        places.extend((sums.first..sums.first + sums.count).map(|tile| {
            let place = tiles.pixels(tile, out, filters);
            TileOrigin { at: place.at + from, ..place }
        }));
        let bias = bias.map(|bias| &bias[from..]);
        dispatch(Outputs { sums, places: &places, row: out[1] * filters, filters, bias, y: y.numbers });
    });
}

/// The same with max pooling of 2 x 2 after it: windows are tiles.
pub(super) fn forward_max_pool(
    shape: &ConvShape,
    grid: [usize; 2],
    x: &[Float],
    packed: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    argmax: &mut [u8],
) {
    Tiles { shape: *shape, grid }.multiply(x, packed, shape.filters, |sums| {
        let at = sums.first * shape.filters + sums.from;
        let bias = bias.map(|bias| &bias[sums.from..]);
        dispatch(Pooled { sums, filters: shape.filters, bias, y: &mut y[at..], argmax: &mut argmax[at..] });
    });
}
