//! What noisy steps are worth.

use std::ops::AddAssign;

use super::loss::{self, Steps};
use crate::error::{Error, Result};

/// Orders of Rényi's divergence that are tried, those of dp-accounting.
fn orders() -> Vec<f64> {
    let mut orders: Vec<f64> = (1..100).map(|tenths| 1.0 + f64::from(tenths) / 10.0).collect();
    orders.extend((11..64).map(f64::from));
    orders.extend([128.0, 256.0, 512.0, 1024.0]);
    orders
}

/// How Rényi's divergence becomes epsilon and delta.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conversion {
    /// `ε = R + log1p(-1/α) - (log δ + log α) / (α - 1)`: that of Opacus and dp-accounting (Canonne, Kamath & Steinke 2020).
    #[default]
    Improved,
    /// `ε = R - log δ / (α - 1)`: that of older papers and of TensorFlow Privacy's tutorial (Mironov 2017).
    Classic,
    /// From the distribution of the privacy loss itself instead of Rényi's divergence, by Fourier transforms on a grid of 2¹⁷ places: the
    /// smallest of the three, and a bound from above but for rounding. It is computed at each call, and takes much longer than the others
    /// (Gopi, Lee & Wutschitz 2021; Doroshenko et al. 2022; dp-accounting's `PLDAccountant`, Opacus' `prv`).
    #[doc(alias = "PRV")]
    #[doc(alias = "PLD")]
    LossDistribution,
}

/// Adds up the privacy that steps of [`DpSgd`](super::DpSgd) spend, by Rényi's divergence at several orders.
///
/// ```
/// use gradus::privacy::{Accountant, Conversion};
/// // 60 epochs of MNIST in batches of 256 of 60,000, noise 1.1.
/// let accountant = Accountant::new().steps(1.1, 256.0 / 60_000.0, 14_062)?;
/// assert!((accountant.epsilon(1e-5)? - 2.60).abs() < 0.01);
/// assert!((accountant.epsilon_by(1e-5, Conversion::Classic)? - 3.01).abs() < 0.01);
/// assert!((accountant.epsilon_by(1e-5, Conversion::LossDistribution)? - 2.38).abs() < 0.01);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Reference
/// Mironov, Talwar & Zhang 2019; dp-accounting's `RdpAccountant`
#[derive(Clone, Debug, PartialEq)]
pub struct Accountant {
    orders: Vec<f64>,
    divergence: Vec<f64>,
    steps: Vec<Steps>,
}

impl Default for Accountant {
    fn default() -> Self {
        Self::new()
    }
}

impl Accountant {
    /// Creates an accountant of nothing spent.
    pub fn new() -> Self {
        let orders = orders();
        Self { divergence: vec![0.0; orders.len()], orders, steps: Vec::new() }
    }

    /// Adds steps with this noise multiplier, in each of which an example is with the probability `sampling_rate`: the size of a batch
    /// divided by the number of examples.
    ///
    /// # Errors
    /// a noise multiplier below 0; a rate outside of 0 to 1
    pub fn steps(mut self, noise_multiplier: f64, sampling_rate: f64, steps: u64) -> Result<Self> {
        if noise_multiplier.is_nan() || noise_multiplier < 0.0 || !(0.0..=1.0).contains(&sampling_rate) {
            return Err(Error::value(format!(
                "Accountant: expected a noise multiplier of at least 0 and a sampling rate in 0..=1, got {noise_multiplier} and \
                 {sampling_rate}"
            )));
        }
        // None of infinitely expensive steps would be NaN.
        if steps == 0 {
            return Ok(self);
        }
        for (order, sum) in self.orders.iter().zip(&mut self.divergence) {
            *sum += divergence(sampling_rate, noise_multiplier, *order) * steps as f64;
        }
        self.add(Steps { noise: noise_multiplier, rate: sampling_rate, count: steps });
        Ok(self)
    }

    fn add(&mut self, steps: Steps) {
        match self.steps.iter_mut().find(|own| (own.noise, own.rate) == (steps.noise, steps.rate)) {
            Some(own) => own.count = own.count.saturating_add(steps.count),
            None => self.steps.push(steps),
        }
    }

    /// Returns the epsilon spent, for this delta; usually below 1 divided by the number of examples.
    ///
    /// # Errors
    /// a delta that is not between 0 and 1
    pub fn epsilon(&self, delta: f64) -> Result<f64> {
        self.epsilon_by(delta, Conversion::Improved)
    }

    /// Returns the epsilon by another conversion.
    ///
    /// # Errors
    /// a delta that is not between 0 and 1
    pub fn epsilon_by(&self, delta: f64, conversion: Conversion) -> Result<f64> {
        if !(delta > 0.0 && delta < 1.0) {
            return Err(Error::value(format!("Accountant: expected a delta between 0 and 1, got {delta}")));
        }
        if conversion == Conversion::LossDistribution {
            // Nearly all loss is below the bound that the divergence gives for a much smaller delta.
            let outside = delta * 1e-5;
            let bound = self.epsilon_by(outside, Conversion::Classic)?;
            let costs = |steps: &&Steps| steps.rate > 0.0 && steps.noise.is_finite();
            let steps: Vec<Steps> = self.steps.iter().filter(costs).copied().collect();
            return Ok(match bound {
                f64::INFINITY => bound,
                _ if steps.is_empty() => 0.0,
                _ => loss::epsilon(&steps, delta, bound, outside),
            });
        }
        let epsilon = |(order, r): (&f64, &f64)| match conversion {
            Conversion::Classic | Conversion::LossDistribution => r - delta.ln() / (order - 1.0),
            // The divergence alone bounds how far apart the distributions are.
            Conversion::Improved if delta * delta + (-r).exp_m1() > 0.0 => 0.0,
            Conversion::Improved => r + (-1.0 / order).ln_1p() - (delta * order).ln() / (order - 1.0),
        };
        Ok(self.orders.iter().zip(&self.divergence).map(epsilon).fold(f64::INFINITY, f64::min).max(0.0))
    }
}

