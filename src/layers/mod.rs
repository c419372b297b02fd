//! Layers: parameters plus a forward pass. [`Layer`] is the trait, which containers of layers and whole models implement, too.
//!
//! Images are `[batch, height, width, channels]`, sequences `[batch, time, features]`. Layers whose name ends in `1d`, `2d` or `3d` work over
//! one, two or three axes between the batch and the channels; the type without that ending is generic over their number.
//!
//! **Containers**
//!
//! | | |
//! | --- | --- |
//! | [`Sequential`] | layers one after the other |
//! | [`Graph`] | layers joined by name: several inputs and outputs, shared layers ([`Names`]) |
//! | [`Residual`], [`Parallel`] | a way around a layer; layers side by side |
//! | [`TimeDistributed`] | the same layer on each step |
//! | [`Distilled`] | a student with its teacher |
//! | [`Layer`], [`Vars`] | the trait of all of them, and what they take and give |
//!
//! **Dense and embedded**
//!
//! | | |
//! | --- | --- |
//! | [`Dense`] | fully connected |
//! | [`Embedding`] | a vector for each id |
//! | [`TiedDense`] | from vectors back to ids, with the weights of an embedding |
//!
//! **Convolution** ([`Padding`] and [`Size`] are settings of windows)
//!
//! | | |
//! | --- | --- |
//! | [`Conv1d`], [`Conv2d`], [`Conv3d`], [`Conv`] | convolution, in groups or dilated |
//! | [`ConvTranspose1d`], [`ConvTranspose2d`], [`ConvTranspose3d`], [`ConvTranspose`] | transposed convolution |
//! | [`DepthwiseConv1d`], [`DepthwiseConv2d`], [`DepthwiseConv`] | each channel on its own |
//! | [`SeparableConv1d`], [`SeparableConv2d`], [`SeparableConv`] | depthwise, then a 1 × 1 convolution |
//! | [`Unfold1d`], [`Unfold2d`], [`Unfold3d`], [`Unfold`] | windows as rows |
//! | [`Fold1d`], [`Fold2d`], [`Fold3d`], [`Fold`] | rows back to windows, which are added |
//!
//! **Pooling**
//!
//! | | |
//! | --- | --- |
//! | [`MaxPool1d`], [`MaxPool2d`], [`MaxPool3d`], [`MaxPool`] | the greatest of each window |
//! | [`AvgPool1d`], [`AvgPool2d`], [`AvgPool3d`], [`AvgPool`] | the mean of each window |
//! | [`GlobalMaxPool1d`], [`GlobalMaxPool2d`], [`GlobalMaxPool3d`] | the greatest of each channel |
//! | [`GlobalAvgPool1d`], [`GlobalAvgPool2d`], [`GlobalAvgPool3d`] | the mean of each channel |
//! | [`AdaptiveMaxPool1d`], [`AdaptiveMaxPool2d`], [`AdaptiveMaxPool3d`], [`AdaptiveMaxPool`] | to a given size, by maxima |
//! | [`AdaptiveAvgPool1d`], [`AdaptiveAvgPool2d`], [`AdaptiveAvgPool3d`], [`AdaptiveAvgPool`] | to a given size, by means |
//! | [`MaxUnpool1d`], [`MaxUnpool2d`], [`MaxUnpool3d`], [`MaxUnpool`] | back to the places of the maxima |
//!
//! **Normalization**
//!
//! | | |
//! | --- | --- |
//! | [`BatchNorm`] | each channel over the batch |
//! | [`LayerNorm`], [`RmsNorm`] | each example or step over its features |
//! | [`GroupNorm`], [`InstanceNorm`] | each example over groups of channels, or each channel |
//! | [`UnitNorm`] | to length 1 |
//! | [`SpectralNorm`] | the kernel of a layer, by its greatest singular value |
//! | [`Normalization`] | inputs, by mean and variance of the data |
//!
//! **Recurrence**
//!
//! | | |
//! | --- | --- |
//! | [`Lstm`], [`Gru`], [`SimpleRnn`] | over the steps of a sequence; [`Recurrent`] has what they share ([`StepOptions`]) |
//! | [`Bidirectional`] | in both directions ([`Merge`]) |
//! | [`Rnn`], [`Cell`] | with a cell of your own |
//! | [`WithState`] | the state as a second input and output |
//! | [`Masking`] | marks padding, which the layers after it leave out |
//!
//! **Attention**
//!
//! | | |
//! | --- | --- |
//! | [`MultiHeadAttention`] | of a sequence to itself |
//! | [`CrossAttention`] | of one sequence to another |
//! | [`Attention`], [`AdditiveAttention`] | Keras' layers without weights of heads |
//! | [`TransformerEncoder`], [`TransformerDecoder`] | blocks of attention and dense layers |
//! | [`LearnedPositions`], [`SinusoidalPositions`], [`RotaryEmbedding`] | where a step stands |
//! | [`scaled_dot_product_attention`], [`AttentionOptions`], [`KeyValueCache`] | the function behind them, and the memory of a generation |
//!
//! **Shapes**
//!
//! | | |
//! | --- | --- |
//! | [`Flatten`], [`Reshape`], [`Permute`], [`RepeatVector`] | the same numbers in other shapes |
//! | [`ZeroPad1d`], [`ZeroPad2d`], [`ZeroPad3d`], [`ZeroPad`], [`Border`] | zeros around |
//! | [`Crop1d`], [`Crop2d`], [`Crop3d`], [`Crop`], [`CenterCrop`] | edges cut off |
//! | [`UpSample1d`], [`UpSample2d`], [`UpSample3d`], [`UpSample`] | larger by a whole factor |
//! | [`Resize1d`], [`Resize2d`], [`Resize3d`], [`Resize`], [`ResizeTo`], [`Interpolation`] | to any size |
//! | [`PixelShuffle`], [`PixelUnshuffle`] | channels to pixels, and back |
//! | [`GridSample2d`], [`GridSample3d`], [`GridSample`], [`Outside`] | pixels at given places |
//! | [`AffineGrid2d`], [`AffineGrid3d`], [`AffineGrid`] | these places, by a matrix |
//!
//! **Merging** (take several inputs, in a [`Graph`])
//!
//! | | |
//! | --- | --- |
//! | [`Concatenate`] | along an axis |
//! | [`Add`], [`Subtract`], [`Multiply`], [`Average`], [`Maximum`], [`Minimum`], [`Dot`] | number by number, or as a product |
//! | [`Operator`] | any function of arrays, by its name |
//!
//! **Noise and regularization**
//!
//! | | |
//! | --- | --- |
//! | [`Dropout`], [`AlphaDropout`] | drops numbers in training |
//! | [`SpatialDropout1d`], [`SpatialDropout2d`], [`SpatialDropout3d`] | drops whole channels |
//! | [`GaussianNoise`], [`GaussianDropout`] | adds or multiplies noise |
//! | [`ActivityRegularization`] | a penalty on what comes out |
//!
//! **Scaling and activations** (all of [`activations`](crate::activations) are layers)
//!
//! | | |
//! | --- | --- |
//! | [`Rescaling`], [`PerChannel`] | `scale · x + offset` |
//! | [`PRelu`] | a rectifier with learned slopes |

