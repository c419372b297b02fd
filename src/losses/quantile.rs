//! Losses whose best predictions are quantiles.

use super::items::{items, leading, standard};
use super::{Each, Loss, per_example, strip};
use crate::autograd::Var;
use crate::config::described;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data};

described! {
    /// Quantile loss, also called pinball loss: `mean(max(q d, (q - 1) d))` with `d = target - prediction`, for one or several levels
    /// `q`. A prediction above the share `q` of the targets costs least: 0.5 gives the median, 0.1 and 0.9 the ends of an interval that
    /// has four of five targets in it.
    ///
    /// The last axis of predictions has the first level of all numbers, then the second, and so on.
    ///
    /// # Shapes
    /// prediction `[batch, ..., levels · n]`, target `[batch, ..., n]`; for one number, `[batch]` too
    /// # Errors
    /// other shapes; no levels; levels that are not above 0 and below 1
    /// # Example
    /// ```
    /// use gradus::losses::Quantile;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[1.0, 4.0]]));
    /// let target = ndarray::arr1(&[3.0]).into_dyn().into_shared();
    /// // 2 too low costs 0.1 · 2, 1 too high 0.1 · 1.
    /// assert!((Quantile::new([0.1, 0.9]).loss(&y, &target)?.item() - 0.15).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Koenker & Bassett 1978; scikit-learn `mean_pinball_loss`
    #[doc(alias = "pinball")]
    #[derive(Clone)]
    pub struct Quantile(
        /// The shares of targets that are to be below the predictions.
        levels: [into Vec<Float>],
    ) {}
}

impl Loss for Quantile {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let levels: Vec<f64> = self.levels.iter().map(|level| f64::from(*level)).collect();
        if levels.is_empty() || !levels.iter().all(|level| *level > 0.0 && *level < 1.0) {
            return Err(Error::value(format!(
                "Quantile: expected levels above 0 and below 1, at least one, got {:?}; 0.5 is the median",
                self.levels
            )));
        }
        let shape = prediction.value.shape();
        let expected = match shape {
            [rows @ .., all] if !rows.is_empty() && all % levels.len() == 0 && !prediction.value.is_empty() => {
                [rows, &[all / levels.len()]].concat()
            }
            _ => {
                return Err(Error::shape(format!(
                    "Quantile: expected predictions [batch, ..., {} · numbers], one for each level, got {shape:?}",
                    levels.len()
                )));
            }
        };
        if strip(&expected) != strip(target.shape()) {
            return Err(Error::shape(format!(
                "Quantile: expected targets {expected:?} for {} levels in predictions {shape:?}, got {:?}",
                levels.len(),
                target.shape()
            )));
        }
        let target = standard(target);
        items("Quantile", prediction, prediction, leading(shape), move |i, x, slope| {
            let share = 1.0 / x.len() as f64;
            let targets = &data(&target)[i * x.len() / levels.len()..][..x.len() / levels.len()];
            let mut sum = 0.0;
            for (place, (x, slope)) in x.iter().zip(slope).enumerate() {
                let level = levels[place / targets.len()];
                let d = f64::from(targets[place % targets.len()]) - f64::from(*x);
                sum += if d >= 0.0 { level * d } else { (level - 1.0) * d };
                let by_x = if d > 0.0 {
                    -level
                } else if d < 0.0 {
                    1.0 - level
                } else {
                    0.0
                };
                *slope = (by_x * share) as Float;
            }
            sum * share
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::losses::Quantile;
    use crate::prelude::*;

    #[test]
    fn it_is_the_pinball_loss_of_scikit_learn() {
        let y = Tape::training().variable(arr2(&[[0.5, 1.25], [-0.75, 2.0], [3.0, 2.5]]));
        let target = arr1(&[1.0, -2.0, 2.75]).into_tensor();
        // The mean of `mean_pinball_loss(target, prediction[:, i], alpha=level)` of scikit-learn 1.9.1.
        let loss = Quantile::new([0.1, 0.75]).loss(&y, &target).unwrap();
        assert!((loss.item() - 0.4416667).abs() < 1e-6, "{}", loss.item());
        let two = arr2(&[[1.0, 0.0], [-2.0, 1.0], [2.75, 3.0]]).into_tensor();
        let of_two = Quantile::new([0.3]).loss(&y, &two).unwrap();
        assert!((of_two.item() - 0.4875).abs() < 1e-6, "{}", of_two.item());
    }
}
