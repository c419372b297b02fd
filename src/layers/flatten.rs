//! Flattening and reshaping.

use super::Layer;
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::config::{Config, described};
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
    /// Gives the axes after the batch's another shape with the same number of elements.
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
        /// The shape without the batch axis.
        target_shape: [into Vec<usize>],
    ) {}
}

impl Layer for Flatten {
    fn config(&self) -> Config {
        self.describe()
    }

    fn forward(&self, x: &Var) -> Result<Var> {
        let [batch, rest @ ..] = x.value.shape() else {
            return Err(Error::shape("expected an input [batch, ...], got a scalar"));
        };
        let shape = vec![*batch, rest.iter().product()];
        Ok(x.tape().apply(ReshapeRows::new(shape), &[x]).constant_as(x))
    }
}

impl Layer for Reshape {
    fn config(&self) -> Config {
        self.describe()
    }

    fn forward(&self, x: &Var) -> Result<Var> {
        // The shape may come from a file.
        let elements = self.target_shape.iter().try_fold(1_usize, |all, len| all.checked_mul(*len));
        match x.value.shape() {
            [batch, rest @ ..] if Some(rest.iter().product()) == elements => {
                let shape = [&[*batch], &self.target_shape[..]].concat();
                Ok(x.tape().apply(ReshapeRows::new(shape), &[x]).constant_as(x))
            }
            other => Err(Error::shape(format!(
                "expected an input [batch, ...] with {} numbers an example for the target {:?}, got {other:?}",
                elements.map_or("too many".into(), |count| count.to_string()),
                self.target_shape
            ))),
        }
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
}
