//! Examples to train on. [`Dataset`] is the trait.
//!
//! Arrays, functions ([`from_fn`]), images in folders, tables, files of records larger than memory ([`records`]) and the
//! well-known small sets are datasets; what one does to datasets are methods of the trait, which read nothing before a
//! batch is asked for.
//!
//! ```
//! use gradus::data::augment::RandomTranslation;
//! use gradus::prelude::*;
//! let (train, test) = mnist::load("examples/data/mnist")?;
//! let (train, validation) = train.shuffle(1).split(0.9)?;
//! let train = train.augment(2, RandomTranslation::new(0.1, 0.1));
//! assert_eq!((train.len(), validation.len(), test.len()), (54_000, 6_000, 10_000));
//! # Ok::<(), gradus::Error>(())
//! ```

mod adaptors;
mod arrays;
pub mod augment;
mod batch;
mod bytes;
mod classes;
#[cfg(feature = "csv")]
mod csv;
mod folder;
pub mod idx;
#[cfg(feature = "image")]
mod image_folder;
pub mod mnist;
pub mod records;
pub mod scikit_learn;
mod splits;
mod table;
pub mod text;

pub use adaptors::{Batches, Chain, FromFn, Map, Repeat, Selection, Subset, Zip, from_fn};
pub(crate) use adaptors::{Epoch, Ready, read, read_both};
pub use arrays::Inputs;
pub(crate) use arrays::common_length;
pub use augment::{Augment, Mix};
pub(crate) use batch::{classes_of, is_shares, known, numbers, seeds, stack};
pub use classes::{class_weights, oversample, undersample};
#[cfg(feature = "csv")]
pub use csv::Csv;
#[cfg(feature = "image")]
pub use image_folder::ImageFolder;
pub use mnist::Mnist;
pub use records::RecordFile;
pub(crate) use splits::first_share;
pub use splits::{Halves, k_fold, stratified_k_fold, stratified_split};
pub use table::Table;

use std::sync::Arc;

use augment::{Augmented, Mixed};

use crate::error::Result;
use crate::preprocessing::one_hot;
use crate::tensor::Tensor;

/// A batch: one tensor for each input of the model, and one for each output. Axis 0 counts examples in all of them.
#[derive(Clone, Debug, Default)]
#[must_use]
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a dataset",
    note = "pass inputs and targets together, such as `&(&images, &labels)`; a `Vec` of numbers becomes an array by \
            `ndarray::Array2::from_shape_vec`"
)]
pub trait Dataset: Sync {
    /// Returns the number of examples.
    fn len(&self) -> usize;

    /// Returns these examples, in this order. Called from several threads at once.
    ///
    /// # Errors
    /// Examples that cannot be read.
    fn batch(&self, indices: &[usize]) -> Result<Batch>;

    /// Returns these examples, in this order, for training in this epoch: what [`fit`](crate::Trainer::fit) reads, where
    /// [`evaluate`](crate::Trainer::evaluate) and validation read [`batch`](Dataset::batch). Augmentation is the
    /// difference, so it needs no switch; the default makes none.
    ///
    /// `epoch` is another number in each epoch of a training, and the same after a resumption. Whatever is random
    /// should depend on it and on the numbers of the examples, and on nothing else.
    ///
    /// # Errors
    /// Examples that cannot be read.
    fn training_batch(&self, indices: &[usize], epoch: u64) -> Result<Batch> {
        let _ = epoch;
        self.batch(indices)
    }

    /// Returns whether there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that the examples are valid. Called once before they are used.
    ///
    /// # Errors
    /// Such as inputs and targets of different length.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the batches of one pass, for loops written by hand.
    #[doc(alias = "DataLoader")]
    fn batches(&self, size: usize) -> Batches<'_>
    where
        Self: Sized,
    {
        Batches::new(self, size)
    }

    /// Applies a function to each batch, on the thread that reads it. It should treat each example on its own, since
    /// the trainer reads batches in parts.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let data = (ndarray::arr2(&[[1.0], [2.0]]), ndarray::arr1(&[0, 1]));
    /// let doubled = data.map(|mut batch| {
    ///     batch.inputs[0] *= 2.0;
    ///     Ok(batch)
    /// });
    /// assert_eq!(doubled.batch(&[1])?.inputs[0][[0, 0]], 4.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    fn map<F>(self, function: F) -> Map<Self, F>
    where
        Self: Sized,
        F: Fn(Batch) -> Result<Batch> + Sync,
    {
        Map::new(self, function)
    }

    /// Changes each example at random in training, differently in each epoch; see [`augment`]. Give each call its own
    /// seed.
    fn augment<A: Augment>(self, seed: u64, augment: A) -> Augmented<Self, A>
    where
        Self: Sized,
    {
        Augmented::new(self, seed, augment)
    }

    /// Mixes each example with another one in training, differently in each epoch; see [`augment`]. Give each call its
    /// own seed.
    fn mix<M: Mix>(self, seed: u64, mix: M) -> Mixed<Self, M>
    where
        Self: Sized,
    {
        Mixed::new(self, seed, mix)
    }

    /// Makes class numbers in the first targets vectors of zeros and a one.
    fn one_hot(self, classes: usize) -> Map<Self, impl Fn(Batch) -> Result<Batch> + Sync>
    where
        Self: Sized,
    {
        self.map(move |mut batch| {
            if let Some(targets) = batch.targets.first_mut() {
                *targets = one_hot(&*targets, classes)?;
            }
            Ok(batch)
        })
    }