mod activity_regularization;
mod adaptive_pool;
mod affine_grid;
mod attention;
mod border;
mod center_crop;
mod conv;
mod conv_op;
mod conv_transpose;
mod dense;
mod depthwise_conv;
mod distilled;
mod embedding;
mod flatten;
mod fold;
#[cfg(all(test, not(float64)))]
mod folding_tests;
#[cfg(test)]
mod fusion_tests;
mod global_pool;
mod graph;
mod grid_sample;
mod interpolation;
mod kernel_and_bias;
mod masking;
mod max_unpool;
mod merge;
mod names;
mod noise;
mod normalization;
mod operator;
mod parallel;
mod permute;
mod pixel_shuffle;
mod pool;
mod pool_op;
mod prelu;
mod recurrent;
mod rescaling;
mod residual;
mod resize;
mod separable_conv;
mod sequential;
mod tied_dense;
mod time_distributed;
mod window;

pub use activity_regularization::ActivityRegularization;
pub use adaptive_pool::{AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d};
pub use adaptive_pool::{AdaptiveMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d};
pub use affine_grid::{AffineGrid, AffineGrid2d, AffineGrid3d};
pub use attention::{
    AdditiveAttention, Attention, CrossAttention, MultiHeadAttention, TransformerDecoder, TransformerEncoder,
};
pub use attention::{AttentionOptions, KeyValueCache, scaled_dot_product_attention};
pub use attention::{LearnedPositions, RotaryEmbedding, SinusoidalPositions};
pub use border::{Border, Crop, Crop1d, Crop2d, Crop3d, ZeroPad, ZeroPad1d, ZeroPad2d, ZeroPad3d};
pub use center_crop::CenterCrop;
pub use conv::{Conv, Conv1d, Conv2d, Conv3d};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
pub use dense::Dense;
pub use depthwise_conv::{DepthwiseConv, DepthwiseConv1d, DepthwiseConv2d};
pub use distilled::Distilled;
pub use embedding::Embedding;
pub use flatten::{Flatten, Reshape};
pub use fold::{Fold, Fold1d, Fold2d, Fold3d, Unfold, Unfold1d, Unfold2d, Unfold3d};
pub use global_pool::{GlobalAvgPool1d, GlobalAvgPool2d, GlobalAvgPool3d};
pub use global_pool::{GlobalMaxPool1d, GlobalMaxPool2d, GlobalMaxPool3d};
pub use graph::{Graph, Names};
pub use grid_sample::{GridSample, GridSample2d, GridSample3d, Outside};
pub use interpolation::Interpolation;
pub use masking::Masking;
pub(crate) use masking::mask_of_ids;
pub use max_unpool::{MaxUnpool, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d};
pub use merge::{Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract};
pub use noise::{AlphaDropout, Dropout, GaussianDropout, GaussianNoise};
pub use noise::{SpatialDropout1d, SpatialDropout2d, SpatialDropout3d};
pub use normalization::{
    BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalization, RmsNorm, SpectralNorm, UnitNorm,
};
pub use operator::Operator;
pub use parallel::Parallel;
pub use permute::{Permute, RepeatVector};
pub use pixel_shuffle::{PixelShuffle, PixelUnshuffle};
pub use pool::{AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, MaxPool, MaxPool1d, MaxPool2d, MaxPool3d};
pub use prelu::PRelu;
pub use recurrent::{Bidirectional, Cell, Gru, Lstm, Merge, Recurrent, Rnn, SimpleRnn, StepOptions, WithState};
pub use rescaling::{PerChannel, Rescaling};
pub use residual::Residual;
pub use resize::{Resize, Resize1d, Resize2d, Resize3d, ResizeTo, UpSample, UpSample1d, UpSample2d, UpSample3d};
pub use separable_conv::{SeparableConv, SeparableConv1d, SeparableConv2d};
pub use sequential::Sequential;
pub use tied_dense::TiedDense;
pub use time_distributed::TimeDistributed;
pub use window::Padding;

