//! Ends a private run before it tells too much.

use super::{Callback, Run};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::privacy::{Accountant, DpSgd};

/// Ends the run before the step that would spend more than an epsilon, and writes what is spent into the history, as `epsilon`.
///
/// Sampling as in [`Fit::poisson`](crate::Fit::poisson) is what the number is proved for. Steps of earlier runs count where the callback
/// is handed on by reference, or restored by a [`Backup`](super::Backup).
///
/// # Errors
/// An epsilon below that of the first step; a delta that is not between 0 and 1; those of [`Accountant::steps`].
/// # Example
/// ```
/// use gradus::callbacks::PrivacyBudget;
/// use gradus::prelude::*;
/// use gradus::privacy::DpSgd;
///
/// let x = ndarray::Array2::from_shape_fn((400, 2), |(i, j)| ((i * (7 + j)) % 20) as f32 / 10.0 - 1.0);
/// let y = x.map_axis(ndarray::Axis(1), |row| u8::from(row[0] > row[1]));
/// let private = DpSgd::new(1.0, 0.8, 40).seed(3);
/// let budget = PrivacyBudget::new(&private, 400, 8.0, 1e-5)?;
/// let stepper = Stepper::new(Adam::new(0.05)).hook(private);
/// let mut model = Dense::new(1).compile(stepper, BinaryCrossEntropy::from_logits());
/// let fit = Fit::epochs(100).batch_size(40).poisson().callback(budget).progress(false);
/// let history = model.fit(&(&x, &y), fit)?;
/// assert!(history.epochs().len() < 10);
/// let spent = history.last().unwrap()["epsilon"];
/// assert!(spent > 7.5 && spent <= 8.0);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Opacus' `PrivacyEngine.get_epsilon`
#[derive(Clone, Debug)]
pub struct PrivacyBudget {
    epsilon: f64,
    delta: f64,
    step: Accountant,
    spent: Accountant,
    steps: u32,
}

impl PrivacyBudget {
    /// Creates the callback for training by `private` on this many examples. Delta is usually below 1 divided by their number.
    ///
    /// # Errors
    /// see [`PrivacyBudget`]
    pub fn new(private: &DpSgd, examples: usize, epsilon: f64, delta: f64) -> Result<Self> {
        let rate = private.batch_size as f64 / examples as f64;
        let step = Accountant::new().steps(private.noise_multiplier, rate, 1)?;
        let least = step.epsilon(delta)?;
        if epsilon.is_nan() || epsilon < least {
            return Err(Error::value(format!(
                "PrivacyBudget: expected an epsilon of at least {least:.3}, which the first step spends, got {epsilon}; more noise or \
                 smaller batches spend less"
            )));
        }
        Ok(Self { epsilon, delta, step, spent: Accountant::new(), steps: 0 })
    }

    /// Returns the epsilon spent so far.
    ///
    /// # Errors
    /// none after a sound [`PrivacyBudget::new`]
    pub fn spent(&self) -> Result<f64> {
        self.spent.epsilon(self.delta)
    }

    fn stop_before_excess(&self, run: &mut Run<'_>) -> Result<()> {
        let mut next = self.spent.clone();
        next += &self.step;
        run.stop |= next.epsilon(self.delta)? > self.epsilon;
        Ok(())
    }
}

impl Callback for PrivacyBudget {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.stop_before_excess(run)
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.spent += &self.step;
        self.steps += 1;
        self.stop_before_excess(run)
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        run.logs.set("epsilon", self.spent()?);
        Ok(())
    }

    fn state(&self) -> Snapshot {
        Snapshot::of([("steps", f64::from(self.steps))])
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        (self.spent, self.steps) = (Accountant::new(), state.count("steps")?);
        for _ in 0..self.steps {
            self.spent += &self.step;
        }
        Ok(())
    }
}
