//! The share of right answers.

use super::answers::Answers;
use super::{Mean, Metric, decides, gathers, weights_of};
use crate::config::{config, described};
use crate::error::Result;
use crate::tensor::{Float, Tensor};

described! {
    /// The share of right answers. As Keras' `"accuracy"`, it looks at the shapes:
    ///
    /// - predictions `[.., classes]`, targets `[..]` or `[.., 1]`: class numbers against the greatest prediction;
    /// - predictions and targets `[.., classes]`: one-hot, the greatest of each; shares of classes that sum to 1, as of mixed
    ///   examples, are taken for the greatest;
    /// - predictions and targets alike with one number an example: binary, a prediction above the threshold counts as 1;
    /// - with [`Accuracy::multi_label`], predictions and targets `[.., labels]`: each number is a binary decision of its own.
    ///
    /// # Defaults
    /// The threshold is 0.5; in a trainer it is what the loss says ([`Loss::threshold`](crate::losses::Loss::threshold)), 0 for a loss
    /// `from_logits`.
    /// # Errors
    /// other shapes; predictions that are NaN; class numbers out of range; rows that are neither one-hot nor shares; answers that
    /// are not 0 or 1, such as those of a regression
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let mut accuracy = Accuracy::default();
    /// let predictions = ndarray::arr2(&[[0.1, 0.9], [0.8, 0.2]]).into_dyn().into_shared();
    /// accuracy.update(&predictions, &ndarray::arr1(&[1.0, 1.0]).into_dyn().into_shared())?;
    /// assert_eq!(accuracy.result(), 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// Keras `Accuracy`, `BinaryAccuracy` (also of several labels), `CategoricalAccuracy`, `SparseCategoricalAccuracy`.
    #[derive(Clone, Copy)]
    pub struct Accuracy {
        /// What a binary prediction must exceed to count as 1; `None` leaves it to the loss of the trainer.
        threshold: [option Float] = None,
        /// Whether each number in the last axis is a decision of its own: of a label that an example has or has not. The figure is
        /// the share of right decisions.
        ///
        /// ```
        /// use gradus::prelude::*;
        /// let mut accuracy = Accuracy::default().multi_label(true);
        /// let predictions = ndarray::arr2(&[[0.9, 0.9, 0.1]]).into_tensor();
        /// accuracy.update(&predictions, &ndarray::arr2(&[[0, 1, 1]]).into_tensor())?;
        /// assert_eq!(accuracy.result(), 1.0 / 3.0);
        /// # Ok::<(), gradus::Error>(())
        /// ```
        multi_label: [bool] = false,
    }
    private {
        loss_threshold: Option<Float> = None,
        mean: Mean = Mean::default(),
    }
}

impl Accuracy {
    fn answers(&self) -> Answers {
        Answers { threshold: self.threshold, loss_threshold: self.loss_threshold, multi_label: self.multi_label }
    }

    fn take(&mut self, prediction: &Tensor, target: &Tensor, weights: Option<&Tensor>) -> Result<()> {
        let pairs = self.answers().pairs("Accuracy", prediction, target)?.pairs;
        let weight = weights_of("Accuracy", weights, pairs.len())?;
        for (i, (predicted, right)) in pairs.iter().enumerate() {
            self.mean.add(f64::from(u8::from(predicted == right)), weight(i));
        }
        Ok(())
    }
}

impl Metric for Accuracy {
    config!();

    fn name(&self) -> String {
        "accuracy".into()
    }

    gathers!("Accuracy", mean, Higher);

    decides!(loss_threshold);

    fn result(&self) -> f64 {
        self.mean.result()
    }
}