    /// Returns the same examples in a random order that does not change afterwards.
    fn shuffle(self, seed: u64) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::shuffled(self, seed)
    }

    /// Returns the first examples, at most `count`.
    fn take(self, count: usize) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::new(self, 0..count)
    }

    /// Returns the examples after the first `count`.
    fn skip(self, count: usize) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::new(self, count..usize::MAX)
    }

    /// Returns the examples with these numbers, in this order.
    fn subset(self, indices: impl Into<Vec<usize>>) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::new(self, indices.into())
    }

    /// Returns the first share of the examples, and the rest. Shuffle before if their order has a meaning.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10));
    /// let (train, test) = (&data).shuffle(1).split(0.8)?;
    /// assert_eq!((train.len(), test.len()), (8, 2));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// a share outside of 0 to 1
    #[doc(alias = "train_test_split")]
    fn split(self, share: f64) -> Result<Halves<Self>>
    where
        Self: Sized + Send,
    {
        let first = splits::first_share(self.len(), share)?;
        let all = Arc::new(self);
        Ok((Subset::new(all.clone(), 0..first), Subset::new(all, first..usize::MAX)))
    }

    /// Returns a random share of the examples, and the rest, with the same share of each class in both.
    ///
    /// # Errors
    /// a share outside of 0 to 1; targets that are not classes
    fn stratified_split(self, share: f64, seed: u64) -> Result<Halves<Self>>
    where
        Self: Sized + Send,
    {
        let halves = stratified_split(&self.classes()?, share, seed)?;
        Ok(splits::subsets(&Arc::new(self), halves))
    }

    /// Returns for each of `k` random parts of one size the other examples to train on, and the part to validate on.
    ///
    /// # Errors
    /// `k` below 2 or above the number of examples
    fn k_fold(self, k: usize, seed: u64) -> Result<Vec<Halves<Self>>>
    where
        Self: Sized + Send,
    {
        let folds = k_fold(self.len(), k, seed)?;
        let all = Arc::new(self);
        Ok(folds.into_iter().map(|fold| splits::subsets(&all, fold)).collect())
    }

    /// [`k_fold`](Dataset::k_fold) with the same share of each class in all parts.
    ///
    /// # Errors
    /// `k` below 2 or above the number of examples; targets that are not classes
    fn stratified_k_fold(self, k: usize, seed: u64) -> Result<Vec<Halves<Self>>>
    where
        Self: Sized + Send,
    {
        let folds = stratified_k_fold(&self.classes()?, k, seed)?;
        let all = Arc::new(self);
        Ok(folds.into_iter().map(|fold| splits::subsets(&all, fold)).collect())
    }

    /// Returns the class of each example: its first target, or the place of the greatest number if that is a one-hot row, or a
    /// row of shares that sum to 1. Reads all.
    ///
    /// # Errors
    /// examples that cannot be read; targets that are not one class an example, such as rows of several labels
    fn classes(&self) -> Result<Vec<usize>> {
        self.check()?;
        classes::read(self)
    }

    /// Repeats examples of rare classes, chosen at random, until all classes have as many as the most frequent one.
    ///
    /// # Errors
    /// those of [`Dataset::classes`]
    fn oversample(self, seed: u64) -> Result<Subset<Self>>
    where
        Self: Sized,
    {
        let indices = oversample(&self.classes()?, seed);
        Ok(Subset::new(self, indices))
    }

    /// Leaves out examples of frequent classes, chosen at random, until all classes have as many as the rarest one.
    ///
    /// # Errors
    /// those of [`Dataset::classes`]
    fn undersample(self, seed: u64) -> Result<Subset<Self>>
    where
        Self: Sized,
    {
        let indices = undersample(&self.classes()?, seed);
        Ok(Subset::new(self, indices))
    }

    /// Returns the inputs of both datasets as inputs, and the targets of both as targets.
    fn zip<B: Dataset>(self, other: B) -> Zip<Self, B>
    where
        Self: Sized,
    {
        Zip::new(self, other)
    }

    /// Appends the examples of the other dataset.
    #[doc(alias = "ConcatDataset")]
    fn chain<B: Dataset>(self, other: B) -> Chain<Self, B>
    where
        Self: Sized,
    {
        Chain::new(self, other)
    }

    /// Repeats all examples several times in an epoch, augmented differently each time.
    fn repeat(self, times: usize) -> Repeat<Self>
    where
        Self: Sized,
    {
        Repeat::new(self, times)
    }
}

macro_rules! pointer {
    ($($pointer:ty: $($bound:ident)?;)+) => {$(
        impl<T: Dataset + $($bound +)? ?Sized> Dataset for $pointer {
            fn len(&self) -> usize {
                (**self).len()
            }

            fn batch(&self, indices: &[usize]) -> Result<Batch> {
                (**self).batch(indices)
            }

            fn training_batch(&self, indices: &[usize], epoch: u64) -> Result<Batch> {
                (**self).training_batch(indices, epoch)
            }

            fn check(&self) -> Result<()> {
                (**self).check()
            }
        }
    )+};
}
pointer!(&T: ; Box<T>: ; Arc<T>: Send;);
