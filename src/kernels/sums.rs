//! Sums and the like over a run of numbers, in partial ones as many as two of the widest registers hold, and in double
//! precision over those of long runs: quick, more accurate than one after the other, and the same bits on every instruction
//! set. To be called in vectorised loops.

use crate::float::Float;

const LANES: usize = 32;
/// Lanes of short runs.
const SHORT: usize = 8;
/// Numbers whose sum is made in lanes.
const BLOCK: usize = 1024;

/// Sums of the terms of `0..len`, block by block.
///
/// Asks for the numbers of `0..len` only, so that `terms` need not check its place.
#[inline(always)]
fn sums<const N: usize>(len: usize, terms: impl Fn(usize) -> [Float; N]) -> [Float; N] {
    if len <= BLOCK {
        return block(0, len, &terms);
    }
    let mut total = [0.0; N];
    let mut first = 0;
    while first < len {
        let end = if len - first > BLOCK { first + BLOCK } else { len };
        let part = block(first, end, &terms);
        for n in 0..N {
            total[n] += f64::from(part[n]);
        }
        first = end;
    }
    let mut out = [0.0; N];
    for n in 0..N {
        out[n] = total[n] as Float;
    }
    out
}

#[inline(always)]
fn block<const N: usize>(first: usize, end: usize, terms: &impl Fn(usize) -> [Float; N]) -> [Float; N] {
    match end - first {
        // Too short to be worth lanes.
        0..SHORT => in_lanes::<N, 1>(first, end, terms),
        SHORT..LANES => in_lanes::<N, SHORT>(first, end, terms),
        _ => in_lanes::<N, LANES>(first, end, terms),
    }
}

/// Each of `W` lanes takes every `W`th number, and then the lanes are folded in half again and again.
#[inline(always)]
fn in_lanes<const N: usize, const W: usize>(
    first: usize,
    end: usize,
    terms: &impl Fn(usize) -> [Float; N],
) -> [Float; N] {
    let len = end - first;
    let mut lanes = [[0.0; W]; N];
    let whole = len / W;
    for part in 0..whole {
        for i in 0..W {
            let terms = terms(first + part * W + i);
            for n in 0..N {
                lanes[n][i] += terms[n];
            }
        }
    }
    for i in 0..len % W {
        let terms = terms(first + whole * W + i);
        for n in 0..N {
            lanes[n][i] += terms[n];
        }
    }
    let mut out = [0.0; N];
    for n in 0..N {
        let mut half = W;
        while half > 1 {
            half /= 2;
            for i in 0..half {
                lanes[n][i] += lanes[n][i + half];
            }
        }
        out[n] = lanes[n][0];
    }
    out
}

/// `Σ x`
#[inline(always)]
pub fn sum(x: &[Float]) -> Float {
    // SAFETY: places below the length.
    sums(x.len(), |i| [unsafe { *x.get_unchecked(i) }])[0]
}

/// `Σ x y`
#[inline(always)]
pub fn dot(x: &[Float], y: &[Float]) -> Float {
    let y = &y[..x.len()];
    // SAFETY: places below the length of both.
    sums(x.len(), |i| [unsafe { x.get_unchecked(i) * y.get_unchecked(i) }])[0]
}

/// `Σ (x - center)` and `Σ (x - center)²`
#[inline(always)]
pub fn deviations(x: &[Float], center: Float) -> [Float; 2] {
    sums(x.len(), |i| {
        // SAFETY: places below the length.
        let d = unsafe { *x.get_unchecked(i) } - center;
        [d, d * d]
    })
}

/// The greatest number, or -∞; NaN is passed over.
#[inline(always)]
pub fn max(x: &[Float]) -> Float {
    let greater = |a: Float, b: Float| if b > a { b } else { a };
    let mut lanes = [Float::NEG_INFINITY; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for part in whole {
        for i in 0..LANES {
            lanes[i] = greater(lanes[i], part[i]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = greater(*lane, *x);
    }
    if whole.is_empty() {
        return lanes[..rest.len()].iter().copied().fold(Float::NEG_INFINITY, greater);
    }
    let mut half = LANES;
    while half > 1 {
        half /= 2;
        for i in 0..half {
            lanes[i] = greater(lanes[i], lanes[i + half]);
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_what_they_say_at_any_length() {
        for len in [0, 1, 7, 31, 32, 33, 64, 100, 257, 1024, 1025, 3000] {
            let x: Vec<Float> = (0..len).map(|i| (i * 7 % 13) as Float - 6.0).collect();
            let y: Vec<Float> = (0..len).map(|i| (i * 5 % 11) as Float).collect();
            assert_eq!(sum(&x), x.iter().sum::<Float>());
            assert_eq!(dot(&x, &y), x.iter().zip(&y).map(|(x, y)| x * y).sum::<Float>());
            let squares = x.iter().map(|x| (x - 1.0) * (x - 1.0)).sum::<Float>();
            assert_eq!(deviations(&x, 1.0), [sum(&x) - len as Float, squares]);
            assert_eq!(max(&x), x.iter().copied().fold(Float::NEG_INFINITY, Float::max));
        }
        assert_eq!(max(&[Float::NAN, -1.0]), -1.0);
    }

    #[cfg(not(float64))]
    #[test]
    fn long_sums_lose_nothing() {
        let x = vec![0.1; 1_000_000];
        for (got, want) in [(sum(&x), 1e5), (dot(&x, &x), 1e4), (deviations(&x, 0.3)[0], -2e5)] {
            assert!((got / want - 1.0).abs() < 1e-6, "{got}, not {want}");
        }
    }
}