pub(crate) use crate::autograd::boxed;
pub use crate::autograd::{Layer, Vars};
pub use crate::config::size::Size;

use crate::autograd::Var;
use crate::config::{Described, Make, Registry};

type MakeLayer<X, Y> = Make<Box<dyn Layer<X, Y>>>;

impl Registry {
    /// Adds a layer that takes `X` and gives `Y`; both are `Var` for most.
    #[must_use]
    pub fn layer<L: Layer<X, Y> + Described, X: Vars, Y: Vars>(mut self) -> Self {
        self.insert_layer::<X, Y>(L::KIND, |from| Ok(Box::new(L::from_config(from)?)));
        self
    }

    /// Adds these layers: a loop, which is compiled for each arrangement of inputs and not for each layer.
    pub(crate) fn layers<X: Vars, Y: Vars>(mut self, makers: &[(&str, MakeLayer<X, Y>)]) -> Self {
        for (kind, make) in makers {
            self.insert_layer::<X, Y>(kind, *make);
        }
        self
    }

    fn insert_layer<X: Vars, Y: Vars>(&mut self, kind: &str, make: MakeLayer<X, Y>) {
        // A graph takes layers of any arrangement: first, since a layer of lists is one already.
        self.insert(kind, graph::listed::<X, Y>);
        self.insert(kind, make);
    }
}

/// All layers that can be made from a description.
pub(crate) fn register(registry: Registry) -> Registry {
    macro_rules! all {
        ($registry:ident, $x:ty => $y:ty: $($name:ident)*) => {
            $registry.layers::<$x, $y>(&[$((<$name>::KIND, |from| Ok(Box::new(<$name>::from_config(from)?)))),*])
        };
    }
    let registry = all!(registry, Var => Var:
        Dense Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d DepthwiseConv1d DepthwiseConv2d
        SeparableConv1d SeparableConv2d MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d GlobalAvgPool1d
        GlobalAvgPool2d GlobalAvgPool3d GlobalMaxPool1d GlobalMaxPool2d GlobalMaxPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d
        AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d Unfold1d Unfold2d Unfold3d Fold1d Fold2d Fold3d
        Flatten Reshape Permute RepeatVector Masking ZeroPad1d ZeroPad2d ZeroPad3d Crop1d Crop2d Crop3d Resize1d Resize2d Resize3d
        UpSample1d UpSample2d UpSample3d PixelShuffle PixelUnshuffle AffineGrid2d AffineGrid3d PRelu Embedding Dropout AlphaDropout
        GaussianNoise GaussianDropout SpatialDropout1d SpatialDropout2d SpatialDropout3d SimpleRnn Lstm Gru Residual Sequential BatchNorm LayerNorm
        RmsNorm UnitNorm GroupNorm InstanceNorm Normalization TransformerEncoder ActivityRegularization
        CenterCrop Rescaling TimeDistributed SpectralNorm
    );
    let registry = recurrent::register(
        all!(registry, Var => Var: MultiHeadAttention TiedDense SinusoidalPositions LearnedPositions
        RotaryEmbedding Parallel),
    );
    let registry = registry
        .layer::<crate::activations::AlongAxis, Var, Var>()
        .layer::<DepthwiseConv<3>, Var, Var>()
        .layer::<SeparableConv<3>, Var, Var>()
        .layer::<Distilled<Box<dyn Layer>, Box<dyn Layer>>, Var, Var>()
        .layer::<Graph<Var, Var>, Var, Var>()
        .layer::<Graph, Vec<Var>, Vec<Var>>();
    let registry = all!(registry, Vec<Var> => Var: Add Multiply Maximum Minimum Average Concatenate Operator
        Attention AdditiveAttention);
    all!(registry, (Var, Var) => Var: Subtract Dot MaxUnpool1d MaxUnpool2d MaxUnpool3d GridSample2d GridSample3d
        CrossAttention TransformerDecoder)
}
