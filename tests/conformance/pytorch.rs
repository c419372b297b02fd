//! Agreement with PyTorch, its weights and images turned into our layouts: outputs, gradients, losses, optimizer steps,
//! training runs and initial weights.
//!
//! `tests/fixtures/make_pytorch.py` wrote down what PyTorch gives; `docs/conformance.md` says what is compared and how.

use super::check;

/// Rows of the project's table of differences between PyTorch and Keras, with the cases that prove that our settings
/// give PyTorch's numbers, or that no setting does: see `differs` in the fixture.
const PARITY: &[(&str, &[&str])] = &[
    ("image layout", &["conv.valid", "max_pool.plain", "batch_norm.4d.training"]),
    ("convolution kernel", &["conv.kernel_3_5", "conv.groups_2", "conv.depthwise", "conv.depthwise_multiplier_2"]),
    ("dense kernel", &["dense.plain", "dense.3d"]),
    ("Flatten after a convolution", &["flatten.conv_dense", "flatten.pool_dense"]),
    ("padding \"same\", stride 1", &["conv.same", "conv.same_even_kernel", "conv.dilation_2_same"]),
    ("average pool at the edge", &["avg_pool.counted", "avg_pool.not_counted"]),
    (
        "pool with kernel ≠ stride, ceil mode",
        &["max_pool.overlapping", "max_pool.gaps", "max_pool.ceil", "avg_pool.ceil"],
    ),
    ("BatchNorm", &["batch_norm.4d.training", "batch_norm.rate_0.3", "batch_norm.4d.inference"]),
    ("BatchNorm when frozen", &["batch_norm.2d.frozen", "batch_norm.4d.frozen"]),
    ("Adam", &["adam.default", "adam.tiny"]),
    ("momentum", &["momentum.constant_rate", "momentum.nesterov", "momentum.falling"]),
    ("initial weights", &["default.linear.weight"]),
    ("GELU", &["activation.gelu", "activation.gelu_tanh"]),
    ("cross-entropy", &["sparse_cross_entropy.2d.logits", "sparse_cross_entropy.2d.log_softmax"]),
    ("loss reduction", &["mean_squared.3d", "sparse_cross_entropy.3d.logits"]),
    ("Dropout", &["dropout.training_0.1", "dropout.training_0.5", "dropout.inference"]),
];

#[test]
fn agrees_with_pytorch() {
    let counts =
        [("layer", 112), ("loss", 49), ("optimizer", 11), ("training", 3), ("dropout", 3), ("initializer", 13)];
    check("pytorch", &counts, PARITY);
}

#[test]
fn optimizers_and_schedules_agree_with_pytorch() {
    check("optimizers_pytorch", &[("stepper", 20), ("lbfgs", 5), ("schedule", 14)], &[]);
}

/// The same for convolutions, pools and shape layers of all ranks.
const CONVOLUTION: &[(&str, &[&str])] = &[
    ("convolution kernel", &["depthwise2d.multiplier_2", "conv1d.depthwise", "conv_transpose2d.groups_2"]),
    (
        "transposed convolution",
        &[
            "conv_transpose2d.padding_output_padding",
            "conv_transpose2d.output_padding_over_stride",
            "conv_transpose1d.stride_over_kernel_explicit",
        ],
    ),
    ("average pool at the edge", &["avg_pool1d.counted_ceil", "avg_pool3d.counted_ceil", "avg_pool2d.padding"]),
    ("pool with kernel ≠ stride, ceil mode", &["max_pool2d.padding_ceil", "avg_pool1d.ceil_larger_than_input"]),
];

#[test]
fn convolutions_agree_with_pytorch() {
    check("convolution_pytorch", &[("layer", 115)], CONVOLUTION);
}

#[test]
fn normalisation_noise_and_activations_agree_with_pytorch() {
    let counts = [("layer", 52), ("coin", 4), ("initializer", 8)];
    let parity: &[(&str, &[&str])] = &[
        ("LayerNorm epsilon", &["layer_norm.vectors", "layer_norm.axes"]),
        ("BatchNorm", &["batch_norm.3d.training", "batch_norm.5d.inference"]),
    ];
    check("normalisation_pytorch", &counts, parity);
}

/// Cases of `tests/fixtures/make_recurrent_pytorch.py`.
const RECURRENT: &[(&str, &[&str])] = &[
    ("LSTM", &["lstm.last", "lstm.steps_50", "lstm.states", "lstm.right_zeros"]),
    ("GRU", &["gru.last", "gru.steps_50", "gru.states", "gru.right_zeros"]),
];

#[test]
fn recurrent_layers_agree_with_pytorch() {
    check("recurrent_pytorch", &[("recurrent", 47)], RECURRENT);
}

#[test]
fn attention_agrees_with_pytorch() {
    check("attention_pytorch", &[("attention", 62)], &[]);
}

#[test]
fn options_and_reductions_of_losses_agree_with_pytorch() {
    check("losses_pytorch", &[("loss", 62)], &[]);
}

#[test]
fn resizing_and_sampling_agree_with_pytorch() {
    check("sampling_pytorch", &[("layer", 24), ("sampling", 28)], &[]);
}

#[test]
fn adapters_and_distillation_agree_with_peft_and_pytorch() {
    check("tuning_pytorch", &[("lora", 5), ("loss", 4)], &[]);
}
