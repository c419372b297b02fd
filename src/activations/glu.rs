//! The gated linear unit.

use crate::autograd::{Layer, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};

described! {
    /// Gated linear unit: halves an axis into `a` and `b`, and gives `y = a · sigmoid(b)`.
    ///
    /// # Shapes
    /// input `[batch, ..., 2 n]`, output `[batch, ..., n]`; with [`Glu::over`] along another axis
    /// # Defaults
    /// the last axis
    /// # Errors
    /// an axis out of range, or of odd length
    /// # Example
    /// ```
    /// use gradus::activations::Glu;
    /// use gradus::prelude::*;
    /// let y = Glu::default().forward(&Tape::inference().input(ndarray::arr2(&[[3.0, 5.0, 0.0, 1000.0]])))?;
    /// assert_eq!(y.value().as_slice().unwrap(), [1.5, 5.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Dauphin et al. 2017; Keras `glu`, PyTorch `GLU`
    #[derive(Clone, Copy)]
    pub struct Glu {
        /// The axis that is halved; negative ones count from the end.
        axis: [isize] = -1,
    }
}

impl Glu {
    /// Creates the activation along this axis; negative axes count from the end.
    pub fn over(axis: isize) -> Self {
        Self { axis }
    }
}

impl Layer for Glu {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let axis = crate::ops::resolve("glu", self.axis, x.value.shape())?;
        let len = x.value.shape()[axis];
        if len % 2 == 1 {
            return Err(Error::shape(format!(
                "expected an even length of axis {axis}, to halve it, got input {:?}",
                x.value.shape()
            )));
        }
        let half = |range: std::ops::Range<usize>| x.slice(axis as isize, range);
        Ok(half(0..len / 2)? * half(len / 2..len)?.sigmoid())
    }
}
