//! Cross-entropy on class numbers.

use super::cross_entropy::{Clip, row};
use super::items::items;
use super::probabilities::{ScoreKind, check_class_weights, check_smoothing, rows_of_classes, scores};
use super::{Each, Loss, per_example};
use crate::autograd::Var;
use crate::config::described;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, tensor};

described! {
    /// Cross-entropy on class numbers: `mean(-ln p[class])`.
    ///
    /// Predictions are probabilities by default. Those that come straight out of a `Softmax` are computed from its input,
    /// in one stable operation; other ones are clipped at 1e-7. [`SparseCrossEntropy::from_logits`] takes numbers before
    /// the softmax, [`SparseCrossEntropy::from_log_probabilities`] logarithms.
    ///
    /// # Shapes
    /// predictions `[batch, ..., classes]`, targets `[batch, ...]` or `[batch, ..., 1]`
    /// # Defaults
    /// no label smoothing, all classes weigh 1, no class is left out
    /// # Errors
    /// other shapes; a single class; class numbers that are fractional, negative or not below the number of classes; predictions that are
    /// evidently no probabilities; settings out of range; a mean of which no item counts
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let y = Tape::training().input(ndarray::arr2(&[[0.25, 0.75], [0.5, 0.5]]));
    /// let class = ndarray::arr1(&[1.0, -100.0]).into_dyn().into_shared();
    /// let loss = SparseCrossEntropy::default().ignore_class(-100).loss(&y, &class)?.item();
    /// assert!((loss - 0.2877).abs() < 1e-4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `SparseCategoricalCrossentropy`, PyTorch `CrossEntropyLoss` (which takes logits) and `NLLLoss` (which takes
    /// logarithms)
    #[doc(alias = "SparseCategoricalCrossentropy")]
    #[doc(alias = "NLLLoss")]
    #[doc(alias = "CrossEntropyLoss")]
    #[derive(Clone)]
    pub struct SparseCrossEntropy {
        /// Whether predictions are logits: numbers before the softmax.
        from_logits: [switch] = false,
        /// Whether predictions are logarithms of probabilities.
        from_log_probabilities: [switch] = false,
        /// Which share of each target is spread evenly over all classes.
        label_smoothing: [Float] = 0.0,
        /// What the part of each class is multiplied with; the mean divides by the sum of the weights of the targets, as in
        /// PyTorch. [`Fit::class_weights`](crate::Fit::class_weights) divides by the number of items, as Keras does.
        class_weights: [some Vec<Float>] = None,
        /// The class number whose items are left out: their loss is 0, and the mean does not count them.
        #[doc(alias = "ignore_index")]
        ignore_class: [option i64] = None,
    }
}

/// Stands for the class of items that are left out.
const IGNORED: usize = usize::MAX;

/// The error of a class number that there is not, and what to do about it.
fn wrong_class(class: Float, classes: usize) -> Error {
    let hint = if !class.is_finite() {
        "correct that example or leave it out"
    } else if class.fract() != 0.0 {
        "give class numbers, or train a regression by a loss such as `MeanSquaredError`"
    } else if class < 0.0 {
        "number the classes from 0, and leave out items without a class by `ignore_class`"
    } else {
        "give the model an output for each class, and number the classes from 0"
    };
    Error::value(format!(
        "SparseCrossEntropy: expected whole class numbers 0..{classes} ({classes} excluded, the model has {classes} outputs), got \
         {class}; {hint}"
    ))
}

impl Loss for SparseCrossEntropy {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let who = "SparseCrossEntropy";
        let (rows, classes) = rows_of_classes(who, prediction)?;
        let batch = &prediction.value.shape()[..prediction.value.shape().len() - 1];
        let fits = target.shape() == batch || target.shape() == [batch, &[1]].concat();
        if !fits {
            return Err(Error::shape(format!(
                "{who}: expected one class number an example, targets {batch:?} for predictions {:?}, got {:?}; {}",
                prediction.value.shape(),
                target.shape(),
                match target.shape() {
                    shape if shape == prediction.value.shape() => "for one-hot targets use `CrossEntropy`",
                    shape if batch.len() > super::strip(shape).len() => super::MORE_AXES,
                    _ => "give one class number for each row of predictions",
                }
            )));
        }
        check_smoothing(who, self.label_smoothing)?;
        check_class_weights(who, self.class_weights.as_ref(), classes)?;
        let mut numbers = Vec::with_capacity(rows);
        for class in target {
            if self.ignore_class.is_some_and(|index| *class == index as Float) {
                numbers.push(IGNORED);
                continue;
            }
            if !(class.fract() == 0.0 && *class >= 0.0 && *class < classes as Float) {
                return Err(wrong_class(*class, classes));
            }
            numbers.push(*class as usize);
        }
        let (x, kind) =
            scores(who, prediction, ScoreKind::of(who, self.from_logits, self.from_log_probabilities)?, false)?;
        let weights = self.class_weights.clone();
        let weight = move |c: usize| weights.as_ref().map_or(1.0, |weights| weights[c]);
        let counts = (self.class_weights.is_some() || self.ignore_class.is_some()).then(|| {
            let count = |class: &usize| if *class == IGNORED { 0.0 } else { weight(*class) };
            tensor(batch, numbers.iter().map(count).collect())
        });
        let smoothing = f64::from(self.label_smoothing);
        let (keep, spread) = (1.0 - smoothing, smoothing / classes as f64);
        // All classes' shares but that of the right one.
        let spread_sum: f64 = (0..classes).map(|c| f64::from(weight(c)) * spread).sum();
        let each = items(who, prediction, &x, batch, move |i, x, slope| {
            let class = numbers[i];
            if class == IGNORED {
                slope.fill(0.0);
                return 0.0;
            }
            let share = |c: usize| f64::from(weight(c)) * (spread + if c == class { keep } else { 0.0 });
            row(kind, Clip::First, x, spread_sum + f64::from(weight(class)) * keep, share, slope)
        })?;
        match counts {
            Some(counts) => each.counting(&counts),
            None => Ok(each),
        }
    }
}
