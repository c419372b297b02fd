//! A value on a tape.

use std::rc::Rc;

use super::waiting::LazyValue;
use super::{Dependence, Gradients, Tape};
use crate::error::{Error, Result};
use crate::tensor::{Float, IntoTensor, Tensor, data};

/// A value on a [`Tape`]: what layers take and give. Cloning is cheap.
///
/// Its operations are methods and operators: `+ - * /` with broadcasting as in numpy, and those listed below. An
/// operator on shapes that do not broadcast panics, as integer arithmetic does on overflow; every method that can
/// fail returns a `Result`.
#[derive(Clone)]
pub struct Var {
    pub(crate) value: LazyValue,
    pub(super) tape: Tape,
    pub(super) node: Option<usize>,
    pub(crate) dependence: Dependence,
    /// What it was computed from, where somebody after it needs to know.
    pub(crate) origin: Option<Rc<Origin>>,
    pub(crate) mask: Option<Rc<Tensor>>,
}

/// What a value was computed from: the input of an activation, so that losses can work on it in one stable operation; of a
/// reduced loss, what its items count, so that those of several batches can be averaged; or nothing.
pub(crate) enum Origin {
    /// Examples as they were given, before any layer.
    Input,
    Softmax(Var),
    LogSoftmax,
    Sigmoid(Var),
    /// What the loss weighs in a mean over batches, and what each of its items counts: 1 without.
    Loss(f64, Option<Tensor>),
    /// It is the same number whatever the input, by this activation.
    Constant(&'static str),
}

impl Var {
    /// Whether a gradient may come back through it.
    pub(crate) fn is_recorded(&self) -> bool {
        self.node.is_some()
    }

    pub(super) fn new(value: impl Into<LazyValue>, tape: &Tape, node: Option<usize>, dependence: Dependence) -> Self {
        Self { value: value.into(), tape: tape.clone(), node, dependence, origin: None, mask: None }
    }

    /// The tape that this value is on.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Length of each axis.
    ///
    /// Axis 0 has the length of the batch, and what computes with that, such as `x * (1.0 / x.shape()[0])`, is another
    /// function of each batch. So the trainer runs batches whole where a layer calls this: right in any case, and slower
    /// for small layers. [`Var::example_shape`] and [`Var::reshape_examples`] do without.
    pub fn shape(&self) -> &[usize] {
        self.mark_seen();
        self.value.shape()
    }

    /// Length of each axis but the first, which counts the examples: the shape of one example.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array3::<Float>::zeros((32, 10, 4)));
    /// assert_eq!(x.example_shape(), [10, 4]);
    /// ```
    pub fn example_shape(&self) -> &[usize] {
        self.value.shape().get(1..).unwrap_or_default()
    }

    /// The numbers.
    ///
    /// Whoever reads numbers in a forward pass may make it depend on the whole batch, so the trainer stops running
    /// the batch in parts when a layer or loss calls this: right in any case, and slower.
    pub fn value(&self) -> &Tensor {
        self.mark_inspected();
        &self.value
    }

    /// The single number of a scalar; the first of several.
    pub fn item(&self) -> Float {
        self.mark_inspected();
        data(&self.value).first().copied().unwrap_or(Float::NAN)
    }

    /// The same value as a constant: no gradient flows through it.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { mask: self.mask.clone(), ..Self::new(self.value.clone(), &self.tape, None, self.dependence) }
    }

    /// Normal random numbers of the shape of this value, with mean 0 and standard deviation 1, as constants: the noise of a variational
    /// autoencoder, of a diffusion, of exploration.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// /// Draws from the distributions whose means and logarithms of variances are its input's halves.
    /// fn sample(x: &Var) -> Result<Var> {
    ///     let size = x.shape()[1] / 2;
    ///     let (mean, log_variance) = (x.slice(1, ..size)?, x.slice(1, size..)?);
    ///     Ok(&mean + (log_variance * 0.5).exp() * mean.normal_like())
    /// }
    /// let x = Tape::training().variable(ndarray::Array2::<f32>::zeros((4, 6)));
    /// assert_eq!(sample(&x)?.shape(), [4, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "randn_like")]
    #[must_use]
    pub fn normal_like(&self) -> Self {
        let dependence = match self.dependence {
            Dependence::PerExample => Dependence::PerExample,
            // The same noise for a whole batch is another one for each of its parts.
            _ => Dependence::AcrossBatch,
        };
        self.tape.draw_normal(self.value.shape(), dependence)
    }

