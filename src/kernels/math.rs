//! Exponentials and related functions of one number, in plain arithmetic without branches: so that loops over them
//! become vector instructions under [`vectorized!`](super::simd::vectorized), with the same bits on every instruction
//! set.
//!
//! In `f32` all are within 2e-7 of the truth, relatively; infinities and NaN are taken as mathematics takes them.

use crate::float::Float;

#[cfg(float64)]
use double as precision;
#[cfg(not(float64))]
use single as precision;

pub use precision::{exp, exp_m1, ln_1p_of_unit, normal, tanh};

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub fn sigmoid(x: Float) -> Float {
    let decay = exp(-x.abs());
    (if x < 0.0 { decay } else { 1.0 }) / (1.0 + decay)
}

/// `ln(1 + exp(x))`
#[inline(always)]
pub fn softplus(x: Float) -> Float {
    (if x < 0.0 { 0.0 } else { x }) + ln_1p_of_unit(exp(-x.abs()))
}

#[cfg(not(float64))]
mod single {
    /// By Horner's rule, the coefficient of the highest power last.
    #[inline(always)]
    fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
        let mut sum = coefficients[N - 1];
        for i in (0..N - 1).rev() {
            sum = sum * x + coefficients[i];
        }
        sum
    }

    /// `(n, exp(r) - 1)` with `x = n ln 2 + r` and `|r|` at most half of `ln 2`, for `|x|` below a million.
    #[inline(always)]
    fn reduce(x: f32) -> (i32, f32) {
        // Adding 1.5 · 2²³ leaves no places for a fraction, so that the last bits are the whole number.
        const SHIFT: f32 = 12_582_912.0;
        let shifted = x * std::f32::consts::LOG2_E + SHIFT;
        let n = shifted - SHIFT;
        // The first of two parts of ln 2 has so few digits that its multiples are exact.
        let r = (x - n * 0.693_359_375) + n * 2.121_944_4e-4;
        let curve = [0.499_999_93, 0.166_665_15, 0.041_668_457, 0.008_369_419, 0.001_381_314_2];
        ((shifted.to_bits() as i32).wrapping_sub(SHIFT.to_bits() as i32), r + r * r * polynomial(r, curve))
    }

    /// `2ⁿ` for `n` from -126 to 127.
    #[inline(always)]
    fn power_of_two(n: i32) -> f32 {
        f32::from_bits((n.wrapping_add(127) as u32) << 23)
    }

    #[inline(always)]
    fn clamp(x: f32, low: f32, high: f32) -> f32 {
        // Comparisons that NaN passes, unlike `min` and `max`.
        let x = if x < low { low } else { x };
        if x > high { high } else { x }
    }

    #[inline(always)]
    pub fn exp(x: f32) -> f32 {
        let (n, p) = reduce(clamp(x, -104.0, 89.0));
        // Two factors reach the denormal numbers and infinity.
        let half = n >> 1;
        (1.0 + p) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
    }

    /// `exp(x) - 1`, for `x` up to 80.
    #[inline(always)]
    pub fn exp_m1(x: f32) -> f32 {
        let (n, p) = reduce(clamp(x, -20.0, 80.0));
        let scale = power_of_two(n);
        scale * p + (scale - 1.0)
    }

    #[inline(always)]
    pub fn tanh(x: f32) -> f32 {
        let growth = exp_m1(2.0 * clamp(x.abs(), 0.0, 10.0));
        (growth / (growth + 2.0)).copysign(x)
    }

    /// `ln(1 + x)` for `x` from 0 to 1.
    #[inline(always)]
    pub fn ln_1p_of_unit(x: f32) -> f32 {
        // It is `2 artanh(s) = s (2 + rest)`, and `2 s` is `x - s x`, in which `x` is exact.
        let s = x / (2.0 + x);
        let rest = s * s * polynomial(s * s, [0.666_663_15, 0.400_248_98, 0.279_607_56, 0.281_777_2]);
        x - s * (x - rest)
    }

    /// `exp(z²) erfc(z)` for `z` from 0 to 10.3.
    #[inline(always)]
    fn scaled_erfc(z: f32) -> f32 {
        let w = 1.0 / (z + 3.0);
        let curve = [
            1.074_006_9,
            -0.883_394_5,
            0.590_228_3,
            -0.310_466_05,
            0.119_528_97,
            -0.026_839_588,
            -0.001_225_816_5,
            0.003_080_067_2,
            -0.000_484_376_24,
            -0.000_325_955_56,
        ];
        w * polynomial((z - 3.0) * w, curve)
    }

    /// The normal distribution: the probability of a number below `x`, and the density there.
    #[inline(always)]
    pub fn normal(x: f32) -> (f32, f32) {
        let z = clamp(x.abs(), 0.0, 14.5);
        let bell = exp(-0.5 * z * z);
        // By `erfc`, since `1 + erf` loses all digits far on the left.
        let tail = 0.5 * bell * scaled_erfc(z * std::f32::consts::FRAC_1_SQRT_2);
        (if x < 0.0 { tail } else { 1.0 - tail }, 0.398_942_28 * bell)
    }
}

