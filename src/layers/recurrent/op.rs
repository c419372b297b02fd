//! A recurrent layer's steps as one operation.

use super::StepOptions;
use super::onnx::Operator;
use super::part::{CellWeights, Part, PartGradients};
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op};
use crate::buffers::buffer;
use crate::kernels::{elementwise::add_assign, packed::Packed, parallel};
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// The arithmetic of one step of a recurrent layer, over some rows of a batch.
pub(super) trait Step: Send + Sync + 'static {
    fn sizes(&self) -> Sizes;

    /// How many gates come out of each product with the recurrent kernel. The first product takes the state, another
    /// one what the step keeps.
    fn products(&self) -> &'static [usize];

    /// Whether the gates' recurrent part has a gradient of its own, other than that of the input's part.
    fn is_separate(&self) -> bool {
        false
    }

    /// The operator of ONNX, the place that each of its gates has here, its activations, and whether the recurrent product is computed
    /// before the reset.
    fn onnx(&self) -> Option<Operator>;

    /// From the states before to those after. `gates` holds `x · kernel + bias`.
    fn forward(&self, at: Forward<'_>);

    /// From the gradients of the states after to those before, except for what goes through the recurrent input.
    fn backward(&self, at: Backward<'_>);
}

/// How much of what there is.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Gates: the kernels have `units` columns for each.
    pub gates: usize,
    /// States that go from step to step; the first is the output.
    pub states: usize,
    /// Numbers that a step keeps for its backward besides gates and states, in units.
    pub kept: usize,
}

