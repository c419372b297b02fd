//! What most programs need: `use gradus::prelude::*`.

pub use ndarray;

pub use crate::activations::*;
pub use crate::autograd::{Dependence, Gradients, InputGrads, Lora, Noise, Op, Param, ParamList, Tape, Var};
pub use crate::constraints::{Constraint, MaxNorm, MinMaxNorm, NonNegative, UnitLength};
pub use crate::data::{
    Dataset, Inputs, Mnist,
    augment::{
        Augment, CutMix, Mix, MixUp, RandomBrightness, RandomContrast, RandomCrop, RandomElasticTransform,
        RandomErasing, RandomFlip, RandomRotation, RandomTranslation, RandomZoom,
    },
    mnist,
};
pub use crate::error::{Error, Result};
pub use crate::initializers::{
    Constant, Fan, HeNormal, HeUniform, Identity, Initializer, KaimingNormal, KaimingUniform, LecunNormal,
    LecunUniform, Ones, Orthogonal, RandomNormal, RandomUniform, Spread, TruncatedNormal, VarianceScaling,
    XavierNormal, XavierUniform, Zeros,
};
pub use crate::layers::*;
pub use crate::losses::*;
pub use crate::metrics::*;
pub use crate::model::Model;
pub use crate::ops::PadMode;
pub use crate::optimizers::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Clip, Group, Lamb, Lbfgs, Lion, Lookahead, Momentum,
    MovingAverage, Muon, Nadam, Optimizer, RAdam, RmsProp, Schedule, Sgd, Stepper,
};
pub use crate::preprocessing::{PaddedSequences, StringLookup, TextVectorization, one_hot};
pub use crate::regularizers::{L1, L1L2, L2, OrthogonalColumns, Regularizer};
pub use crate::tensor::{Float, IntoTensor, Tensor};
pub use crate::training::callbacks::*;
pub use crate::training::*;
