//! Normalisation by channel: moments, and what is computed with them.

use std::ops::Range;

use super::parallel;
use super::simd::vectorized;
use crate::float::Float;

/// Numbers that a thread works on at a time, about.
const CHUNK: usize = 1 << 14;

/// Blocks of rows of channels, each block with its own moments: the whole batch, or one for each example.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    pub blocks: usize,
    /// In each block.
    pub rows: usize,
    pub channels: usize,
}

impl Blocks {
    /// The block and the numbers of each piece of work.
    fn pieces(&self) -> Vec<(usize, Range<usize>)> {
        let (block, piece) = (self.rows * self.channels, (CHUNK / self.channels.max(1)).max(1) * self.channels);
        let mut pieces = Vec::new();
        for b in 0..self.blocks {
            let end = (b + 1) * block;
            for start in (b * block..end).step_by(piece.max(1)) {
                pieces.push((b, start..(start + piece).min(end)));
            }
        }
        pieces
    }

    /// Sums by block and channel, in `f64`, `N` of them: what `add` adds for each piece, in order.
    fn sums<const N: usize>(&self, add: impl Fn(usize, Range<usize>, &mut [Vec<f64>; N]) + Sync) -> [Vec<f64>; N] {
        let pieces = self.pieces();
        let parts = parallel::map_chunks(pieces.len(), 1, |i| {
            let (block, range) = pieces[i.start].clone();
            let mut sums = std::array::from_fn(|_| vec![0.0; self.channels]);
            add(block, range, &mut sums);
            (block, sums)
        });
        let mut total: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0; self.blocks * self.channels]);
        for (block, sums) in parts {
            for (total, sums) in total.iter_mut().zip(sums) {
                total[block * self.channels..].iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            }
        }
        total
    }

    /// Sums by block and channel, replaced by those over the channel's group.
    pub fn over_groups(&self, sums: &mut [f64], groups: usize) {
        for group in sums.chunks_mut((self.channels / groups.max(1)).max(1)) {
            let sum: f64 = group.iter().sum();
            group.fill(sum);
        }
    }

    /// Mean and biased variance by block and channel, those of the channel's group.
    pub fn moments(&self, x: &[Float], groups: usize) -> [Vec<f64>; 2] {
        let share = groups as f64 / (self.rows * self.channels) as f64;
        let mean_over_groups = |mut sums: Vec<f64>| {
            self.over_groups(&mut sums, groups);
            sums.iter_mut().for_each(|sum| *sum *= share);
            sums
        };
        let [sum] = self.sums(|_, range, [sum]| add_rows(&x[range], sum));
        let mean = mean_over_groups(sum);
        let [squares] = self.sums(|b, range, [sum]| add_squares(&x[range], self.of(&mean, b), sum));
        [mean, mean_over_groups(squares)]
    }

    fn of<'a, T>(&self, numbers: &'a [T], block: usize) -> &'a [T] {
        &numbers[block * self.channels..(block + 1) * self.channels]
    }

    /// `y = (x - center) scale + shift`
    pub fn apply(&self, x: &[Float], center: &[Float], scale: &[Float], shift: &[Float], y: &mut [Float]) {
        self.each_piece(y, |b, range, y| {
            apply(&x[range], self.of(center, b), self.of(scale, b), self.of(shift, b), y);
        });
    }

    /// `Σ dy` and `Σ dy (x - center)`
    pub fn gradient_sums(&self, x: &[Float], dy: &[Float], center: &[f64]) -> [Vec<f64>; 2] {
        self.sums(|b, range, [sum, along]| {
            add_products(&x[range.clone()], &dy[range], self.of(center, b), sum, along);
        })
    }

    /// `dx = scale dy - shift - (x - center) slope`
    pub fn gradient(&self, x: &[Float], dy: &[Float], center: &[Float], by: [&[Float]; 3], dx: &mut [Float]) {
        self.each_piece(dx, |b, range, dx| {
            let [scale, shift, slope] = by.map(|by| self.of(by, b));
            gradient(&x[range.clone()], &dy[range], self.of(center, b), scale, shift, slope, dx);
        });
    }

    fn each_piece(&self, out: &mut [Float], work: impl Fn(usize, Range<usize>, &mut [Float]) + Sync) {
        let mut rest = out;
        let mut pieces = Vec::new();
        for (block, range) in self.pieces() {
            let (piece, next) = rest.split_at_mut(range.len());
            rest = next;
            pieces.push((block, range, piece));
        }
        parallel::for_each(&mut pieces, |(block, range, piece)| work(*block, range.clone(), piece));
    }
}

/// Channels whose sums stay in registers while rows go by.
const WIDTH: usize = 8;

