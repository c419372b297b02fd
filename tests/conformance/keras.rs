//! Agreement with Keras: outputs, gradients, losses, optimizer steps, training runs, initial weights and metrics.
//!
//! `tests/fixtures/make_keras.py` wrote down what Keras gives; `docs/conformance.md` says what is compared and how.

use super::check;

/// Rows of the project's table of differences between Keras and PyTorch, with the cases that prove our side. Ours are
/// Keras' choices, except where the row says otherwise.
const PARITY: &[(&str, &[&str])] = &[
    ("image layout", &["conv.valid", "max_pool.plain", "batch_norm.4d.training"]),
    ("convolution kernel", &["conv.kernel_3_5", "conv.groups_2", "conv.groups_3"]),
    ("dense kernel", &["dense.plain", "dense.3d"]),
    ("Flatten after a convolution", &["flatten.conv_dense", "flatten.pool_dense"]),
    (
        "padding \"same\", stride 2",
        &["conv.same_stride_2_7x7", "conv.same_stride_2_8x8", "conv.same_stride_2_kernel_2_7x8", "max_pool.same_7x8"],
    ),
    ("average pool at the edge", &["avg_pool.same_7x7", "avg_pool.same_3_stride_2_8x8", "avg_pool.same_stride_1"]),
    ("pool with kernel ≠ stride", &["max_pool.overlapping", "max_pool.gaps", "avg_pool.overlapping", "avg_pool.gaps"]),
    ("BatchNorm", &["batch_norm.4d.training", "batch_norm.2d.training", "batch_norm.4d.inference"]),
    ("BatchNorm when frozen", &["batch_norm.2d.frozen", "batch_norm.4d.frozen"]),
    ("Adam", &["adam.default", "adam.tiny"]),
    ("momentum", &["momentum.falling", "momentum.nesterov_falling"]),
    ("initial weights", &["default.dense.kernel", "default.dense.bias", "default.conv.kernel", "default.conv.bias"]),
    ("GELU", &["activation.gelu", "activation.gelu_tanh", "dense.gelu", "dense.gelu_tanh"]),
    (
        "cross-entropy",
        &[
            "cross_entropy.2d.probabilities",
            "sparse_cross_entropy.2d.probabilities",
            "cross_entropy.clipped",
            "sparse_cross_entropy.clipped",
            "cross_entropy.extreme.softmax",
            "sparse_cross_entropy.extreme.softmax",
            "binary_cross_entropy.clipped",
            "binary_cross_entropy.extreme.sigmoid",
        ],
    ),
    ("loss reduction", &["mean_squared.3d", "cross_entropy.3d.logits", "training.regression_sgd"]),
    ("Dropout", &["dropout.training_0.1", "dropout.training_0.5", "dropout.inference"]),
];

#[test]
fn agrees_with_keras() {
    let counts = [
        ("layer", 139),
        ("loss", 64),
        ("optimizer", 14),
        ("training", 4),
        ("dropout", 3),
        ("initializer", 36),
        ("metric", 21),
    ];
    check("keras", &counts, PARITY);
}

/// The same for convolutions, pools and shape layers of all ranks.
const CONVOLUTION: &[(&str, &[&str])] = &[
    ("convolution kernel", &["depthwise2d.multiplier_2", "separable2d.multiplier_2_relu", "conv_transpose2d.valid"]),
    ("padding \"same\", stride 2", &["conv1d.same_stride_2", "conv3d.same_stride_2", "max_pool3d.same"]),
    ("transposed convolution", &["conv_transpose2d.same_stride_2", "conv_transpose2d.stride_over_kernel"]),
    ("average pool at the edge", &["avg_pool1d.same", "avg_pool3d.same"]),
];

#[test]
fn convolutions_agree_with_keras() {
    check("convolution_keras", &[("layer", 91)], CONVOLUTION);
}

#[test]
fn normalisation_noise_and_activations_agree_with_keras() {
    let counts = [("layer", 86), ("coin", 5), ("initializer", 17)];
    check("normalisation_keras", &counts, &[]);
}

/// Cases of `tests/fixtures/make_recurrent_keras.py`.
const RECURRENT: &[(&str, &[&str])] = &[
    ("LSTM", &["lstm.last", "lstm.steps_50", "lstm.states", "lstm.holes_sequences"]),
    ("GRU", &["gru.last", "gru.reset_before", "gru.steps_50", "gru.reset_before_steps_50"]),
];

#[test]
fn recurrent_layers_agree_with_keras() {
    check("recurrent_keras", &[("recurrent", 96)], RECURRENT);
}

#[test]
fn merges_penalties_and_constraints_agree_with_keras() {
    let counts = [("merge", 17), ("penalty", 4), ("constraint", 8), ("functional", 1)];
    check("structure_keras", &counts, &[]);
}

#[test]
fn preprocessing_agrees_with_keras() {
    check("data_keras", &[("normalization", 4), ("vectorization", 4), ("padding", 6)], &[]);
}

#[test]
fn attention_agrees_with_keras() {
    check("attention_keras", &[("attention", 24)], &[]);
}

#[test]
fn options_weights_masks_and_reductions_of_losses_agree_with_keras() {
    check("losses_keras", &[("loss", 114), ("training", 3)], &[]);
}

#[test]
fn optimizers_and_schedules_agree_with_keras() {
    check("optimizers_keras", &[("stepper", 51), ("schedule", 16)], &[]);
}

#[test]
fn resizing_and_masked_moments_agree_with_keras() {
    check("sampling_keras", &[("layer", 16)], &[]);
}
