//! What happens to numbers before and after the products.

use super::{PLANES, Sums};
use crate::float::Float;
use crate::kernels::simd::{Kernel, Lanes};
use std::cell::Cell;

/// `a + b` and `a - b` for [`Lanes`].
macro_rules! lanes {
    ($a:ident + $b:ident) => {
        L::splat(1.0).mul_add($a, $b)
    };
    ($a:ident - $b:ident) => {
        L::splat(-1.0).mul_add($b, $a)
    };
}

#[inline(always)]
unsafe fn load<L: Lanes>(p: *const Float, rest: usize) -> L {
    unsafe { if rest >= L::WIDTH { L::load(p) } else { L::load_part(p, L::mask(rest)) } }
}

#[inline(always)]
unsafe fn store<L: Lanes>(x: L, p: *mut Float, rest: usize) {
    unsafe { if rest >= L::WIDTH { x.store(p) } else { x.store_part(p, L::mask(rest)) } }
}

/// `Bᵀ d B` of patches `d` of 4 x 4 pixels: `[16, tile, channel]`.
pub(super) struct Patches<'a> {
    pub x: &'a [Float],
    pub starts: &'a [usize],
    pub row: usize,
    pub channels: usize,
    pub plane: usize,
    pub patches: &'a mut [Float],
}

impl Kernel for Patches<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let end = self.starts.iter().max().map_or(0, |start| start + 3 * self.row + 4 * self.channels);
        let len = (PLANES - 1) * self.plane + self.starts.len() * self.channels;
        assert!(end <= self.x.len() && len <= self.patches.len(), "image or patches too short");
        for (tile, &start) in self.starts.iter().enumerate() {
            for channel in (0..self.channels).step_by(L::WIDTH) {
                let rest = self.channels - channel;
                // SAFETY: checked above.
                unsafe {
                    let x = self.x.as_ptr().add(start + channel);
                    let to = self.patches.as_mut_ptr().add(tile * self.channels + channel);
                    let mut columns = [[L::splat(0.0); 4]; 4];
                    for j in 0..4 {
                        let at = |i: usize| load::<L>(x.add(i * self.row + j * self.channels), rest);
                        let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
                        columns[j] = [lanes!(a - c), lanes!(b + c), lanes!(c - b), lanes!(b - d)];
                    }
                    for i in 0..4 {
                        let [a, b, c, d] = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                        let line = [lanes!(a - c), lanes!(b + c), lanes!(c - b), lanes!(b - d)];
                        for j in 0..4 {
                            store(line[j], to.add((i * 4 + j) * self.plane), rest);
                        }
                    }
                }
            }
        }
    }
}

/// `A g Aᵀ` of gradients `g` of 2 x 2 pixels, in panels: `[16, panel, tile, column]`. A pixel that is not there counts as 0.
pub(super) struct Spread<'a> {
    pub dy: &'a [Float],
    pub places: &'a [TileOrigin],
    pub row: usize,
    pub filters: usize,
    pub width: usize,
    pub plane: usize,
    pub spread: &'a mut [Float],
}

impl Kernel for Spread<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (tiles, width) = (self.places.len(), self.width);
        check(self.places, self.row, self.filters, self.filters, self.dy.len());
        let len = (PLANES - 1) * self.plane + self.filters.next_multiple_of(width) * tiles;
        assert!(len <= self.spread.len() && width.is_multiple_of(L::WIDTH), "gradients too short");
        for (tile, place) in self.places.iter().enumerate() {
            for filter in (0..self.filters).step_by(L::WIDTH) {
                let rest = self.filters - filter;
                // SAFETY: checked above; columns of a panel that are not there are written, too.
                unsafe {
                    let dy = self.dy.as_ptr().add(place.at + filter);
                    let at = |i: usize, j: usize| {
                        if (i == 1 && !place.below) || (j == 1 && !place.right) {
                            return L::splat(0.0);
                        }
                        load::<L>(dy.add(i * self.row + j * self.filters), rest)
                    };
                    let zero = L::splat(0.0);
                    let mut columns = [[zero; 4]; 2];
                    for j in 0..2 {
                        let [a, b] = [at(0, j), at(1, j)];
                        columns[j] = [a, lanes!(a + b), lanes!(a - b), lanes!(zero - b)];
                    }
                    let panel = filter / width * width * tiles + tile * width + filter % width;
                    let to = self.spread.as_mut_ptr().add(panel);
                    for i in 0..4 {
                        let [a, b] = [columns[0][i], columns[1][i]];
                        let line = [a, lanes!(a + b), lanes!(a - b), lanes!(zero - b)];
                        for j in 0..4 {
                            line[j].store(to.add((i * 4 + j) * self.plane));
                        }
                    }
                }
            }
        }
    }
}

