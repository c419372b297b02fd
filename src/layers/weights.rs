//! Kernel, bias and activation, which all convolutions have.

use std::sync::Arc;

use crate::activations::{Activation, Linear, Pointwise};
use crate::autograd::{Op, Var};
use crate::error::Result;
use crate::initializers::{Initializer, XavierUniform, Zeros};
use crate::param::{Param, ParamList};

pub(super) struct Weights {
    pub kernel: Param,
    pub bias: Option<Param>,
    pub activation: Box<dyn Activation>,
    /// What is known of the shapes of kernel and bias.
    patterns: [Vec<Option<usize>>; 2],
}

impl Weights {
    /// A kernel of `size` and two more axes, and a bias.
    pub fn new(size: &[usize], last: [Option<usize>; 2], bias: Option<usize>) -> Self {
        let kernel: Vec<_> = size.iter().copied().map(Some).chain(last).collect();
        Self {
            kernel: Param::new(XavierUniform).pattern(&kernel),
            bias: Some(Param::new(Zeros).pattern(&[bias])),
            activation: Box::new(Linear),
            patterns: [kernel, vec![bias]],
        }
    }

    /// Says how long the kernel's last axis is.
    pub fn set_last_axis(&mut self, len: usize) {
        if let Some(last) = self.patterns[0].last_mut() {
            *last = Some(len);
        }
        self.kernel = std::mem::replace(&mut self.kernel, Param::new(Zeros)).pattern(&self.patterns[0]);
    }

    pub fn use_bias(&mut self, yes: bool) {
        let old = self.bias.take();
        self.bias = yes.then(|| old.unwrap_or_else(|| Param::new(Zeros).pattern(&self.patterns[1])));
    }

    pub fn kernel_initializer(&mut self, initializer: impl Initializer + 'static) {
        self.kernel = Param::new(initializer).pattern(&self.patterns[0]);
    }

    pub fn bias_initializer(&mut self, initializer: impl Initializer + 'static) {
        self.bias = Some(Param::new(initializer).pattern(&self.patterns[1]));
    }

    /// Applies the operation to `x`, kernel and bias, and the activation if the operation could not.
    pub fn apply<O: Op>(
        &self,
        x: &Var,
        kernel: &[usize],
        filters: usize,
        op: impl FnOnce(Option<Arc<dyn Pointwise>>) -> O,
    ) -> Result<Var> {
        let kernel = self.kernel.on(x, kernel)?;
        let bias = self.bias.as_ref().map(|bias| bias.on(x, &[filters])).transpose()?;
        let pointwise = self.activation.pointwise();
        let fused = pointwise.is_some();
        let y = match &bias {
            Some(bias) => x.tape().apply(op(pointwise), &[x, &kernel, bias]),
            None => x.tape().apply(op(pointwise), &[x, &kernel]),
        };
        Ok(if fused { y } else { self.activation.apply(&y) })
    }

    pub fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", &self.kernel);
        self.bias.iter().for_each(|bias| list.add("bias", bias));
    }
}

/// The setters of a layer with `Weights` in a field: those of the kernel, or those of what follows it.
macro_rules! weight_setters {
    (kernel $layer:ident, $shape:literal) => {
        impl<const N: usize> $layer<N> {
            /// Sets the kernel's first values.
            pub fn kernel_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
                self.weights.kernel_initializer(initializer);
                self
            }

            #[doc = concat!("The kernel, `", $shape, "`.")]
            pub fn kernel(&self) -> &Param {
                &self.weights.kernel
            }
        }
    };
    (output $layer:ident, $($weights:ident).+) => {
        impl<const N: usize> $layer<N> {
            /// Sets the activation.
            pub fn activation(mut self, activation: impl Activation + 'static) -> Self {
                self.$($weights).+.activation = Box::new(activation);
                self
            }

            /// Sets whether there is a bias.
            pub fn use_bias(mut self, yes: bool) -> Self {
                self.$($weights).+.use_bias(yes);
                self
            }

            /// Sets the bias's first values.
            pub fn bias_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
                self.$($weights).+.bias_initializer(initializer);
                self
            }

            /// The bias, one number for each filter.
            pub fn bias(&self) -> Option<&Param> {
                self.$($weights).+.bias.as_ref()
            }
        }
    };
}
pub(super) use weight_setters;
