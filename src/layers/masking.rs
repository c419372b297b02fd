//! Padding by a value.

use super::Layer;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::{Float, data, tensor};

described! {
    /// Takes steps whose features all have one value for padding: they get 0 in the [mask](Var::mask), and become zeros.
    ///
    /// Layers after it that obey masks pass over them. A mask that the input already has still holds.
    ///
    /// # Shapes
    /// input and output alike, `[batch, time, features]`
    /// # Errors
    /// an input of other than three axes; a value that is not a number
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr3(&[[[1.0, 2.0], [-1.0, -1.0]]]));
    /// let y = Masking::new(-1.0).forward(&x)?;
    /// assert_eq!(y.mask().unwrap().as_slice().unwrap(), [1.0, 0.0]);
    /// assert_eq!(y.value().as_slice().unwrap(), [1.0, 2.0, 0.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Masking`
    #[derive(Clone, Copy)]
    pub struct Masking(
        /// The number that all features of a padded step have.
        mask_value: [Float] = 0.0,
    ) {}
}

impl Layer for Masking {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let &[batch, time, features] = x.value.shape() else {
            return Err(Error::shape(format!(
                "expected a sequence [batch, time, features], got {:?}",
                x.value.shape()
            )));
        };
        if self.mask_value.is_nan() {
            return Err(Error::value("expected a number as padding, got NaN, which equals nothing"));
        }
        let is_real = |step: &[Float]| step.iter().any(|x| *x != self.mask_value);
        let steps = data(&x.value).chunks(features.max(1));
        let mask: Vec<Float> = steps.map(|step| Float::from(u8::from(is_real(step)))).collect();
        let mask = if features == 0 { vec![0.0; batch * time] } else { mask };
        let factor = x.tape().examples(tensor(&[batch, time, 1], mask.clone()));
        Ok(x * factor.with_mask(tensor(&[batch, time], mask))?)
    }
}
