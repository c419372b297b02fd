//! Sums and the like over a run of numbers, in partial ones as many as two of the widest registers hold: quick, more
//! accurate than one after the other, and the same bits on every instruction set. To be called in vectorised loops.

use crate::Float;

const LANES: usize = 32;

/// Each lane takes every 32nd of `len` numbers, and then the lanes are folded in half again and again.
///
/// Asks for the numbers of `0..len` only, so that `value` need not check its place.
#[inline(always)]
fn fold(len: usize, start: Float, value: impl Fn(usize) -> Float, join: impl Fn(Float, Float) -> Float) -> Float {
    if len < LANES {
        // Too short to be worth lanes.
        let mut all = start;
        for i in 0..len {
            all = join(all, value(i));
        }
        return all;
    }
    let mut lanes = [start; LANES];
    let whole = len / LANES;
    for part in 0..whole {
        for i in 0..LANES {
            lanes[i] = join(lanes[i], value(part * LANES + i));
        }
    }
    for i in 0..len % LANES {
        lanes[i] = join(lanes[i], value(whole * LANES + i));
    }
    let mut half = LANES;
    while half > 1 {
        half /= 2;
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
    }
    lanes[0]
}

/// `Σ x`
#[inline(always)]
pub fn sum(x: &[Float]) -> Float {
    // SAFETY: places below the length.
    fold(x.len(), 0.0, |i| unsafe { *x.get_unchecked(i) }, |a, b| a + b)
}

/// `Σ x y`
#[inline(always)]
pub fn dot(x: &[Float], y: &[Float]) -> Float {
    let y = &y[..x.len()];
    // SAFETY: places below the length of both.
    fold(x.len(), 0.0, |i| unsafe { x.get_unchecked(i) * y.get_unchecked(i) }, |a, b| a + b)
}

/// `Σ (x - center)²`
#[inline(always)]
pub fn squares(x: &[Float], center: Float) -> Float {
    let square = |d: Float| d * d;
    // SAFETY: places below the length.
    fold(x.len(), 0.0, |i| square(unsafe { *x.get_unchecked(i) } - center), |a, b| a + b)
}

/// The greatest number, or -∞; NaN is passed over.
#[inline(always)]
pub fn max(x: &[Float]) -> Float {
    // SAFETY: places below the length.
    fold(x.len(), Float::NEG_INFINITY, |i| unsafe { *x.get_unchecked(i) }, |a, b| if b > a { b } else { a })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_what_they_say_at_any_length() {
        for len in [0, 1, 7, 31, 32, 33, 64, 100, 257] {
            let x: Vec<Float> = (0..len).map(|i| (i * 7 % 13) as Float - 6.0).collect();
            let y: Vec<Float> = (0..len).map(|i| (i * 5 % 11) as Float).collect();
            assert_eq!(sum(&x), x.iter().sum::<Float>());
            assert_eq!(dot(&x, &y), x.iter().zip(&y).map(|(x, y)| x * y).sum::<Float>());
            assert_eq!(squares(&x, 1.0), x.iter().map(|x| (x - 1.0) * (x - 1.0)).sum::<Float>());
            assert_eq!(max(&x), x.iter().copied().fold(Float::NEG_INFINITY, Float::max));
        }
        assert_eq!(max(&[Float::NAN, -1.0]), -1.0);
    }
}
