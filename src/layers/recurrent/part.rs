//! Some rows of a batch on their way through time.

use std::ops::Range;

use super::op::{Backward, Form, Forward, Step};
use crate::buffers::{Loan, zeros};
use crate::kernels::{
    columns::add_columns,
    elementwise::{add_assign, add_row},
    gemm::{Matrix, gemm},
    packed::Packed,
};
use crate::tensor::{Float, Tensor, data};

/// Rows of the products that take several steps at once: with them they stay in cache.
const ROWS: usize = 256;

/// The weights, packed for the products of one direction.
pub(super) struct CellWeights<'a> {
    input: Option<Packed>,
    recurrent: Vec<Packed>,
    biases: [Option<&'a [Float]>; 2],
}

impl<'a> CellWeights<'a> {
    pub fn forward(step: &dyn Step, form: &Form, inputs: &[&Tensor], bias: Option<&'a [Float]>) -> Self {
        let gates = step.sizes().gates * form.units;
        let recurrent = blocks(step, form.units).map(|block| {
            Packed::new(
                [form.units, block.len()],
                Matrix { data: &data(inputs[2])[block.start..], strides: [gates, 1] },
            )
        });
        Self {
            input: Some(Packed::new([form.x[2], gates], Matrix::new(data(inputs[1]), gates))),
            recurrent: recurrent.collect(),
            biases: [
                bias.map(|bias| &bias[..gates]),
                bias.and_then(|bias| bias.get(gates..)).filter(|b| !b.is_empty()),
            ],
        }
    }

    pub fn backward(step: &dyn Step, form: &Form, weights: &[Tensor; 2], wants_input: bool) -> Self {
        let gates = step.sizes().gates * form.units;
        let recurrent = blocks(step, form.units).map(|block| {
            Packed::new(
                [block.len(), form.units],
                Matrix { data: &data(&weights[1])[block.start..], strides: [1, gates] },
            )
        });
        let input = || Packed::new([gates, form.x[2]], Matrix::transposed(data(&weights[0]), gates));
        Self { input: wants_input.then(input), recurrent: recurrent.collect(), biases: [None; 2] }
    }
}

/// The columns of each product with the recurrent kernel.
fn blocks(step: &dyn Step, units: usize) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    step.products().iter().map(move |gates| {
        end += gates * units;
        end - gates * units..end
    })
}

/// Some rows of a batch, step after step in memory, and what their backward needs.
pub(super) struct Part {
    pub rows: Range<usize>,
    x: Loan,
    gates: Loan,
    /// Before the first step, and after each.
    states: Vec<Loan>,
    /// States after dropout, where there is any.
    inputs: Option<Loan>,
    kept: Loan,
    /// Of each step and row whether the state is put out; else zeros are.
    shown: Option<Vec<bool>>,
}

/// Gradients of kernel, recurrent kernel and bias, each empty if it is not wanted, and of the first states.
pub(super) struct PartGradients {
    pub weights: [Vec<Float>; 2],
    pub bias: Vec<f64>,
    pub states: Vec<Vec<Float>>,
}

/// A state at a step, of `n` numbers each; empty if there is no such state.
fn at(states: &[Loan], state: usize, step: usize, n: usize) -> &[Float] {
    states.get(state).map_or(&[], |state| &state[step * n..][..n])
}

