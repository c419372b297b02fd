//! Normalisation by row: moments, and what is computed with them.

use super::simd::vectorized;
use super::{parallel, sums};
use crate::float::Float;

/// Numbers that a thread works on at a time, about.
const CHUNK: usize = 1 << 14;
/// Rows that are normalised one by one: `y = (x - mean) / √(share Σ (x - mean)² + ε) · gamma + beta`.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub len: usize,
    /// Whether the mean is subtracted.
    pub centered: bool,
    pub share: Float,
    pub epsilon: Float,
}

/// Rows whose gradients are added up in `f32`.
const FEW: usize = 32;

/// The factor of rows whose squares would overflow.
#[cfg(not(float64))]
const SHRINK: Float = 1.0 / (1_u128 << 100) as Float;
#[cfg(float64)]
const SHRINK: Float = f64::from_bits((1023 - 600) << 52);

/// What a row becomes: `(x · factor - center - rest) · inverse`.
#[derive(Clone, Copy, Default)]
pub struct RowMoments {
    /// 1, unless squares would overflow.
    factor: Float,
    /// The mean is in two parts: far from zero one number has not the digits.
    center: Float,
    rest: Float,
    inverse: Float,
}

impl RowMoments {
    #[inline(always)]
    fn of(by: Rows, x: &[Float]) -> Self {
        let center = if by.centered { sums::sum(x) / by.len as Float } else { 0.0 };
        let [sum, squares] = sums::deviations(x, center);
        let rest = if by.centered { sum / by.len as Float } else { 0.0 };
        // Equal numbers give 0 exactly.
        let squares = squares - sum * rest;
        let squares = if squares < 0.0 { 0.0 } else { squares };
        Self { factor: 1.0, center, rest, inverse: 1.0 / (by.share * squares + by.epsilon).sqrt() }
    }
}

#[cold]
fn shrink(x: &[Float], shrunk: &mut Vec<Float>) {
    shrunk.clear();
    shrunk.extend(x.iter().map(|x| x * SHRINK));
}

impl Rows {
    fn per_chunk(&self) -> usize {
        (CHUNK / self.len).max(1)
    }

    pub fn forward(&self, x: &[Float], gamma: &[Float], beta: &[Float], y: &mut [Float]) -> Vec<RowMoments> {
        let (rows, chunk) = (x.len() / self.len, self.per_chunk());
        let mut moments = vec![RowMoments::default(); rows];
        let inputs = x.chunks(chunk * self.len).zip(y.chunks_mut(chunk * self.len));
        let mut work: Vec<_> = inputs.zip(moments.chunks_mut(chunk)).collect();
        parallel::for_each(&mut work, |((x, y), moments)| forward_rows(*self, x, gamma, beta, y, moments));
        moments
    }

