//! Losses on the distances between embeddings.

use super::items::{items, product, standard};
use super::{Each, Loss, check_setting, check_targets, per_example, strip};
use crate::autograd::Var;
use crate::config::described;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data};

described! {
    /// Triplet loss: `mean(max(|a - p| - |a - n| + margin, 0))` on the embeddings of an anchor, of something like it and of
    /// something unlike it.
    ///
    /// The targets do not matter, only that there is one an example. In a loop of your own, [`Triplet::of`] takes three
    /// variables.
    ///
    /// # Shapes
    /// predictions `[batch, 3, features]`: anchor, like, unlike; targets `[batch, ...]`
    /// # Defaults
    /// margin 1; `|a - n|` is not swapped for `|p - n|` where that is less
    /// # Errors
    /// other shapes; a negative margin
    /// # Example
    /// ```
    /// use gradus::losses::Triplet;
    /// use gradus::prelude::*;
    /// let tape = Tape::training();
    /// let [a, p, n] = [[0.0, 0.0], [3.0, 4.0], [0.0, 5.5]].map(|x| tape.variable(ndarray::arr2(&[x])));
    /// let loss = Triplet::default().of(&a, &p, &n)?.mean()?.item();
    /// assert!((loss - 0.5).abs() < 1e-5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Schroff et al. 2015; PyTorch `TripletMarginLoss`, whose 1e-6 in each difference is here, too
    #[doc(alias = "TripletMarginLoss")]
    #[derive(Clone, Copy)]
    pub struct Triplet(
        /// How much further away the unlike should be.
        margin: [Float] = 1.0,
    ) {
        /// Whether the distance of the unlike is taken from the nearer one of anchor and like (Balntas et al. 2016).
        swap: [bool] = false,
    }
}

impl Triplet {
    /// Returns the losses of embeddings `[batch, features]`.
    ///
    /// # Errors
    /// shapes that differ
    pub fn of(&self, anchor: &Var, like: &Var, unlike: &Var) -> Result<Each> {
        let all = Var::stack(&[anchor, like, unlike], 1)?;
        let none = crate::tensor::tensor(&all.value.shape()[..1], vec![0.0; all.value.shape()[0]]);
        self.each(&all, &none)
    }
}

impl Loss for Triplet {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "Triplet";
        let features = check_shape(who, prediction, 3, "anchor, like, unlike")?;
        if target.shape().first() != prediction.value.shape().first() {
            return Err(Error::shape(format!(
                "{who}: expected targets [{}, ...], one an example, got {:?}",
                prediction.value.shape()[0],
                target.shape()
            )));
        }
        check_setting(who, "a margin of", self.margin, 0.0..)?;
        let (margin, swap) = (f64::from(self.margin), self.swap);
        items(who, prediction, prediction, &prediction.value.shape()[..1], move |_, x, slope| {
            let part = |k: usize| &x[k * features..(k + 1) * features];
            let near = distance(part(0), part(1), 1e-6);
            let (from, far) = match (distance(part(0), part(2), 1e-6), distance(part(1), part(2), 1e-6)) {
                (far, swapped) if swap && swapped < far => (1, swapped),
                (far, _) => (0, far),
            };
            slope.fill(0.0);
            let loss = near - far + margin;
            if loss <= 0.0 {
                return 0.0;
            }
            for (i, j, length, sign) in [(0, 1, near, 1.0), (from, 2, far, -1.0)] {
                for k in 0..features {
                    let pull = sign * share(f64::from(part(i)[k]) - f64::from(part(j)[k]) + 1e-6, length);
                    slope[i * features + k] += pull as Float;
                    slope[j * features + k] -= pull as Float;
                }
            }
            loss
        })
    }
}

described! {
    /// Contrastive loss: `mean(t d² + (1 - t) max(margin - d, 0)²)` with the distance `d` of two embeddings that are alike
    /// where `t` is 1.
    ///
    /// # Shapes
    /// predictions `[batch, 2, features]`; targets `[batch]` or `[batch, 1]`
    /// # Defaults
    /// margin 1
    /// # Errors
    /// other shapes; targets outside of 0 to 1; a negative margin
    /// # Example
    /// ```
    /// use gradus::losses::Contrastive;
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr3(&[[[0.0, 0.0], [0.3, 0.4]], [[1.0, 1.0], [1.0, 2.0]]]));
    /// let target = ndarray::arr1(&[0.0, 1.0]).into_dyn().into_shared();
    /// assert!((Contrastive::default().loss(&y, &target)?.item() - 0.625).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Hadsell, Chopra & LeCun 2006
    #[doc(alias = "ContrastiveLoss")]
    #[derive(Clone, Copy)]
    pub struct Contrastive(
        /// The distance beyond which the unlike are left alone.
        margin: [Float] = 1.0,
    ) {}
}

impl Loss for Contrastive {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "Contrastive";
        let features = check_shape(who, prediction, 2, "the two embeddings")?;
        if strip(target.shape()) != &prediction.value.shape()[..1] {
            return Err(Error::shape(format!(
                "{who}: expected targets [{}], one a pair, got {:?}",
                prediction.value.shape()[0],
                target.shape()
            )));
        }
        check_targets(who, target, "targets from 0 (unlike) to 1 (alike)", |t| (0.0..=1.0).contains(&t))?;
        check_setting(who, "a margin of", self.margin, 0.0..)?;
        let (margin, target) = (f64::from(self.margin), standard(target));
        items(who, prediction, prediction, &prediction.value.shape()[..1], move |i, x, slope| {
            let (a, b) = x.split_at(features);
            let (d, t) = (distance(a, b, 0.0), f64::from(data(&target)[i]));
            let lack = if d < margin { margin - d } else { 0.0 };
            // The slope by d, divided by d: the direction is a - b.
            let pull = 2.0 * t - if d > 0.0 { 2.0 * (1.0 - t) * lack / d } else { 0.0 };
            let (by_a, by_b) = slope.split_at_mut(features);
            for k in 0..features {
                by_a[k] = product(pull, f64::from(a[k]) - f64::from(b[k])) as Float;
                by_b[k] = -by_a[k];
            }
            product(t, d * d) + (1.0 - t) * lack * lack
        })
    }
}

/// Embeddings `[batch, count, features]`; returns the number of features.
fn check_shape(who: &str, prediction: &Var, count: usize, what: &str) -> Result<usize> {
    match *prediction.value.shape() {
        [batch, n, features] if n == count && batch > 0 && features > 0 => Ok(features),
        _ => Err(Error::shape(format!(
            "{who}: expected predictions [batch, {count}, features] ({what}), got {:?}",
            prediction.value.shape()
        ))),
    }
}

/// The share of a difference in the length of all: its slope by the difference. 0 where there is no length; of an infinite
/// one the limit.
fn share(difference: f64, length: f64) -> f64 {
    if length == 0.0 {
        0.0
    } else if difference.is_infinite() {
        difference.signum()
    } else {
        difference / length
    }
}

fn distance(a: &[Float], b: &[Float], epsilon: f64) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b) + epsilon).powi(2)).sum::<f64>().sqrt()
}
