//! The simplest recurrent layer.

use std::sync::Arc;

use super::core::{Core, pointwise, recurrent};
use super::op::{Backward, Forward, Sizes, Step};
use super::{Recurrent, StepOptions};
use crate::activations::{Activation, Pointwise, Tanh};
use crate::autograd::{Noise, Param, ParamList, Var};
use crate::config::Config;
use crate::error::Result;
use crate::initializers::{Initializer, Orthogonal, XavierUniform, Zeros};
use crate::layers::{Layer, Vars};
use crate::tensor::Float;

recurrent! {
    /// Fully connected recurrent layer: `h ← tanh(x · kernel + h · recurrent + bias)`.
    ///
    /// # Shapes
    /// input `[batch, time, features]`, output `[batch, units]` or, with `return_sequences`, `[batch, time, units]`; state `[batch,
    /// units]`; kernel `[features, units]`, recurrent kernel `[units, units]`, bias `[units]`
    /// # Defaults
    /// tanh, with a bias, last output only, forwards, no dropout; kernel Xavier uniform, recurrent kernel orthogonal, bias zeros
    /// # Errors
    /// an input that is not a sequence; a last axis that differs from the one that the kernel was made for; 0 units; a
    /// dropout rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = SimpleRnn::new(4).activation(Relu);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 5, 3))))?;
    /// assert_eq!(y.shape(), [2, 4]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Elman 1990; Keras `SimpleRNN`, PyTorch `RNN`
    #[doc(alias = "RNN")]
    pub struct SimpleRnn -> Var {
    }
}

impl SimpleRnn {
    fn form(&self) -> (usize, usize, bool) {
        (1, 0, false)
    }

    fn step(&self) -> Result<Elman> {
        Ok(Elman { activation: pointwise(&*self.activation)? })
    }
}

/// `h = f(z)`, `z = x · kernel + h₀ · recurrent + bias`
struct Elman {
    activation: Arc<dyn Pointwise>,
}

impl Step for Elman {
    fn sizes(&self) -> Sizes {
        Sizes { gates: 1, states: 1, kept: 0 }
    }

    fn products(&self) -> &'static [usize] {
        &[1]
    }

    fn onnx(&self) -> Option<super::onnx::Operator> {
        Some(("RNN", &[0], vec![crate::activations::onnx::operator(&*self.activation)?], false))
    }

    fn forward(&self, at: Forward<'_>) {
        let u = at.units;
        at.kernels[0].product(at.input.len() / u, at.input, at.gates, [u, u], true);
        self.activation.forward(at.gates);
        at.after[0].copy_from_slice(at.gates);
    }

    /// `dz = f'(z) dh`, `dh₀ = dz · recurrentᵀ`
    fn backward(&self, at: Backward<'_>) {
        let u = at.units;
        at.dz.copy_from_slice(at.states[0]);
        self.activation.backward(at.gates, at.dz);
        at.states[0].fill(0.0);
        at.kernels[0].product(at.input.len() / u, at.dz, at.dinput, [u, u], false);
    }
}
