//! Looks for a good learning rate.

use super::{Callback, Run};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::tensor::{Float, Tensor};

/// Raises the learning rate from batch to batch, and notes the loss: where it falls fastest is a good rate. The run ends
/// after the given number of batches, or when the loss explodes; weights and rate are then put back. The optimizer's
/// memory is not: use a trainer made for the search. A run that ends with an error leaves weights and rate as they were then.
///
/// # Defaults
/// 100 batches from 1e-6 to 1, in equal factors; the loss smoothed by 0.9; ends at 4 times the least loss
/// # Errors
/// rates that are not positive and rising; an optimizer without a rate, with a schedule, which would change the rates that
/// are tried, or one that accumulates batches, so that most rates would be tried by no step
/// # Example
/// ```
/// use gradus::callbacks::RateFinder;
/// use gradus::prelude::*;
/// let x = ndarray::Array2::from_shape_fn((64, 2), |(i, j)| ((i * 2 + j) as f32).sin());
/// let y = x.sum_axis(ndarray::Axis(1));
/// let mut finder = RateFinder::default();
/// let mut model = Dense::new(1).compile(Sgd::default(), MeanSquaredError::default());
/// model.fit(&(&x, &y), Fit::epochs(100).progress(false).callback(&mut finder))?;
/// assert!(finder.suggestion().unwrap() > 1e-4);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Smith 2017, "Cyclical Learning Rates for Training Neural Networks"; fastai's `lr_find`
#[doc(alias = "lr_find")]
#[derive(Debug)]
pub struct RateFinder {
    from: Float,
    to: Float,
    batches: usize,
    points: Vec<(Float, f64)>,
    average: f64,
    /// The rates of all optimizers before the run.
    before: Vec<Option<Float>>,
    weights: Vec<Option<Tensor>>,
}

/// How slowly the smoothed loss follows.
const SMOOTHING: f64 = 0.9;
/// The run ends when the loss is this many times the least one.
const EXPLODED: f64 = 4.0;

impl Default for RateFinder {
    fn default() -> Self {
        Self::new(1e-6, 1.0, 100)
    }
}

impl RateFinder {
    /// Creates the callback, which goes from one rate to another in this many batches.
    pub fn new(from: Float, to: Float, batches: usize) -> Self {
        Self { from, to, batches, points: Vec::new(), average: 0.0, before: Vec::new(), weights: Vec::new() }
    }

    /// Rates and smoothed losses in order.
    pub fn points(&self) -> &[(Float, f64)] {
        &self.points
    }

    /// The rate at which the loss fell fastest (over the logarithm of the rate, a tenth of the batches at a time, without
    /// the first tenth, whose average is of few batches); `None` after fewer than ten batches.
    pub fn suggestion(&self) -> Option<Float> {
        let (len, reach) = (self.points.len(), self.points.len().div_ceil(20));
        let slope = |i: &usize| self.points[i + reach].1 - self.points[i - reach].1;
        let inner = len / 10 + reach..len.checked_sub(reach).filter(|_| len >= 10)?;
        inner.min_by(|a, b| slope(a).total_cmp(&slope(b))).map(|i| self.points[i].0)
    }

    fn rate(&self, batch: usize) -> Float {
        // In f64, since the ratio of two rates may be larger than any rate; after the last batch one more is asked for.
        let share = (batch as f64 / (self.batches.max(2) - 1) as f64).min(1.0);
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        (from * (to / from).powf(share)) as Float
    }
}

impl Callback for RateFinder {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        let (from, to) = (self.from, self.to);
        if !(from > 0.0 && to > from && to.is_finite()) {
            return Err(Error::value(format!(
                "RateFinder: expected positive rates, the first below the last, got {from} and {to}; 1e-6 and 1 are usual"
            )));
        }
        if run.optimizer.has_schedule() {
            return Err(Error::value(
                "RateFinder: expected an optimizer with a rate of its own, got one with a schedule, which would change each rate \
                 that is tried; search with the optimizer alone, and give the schedule the rate that is found",
            ));
        }
        let gathered = run.optimizer.batches_per_step();
        if gathered > 1 {
            return Err(Error::value(format!(
                "RateFinder: expected a step after each batch, got an optimizer that accumulates {gathered} batches, so that \
                 most rates would be tried by no step; search without, in batches of {gathered} times as many examples"
            )));
        }
        (self.average, self.before) = (0.0, run.optimizer.rates());
        self.points.clear();
        self.weights = run.parameters.iter().map(|(_, param)| param.value()).collect();
        run.optimizer.set_learning_rate(self.rate(0))
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let done = self.points.len();
        self.average = SMOOTHING * self.average + (1.0 - SMOOTHING) * run.batch_loss;
        // The mean of what there is so far, as in Adam.
        let smooth = self.average / (1.0 - SMOOTHING.powi(done as i32 + 1));
        let least = self.points.iter().fold(f64::INFINITY, |least, point| least.min(point.1));
        let exploded = !smooth.is_finite() || smooth > EXPLODED * least.abs() && done > 0;
        if smooth.is_finite() {
            self.points.push((self.rate(done), smooth));
        }
        run.stop |= exploded || done + 1 >= self.batches;
        run.optimizer.set_learning_rate(self.rate(done + 1))
    }

    fn on_train_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        for ((_, param), weights) in run.parameters.iter().zip(self.weights.drain(..)) {
            weights.map_or(Ok(()), |weights| param.set(weights))?;
        }
        run.optimizer.restore_rates(&self.before)
    }

    fn state(&self) -> Snapshot {
        let mut state = Snapshot::of([("average", self.average)]);
        let before = self.before.iter().map(|rate| rate.map_or(f64::NAN, f64::from)).collect();
        state.numbers.push(("before".into(), before));
        state.numbers.push(("losses".into(), self.points.iter().map(|point| point.1).collect()));
        state.keep_all("weights", &self.weights);
        state
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        let losses = state.list("losses").unwrap_or_default();
        self.points = losses.iter().enumerate().map(|(batch, loss)| (self.rate(batch), *loss)).collect();
        self.average = state.number("average")?;
        let before = state.list("before").unwrap_or_default();
        self.before = before.iter().map(|rate| Some(*rate as Float).filter(|rate| !rate.is_nan())).collect();
        self.weights = state.all("weights");
        Ok(())
    }
}
