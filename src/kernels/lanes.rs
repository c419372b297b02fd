//! Sums and the like over a run of numbers, in partial ones as many as two of the widest registers hold: quick, more
//! accurate than one after the other, and the same bits on every instruction set. To be called in vectorised loops.

use crate::Float;

const LANES: usize = 32;

/// Each lane takes every 32nd number, and then the lanes are folded in half again and again.
#[inline(always)]
fn fold<const N: usize>(
    runs: [&[Float]; N],
    start: Float,
    each: impl Fn([Float; N]) -> Float,
    join: impl Fn(Float, Float) -> Float,
) -> Float {
    if runs[0].len() < LANES {
        // Too short to be worth lanes.
        return (0..runs[0].len()).fold(start, |sum, i| join(sum, each(runs.map(|run| run[i]))));
    }
    let mut lanes = [start; LANES];
    let whole = runs[0].len() / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        let parts: [&[Float; LANES]; N] = runs.map(|run| run[at..].first_chunk().expect("a whole part"));
        for i in 0..LANES {
            lanes[i] = join(lanes[i], each(parts.map(|part| part[i])));
        }
    }
    for (i, lane) in lanes.iter_mut().enumerate().take(runs[0].len() - whole) {
        *lane = join(*lane, each(runs.map(|run| run[whole + i])));
    }
    let mut len = LANES;
    while len > 1 {
        len /= 2;
        for i in 0..len {
            lanes[i] = join(lanes[i], lanes[i + len]);
        }
    }
    lanes[0]
}

/// `Σ x`
#[inline(always)]
pub fn sum(x: &[Float]) -> Float {
    fold([x], 0.0, |[x]| x, |a, b| a + b)
}

/// `Σ x y`
#[inline(always)]
pub fn dot(x: &[Float], y: &[Float]) -> Float {
    fold([x, &y[..x.len()]], 0.0, |[x, y]| x * y, |a, b| a + b)
}

/// `Σ (x - center)²`
#[inline(always)]
pub fn squares(x: &[Float], center: Float) -> Float {
    fold([x], 0.0, |[x]| (x - center) * (x - center), |a, b| a + b)
}

/// The greatest number, or -∞; NaN is passed over.
#[inline(always)]
pub fn max(x: &[Float]) -> Float {
    fold([x], Float::NEG_INFINITY, |[x]| x, |a, b| if b > a { b } else { a })
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
