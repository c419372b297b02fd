//! A model with its optimizer and loss.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;

use super::pass::{self, Seeds};
use super::{Logs, Summary};
use crate::autograd::{Tape, Var};
use crate::data::{Dataset, Inputs, common_length};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::layers::{Input, Layer};
use crate::losses::Loss;
use crate::metrics::{Mean, Metric};
use crate::optimizers::{Optimizer, Stepper};
use crate::tensor::Tensor;

/// A model with its optimizer, its loss and its metrics: what [`Layer::compile`] returns.
///
/// Training gives the same bits for the same seed, whatever the number of threads.
///
/// ```
/// use gradus::prelude::*;
/// let x = ndarray::array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let y = ndarray::array![[0], [1], [1], [0]];
/// let mut model = Sequential::new()
///     .add(Dense::new(8).activation(Tanh))
///     .add(Dense::new(1).activation(Sigmoid))
///     .compile(Adam::new(0.1), BinaryCrossEntropy::default())
///     .metric(Accuracy::default())
///     .seed(1);
/// model.fit(&(&x, &y), Fit::epochs(100).batch_size(4).progress(false))?;
/// assert_eq!(model.evaluate(&(&x, &y))?["accuracy"], 1.0);
/// assert_eq!(model.predict(&x)?.shape(), [4, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Trainer<M, X = Var> {
    /// The model.
    pub model: M,
    pub(super) stepper: Stepper,
    pub(super) loss: Box<dyn Loss>,
    pub(super) metrics: Vec<Box<dyn Metric>>,
    pub(super) seed: u64,
    pub(super) threads: Threads,
    input: PhantomData<fn(X)>,
}

/// Which threads compute.
pub(super) enum Threads {
    All,
    One,
    Pool(Arc<ThreadPool>),
    Refused(String),
}

impl Threads {
    /// Runs something on these threads.
    pub(super) fn run<R: Send>(&self, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        match self {
            Self::All => work(),
            Self::One => parallel::serial(work),
            Self::Pool(pool) => pool.install(work),
            Self::Refused(reason) => Err(Error::value(reason.clone())),
        }
    }
}

/// Examples in a pass without gradients.
const PREDICTION_BATCH: usize = 256;

impl<M: Layer<X>, X: Input> Trainer<M, X> {
    pub(crate) fn new(model: M, optimizer: Box<dyn Optimizer>, loss: Box<dyn Loss>) -> Self {
        Self {
            model,
            stepper: Stepper::boxed(optimizer),
            loss,
            metrics: Vec::new(),
            seed: 0,
            threads: Threads::All,
            input: PhantomData,
        }
    }

