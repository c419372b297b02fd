//! A model with its optimizer and loss.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::pass::{self, Objective, Seeds};
use super::{Logs, Summary, predict};
use crate::autograd::{Layer, ParamList, Tape, Var, Vars};
use crate::data::{Dataset, Inputs, numbers};
use crate::distributed::Distributed;
use crate::error::{Error, Result};
use crate::formats::{Translation, Weights};
use crate::kernels::helpers::Helpers;
use crate::kernels::parallel;
use crate::losses::{Losses, OutputWeights};
use crate::metrics::{Figures, Metric, Metrics};
use crate::optimizers::{Optimizer, Stepper};

/// A model with its optimizer, its loss and its metrics: what [`Model::compile`](crate::Model::compile) returns.
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
#[must_use]
pub struct Trainer<M, X = Var, Y = Var> {
    /// The model.
    pub model: M,
    pub(super) stepper: Stepper,
    pub(super) losses: Losses,
    pub(super) metrics: Metrics,
    pub(super) seed: u64,
    /// How many epochs were trained.
    pub(super) epochs: usize,
    pub(super) threads: Threads,
    /// The processes that train together.
    pub(super) ranks: Option<Distributed>,
    pub(super) evaluation_batch: usize,
    arrangement: PhantomData<fn(X) -> Y>,
}

/// Which threads compute.
#[derive(Debug)]
pub(crate) enum Threads {
    All,
    One,
    Pool(Arc<Helpers>),
    Refused(String),
}

impl Threads {
    /// Runs something on these threads.
    pub(super) fn run<R>(&self, work: impl FnOnce() -> Result<R>) -> Result<R> {
        match self {
            Self::All => work(),
            Self::One => parallel::serial(work),
            Self::Pool(pool) => parallel::on(pool, work),
            Self::Refused(reason) => Err(Error::value(reason.clone())),
        }
    }
}

const MOST_THREADS: usize = 4096;

/// Examples in a pass without gradients, unless set.
pub(crate) const EVALUATION_BATCH: usize = 256;

impl<M: Layer<X, Y>, X: Vars, Y: Vars> Trainer<M, X, Y> {
    pub(crate) fn new(model: M, stepper: Stepper, losses: Losses) -> Self {
        Self {
            model,
            stepper,
            losses,
            metrics: Metrics::default(),
            seed: 0,
            epochs: 0,
            threads: Threads::All,
            ranks: None,
            evaluation_batch: EVALUATION_BATCH,
            arrangement: PhantomData,
        }
    }

    /// Adds a metric of the only output, reported beside the loss under its [name](Metric::name); a second one of a name is
    /// reported as `name_1`. [`Metric::named`] gives it another name.
    pub fn metric(self, metric: impl Metric + 'static) -> Self {
        self.metric_of("", metric)
    }

    /// Adds a metric of one of several outputs, by the name that its loss has; it is reported as `output_metric`.
    pub fn metric_of(mut self, output: impl Into<String>, metric: impl Metric + 'static) -> Self {
        self.metrics.add(output.into(), false, metric);
        self
    }

    /// Adds a metric in which examples weigh what they weigh in the loss, where the dataset has weights, or
    /// [`Fit::class_weights`](crate::Fit::class_weights) are set. Beside an unweighted one of its name it is reported as
    /// `weighted_name`.
    #[doc(alias = "weighted_metrics")]
    pub fn weighted_metric(self, metric: impl Metric + 'static) -> Self {
        self.weighted_metric_of("", metric)
    }

