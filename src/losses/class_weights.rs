//! What the classes of each output weigh in training.

use std::collections::{BTreeMap, HashMap};

use super::items::{leading, standard};
use super::{Each, strip};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// What the classes of an output weigh: one weight for each class in the order of their numbers, or weights by class number, as in Keras'
/// `class_weight`, in which case the other classes weigh 1.
///
/// ```
/// use gradus::prelude::*;
/// let each = Fit::epochs(1).class_weights([1.0, 5.0, 1.0]);
/// let rare = Fit::epochs(1).class_weights([(1, 5.0)]);
/// let map = Fit::epochs(1).class_weights(std::collections::HashMap::from([(1, 5.0)]));
/// ```
#[derive(Clone, Debug)]
pub struct ClassWeights(Given);

#[derive(Clone, Debug)]
enum Given {
    Each(Vec<Float>),
    /// In the order of the numbers.
    Some(Vec<(usize, Float)>),
}

macro_rules! each {
    ($([$($n:tt)*] $type:ty),*) => { $(
        impl $($n)* From<$type> for ClassWeights {
            fn from(weights: $type) -> Self {
                Self(Given::Each(weights.to_vec()))
            }
        }
    )* };
}
each!([] Vec<Float>, [] &Vec<Float>, [] &[Float], [<const N: usize>] [Float; N], [<const N: usize>] &[Float; N]);

macro_rules! by_number {
    ($([$($n:tt)*] $type:ty),*) => { $(
        impl $($n)* From<$type> for ClassWeights {
            fn from(weights: $type) -> Self {
                let mut weights: Vec<(usize, Float)> = weights.into_iter().collect();
                weights.sort_by_key(|(class, _)| *class);
                Self(Given::Some(weights))
            }
        }
    )* };
}
by_number!([] Vec<(usize, Float)>, [<const N: usize>] [(usize, Float); N], [] HashMap<usize, Float>, [] BTreeMap<usize, Float>);

impl ClassWeights {
    /// Refuses weights that are negative or not finite, and two of one class.
    fn check(&self) -> Result<()> {
        let weights: Vec<Float> = match &self.0 {
            Given::Each(weights) => weights.clone(),
            Given::Some(weights) => weights.iter().map(|(_, weight)| *weight).collect(),
        };
        if let Some(bad) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Err(Error::value(format!(
                "fit: expected class weights that are finite and not negative, got {bad} among them"
            )));
        }
        let Given::Some(weights) = &self.0 else { return Ok(()) };
        match weights.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(Error::value(format!("fit: class {} has two class weights; give it one", pair[0].0))),
            None => Ok(()),
        }
    }

    /// The weight of a class; `None` if the weights are fewer.
    fn get(&self, class: Float) -> Option<Float> {
        if !(class.fract() == 0.0 && class >= 0.0) {
            return None;
        }
        match &self.0 {
            Given::Each(weights) => weights.get(class as usize).copied(),
            Given::Some(weights) => {
                let found = weights.binary_search_by_key(&(class as usize), |(number, _)| *number);
                Some(found.map_or(1.0, |i| weights[i].1))
            }
        }
    }

    fn refuse(&self, class: Float) -> Error {
        Error::value(match &self.0 {
            Given::Each(weights) => format!(
                "fit: {0} class weights expect class numbers 0..{0} ({0} excluded) as targets, got {class}; give one weight \
                 for each class",
                weights.len()
            ),
            Given::Some(_) => format!("fit: class weights expect class numbers as targets, got {class}"),
        })
    }
}

/// The weights of the classes of outputs, by name; the name is empty for an only output.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputWeights(Vec<(String, ClassWeights)>);

impl OutputWeights {
    /// Sets the weights of an output's classes.
    pub(crate) fn set(&mut self, output: String, weights: ClassWeights) {
        self.0.retain(|(known, _)| *known != output);
        self.0.push((output, weights));
    }

