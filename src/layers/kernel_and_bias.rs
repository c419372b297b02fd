//! Kernel, bias and activation, which all convolutions have.

use std::sync::Arc;

use crate::activations::{Activation, Pointwise};
use crate::autograd::{Op, Param, Var};
use crate::error::Result;

/// Kernel, bias and activation of a convolution, and how many filters it has.
pub(super) struct KernelAndBias<'a> {
    pub kernel: &'a Param,
    pub bias: Option<&'a Param>,
    pub activation: &'a dyn Activation,
    pub filters: usize,
}

impl KernelAndBias<'_> {
    /// Applies the operation to `x`, kernel and bias, and the activation if the operation could not.
    pub fn apply<O: Op>(
        &self,
        x: &Var,
        kernel: &[usize],
        op: impl FnOnce(Option<Arc<dyn Pointwise>>) -> O,
    ) -> Result<Var> {
        let kernel = self.kernel.on(x, kernel)?;
        let bias = self.bias.map(|bias| bias.on(x, &[self.filters])).transpose()?;
        let pointwise = self.activation.pointwise();
        let fused = pointwise.is_some();
        let y = match &bias {
            Some(bias) => x.tape().apply(op(pointwise), &[x, &kernel, bias]),
            None => x.tape().apply(op(pointwise), &[x, &kernel]),
        };
        Ok(if fused { y } else { self.activation.apply(&y) })
    }
}

/// The parameters of a convolution, as `kernel()` and `bias()`, with what is known of their shapes.
macro_rules! kernel_and_bias {
    ($layer:ident, $shape:literal, |$this:ident| $shapes:expr) => {
        impl<const N: usize> $layer<N> {
            #[doc = concat!("Returns the kernel, `", $shape, "`.")]
            pub fn kernel(&self) -> &Param {
                let $this = self;
                let (shape, _): (Vec<Option<usize>>, Option<usize>) = $shapes;
                self.kernel.shaped(&shape)
            }

            /// Returns the bias, one number for each filter.
            pub fn bias(&self) -> Option<&Param> {
                let $this = self;
                let (_, filters): (Vec<Option<usize>>, Option<usize>) = $shapes;
                self.use_bias.then(|| self.bias.shaped(&[filters]))
            }
        }
    };
}
pub(super) use kernel_and_bias;