#[cfg(float64)]
mod double {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

    pub fn exp(x: f64) -> f64 {
        x.exp()
    }

    pub fn exp_m1(x: f64) -> f64 {
        x.exp_m1()
    }

    pub fn tanh(x: f64) -> f64 {
        x.tanh()
    }

    pub fn ln_1p_of_unit(x: f64) -> f64 {
        x.ln_1p()
    }

    pub fn normal(x: f64) -> (f64, f64) {
        (0.5 * libm::erfc(-x * FRAC_1_SQRT_2), 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (-0.5 * x * x).exp())
    }
}

#[cfg(all(test, not(float64)))]
mod tests {
    use super::*;

    /// The greatest relative error over numbers from `low` to `high`, where the truth is a normal number.
    fn error(low: f64, high: f64, f: impl Fn(Float) -> Float, truth: impl Fn(f64) -> f64) -> f64 {
        let steps = 400_000;
        let step = |i: i32| (low + (high - low) * f64::from(i) / f64::from(steps)) as Float;
        let tiny = [1e-3, 1e-7, 1e-20, 1e-37].into_iter().flat_map(|x| [x, -x]).filter(|x| *x as f64 > low);
        (0..=steps)
            .map(step)
            .chain(tiny)
            .map(|x| (f64::from(f(x)), truth(f64::from(x))))
            .filter(|(_, truth)| truth.abs() >= f64::from(f32::MIN_POSITIVE))
            .map(|(y, truth)| ((y - truth) / truth).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn within_two_in_ten_million_of_the_truth() {
        let sigmoid64 = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (name, error) in [
            ("exp", error(-87.3, 88.7, exp, f64::exp)),
            ("exp_m1", error(-30.0, 20.0, exp_m1, f64::exp_m1)),
            ("tanh", error(-12.0, 12.0, tanh, f64::tanh)),
            ("tanh near 0", error(-1.0, 1.0, tanh, f64::tanh)),
            ("sigmoid", error(-87.0, 30.0, sigmoid, sigmoid64)),
            ("ln_1p", error(0.0, 1.0, ln_1p_of_unit, f64::ln_1p)),
            ("softplus", error(-87.0, 30.0, softplus, |x| x.exp().ln_1p())),
        ] {
            assert!(error < 2e-7, "{name} is off by {error:e}");
        }
        // The square of `x` is rounded, which far out changes the result by `x²` as much.
        for (low, high, bound) in [(-2.0, 2.0, 5e-7), (-13.0, 13.0, 6e-6)] {
            let below = error(low, high, |x| normal(x).0, |x| 0.5 * libm::erfc(-x * 0.5_f64.sqrt()));
            let density = error(low, high, |x| normal(x).1, |x| 0.398_942_280_401_432_7 * (-0.5 * x * x).exp());
            assert!(below.max(density) < bound, "normal is off by {below:e}, {density:e}");
        }
    }

    #[test]
    fn ends_of_the_line() {
        const INFINITE: Float = Float::INFINITY;
        let ends = |f: fn(Float) -> Float| [f(-INFINITE), f(-1e30), f(0.0), f(1e30), f(INFINITE)];
        assert_eq!(ends(exp), [0.0, 0.0, 1.0, INFINITE, INFINITE]);
        assert_eq!(ends(tanh), [-1.0, -1.0, 0.0, 1.0, 1.0]);
        assert_eq!(ends(sigmoid), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(ends(|x| normal(x).0), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(ends(|x| exp_m1(x.min(0.0))), [-1.0, -1.0, 0.0, 0.0, 0.0]);
        assert_eq!(ends(softplus)[..2], [0.0, 0.0]);
        assert_eq!(ends(softplus)[3..], [1e30, INFINITE]);
        for f in [exp, exp_m1, tanh, sigmoid, softplus, ln_1p_of_unit, |x| normal(x).0] {
            assert!(f(Float::NAN).is_nan() && f(-Float::NAN).is_nan());
        }
        assert!(tanh(-0.0).is_sign_negative());
        assert!((tanh(1e-40) / 1e-40 - 1.0).abs() < 0.13);
        // Denormal results, to the last of their bits.
        for x in [-88.0_f32, -95.5, -100.0, -103.0, -103.9, -104.5] {
            let steps = exp(x).to_bits().abs_diff((f64::from(x).exp() as f32).to_bits());
            assert!(steps <= 1, "exp({x}) is {} steps off", steps);
        }
    }
}
