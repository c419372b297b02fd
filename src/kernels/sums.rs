//! Sums and the like over a run of numbers, in partial ones as many as two of the widest registers hold, and in double
//! precision over those of long runs: quick, more accurate than one after the other, and the same bits on every instruction
//! set. To be called in vectorised loops.

use crate::float::Float;

const LANES: usize = 32;
/// Lanes of short runs, and of what is left.
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

/// In many lanes, then what is left in few, then what is left of that one by one: no lane is reached by a place that is known when the
/// code runs, which would keep lanes out of registers.
#[inline(always)]
fn block<const N: usize>(first: usize, end: usize, terms: &impl Fn(usize) -> [Float; N]) -> [Float; N] {
    let mut total = [0.0; N];
    let mut at = first;
    if end - at >= LANES {
        let part = in_lanes::<N, LANES>(at, (end - at) / LANES, terms);
        at += (end - at) / LANES * LANES;
        for n in 0..N {
            total[n] += part[n];
        }
    }
    if end - at >= SHORT {
        let part = in_lanes::<N, SHORT>(at, (end - at) / SHORT, terms);
        at += (end - at) / SHORT * SHORT;
        for n in 0..N {
            total[n] += part[n];
        }
    }
    for i in at..end {
        let terms = terms(i);
        for n in 0..N {
            total[n] += terms[n];
        }
    }
    total
}

/// Each of `W` lanes takes every `W`th number, and then the lanes are folded in half again and again.
#[inline(always)]
fn in_lanes<const N: usize, const W: usize>(
    first: usize,
    parts: usize,
    terms: &impl Fn(usize) -> [Float; N],
) -> [Float; N] {
    let mut lanes = [[0.0; W]; N];
    for part in 0..parts {
        for i in 0..W {
            let terms = terms(first + part * W + i);
            for n in 0..N {
                lanes[n][i] += terms[n];
            }
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
    let (many, rest) = x.as_chunks::<LANES>();
    let (few, rest) = rest.as_chunks::<SHORT>();
    let mut max = greatest(many, greatest(few, Float::NEG_INFINITY));
    for x in rest {
        max = if *x > max { *x } else { max };
    }
    max
}

/// The greatest of `max` and all numbers.
#[inline(always)]
fn greatest<const W: usize>(parts: &[[Float; W]], max: Float) -> Float {
    if parts.is_empty() {
        return max;
    }
    let mut lanes = [max; W];
    for part in parts {
        for i in 0..W {
            lanes[i] = if part[i] > lanes[i] { part[i] } else { lanes[i] };
        }
    }
    let mut half = W;
    while half > 1 {
        half /= 2;
        for i in 0..half {
            lanes[i] = if lanes[i + half] > lanes[i] { lanes[i + half] } else { lanes[i] };
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
