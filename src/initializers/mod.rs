//! First values of parameters. [`Initializer`] is the trait.

mod constant;
mod identity;
mod normal;
mod orthogonal;
mod uniform;
mod variance;

pub use constant::{Constant, Ones, Zeros};
pub use identity::Identity;
pub use normal::{RandomNormal, TruncatedNormal};
pub use orthogonal::Orthogonal;
pub use uniform::RandomUniform;
pub use variance::{
    Fan, HeNormal, HeUniform, KaimingNormal, KaimingUniform, LecunNormal, LecunUniform, Spread, VarianceScaling,
    XavierNormal, XavierUniform,
};

use std::sync::Arc;

use crate::config::{Config, delegates, family, kinds};
use crate::random::Rng;
use crate::tensor::{Float, Tensor};

/// First values of a parameter.
///
/// ```
/// use gradus::initializers::RandomUniform;
/// use gradus::prelude::*;
/// use gradus::Rng;
///
/// /// All numbers alike, and drawn once.
/// struct SameNumber;
///
/// impl Initializer for SameNumber {
///     fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
///         let number = RandomUniform::default().sample(&[1], rng)[[0]];
///         Tensor::from_elem(shape, number)
///     }
/// }
///
/// let model = Dense::new(2).kernel_initializer(SameNumber);
/// model.forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]])))?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Initializer: Send + Sync {
    /// A tensor of this shape, its random numbers drawn from `rng`.
    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor;

    /// What makes another one like it. The default is that of a type which cannot be described.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

impl Initializer for Arc<dyn Initializer> {
    delegates! { self: sample[&self](shape: &[usize], rng: &mut Rng) -> Tensor; config[&self]() -> Config; }
}

family!(Arc, dyn Initializer);

impl Initializer for Box<dyn Initializer> {
    delegates! { self: sample[&self](shape: &[usize], rng: &mut Rng) -> Tensor; config[&self]() -> Config; }
}

kinds! {
    register, "Adds an initializer." initializer, Arc<dyn Initializer> =>
    Constant Zeros Ones Identity RandomNormal TruncatedNormal RandomUniform Orthogonal VarianceScaling XavierUniform
    XavierNormal HeUniform HeNormal LecunUniform LecunNormal KaimingUniform KaimingNormal
}

/// Returns how many inputs and outputs a number of a kernel connects: the last two axes count inputs and outputs, those
/// before them are the receptive field. As in Keras.
///
/// ```
/// assert_eq!(gradus::initializers::fans(&[3, 3, 32, 64]), (288.0, 576.0));
/// assert_eq!(gradus::initializers::fans(&[784, 10]), (784.0, 10.0));
/// assert_eq!(gradus::initializers::fans(&[10]), (10.0, 10.0));
/// ```
pub fn fans(shape: &[usize]) -> (Float, Float) {
    match shape {
        [] => (1.0, 1.0),
        [n] => (*n as Float, *n as Float),
        [field @ .., inputs, outputs] => {
            let field: usize = field.iter().product();
            ((field * inputs) as Float, (field * outputs) as Float)
        }
    }
}

/// A tensor of independent draws.
fn draw(shape: &[usize], mut next: impl FnMut() -> Float) -> Tensor {
    crate::tensor::tensor(shape, (0..shape.iter().product()).map(|_| next()).collect())
}
