//! Loops over numbers, number by number.

use super::parallel;
use super::simd::{Kernel, Lanes, dispatch, vectorize, vectorized};
use crate::float::Float;

vectorized! {
    /// `sum += x`
    pub fn add_assign(sum: &mut [Float], x: &[Float]) {
        sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
    }
}

vectorized! {
    /// `sum += factor * x`
    pub fn add_scaled(sum: &mut [Float], factor: Float, x: &[Float]) {
        sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
    }
}

vectorized! {
    /// `x *= factor`
    pub fn scale(x: &mut [Float], factor: Float) {
        x.iter_mut().for_each(|x| *x *= factor);
    }
}

/// The sum of squares in `f64`, the same on every processor.
pub fn sum_of_squares(x: &[Float]) -> f64 {
    dot(x, x)
}

/// The sum of products in `f64`, the same on every processor.
pub fn dot(x: &[Float], y: &[Float]) -> f64 {
    let mut sums = [0.0; 16];
    add_products(&mut sums, x, y);
    sums.iter().sum()
}

vectorized! {
    fn add_products(sums: &mut [f64; 16], x: &[Float], y: &[Float]) {
        let ((whole, x), (others, y)) = (x.as_chunks::<16>(), y[..x.len()].as_chunks::<16>());
        for (x, y) in whole.iter().zip(others) {
            for i in 0..16 {
                sums[i] += f64::from(x[i]) * f64::from(y[i]);
            }
        }
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += f64::from(*x) * f64::from(*y);
        }
    }
}

/// Numbers that are worth a thread of their own, and stay in the second cache.
pub const PIECE: usize = 1 << 15;

/// Calls `work` on pieces and where they start, on all threads.
pub fn pieces(x: &mut [Float], work: impl Fn(usize, &mut [Float]) + Sync) {
    if x.len() <= PIECE {
        return work(0, x);
    }
    parallel::for_each(&mut x.chunks_mut(PIECE).enumerate().collect::<Vec<_>>(), |(i, x)| work(*i * PIECE, x));
}

/// The largest magnitude; infinite if one of them is not a finite number.
pub fn largest(x: &[Float]) -> Float {
    if x.len() <= PIECE {
        return largest_of_piece(x);
    }
    parallel::map_chunks(x.len(), PIECE, |piece| largest_of_piece(&x[piece])).into_iter().fold(0.0, Float::max)
}

fn largest_of_piece(x: &[Float]) -> Float {
    const LANES: usize = 32;
    let (mut largest, mut odd) = ([0.0; LANES], [0.0; LANES]);
    vectorize(|| {
        let (whole, rest) = x.as_chunks::<LANES>();
        for x in whole {
            for i in 0..LANES {
                let size = x[i].abs();
                largest[i] = if size > largest[i] { size } else { largest[i] };
                // What is not finite gives no zero here, and then never again.
                odd[i] += x[i] * 0.0;
            }
        }
        for (i, x) in rest.iter().enumerate() {
            largest[i] = if x.abs() > largest[i] { x.abs() } else { largest[i] };
            odd[i] += x * 0.0;
        }
    });
    if odd.iter().all(|odd| *odd == 0.0) { largest.iter().fold(0.0, |all, x| all.max(*x)) } else { Float::INFINITY }
}

/// `x = max(x, 0)`; what is not a number stays so.
pub fn relu(x: &mut [Float]) {
    dispatch(Relu { y: None, x });
}

/// `dy = 0` where the output `y` of ReLU is not positive.
pub fn relu_backward(y: &[Float], dy: &mut [Float]) {
    assert_eq!(y.len(), dy.len(), "ReLU and its gradient differ in length");
    dispatch(Relu { y: Some(y), x: dy });
}

/// In registers, since LLVM makes masked stores of a plain loop, which some processors take ten times longer for.
struct Relu<'a> {
    y: Option<&'a [Float]>,
    x: &'a mut [Float],
}

