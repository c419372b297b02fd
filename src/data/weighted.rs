//! Examples that weigh what their class weighs.

use super::{Batch, Dataset, read, read_both};
use crate::error::{Error, Result};
use crate::losses::Each;
use crate::tensor::{Float, Tensor, tensor};

/// A dataset whose examples' weights are multiplied by those of their classes.
pub(crate) struct ClassWeighted<'a> {
    dataset: &'a dyn Dataset,
    weights: Vec<Float>,
}

impl<'a> ClassWeighted<'a> {
    pub(crate) fn new(dataset: &'a dyn Dataset, weights: Vec<Float>) -> Result<Self> {
        match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            Some(bad) => Err(Error::value(format!(
                "fit: expected class weights that are finite and not negative, got {bad} among them"
            ))),
            None => Ok(Self { dataset, weights }),
        }
    }

    /// The weight of each class number, or of each one-hot row.
    fn of(&self, target: &Tensor) -> Result<Tensor> {
        let shape = target.shape();
        let one_hot = shape.len() > 1 && shape[shape.len() - 1] > 1;
        let rows = if shape.len() > 1 { &shape[..shape.len() - 1] } else { shape };
        let numbers = target.as_standard_layout();
        let numbers = numbers.as_slice().unwrap_or_default();
        let weights: Option<Vec<Float>> = if one_hot {
            let row = |row: &[Float]| {
                let is_one_hot = row.iter().all(|x| *x == 0.0 || *x == 1.0) && row.iter().sum::<Float>() == 1.0;
                let class = row.iter().position(|x| *x == 1.0)?;
                if is_one_hot { self.weights.get(class).copied() } else { None }
            };
            numbers.chunks(shape[shape.len() - 1]).map(row).collect()
        } else {
            let of = |class: &Float| {
                if class.fract() == 0.0 && *class >= 0.0 { self.weights.get(*class as usize).copied() } else { None }
            };
            numbers.iter().map(of).collect()
        };
        weights.map(|weights| tensor(rows, weights)).ok_or_else(|| {
            let classes = self.weights.len();
            Error::value(format!(
                "fit: {classes} class weights expect class numbers 0..{classes} ({classes} excluded) in targets [batch] \
                 or [batch, 1], or one-hot rows, got targets {shape:?} of others; give weights of examples, or class \
                 weights to the loss"
            ))
        })
    }
}

impl Dataset for ClassWeighted<'_> {
    fn len(&self) -> usize {
        self.dataset.len()
    }

    read_both!();

    fn check(&self) -> Result<()> {
        self.dataset.check()
    }
}