/// What a step computes with. A second state is empty where there is none.
pub(super) struct Forward<'a> {
    pub units: usize,
    pub kernels: &'a [Packed],
    pub recurrent_bias: Option<&'a [Float]>,
    /// The state as the recurrent kernel sees it: after dropout.
    pub input: &'a [Float],
    pub before: [&'a [Float]; 2],
    pub after: [&'a mut [Float]; 2],
    pub gates: &'a mut [Float],
    pub kept: &'a mut [Float],
}

/// What a step's backward computes with.
pub(super) struct Backward<'a> {
    pub units: usize,
    /// Transposed.
    pub kernels: &'a [Packed],
    pub input: &'a [Float],
    pub before: [&'a [Float]; 2],
    pub after: [&'a [Float]; 2],
    pub gates: &'a [Float],
    pub kept: &'a [Float],
    /// Gradients of the states: those after, to be replaced by those before.
    pub states: [&'a mut [Float]; 2],
    /// To be filled: the gradient of `x · kernel + bias`.
    pub dz: &'a mut [Float],
    /// To be filled: the gradient of the gates' recurrent part, if it is separate.
    pub dr: &'a mut [Float],
    /// To be filled: the gradient of `input`.
    pub dinput: &'a mut [Float],
}

/// What the operation is given.
pub(super) struct Form {
    pub options: StepOptions,
    /// Batch, time, features.
    pub x: [usize; 3],
    pub units: usize,
    pub has_bias: bool,
    /// Whether the last states follow the output along axis 1.
    pub gives_states: bool,
    /// `[batch, time]`, 0 where there is padding.
    pub mask: Option<Tensor>,
    /// `[batch, units]`: factors of the state on its way into the recurrent kernel.
    pub factors: Option<Tensor>,
}

impl Form {
    /// The place in `x` of a step.
    pub fn time(&self, step: usize) -> usize {
        if self.options.go_backwards { self.x[1] - 1 - step } else { step }
    }

    /// Whether the example is not over, or not begun, at that step.
    pub fn is_real(&self, row: usize, step: usize) -> bool {
        self.mask.as_ref().is_none_or(|mask| data(mask)[row * self.x[1] + self.time(step)] != 0.0)
    }

    /// Outputs of an example, those of steps and states, in units.
    pub fn outputs(&self, states: usize) -> usize {
        (if self.options.return_sequences { self.x[1] } else { 1 }) + if self.gives_states { states } else { 0 }
    }

    /// Rows of the batch that run together: fixed by the batch, whatever the number of threads.
    fn rows(&self) -> usize {
        self.x[0].div_ceil(8).max(8)
    }
}

/// `(h, ..) = step(x[t], (h, ..))` for each time step `t`; inputs are x, kernel, recurrent kernel, bias, first states
///
/// Not generic over the step, or all of it would be compiled for each cell.
pub(super) struct Recurrence {
    step: Box<dyn Step>,
    form: Form,
    weights: [Tensor; 2],
    parts: Vec<Part>,
}

impl Recurrence {
    pub fn new(step: Box<dyn Step>, form: Form) -> Self {
        Self { step, form, weights: [empty(), empty()], parts: Vec::new() }
    }
}

impl Op for Recurrence {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (form, step) = (&self.form, &*self.step);
        let (bias, initial) = inputs[3..].split_at(usize::from(form.has_bias));
        let weights = CellWeights::forward(step, form, inputs, bias.first().map(|bias| data(bias)));
        let (rows, outputs) = (form.rows(), form.outputs(step.sizes().states));
        let mut y = buffer(form.x[0] * outputs * form.units);
        let chunks = y.chunks_mut((rows * outputs * form.units).max(1)).enumerate();
        let mut work: Vec<_> = chunks.map(|(i, y)| (i * rows..form.x[0].min((i + 1) * rows), y, None)).collect();
        parallel::for_each(&mut work, |(rows, y, part)| {
            let mut new = Part::new(step, form, rows.clone(), inputs[0], initial);
            new.forward(step, form, &weights, y);
            *part = Some(new);
        });
        self.parts = work.into_iter().filter_map(|(_, _, part)| part).collect();
        self.weights = [inputs[1].clone(), inputs[2].clone()];
        let is_last_only = !form.options.return_sequences && !form.gives_states;
        let shape = if is_last_only { vec![form.x[0], form.units] } else { vec![form.x[0], outputs, form.units] };
        tensor(&shape, y)
    }

    /// Back through time: `dz` of each step from the gradient of the state after it, then `dx = dz · kernelᵀ`,
    /// `dkernel = Σ xᵀ · dz`, `drecurrent = Σ hᵀ · dz`, `dbias = Σ dz`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let (form, step) = (&self.form, &*self.step);
        let weights = CellWeights::backward(step, form, &self.weights, dx.wants(0));
        let first_state = 3 + usize::from(form.has_bias);
        let wanted = [dx.wants(1), dx.wants(2), form.has_bias && dx.wants(3)];
        let mut input = buffer(if dx.wants(0) { form.x.iter().product() } else { 0 });
        let row = form.x[1] * form.x[2] * usize::from(dx.wants(0));
        let mut rest = input.as_mut_slice();
        let mut work: Vec<(&Part, &mut [Float], Option<PartGradients>)> = Vec::new();
        for part in &self.parts {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(part.rows.len() * row);
            rest = others;
            work.push((part, own, None));
        }
        parallel::for_each(&mut work, |(part, input, found)| {
            *found = Some(part.backward(step, form, &weights, data(dy), wanted, input));
        });
        let mut found = work.into_iter().filter_map(|(_, _, found)| found);
        let Some(mut sum) = found.next() else { return };
        for next in found {
            sum.weights.iter_mut().zip(&next.weights).for_each(|(sum, next)| add_assign(sum, next));
            sum.bias.iter_mut().zip(next.bias).for_each(|(sum, next)| *sum += next);
            sum.states.iter_mut().zip(next.states).for_each(|(all, own)| all.extend(own));
        }
        dx.add(0, || tensor(&form.x, input));
        let gates = step.sizes().gates * form.units;
        let [kernel, recurrent] = sum.weights;
        dx.add(1, || tensor(&[form.x[2], gates], kernel));
        dx.add(2, || tensor(&[form.units, gates], recurrent));
        if form.has_bias {
            let shape = if self.step.is_separate() { vec![2, gates] } else { vec![gates] };
            dx.add(3, || tensor(&shape, sum.bias.iter().map(|sum| *sum as Float).collect()));
        }
        for (i, state) in sum.states.into_iter().enumerate() {
            dx.add(first_state + i, || tensor(&[form.x[0], form.units], state));
        }
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        let weights = 1..3 + usize::from(self.form.has_bias);
        if inputs[weights].iter().any(|weight| *weight != Dependence::Constant) {
            return Dependence::across_batch(inputs);
        }
        Dependence::per_example(inputs)
    }

    fn keeps_steps(&self) -> bool {
        // The layer knows whether steps are in another order.
        false
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        super::onnx::form(&self.form, self.step.onnx()?, self.step.sizes().states, form)
    }
}
