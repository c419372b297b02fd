//! Changes of examples at random, so that a model sees new ones in each epoch. [`Augment`] is the trait, and [`Mix`] the
//! one for what mixes two examples.
//!
//! They are attached to a dataset, and take place in training only:
//!
//! ```
//! use gradus::data::augment::{MixUp, RandomRotation, RandomTranslation};
//! use gradus::prelude::*;
//! let (train, test) = mnist::load("examples/data/mnist")?;
//! let train = train.augment(1, (RandomTranslation::new(0.1, 0.1), RandomRotation::new(0.03))).one_hot(10).mix(2, MixUp::new(0.2));
//! assert_eq!(train.training_batch(&[0, 1], 0)?.targets[0].shape(), [2, 10]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Random numbers depend on the seed, the epoch and the number of the example, and on nothing else: not on the threads,
//! not on the other examples of a batch, not on what was read before. Validation data is read without augmentation,
//! also where `fit` takes it from the same dataset.
//!
//! Keras does this by layers inside of the model. On a dataset it costs no place in the model, runs on the threads that
//! read, and can mix targets too.

mod augmented;
mod brightness;
mod contrast;
mod crop;
mod elastic;
mod erasing;
mod fill;
mod flip;
mod image;
mod mix;
mod mix_up;
mod rotation;
mod translation;
mod zoom;

mod cut_mix;

pub use augmented::Augmented;
pub use brightness::RandomBrightness;
pub use contrast::RandomContrast;
pub use crop::RandomCrop;
pub use cut_mix::CutMix;
pub use elastic::RandomElasticTransform;
pub use erasing::RandomErasing;
pub use fill::Fill;
pub use flip::RandomFlip;
pub use image::Image;
pub use mix::{Example, Mix, Mixed};
pub use mix_up::MixUp;
pub use rotation::RandomRotation;
pub use translation::RandomTranslation;
pub use zoom::RandomZoom;

use ndarray::ArrayD;

use crate::config::{Config, Registry, delegates, family, kinds};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

/// Changes an example at random, for [`Dataset::augment`](super::Dataset::augment). Closures are such changes, and
/// tuples make several, one after another.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::{Rng, rand::RngExt};
///
/// /// Adds noise to measurements.
/// let noise = |x: ndarray::ArrayD<Float>, rng: &mut Rng| Ok(x.mapv(|x| x + rng.random_range(-0.1..0.1)));
///
/// let data = (ndarray::Array2::<f32>::zeros((10, 3)), ndarray::Array1::<u8>::zeros(10)).augment(1, noise);
/// assert!(data.training_batch(&[0], 0)?.inputs[0][[0, 0]] != 0.0);
/// assert!(data.batch(&[0])?.inputs[0][[0, 0]] == 0.0);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Augment: Send + Sync {
    /// The changed example, its random numbers drawn from `rng`. All examples must come out in one shape.
    ///
    /// # Errors
    /// An example that does not fit, such as one that is not an image; settings out of their range.
    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>>;

    /// The example for evaluation: as it is, but for what must give it the shape that it has in training.
    ///
    /// # Errors
    /// Those of [`apply`](Augment::apply).
    fn plain(&self, example: ArrayD<Float>) -> Result<ArrayD<Float>> {
        Ok(example)
    }

    /// Returns what makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

family!(Box, dyn Augment);

impl<F: Fn(ArrayD<Float>, &mut Rng) -> Result<ArrayD<Float>> + Send + Sync> Augment for F {
    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        self(example, rng)
    }
}

impl Augment for Box<dyn Augment> {
    delegates! { self:
        apply[&self](example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>>;
        plain[&self](example: ArrayD<Float>) -> Result<ArrayD<Float>>;
        config[&self]() -> Config;
    }
}

impl<A: Augment> Augment for Vec<A> {
    fn apply(&self, example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
        self.iter().try_fold(example, |example, augment| augment.apply(example, rng))
    }

    fn plain(&self, example: ArrayD<Float>) -> Result<ArrayD<Float>> {
        self.iter().try_fold(example, |example, augment| augment.plain(example))
    }
}

macro_rules! tuple {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Augment),+> Augment for ($($name,)+) {
            fn apply(&self, mut example: ArrayD<Float>, rng: &mut Rng) -> Result<ArrayD<Float>> {
                $(example = self.$index.apply(example, rng)?;)+
                Ok(example)
            }

            fn plain(&self, mut example: ArrayD<Float>) -> Result<ArrayD<Float>> {
                $(example = self.$index.plain(example)?;)+
                Ok(example)
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);
tuple!(A 0 B 1 C 2 D 3 E 4);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5);

/// A setting that must be a number from 0 to `most`.
fn share(who: &str, what: &str, value: Float, most: Float) -> Result<Float> {
    if (0.0..=most).contains(&value) {
        return Ok(value);
    }
    Err(Error::value(format!("{who}: expected {what} in 0..={most}, got {value}")))
}

/// A range of values, for what must stay in it.
fn value_range(who: &str, [low, high]: [Float; 2]) -> Result<[Float; 2]> {
    if low < high && (high - low).is_finite() {
        return Ok([low, high]);
    }
    Err(Error::value(format!("{who}: expected a range of values from low to high, got {low} to {high}")))
}

kinds! {
    augmentations, "Adds an augmentation." augment, Box<dyn Augment> =>
    RandomBrightness RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomRotation RandomTranslation RandomZoom
}

kinds! { mixtures, "Adds a mixture of two examples." mix, Box<dyn Mix> => CutMix MixUp }

pub(crate) fn register(registry: Registry) -> Registry {
    mixtures(augmentations(registry))
}