impl Part {
    pub fn new(step: &dyn Step, form: &Form, rows: Range<usize>, x: &Tensor, initial: &[&Tensor]) -> Self {
        let ([_, time, features], n) = (form.x, rows.len());
        let units = n * form.units;
        let mut steps = Loan::new(time * n * features);
        for (step, to) in steps.chunks_exact_mut((n * features).max(1)).enumerate() {
            for (to, row) in to.chunks_exact_mut(features.max(1)).zip(rows.clone()) {
                to.copy_from_slice(&data(x)[(row * time + form.time(step)) * features..][..features]);
            }
        }
        let mut states: Vec<Loan> = (0..step.sizes().states).map(|_| Loan::new((time + 1) * units)).collect();
        for (i, state) in states.iter_mut().enumerate() {
            match initial.get(i) {
                Some(first) => state[..units].copy_from_slice(&data(first)[rows.start * form.units..][..units]),
                None => state[..units].fill(0.0),
            }
        }
        let shown = form.mask.as_ref().map(|_| {
            let mut begun = vec![false; n];
            let mut shown = Vec::with_capacity(time * n);
            for step in 0..time {
                for row in rows.clone() {
                    let is_real = form.is_real(row, step);
                    begun[row - rows.start] |= is_real;
                    let is_zero = form.options.zero_output_for_mask && form.options.return_sequences;
                    shown.push(is_real || begun[row - rows.start] && !is_zero);
                }
            }
            shown
        });
        Self {
            x: steps,
            gates: Loan::new(time * units * step.sizes().gates),
            states,
            inputs: form.factors.as_ref().map(|_| Loan::new(time * units)),
            kept: Loan::new(time * units * step.sizes().kept),
            shown,
            rows,
        }
    }

    /// The rows that are padding at a step, counted from the part's first.
    fn padding<'a>(&'a self, form: &'a Form, step: usize) -> impl Iterator<Item = usize> + 'a {
        self.rows.clone().filter(move |row| !form.is_real(*row, step)).map(|row| row - self.rows.start)
    }

