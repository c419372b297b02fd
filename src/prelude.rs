//! What most programs need: `use gradus::prelude::*`.
//!
//! It has the traits, and the layers, losses, metrics, optimizers and callbacks that most networks are made of. The others are in their
//! modules: [`activations`](crate::activations), [`augment`](crate::data::augment), [`callbacks`](crate::callbacks),
//! [`constraints`](crate::constraints), [`initializers`](crate::initializers), [`layers`](crate::layers), [`losses`](crate::losses),
//! [`metrics`](crate::metrics), [`optimizers`](crate::optimizers), [`preprocessing`](crate::preprocessing),
//! [`regularizers`](crate::regularizers).
//!
//! ```
//! use gradus::layers::Concatenate;
//! use gradus::prelude::*;
//! ```

pub use ndarray;

pub use crate::activations::{
    Activation, Elu, Gelu, LeakyRelu, Linear, LogSoftmax, Relu, Sigmoid, Silu, Softmax, Tanh,
};
pub use crate::autograd::{Gradients, InputGrads, Lora, Op, Param, ParamList, Tape, Var};
pub use crate::data::{Dataset, mnist};
pub use crate::error::{Error, Result};
pub use crate::initializers::{HeNormal, HeUniform, Initializer, Ones, XavierNormal, XavierUniform, Zeros};
pub use crate::layers::{
    AvgPool2d, BatchNorm, Bidirectional, Conv1d, Conv2d, Conv3d, ConvTranspose2d, Dense, DepthwiseConv2d, Dropout,
    Embedding, Flatten, GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d, Graph, GroupNorm, Gru,
    Layer, LayerNorm, Lstm, Masking, MaxPool1d, MaxPool2d, MultiHeadAttention, Normalization, Padding, Reshape,
    Residual, RmsNorm, SeparableConv2d, Sequential, SimpleRnn, TimeDistributed, TransformerEncoder, UpSample2d,
    ZeroPad2d,
};
pub use crate::losses::{
    BinaryCrossEntropy, CrossEntropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SparseCrossEntropy,
};
pub use crate::metrics::{
    Accuracy, Auc, ConfusionMatrix, FBeta, MeanAbsolute, MeanSquared, Metric, Precision, R2, Recall, RootMeanSquared,
    TopKAccuracy,
};
pub use crate::model::Model;
pub use crate::optimizers::{Adam, AdamW, Clip, Momentum, Optimizer, RmsProp, Schedule, Sgd, Stepper};
pub use crate::regularizers::{L1, L2};
pub use crate::tensor::{Float, IntoTensor, Tensor};
pub use crate::training::callbacks::{
    Backup, Callback, Checkpoint, CsvLog, EarlyStopping, LambdaCallback, ReduceOnPlateau, Run,
};
pub use crate::training::{Fit, History, Loop, Trainer};
