//! How much predictions differ under dropout.

use crate::autograd::{Layer, Tape};
use crate::error::{Error, Result};
use crate::tensor::{Float, IntoTensor, Tensor, tensor};

/// Predictions under dropout, of the shape of the model's output.
#[derive(Clone, Debug, PartialEq)]
pub struct MonteCarlo {
    /// Their mean.
    pub mean: Tensor,
    /// Their variance, with `samples - 1` in the denominator.
    pub variance: Tensor,
}

/// Predicts several times with dropout and noise on, while batch normalisation keeps to the statistics that it has gathered. Where
/// predictions differ much, the model does not know.
///
/// ```
/// use gradus::{calibration::monte_carlo_dropout, prelude::*};
/// let model = Sequential::new().add(Dense::new(64).activation(Relu)).add(Dropout::new(0.5)).add(Dense::new(1));
/// let x = ndarray::arr2(&[[0.1, 0.2], [10.0, -20.0]]);
/// let predictions = monte_carlo_dropout(&model, &x, 50, 1)?;
/// assert!(predictions.variance[[1, 0]] > 100.0 * predictions.variance[[0, 0]]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// fewer than 2 samples; those of the model
/// # Reference
/// Gal & Ghahramani 2016
pub fn monte_carlo_dropout(model: &dyn Layer, x: impl IntoTensor, samples: usize, seed: u64) -> Result<MonteCarlo> {
    if samples < 2 {
        return Err(Error::value(format!("monte_carlo_dropout: expected at least 2 samples, got {samples}")));
    }
    let x = x.into_tensor();
    let (mut shape, mut mean, mut squares) = (Vec::new(), Vec::new(), Vec::new());
    for sample in 0..samples {
        let y = model.forward(&Tape::inference().noisy().seed(seed.wrapping_add(sample as u64)).input(&x))?;
        shape = y.value.shape().to_vec();
        mean.resize(y.value.len(), 0.0_f64);
        squares.resize(y.value.len(), 0.0_f64);
        // Welford's recurrence.
        for ((mean, squares), y) in mean.iter_mut().zip(&mut squares).zip(y.value.iter()) {
            let distance = f64::from(*y) - *mean;
            *mean += distance / (sample + 1) as f64;
            *squares += distance * (f64::from(*y) - *mean);
        }
    }
    let variance = squares.iter().map(|squares| (squares / (samples - 1) as f64) as Float).collect();
    let mean = mean.iter().map(|mean| *mean as Float).collect();
    Ok(MonteCarlo { mean: tensor(&shape, mean), variance: tensor(&shape, variance) })
}