    /// With `n` the normalised input and `g = gamma dy`: `dx = (g - share Σ g - n share Σ n g) / √(..)`, where the first
    /// sum is there only if the mean was subtracted; returns `Σ n dy` and `Σ dy` over rows, for gamma and beta.
    pub fn backward(
        &self,
        x: &[Float],
        dy: &[Float],
        gamma: &[Float],
        moments: &[RowMoments],
        dx: &mut [Float],
    ) -> [Vec<f64>; 2] {
        let chunk = self.per_chunk();
        let inputs = x.chunks(chunk * self.len).zip(dy.chunks(chunk * self.len));
        let sums = || (vec![0.0; self.len], vec![0.0; self.len]);
        let chunks = dx.chunks_mut(chunk * self.len).zip(inputs.zip(moments.chunks(chunk)));
        let mut work: Vec<_> = chunks.map(|chunks| (chunks, sums())).collect();
        parallel::for_each(&mut work, |((dx, ((x, dy), moments)), (of_gamma, of_beta))| {
            backward_rows(*self, x, dy, gamma, moments, dx, of_gamma, of_beta);
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
        moments: &mut [RowMoments],
    ) {
        let mut shrunk = Vec::new();
        let rows = x.chunks_exact(by.len).zip(y.chunks_exact_mut(by.len));
        for ((x, y), moments) in rows.zip(moments) {
            let (mut by, mut factor) = (by, 1.0);
            loop {
                let row = if factor == 1.0 { x } else { &shrunk };
                *moments = RowMoments { factor, ..RowMoments::of(by, row) };
                // The sum of squares is infinite or not a number: once more with a row that is made small.
                let is_lost = moments.inverse == 0.0 || moments.inverse.is_nan();
                if !is_lost || factor != 1.0 || !x.iter().all(|x| x.is_finite()) {
                    break;
                }
                shrink(x, &mut shrunk);
                factor = SHRINK;
                by.epsilon = (by.epsilon * SHRINK * SHRINK).max(Float::MIN_POSITIVE);
            }
            let RowMoments { factor, center, rest, inverse } = *moments;
            let (y, gamma, beta) = (&mut y[..x.len()], &gamma[..x.len()], &beta[..x.len()]);
            for i in 0..x.len() {
                y[i] = (x[i] * factor - center - rest) * inverse * gamma[i] + beta[i];
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
        moments: &[RowMoments],
        dx: &mut [Float],
        of_gamma: &mut [f64],
        of_beta: &mut [f64],
    ) {
        let len = by.len;
        let (gamma, of_gamma, of_beta) = (&gamma[..len], &mut of_gamma[..len], &mut of_beta[..len]);
        let mut scratch = vec![0.0; 3 * len];
        let (normal, few) = scratch.split_at_mut(len);
        // In `f32` over a few rows, which is quicker.
        let (few_gamma, few_beta) = few.split_at_mut(len);
        for (row, &RowMoments { factor, center, rest, inverse }) in moments.iter().enumerate() {
            let (x, dy, dx) = (&x[row * len..][..len], &dy[row * len..][..len], &mut dx[row * len..][..len]);
            for i in 0..len {
                normal[i] = (x[i] * factor - center - rest) * inverse;
                dx[i] = dy[i] * gamma[i];
                few_gamma[i] += normal[i] * dy[i];
                few_beta[i] += dy[i];
            }
            if row % FEW == FEW - 1 || row + 1 == moments.len() {
                for i in 0..len {
                    of_gamma[i] += f64::from(few_gamma[i]);
                    of_beta[i] += f64::from(few_beta[i]);
                }
                few_gamma.fill(0.0);
                few_beta.fill(0.0);
            }
            let shift = if by.centered { by.share * sums::sum(dx) } else { 0.0 };
            let slope = by.share * sums::dot(dx, normal);
            let scale = inverse * factor;
            for i in 0..len {
                dx[i] = (dx[i] - shift - normal[i] * slope) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::{near, numbers};
    use super::*;

    #[test]
    fn gradients_of_rows_agree_with_the_definition() {
        for (count, len, centered) in [(3, 1, false), (70, 5, true), (4, 33, false), (200, 130, true)] {
            let rows = Rows { len, centered, share: 1.0 / len as Float, epsilon: 1e-3 };
            let (x, dy, gamma) = (numbers(count * len, 37), numbers(count * len, 53), numbers(len, 29));
            let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let moments = rows.forward(&x, &gamma, &vec![0.5; len], &mut y);
            let [of_gamma, of_beta] = rows.backward(&x, &dy, &gamma, &moments, &mut dx);
            let (mut want_gamma, mut want_beta) = (vec![0.0; len], vec![0.0; len]);
            for i in 0..count {
                let row = |x: &[Float]| x[i * len..(i + 1) * len].iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
                let (x, dy) = (row(&x), row(&dy));
                let average = |x: &[f64]| x.iter().sum::<f64>() / len as f64;
                let center = if centered { average(&x) } else { 0.0 };
                let squares: Vec<f64> = x.iter().map(|x| (x - center).powi(2)).collect();
                let root = (average(&squares) + 1e-3).sqrt();
                let normal: Vec<f64> = x.iter().map(|x| (x - center) / root).collect();
                let slopes: Vec<f64> = dy.iter().zip(&gamma).map(|(dy, gamma)| dy * f64::from(*gamma)).collect();
                let along: Vec<f64> = slopes.iter().zip(&normal).map(|(slope, normal)| slope * normal).collect();
                let shift = if centered { average(&slopes) } else { 0.0 };
                let want = slopes.iter().zip(&normal).map(|(s, n)| (s - shift - n * average(&along)) / root);
                near(row(&dx), want);
                near(row(&y), normal.iter().zip(&gamma).map(|(normal, gamma)| normal * f64::from(*gamma) + 0.5));
                for j in 0..len {
                    want_gamma[j] += normal[j] * dy[j];
                    want_beta[j] += dy[j];
                }
            }
            near(of_gamma, want_gamma);
            near(of_beta, want_beta);
        }
    }
}
