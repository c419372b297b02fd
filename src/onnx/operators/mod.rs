//! What each operator of ONNX is here: one table, and a file for each family.

mod activations;
mod attention;
mod elementwise;
mod indexing;
mod layers;
mod losses;
mod normalisation;
mod quantisation;
mod recurrent;
mod reduce;
mod resize;
mod shape;
mod signal;
mod training;
mod windows;

pub use windows::kernel_order;

use super::node::{Node, Outputs, unsupported};
use super::value::{Kind, Value};
use crate::activations::Activation;
use crate::autograd::Var;
use crate::error::{Error, Result};

/// How an operator computes.
#[derive(Clone, Copy)]
pub enum Form {
    /// Each number alone.
    Each(fn(&Var) -> Var),
    /// Numbers in the same place.
    Pair(fn(&Var, &Var) -> Result<Var>),
    /// A question about two numbers in the same place.
    Question(fn(&Var, &Var) -> Result<Var>),
    /// Each number alone, in a way that a layer before it can take over.
    Activation(fn(&Node<'_>) -> Result<Box<dyn Activation>>),
    /// Anything else.
    Other(fn(&Node<'_>) -> Outputs),
}

use Form::{Activation as Active, Each, Other, Pair, Question};

/// All operators, by name.
pub const OPERATORS: &[(&str, Form)] = &[
    ("Abs", Each(Var::abs)),
    ("Acos", Each(Var::acos)),
    ("Acosh", Each(Var::acosh)),
    ("Adagrad", Other(training::run)),
    ("Adam", Other(training::run)),
    ("Add", Pair(|a, b| Ok(a + b))),
    ("AffineGrid", Other(resize::affine_grid)),
    ("And", Pair(|a, b| Ok(a * b))),
    ("ArgMax", Other(reduce::arg)),
    ("ArgMin", Other(reduce::arg)),
    ("Asin", Each(Var::asin)),
    ("Asinh", Each(Var::asinh)),
    ("Atan", Each(Var::atan)),
    ("Atanh", Each(Var::atanh)),
    ("Attention", Other(attention::attention)),
    ("AveragePool", Other(windows::run)),
    ("BatchNormalization", Other(normalisation::batch)),
    ("BitShift", Other(elementwise::bitwise)),
    ("BitwiseAnd", Other(elementwise::bitwise)),
    ("BitwiseNot", Other(elementwise::bitwise)),
    ("BitwiseOr", Other(elementwise::bitwise)),
    ("BitwiseXor", Other(elementwise::bitwise)),
    ("BlackmanWindow", Other(signal::window)),
    ("Cast", Other(elementwise::cast)),
    ("CastLike", Other(elementwise::cast)),
    ("Ceil", Each(Var::ceil)),
    ("Celu", Active(activations::of)),
    ("CenterCropPad", Other(shape::center_crop_pad)),
    ("Clip", Other(elementwise::clip)),
    ("Col2Im", Other(windows::run)),
    ("Compress", Other(indexing::compress)),
    ("Concat", Other(shape::concat)),
    ("Constant", Other(shape::constant)),
    ("ConstantOfShape", Other(shape::constant_of_shape)),
    ("Conv", Other(windows::run)),
    ("ConvTranspose", Other(windows::run)),
    ("Cos", Each(Var::cos)),
    ("Cosh", Each(Var::cosh)),
    ("CumSum", Other(reduce::cumulative)),
    ("DepthToSpace", Other(layers::shuffle)),
    ("DequantizeLinear", Other(quantisation::dequantize)),
    ("Div", Other(elementwise::div)),
    ("Dropout", Other(layers::dropout)),
    ("DynamicQuantizeLinear", Other(quantisation::dynamic)),
    ("Einsum", Other(reduce::einsum)),
    ("Elu", Active(activations::of)),
    ("Equal", Question(Var::equal)),
    ("Erf", Each(Var::erf)),
    ("Exp", Each(Var::exp)),
    ("Expand", Other(shape::expand)),
    ("EyeLike", Other(shape::eye_like)),
    ("Flatten", Other(shape::flatten)),
    ("Floor", Each(Var::floor)),
    ("GRU", Other(recurrent::gru)),
    ("Gather", Other(indexing::gather)),
    ("GatherElements", Other(indexing::gather_elements)),
    ("GatherND", Other(indexing::gather_nd)),
    ("Gelu", Active(activations::of)),
    ("Gemm", Other(layers::gemm)),
    ("GlobalAveragePool", Other(windows::global)),
    ("GlobalMaxPool", Other(windows::global)),
    ("Greater", Question(Var::greater)),
    ("GreaterOrEqual", Question(Var::greater_equal)),
    ("GridSample", Other(resize::grid_sample)),
    ("GroupNormalization", Other(normalisation::by_channel)),
    ("HammingWindow", Other(signal::window)),
    ("HannWindow", Other(signal::window)),
    ("HardSigmoid", Active(activations::of)),
    ("HardSwish", Active(activations::of)),
    ("Hardmax", Other(reduce::hardmax)),
    ("Identity", Other(shape::identity)),
    ("InstanceNormalization", Other(normalisation::by_channel)),
    ("IsInf", Other(elementwise::is_infinite)),
    ("IsNaN", Other(elementwise::is_nan)),
    ("LRN", Other(normalisation::local_response)),
    ("LSTM", Other(recurrent::lstm)),
    ("LayerNormalization", Other(normalisation::rows)),
    ("LeakyRelu", Active(activations::of)),
    ("Less", Question(Var::less)),
    ("LessOrEqual", Question(Var::less_equal)),
    ("Log", Each(Var::ln)),
    ("LogSoftmax", Other(layers::softmax)),
    ("LpNormalization", Other(normalisation::unit)),
    ("LpPool", Other(windows::run)),
    ("MatMul", Other(layers::matmul)),
    ("MatMulInteger", Other(quantisation::matmul)),
    ("Max", Other(elementwise::variadic)),
    ("MaxPool", Other(windows::run)),
    ("MaxUnpool", Other(windows::run)),
    ("Mean", Other(elementwise::variadic)),
    ("MeanVarianceNormalization", Other(normalisation::mean_variance)),
    ("Min", Other(elementwise::variadic)),
    ("Mish", Active(activations::of)),
    ("Mod", Other(elementwise::modulo)),
    ("Momentum", Other(training::run)),
    ("Mul", Pair(|a, b| Ok(a * b))),
    ("Neg", Each(|x| -x)),
    ("NegativeLogLikelihoodLoss", Other(losses::run)),
    ("NonZero", Other(indexing::non_zero)),
    ("Not", Other(elementwise::not)),
    ("OneHot", Other(indexing::one_hot)),
    ("Or", Pair(Var::maximum)),
    ("PRelu", Other(activations::parametric)),
    ("Pad", Other(shape::pad)),
    ("Pow", Pair(Var::pow)),
    ("QLinearMatMul", Other(quantisation::matmul)),
    ("QuantizeLinear", Other(quantisation::quantize)),
    ("RMSNormalization", Other(normalisation::rows)),
    ("RNN", Other(recurrent::simple)),
    ("Range", Other(shape::range)),
    ("Reciprocal", Each(Var::recip)),
    ("ReduceL1", Other(reduce::reduced)),
    ("ReduceL2", Other(reduce::reduced)),
    ("ReduceLogSum", Other(reduce::reduced)),
    ("ReduceLogSumExp", Other(reduce::reduced)),
    ("ReduceMax", Other(reduce::reduced)),
    ("ReduceMean", Other(reduce::reduced)),
    ("ReduceMin", Other(reduce::reduced)),
    ("ReduceProd", Other(reduce::reduced)),
    ("ReduceSum", Other(reduce::reduced)),
    ("ReduceSumSquare", Other(reduce::reduced)),
    ("Relu", Active(activations::of)),
    ("Reshape", Other(shape::reshape)),
    ("Resize", Other(resize::resize)),
    ("ReverseSequence", Other(indexing::reverse_sequence)),
    ("RotaryEmbedding", Other(attention::rotary)),
    ("Round", Each(Var::round)),
    ("Scatter", Other(indexing::scatter_elements)),
    ("ScatterElements", Other(indexing::scatter_elements)),
    ("ScatterND", Other(indexing::scatter_nd)),
    ("Selu", Active(activations::of)),
    ("Shape", Other(shape::shape)),
    ("Shrink", Active(activations::of)),
    ("Sigmoid", Active(activations::of)),
    ("Sign", Each(Var::sign)),
    ("Sin", Each(Var::sin)),
    ("Sinh", Each(Var::sinh)),
    ("Size", Other(shape::size)),
    ("Slice", Other(shape::slice)),
    ("Softmax", Other(layers::softmax)),
    ("SoftmaxCrossEntropyLoss", Other(losses::run)),
    ("Softplus", Active(activations::of)),
    ("Softsign", Active(activations::of)),
    ("SpaceToDepth", Other(layers::shuffle)),
    ("Split", Other(shape::split)),
    ("Sqrt", Each(Var::sqrt)),
    ("Squeeze", Other(shape::squeeze)),
    ("Sub", Pair(|a, b| Ok(a - b))),
    ("Sum", Other(elementwise::variadic)),
    ("Swish", Active(activations::of)),
    ("Tan", Each(Var::tan)),
    ("Tanh", Active(activations::of)),
    ("TensorScatter", Other(indexing::tensor_scatter)),
    ("ThresholdedRelu", Active(activations::of)),
    ("Tile", Other(shape::tile)),
    ("TopK", Other(reduce::top_k)),
    ("Transpose", Other(shape::transpose)),
    ("Trilu", Other(shape::triangle)),
    ("Unsqueeze", Other(shape::unsqueeze)),
    ("Upsample", Other(resize::resize)),
    ("Where", Other(elementwise::choose)),
    ("Xor", Question(Var::not_equal)),
];

/// Why some operators are not in the table.
const ABSENT: &[(&str, &str)] = &[
    ("DeformConv", "deformable convolution, which Keras and PyTorch leave to other libraries"),
    ("ImageDecoder", "image decoding"),
    ("MelWeightMatrix", "signal processing"),
    ("DFT", "signal processing"),
    ("STFT", "signal processing"),
    ("Det", "determinants"),
    ("NonMaxSuppression", "boxes of object detection, which Keras and PyTorch leave to other libraries"),
    ("RoiAlign", "boxes of object detection, which Keras and PyTorch leave to other libraries"),
    ("Bernoulli", "random numbers of another generator"),
    ("RandomNormal", "random numbers of another generator"),
    ("RandomNormalLike", "random numbers of another generator"),
    ("RandomUniform", "random numbers of another generator"),
    ("RandomUniformLike", "random numbers of another generator"),
    ("Unique", "a shape that depends on the numbers"),
    ("TfIdfVectorizer", "counts of word sequences"),
    ("Scan", "control flow (scan)"),
    ("SequenceMap", "control flow (scan)"),
    ("ConvInteger", "convolution of 8-bit numbers"),
    ("QLinearConv", "convolution of 8-bit numbers"),
];

/// The form of an operator.
///
/// # Errors
/// one that is not in the table
pub fn form(op: &str, domain: &str) -> Result<Form> {
    let found = match domain {
        "" | "ai.onnx" | "ai.onnx.preview.training" => OPERATORS.iter().find(|(name, _)| *name == op),
        "ai.onnx.ml" => return Err(unsupported("classical machine learning")),
        _ => return Err(unsupported(format_args!("the operator `{op}` of `{domain}`"))),
    };
    if let Some((_, form)) = found {
        return Ok(*form);
    }
    let is_list = op.starts_with("Sequence") || op.starts_with("Optional") || op.contains("ToSequence");
    let reason = ABSENT.iter().find(|(name, _)| *name == op).map(|(_, reason)| *reason);
    Err(match reason.or(is_list.then_some("sequence type")) {
        Some(reason) => unsupported(reason),
        None => unsupported(format_args!("the operator `{op}`")),
    })
}

/// Computes a node.
pub fn run(node: &Node<'_>, form: Form) -> Outputs {
    match form {
        Form::Each(f) => each(node, node.kind(), |x| Ok(f(x))),
        Form::Activation(of) => {
            let activation = of(node)?;
            each(node, node.kind(), |x| Ok(activation.apply(x)))
        }
        Form::Pair(f) => pair(node, node.kind(), f),
        Form::Question(f) => pair(node, Kind::BOOL, f),
        Form::Other(f) => f(node),
    }
}

/// The activation that a node is.
pub fn activation(node: &Node<'_>) -> Result<Box<dyn Activation>> {
    match form(node.op(), &node.proto.domain)? {
        Form::Activation(of) => of(node),
        _ => Err(Error::value(format!("expected an activation, got `{}`", node.op()))),
    }
}

/// Each number of the first input alone.
fn each(node: &Node<'_>, kind: Kind, f: impl FnOnce(&Var) -> Result<Var>) -> Outputs {
    let (vars, order) = node.aligned(&[node.value(0)?])?;
    Ok(vec![Value::ordered(f(&vars[0])?, order, kind)])
}

/// Two inputs, place by place.
fn pair(node: &Node<'_>, kind: Kind, f: impl FnOnce(&Var, &Var) -> Result<Var>) -> Outputs {
    let (vars, order) = node.aligned(&[node.value(0)?, node.value(1)?])?;
    Ok(vec![Value::ordered(f(&vars[0], &vars[1])?, order, kind)])
}