    /// Adds a metric, reported beside the loss.
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// Sets the seed of everything random in training: first weights, the order of examples, dropout. The default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many threads compute; 0 stands for all cores, the default. Results do not depend on it.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = match threads {
            0 => Threads::All,
            1 => Threads::One,
            _ => match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                Ok(pool) => Threads::Pool(Arc::new(pool)),
                Err(error) => Threads::Refused(format!("{threads} threads cannot be started: {error}")),
            },
        };
        self
    }

    pub(super) fn seeds(&self) -> Seeds {
        Seeds { initial: self.seed, random: self.seed }
    }

    /// Gives all parameters their values, by a forward pass of one example that changes nothing else.
    pub(super) fn create_parameters(&self, dataset: &dyn Dataset) -> Result<()> {
        let batch = dataset.batch(&[0])?;
        self.model.forward(&pass::input(&tape(self.seed), batch.inputs)?).map(|_| ())
    }

    /// Loss and metrics over a dataset, in inference mode.
    ///
    /// # Errors
    /// no examples; data that does not fit the model
    pub fn evaluate(&mut self, dataset: &dyn Dataset) -> Result<Logs> {
        check_dataset("evaluate", dataset)?;
        self.create_parameters(dataset)?;
        let mut loss = Mean::default();
        self.metrics.iter_mut().for_each(|metric| metric.reset());
        let all: Vec<usize> = (0..dataset.len()).collect();
        let (model, loss_function, seed) = (&self.model, self.loss.as_ref(), self.seed);
        let splits = pass::splits(model, loss_function, tape(seed), dataset)?;
        for indices in all.chunks(PREDICTION_BATCH) {
            let size = if splits { pass::part_size(indices.len()) } else { indices.len() };
            let run = |_, part: &[usize]| pass::run(model, loss_function, &tape(seed), dataset.batch(part)?, 1.0);
            let parts = self.threads.run(|| pass::in_parts(indices.len(), size, run, indices))?;
            for part in parts {
                loss.add(part.loss, part.examples as f64);
                for metric in &mut self.metrics {
                    metric.update(&part.prediction, &part.targets)?;
                }
            }
        }
        Ok(self.logs(&loss))
    }

    pub(super) fn logs(&self, loss: &Mean) -> Logs {
        let mut logs = Logs::default();
        logs.set("loss", loss.result());
        self.metrics.iter().for_each(|metric| logs.set(metric.name(), metric.result()));
        logs
    }

    /// The model's outputs for an array of examples, or for a tuple of arrays if it takes several; any number type.
    ///
    /// # Errors
    /// no examples; arrays that differ in length, or do not fit the model
    pub fn predict(&self, inputs: &impl Inputs) -> Result<Tensor> {
        let count = common_length(&inputs.lengths())?;
        if count == 0 {
            return Err(Error::value("predict: expected at least one example, got none"));
        }
        let (model, seed) = (&self.model, self.seed);
        let run = |indices: &[usize]| model.forward(&pass::input(&tape(seed), inputs.gather(indices))?);
        let indices: Vec<usize> = (0..count).collect();
        let part = pass::part_size(count.min(PREDICTION_BATCH));
        if count <= part {
            return Ok((*run(&indices)?.value).clone());
        }
        // A few examples alone create what parameters there are not yet, and show whether rows are independent.
        let first = run(&indices[..3])?;
        let size = if first.tape().splits_rows(&first) { part } else { PREDICTION_BATCH };
        let predict = |_, part: &[usize]| Ok((*run(part)?.value).clone());
        let parts = self.threads.run(|| pass::in_parts(count, size, predict, &indices))?;
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(ndarray::Axis(0), &views)
            .map(|all| all.into_shared())
            .map_err(|_| Error::shape("predict: expected outputs [batch, ...] that differ in the batch only"))
    }

    /// Keras' table of the model for inputs of this shape, without the batch axis. Creates the parameters.
    ///
    /// # Errors
    /// a shape that does not fit the model
    pub fn summary(&self, input_shape: &[usize]) -> Result<Summary> {
        super::summary(&self.model, &[input_shape], self.seed)
    }

    /// The optimizer, to read its rate.
    pub fn optimizer(&self) -> &dyn Optimizer {
        self.stepper.optimizer()
    }

    /// The optimizer, to change its rate.
    pub fn optimizer_mut(&mut self) -> &mut dyn Optimizer {
        self.stepper.optimizer_mut()
    }

    /// Writes the model's parameters to a safetensors file. See [`Layer::save`].
    ///
    /// # Errors
    /// those of [`Layer::save`]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.model.save(path)
    }

    /// Reads the model's parameters from a safetensors file. See [`Layer::load`].
    ///
    /// # Errors
    /// those of [`Layer::load`]
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        self.model.load(path)
    }
}

fn tape(seed: u64) -> Tape {
    Tape::inference().seed(seed)
}

pub(super) fn check_dataset(who: &str, dataset: &dyn Dataset) -> Result<()> {
    dataset.check()?;
    if dataset.is_empty() {
        return Err(Error::value(format!("{who}: expected at least one example, got an empty dataset")));
    }
    Ok(())
}
