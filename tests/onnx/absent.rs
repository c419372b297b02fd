//! What the crate does not do, by operator.

use super::node::{Failure, Node};

pub(crate) fn reason(node: &Node<'_>) -> Failure {
    let op = node.op();
    Failure::skip(match (op, &*node.proto.domain) {
        (_, "ai.onnx.ml") => "classical machine learning",
        ("RoiAlign", _) => "boxes of object detection, which Keras and PyTorch leave to other libraries",
        ("DeformConv", _) => "deformable convolution, which Keras and PyTorch leave to other libraries",
        ("NonMaxSuppression", _) => "boxes of object detection, which Keras and PyTorch leave to other libraries",
        ("ImageDecoder", _) => "image decoding",
        ("DFT" | "STFT" | "BlackmanWindow" | "HammingWindow" | "HannWindow" | "MelWeightMatrix", _) => {
            "signal processing"
        }
        ("Det", _) => "determinants",
        ("Bernoulli" | "RandomUniformLike", _) => "random numbers of another generator",
        ("NonZero" | "Unique", _) => "a shape that depends on the numbers",
        ("TfIdfVectorizer", _) => "counts of word sequences",
        ("Scan" | "SequenceMap", _) => "control flow (scan)",
        (
            "QuantizeLinear"
            | "DequantizeLinear"
            | "DynamicQuantizeLinear"
            | "QLinearConv"
            | "QLinearMatMul"
            | "ConvInteger"
            | "MatMulInteger",
            _,
        ) => "8-bit quantisation",
        _ if op.starts_with("Sequence") || op.starts_with("Optional") || op.contains("ToSequence") => "sequence type",
        _ => return Failure::skip(format!("not yet: {op}")),
    })
}