    /// Refuses invalid weights, and outputs that are not among these.
    pub(crate) fn check(&self, outputs: &[String]) -> Result<()> {
        for (output, weights) in &self.0 {
            weights.check()?;
            if !(outputs.contains(output) || output.is_empty() && outputs.len() == 1) {
                return Err(Error::value(format!(
                    "fit: the class weights are of the output `{output}`, expected one of {outputs:?}; name it by \
                     `class_weights_of`"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn of(&self, output: &str) -> Option<&ClassWeights> {
        self.0.iter().find(|(known, _)| known == output || known.is_empty()).map(|(_, weights)| weights)
    }
}

/// The weight of each item by its class. What does not count in the loss, such as an ignored label, has no class.
pub(super) fn of_items(weights: &ClassWeights, prediction: &[usize], target: &Tensor, each: &Each) -> Result<Tensor> {
    let items = leading(prediction);
    let is_one_hot = target.shape() == prediction && prediction.len() > 1 && prediction[prediction.len() - 1] > 1;
    if !is_one_hot && strip(target.shape()) != strip(items) {
        return Err(Error::shape(format!(
            "fit: class weights expect class numbers {items:?} or one-hot rows {prediction:?} as targets, got {:?}; give \
             weights of examples",
            target.shape()
        )));
    }
    let target = standard(target);
    let width = if is_one_hot { prediction[prediction.len() - 1] } else { 1 };
    let mut counts = each.counted().map(|(_, count)| count);
    let mut all = Vec::with_capacity(target.len() / width);
    for row in data(&target).chunks(width) {
        let counts = counts.next().is_none_or(|count| count > 0.0);
        all.push(if counts { of_row(weights, row)? } else { 1.0 });
    }
    Ok(tensor(items, all))
}

/// The weight of a class number, or of a one-hot row.
fn of_row(weights: &ClassWeights, row: &[Float]) -> Result<Float> {
    let class = match row {
        [number] => *number,
        row => {
            let is_one_hot = row.iter().all(|x| *x == 0.0 || *x == 1.0) && row.iter().sum::<Float>() == 1.0;
            if !is_one_hot {
                return Err(Error::value(format!(
                    "fit: class weights expect one class an item, as a number or a one-hot row, got the row {:?}; for \
                     several labels give `BinaryCrossEntropy::positive_weight` or weights of examples",
                    &row[..row.len().min(8)]
                )));
            }
            row.iter().position(|x| *x == 1.0).unwrap_or(0) as Float
        }
    };
    weights.get(class).ok_or_else(|| weights.refuse(class))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, arr1, arr2};

    use crate::losses::{ClassWeights, Losses};
    use crate::prelude::*;
    use crate::training::Logs;

    /// The first loss of a model that says nothing of three classes, `ln 3` an item, and a weighted figure.
    fn loss(target: impl Fn() -> Tensor, weights: &[Float], ignored: Option<i64>) -> Result<Logs> {
        let time = target().shape().get(1).copied().unwrap_or(1);
        let x = ndarray::Array3::<Float>::zeros((target().shape()[0], time, 2));
        let mut loss = SparseCrossEntropy::from_logits();
        if let Some(index) = ignored {
            loss = loss.ignore_class(index);
        }
        let mut model = Dense::new(3).compile(Sgd::new(0.0), loss).weighted_metric(Accuracy::default());
        let fit = Fit::epochs(1).progress(false).class_weights(weights);
        Ok(model.fit(&(&x, &target()), fit)?.last().unwrap().clone())
    }

    #[test]
    fn tags_are_not_one_hot() {
        // Two tags an example, 0 and 1, which look like one-hot rows.
        let tags = || arr2(&[[0, 1], [0, 1], [0, 1]]).into_tensor();
        let logs = loss(tags, &[1.0, 10.0, 1.0], None).unwrap();
        assert!((logs["loss"] - 5.5 * 3.0_f64.ln()).abs() < 1e-5, "{logs:?}");
        // The first class is the greatest where all are alike.
        assert!((logs["accuracy"] - 1.0 / 11.0).abs() < 1e-12);
    }

    #[test]
    fn ignored_labels_have_no_class() {
        let tags = || arr2(&[[0, 1], [-1, -1], [2, -1]]).into_tensor();
        let logs = loss(tags, &[1.0, 10.0, 4.0], Some(-1)).unwrap();
        assert!((logs["loss"] - 5.0 * 3.0_f64.ln()).abs() < 1e-5, "{logs:?}");
        assert!(loss(tags, &[1.0, 10.0, 4.0], None).is_err());
    }

    #[test]
    fn they_multiply_the_weights_of_examples() {
        let x = Array2::<Float>::zeros((3, 1));
        let weights = arr1(&[1.0, 10.0, 100.0]);
        let fit = || Fit::epochs(1).progress(false).class_weights([1.0, 2.0, 3.0]);
        let numbers = (&x, &arr1(&[2, 0, 1]), &weights);
        let mut model = Dense::new(3).compile(Sgd::new(0.0), SparseCrossEntropy::from_logits());
        let expected = (3.0 + 10.0 + 200.0) / 3.0 * 3.0_f64.ln();
        let by_number = model.fit(&numbers, fit()).unwrap().last().unwrap()["loss"];
        assert!((by_number - expected).abs() < 1e-4, "{by_number}");
        let rows = (&x, &arr2(&[[0, 0, 1], [1, 0, 0], [0, 1, 0]]), &weights);
        let mut model = Dense::new(3).compile(Sgd::new(0.0), CrossEntropy::from_logits());
        let by_row = model.fit(&rows, fit()).unwrap().last().unwrap()["loss"];
        assert!((by_row - expected).abs() < 1e-4, "{by_row}");
        // One score an example: classes 0 and 1. Validation does not weigh.
        let x = Array2::<Float>::zeros((2, 1));
        let data = (&x, &Array1::from(vec![0, 1]));
        let mut model = Dense::new(1).compile(Sgd::new(0.0), BinaryCrossEntropy::from_logits());
        let fit = Fit::epochs(1).progress(false).class_weights([1.0, 4.0]).validation(&data);
        let history = model.fit(&data, fit).unwrap();
        let logs = history.last().unwrap();
        assert!((logs["loss"] - 2.5 * 2.0_f64.ln()).abs() < 1e-6, "{logs:?}");
        assert!((logs["val_loss"] - 2.0_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn classes_without_a_weight_weigh_1() {
        let tags = || arr2(&[[0, 1], [2, 2]]).into_tensor();
        let run = |weights: ClassWeights| {
            let x = ndarray::Array3::<Float>::zeros((2, 2, 2));
            let mut model = Dense::new(3).compile(Sgd::new(0.0), SparseCrossEntropy::from_logits());
            Ok::<_, Error>(model.fit(&(&x, &tags()), Fit::epochs(1).progress(false).class_weights(weights))?["loss"][0])
        };
        let expected = (1.0 + 10.0 + 4.0 + 4.0) / 4.0 * 3.0_f64.ln();
        let map = std::collections::HashMap::from([(2, 4.0), (1, 10.0)]);
        for weights in [[(2, 4.0), (1, 10.0)].into(), vec![(1, 10.0), (2, 4.0)].into(), map.into()] {
            assert!((run(weights).unwrap() - expected).abs() < 1e-5);
        }
        let message = |weights: ClassWeights| run(weights).unwrap_err().to_string();
        assert_eq!(message([(1, 2.0), (1, 3.0)].into()), "fit: class 1 has two class weights; give it one");
        assert!(message([(1, -2.0)].into()).contains("finite and not negative, got -2"));
    }

    #[test]
    fn each_output_has_its_own() {
        /// Two outputs that say nothing.
        struct Two(Dense);
        impl Layer<Var, (Var, Var)> for Two {
            fn forward(&self, x: &Var) -> Result<(Var, Var)> {
                let y = self.0.forward(x)?;
                Ok((y.clone(), y))
            }
            fn params<'a>(&'a self, list: &mut ParamList<'a>) {
                self.0.params(list);
            }
        }
        let x = Array2::<Float>::zeros((2, 1));
        let (a, b) = (arr1(&[0, 1]), arr1(&[1, 2]));
        let run = |fit: Fit<'_>| {
            let each = SparseCrossEntropy::from_logits;
            let losses = Losses::new().output("a", each()).output("b", each());
            Two(Dense::new(3)).compile(Sgd::new(0.0), losses).fit(&(&x, (&a, &b)), fit.progress(false))
        };
        let history = run(Fit::epochs(1).class_weights_of("b", [0.0, 1.0, 3.0])).unwrap();
        let logs = history.last().unwrap();
        assert!((logs["a_loss"] - 3.0_f64.ln()).abs() < 1e-6 && (logs["b_loss"] - 2.0 * 3.0_f64.ln()).abs() < 1e-6);
        let message = run(Fit::epochs(1).class_weights([1.0; 3])).unwrap_err().to_string();
        assert_eq!(
            message,
            "fit: the class weights are of the output ``, expected one of [\"a\", \"b\"]; name it by `class_weights_of`"
        );
    }
}
