//! Operators that are layers.

use super::node::{Failure, Node, Outputs};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "Gemm" => gemm(node),
        "Softmax" => node.one(node.var(0)?.softmax(node.axis(-1))?),
        "LogSoftmax" => node.one(node.var(0)?.log_softmax(node.axis(-1))?),
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