    /// Which steps of each sequence are real: `[batch, time]`, 1 for a step and 0 for padding. `None` if all are.
    ///
    /// Operations that leave the first two axes alone hand it on; recurrent layers, attention and pooling over time obey.
    /// Convolutions and pooling by windows make a step of its neighbours, and drop it, as in Keras.
    /// Reading it is reading numbers: see [`Var::value`].
    pub fn mask(&self) -> Option<&Tensor> {
        self.mark_inspected();
        self.mask.as_deref()
    }

    /// This value with another [mask](Var::mask).
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array3::<f32>::ones((2, 3, 4)));
    /// let x = x.with_mask(ndarray::array![[1, 1, 1], [1, 0, 0]])?;
    /// assert_eq!((&x * 2.0).tanh().mask().unwrap().shape(), [2, 3]);
    /// assert!(x.mean_axes(&[1])?.mask().is_none());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// a mask that is not `[batch, time]` as this value is; numbers other than 0 and 1
    pub fn with_mask(self, mask: impl IntoTensor) -> Result<Self> {
        let mask = mask.into_tensor();
        if mask.ndim() != 2 || self.value.shape().get(..2) != Some(mask.shape()) {
            return Err(Error::shape(format!(
                "expected a mask [batch, time] for a value of shape {:?}, got a mask of shape {:?}",
                self.value.shape(),
                mask.shape()
            )));
        }
        if let Some(other) = mask.iter().find(|x| **x != 0.0 && **x != 1.0) {
            return Err(Error::value(format!("expected a mask of zeros and ones, got {other} in it")));
        }
        Ok(self.masked(mask))
    }

    /// This value with a mask that fits, whose memory it shares.
    pub(crate) fn masked(self, mask: Tensor) -> Self {
        Self { mask: Some(Rc::new(mask)), ..self }
    }

    /// This value without a [mask](Var::mask): from here on padding counts as data.
    #[must_use]
    pub fn without_mask(mut self) -> Self {
        self.mask = None;
        self
    }

    /// This value with the mask of another.
    pub(crate) fn with_mask_of(mut self, other: &Self) -> Self {
        self.mask = other.mask.clone();
        self
    }

    /// The gradients of this scalar with respect to every trainable parameter and every variable that it depends on. In a
    /// forward pass this is reading numbers: see [`Var::value`].
    ///
    /// # Errors
    /// A value that is not a scalar; a tape that does not record.
    pub fn backward(&self) -> Result<Gradients> {
        self.mark_inspected();
        self.tape.backward(self, 1.0)
    }

    /// [`Var::backward`] of `scale` times this scalar.
    pub(crate) fn backward_scaled(&self, scale: Float) -> Result<Gradients> {
        self.tape.backward(self, scale)
    }

    /// The gradients of this mean over `examples` examples, of which each one's is multiplied by what `factor` makes of its norm, times
    /// `share`; `None` if an operation has no [gradients by example](crate::Op::by_example).
    pub(crate) fn backward_by_example(
        &self,
        share: Float,
        examples: usize,
        factor: impl Fn(f64) -> f64,
    ) -> Result<Option<Gradients>> {
        self.tape.backward_by_example(self, share, examples, factor)
    }

    /// Somebody outside of the crate reads what may differ from batch to batch: no operation shows what becomes of it.
    pub(crate) fn mark_inspected(&self) {
        if self.dependence != Dependence::Constant {
            self.tape.mark_read();
        }
    }

    /// Somebody saw the shape, which has the length of the batch.
    pub(crate) fn mark_seen(&self) {
        if self.dependence != Dependence::Constant {
            self.tape.mark_inspected();
        }
    }

    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(Rc::new(origin));
        self
    }

    /// This value, which has the numbers of another in another shape: constant if that one is.
    pub(crate) fn constant_as(mut self, other: &Self) -> Self {
        if matches!(other.origin.as_deref(), Some(Origin::Constant(_))) {
            self.origin = other.origin.clone();
        }
        self
    }
}

impl std::fmt::Debug for Var {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.mark_inspected();
        f.debug_struct("Var").field("value", &*self.value).field("recorded", &self.node.is_some()).finish()
    }
}
