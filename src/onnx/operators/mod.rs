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
use super::value::{ElementType, Value};
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

/// All operators, by the names of those that compute alike.
pub const OPERATORS: &[(&str, Form)] = &[
    ("Abs", Each(Var::abs)),
    ("Acos", Each(Var::acos)),
    ("Acosh", Each(Var::acosh)),
    ("Adagrad Adam Momentum", Other(training::run)),
    ("Add", Pair(|a, b| Ok(a + b))),
    ("AffineGrid", Other(resize::affine_grid)),
    ("And Mul", Pair(|a, b| Ok(a * b))),
    ("ArgMax ArgMin", Other(reduce::arg)),
    ("Asin", Each(Var::asin)),
    ("Asinh", Each(Var::asinh)),
    ("Atan", Each(Var::atan)),
    ("Atanh", Each(Var::atanh)),
    ("Attention", Other(attention::attention)),
    ("AveragePool Col2Im Conv ConvTranspose LpPool MaxPool MaxUnpool", Other(windows::run)),
    ("BatchNormalization", Other(normalisation::batch)),
    ("BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor", Other(elementwise::bitwise)),
    ("BlackmanWindow HammingWindow HannWindow", Other(signal::window)),
    ("Cast CastLike", Other(elementwise::cast)),
    ("Ceil", Each(Var::ceil)),
    ("Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish Relu Selu Shrink Sigmoid Softplus", Active(activations::of)),
    ("Softsign Swish Tanh ThresholdedRelu", Active(activations::of)),
    ("CenterCropPad", Other(shape::center_crop_pad)),
    ("Clip", Other(elementwise::clip)),
    ("Compress", Other(indexing::compress)),
    ("Concat", Other(shape::concat)),
    ("Constant", Other(shape::constant)),
    ("ConstantOfShape", Other(shape::constant_of_shape)),
    ("Cos", Each(Var::cos)),
    ("Cosh", Each(Var::cosh)),
    ("CumSum", Other(reduce::cumulative)),
    ("DepthToSpace SpaceToDepth", Other(layers::shuffle)),
    ("DequantizeLinear", Other(quantisation::dequantize)),
    ("Div", Other(elementwise::div)),
    ("Dropout", Other(layers::dropout)),
    ("DynamicQuantizeLinear", Other(quantisation::dynamic)),
    ("Einsum", Other(reduce::einsum)),
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
    ("Gemm", Other(layers::gemm)),
    ("GlobalAveragePool GlobalMaxPool", Other(windows::global)),
    ("Greater", Question(Var::greater)),
    ("GreaterOrEqual", Question(Var::greater_equal)),
    ("GridSample", Other(resize::grid_sample)),
    ("GroupNormalization InstanceNormalization", Other(normalisation::by_channel)),
    ("Hardmax", Other(reduce::hardmax)),
    ("Identity", Other(shape::identity)),
    ("IsInf", Other(elementwise::is_infinite)),
    ("IsNaN", Other(elementwise::is_nan)),
    ("LRN", Other(normalisation::local_response)),
    ("LSTM", Other(recurrent::lstm)),
    ("LayerNormalization RMSNormalization", Other(normalisation::rows)),
    ("Less", Question(Var::less)),
    ("LessOrEqual", Question(Var::less_equal)),
    ("Log", Each(Var::ln)),
    ("LogSoftmax Softmax", Other(layers::softmax)),
    ("LpNormalization", Other(normalisation::unit)),
    ("MatMul", Other(layers::matmul)),
    ("MatMulInteger QLinearMatMul", Other(quantisation::matmul)),
    ("Max Mean Min Sum", Other(elementwise::variadic)),
    ("MeanVarianceNormalization", Other(normalisation::mean_variance)),
    ("Mod", Other(elementwise::modulo)),
    ("Neg", Each(|x| -x)),
    ("NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss", Other(losses::run)),
    ("NonZero", Other(indexing::non_zero)),
    ("Not", Other(elementwise::not)),
    ("OneHot", Other(indexing::one_hot)),
    ("Or", Pair(Var::maximum)),
    ("PRelu", Other(activations::parametric)),
    ("Pad", Other(shape::pad)),
    ("Pow", Pair(Var::pow)),
    ("QuantizeLinear", Other(quantisation::quantize)),
    ("RNN", Other(recurrent::simple)),
    ("Range", Other(shape::range)),
    ("Reciprocal", Each(Var::recip)),
    ("ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin", Other(reduce::reduced)),
    ("ReduceProd ReduceSum ReduceSumSquare", Other(reduce::reduced)),
    ("Reshape", Other(shape::reshape)),
    ("Resize Upsample", Other(resize::resize)),
    ("ReverseSequence", Other(indexing::reverse_sequence)),
    ("RotaryEmbedding", Other(attention::rotary)),
    ("Round", Each(Var::round)),
    ("Scatter ScatterElements", Other(indexing::scatter_elements)),
    ("ScatterND", Other(indexing::scatter_nd)),
    ("Shape", Other(shape::shape)),
    ("Sign", Each(Var::sign)),
    ("Sin", Each(Var::sin)),
    ("Sinh", Each(Var::sinh)),
    ("Size", Other(shape::size)),
    ("Slice", Other(shape::slice)),
    ("Split", Other(shape::split)),
    ("Sqrt", Each(Var::sqrt)),
    ("Squeeze", Other(shape::squeeze)),
    ("Sub", Pair(|a, b| Ok(a - b))),
    ("Tan", Each(Var::tan)),
    ("TensorScatter", Other(indexing::tensor_scatter)),
    ("Tile", Other(shape::tile)),
    ("TopK", Other(reduce::top_k)),
    ("Transpose", Other(shape::transpose)),
    ("Trilu", Other(shape::triangle)),
    ("Unsqueeze", Other(shape::unsqueeze)),
    ("Where", Other(elementwise::choose)),
    ("Xor", Question(Var::not_equal)),
];

