//! Moments of channels and of rows, and what is computed with them.

use std::ops::Range;

use super::simd::vectorized;
use super::{lanes, parallel};
use crate::Float;

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
        let starts = |b: usize| (b * block..(b + 1) * block).step_by(piece.max(1));
        (0..self.blocks).flat_map(|b| starts(b).map(move |i| (b, i..(i + piece).min((b + 1) * block)))).collect()
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

    /// `y = (x - center) scale + shift`, where `shift` is the same in all blocks
    pub fn apply(&self, x: &[Float], center: &[Float], scale: &[Float], shift: &[Float], y: &mut [Float]) {
        self.each_piece(y, |b, range, y| apply(&x[range], self.of(center, b), self.of(scale, b), shift, y));
    }

    /// `Σ dy` and `Σ dy (x - center)`
    pub fn gradient_sums(&self, x: &[Float], dy: &[Float], center: &[Float]) -> [Vec<f64>; 2] {
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

vectorized! {
    fn add_rows(x: &[Float], sum: &mut [f64]) {
        for x in x.chunks_exact(sum.len()) {
            for (sum, x) in sum.iter_mut().zip(x) {
                *sum += f64::from(*x);
            }
        }
    }
}

vectorized! {
    fn add_squares(x: &[Float], center: &[f64], sum: &mut [f64]) {
        for x in x.chunks_exact(sum.len()) {
            for ((sum, x), center) in sum.iter_mut().zip(x).zip(center) {
                let d = f64::from(*x) - center;
                *sum += d * d;
            }
        }
    }
}

vectorized! {
    fn add_products(x: &[Float], dy: &[Float], center: &[Float], sum: &mut [f64], along: &mut [f64]) {
        for (x, dy) in x.chunks_exact(sum.len()).zip(dy.chunks_exact(sum.len())) {
            for ((((x, dy), center), sum), along) in x.iter().zip(dy).zip(center).zip(sum.iter_mut()).zip(along.iter_mut()) {
                *sum += f64::from(*dy);
                *along += f64::from(*dy) * f64::from(x - center);
            }
        }
    }
}

vectorized! {
    fn apply(x: &[Float], center: &[Float], scale: &[Float], shift: &[Float], y: &mut [Float]) {
        let channels = center.len();
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for ((((x, y), center), scale), shift) in x.iter().zip(y).zip(center).zip(scale).zip(shift) {
                *y = (x - center) * scale + shift;
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
        for ((x, dy), dx) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)).zip(dx.chunks_exact_mut(channels)) {
            let by = center.iter().zip(scale).zip(shift).zip(slope);
            for (((x, dy), dx), (((center, scale), shift), slope)) in x.iter().zip(dy).zip(dx).zip(by) {
                *dx = scale * dy - shift - (x - center) * slope;
            }
        }
    }
}

/// Rows that are normalised one by one: `y = (x - mean) / √(share Σ (x - mean)² + ε) · gamma + beta`.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub len: usize,
    /// Whether the mean is subtracted.
    pub centered: bool,
    pub share: Float,
    pub epsilon: Float,
}

/// Of each row: what is subtracted, and what it is then multiplied with.
pub struct RowMoments {
    pub mean: Vec<Float>,
    pub inverse: Vec<Float>,
}

impl Rows {
    fn per_chunk(&self) -> usize {
        (CHUNK / self.len).max(1)
    }

    pub fn forward(&self, x: &[Float], gamma: &[Float], beta: &[Float], y: &mut [Float]) -> RowMoments {
        let (rows, chunk) = (x.len() / self.len, self.per_chunk());
        let (mut mean, mut inverse) = (vec![0.0; rows], vec![0.0; rows]);
        let inputs = x.chunks(chunk * self.len).zip(y.chunks_mut(chunk * self.len));
        let mut work: Vec<_> = inputs.zip(mean.chunks_mut(chunk).zip(inverse.chunks_mut(chunk))).collect();
        parallel::for_each(&mut work, |((x, y), (mean, inverse))| {
            forward_rows(*self, x, gamma, beta, y, mean, inverse);
        });
        RowMoments { mean, inverse }
    }

