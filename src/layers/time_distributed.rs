//! The same layer at each time step.

use super::Layer;
use crate::autograd::{ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};

described! {
    /// Applies a layer to each time step on its own, as if the steps were examples.
    ///
    /// [`Dense`](super::Dense), normalisation over the last axis and activations do that by themselves; convolutions, pooling and
    /// `Flatten` want it for sequences of images.
    ///
    /// # Shapes
    /// input `[batch, time, ...]`, output `[batch, time, ...]`, where the layer takes and gives `[batch, ...]`
    /// # Errors
    /// an input of fewer than three axes; those of the layer
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = TimeDistributed::new(Conv2d::new(4, 3));
    /// let film = Tape::inference().input(ndarray::Array::<f32, _>::ones((2, 5, 8, 8, 1)));
    /// assert_eq!(layer.forward(&film)?.shape(), [2, 5, 6, 6, 4]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `TimeDistributed`
    pub struct TimeDistributed(
        /// The layer of each step.
        layer: [dyn Layer],
    ) {}
}

impl Layer for TimeDistributed {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let &[batch, time, ref rest @ ..] = x.value.shape() else { return Err(sequence(x)) };
        if rest.is_empty() {
            return Err(sequence(x));
        }
        let steps = x.regroup([&[batch * time], rest].concat());
        let y = self.layer.forward(&steps)?;
        match y.value.shape() {
            [rows, rest @ ..] if *rows == batch * time => {
                let y = y.regroup([&[batch, time], rest].concat());
                Ok(if x.mask.is_some() { y.with_mask_of(x) } else { y })
            }
            other => Err(Error::shape(format!(
                "expected the layer to give {} rows, one for each of {time} steps of {batch} examples, got {other:?}; it must \
                 keep axis 0",
                batch * time
            ))),
        }
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(self.layer.as_ref());
    }
}

fn sequence(x: &Var) -> Error {
    Error::shape(format!("expected a sequence [batch, time, ...] of at least three axes, got {:?}", x.value.shape()))
}
