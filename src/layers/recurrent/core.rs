//! What `SimpleRnn`, `Lstm` and `Gru` have in common.

use std::sync::Arc;

use super::op::{Form, Recurrence, Step};
use super::{StepOptions, masked, sequence};
use crate::activations::{Activation, Pointwise};
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::initializers::{Except, Initializer, Orthogonal, XavierUniform, Zeros};
use crate::layers::noise::dropout_factors;
use crate::param::{Noise, Param, ParamList};
use crate::tensor::Float;

/// Parameters and settings.
pub(super) struct Core {
    pub units: usize,
    gates: usize,
    pub kernel: Param,
    pub recurrent_kernel: Param,
    pub bias: Option<Param>,
    bias_initializer: Arc<dyn Initializer>,
    /// Whether the second gate's bias starts at 1.
    pub unit_forget_bias: bool,
    /// Rows of the bias: one for the input's part and one for the state's; 0 if both share a bias without rows.
    pub bias_rows: usize,
    pub activation: Box<dyn Activation>,
    pub recurrent_activation: Box<dyn Activation>,
    pub options: StepOptions,
    pub dropout: Float,
    pub recurrent_dropout: Float,
    noise: Noise,
}

impl Core {
    pub fn new(units: usize, gates: usize) -> Self {
        Self {
            units,
            gates,
            kernel: kernel(None, units, gates, XavierUniform),
            recurrent_kernel: kernel(Some(units), units, gates, Orthogonal::default()),
            bias: None,
            bias_initializer: Arc::new(Zeros),
            unit_forget_bias: false,
            bias_rows: 0,
            activation: Box::new(crate::activations::Tanh),
            recurrent_activation: Box::new(crate::activations::Sigmoid),
            options: StepOptions::default(),
            dropout: 0.0,
            recurrent_dropout: 0.0,
            noise: Noise::default(),
        }
        .with_bias(true)
    }

    pub fn kernel_initializer(&mut self, initializer: impl Initializer + 'static) {
        self.kernel = kernel(None, self.units, self.gates, initializer);
    }

    pub fn recurrent_initializer(&mut self, initializer: impl Initializer + 'static) {
        self.recurrent_kernel = kernel(Some(self.units), self.units, self.gates, initializer);
    }

    pub fn bias_initializer(&mut self, initializer: impl Initializer + 'static) {
        self.bias_initializer = Arc::new(initializer);
        self.renew_bias();
    }

    fn with_bias(mut self, yes: bool) -> Self {
        self.use_bias(yes);
        self
    }

    pub fn use_bias(&mut self, yes: bool) {
        self.bias = yes.then(|| {
            let range = self.unit_forget_bias.then_some(self.units..self.units.saturating_mul(2));
            let pattern: Vec<_> = self.bias_shape().iter().map(|len| Some(*len)).collect();
            Param::new(Except { all: self.bias_initializer.clone(), range, value: 1.0 }).pattern(&pattern)
        });
    }

    /// Makes the bias anew after a setting of it has changed.
    pub fn renew_bias(&mut self) {
        self.use_bias(self.bias.is_some());
    }

    fn width(&self) -> usize {
        self.gates.saturating_mul(self.units)
    }

    fn bias_shape(&self) -> Vec<usize> {
        if self.bias_rows == 0 { vec![self.width()] } else { vec![self.bias_rows, self.width()] }
    }

    pub fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("kernel", &self.kernel);
        list.add("recurrent_kernel", &self.recurrent_kernel);
        if let Some(bias) = &self.bias {
            list.add("bias", bias);
        }
        list.noise(&self.noise);
    }

    /// The output, and the last states if they are wanted.
    pub fn run<S: Step>(&self, step: S, x: &Var, initial: &[Var], gives_states: bool) -> Result<(Var, Vec<Var>)> {
        let [batch, time, features] = sequence(x)?;
        let (units, width) = (self.units, self.width());
        if units == 0 {
            return Err(Error::value("expected at least 1 unit, got 0"));
        }
        let sizes = [batch, time + 2, width];
        if sizes.iter().try_fold(size_of::<Float>(), |all, size| all.checked_mul(*size)).is_none() {
            return Err(Error::value(format!(
                "{units} units for input {:?} are more than memory can hold",
                x.value.shape()
            )));
        }
        if let Some(state) = initial.iter().find(|state| state.value.shape() != [batch, units]) {
            return Err(Error::shape(format!(
                "expected a state [batch, units] = [{batch}, {units}] for input {:?}, got {:?}",
                x.value.shape(),
                state.value.shape()
            )));
        }
        if let Some(known) = self.kernel.shape().filter(|shape| shape[0] != features) {
            return Err(Error::shape(format!(
                "expected {} features in the last axis, got input {:?}; feed what it was made for, or make a new layer",
                known[0],
                x.value.shape()
            )));
        }
        let tape = x.tape();
        let input = match dropout_factors(tape, self.noise.of(self.dropout), &[batch, 1, features])? {
            Some(factors) => &(x * tape.examples(factors)),
            None => x,
        };
        let mut inputs = vec![input.clone(), self.kernel.on(x, &[features, width])?];
        inputs.push(self.recurrent_kernel.on(x, &[units, width])?);
        if let Some(bias) = &self.bias {
            inputs.push(bias.on(x, &self.bias_shape())?);
        }
        inputs.extend_from_slice(initial);
        let form = Form {
            options: self.options,
            x: [batch, time, features],
            units,
            has_bias: self.bias.is_some(),
            gives_states,
            mask: x.mask.as_deref().cloned(),
            factors: dropout_factors(tape, self.noise.of(self.recurrent_dropout), &[batch, units])?,
        };
        let y = tape.apply(Recurrence::new(step, form), &inputs.iter().collect::<Vec<_>>());
        if !gives_states {
            return Ok((masked(y, x, self.options)?, Vec::new()));
        }
        let steps = y.value.shape()[1] - S::STATES;
        let states = (steps..steps + S::STATES).map(|place| y.index_axis(1, place)).collect::<Result<_>>()?;
        let y = if self.options.return_sequences { y.slice(1, ..steps)? } else { y.index_axis(1, 0)? };
        Ok((masked(y, x, self.options)?, states))
    }
}