/// Why some operators are not in the table.
const ABSENT: &[(&str, &str)] = &[
    ("DeformConv", "deformable convolution, which Keras and PyTorch leave to other libraries"),
    ("ImageDecoder", "image decoding"),
    ("MelWeightMatrix DFT STFT", "signal processing"),
    ("Det", "determinants"),
    ("NonMaxSuppression RoiAlign", "boxes of object detection, which Keras and PyTorch leave to other libraries"),
    ("Bernoulli RandomNormal RandomNormalLike RandomUniform RandomUniformLike", "random numbers of another generator"),
    ("Unique", "a shape that depends on the numbers"),
    ("TfIdfVectorizer", "counts of word sequences"),
    ("Scan SequenceMap", "control flow (scan)"),
    ("ConvInteger QLinearConv", "convolution of 8-bit numbers; export the model as it was before quantisation"),
];

/// The form of an operator.
///
/// # Errors
/// one that is not in the table
pub fn form(op: &str, domain: &str) -> Result<Form> {
    let is_among = |names: &str| names.split(' ').any(|name| name == op);
    let found = match domain {
        "" | "ai.onnx" | "ai.onnx.preview.training" => OPERATORS.iter().find(|(names, _)| is_among(names)),
        "ai.onnx.ml" => return Err(unsupported("classical machine learning")),
        _ => return Err(unsupported(format_args!("the operator `{op}` of `{domain}`"))),
    };
    if let Some((_, form)) = found {
        return Ok(*form);
    }
    let is_list = op.starts_with("Sequence") || op.starts_with("Optional") || op.contains("ToSequence");
    let reason = ABSENT.iter().find(|(names, _)| is_among(names)).map(|(_, reason)| *reason);
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
        Form::Question(f) => pair(node, ElementType::BOOL, f),
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
fn each(node: &Node<'_>, kind: ElementType, f: impl FnOnce(&Var) -> Result<Var>) -> Outputs {
    let (vars, order) = node.aligned(&[node.value(0)?])?;
    Ok(vec![Value::ordered(f(&vars[0])?, order, kind)])
}

/// Two inputs, place by place.
fn pair(node: &Node<'_>, kind: ElementType, f: impl FnOnce(&Var, &Var) -> Result<Var>) -> Outputs {
    let (vars, order) = node.aligned(&[node.value(0)?, node.value(1)?])?;
    Ok(vec![Value::ordered(f(&vars[0], &vars[1])?, order, kind)])
}
