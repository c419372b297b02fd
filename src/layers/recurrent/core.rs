//! What `SimpleRnn`, `Lstm` and `Gru` have in common.

use std::sync::Arc;

use super::op::{Form, Recurrence, Step};
use super::{StepOptions, masked, sequence};
use crate::activations::{Activation, Pointwise};
use crate::autograd::{Noise, Param, ParamList, Var};
use crate::error::{Error, Result};
use crate::layers::noise::dropout_factors;
use crate::tensor::Float;

/// Parameters and settings of a layer.
pub(super) struct Core<'a> {
    pub units: usize,
    pub gates: usize,
    pub kernel: &'a Param,
    pub recurrent_kernel: &'a Param,
    pub bias: Option<&'a Param>,
    /// Whether the second gate's bias starts at 1.
    pub unit_forget_bias: bool,
    /// Rows of the bias: one for the input's part and one for the state's; 0 if both share a bias without rows.
    pub bias_rows: usize,
    pub options: StepOptions,
    pub dropout: Float,
    pub recurrent_dropout: Float,
    pub noise: &'a Noise,
}

impl<'a> Core<'a> {
    fn width(&self) -> usize {
        self.gates.saturating_mul(self.units)
    }

    fn bias_shape(&self) -> Vec<usize> {
        if self.bias_rows == 0 { vec![self.width()] } else { vec![self.bias_rows, self.width()] }
    }

    pub fn params(&self, list: &mut ParamList<'a>) {
        let (units, width) = (Some(self.units), Some(self.width()));
        list.add("kernel", self.kernel.shaped(&[None, width]));
        list.add("recurrent_kernel", self.recurrent_kernel.shaped(&[units, width]));
        if let Some(bias) = self.bias {
            let pattern: Vec<_> = self.bias_shape().into_iter().map(Some).collect();
            list.add("bias", bias.shaped(&pattern));
        }
        list.noise(self.noise);
    }

    /// The output, and the last states if they are wanted.
    pub fn run(&self, step: Box<dyn Step>, x: &Var, initial: &[Var], gives_states: bool) -> Result<(Var, Vec<Var>)> {
        let [batch, time, features] = sequence(x)?;
        let (units, width) = (self.units, self.width());
        if units == 0 {
            return Err(Error::value("expected at least 1 unit, got 0"));
        }
        let sizes = [batch, time + 2, width];
        if sizes.iter().try_fold(size_of::<Float>(), |all, size| all.checked_mul(*size)).is_none() {
            let shape = x.value.shape();
            return Err(Error::value(format!("{units} units for input {shape:?} are more than memory can hold")));
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
        if let Some(bias) = self.bias {
            if self.unit_forget_bias {
                bias.create(tape, &self.bias_shape(), |values| values[units..2 * units].fill(1.0))?;
            }
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
        let states = step.sizes().states;
        let y = tape.apply(Recurrence::new(step, form), &inputs.iter().collect::<Vec<_>>());
        if !gives_states {
            return Ok((masked(y, x, self.options), Vec::new()));
        }
        let steps = y.value.shape()[1] - states;
        let states = (steps..steps + states).map(|place| y.index_axis(1, place)).collect::<Result<_>>()?;
        let y = if self.options.return_sequences { y.slice(1, ..steps)? } else { y.index_axis(1, 0)? };
        Ok((masked(y, x, self.options), states))
    }
}

/// The activation as a pass over numbers.
pub(super) fn pointwise(activation: &dyn Activation) -> Result<Arc<dyn Pointwise>> {
    activation.pointwise().ok_or_else(|| {
        Error::value(
            "expected an activation of each number alone whose slope follows from its value, such as `Tanh`, `Sigmoid` or `Relu`; \
             another one takes a `Cell` in an `Rnn`",
        )
    })
}

/// Declares a recurrent layer with the settings that the three share and those of its own, and makes it a [`Layer`] and
/// [`Recurrent`]. Its `step()` is the arithmetic, and its `form()` how many gates there are, how many rows the bias has, and
/// whether the forget gate's bias starts at 1.
macro_rules! recurrent {
    ($(#[$meta:meta])* pub struct $name:ident -> $state:ty { $($own:tt)* }) => {
        $crate::config::described! {
            $(#[$meta])*
            pub struct $name(
                /// The number of units.
                units: [usize],
            ) {
                /// What makes the output of the state. It must have a form for recurrent layers ([`Activation::pointwise`]): its
                /// slope follows from its value.
                activation: [dyn Activation] = Tanh,
                $($own)*
                /// Whether there is a bias.
                use_bias: [bool] = true,
                /// The share of features that is dropped from the input in training, the same ones at all steps.
                dropout: [Float] = 0.0,
                /// The share of units that is dropped from the state on its way into the recurrent kernel in training, the same
                /// ones at all steps (Gal & Ghahramani 2016).
                recurrent_dropout: [Float] = 0.0,
                /// Whether the output has every step. See [`StepOptions`].
                return_sequences: [bool] = false,
                /// Whether steps go from the last to the first. See [`StepOptions`].
                go_backwards: [bool] = false,
                /// Whether the output is 0 at padded steps. See [`StepOptions`].
                zero_output_for_mask: [bool] = false,
            }
            params {
                kernel: kernel_initializer = XavierUniform,
                recurrent_kernel: recurrent_initializer = Orthogonal::default(),
                bias: bias_initializer = Zeros,
            }
            private {
                noise: Noise = Noise::default(),
            }
        }

        impl $name {
            /// Returns the kernel, `[features, gates · units]`.
            pub fn kernel(&self) -> &Param {
                &self.kernel
            }

            /// Returns the recurrent kernel, `[units, gates · units]`.
            pub fn recurrent_kernel(&self) -> &Param {
                &self.recurrent_kernel
            }

            /// Returns the bias.
            pub fn bias(&self) -> Option<&Param> {
                self.use_bias.then_some(&self.bias)
            }

            fn core(&self) -> Core<'_> {
                let (gates, bias_rows, unit_forget_bias) = self.form();
                Core {
                    units: self.units,
                    gates,
                    kernel: &self.kernel,
                    recurrent_kernel: &self.recurrent_kernel,
                    bias: self.bias(),
                    unit_forget_bias,
                    bias_rows,
                    options: self.options(),
                    dropout: self.dropout,
                    recurrent_dropout: self.recurrent_dropout,
                    noise: &self.noise,
                }
            }
        }

        impl Layer for $name {
            fn forward(&self, x: &Var) -> Result<Var> {
                Ok(self.core().run(Box::new(self.step()?), x, &[], false)?.0)
            }

            fn params<'a>(&'a self, list: &mut ParamList<'a>) {
                self.core().params(list);
            }

            fn config(&self) -> Config {
                self.describe()
            }
        }

        impl Recurrent for $name {
            type State = $state;

            fn forward_from(&self, x: &Var, state: Option<&$state>) -> Result<(Var, $state)> {
                let initial = state.map(|state| state.to_list()).unwrap_or_default();
                let (y, states) = self.core().run(Box::new(self.step()?), x, &initial, true)?;
                Ok((y, Vars::from_list("the state", states)?))
            }

            fn options(&self) -> StepOptions {
                StepOptions {
                    return_sequences: self.return_sequences,
                    go_backwards: self.go_backwards,
                    zero_output_for_mask: self.zero_output_for_mask,
                }
            }

            fn set_options(&mut self, options: StepOptions) {
                self.return_sequences = options.return_sequences;
                self.go_backwards = options.go_backwards;
                self.zero_output_for_mask = options.zero_output_for_mask;
            }
        }
    };
}
pub(super) use recurrent;