/// The activation as a pass over numbers.
pub(super) fn pointwise(activation: &dyn Activation) -> Result<Arc<dyn Pointwise>> {
    activation.recurrent().ok_or_else(|| {
        Error::value(
            "expected an activation of each number alone whose slope follows from its value, such as `Tanh`, `Sigmoid` or `Relu`; \
             another one takes a `Cell` in an `Rnn`",
        )
    })
}

fn kernel(rows: Option<usize>, units: usize, gates: usize, initializer: impl Initializer + 'static) -> Param {
    Param::new(initializer).pattern(&[rows, Some(units.saturating_mul(gates))])
}

/// The settings that the three layers share.
macro_rules! settings {
    () => {
        /// Sets what makes the output of the state, tanh. It must have a form for recurrent layers
        /// ([`Activation::recurrent`]): its slope follows from its value.
        pub fn activation(mut self, activation: impl Activation + 'static) -> Self {
            self.core.activation = Box::new(activation);
            self
        }

        /// Sets whether there is a bias.
        pub fn use_bias(mut self, yes: bool) -> Self {
            self.core.use_bias(yes);
            self
        }

        /// Sets the first values of the kernel.
        pub fn kernel_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
            self.core.kernel_initializer(initializer);
            self
        }

        /// Sets the first values of the recurrent kernel.
        pub fn recurrent_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
            self.core.recurrent_initializer(initializer);
            self
        }

        /// Sets the first values of the bias.
        pub fn bias_initializer(mut self, initializer: impl Initializer + 'static) -> Self {
            self.core.bias_initializer(initializer);
            self
        }

        /// Sets the share of features that is dropped from the input in training, the same ones at all steps.
        pub fn dropout(mut self, rate: Float) -> Self {
            self.core.dropout = rate;
            self
        }

        /// Sets the share of units that is dropped from the state on its way into the recurrent kernel in training,
        /// the same ones at all steps (Gal & Ghahramani 2016).
        pub fn recurrent_dropout(mut self, rate: Float) -> Self {
            self.core.recurrent_dropout = rate;
            self
        }

        /// The kernel, `[features, gates · units]`.
        pub fn kernel(&self) -> &Param {
            &self.core.kernel
        }

        /// The recurrent kernel, `[units, gates · units]`.
        pub fn recurrent_kernel(&self) -> &Param {
            &self.core.recurrent_kernel
        }

        /// The bias.
        pub fn bias(&self) -> Option<&Param> {
            self.core.bias.as_ref()
        }
    };
}
pub(super) use settings;

/// `Layer` and `Recurrent` of a layer whose `step()` is the arithmetic and whose state is made of so many variables.
macro_rules! fused {
    ($name:ident, $state:ty) => {
        impl Layer for $name {
            fn forward(&self, x: &Var) -> Result<Var> {
                Ok(self.core.run(self.step()?, x, &[], false)?.0)
            }

            fn params<'a>(&'a self, list: &mut ParamList<'a>) {
                self.core.params(list);
            }
        }

        impl Recurrent for $name {
            type State = $state;

            fn forward_from(&self, x: &Var, state: Option<&$state>) -> Result<(Var, $state)> {
                let initial = state.map(|state| state.to_list()).unwrap_or_default();
                let (y, states) = self.core.run(self.step()?, x, &initial, true)?;
                Ok((y, Vars::from_list("the state", states)?))
            }

            fn options(&self) -> StepOptions {
                self.core.options
            }

            fn set_options(&mut self, options: StepOptions) {
                self.core.options = options;
            }
        }
    };
}
pub(super) use fused;
