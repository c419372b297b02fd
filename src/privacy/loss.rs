//! The distribution of the privacy loss of all steps.

use std::f64::consts::{PI, SQRT_2};

/// Places of the grid.
const PLACES: usize = 1 << 17;

/// Steps with noise, on a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steps {
    pub(super) noise: f64,
    pub(super) rate: f64,
    pub(super) count: u64,
}

/// The least epsilon for this delta. Losses of all steps are within `bound`, but for a chance of `outside` to each side.
///
/// With P and Q the distributions of a step's result with an example and without it, the loss is `log P/Q` of a result by P. Its
/// distribution is put on a grid so that the mass of both in each interval stays, which bounds epsilon from above; the loss of many steps has
/// the product of their Fourier transforms. An example that is added and one that is taken away differ; the worse counts.
pub(super) fn epsilon(steps: &[Steps], delta: f64, bound: f64, outside: f64) -> f64 {
    [false, true]
        .into_iter()
        .map(|added| epsilon_one_way(steps, delta - 2.0 * outside, bound, added))
        .fold(0.0, f64::max)
}

fn epsilon_one_way(steps: &[Steps], delta: f64, bound: f64, added: bool) -> f64 {
    let width = 2.0 * bound / PLACES as f64;
    let mut all = [vec![1.0; PLACES], vec![0.0; PLACES]];
    let mut log_finite = 0.0;
    for steps in steps {
        let (masses, infinite) = masses(steps, width, added);
        log_finite += steps.count as f64 * (-infinite).ln_1p();
        let mut own = [masses, vec![0.0; PLACES]];
        transform(&mut own);
        for i in 0..PLACES {
            let [re, im] = [own[0][i], own[1][i]];
            let size = re.hypot(im).powf(steps.count as f64);
            let (sin, cos) = (im.atan2(re) * steps.count as f64).sin_cos();
            let [a, b] = [all[0][i], all[1][i]];
            (all[0][i], all[1][i]) = (size * (a * cos - b * sin), size * (a * sin + b * cos));
        }
    }
    // The inverse, but for a factor, is that of numbers whose parts are swapped.
    all.swap(0, 1);
    transform(&mut all);
    let masses = &all[1];

    // δ(ε) = Σ p (1 - exp(ε - loss)) over greater losses: from above, until it is too much.
    let (mut sum, mut scaled) = (-log_finite.exp_m1(), 0.0);
    if sum >= delta {
        return f64::INFINITY;
    }
    for place in (1..PLACES / 2).rev() {
        let mass = (masses[place] / PLACES as f64).max(0.0);
        (sum, scaled) = (sum + mass, scaled * (-width).exp() + mass);
        if sum - scaled * (-width).exp() > delta {
            return place as f64 * width + ((sum - delta) / scaled).ln();
        }
    }
    0.0
}

/// The masses of a step's losses on the grid, negative losses in its second half, and that of infinite loss.
fn masses(steps: &Steps, width: f64, added: bool) -> (Vec<f64>, f64) {
    let half = PLACES as i64 / 2;
    let mut masses = vec![0.0; PLACES];
    let slot = |place: i64| place.rem_euclid(PLACES as i64) as usize;
    // The result with a loss by P and Q; that of an example which is added is the other's, turned round.
    let result = |place: i64| {
        let loss = if added { -(place as f64) } else { place as f64 } * width;
        steps.result(loss)
    };
    let tail = |from: f64, to: f64| {
        let (with, without) = steps.between(from, to);
        if added { (without, with) } else { (with, without) }
    };
    let (mut from, end) = (result(-half), result(half - 1));
    let (below, above) = if added {
        (tail(from, f64::INFINITY).0, tail(f64::NEG_INFINITY, end).0)
    } else {
        (tail(f64::NEG_INFINITY, from).0, tail(end, f64::INFINITY).0)
    };
    masses[slot(-half)] += below;
    for place in -half..half - 1 {
        let to = result(place + 1);
        let (p, q) = if added { tail(to, from) } else { tail(from, to) };
        from = to;
        let lower = (q * ((place + 1) as f64 * width).exp() - p) / width.exp_m1();
        let lower = if lower.is_finite() { lower.clamp(0.0, p) } else { 0.0 };
        masses[slot(place)] += lower;
        masses[slot(place + 1)] += p - lower;
    }
    (masses, above)
}

impl Steps {
    /// The result of a step, in units of the bound of gradients, that has this loss.
    fn result(&self, loss: f64) -> f64 {
        let least = (-self.rate).ln_1p();
        if loss <= least {
            return f64::NEG_INFINITY;
        }
        self.noise * self.noise * (loss - self.rate.ln() + (-(least - loss).exp_m1()).ln()) + 0.5
    }

    /// How probable results between two are, by the mixture and by noise alone.
    fn between(&self, from: f64, to: f64) -> (f64, f64) {
        let normal = |mean: f64| {
            let [from, to] = [from, to].map(|x| (x - mean) / (self.noise * SQRT_2));
            // The tail that is small has all digits.
            let tails =
                if from > 0.0 { libm::erfc(from) - libm::erfc(to) } else { libm::erfc(-to) - libm::erfc(-from) };
            0.5 * tails
        };
        let without = normal(0.0);
        (self.rate * normal(1.0) + (1.0 - self.rate) * without, without)
    }
}

/// The discrete Fourier transform of a power of two of complex numbers (Cooley & Tukey 1965).
fn transform([re, im]: &mut [Vec<f64>; 2]) {
    let len = re.len();
    let bits = len.trailing_zeros();
    for i in 0..len {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let roots: Vec<(f64, f64)> = (0..len / 2).map(|i| (-2.0 * PI * i as f64 / len as f64).sin_cos()).collect();
    let mut half = 1;
    while half < len {
        for start in (0..len).step_by(2 * half) {
            for i in 0..half {
                let (sin, cos) = roots[i * (len / 2 / half)];
                let (low, high) = (start + i, start + i + half);
                let (a, b) = (re[high] * cos - im[high] * sin, re[high] * sin + im[high] * cos);
                (re[high], im[high]) = (re[low] - a, im[low] - b);
                (re[low], im[low]) = (re[low] + a, im[low] + b);
            }
        }
        half *= 2;
    }
}