/// `Aᵀ m A` of sums `m`: 2 x 2 pixels.
#[inline(always)]
unsafe fn pixels<L: Lanes>(sums: *const Float, plane: usize) -> [[L; 2]; 2] {
    unsafe {
        let mut rows = [[L::splat(0.0); 4]; 2];
        for j in 0..4 {
            let at = |i: usize| L::load(sums.add((i * 4 + j) * plane));
            let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
            let (sum, difference) = (lanes!(b + c), lanes!(b - c));
            (rows[0][j], rows[1][j]) = (lanes!(a + sum), lanes!(difference - d));
        }
        let mut pixels = [[L::splat(0.0); 2]; 2];
        for i in 0..2 {
            let [a, b, c, d] = rows[i];
            let (sum, difference) = (lanes!(b + c), lanes!(b - c));
            pixels[i] = [lanes!(a + sum), lanes!(difference - d)];
        }
        pixels
    }
}

impl Sums<'_> {
    /// What makes the pointers below stay inside.
    #[inline(always)]
    fn check<L: Lanes>(&self, bias: Option<&[Float]>) {
        let len = (PLANES - 1) * self.plane + self.count * self.stride;
        assert!(len <= self.sums.len() && self.columns <= self.stride && self.stride.is_multiple_of(L::WIDTH));
        assert!(bias.is_none_or(|bias| self.columns <= bias.len()), "bias too short");
    }
}

/// Where the 2 x 2 pixels of a tile start, and whether there are those to the right and below.
#[derive(Clone, Copy)]
pub(super) struct TileOrigin {
    pub at: usize,
    pub right: bool,
    pub below: bool,
}

/// Panics if pixels would not lie within `len` numbers.
fn check(places: &[TileOrigin], row: usize, filters: usize, columns: usize, len: usize) {
    let end =
        |place: &TileOrigin| place.at + usize::from(place.below) * row + usize::from(place.right) * filters + columns;
    assert!(places.iter().map(end).max().unwrap_or(0) <= len, "too few pixels");
}

/// The pixels of tiles, with the bias.
pub(super) struct Outputs<'a> {
    pub sums: Sums<'a>,
    pub places: &'a [TileOrigin],
    pub row: usize,
    pub filters: usize,
    pub bias: Option<&'a [Float]>,
    pub y: &'a [Cell<Float>],
}

impl Kernel for Outputs<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { sums, places, row, filters, bias, y } = self;
        sums.check::<L>(bias);
        check(places, row, filters, sums.columns, y.len());
        assert!(places.len() == sums.count, "a place for each tile");
        for (tile, place) in places.iter().enumerate() {
            for column in (0..sums.columns).step_by(L::WIDTH) {
                let rest = sums.columns - column;
                // SAFETY: checked above.
                unsafe {
                    let pixels = pixels::<L>(sums.sums.as_ptr().add(tile * sums.stride + column), sums.plane);
                    let bias = bias.map_or(L::splat(0.0), |bias| load::<L>(bias.as_ptr().add(column), rest));
                    let y = (y.as_ptr() as *mut Float).add(place.at + column);
                    for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                        if (i == 0 || place.below) && (j == 0 || place.right) {
                            let pixel = pixels[i][j];
                            store(lanes!(pixel + bias), y.add(i * row + j * filters), rest);
                        }
                    }
                }
            }
        }
    }
}

/// The maximum of each tile, with the bias, and its place.
pub(super) struct Pooled<'a> {
    pub sums: Sums<'a>,
    pub filters: usize,
    pub bias: Option<&'a [Float]>,
    pub y: &'a mut [Float],
    pub argmax: &'a mut [u8],
}

impl Kernel for Pooled<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { sums, filters, bias, y, argmax } = self;
        sums.check::<L>(bias);
        let end = sums.count.saturating_sub(1) * filters + sums.columns;
        assert!(end <= y.len() && end <= argmax.len(), "pooled output too short");
        for tile in 0..sums.count {
            for column in (0..sums.columns).step_by(L::WIDTH) {
                let rest = sums.columns - column;
                // SAFETY: checked above.
                unsafe {
                    let pixels = pixels::<L>(sums.sums.as_ptr().add(tile * sums.stride + column), sums.plane);
                    let (mut best, mut place) = (L::splat(Float::NEG_INFINITY), L::splat(0.0));
                    for (i, pixel) in pixels.as_flattened().iter().enumerate() {
                        (best, place) = pixel.max_place(L::splat(i as Float), best, place);
                    }
                    if let Some(bias) = bias {
                        let bias = load::<L>(bias.as_ptr().add(column), rest);
                        best = lanes!(best + bias);
                    }
                    let at = tile * filters + column;
                    store(best, y.as_mut_ptr().add(at), rest);
                    let bytes = place.to_bytes();
                    bytes.as_ptr().copy_to_nonoverlapping(argmax.as_mut_ptr().add(at), rest.min(L::WIDTH));
                }
            }
        }
    }
}
