//! Recurrent operators. ONNX has the gates of a kernel in its rows, and two biases that are added.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::value::Value;
use super::windows::set;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    let units = node.int("hidden_size", 1) as usize;
    match node.op() {
        "RNN" => recurrent(node, SimpleRnn::new(units), &[0], |state| state),
        // ONNX has the gates i, o, f, c; the layer i, f, c, o.
        "LSTM" if node.get(7).is_some_and(|peepholes| peepholes.var.value().iter().any(|p| *p != 0.0)) => {
            Err(Failure::skip("peepholes, which neither Keras nor PyTorch has"))
        }
        "LSTM" => recurrent(node, Lstm::new(units).unit_forget_bias(false), &[0, 2, 3, 1], |(h, _)| h),
        "GRU" if node.flag("linear_before_reset", false) => {
            Err(Failure::skip("reset after the product, with two biases"))
        }
        "GRU" => recurrent(node, Gru::new(units).reset_after(false), &[0, 1, 2], |state| state),
        _ => Err(Failure::Unknown),
    }
}

fn recurrent<L: Recurrent>(node: &Node<'_>, layer: L, gates: &[usize], output: fn(L::State) -> Var) -> Outputs {
    if node.string("direction", "forward") != "forward" || node.get(4).is_some() || node.get(5).is_some() {
        return Err(Failure::skip("not yet: other directions, lengths and states"));
    }
    let layer = layer.return_sequences(true);
    // The gates in the layer's order, in columns.
    let columns = |rows: Var, gates: &[usize]| {
        let parts = rows.split(&vec![rows.shape()[0] / gates.len(); gates.len()], 0)?;
        let parts: Vec<&Var> = gates.iter().map(|gate| &parts[*gate]).collect();
        Var::concat(&parts, 0)
    };
    let kernel = |i: usize| Ok::<_, Failure>(columns(node.var(i)?.index_axis(0, 0)?, gates)?.transpose()?);
    set(&layer, "kernel", &kernel(1)?)?;
    set(&layer, "recurrent_kernel", &kernel(2)?)?;
    if let Some(biases) = node.get(3) {
        let biases = biases.var.index_axis(0, 0)?;
        let half = biases.shape()[0] / 2;
        let both = biases.split(&[half, half], 0)?;
        set(&layer, "bias", &columns(&both[0] + &both[1], gates)?)?;
    }
    let batch_first = node.flag("layout", false);
    let x = node.var(0)?;
    let x = if batch_first { x.clone() } else { x.permute(&[1, 0, 2])? };
    let (y, state) = layer.forward_from(&x, None)?;
    let (y, last) = (y.insert_axis(2)?, output(state).insert_axis(1)?);
    let outputs = if batch_first { [y, last] } else { [y.permute(&[1, 2, 0, 3])?, last.permute(&[1, 0, 2])?] };
    Ok(outputs.map(|var| Value { var, kind: node.kind() }).into())
}