    /// With `n` the normalised input and `g = gamma dy`: `dx = (g - share Σ g - n share Σ n g) / √(..)`, where the first
    /// sum is there only if the mean was subtracted; returns `Σ n dy` and `Σ dy` over rows, for gamma and beta.
    pub fn backward(
        &self,
        x: &[Float],
        dy: &[Float],
        gamma: &[Float],
        moments: &RowMoments,
        dx: &mut [Float],
    ) -> [Vec<f64>; 2] {
        let chunk = self.per_chunk();
        let inputs = x.chunks(chunk * self.len).zip(dy.chunks(chunk * self.len));
        let moments = moments.mean.chunks(chunk).zip(moments.inverse.chunks(chunk));
        let sums = || (vec![0.0; self.len], vec![0.0; self.len]);
        let mut work: Vec<_> =
            dx.chunks_mut(chunk * self.len).zip(inputs.zip(moments)).map(|chunks| (chunks, sums())).collect();
        parallel::for_each(&mut work, |((dx, ((x, dy), (mean, inverse))), (of_gamma, of_beta))| {
            backward_rows(*self, x, dy, gamma, mean, inverse, dx, of_gamma, of_beta);
        });
        let mut total = [vec![0.0; self.len], vec![0.0; self.len]];
        for (_, sums) in work {
            for (total, sum) in total.iter_mut().zip([sums.0, sums.1]) {
                total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
            }
        }
        total
    }
}

vectorized! {
    fn forward_rows(
        by: Rows,
        x: &[Float],
        gamma: &[Float],
        beta: &[Float],
        y: &mut [Float],
        mean: &mut [Float],
        inverse: &mut [Float],
    ) {
        let rows = x.chunks_exact(by.len).zip(y.chunks_exact_mut(by.len));
        for ((x, y), (mean, inverse)) in rows.zip(mean.iter_mut().zip(inverse.iter_mut())) {
            let center = if by.centered { lanes::sum(x) / by.len as Float } else { 0.0 };
            let scale = 1.0 / (by.share * lanes::squares(x, center) + by.epsilon).sqrt();
            (*mean, *inverse) = (center, scale);
            for (((x, y), gamma), beta) in x.iter().zip(y).zip(gamma).zip(beta) {
                *y = (x - center) * scale * gamma + beta;
            }
        }
    }
}

vectorized! {
    #[allow(clippy::too_many_arguments)]
    fn backward_rows(
        by: Rows,
        x: &[Float],
        dy: &[Float],
        gamma: &[Float],
        mean: &[Float],
        inverse: &[Float],
        dx: &mut [Float],
        of_gamma: &mut [f64],
        of_beta: &mut [f64],
    ) {
        let mut normal = vec![0.0; by.len];
        let rows = x.chunks_exact(by.len).zip(dy.chunks_exact(by.len)).zip(dx.chunks_exact_mut(by.len));
        for (((x, dy), dx), (center, scale)) in rows.zip(mean.iter().zip(inverse)) {
            for (((normal, x), (dx, dy)), gamma) in normal.iter_mut().zip(x).zip(dx.iter_mut().zip(dy)).zip(gamma) {
                *normal = (x - center) * scale;
                *dx = dy * gamma;
            }
            let sums = of_gamma.iter_mut().zip(of_beta.iter_mut());
            for ((of_gamma, of_beta), (normal, dy)) in sums.zip(normal.iter().zip(dy)) {
                *of_gamma += f64::from(normal * dy);
                *of_beta += f64::from(*dy);
            }
            let shift = if by.centered { by.share * lanes::sum(dx) } else { 0.0 };
            let slope = by.share * lanes::dot(dx, &normal);
            for (dx, normal) in dx.iter_mut().zip(&normal) {
                *dx = (*dx - shift - normal * slope) * scale;
            }
        }
    }
}
