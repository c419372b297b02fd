//! Operators that are other layers.

use gradus::prelude::*;
use ndarray::ArrayD;

use super::node::{Failure, Node, Outputs};
use super::value::{Kind, Value};
use super::windows::{channels_first, channels_last};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "Gemm" => gemm(node),
        "Softmax" => node.one(node.var(0)?.softmax(node.axis(-1))?),
        "LogSoftmax" => node.one(node.var(0)?.log_softmax(node.axis(-1))?),
        "Dropout" => dropout(node),
        "DepthToSpace" | "SpaceToDepth" => shuffle(node),
        _ => Err(Failure::Unknown),
    }
}

fn gemm(node: &Node<'_>) -> Outputs {
    let operand = |i: usize, name: &str| {
        let x = node.var(i)?;
        Ok::<_, Failure>(if node.flag(name, false) { x.transpose()? } else { x.clone() })
    };
    let y = operand(0, "transA")?.matmul(&operand(1, "transB")?)? * node.float("alpha", 1.0);
    node.one(match node.get(2) {
        Some(c) => y + &c.var * node.float("beta", 1.0),
        None => y,
    })
}

fn dropout(node: &Node<'_>) -> Outputs {
    let training = node.get(2).is_some_and(|training| training.var.item() != 0.0);
    let rate = node.get(1).map_or(0.5, |rate| rate.var.item());
    if training && rate > 0.0 {
        return Err(Failure::skip("random numbers of another generator"));
    }
    let tape = if training { Tape::training() } else { Tape::inference() };
    let x = node.var(0)?.value();
    let y = Dropout::new(rate).forward(&tape.input(x))?;
    let mask = Value { var: node.tape.constant(ArrayD::<Float>::ones(x.shape())), kind: Kind::BOOL };
    Ok(vec![Value { var: node.tape.input(y.value()), kind: node.kind() }, mask])
}

fn shuffle(node: &Node<'_>) -> Outputs {
    let factor = node.int("blocksize", 1) as usize;
    let x = channels_last(node.var(0)?)?;
    // Layers count places of a block within a channel; ONNX' default counts channels within a place.
    let swapped = |x: &Var, from: [usize; 2]| {
        let images = &x.shape()[..3];
        x.reshape(&[images, &from].concat())?.permute(&[0, 1, 2, 4, 3])?.reshape(x.shape())
    };
    let block = factor * factor;
    let y = match (node.op(), &*node.string("mode", "DCR")) {
        ("SpaceToDepth", _) => {
            let y = PixelUnshuffle::new(factor).forward(&x)?;
            swapped(&y, [y.shape()[3] / block, block])?
        }
        (_, "DCR") => PixelShuffle::new(factor).forward(&swapped(&x, [block, x.shape()[3] / block])?)?,
        _ => PixelShuffle::new(factor).forward(&x)?,
    };
    node.one(channels_first(&y)?)
}
