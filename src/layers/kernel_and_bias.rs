//! Kernel, bias and activation, which dense layers and all convolutions have.

use crate::activations::{Activation, Pointwise};
use crate::autograd::{Fusible, Param, Var};
use crate::buffers::buffer;
use crate::error::Result;
use crate::kernels::curve;
use crate::tensor::{Pooled, Tensor, data, tensor};

/// Kernel, bias and activation of a layer, and how many outputs it has for each position.
pub(super) struct KernelAndBias<'a> {
    pub kernel: &'a Param,
    pub bias: Option<&'a Param>,
    pub activation: &'a dyn Activation,
    pub outputs: usize,
}

impl KernelAndBias<'_> {
    /// Applies the operation, which is made for whether there will be a gradient, to `x`, kernel and bias, and then the activation.
    pub fn apply<O: Fusible>(&self, x: &Var, kernel: &[usize], op: impl FnOnce(bool) -> O) -> Result<Var> {
        let kernel = self.kernel.on(x, kernel)?;
        let bias = self.bias.map(|bias| bias.on(x, &[self.outputs])).transpose()?;
        let inputs: &[&Var] = match &bias {
            Some(bias) => &[x, &kernel, bias],
            None => &[x, &kernel],
        };
        let y = x.tape().wait(op(inputs.iter().any(|input| input.is_recorded())), inputs);
        Ok(self.activation.apply(&y))
    }
}

/// `dz = f'(z) dy`, where `y = f(z)`
pub(super) fn activation_gradient(activation: Option<&dyn Pointwise>, y: &Tensor, dy: &Tensor) -> Pooled {
    let Some(activation) = activation else { return dy.clone().into() };
    let (mut dz, y) = (buffer(dy.len()), data(y));
    curve::by_pieces(data(dy), &mut dz, |i, dz| activation.backward(&y[i..i + dz.len()], dz));
    tensor(dy.shape(), dz).into()
}

/// The parameters of a convolution, as `kernel()` and `bias()`, with what is known of their shapes; and its window.
macro_rules! kernel_and_bias {
    ($layer:ident, $shape:literal, |$this:ident| $shapes:expr) => {
        impl<const N: usize> $layer<N> {
            fn window(&self) -> $crate::layers::window::Window<'_> {
                let (size, stride, dilation) = (&self.kernel_size, &self.strides, &self.dilation_rate);
                $crate::layers::window::Window { size, stride, dilation, padding: self.padding.edges() }
            }

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
