//! How much of the targets the predictions explain.

use super::{Gathered, Metric, check_same_shape, gathers, weights_of};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::Tensor;

/// Means and products of deviations of pairs of numbers, taken in one by one (Welford 1962): the same bits however the
/// examples are cut into batches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    count: f64,
    /// The sum of the weights.
    weight: f64,
    mean: [f64; 2],
    /// `Σ w (p - p̄)²`, `Σ w (t - t̄)²` and `Σ w (p - p̄)(t - t̄)`.
    products: [f64; 3],
    /// `Σ w (p - t)²`
    squares: f64,
}

impl Moments {
    fn add(&mut self, p: f64, t: f64, weight: f64) {
        self.count += 1.0;
        self.weight += weight;
        let before = [p - self.mean[0], t - self.mean[1]];
        self.mean[0] += before[0] * weight / self.weight;
        self.mean[1] += before[1] * weight / self.weight;
        let after = [p - self.mean[0], t - self.mean[1]];
        self.products[0] += weight * before[0] * after[0];
        self.products[1] += weight * before[1] * after[1];
        self.products[2] += weight * before[0] * after[1];
        self.squares += weight * (p - t) * (p - t);
    }
}

impl Gathered for Moments {
    fn to_numbers(&self) -> Vec<f64> {
        [&[self.count, self.weight], &self.mean[..], &self.products[..], &[self.squares]].concat()
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let [count, weight, p, t, pp, tt, pt, squares] = *numbers else { return None };
        Some(Self { count, weight, mean: [p, t], products: [pp, tt, pt], squares })
    }
}

impl Gathered for Vec<Moments> {
    fn to_numbers(&self) -> Vec<f64> {
        self.iter().flat_map(Moments::to_numbers).collect()
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        numbers.chunks(8).map(Moments::from_numbers).collect()
    }
}

described! {
    /// Coefficient of determination: `1 - Σ w (t - p)² / Σ w (t - t̄)²`, averaged over the outputs in the last axis; `w` is the weight of
    /// an example, and 1 without weights.
    ///
    /// NaN before two examples. An output whose targets are all the same counts as 1 if it is predicted exactly, else as 0.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut r2 = R2::default();
    /// let tensor = |x: [Float; 3]| ndarray::arr1(&x).into_dyn().into_shared();
    /// r2.update(&tensor([1.0, 2.0, 2.0]), &tensor([1.0, 2.0, 3.0]))?;
    /// assert_eq!((r2.name().as_str(), r2.result()), ("r2", 0.5));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// scikit-learn's `r2_score`.
    #[doc(alias = "R2Score")]
    #[derive(Clone)]
    pub struct R2 {}
    private { outputs: Vec<Moments> = Vec::new(), }
}

impl Metric for R2 {
    config!();

    fn name(&self) -> String {
        "r2".into()
    }

    gathers!("R2", outputs, Higher);

    fn result(&self) -> f64 {
        let of = |moments: &Moments| match (moments.squares, moments.products[1]) {
            _ if moments.count < 2.0 => f64::NAN,
            (squares, 0.0) => f64::from(u8::from(squares == 0.0)),
            (squares, total) => 1.0 - squares / total,
        };
        self.outputs.iter().map(of).sum::<f64>() / self.outputs.len() as f64
    }
}

impl R2 {
    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        check_same_shape("R2", prediction, target)?;
        let weight = weights_of("R2", weights, prediction.len())?;
        let outputs = if prediction.ndim() > 1 { prediction.shape()[prediction.ndim() - 1] } else { 1 };
        if self.outputs.is_empty() {
            self.outputs = vec![Moments::default(); outputs];
        } else if self.outputs.len() != outputs {
            return Err(crate::error::Error::shape(format!(
                "R2: expected {} outputs in the last axis as before, got predictions {:?}",
                self.outputs.len(),
                prediction.shape()
            )));
        }
        for (i, (p, t)) in prediction.iter().zip(target).enumerate() {
            self.outputs[i % outputs].add(f64::from(*p), f64::from(*t), weight(i));
        }
        Ok(())
    }
}

described! {
    /// Correlation of Pearson over all numbers; NaN where either side does not vary.
    ///
    /// ```
    /// use gradus::metrics::Pearson;
    /// use gradus::prelude::*;
    /// let mut pearson = Pearson::default();
    /// let tensor = |x: [Float; 3]| ndarray::arr1(&x).into_dyn().into_shared();
    /// pearson.update(&tensor([1.0, 2.0, 3.0]), &tensor([30.0, 20.0, 10.0]))?;
    /// assert_eq!((pearson.name().as_str(), pearson.result()), ("pearson", -1.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// SciPy's `pearsonr`.
    #[doc(alias = "PearsonCorrelation")]
    #[derive(Clone, Copy)]
    pub struct Pearson {}
    private { moments: Moments = Moments::default(), }
}

impl Metric for Pearson {
    config!();

    fn name(&self) -> String {
        "pearson".into()
    }

    gathers!("Pearson", moments, Higher);

    fn result(&self) -> f64 {
        let [p, t, both] = self.moments.products;
        (both / (p * t).sqrt()).clamp(-1.0, 1.0)
    }
}

impl Pearson {
    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        check_same_shape("Pearson", prediction, target)?;
        let weight = weights_of("Pearson", weights, prediction.len())?;
        for (i, (p, t)) in prediction.iter().zip(target).enumerate() {
            self.moments.add(f64::from(*p), f64::from(*t), weight(i));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2, s};

    use crate::metrics::Pearson;
    use crate::prelude::*;

    /// NumPy's numbers, `average` and `cov` with weights; scikit-learn's `r2_score` gives the mean of both columns.
    #[test]
    fn examples_weigh_in_batches_of_any_size() {
        let p = arr2(&[[1.0, 5.0], [2.0, 1.0], [2.0, 0.0], [4.0, 2.0]]);
        let t = arr2(&[[1.0, 4.0], [2.0, 1.0], [3.0, 1.0], [3.0, 3.0]]);
        let w = arr1(&[1.0, 2.0, 0.5, 3.0]);
        let check = |metric: &mut dyn Metric, columns: usize, expected: f64| {
            for rows in [0..1, 1..4] {
                let part = |all: &ndarray::Array2<Float>| all.slice(s![rows.clone(), ..columns]).into_tensor();
                metric.update_weighted(&part(&p), &part(&t), &w.slice(s![rows.clone()]).into_tensor()).unwrap();
                let state = metric.state().unwrap();
                metric.reset();
                metric.restore(&state).unwrap();
            }
            assert!((metric.result() - expected).abs() < 1e-12, "{} {}", metric.name(), metric.result());
        };
        check(&mut R2::default(), 1, 0.010869565217391242);
        check(&mut R2::default(), 2, 0.24192126909518208);
        check(&mut Pearson::default(), 1, 0.8920548094002179);
    }
}
