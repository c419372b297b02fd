//! How to train.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::losses::ClassWeights;
use crate::tensor::Float;
use crate::training::callbacks::{Callback, Progress};

/// How [`Trainer::fit`](super::Trainer::fit) trains.
///
/// # Defaults
/// batches of 32, shuffled, not read in advance, progress shown, no validation, no callbacks
/// # Example
/// ```
/// use gradus::prelude::*;
/// let x = ndarray::Array2::from_shape_fn((64, 1), |(i, _)| i as f32 / 64.0);
/// let y = &x * 3.0 + 1.0;
/// let mut model = Dense::new(1).compile(Adam::new(0.1), MeanSquaredError::default());
/// let history = model.fit(&(&x, &y), Fit::epochs(50).batch_size(16).validation_split(0.25).progress(false))?;
/// assert!(history.last().unwrap()["val_loss"] < 0.1);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
pub struct Fit<'a> {
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) shuffle: bool,
    pub(super) prefetch: usize,
    pub(super) validation: Option<&'a dyn Dataset>,
    pub(super) validation_split: f64,
    pub(super) class_weights: ClassWeights,
    pub(super) progress: bool,
    pub(super) callbacks: Vec<Box<dyn Callback + 'a>>,
}

impl std::fmt::Debug for Fit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fit")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("callbacks", &self.callbacks.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Fit<'a> {
    /// Creates the settings of a run of this many passes over the data.
    pub fn epochs(epochs: usize) -> Self {
        Self {
            epochs,
            batch_size: 32,
            shuffle: true,
            prefetch: 0,
            validation: None,
            validation_split: 0.0,
            class_weights: ClassWeights::default(),
            progress: true,
            callbacks: Vec::new(),
        }
    }

    /// Sets how many examples go into a step. The last batch of an epoch may be smaller.
    pub fn batch_size(mut self, examples: usize) -> Self {
        self.batch_size = examples;
        self
    }

    /// Sets whether the examples are put into a new order for each epoch.
    pub fn shuffle(mut self, yes: bool) -> Self {
        self.shuffle = yes;
        self
    }

    /// Sets how many batches another thread reads in advance, 0 for none. Without it the threads that compute read what they
    /// need; it helps where reading waits, or where [`Trainer::threads`](super::Trainer::threads) leaves cores free. The
    /// results do not depend on it.
    #[doc(alias = "num_workers")]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches;
        self
    }

    /// Evaluates on this data after each epoch.
    pub fn validation(mut self, dataset: &'a dyn Dataset) -> Self {
        self.validation = Some(dataset);
        self
    }

    /// Keeps this share of the examples, rounded to whole examples, for validation: the last ones before any shuffling; from
    /// 0 to 1.
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }

    /// Multiplies the loss of each item in training (an example, a step, a pixel) with the weight of its class, for classes that
    /// are rare; the mean still divides by the number of items, as in Keras. Targets are class numbers, of which those that the
    /// loss ignores have no class, or one-hot rows; they are one-hot where they have the prediction's shape. Validation is as it
    /// was.
    #[doc(alias = "class_weight")]
    pub fn class_weights(self, weights: impl Into<Vec<Float>>) -> Self {
        self.class_weights_of("", weights)
    }

    /// Sets the weights of the classes of one of several outputs, by the name that its loss has; see [`Fit::class_weights`].
    pub fn class_weights_of(mut self, output: impl Into<String>, weights: impl Into<Vec<Float>>) -> Self {
        self.class_weights.set(output.into(), weights.into());
        self
    }

    /// Adds a callback; they are called in the order of adding.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Sets whether progress is shown.
    pub fn progress(mut self, yes: bool) -> Self {
        self.progress = yes;
        self
    }

    /// All callbacks, the progress last so that it shows what the others did.
    pub(super) fn take_callbacks(&mut self) -> Vec<Box<dyn Callback + 'a>> {
        let mut callbacks = std::mem::take(&mut self.callbacks);
        if self.progress {
            callbacks.push(Box::new(Progress::default()));
        }
        callbacks
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.batch_size == 0 {
            return Err(Error::value("fit: expected a batch size of at least 1, got 0; 32 is usual"));
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            let split = self.validation_split;
            return Err(Error::value(format!("fit: expected a validation split in 0..1 (1 excluded), got {split}")));
        }
        if self.validation.is_some() && self.validation_split > 0.0 {
            return Err(Error::value("fit: got both a validation set and a validation split; choose one"));
        }
        Ok(())
    }
}
