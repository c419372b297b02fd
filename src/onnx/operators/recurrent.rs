//! Recurrent operators. ONNX has the gates of a kernel in its rows, and two biases.

use super::activations;
use crate::activations::Activation;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::formats::onnx::proto::NodeProto;
use crate::layers::{Gru, Lstm, Recurrent, SimpleRnn, Vars};
use crate::onnx::node::{Node, Outputs, Weight, unsupported, with_weights};
use crate::onnx::value::Value;
use crate::tensor::{Float, tensor};

pub fn simple(node: &Node<'_>) -> Outputs {
    let units = node.count("hidden_size", 1)?;
    recurrent(node, &[0], true, |direction, parts| {
        let mut layer = SimpleRnn::new(units).use_bias(parts.bias.is_some());
        layer.activation = activation(node, direction, 0, "Tanh")?;
        (layer.kernel, layer.recurrent_kernel) = (parts.kernel.param.clone(), parts.recurrent.param.clone());
        parts.bias.iter().for_each(|bias| layer.bias = bias.param.clone());
        Ok(layer)
    })
}

pub fn lstm(node: &Node<'_>) -> Outputs {
    let units = node.count("hidden_size", 1)?;
    if let Some(peepholes) = node.get(7)
        && peepholes.numbers()?.iter().any(|p| *p != 0.0)
    {
        return Err(unsupported("peepholes, which neither Keras nor PyTorch has"));
    }
    // ONNX has the gates i, o, f, c; the layer i, f, c, o.
    recurrent(node, &[0, 2, 3, 1], true, |direction, parts| {
        let mut layer = Lstm::new(units).unit_forget_bias(false).use_bias(parts.bias.is_some());
        layer.recurrent_activation = activation(node, direction, 0, "Sigmoid")?;
        layer.activation = activation(node, direction, 1, "Tanh")?;
        if name_of(node, direction, 2, "Tanh") != name_of(node, direction, 1, "Tanh") {
            return Err(unsupported("different activations of a cell and of its output"));
        }
        (layer.kernel, layer.recurrent_kernel) = (parts.kernel.param.clone(), parts.recurrent.param.clone());
        parts.bias.iter().for_each(|bias| layer.bias = bias.param.clone());
        Ok(layer)
    })
}

pub fn gru(node: &Node<'_>) -> Outputs {
    let units = node.count("hidden_size", 1)?;
    let after = node.flag("linear_before_reset", false);
    recurrent(node, &[0, 1, 2], !after, |direction, parts| {
        let mut layer = Gru::new(units).reset_after(after).use_bias(parts.bias.is_some());
        layer.recurrent_activation = activation(node, direction, 0, "Sigmoid")?;
        layer.activation = activation(node, direction, 1, "Tanh")?;
        (layer.kernel, layer.recurrent_kernel) = (parts.kernel.param.clone(), parts.recurrent.param.clone());
        parts.bias.iter().for_each(|bias| layer.bias = bias.param.clone());
        Ok(layer)
    })
}

/// The name of an activation of a direction, of which each has as many as the operator.
fn name_of(node: &Node<'_>, direction: usize, place: usize, default: &str) -> String {
    let count = match node.op() {
        "LSTM" => 3,
        "GRU" => 2,
        _ => 1,
    };
    let names = node.attribute("activations").map(|found| found.strings.as_slice()).unwrap_or_default();
    names.get(direction * count + place).map_or(default.into(), |name| String::from_utf8_lossy(name).into_owned())
}

fn activation(node: &Node<'_>, direction: usize, place: usize, default: &str) -> Result<Box<dyn Activation>> {
    let name = name_of(node, direction, place, default);
    if node.attribute("activation_alpha").is_some() || node.attribute("activation_beta").is_some() {
        return Err(unsupported("activations with settings in a recurrence"));
    }
    let proto = NodeProto { op_type: name, ..NodeProto::default() };
    activations::of(&Node { proto: &proto, then: None, inputs: Vec::new(), ..*node })
}

/// The gates in the layer's order, from rows to the last axis.
fn columns(rows: &Var, gates: &[usize]) -> Result<Var> {
    let count = rows.value.shape().first().map_or(0, |rows| rows / gates.len());
    let parts = rows.split(&vec![count; gates.len()], 0)?;
    let parts: Vec<&Var> = gates.iter().map(|gate| &parts[*gate]).collect();
    let joined = if gates.len() == 1 { parts[0].clone() } else { Var::concat(&parts, 0)? };
    if joined.value.ndim() == 2 { joined.transpose() } else { Ok(joined) }
}

/// The weights of a direction.
struct Parts {
    kernel: Weight,
    recurrent: Weight,
    bias: Option<Weight>,
}

