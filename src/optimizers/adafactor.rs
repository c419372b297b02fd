//! Adam with a memory as small as rows and columns.

use super::{Optimizer, State, Step, check_epsilon, check_rate, learning_rate};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::kernels::elementwise::{add_scaled, sum_of_squares};
use crate::tensor::{Float, recycle, tensor};

described! {
    /// Gradients over the root of their mean squares, of which only the means of rows and of columns are kept:
    /// `r ← β r + (1-β) mean(g² + ε₁, columns)`, `c` alike over the rows, `v = r cᵀ / mean(r)`, `u = g / √v`, all with
    /// `β = 1 - t^decay`; then `w ← w - max(ε₂, rms(w)) · min(rate, 1/√t) · u / max(1, rms(u) / threshold)`.
    ///
    /// The last two axes are rows and columns; a parameter of one axis keeps all of `v`. As in Keras; its `relative_step`
    /// changes nothing, since the rate is bounded by `1/√t` in any case.
    ///
    /// Shazeer & Stern 2018.
    ///
    /// ```
    /// use gradus::optimizers::Adafactor;
    /// use gradus::prelude::*;
    /// let model = Dense::new(1).compile(Adafactor::new(0.01), MeanSquaredError::default());
    /// ```
    #[derive(Clone, Copy)]
    pub struct Adafactor(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The exponent of the mean squares' decay.
        beta_2_decay: [Float] = -0.8,
        /// What is added to squares.
        epsilon_1: [Float] = 1e-30,
        /// The least root mean square of a parameter.
        epsilon_2: [Float] = 1e-3,
        /// The root mean square from which steps are shortened.
        clip_threshold: [Float] = 1.0,
    }
}

impl Optimizer for Adafactor {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let len = weights.len();
        if len == 0 {
            return;
        }
        let time = Float::max(step.number as Float, 1.0);
        let decay = 1.0 - time.powf(self.beta_2_decay);
        let mut change = buffer(len);
        match *step.shape {
            [.., rows, columns] if step.shape.iter().product::<usize>() == len => {
                let [row_means, column_means] = state.slots_of([len / columns, len / rows]);
                let size = rows * columns;
                let means = row_means.chunks_mut(rows).zip(column_means.chunks_mut(columns));
                for ((change, grads), (r, c)) in change.chunks_mut(size).zip(grads.chunks(size)).zip(means) {
                    self.factored(decay, grads, r, c, change);
                }
            }
            _ => {
                let [squares] = state.slots(len);
                for ((u, g), v) in change.iter_mut().zip(grads).zip(squares) {
                    *v = decay * *v + (1.0 - decay) * (g * g + self.epsilon_1);
                    *u = g / v.sqrt();
                }
            }
        }
        let rms = |x: &[Float]| (sum_of_squares(x) / len as f64).sqrt() as Float;
        let rate = step.rate.min(1.0 / time.sqrt()) * self.epsilon_2.max(rms(weights));
        let shortening = Float::max(1.0, rms(&change) / self.clip_threshold);
        add_scaled(weights, -rate / shortening, &change);
        recycle(tensor(&[len], change));
    }

    learning_rate!();

    fn check(&self) -> Result<()> {
        check_rate("Adafactor", self.learning_rate)?;
        if !(self.beta_2_decay.is_finite() && self.beta_2_decay <= 0.0) {
            let decay = self.beta_2_decay;
            return Err(Error::value(format!(
                "Adafactor: expected beta_2_decay of at most 0, got {decay}; -0.8 is usual"
            )));
        }
        check_epsilon("Adafactor", "epsilon_1", self.epsilon_1)?;
        check_epsilon("Adafactor", "epsilon_2", self.epsilon_2)?;
        check_epsilon("Adafactor", "clip_threshold", self.clip_threshold)
    }
}

impl Adafactor {
    /// The step of one matrix, before it is scaled.
    fn factored(&self, decay: Float, grads: &[Float], r: &mut [Float], c: &mut [Float], change: &mut [Float]) {
        let (rows, columns) = (r.len(), c.len());
        c.iter_mut().for_each(|c| *c *= decay);
        let share = (1.0 - decay) / rows as Float;
        for (r, row) in r.iter_mut().zip(grads.chunks(columns)) {
            let mut sum = 0.0;
            for (c, g) in c.iter_mut().zip(row) {
                let square = g * g + self.epsilon_1;
                sum += f64::from(square);
                *c += share * square;
            }
            *r = decay * *r + (1.0 - decay) * (sum / columns as f64) as Float;
        }
        let mean = (r.iter().map(|r| f64::from(*r)).sum::<f64>() / rows as f64) as Float;
        for ((change, row), r) in change.chunks_mut(columns).zip(grads.chunks(columns)).zip(r) {
            let of_row = *r / mean;
            change.iter_mut().zip(row).zip(&*c).for_each(|((u, g), c)| *u = g / (of_row * c).sqrt());
        }
    }
}
