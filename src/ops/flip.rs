//! The other direction of an axis.

use super::{rearranged, resolve};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::Result;
use crate::tensor::{Tensor, data, tensor};

impl Var {
    /// The same numbers with an axis in the other direction. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0, 3.0]]));
    /// assert_eq!(x.flip(-1)?.value().as_slice().unwrap(), [3.0, 2.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range.
    #[doc(alias = "reverse")]
    pub fn flip(&self, axis: isize) -> Result<Self> {
        let axis = resolve("flip", axis, self.shape())?;
        Ok(self.tape().apply(Flip { axis }, &[self]))
    }
}

/// `y = x[.., last..first, ..]`
struct Flip {
    axis: usize,
}

impl Flip {
    fn of(&self, x: &Tensor) -> Tensor {
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        let outer = inner * x.shape()[self.axis];
        let mut y = buffer(x.len());
        for (y, x) in y.chunks_mut(outer.max(1)).zip(data(x).chunks(outer.max(1))) {
            let from = x.chunks(inner.max(1)).rev();
            y.chunks_mut(inner.max(1)).zip(from).for_each(|(y, x)| y.copy_from_slice(x));
        }
        tensor(x.shape(), y)
    }
}

impl Op for Flip {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.of(inputs[0])
    }

    /// `dx = dy[.., last..first, ..]`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.of(dy));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        rearranged(inputs, self.axis != 0)
    }

    fn keeps_steps(&self) -> bool {
        self.axis > 1
    }
}
