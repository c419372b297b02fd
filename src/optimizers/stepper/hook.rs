//! What happens to gradients between the backward passes and the step.

use super::job::Job;
use crate::autograd::Gradients;
use crate::config::Config;
use crate::error::Result;
use crate::kernels::elementwise::sum_of_squares;
use crate::kernels::parallel;
use crate::tensor::{Float, data};

/// What happens to gradients between the backward passes and the step: the only place where the gradients of the parts of a batch meet.
///
/// A batch comes here as the gradients of its parts, in order. They are added up, over [`accumulate`](super::Stepper::accumulate)
/// batches, divided by the number of batches, and joined by those of [regularizers](crate::regularizers); then the step is made. A hook
/// sees the parts before that, and the sum after. Several are called in the order of their adding, and [`Clip`](super::Clip), which is one,
/// at the end.
///
/// ```
/// use gradus::optimizers::{BatchPart, GradientHook, StepGradients};
/// use gradus::prelude::*;
///
/// /// Bounds what each example can do to a step, as private training does before it adds noise.
/// struct ClipExamples(f64);
///
/// impl GradientHook for ClipExamples {
///     fn examples_per_part(&self) -> Option<usize> {
///         Some(1)
///     }
///
///     fn parts(&mut self, parts: &mut [BatchPart]) -> Result<()> {
///         for part in parts {
///             let norm = part.gradients.norm() / f64::from(part.share);
///             part.gradients.scale((self.0 / norm.max(self.0)) as Float);
///         }
///         Ok(())
///     }
/// }
///
/// let (x, y) = (ndarray::arr2(&[[1.0], [100.0]]), ndarray::arr2(&[[0.0], [0.0]]));
/// let line = Dense::new(1).use_bias(false).kernel_initializer(Ones);
/// let mut model = line.compile(Stepper::new(Sgd::new(0.5)).hook(ClipExamples(1.0)), MeanSquaredError);
/// model.fit(&(&x, &y), Fit::epochs(1).progress(false))?;
/// // Without a bound the gradients would be 2 and 20,000; both count as 1.
/// assert_eq!(model.model.kernel().value().unwrap()[[0, 0]], 0.5);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait GradientHook: Send + Sync {
    /// Changes the gradients of the parts of a batch, before they are added up; of processes that [train together](crate::distributed) each
    /// has its own parts. The default leaves them.
    ///
    /// # Errors
    /// Any error means that the step is not made; nothing is changed then.
    fn parts(&mut self, parts: &mut [BatchPart]) -> Result<()> {
        let _ = parts;
        Ok(())
    }

    /// Changes what a step is made along. The default leaves it.
    ///
    /// # Errors
    /// Any error means that the step is not made; nothing is changed then.
    fn step(&mut self, gradients: &mut StepGradients<'_, '_>) -> Result<()> {
        let _ = gradients;
        Ok(())
    }

    /// How many examples a part of a batch is to have in `fit`, which then refuses models and losses that look across the batch. By default
    /// as many as run fastest.
    fn examples_per_part(&self) -> Option<usize> {
        None
    }

    /// The factor of an example's gradient, given the norm of that gradient and the example's share in the batch, if each example's is to be
    /// multiplied by one of its own before all are added up, as private training does. The default leaves them.
    ///
    /// Where this is all that a hook wants of single examples, it is much faster than [`examples_per_part`](Self::examples_per_part): many
    /// examples run together, and [operations](crate::Op::by_example) compute the norms. As there, models and losses that look across
    /// the batch are refused.
    fn example_factor(&self, norm: f64, share: f64) -> Option<f64> {
        let _ = (norm, share);
        None
    }

    /// Whether the settings make sense. Checked before the first step.
    ///
    /// # Errors
    /// A setting out of its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// What makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

/// The gradients of a part of a batch.
#[derive(Debug)]
pub struct BatchPart {
    /// The gradients of the part's loss times its share.
    pub gradients: Gradients,
    /// The part's share in the examples of the batch: the gradients of all parts add up to those of the batch's mean.
    pub share: Float,
}

/// The gradients that a step is made along, of all trainable parameters in the order of the model's.
pub struct StepGradients<'j, 'p> {
    pub(super) jobs: &'j mut [Job<'p>],
    pub(super) number: u32,
}

impl std::fmt::Debug for StepGradients<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths: Vec<_> = self.iter().map(|(path, _)| path).collect();
        f.debug_struct("StepGradients").field("number", &self.number).field("paths", &paths).finish()
    }
}

impl StepGradients<'_, '_> {
    /// Returns the number of the step, counted from 1: with a seed it makes random numbers that are the same after a resumption.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns paths and gradients.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Float])> {
        self.jobs.iter().filter_map(|job| Some((job.path, data(job.grads.first()?))))
    }

    /// Returns the sum of squares of each gradient.
    pub fn squares(&mut self) -> Vec<f64> {
        parallel::for_each(self.jobs, |job| {
            job.squares = job.grads.first().map_or(0.0, |sum| sum_of_squares(data(sum)))
        });
        self.jobs.iter().map(|job| job.squares).collect()
    }

    /// Changes each gradient, on all threads: `change` gets its place in the order, its path, and its numbers.
    pub fn change(&mut self, change: impl Fn(usize, &str, &mut [Float]) + Sync) {
        let mut work: Vec<(usize, &mut Job<'_>)> = self.jobs.iter_mut().enumerate().collect();
        parallel::for_each(&mut work, |(i, job)| {
            if let Some(grads) = job.grads.first_mut().and_then(|sum| sum.as_slice_mut()) {
                change(*i, job.path, grads);
            }
        });
    }
}
