//! What a recurrence is in ONNX.

use super::op::Form;
use crate::autograd::{OnnxAttribute, OnnxForm};
use crate::tensor::tensor;

/// The operator, the place that each of its gates has here, its activations, and whether the recurrent product is computed before the
/// reset.
pub(super) type Operator = (&'static str, &'static [usize], Vec<&'static str>, bool);

/// Writes a recurrence whose steps are this operator; inputs are x, kernel, recurrent kernel, bias, first states.
pub(super) fn form(
    own: &Form,
    (op, gates, activations, separate): Operator,
    states: usize,
    form: &mut OnnxForm,
) -> Option<String> {
    if own.factors.is_some() {
        return None;
    }
    let zero = form.ints([&0]);
    let weights = ["in1", "in2"].map(|kernel| {
        let turned = form.permute(kernel, [1, 0]);
        let turned = rows(form, &turned, gates, own.units);
        form.node("Unsqueeze", &[&turned, &zero], &[])
    });
    let bias = if own.has_bias { biases(form, gates, own.units) } else { String::new() };
    let (mut x, mut mask) = ("in0".to_owned(), own.mask.as_ref().map(|mask| form.mask(mask)));
    if own.options.go_backwards {
        x = form.reverse(&x, 1);
        mask = mask.map(|mask| form.reverse(&mask, 1));
    }
    let padding = mask.map(|mask| Padding::of(form, mask, own));
    if let Some(padding) = &padding {
        x = at_steps(form, &x, &padding.order, own.x[2]);
    }
    let lengths = padding.as_ref().map_or(String::new(), |padding| padding.lengths.clone());
    let mut inputs = vec![form.permute(&x, [1, 0, 2]), weights[0].clone(), weights[1].clone(), bias, lengths];
    let first = 3 + usize::from(own.has_bias);
    for i in first..form.len() {
        inputs.push(form.node("Unsqueeze", &[&form.input(i), &zero], &[]));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut attributes =
        vec![("hidden_size", OnnxAttribute::Int(own.units as i64)), ("activations", OnnxAttribute::Texts(activations))];
    if op == "GRU" {
        attributes.push(("linear_before_reset", OnnxAttribute::Int(i64::from(separate))));
    }
    let y = form.outputs(op, &inputs, &attributes, 1 + states);
    let before = (0..states).map(|i| form.input(first + i)).take(form.len() - first).collect();
    Some(Given { y, own, states, padding, before }.outputs(form))
}

/// The steps of each example at these places, `[batch, time]`.
fn at_steps(form: &mut OnnxForm, x: &str, places: &str, features: usize) -> String {
    let (last, shape) = (form.ints([&2]), form.ints(&[1, 1, features]));
    let places = form.node("Unsqueeze", &[places, &last], &[]);
    let places = form.node("Expand", &[&places, &shape], &[]);
    form.node("GatherElements", &[x, &places], &[("axis", OnnxAttribute::Int(1))])
}

/// Padding anywhere in a sequence, for operators that know it at the end alone: steps of padding go behind all real ones, and what is
/// given for the real ones comes back to their places.
struct Padding {
    mask: String,
    /// The places of the real steps, and then those of padding.
    order: String,
    /// How many steps are real.
    lengths: String,
}

impl Padding {
    fn of(form: &mut OnnxForm, mask: String, own: &Form) -> Self {
        let time = own.x[1];
        let (all, first, one) = (form.ints([&time]), form.ints([&0]), form.number(1.0));
        let scale = form.node("Cast", &[&all], &[("to", OnnxAttribute::Int(1))]);
        let ones = form.node("Expand", &[&one, &all], &[]);
        let others = [("exclusive", OnnxAttribute::Int(1)), ("reverse", OnnxAttribute::Int(1))];
        let earlier = form.node("CumSum", &[&ones, &first], &others);
        let rank = form.node("Mul", &[&mask, &scale], &[]);
        let rank = form.node("Add", &[&rank, &earlier], &[]);
        let sorted = form.outputs("TopK", &[&rank, &all], &[("axis", OnnxAttribute::Int(1))], 2);
        let axis = form.ints([&1]);
        let lengths = form.node("ReduceSum", &[&mask, &axis], &[("keepdims", OnnxAttribute::Int(0))]);
        let lengths = form.node("Cast", &[&lengths], &[("to", OnnxAttribute::Int(6))]);
        Self { mask, order: format!("{sorted}.1"), lengths }
    }
}

/// What the operator has given.
struct Given<'a> {
    y: String,
    own: &'a Form,
    states: usize,
    padding: Option<Padding>,
    /// The first states, where they are given.
    before: Vec<String>,
}

impl Given<'_> {
    /// A last state `[batch, 1, units]`; the first one where all is padding.
    fn state(&self, form: &mut OnnxForm, i: usize) -> String {
        let last = form.permute(&format!("{}.{}", self.y, i + 1), [1, 0, 2]);
        let (Some(padding), Some(before)) = (&self.padding, self.before.get(i)) else { return last };
        let (one, both) = (form.ints([&1]), form.ints(&[1, 2]));
        let lengths = form.node("Cast", &[&padding.lengths], &[("to", OnnxAttribute::Int(1))]);
        let none = form.number(0.0);
        let is_real = form.node("Greater", &[&lengths, &none], &[]);
        let is_real = form.node("Unsqueeze", &[&is_real, &both], &[]);
        let before = form.node("Unsqueeze", &[before, &one], &[]);
        form.node("Where", &[&is_real, &last, &before], &[])
    }

    /// All steps `[batch, time, units]`; a step of padding gives what the one before it gave.
    fn steps(&self, form: &mut OnnxForm) -> String {
        let (one, last) = (form.ints([&1]), form.ints([&2]));
        let steps = form.node("Squeeze", &[&self.y, &one], &[]);
        let steps = form.permute(&steps, [1, 0, 2]);
        let Some(padding) = &self.padding else { return steps };
        let (first, none) = (form.number(1.0), form.number(0.0));
        let count = form.node("CumSum", &[&padding.mask, &one], &[]);
        let place = form.node("Sub", &[&count, &first], &[]);
        let place = form.node("Max", &[&place, &none], &[]);
        let place = form.node("Cast", &[&place], &[("to", OnnxAttribute::Int(7))]);
        let steps = at_steps(form, &steps, &place, self.own.units);
        let has_begun = form.node("Greater", &[&count, &none], &[]);
        let has_begun = form.node("Unsqueeze", &[&has_begun, &last], &[]);
        let before = match self.before.first() {
            Some(before) => form.node("Unsqueeze", &[before, &one], &[]),
            None => none,
        };
        let steps = form.node("Where", &[&has_begun, &steps, &before], &[]);
        if !self.own.options.zero_output_for_mask {
            return steps;
        }
        let mask = form.node("Unsqueeze", &[&padding.mask, &last], &[]);
        form.node("Mul", &[&steps, &mask], &[])
    }

    /// Outputs and states as the layer has them.
    fn outputs(&self, form: &mut OnnxForm) -> String {
        let sequence = match self.own.options.return_sequences {
            true => self.steps(form),
            false => self.state(form, 0),
        };
        if !self.own.gives_states {
            if self.own.options.return_sequences {
                return sequence;
            }
            let one = form.ints([&1]);
            return form.node("Squeeze", &[&sequence, &one], &[]);
        }
        let mut parts = vec![sequence];
        for i in 0..self.states {
            parts.push(self.state(form, i));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        form.node("Concat", &parts, &[("axis", OnnxAttribute::Int(1))])
    }
}

/// Rows of gates in the order of ONNX.
fn rows(form: &mut OnnxForm, x: &str, gates: &[usize], units: usize) -> String {
    if gates.len() == 1 {
        return x.into();
    }
    let lengths = form.ints(&vec![units; gates.len()]);
    let first = form.outputs("Split", &[x, &lengths], &[("axis", OnnxAttribute::Int(0))], gates.len());
    let parts = gates.iter().map(|gate| if *gate == 0 { first.clone() } else { format!("{first}.{gate}") });
    let parts: Vec<String> = parts.collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    form.node("Concat", &parts, &[("axis", OnnxAttribute::Int(0))])
}

/// Both biases of a direction, one after the other.
fn biases(form: &mut OnnxForm, gates: &[usize], units: usize) -> String {
    let axis = [("axis", OnnxAttribute::Int(0))];
    let width = gates.len() * units;
    let both = if form.shape(3).len() == 1 {
        let own = rows(form, "in3", gates, units);
        let zeros = form.numbers(tensor(&[width], vec![0.0; width]));
        form.node("Concat", &[&own, &zeros], &axis)
    } else {
        let flat = [0, 1].map(|row| {
            let [start, end, zero] = [row, row + 1, 0].map(|number| form.ints([&number]));
            let part = form.node("Slice", &["in3", &start, &end, &zero], &[]);
            let part = form.reshape(&part, &[width]);
            rows(form, &part, gates, units)
        });
        form.node("Concat", &[&flat[0], &flat[1]], &axis)
    };
    form.reshape(&both, &[1, 2 * width])
}
