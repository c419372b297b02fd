//! Padding by a value.

use super::Layer;
use crate::autograd::{OnnxAttribute, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, reshaped, tensor};

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
            let shape = x.value.shape();
            return Err(Error::shape(format!("expected a sequence [batch, time, features], got {shape:?}")));
        };
        if self.mask_value.is_nan() {
            return Err(Error::value("expected a number as padding, got NaN, which equals nothing"));
        }
        let is_real = |step: &[Float]| step.iter().any(|x| *x != self.mask_value);
        let steps = data(&x.value).chunks(features.max(1));
        let mask: Vec<Float> = steps.map(|step| Float::from(u8::from(is_real(step)))).collect();
        let mask = if features == 0 { vec![0.0; batch * time] } else { mask };
        let mask = tensor(&[batch, time], mask);
        x.tape().note_mask(&[&x.value], &mask, |form| {
            let (value, last) = (form.number(self.mask_value), form.ints([&2]));
            let differs = form.differs("in0", &value);
            form.node("ReduceMax", &[&differs, &last], &[("keepdims", OnnxAttribute::Int(0))])
        });
        let factor = x.tape().examples(reshaped(&mask, &[batch, time, 1]));
        Ok(x * factor.masked(mask))
    }
}

/// The mask of ids `[batch, time]`: 0 where one is the padding.
pub(crate) fn mask_of_ids(ids: &Var, padding: usize) -> Tensor {
    let real = |id: &Float| Float::from(u8::from(*id != padding as Float));
    let mask = tensor(ids.value.shape(), data(&ids.value).iter().map(real).collect());
    ids.tape().note_mask(&[&ids.value], &mask, |form| {
        let whole = form.node("Cast", &["in0"], &[("to", OnnxAttribute::Int(7))]);
        let padding = form.ints([&padding]);
        form.differs(&whole, &padding)
    });
    mask
}
