//! A penalty on what a layer gives.

use std::sync::Arc;

use super::Layer;
use crate::autograd::Var;
use crate::config::{config, described_as};
use crate::error::Result;
use crate::regularizers::Regularizer;
use crate::tensor::Float;

/// Passes its input on, and adds a penalty on it to the loss, divided by the number of examples.
///
/// # Shapes
/// output as input
/// # Errors
/// those of the regularizer
/// # Example
/// ```
/// use gradus::layers::ActivityRegularization;
/// use gradus::prelude::*;
/// let model = Sequential::new().add(Dense::new(64).activation(Relu)).add(ActivityRegularization::new(L1(1e-4)));
/// let tape = Tape::training();
/// model.forward(&tape.input(ndarray::Array2::<f32>::ones((2, 3))))?;
/// assert_eq!(tape.take_losses().len(), 1);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `ActivityRegularization`, and the `activity_regularizer` of its layers
#[doc(alias = "activity_regularizer")]
pub struct ActivityRegularization(Arc<dyn Regularizer>);

impl std::fmt::Debug for ActivityRegularization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.config())
    }
}

impl ActivityRegularization {
    /// Creates the layer with this penalty.
    pub fn new(regularizer: impl Regularizer + 'static) -> Self {
        Self(Arc::new(regularizer))
    }
}

described_as!(ActivityRegularization("regularizer"));

impl Layer for ActivityRegularization {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let examples = x.value.shape().first().copied().unwrap_or(1).max(1);
        x.tape().add_loss(&(self.0.penalty(x)? * (1.0 / examples as Float)));
        Ok(x.clone())
    }
}