    /// The factors of dropout for these rows.
    fn factors<'a>(&self, form: &'a Form) -> Option<&'a [Float]> {
        let factors = form.factors.as_ref().map(data);
        factors.map(|factors| &factors[self.rows.start * form.units..self.rows.end * form.units])
    }

    /// Steps that are multiplied at once.
    fn blocks(&self, form: &Form) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
        let (time, size) = (form.x[1], (ROWS / self.rows.len().max(1)).max(1));
        (0..time.div_ceil(size)).map(move |i| i * size..time.min((i + 1) * size))
    }

    pub fn forward(&mut self, step: &dyn Step, form: &Form, weights: &CellWeights<'_>, y: &mut [Float]) {
        let n = self.rows.len() * form.units;
        let (gates, features) = (step.sizes().gates * form.units, form.x[2]);
        for block in self.blocks(form) {
            let rows = block.start * self.rows.len()..block.end * self.rows.len();
            let z = &mut self.gates[rows.start * gates..rows.end * gates];
            if let Some(input) = &weights.input {
                input.product(rows.len(), &self.x[rows.start * features..], z, [features, gates], false);
            }
            weights.biases[0].iter().for_each(|bias| add_row(z, bias));
            block.for_each(|t| self.step(step, form, weights, t));
        }
        let outputs = form.outputs(step.sizes().states);
        for (i, y) in y.chunks_exact_mut((outputs * form.units).max(1)).enumerate() {
            let last = form.outputs(0) - 1;
            for (place, y) in y.chunks_exact_mut(form.units).enumerate() {
                let (state, t) =
                    if place > last { (place - last - 1, form.x[1]) } else { (0, form.x[1] - last + place) };
                if place <= last && !self.is_shown(t - 1, i) {
                    y.fill(0.0);
                } else {
                    y.copy_from_slice(&at(&self.states, state, t, n)[i * form.units..][..form.units]);
                }
            }
        }
    }

    fn is_shown(&self, step: usize, row: usize) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown[step * self.rows.len() + row])
    }

    fn step(&mut self, step: &dyn Step, form: &Form, weights: &CellWeights<'_>, t: usize) {
        let n = self.rows.len() * form.units;
        let factors = self.factors(form);
        if let (Some(inputs), Some(factors)) = (&mut self.inputs, factors) {
            let both = self.states[0][t * n..].iter().zip(factors);
            inputs[t * n..].iter_mut().zip(both).for_each(|(input, (h, factor))| *input = h * factor);
        }
        let mut halves = self.states.iter_mut().map(|state| state[t * n..(t + 2) * n].split_at_mut(n));
        let empty = || (&mut [][..], &mut [][..]);
        let (h, other) = (halves.next().unwrap_or_else(empty), halves.next().unwrap_or_else(empty));
        step.forward(Forward {
            units: form.units,
            kernels: &weights.recurrent,
            recurrent_bias: weights.biases[1],
            input: self.inputs.as_ref().map_or(&*h.0, |inputs| &inputs[t * n..][..n]),
            before: [h.0, other.0],
            after: [h.1, other.1],
            gates: &mut self.gates[t * n * step.sizes().gates..][..n * step.sizes().gates],
            kept: &mut self.kept[t * n * step.sizes().kept..][..n * step.sizes().kept],
        });
        let padding: Vec<usize> = self.padding(form, t).collect();
        for row in padding {
            let from = t * n + row * form.units;
            for state in &mut self.states {
                state.copy_within(from..from + form.units, from + n);
            }
        }
    }

    /// The gradients that this part gives; that of its rows of `x` goes into `dx`, unless that is empty.
    pub fn backward(
        &self,
        step: &dyn Step,
        form: &Form,
        weights: &CellWeights<'_>,
        dy: &[Float],
        wanted: [bool; 3],
        dx: &mut [Float],
    ) -> PartGradients {
        let (count, units, [_, time, features]) = (self.rows.len(), form.units, form.x);
        let (n, gates) = (count * units, step.sizes().gates * units);
        let dy = &dy[self.rows.start * form.outputs(step.sizes().states) * units..];
        // The gradient of what follows the output of an example's last step, and that of a place before it.
        let outputs = form.outputs(step.sizes().states);
        let steps = form.outputs(0);
        let add = |to: &mut [Float], place: usize, is_shown: &dyn Fn(usize) -> bool| {
            for (i, to) in to.chunks_exact_mut(units).enumerate().filter(|(i, _)| is_shown(*i)) {
                add_assign(to, &dy[(i * outputs + place) * units..][..units]);
            }
        };
        let mut states: Vec<Vec<Float>> = (0..step.sizes().states).map(|_| zeros(n)).collect();
        if form.gives_states {
            states.iter_mut().enumerate().for_each(|(i, state)| add(state, steps + i, &|_| true));
        }
        let lens = [features * gates, units * gates];
        let kernels: [Vec<Float>; 2] = std::array::from_fn(|i| zeros(if wanted[i] { lens[i] } else { 0 }));
        let biases = if wanted[2] { 1 + usize::from(step.is_separate()) } else { 0 };
        let mut found = PartGradients { weights: kernels, bias: vec![0.0; biases * gates], states: Vec::new() };
        let mut dinput = Loan::new(n);
        for block in self.blocks(form).rev() {
            let rows = block.start * count..block.end * count;
            let mut dz = Loan::new(rows.len() * gates);
            let mut dr = Loan::new(if step.is_separate() { rows.len() * gates } else { 0 });
            for t in block.rev() {
                if t + steps >= time {
                    add(&mut states[0], t + steps - time, &|row| self.is_shown(t, row));
                }
                let from = (t * count - rows.start) * gates;
                let dr = if step.is_separate() { &mut dr[from..][..n * step.sizes().gates] } else { &mut [] };
                self.back(
                    step,
                    form,
                    weights,
                    t,
                    &mut states,
                    &mut dz[from..][..n * step.sizes().gates],
                    dr,
                    &mut dinput,
                );
            }
            if let Some(input) = &weights.input {
                self.input_gradient(step, form, input, rows.clone(), &dz, dx);
            }
            self.weight_gradients(step, form, rows, [&dz, &dr], wanted, &mut found);
        }
        found.states = states;
        found
    }

    /// Sets `dx` at some rows of the steps.
    fn input_gradient(
        &self,
        step: &dyn Step,
        form: &Form,
        input: &Packed,
        rows: Range<usize>,
        dz: &[Float],
        dx: &mut [Float],
    ) {
        let (count, gates, [_, time, features]) = (self.rows.len(), step.sizes().gates * form.units, form.x);
        let mut block = Loan::new(rows.len() * features);
        input.product(rows.len(), dz, &mut block, [gates, features], false);
        for (row, from) in rows.zip(block.chunks_exact(features.max(1))) {
            let place = (row % count) * time + form.time(row / count);
            dx[place * features..][..features].copy_from_slice(from);
        }
    }

    /// Adds what some rows of the steps give to the gradients of the weights. `dr` is empty unless it differs from `dz`.
    fn weight_gradients(
        &self,
        step: &dyn Step,
        form: &Form,
        rows: Range<usize>,
        [dz, dr]: [&[Float]; 2],
        wanted: [bool; 3],
        sum: &mut PartGradients,
    ) {
        let (gates, features) = (step.sizes().gates * form.units, form.x[2]);
        if wanted[0] {
            let x = &self.x[rows.start * features..rows.end * features];
            let shape = [features, rows.len(), gates];
            gemm(shape, Matrix::transposed(x, features), Matrix::new(dz, gates), true, &mut sum.weights[0]);
        }
        if wanted[1] {
            let dr = if step.is_separate() { dr } else { dz };
            self.recurrent_gradient(step, form.units, rows, dr, &mut sum.weights[1]);
        }
        if wanted[2] {
            let (input, recurrent) = sum.bias.split_at_mut(gates);
            add_columns(input, dz);
            if step.is_separate() {
                add_columns(recurrent, dr);
            }
        }
    }

    /// One step back.
    #[allow(clippy::too_many_arguments)]
    fn back(
        &self,
        step: &dyn Step,
        form: &Form,
        weights: &CellWeights<'_>,
        t: usize,
        states: &mut [Vec<Float>],
        dz: &mut [Float],
        dr: &mut [Float],
        dinput: &mut [Float],
    ) {
        let (n, units) = (self.rows.len() * form.units, form.units);
        let padding: Vec<usize> = self.padding(form, t).collect();
        let after: Vec<Vec<Float>> = if padding.is_empty() { Vec::new() } else { states.to_vec() };
        let mut both = states.iter_mut().map(Vec::as_mut_slice);
        step.backward(Backward {
            units,
            kernels: &weights.recurrent,
            input: self.inputs.as_ref().map_or(at(&self.states, 0, t, n), |inputs| &inputs[t * n..][..n]),
            before: [at(&self.states, 0, t, n), at(&self.states, 1, t, n)],
            after: [at(&self.states, 0, t + 1, n), at(&self.states, 1, t + 1, n)],
            gates: &self.gates[t * n * step.sizes().gates..][..n * step.sizes().gates],
            kept: &self.kept[t * n * step.sizes().kept..][..n * step.sizes().kept],
            states: [both.next().unwrap_or_default(), both.next().unwrap_or_default()],
            dz,
            dr,
            dinput,
        });
        match self.factors(form) {
            None => add_assign(&mut states[0], dinput),
            Some(factors) => {
                let both = dinput.iter().zip(factors);
                states[0].iter_mut().zip(both).for_each(|(sum, (d, factor))| *sum += d * factor);
            }
        }
        for row in padding {
            let own = row * units..(row + 1) * units;
            states.iter_mut().zip(&after).for_each(|(to, from)| to[own.clone()].copy_from_slice(&from[own.clone()]));
            let gates = row * units * step.sizes().gates..(row + 1) * units * step.sizes().gates;
            dz[gates.clone()].fill(0.0);
            dr.get_mut(gates).into_iter().for_each(|dr| dr.fill(0.0));
        }
    }

    /// Adds `inputᵀ · dr` over some steps, for each product.
    fn recurrent_gradient(&self, step: &dyn Step, units: usize, rows: Range<usize>, dr: &[Float], sum: &mut [Float]) {
        let gates = sum.len() / units.max(1);
        for (i, block) in blocks(step, units).enumerate() {
            let inputs = match (i, &self.inputs) {
                (0, None) => &self.states[0],
                (0, Some(inputs)) => inputs,
                _ => &self.kept,
            };
            let inputs = Matrix::transposed(&inputs[rows.start * units..rows.end * units], units);
            let shape = [units, rows.len(), block.len()];
            let dr = Matrix { data: &dr[block.start..], strides: [gates, 1] };
            if block.len() == gates {
                gemm(shape, inputs, dr, true, sum);
            } else {
                let mut own = Loan::new(units * block.len());
                gemm(shape, inputs, dr, false, &mut own);
                for (sum, own) in sum.chunks_exact_mut(gates).zip(own.chunks_exact(block.len())) {
                    add_assign(&mut sum[block.clone()], own);
                }
            }
        }
    }
}