/// Adds to `N` sums of each channel, row by row, what `term` gives for a place in the rows and its channel.
///
/// Asks for places below `rows * channels` only, so that `term` need not check them.
#[inline(always)]
fn add_terms<const N: usize>(
    [rows, channels]: [usize; 2],
    sums: [&mut [f64]; N],
    term: impl Fn(usize, usize) -> [f64; N],
) {
    let whole = channels / WIDTH * WIDTH;
    for first in (0..whole).step_by(WIDTH) {
        let mut lanes = [[0.0; WIDTH]; N];
        for row in 0..rows {
            for i in 0..WIDTH {
                let terms = term(row * channels + first + i, first + i);
                for n in 0..N {
                    lanes[n][i] += terms[n];
                }
            }
        }
        for n in 0..N {
            for i in 0..WIDTH {
                sums[n][first + i] += lanes[n][i];
            }
        }
    }
    for row in 0..rows {
        for channel in whole..channels {
            let terms = term(row * channels + channel, channel);
            for n in 0..N {
                sums[n][channel] += terms[n];
            }
        }
    }
}

vectorized! {
    fn add_squares(x: &[Float], center: &[f64], sum: &mut [f64]) {
        let channels = center.len();
        add_terms([x.len() / channels, channels], [sum], |at, channel| {
            // SAFETY: whole rows of `x`, and the channels of `center`.
            let d = unsafe { f64::from(*x.get_unchecked(at)) - center.get_unchecked(channel) };
            [d * d]
        });
    }
}

vectorized! {
    fn add_products(x: &[Float], dy: &[Float], center: &[f64], sum: &mut [f64], along: &mut [f64]) {
        let (x, channels) = (&x[..dy.len()], center.len());
        add_terms([dy.len() / channels, channels], [sum, along], |at, channel| {
            // SAFETY: whole rows of both, and the channels of `center`.
            unsafe {
                let dy = f64::from(*dy.get_unchecked(at));
                [dy, dy * (f64::from(*x.get_unchecked(at)) - center.get_unchecked(channel))]
            }
        });
    }
}

vectorized! {
    fn add_rows(x: &[Float], sum: &mut [f64]) {
        let channels = sum.len();
        // SAFETY: whole rows of `x`.
        add_terms([x.len() / channels, channels], [sum], |at, _| [f64::from(unsafe { *x.get_unchecked(at) })]);
    }
}

vectorized! {
    fn apply(x: &[Float], center: &[Float], scale: &[Float], shift: &[Float], y: &mut [Float]) {
        let channels = center.len();
        let (scale, shift) = (&scale[..channels], &shift[..channels]);
        for row in (0..x.len()).step_by(channels) {
            let (x, y) = (&x[row..][..channels], &mut y[row..][..channels]);
            for i in 0..channels {
                y[i] = (x[i] - center[i]) * scale[i] + shift[i];
            }
        }
    }
}

vectorized! {
    fn gradient(
        x: &[Float],
        dy: &[Float],
        center: &[Float],
        scale: &[Float],
        shift: &[Float],
        slope: &[Float],
        dx: &mut [Float],
    ) {
        let channels = center.len();
        let (scale, shift, slope) = (&scale[..channels], &shift[..channels], &slope[..channels]);
        for row in (0..x.len()).step_by(channels) {
            let (x, dy, dx) = (&x[row..][..channels], &dy[row..][..channels], &mut dx[row..][..channels]);
            for i in 0..channels {
                dx[i] = scale[i] * dy[i] - shift[i] - (x[i] - center[i]) * slope[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::{near, numbers};
    use super::*;

    #[test]
    fn sums_of_channels_agree_with_the_definition() {
        for (blocks, rows, channels, groups) in
            [(1, 7, 1, 1), (3, 5, 3, 1), (2, 4, 8, 4), (1, 3000, 13, 13), (2, 9, 40, 2)]
        {
            let by = Blocks { blocks, rows, channels };
            let (x, dy) = (numbers(blocks * rows * channels, 37), numbers(blocks * rows * channels, 53));
            let [mean, variance] = by.moments(&x, groups);
            let [sum, along] = by.gradient_sums(&x, &dy, &mean);
            let (width, rows_of) = (channels / groups, |b: usize| b * rows..(b + 1) * rows);
            for (i, mean) in mean.iter().enumerate() {
                let (block, channel) = (i / channels, i % channels);
                let group = channel / width * width..channel / width * width + width;
                let of_group: Vec<f64> = rows_of(block)
                    .flat_map(|row| group.clone().map(move |c| row * channels + c))
                    .map(|i| f64::from(x[i]))
                    .collect();
                let own = of_group.iter().sum::<f64>() / of_group.len() as f64;
                let squares = of_group.iter().map(|x| (x - own).powi(2)).sum::<f64>() / of_group.len() as f64;
                let places: Vec<usize> = rows_of(block).map(|row| row * channels + channel).collect();
                let of = |f: &dyn Fn(usize) -> f64| places.iter().map(|i| f(*i)).sum::<f64>();
                let product = of(&|i| f64::from(dy[i]) * (f64::from(x[i]) - own));
                near([*mean, variance[i], sum[i], along[i]], [own, squares, of(&|i| f64::from(dy[i])), product]);
            }
        }
    }
}
