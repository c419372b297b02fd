//! Weights of more than one step.

use crate::config::described;
use crate::error::{Error, Result};
use crate::optimizers::check_factor;
use crate::tensor::Float;

described! {
    /// A moving average of the weights, beside them: `a ← momentum · a + (1 - momentum) · w` after each step.
    ///
    /// In `fit`, the validation and the callbacks at the end of an epoch see the averages in place of the weights, and so
    /// does whoever uses the model afterwards. (In Keras the former takes the callback `SwapEMAWeights`.) Loops of your own
    /// call [`Stepper::swap_averages`](super::Stepper::swap_averages). Only what is trained is averaged, not statistics.
    ///
    /// A parameter that somebody else sets, loads, modifies or freezes between two steps keeps what it was given to the bit: its
    /// average starts over with the next step. To bound weights in training use a [constraint](crate::constraints), which
    /// is part of the step.
    ///
    /// Averaged are the weights that [constraints](crate::constraints) have left, and weights that become their average are constrained
    /// again. (Keras averages those before constraints, so that averages may lie outside of them.)
    ///
    /// Polyak & Juditsky 1992; Keras' `use_ema`.
    ///
    /// ```
    /// use gradus::optimizers::MovingAverage;
    /// use gradus::prelude::*;
    /// let optimizer = Adam::default().average(MovingAverage::new(0.999));
    /// let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
    /// ```
    #[doc(alias = "use_ema")]
    #[derive(Clone, Copy)]
    pub struct MovingAverage(
        /// The share of the average that survives a step.
        ema_momentum: [Float] = 0.99,
    ) {
        /// After how many steps, again and again, the weights become their average; `None` stands for never.
        ema_overwrite_frequency: [option u32] = None,
    }
}

impl MovingAverage {
    pub(super) fn check(&self) -> Result<()> {
        check_factor("MovingAverage", "ema_momentum", self.ema_momentum)?;
        check_steps("MovingAverage", "ema_overwrite_frequency", self.ema_overwrite_frequency.unwrap_or(1))
    }

    pub(super) fn apply(&self, step: u32, weights: &mut [Float], average: &mut Vec<Float>) -> bool {
        if average.len() != weights.len() {
            *average = weights.to_vec();
        } else {
            let new = 1.0 - self.ema_momentum;
            average
                .iter_mut()
                .zip(&*weights)
                .for_each(|(average, w)| *average = self.ema_momentum * *average + new * w);
        }
        let is_overwritten = self.ema_overwrite_frequency.is_some_and(|steps| step.is_multiple_of(steps));
        if is_overwritten {
            weights.copy_from_slice(average);
        }
        is_overwritten
    }
}

described! {
    /// Weights that follow slowly: every `steps` steps `s ← s + rate · (w - s)`, `w ← s`. Where somebody else sets, loads, modifies
    /// or freezes a parameter between two steps, its slow weights start over from there.
    ///
    /// Zhang et al. 2019.
    ///
    /// ```
    /// use gradus::optimizers::{Lookahead, RAdam};
    /// use gradus::prelude::*;
    /// let optimizer = RAdam::default().lookahead(Lookahead::default());
    /// let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Lookahead(
        /// The number of steps between.
        steps: [u32] = 6,
        /// How far the slow weights move to the fast ones.
        rate: [Float] = 0.5,
    ) {}
}

impl Lookahead {
    pub(super) fn check(&self) -> Result<()> {
        check_steps("Lookahead", "steps", self.steps)?;
        if self.rate > 0.0 && self.rate <= 1.0 {
            return Ok(());
        }
        Err(Error::value(format!("Lookahead: expected a rate above 0 and at most 1, got {}; 0.5 is usual", self.rate)))
    }

    pub(super) fn apply(&self, step: u32, weights: &mut [Float], slow: &mut [Float]) {
        if step.is_multiple_of(self.steps) {
            slow.iter_mut().zip(&*weights).for_each(|(slow, w)| *slow += self.rate * (w - *slow));
            weights.copy_from_slice(slow);
        }
    }
}

/// Refuses a count of 0 steps.
pub(super) fn check_steps(who: &str, name: &str, steps: u32) -> Result<()> {
    match steps {
        0 => Err(Error::value(format!("{who}: expected {name} of at least 1, got 0"))),
        _ => Ok(()),
    }
}
