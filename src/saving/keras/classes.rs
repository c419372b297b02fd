//! The one table of Keras' classes and our kinds. Settings have Keras' names, so that it lists only where the two differ.

/// A class of Keras, our kind, and settings under Keras' name and ours; one without a name here is nothing to us.
pub(super) type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Keras 2 writes settings of the convolution that these are built on.
const OF_CONVOLUTION: &[(&str, &str)] = &[
    ("filters", ""),
    ("groups", ""),
    ("kernel_initializer", ""),
    ("kernel_regularizer", ""),
    ("kernel_constraint", ""),
];
const SEPARABLE: &[(&str, &str)] = OF_CONVOLUTION.split_at(1).1;
const BATCH_NORM: &[(&str, &str)] = &[
    ("axis", ""),
    ("moving_mean_initializer", ""),
    ("moving_variance_initializer", ""),
    ("fused", ""),
    ("synchronized", ""),
    ("renorm_clipping", ""),
    ("renorm_momentum", ""),
    ("virtual_batch_size", ""),
];

/// The layers; `#` is a number of axes.
pub(super) const LAYERS: &[Row] = &[
    ("Dense", "Dense", &[]),
    ("Conv#D", "Conv#d", &[]),
    ("Conv#DTranspose", "ConvTranspose#d", &[]),
    ("DepthwiseConv#D", "DepthwiseConv#d", OF_CONVOLUTION),
    ("SeparableConv#D", "SeparableConv#d", SEPARABLE),
    ("MaxPooling#D", "MaxPool#d", &[]),
    ("AveragePooling#D", "AvgPool#d", &[]),
    ("GlobalMaxPooling#D", "GlobalMaxPool#d", &[("keepdims", "")]),
    ("GlobalAveragePooling#D", "GlobalAvgPool#d", &[("keepdims", "")]),
    ("AdaptiveMaxPooling#D", "AdaptiveMaxPool#d", &[]),
    ("AdaptiveAveragePooling#D", "AdaptiveAvgPool#d", &[]),
    ("ZeroPadding#D", "ZeroPad#d", &[]),
    ("Cropping#D", "Crop#d", &[]),
    ("UpSampling#D", "UpSample#d", &[]),
    ("CenterCrop", "CenterCrop", &[]),
    ("Rescaling", "Rescaling", &[]),
    ("Embedding", "Embedding", &[]),
    ("SimpleRNN", "SimpleRnn", &[]),
    ("LSTM", "Lstm", &[]),
    ("GRU", "Gru", &[]),
    ("Attention", "Attention", &[]),
    ("AdditiveAttention", "AdditiveAttention", &[]),
    ("BatchNormalization", "BatchNorm", BATCH_NORM),
    ("LayerNormalization", "LayerNorm", &[("axis", "axes")]),
    ("RMSNormalization", "RmsNorm", &[("axis", "axes")]),
    ("GroupNormalization", "GroupNorm", &[("axis", "")]),
    ("UnitNormalization", "UnitNorm", &[("axis", "axes")]),
    ("Normalization", "Normalization", &[("axis", "")]),
    ("Dropout", "Dropout", &[]),
    ("SpatialDropout#D", "SpatialDropout#d", &[]),
    ("AlphaDropout", "AlphaDropout", &[]),
    ("GaussianDropout", "GaussianDropout", &[]),
    ("GaussianNoise", "GaussianNoise", &[]),
    ("Masking", "Masking", &[]),
    ("Flatten", "Flatten", &[]),
    ("Reshape", "Reshape", &[]),
    ("Permute", "Permute", &[]),
    ("RepeatVector", "RepeatVector", &[]),
    ("Add", "Add", &[]),
    ("Subtract", "Subtract", &[]),
    ("Multiply", "Multiply", &[]),
    ("Average", "Average", &[]),
    ("Maximum", "Maximum", &[]),
    ("Minimum", "Minimum", &[]),
    ("Concatenate", "Concatenate", &[]),
    ("Dot", "Dot", &[]),
    ("PReLU", "PRelu", &[]),
    ("LeakyReLU", "LeakyRelu", &[("alpha", "negative_slope")]),
    ("ELU", "Elu", &[]),
    ("ReLU", "ReluWith", &[]),
    ("Identity", "Linear", &[]),
];

/// The name after `to`, such as `Conv1d`, that belongs to a name after `from`, such as `Conv1D` after `Conv#D`.
pub(super) fn translated(name: &str, from: &str, to: &str) -> Option<String> {
    let Some((before, after)) = from.split_once('#') else { return (name == from).then(|| to.into()) };
    let axes = name.strip_prefix(before)?.strip_suffix(after)?;
    ["1", "2", "3"].contains(&axes).then(|| to.replace('#', axes))
}

/// An activation of Keras, our kind, and Keras' defaults of the function of that name.
pub(super) type Function = (&'static str, &'static str, &'static [(&'static str, f64)]);