    /// [`Trainer::weighted_metric`] of one of several outputs.
    pub fn weighted_metric_of(mut self, output: impl Into<String>, metric: impl Metric + 'static) -> Self {
        self.metrics.add(output.into(), true, metric);
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
            // More than any machine has, and starting that many takes for ever.
            MOST_THREADS.. => Threads::Refused(format!(
                "expected fewer than {MOST_THREADS} threads, got {threads}; 0 stands for all cores"
            )),
            _ => match parallel::helpers(threads) {
                Ok(pool) => pool.map_or(Threads::One, Threads::Pool),
                Err(error) => Threads::Refused(format!("{threads} threads cannot be started: {error}")),
            },
        };
        self
    }

    /// Divides the work of `fit`, `evaluate` and `predict` among processes that run the same program, with the same bits for any number of
    /// them; see [`distributed`](crate::distributed). All of them must call these methods, and [`Trainer::save`].
    pub fn distributed(mut self, ranks: impl Into<Distributed>) -> Self {
        let ranks = ranks.into();
        self.stepper.join(&ranks);
        self.ranks = Some(ranks);
        self
    }

    /// Sets how many examples `evaluate`, validation and `predict` take at a time, 256 unless set: fewer need less memory. The
    /// figures depend on it only if the model or the loss looks across the batch.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let mut model = Dense::new(1).compile(Sgd::default(), MeanSquaredError).evaluation_batch_size(32);
    /// let (x, y) = (ndarray::Array2::<f32>::ones((100, 3)), ndarray::Array2::<f32>::ones((100, 1)));
    /// model.evaluate(&(&x, &y))?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "validation_batch_size")]
    pub fn evaluation_batch_size(mut self, examples: usize) -> Self {
        self.evaluation_batch = examples;
        self
    }

    pub(super) fn evaluation_batch(&self) -> Result<usize> {
        match self.evaluation_batch {
            0 => Err(Error::value("expected an evaluation batch size of at least 1, got 0; 256 is usual")),
            examples => Ok(examples),
        }
    }

    pub(super) fn seeds(&self) -> Seeds {
        Seeds { initial: self.seed, random: self.seed }
    }

    /// Gives all parameters their values, by a forward pass of one example that changes nothing else; of a batch, if the model
    /// takes nothing less.
    pub(super) fn create_parameters(&self, dataset: &dyn Dataset, batch: usize) -> Result<()> {
        let forward = |examples: usize| {
            let batch = dataset.batch(&numbers(examples)?)?.of(examples)?;
            self.model.forward(&pass::input(&tape(self.seed), batch.inputs)?).map(|_| ())
        };
        forward(1).or_else(|_| forward(batch.min(dataset.len())))
    }

    /// Returns loss and metrics over a dataset, in inference mode.
    ///
    /// The loss of each output is `Σ loss · weight / Σ count` over the items (examples, steps, pixels) of the whole dataset: what
    /// the loss of an output leaves out, padding or ignored labels, counts in neither loss nor metrics, wherever it stands. A
    /// loss that gives a mean only, such as a closure, is averaged over the examples of the batches.
    ///
    /// # Errors
    /// no examples; data that does not fit the model; no item that counts
    pub fn evaluate(&mut self, dataset: &dyn Dataset) -> Result<Logs> {
        check_dataset("evaluate", dataset)?;
        let size = self.evaluation_batch()?;
        self.create_parameters(dataset, size)?;
        let mut figures = self.start_figures()?;
        let all = numbers(dataset.len())?;
        let (model, seed) = (&self.model, self.seed);
        let objective = Objective { losses: &self.losses, class_weights: &OutputWeights::default() };
        let mut parts = pass::parts(model, objective, &tape(seed), dataset, size);
        let penalty = pass::penalty(&ParamList::of(&self.model).into_vec())?;
        let ranks = self.ranks.as_ref();
        let batches: Vec<&[usize]> = all.chunks(size).collect();
        for batches in batches.chunks(ranks.map_or(1, Distributed::size)) {
            let read = |part: &[usize]| dataset.batch(part)?.of(part.len());
            let run = |_, part: &[usize]| pass::run(model, objective, &tape(seed), read(part)?, 1.0);
            for part in self.threads.run(|| pass::run_parts(ranks, "evaluate", &mut parts, batches, run))? {
                figures.add(part.loss, &part.outputs, part.added + penalty, part.examples);
                self.metrics.update(&part.predictions, &part.targets, &part.outputs)?;
            }
        }
        figures.check_counted("evaluate", self.losses.names())?;
        Ok(self.logs(&figures))
    }

    /// Puts losses and metrics into the order of the outputs, and starts to gather.
    pub(super) fn start_figures(&mut self) -> Result<Figures> {
        self.losses.arrange(&self.model.config().output_names())?;
        let names: Vec<String> = self.losses.names().map(String::from).collect();
        let figures = Figures::new(&names, self.losses.weights())?;
        let outputs: Vec<_> = names.into_iter().zip(self.losses.thresholds()).collect();
        self.metrics.start(&outputs, figures.names())?;
        Ok(figures)
    }

    pub(super) fn logs(&self, figures: &Figures) -> Logs {
        let mut logs = Logs::default();
        figures.for_each(|name, figure| logs.set(name, figure));
        self.metrics.for_each(|name, figure| logs.set(name, figure));
        logs
    }

    /// Returns the model's outputs for an array of examples, or for a tuple of arrays if it takes several; any number
    /// type.
    ///
    /// # Errors
    /// no examples; arrays that differ in length, or do not fit the model
    pub fn predict(&self, inputs: &impl Inputs) -> Result<Y::Values> {
        predict(&self.model, inputs, self.seed, (&self.threads, self.ranks.as_ref()), self.evaluation_batch()?)
    }

    /// Returns Keras' table of the model for inputs of this shape, without the batch axis; [`summary`](super::summary)
    /// takes several. Creates the parameters.
    ///
    /// # Errors
    /// a shape that does not fit the model
    pub fn summary(&self, input_shape: &[usize]) -> Result<Summary> {
        super::summary(&self.model, &[input_shape], self.seed)
    }

    /// Returns the optimizer, to read its rate.
    pub fn optimizer(&self) -> &dyn Optimizer {
        self.stepper.optimizer()
    }

    /// Returns the optimizer, to change its rate.
    pub fn optimizer_mut(&mut self) -> &mut dyn Optimizer {
        self.stepper.optimizer_mut()
    }

    /// Returns the stepper, to read its memory.
    pub fn stepper(&self) -> &Stepper {
        &self.stepper
    }

    /// Returns how many epochs were trained, those before the trainer was opened included.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Reads the model's parameters from a safetensors file. See [`Model::load`](crate::Model::load).
    ///
    /// # Errors
    /// those of [`Model::load`](crate::Model::load)
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        Translation::new().load(&self.model, &Weights::open(path)?).map(drop)
    }
}

pub(super) fn tape(seed: u64) -> Tape {
    Tape::inference().seed(seed)
}

pub(super) fn check_dataset(who: &str, dataset: &dyn Dataset) -> Result<()> {
    dataset.check()?;
    if dataset.is_empty() {
        return Err(Error::value(format!("{who}: expected at least one example, got an empty dataset")));
    }
    Ok(())
}
