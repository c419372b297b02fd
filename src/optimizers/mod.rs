//! Rules that turn gradients into new weights. [`Optimizer`] is the trait.

mod adam;
mod momentum;
mod sgd;
mod stepper;

pub use adam::Adam;
pub use momentum::Momentum;
pub use sgd::Sgd;
pub use stepper::Stepper;

use crate::error::{Error, Result};
use crate::tensor::Float;

/// A rule that turns gradients into new weights, one parameter at a time.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::optimizers::State;
///
/// /// Moves each weight by the sign of its gradient.
/// struct SignDescent(Float);
///
/// impl Optimizer for SignDescent {
///     fn update(&self, _step: u32, weights: &mut [Float], grads: &[Float], _state: &mut State) {
///         weights.iter_mut().zip(grads).for_each(|(w, g)| *w -= self.0 * g.signum());
///     }
/// }
///
/// let model = Dense::new(1).compile(SignDescent(0.01), MeanSquaredError::default());
/// ```
pub trait Optimizer: Send + Sync {
    /// Changes the weights of one parameter. `step` counts from 1; `state` is the memory kept for this parameter.
    fn update(&self, step: u32, weights: &mut [Float], grads: &[Float], state: &mut State);

    /// The learning rate, where there is one.
    fn learning_rate(&self) -> Option<Float> {
        None
    }

    /// Sets the learning rate, for schedules and callbacks.
    ///
    /// # Errors
    /// An optimizer without one.
    fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        let _ = rate;
        Err(Error::value(
            "this optimizer has no learning rate that can be set; implement `Optimizer::set_learning_rate`",
        ))
    }

    /// Whether the settings make sense. Checked before the first step.
    ///
    /// # Errors
    /// A setting out of its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// What an optimizer remembers of one parameter: slots of numbers, each as long as the parameter.
#[derive(Clone, Debug, Default)]
pub struct State {
    slots: Vec<Vec<Float>>,
}

impl State {
    /// The first `N` slots, each of `len` numbers, zero before their first use.
    pub fn slots<const N: usize>(&mut self, len: usize) -> [&mut [Float]; N] {
        while self.slots.len() < N {
            self.slots.push(vec![0.0; len]);
        }
        let mut slots = self.slots.iter_mut();
        std::array::from_fn(|_| slots.next().map(Vec::as_mut_slice).unwrap_or_default())
    }
}

/// A learning rate must be a number that is not negative.
fn check_rate(optimizer: &str, rate: Float) -> Result<()> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(());
    }
    Err(Error::value(format!(
        "{optimizer}: expected a learning rate of at least 0, got {rate}; 0.001 is a usual start"
    )))
}

/// A decay factor must be in `[0, 1)`.
fn check_factor(optimizer: &str, name: &str, factor: Float) -> Result<()> {
    if (0.0..1.0).contains(&factor) {
        return Ok(());
    }
    Err(Error::value(format!("{optimizer}: expected {name} in 0..1 (1 excluded), got {factor}; 0.9 is usual")))
}
