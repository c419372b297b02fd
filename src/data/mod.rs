//! Examples to train on. [`Dataset`] is the trait.

mod arrays;
mod idx;
pub mod mnist;
mod subset;
mod weighted;

pub use arrays::Inputs;
pub(crate) use arrays::common_length;
pub use mnist::Mnist;
pub use subset::Subset;
pub(crate) use weighted::ClassWeighted;

use crate::error::Result;
use crate::tensor::Tensor;

/// A batch: one tensor for each input of the model, and one for each output. Axis 0 counts examples in all of them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// What the model takes.
    pub inputs: Vec<Tensor>,
    /// What it should give.
    pub targets: Vec<Tensor>,
    /// What each example, or step of a sequence, weighs in the loss: nothing if all weigh 1, one tensor for all outputs, or
    /// one for each.
    #[doc(alias = "sample_weight")]
    pub weights: Vec<Tensor>,
}

impl Batch {
    /// With inputs and targets; all examples weigh 1.
    pub fn new(inputs: Vec<Tensor>, targets: Vec<Tensor>) -> Self {
        Self { inputs, targets, weights: Vec::new() }
    }

    /// Sets the weights.
    pub fn weights(mut self, weights: Vec<Tensor>) -> Self {
        self.weights = weights;
        self
    }
}

/// Examples that are made into batches when they are needed.
///
/// A pair of arrays is one, of any number types: `(&images, &labels)`. Each half may be a tuple or
/// `Vec` of arrays, for models with several inputs or outputs. A third part has weights: the loss is then
/// `Σ loss · weight / examples`, in training and in evaluation.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::data::Batch;
///
/// /// The parabola, made as it is read.
/// struct Parabola;
///
/// impl Dataset for Parabola {
///     fn len(&self) -> usize { 100 }
///     fn batch(&self, indices: &[usize]) -> Result<Batch> {
///         let x: ndarray::Array1<Float> = indices.iter().map(|i| *i as Float / 50.0 - 1.0).collect();
///         let x = x.insert_axis(ndarray::Axis(1)).into_dyn().into_shared();
///         let target = x.mapv(|x| x * x).into_shared();
///         Ok(Batch::new(vec![x], vec![target]))
///     }
/// }
///
/// let mut model = Dense::new(1).compile(Sgd::default(), MeanSquaredError::default());
/// model.fit(&Parabola, Fit::epochs(1).progress(false))?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Dataset: Sync {
    /// How many examples.
    fn len(&self) -> usize;

    /// These examples, in this order. Called from several threads at once.
    ///
    /// # Errors
    /// Examples that cannot be read.
    fn batch(&self, indices: &[usize]) -> Result<Batch>;

    /// Whether there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the examples are sound; asked once before they are used.
    ///
    /// # Errors
    /// Such as inputs and targets of different length.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<T: Dataset + ?Sized> Dataset for &T {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        (**self).batch(indices)
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }
}
