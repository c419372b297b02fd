//! The gradient of the kernel: `Gᵀ m G`, where `m` sums over tiles the products of patches and spread gradients.

use super::transforms::{Patches, Spread};
use super::{PLANES, Tiles, plane};
use crate::float::Float;
use crate::kernels::{
    conv::ConvShape,
    parallel,
    scratch::with_scratch,
    simd::{dispatch, panel_width, vectorized},
    tile::{Product, Start, cells},
};

/// Tiles that are worked on at a time.
const TILES: usize = 48;

/// Adds to `dw` the gradient for the images in `x`.
pub(in super::super) fn weight_gradient(shape: &ConvShape, x: &[Float], dy: &[Float], dw: &mut [Float]) {
    let tiles = Tiles::covering(shape);
    let (channels, filters, width) = (shape.channels, shape.filters, panel_width());
    let ([height, line], [_, _, row]) = (shape.grid(), tiles.shape.padded());
    let (patches_plane, spread_plane) = (plane(TILES * channels), plane(TILES * filters.next_multiple_of(width)));
    let (sums_len, matrix) = (PLANES * channels * filters, channels * filters);
    with_scratch(sums_len + PLANES * (patches_plane + spread_plane), |scratch| {
        let (sums, scratch) = scratch.split_at_mut(sums_len);
        let (patches, spread) = scratch.split_at_mut(PLANES * patches_plane);
        sums.fill(0.0);
        tiles.each_group(x, TILES, |x, count, first| {
            for tile in (0..count).step_by(TILES) {
                let some = tile..count.min(tile + TILES);
                let starts: Vec<_> = some.clone().map(|tile| tiles.start(tile)).collect();
                let places: Vec<_> = some.map(|tile| tiles.pixels(first + tile, [height, line], filters)).collect();
                let of_patches = || {
                    let (starts, row, plane, patches) = (&starts, row * channels, patches_plane, &mut *patches);
                    dispatch(Patches { x, starts, row, channels, plane, patches });
                };
                let of_gradients = || {
                    let (row, plane, places, spread) = (line * filters, spread_plane, &places, &mut *spread);
                    dispatch(Spread { dy, places, row, filters, width, plane, spread });
                };
                parallel::both(of_patches, of_gradients);
                let (patches, spread) = (&*patches, &*spread);
                let rows: Vec<_> = (0..channels).map(|c| (c, c * filters)).collect();
                let mut planes: Vec<_> = sums.chunks_exact_mut(matrix).enumerate().collect();
                parallel::for_each(&mut planes, |(i, sums)| {
                    dispatch(Product {
                        rows: &rows,
                        segments: &[(0, 0)],
                        k: starts.len(),
                        a: &patches[*i * patches_plane..],
                        a_step: channels,
                        b: &spread[*i * spread_plane..],
                        b_step: width,
                        b_panel: starts.len() * width,
                        c: cells(sums),
                        columns: filters,
                        start: Start::Accumulate,
                    });
                });
            }
        });
        let mut taps = dw.chunks_exact_mut(matrix).map(|tap| tap.chunks_mut(SOME));
        let mut taps: [_; 9] = std::array::from_fn(|_| taps.next().expect("nine taps"));
        let starts = (0..matrix).step_by(SOME);
        let mut pieces: Vec<_> =
            starts.map(|start| (start, taps.each_mut().map(|tap| tap.next().expect("as many pieces")))).collect();
        parallel::for_each(&mut pieces, |(start, dw)| add_kernel(&sums[*start..], matrix, dw));
    });
}

/// Numbers of each tap that a thread writes at a time.
const SOME: usize = 1 << 12;

vectorized! {
    /// `dw += Gᵀ m G` for the first of `m` of `[16, channel and filter]` and `dw` of `[9, some of them]`.
    fn add_kernel(sums: &[Float], len: usize, dw: &mut [&mut [Float]; 9]) {
        const PIECE: usize = 16;
        let some = dw[0].len();
        for first in (0..some).step_by(PIECE) {
            let count = PIECE.min(some - first);
            let mut m = [[0.0; PIECE]; PLANES];
            for (i, m) in m.iter_mut().enumerate() {
                m[..count].copy_from_slice(&sums[i * len + first..][..count]);
            }
            let mut lines = [[[0.0; PIECE]; 4]; 3];
            for x in 0..4 {
                for i in 0..PIECE {
                    let [a, b, c, d] = [m[x][i], m[4 + x][i], m[8 + x][i], m[12 + x][i]];
                    let (sum, difference) = (0.5 * (b + c), 0.5 * (b - c));
                    (lines[0][x][i], lines[1][x][i], lines[2][x][i]) = (a + sum, difference, sum + d);
                }
            }
            for (y, line) in lines.iter().enumerate() {
                let mut row = [[0.0; PIECE]; 3];
                for i in 0..PIECE {
                    let [a, b, c, d] = [line[0][i], line[1][i], line[2][i], line[3][i]];
                    let (sum, difference) = (0.5 * (b + c), 0.5 * (b - c));
                    (row[0][i], row[1][i], row[2][i]) = (a + sum, difference, sum + d);
                }
                for (x, row) in row.iter().enumerate() {
                    let dw = &mut dw[y * 3 + x][first..][..count];
                    for i in 0..count {
                        dw[i] += row[i];
                    }
                }
            }
        }
    }
}
