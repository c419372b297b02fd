//! Windows of signal processing.

use super::ElementType;
use crate::error::Result;
use crate::formats::onnx::tensors::lengths;
use crate::onnx::node::{Node, Outputs};
use crate::tensor::Float;

/// A sum of cosines over the places of a window.
pub fn window(node: &Node<'_>) -> Outputs {
    let size = lengths(&[node.value(0)?.int()?])?[0];
    node.bounded(&[size])?;
    let terms: &[f64] = match node.op() {
        "HannWindow" => &[0.5, -0.5],
        // As the standard has them: 25/46, and not 0.54.
        "HammingWindow" => &[25.0 / 46.0, -21.0 / 46.0],
        _ => &[0.42, -0.5, 0.08],
    };
    let period = if node.flag("periodic", true) { size } else { size.max(2) - 1 } as f64;
    let at = |i: usize| {
        let angle = std::f64::consts::TAU * i as f64 / period;
        terms.iter().enumerate().map(|(k, term)| term * (k as f64 * angle).cos()).sum::<f64>() as Float
    };
    let kind = i32::try_from(node.int("output_datatype", 1)).unwrap_or(0);
    let kind: Result<ElementType> = ElementType::checked(kind);
    node.typed(node.tape.constant(ndarray::Array1::from_shape_fn(size, at)), kind?)
}
