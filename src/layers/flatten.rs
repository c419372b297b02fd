//! Flattening and reshaping.

use super::Layer;
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::{Tensor, reshaped};

described! {
    /// Joins all axes but the batch's into one, in row-major order (height, width, channels for images).
    ///
    /// # Shapes
    /// input `[batch, ...]`, output `[batch, product of the others]`
    /// # Errors
    /// a scalar
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let y = Flatten.forward(&Tape::inference().input(ndarray::Array4::<f32>::zeros((2, 3, 3, 64))))?;
    /// assert_eq!(y.shape(), [2, 576]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Flatten`; PyTorch's differs after a convolution, since its channels come first
    pub struct Flatten;
}

described! {
    /// Gives the axes after the batch's another shape with the same number of elements. One length may be -1: it follows from the
    /// others.
    ///
    /// # Shapes
    /// input `[batch, ...]`, output `[batch]` followed by the target shape
    /// # Errors
    /// a target with another number of elements
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let y = Reshape::new([28, 28, 1]).forward(&Tape::inference().input(ndarray::Array2::<f32>::zeros((2, 784))))?;
    /// assert_eq!(y.shape(), [2, 28, 28, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Reshape`
    #[derive(Clone)]
    pub struct Reshape(
        /// The shape without the batch axis; -1 for a length that follows from the others.
        target_shape: [into Vec<isize>],
    ) {}
}

impl Layer for Flatten {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let [batch, rest @ ..] = x.value.shape() else {
            return Err(Error::shape("expected an input [batch, ...], got a scalar"));
        };
        let shape = vec![*batch, rest.iter().product()];
        Ok(x.tape().apply(ReshapeRows::new(shape), &[x]).constant_as(x))
    }
}

impl Layer for Reshape {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let Some((batch, rest)) = x.value.shape().split_first() else { return Err(self.refused(x)) };
        let shape = self.resolved(rest.iter().product()).ok_or_else(|| self.refused(x))?;
        Ok(x.tape().apply(ReshapeRows::new([&[*batch], &shape[..]].concat()), &[x]).constant_as(x))
    }
}

impl Reshape {
    /// The target for this many elements, if it can have as many.
    fn resolved(&self, elements: usize) -> Option<Vec<usize>> {
        let known = self.target_shape.iter().filter(|len| **len != -1);
        // The shape may come from a file.
        let product = known.clone().try_fold(1_usize, |all, len| all.checked_mul(usize::try_from(*len).ok()?))?;
        let open = self.target_shape.len() - known.count();
        let missing = elements.checked_div(product).unwrap_or(0);
        if open > 1 || (if open == 1 { product * missing } else { product }) != elements {
            return None;
        }
        Some(self.target_shape.iter().map(|len| if *len == -1 { missing } else { *len as usize }).collect())
    }

    fn refused(&self, x: &Var) -> Error {
        let target = &self.target_shape;
        let elements = target.iter().try_fold(1_usize, |all, len| all.checked_mul(len.unsigned_abs()));
        let multiple = if target.contains(&-1) { "a multiple of " } else { "" };
        Error::shape(format!(
            "expected an input [batch, ...] with {multiple}{} numbers an example for the target {target:?}, got {:?}",
            elements.map_or("too many".into(), |count| count.to_string()),
            x.value.shape()
        ))
    }
}

/// `y = x` in another shape that keeps axis 0
struct ReshapeRows {
    from: Vec<usize>,
    to: Vec<usize>,
}

impl ReshapeRows {
    fn new(to: Vec<usize>) -> Self {
        Self { from: Vec::new(), to }
    }
}

impl Op for ReshapeRows {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.from = inputs[0].shape().into();
        reshaped(inputs[0], &self.to)
    }

    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || reshaped(dy, &self.from));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        Some(form.reshape("in0", &self.to))
    }
}