impl AddAssign<&Accountant> for Accountant {
    /// Adds what other steps on the same examples have spent.
    fn add_assign(&mut self, other: &Accountant) {
        self.divergence.iter_mut().zip(&other.divergence).for_each(|(sum, more)| *sum += more);
        other.steps.iter().for_each(|steps| self.add(*steps));
    }
}

/// Returns the least noise multiplier, to 1e-3, that spends at most this epsilon, for [`DpSgd::new`](super::DpSgd::new).
///
/// ```
/// use gradus::privacy::{Accountant, noise_multiplier};
/// let noise = noise_multiplier(2.0, 1e-5, 0.01, 1000)?;
/// assert!(Accountant::new().steps(noise, 0.01, 1000)?.epsilon(1e-5)? <= 2.0);
/// assert!(Accountant::new().steps(noise - 0.01, 0.01, 1000)?.epsilon(1e-5)? > 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// those of [`Accountant::steps`] and [`Accountant::epsilon`]; an epsilon that no noise up to 10,000 reaches
pub fn noise_multiplier(epsilon: f64, delta: f64, sampling_rate: f64, steps: u64) -> Result<f64> {
    if epsilon.is_nan() || epsilon <= 0.0 {
        return Err(Error::value(format!(
            "noise_multiplier: expected an epsilon above 0, got {epsilon}; 1 to 10 are usual"
        )));
    }
    let spends = |noise: f64| Accountant::new().steps(noise, sampling_rate, steps)?.epsilon(delta);
    let (mut low, mut high) = (0.0, 1.0);
    while spends(high)? > epsilon {
        (low, high) = (high, high * 2.0);
        if high > 1e4 {
            return Err(Error::value(format!(
                "noise_multiplier: no noise up to 10000 reaches an epsilon of {epsilon}"
            )));
        }
    }
    while high - low > 1e-3 {
        let middle = (low + high) / 2.0;
        *(if spends(middle)? > epsilon { &mut low } else { &mut high }) = middle;
    }
    Ok(high)
}

/// Terms of a series that are tried, as by dp-accounting.
const TERMS: u32 = 1000;

/// Rényi's divergence of one step.
fn divergence(rate: f64, noise: f64, order: f64) -> f64 {
    if rate == 0.0 || noise.is_infinite() {
        0.0
    } else if noise == 0.0 {
        f64::INFINITY
    } else if rate == 1.0 {
        order / (2.0 * noise * noise)
    } else if order.fract() == 0.0 {
        log_moment_of_whole(rate, noise, order) / (order - 1.0)
    } else {
        log_moment(rate, noise, order) / (order - 1.0)
    }
}

/// `log E[(mixture / normal)^order]`, by the binomial series.
fn log_moment_of_whole(rate: f64, noise: f64, order: f64) -> f64 {
    let (mut sum, mut choose) = (f64::NEG_INFINITY, 0.0);
    for i in 0..=order as u32 {
        let i = f64::from(i);
        let term = choose + i * rate.ln() + (order - i) * (-rate).ln_1p() + (i * i - i) / (2.0 * noise * noise);
        sum = log_add(sum, term);
        choose += ((order - i) / (i + 1.0)).ln();
    }
    sum
}

/// The same for an order that is not whole: two series, on both sides of where the densities are alike. Terms alternate from some place
/// on, and are added up without their signs, as by dp-accounting: a bound from above.
fn log_moment(rate: f64, noise: f64, order: f64) -> f64 {
    let middle = noise * noise * (1.0 / rate - 1.0).ln() + 0.5;
    let width = std::f64::consts::SQRT_2 * noise;
    let (mut sum, mut choose, mut last) = (f64::NEG_INFINITY, 0.0_f64, [f64::NEG_INFINITY; 2]);
    for i in 0..TERMS {
        let i = f64::from(i);
        let j = order - i;
        let bulge = |k: f64| (k * k - k) / (2.0 * noise * noise);
        let half = 0.5_f64.ln();
        let first = choose + i * rate.ln() + j * (-rate).ln_1p() + bulge(i) + half + log_erfc((i - middle) / width);
        let second = choose + j * rate.ln() + i * (-rate).ln_1p() + bulge(j) + half + log_erfc((middle - j) / width);
        sum = log_add(sum, log_add(first, second));
        if first < last[0] && second < last[1] && first.max(second) < sum - 30.0 {
            return sum;
        }
        last = [first, second];
        choose += (j / (i + 1.0)).abs().ln();
    }
    // The series ends too late: other orders decide.
    f64::INFINITY
}

/// `log(exp a + exp b)`
fn log_add(a: f64, b: f64) -> f64 {
    let (less, more) = (a.min(b), a.max(b));
    if less == f64::NEG_INFINITY { more } else { more + (less - more).exp().ln_1p() }
}

/// The logarithm of the complementary error function, which itself is 0 far out.
fn log_erfc(x: f64) -> f64 {
    if x < 25.0 {
        return libm::erfc(x).ln();
    }
    let square = x * x;
    -square - x.ln() - 0.5 * std::f64::consts::PI.ln() + (-0.5 / square + 0.625 / (square * square)).ln_1p()
}
