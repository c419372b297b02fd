//! The switch of what a layer disturbs in training.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::tensor::Float;

/// The switch of a layer's dropout or noise, so that a frozen part of a model computes what it computes in inference:
/// [`Model::freeze`](crate::Model::freeze) turns it off, [`Model::unfreeze`](crate::Model::unfreeze) on again.
///
/// It is a field of the layer, which lists it along with its parameters under the name `noise`, as
/// [`ParamList::noise`](crate::ParamList::noise) does: patterns find it, files and counts know nothing of it. Cloning
/// gives another handle on the same switch.
///
/// ```
/// use gradus::Noise;
/// use gradus::prelude::*;
///
/// /// Adds 1 or nothing, by a coin, in training.
/// #[derive(Default)]
/// struct Jitter { noise: Noise }
///
/// impl Layer for Jitter {
///     fn forward(&self, x: &Var) -> Result<Var> { Dropout::new(self.noise.of(0.5)).forward(&(x * 0.0 + 0.5)).map(|y| x + y) }
///     fn params<'a>(&'a self, list: &mut ParamList<'a>) { list.noise(&self.noise) }
/// }
///
/// let model = Sequential::new().add(Jitter::default()).add(Dense::new(1));
/// model.freeze_matching("jitter.*")?;
/// let x = Tape::training().input(ndarray::arr2(&[[1.0], [2.0]]));
/// assert_eq!(model.get("jitter").unwrap().forward(&x)?.value(), (&x + 0.5).value());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Noise(Arc<AtomicBool>);

impl Noise {
    /// Returns the strength of the noise, such as the rate of a dropout: 0 while it is frozen.
    pub fn of(&self, strength: Float) -> Float {
        if self.is_frozen() { 0.0 } else { strength }
    }

    /// Whether [`Noise::freeze`] was called last.
    pub fn is_frozen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Turns the noise off, in training too.
    pub fn freeze(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Undoes [`Noise::freeze`].
    pub fn unfreeze(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