impl ClassWeighted<'_> {
    fn read(&self, indices: &[usize], epoch: Option<u64>) -> Result<Batch> {
        let mut batch = read(self.dataset, indices, epoch)?;
        let [target] = &batch.targets[..] else {
            return Err(Error::value(format!(
                "fit: class weights expect a model with one output, got {} arrays of targets; give weights of examples, \
                 or class weights to the losses",
                batch.targets.len()
            )));
        };
        let weights = self.of(target)?;
        batch.weights = vec![match batch.weights.first() {
            Some(given) => (*Each::new(crate::Tape::inference().input(&weights)).weigh(given)?.losses().value).clone(),
            None => weights,
        }];
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, arr1, arr2};

    use super::*;
    use crate::layers::{Dense, Sequential};
    use crate::losses::MeanSquaredError;
    use crate::metrics::{MeanAbsolute, RootMeanSquared};
    use crate::model::Model;
    use crate::optimizers::{Momentum, Sgd};
    use crate::training::Fit;

    #[test]
    fn weights_of_classes_multiply_those_of_examples() {
        let data = (arr1(&[0.0, 0.0, 0.0]), arr1(&[2, 0, 1]), arr1(&[1.0, 10.0, 100.0]));
        let weighted = ClassWeighted::new(&data, vec![1.0, 2.0, 3.0]).unwrap();
        assert_eq!(weighted.batch(&[0, 2]).unwrap().weights, [arr1(&[3.0, 200.0]).into_dyn().into_shared()]);
        let one_hot = (arr1(&[0.0, 0.0]), arr2(&[[0, 1, 0], [1, 0, 0]]));
        let weighted = ClassWeighted::new(&one_hot, vec![1.0, 2.0, 3.0]).unwrap();
        assert_eq!(weighted.batch(&[0, 1]).unwrap().weights, [arr1(&[2.0, 1.0]).into_dyn().into_shared()]);
    }

    #[test]
    fn augmentation_is_kept() {
        let data = (arr2(&[[0.0], [1.0], [2.0]]), arr1(&[0, 0, 0]));
        let add = |x: ndarray::ArrayD<Float>, _: &mut crate::Rng| Ok(x + 100.0);
        let noisy = data.augment(1, add);
        let weighted = ClassWeighted::new(&noisy, vec![2.0]).unwrap();
        assert_eq!(weighted.training_batch(&[1], 0).unwrap().inputs[0][[0, 0]], 101.0);
        assert_eq!(weighted.batch(&[1]).unwrap().inputs[0][[0, 0]], 1.0);
    }

    #[test]
    fn evaluation_weighs_too() {
        let model = Dense::new(1).use_bias(false);
        model.kernel().set(arr2(&[[2.0]])).unwrap();
        let mut model = model.compile(Sgd::default(), MeanSquaredError);
        let (x, y) = (arr2(&[[1.0], [2.0]]), arr1(&[0.0, 0.0]));
        assert_eq!(model.evaluate(&(&x, &y)).unwrap()["loss"], 10.0);
        assert_eq!(model.evaluate(&(&x, &y, &arr1(&[3.0, 0.5]))).unwrap()["loss"], 10.0);
        assert_eq!(model.evaluate(&(&x, &y, &arr1(&[3.0, 0.0]))).unwrap()["loss"], 6.0);
    }

    #[test]
    fn weighted_metrics_weigh_and_others_do_not() {
        let model = Dense::new(1).use_bias(false);
        model.kernel().set(arr2(&[[2.0]])).unwrap();
        let (mean, root) = (MeanAbsolute::default(), RootMeanSquared::default());
        let mut model = model.compile(Sgd::default(), MeanSquaredError).metric(mean).weighted_metric(root);
        let data = (arr2(&[[1.0], [2.0]]), arr1(&[0.0, 0.0]), arr1(&[3.0, 1.0]));
        let logs = model.evaluate(&data).unwrap();
        assert_eq!((logs["mean_absolute_error"], logs["root_mean_squared_error"]), (3.0, 7.0_f64.sqrt()));
    }

    #[test]
    fn examples_that_weigh_nothing_change_nothing_on_any_number_of_threads() {
        let x = Array2::from_shape_fn((64, 3), |(i, j)| ((i * 3 + j) as Float).sin());
        let y = Array1::from_shape_fn(64, |i| (i as Float).cos());
        let weights = Array1::from_shape_fn(64, |i| if i % 4 == 0 { 0.0 } else { 1.0 + (i % 3) as Float });
        let spoilt = Array1::from_shape_fn(64, |i| if i % 4 == 0 { 50.0 } else { y[i] });
        let train = |y: &Array1<Float>, threads| {
            let model = Sequential::new().add(Dense::new(8)).add(Dense::new(1));
            let mut model = model.compile(Momentum::default(), MeanSquaredError).seed(3).threads(threads);
            model.fit(&(&x, y, &weights), Fit::epochs(3).batch_size(32).progress(false)).unwrap();
            model.predict(&x).unwrap()
        };
        let once = train(&y, 1);
        assert_eq!(once, train(&spoilt, 1));
        assert_eq!(once, train(&y, 3));
    }
}