/// The activations.
pub(super) const ACTIVATIONS: &[Function] = &[
    ("linear", "Linear", &[]),
    ("relu", "Relu", &[]),
    ("relu6", "Relu6", &[]),
    ("leaky_relu", "LeakyRelu", &[("negative_slope", 0.2)]),
    ("elu", "Elu", &[("alpha", 1.0)]),
    ("selu", "Selu", &[]),
    ("celu", "Celu", &[("alpha", 1.0)]),
    ("exponential", "Exponential", &[]),
    ("gelu", "Gelu", &[]),
    ("hard_sigmoid", "HardSigmoid", &[]),
    ("hard_silu", "HardSilu", &[]),
    ("hard_swish", "HardSilu", &[]),
    ("hard_tanh", "HardTanh", &[]),
    ("hard_shrink", "HardShrink", &[("threshold", 0.5)]),
    ("soft_shrink", "SoftShrink", &[("threshold", 0.5)]),
    ("tanh_shrink", "TanhShrink", &[]),
    ("log_sigmoid", "LogSigmoid", &[]),
    ("log_softmax", "LogSoftmax", &[]),
    ("mish", "Mish", &[]),
    ("sigmoid", "Sigmoid", &[]),
    ("silu", "Silu", &[]),
    ("swish", "Silu", &[]),
    ("softmax", "Softmax", &[]),
    ("softplus", "Softplus", &[]),
    ("softsign", "Softsign", &[]),
    ("squareplus", "Squareplus", &[("b", 4.0)]),
    ("sparsemax", "Sparsemax", &[]),
    ("tanh", "Tanh", &[]),
];

/// Initializers, regularizers and constraints: Keras' class, its name as a function, our kind.
pub(super) const PARTS: &[(&str, &str, &str)] = &[
    ("GlorotUniform", "glorot_uniform", "XavierUniform"),
    ("GlorotNormal", "glorot_normal", "XavierNormal"),
    ("HeUniform", "he_uniform", "HeUniform"),
    ("HeNormal", "he_normal", "HeNormal"),
    ("LecunUniform", "lecun_uniform", "LecunUniform"),
    ("LecunNormal", "lecun_normal", "LecunNormal"),
    ("VarianceScaling", "variance_scaling", "VarianceScaling"),
    ("Zeros", "zeros", "Zeros"),
    ("Ones", "ones", "Ones"),
    ("Constant", "constant", "Constant"),
    ("RandomNormal", "random_normal", "RandomNormal"),
    ("RandomNormal", "normal", "RandomNormal"),
    ("RandomUniform", "random_uniform", "RandomUniform"),
    ("RandomUniform", "uniform", "RandomUniform"),
    ("TruncatedNormal", "truncated_normal", "TruncatedNormal"),
    ("Orthogonal", "orthogonal", "Orthogonal"),
    ("Identity", "identity", "Identity"),
    ("L1", "l1", "L1"),
    ("L2", "l2", "L2"),
    ("L1L2", "l1_l2", "L1L2"),
    ("NonNeg", "non_neg", "NonNegative"),
    ("MaxNorm", "max_norm", "MaxNorm"),
    ("MinMaxNorm", "min_max_norm", "MinMaxNorm"),
    ("UnitNorm", "unit_norm", "UnitLength"),
];

/// Functions of [`Operator`](crate::layers::Operator), by Keras' classes.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    ("Add", "add"),
    ("Subtract", "subtract"),
    ("Multiply", "multiply"),
    ("Divide", "divide"),
    ("TrueDivide", "divide"),
    ("Maximum", "maximum"),
    ("Minimum", "minimum"),
    ("Power", "power"),
    ("Matmul", "matmul"),
    ("Negative", "negative"),
    ("Absolute", "absolute"),
    ("Abs", "absolute"),
    ("Exp", "exp"),
    ("Log", "log"),
    ("Sqrt", "sqrt"),
    ("Square", "square"),
    ("Reciprocal", "reciprocal"),
    ("Sin", "sin"),
    ("Cos", "cos"),
    ("Mean", "mean"),
    ("Sum", "sum"),
    ("Max", "max"),
    ("Min", "min"),
    ("ExpandDims", "expand_dims"),
    ("Squeeze", "squeeze"),
];

/// Settings that say nothing about what a layer computes here: names, types, where random numbers come from, how the steps are run.
pub(super) const NO_SETTINGS: &[&str] = &[
    "name",
    "trainable",
    "dtype",
    "autocast",
    "seed",
    "batch_input_shape",
    "batch_shape",
    "input_length",
    "sparse",
    "ragged",
    "implementation",
    "unroll",
    "use_cudnn",
    "flash_attention",
    "return_state",
];

/// Settings of Keras of which only one value is expressible; nothing (`null`) always is.
pub(super) const FIXED: &[(&str, &str)] = &[
    ("data_format", "\"channels_last\""),
    ("stateful", "false"),
    ("score_mode", "\"dot\""),
    ("time_major", "false"),
    ("invert", "false"),
    ("renorm", "false"),
    ("use_gate", "false"),
    ("rms_scaling", "false"),
    ("crop_to_aspect_ratio", "false"),
    ("pad_to_aspect_ratio", "false"),
    ("activity_regularizer", "null"),
    ("noise_shape", "null"),
    ("lora_rank", "null"),
    ("sliding_window", "null"),
    ("quantization_config", "null"),
];