impl Parts {
    /// `joins` if the layer has the sum of both biases.
    fn of(node: &Node<'_>, direction: usize, gates: &[usize], joins: bool) -> Result<Self> {
        let kernel = |i: usize| Weight::computed(columns(&node.var(i)?.index_axis(0, direction)?, gates)?);
        let bias = |biases: &Value| {
            let biases = biases.var()?.index_axis(0, direction)?;
            let half = biases.value.len() / 2;
            let both = biases.split(&[half, half], 0)?;
            let [input, state] = [columns(&both[0], gates)?, columns(&both[1], gates)?];
            Weight::computed(if joins { input + state } else { Var::stack(&[&input, &state], 0)? })
        };
        Ok(Self { kernel: kernel(1)?, recurrent: kernel(2)?, bias: node.get(3).map(bias).transpose()? })
    }
}

/// Which steps are real, where the sequences have lengths of their own.
fn masked(node: &Node<'_>, x: Var) -> Result<Var> {
    let Some(lengths) = node.get(4) else { return Ok(x) };
    let (lengths, [batch, time]) = (lengths.ints()?, [x.value.shape()[0], x.value.shape()[1]]);
    if lengths.len() != batch {
        return Err(Error::shape(format!("expected a length for each of {batch} sequences, got {}", lengths.len())));
    }
    let steps = lengths.iter().flat_map(|len| (0..time).map(move |step| Float::from(u8::from((step as i64) < *len))));
    x.with_mask(tensor(&[batch, time], steps.collect()))
}

/// The states of a direction before the first step; one that is not given is zero.
fn initial<L: Recurrent>(node: &Node<'_>, direction: usize, x: &Var) -> Result<Option<L::State>> {
    let states = L::State::COUNT.unwrap_or(1);
    if (0..states).all(|i| node.get(5 + i).is_none()) {
        return Ok(None);
    }
    let axis = isize::from(node.flag("layout", false));
    let units = node.count("hidden_size", 1)?;
    let state = |i: usize| match node.get(5 + i) {
        Some(state) => state.var()?.index_axis(axis, direction),
        None => Ok(node.tape.constant(ndarray::Array2::<Float>::zeros((x.value.shape()[0], units)))),
    };
    L::State::from_list("the recurrence", (0..states).map(state).collect::<Result<_>>()?).map(Some)
}

/// The outputs of all steps, and the last states, of all directions.
fn recurrent<L: Recurrent>(
    node: &Node<'_>,
    gates: &[usize],
    joins_biases: bool,
    make: impl Fn(usize, &Parts) -> Result<L>,
) -> Outputs {
    if node.attribute("clip").is_some() || node.flag("input_forget", false) {
        return Err(unsupported("clipped cells and joined gates, which neither Keras nor PyTorch has"));
    }
    let batch_first = node.flag("layout", false);
    let x = if batch_first { node.var(0)? } else { node.value(0)?.laid(&[1, 0, 2])? };
    let x = masked(node, x)?;
    let backwards: &[bool] = match &*node.string("direction", "forward") {
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        _ => &[false],
    };
    let steps = x.value.shape().iter().take(2).product();
    node.bounded(&[steps, 4 * backwards.len(), node.count("hidden_size", 1)?])?;
    let (mut sequences, mut states) = (Vec::new(), Vec::new());
    for (direction, backwards) in backwards.iter().enumerate() {
        let parts = Parts::of(node, direction, gates, joins_biases)?;
        let layer = make(direction, &parts)?.go_backwards(*backwards).return_sequences(true).zero_output_for_mask(true);
        let initial = initial::<L>(node, direction, &x)?;
        let weights: Vec<&Weight> = [&parts.kernel, &parts.recurrent].into_iter().chain(&parts.bias).collect();
        let (y, state) = with_weights(node.tape, &weights, &|| layer.forward_from(&x, initial.as_ref()))?;
        let y = y.without_mask();
        sequences.push(if *backwards { y.flip(1)? } else { y });
        states.push(state.to_list());
    }
    // Directions come before the batch here, and the graph's order costs nothing.
    let stack = |vars: Vec<&Var>, order: Vec<usize>| -> Result<Value> {
        Ok(Value::ordered(Var::stack(&vars, 0)?, order, node.kind()))
    };
    let (all, last) = if batch_first { ([2, 0, 1, 3], [1, 0, 2]) } else { ([1, 2, 0, 3], [0, 1, 2]) };
    let mut outputs = vec![stack(sequences.iter().collect(), all.into())?];
    for i in 0..L::State::COUNT.unwrap_or(1) {
        outputs.push(stack(states.iter().map(|state| &state[i]).collect(), last.into())?);
    }
    Ok(outputs)
}