impl Kernel for Relu<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (x, len) = (self.x.as_mut_ptr(), self.x.len());
        for i in (0..len).step_by(L::WIDTH) {
            // SAFETY: `y` is as long as `x`, and the last register is masked.
            unsafe {
                let (whole, mask) = (len - i >= L::WIDTH, L::mask(len - i));
                let load = |p: *const Float| if whole { L::load(p) } else { L::load_part(p, mask) };
                let new = match self.y {
                    None => load(x.add(i)).positive(),
                    Some(y) => load(x.add(i)).where_positive(load(y.as_ptr().add(i))),
                };
                if whole { new.store(x.add(i)) } else { new.store_part(x.add(i), mask) }
            }
        }
    }
}

vectorized! {
    /// Adds a row to each row of a matrix.
    pub fn add_row(x: &mut [Float], row: &[Float]) {
        for x in x.chunks_exact_mut(row.len().max(1)) {
            x.iter_mut().zip(row).for_each(|(x, row)| *x += row);
        }
    }
}

/// The constants of a step of Adam.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate with both bias corrections: `rate * sqrt(1 - beta2^step) / (1 - beta1^step)`.
    pub alpha: Float,
    pub beta1: Float,
    pub beta2: Float,
    pub epsilon: Float,
}

vectorized! {
    /// Adam in Keras' form: epsilon is added before the bias correction.
    pub fn adam(step: AdamStep, weights: &mut [Float], grads: &[Float], mean: &mut [Float], variance: &mut [Float]) {
        let AdamStep { alpha, beta1, beta2, epsilon } = step;
        for (((w, &g), m), v) in weights.iter_mut().zip(grads).zip(mean).zip(variance) {
            *m += (g - *m) * (1.0 - beta1);
            *v += (g * g - *v) * (1.0 - beta2);
            *w -= alpha * *m / (v.sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_do_what_they_say() {
        let mut x = [1.0, -2.0, Float::NAN];
        relu(&mut x);
        assert!(x[0] == 1.0 && x[1] == 0.0 && x[2].is_nan());
        let mut dy = [3.0, 4.0, 5.0];
        relu_backward(&x, &mut dy);
        assert_eq!(dy, [3.0, 0.0, 0.0]);
        add_assign(&mut dy, &[1.0; 3]);
        assert_eq!(dy, [4.0, 1.0, 1.0]);
        let mut matrix = [1.0, 2.0, 3.0, 4.0];
        add_row(&mut matrix, &[10.0, 20.0]);
        assert_eq!(matrix, [11.0, 22.0, 13.0, 24.0]);
    }

    #[test]
    fn the_largest_of_any_number_and_whatever_is_not_finite() {
        for len in [0, 1, 31, 32, 33, 100] {
            let x: Vec<Float> = (0..len).map(|i| if i % 2 == 0 { i as Float } else { -(i as Float) }).collect();
            assert_eq!(largest(&x), (len as Float - 1.0).max(0.0));
            for odd in [Float::NAN, Float::INFINITY, Float::NEG_INFINITY] {
                for place in 0..len {
                    let mut x = x.clone();
                    x[place] = odd;
                    assert!(!largest(&x).is_finite(), "{odd} at {place} of {len}");
                }
            }
        }
        assert_eq!(largest(&[Float::MAX, -Float::MAX]), Float::MAX);
    }

    #[test]
    fn first_step_of_adam_has_the_length_of_the_learning_rate() {
        let (beta1, beta2): (Float, Float) = (0.9, 0.999);
        let alpha = 0.1 * (1.0 - beta2).sqrt() / (1.0 - beta1);
        let (mut w, mut m, mut v) = ([1.0; 20], [0.0; 20], [0.0; 20]);
        adam(AdamStep { alpha, beta1, beta2, epsilon: 0.0 }, &mut w, &[-7.0; 20], &mut m, &mut v);
        assert!(w.iter().all(|w| (w - 1.1).abs() < 1e-5));
        assert!((m[0] + 0.7).abs() < 1e-5 && (v[0] - 0.049).abs() < 1e-5);
    }
}
