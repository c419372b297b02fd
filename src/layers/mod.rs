//! Layers: parameters plus a forward. [`Layer`] is the trait; one file each for the rest.

mod activity_regularization;
mod adaptive_pool;
mod affine_grid;
mod attention;
mod conv;
mod conv_op;
mod conv_transpose;
mod dense;
mod depthwise_conv;
mod distilled;
mod embedding;
mod flatten;
mod fold;
mod frame;
mod global_pool;
mod graph;
mod grid_sample;
mod interpolation;
mod masking;
mod matching;
mod max_unpool;
mod merge;
mod noise;
mod normalization;
mod parallel;
mod permute;
mod pixel_shuffle;
mod pool;
mod pool_op;
mod prelu;
mod recurrent;
mod residual;
mod resize;
mod separable_conv;
mod sequential;
mod tied_dense;
mod time_distributed;
mod up_sample;
mod vars;
mod weights;
mod window;

pub use activity_regularization::ActivityRegularization;
pub use adaptive_pool::{AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d};
pub use adaptive_pool::{AdaptiveMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d};
pub use affine_grid::{AffineGrid, AffineGrid2d, AffineGrid3d};
pub use attention::{AttentionOptions, KeyValueCache, scaled_dot_product_attention};
pub use attention::{CrossAttention, MultiHeadAttention, TransformerDecoder, TransformerEncoder};
pub use attention::{LearnedPositions, RotaryEmbedding, SinusoidalPositions};
pub use conv::{Conv, Conv1d, Conv2d, Conv3d};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
pub use dense::Dense;
pub use depthwise_conv::{DepthwiseConv, DepthwiseConv1d, DepthwiseConv2d};
pub use distilled::Distilled;
pub use embedding::Embedding;
pub use flatten::{Flatten, Reshape};
pub use fold::{Fold, Fold1d, Fold2d, Fold3d, Unfold, Unfold1d, Unfold2d, Unfold3d};
pub use frame::{Border, Crop, Crop1d, Crop2d, Crop3d, ZeroPad, ZeroPad1d, ZeroPad2d, ZeroPad3d};
pub use global_pool::{GlobalAvgPool1d, GlobalAvgPool2d, GlobalAvgPool3d};
pub use global_pool::{GlobalMaxPool1d, GlobalMaxPool2d, GlobalMaxPool3d};
pub use graph::{Graph, Names};
use graph::{ListLayer, Listed};
pub use grid_sample::{GridSample, GridSample2d, GridSample3d, Outside};
pub use interpolation::Interpolation;
pub use masking::Masking;
pub(crate) use matching::{freeze_matching, glob, matching, runs};
pub use max_unpool::{MaxUnpool, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d};
pub use merge::{Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract};
pub use noise::{AlphaDropout, Dropout, GaussianDropout, GaussianNoise};
pub use noise::{SpatialDropout1d, SpatialDropout2d, SpatialDropout3d};
pub use normalization::{
    BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalization, RmsNorm, SpectralNorm, UnitNorm,
};
pub use parallel::Parallel;
pub use permute::{Permute, RepeatVector};
pub use pixel_shuffle::{PixelShuffle, PixelUnshuffle};
pub use pool::{AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, MaxPool, MaxPool1d, MaxPool2d, MaxPool3d};
pub use prelu::PRelu;
pub use recurrent::{Bidirectional, Cell, Gru, Lstm, Merge, Recurrent, Rnn, SimpleRnn, StepOptions, WithState};
pub use residual::Residual;
pub use resize::{Resize, Resize1d, Resize2d, Resize3d};
pub use separable_conv::{SeparableConv, SeparableConv1d, SeparableConv2d};
pub use sequential::Sequential;
pub use tied_dense::TiedDense;
pub use time_distributed::TimeDistributed;
pub use up_sample::{UpSample, UpSample1d, UpSample2d, UpSample3d};
pub use vars::Vars;
pub use window::{Padding, Size};

use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::autograd::Var;
use crate::config::{Config, Described, Registry, family};
use crate::constraints::Constraint;
use crate::error::Result;
use crate::losses::Losses;
use crate::optimizers::Stepper;
use crate::param::{Lora, Noise, Param, ParamList, attach, detach, merge, unmerge};
use crate::regularizers::Regularizer;
use crate::saving::{Translation, Weights, load_tuned, tuned_weights};
use crate::training::Trainer;

/// A network or a part of one. `X` is what it takes and `Y` what it gives: one variable, a tuple, or a list of them.
///
/// A layer holds its parameters as fields and calls operations, or other layers, in `forward`. That is all: gradients,
/// saving, freezing and counting follow. Layers are `&self` and shared between threads; what changes during a pass
/// lives on the tape of `x`.
///
/// ```
/// use gradus::prelude::*;
///
/// /// Adds a learned bottleneck to its input: `y = x + up(relu(down(x)))`.
/// struct Adapter { down: Dense, up: Dense }
///
/// impl Layer for Adapter {
///     fn forward(&self, x: &Var) -> Result<Var> { Ok(x + self.up.forward(&self.down.forward(x)?)?) }
///     fn params<'a>(&'a self, list: &mut ParamList<'a>) { list.nest("down", &self.down); list.nest("up", &self.up); }
/// }
///
/// let adapter = Adapter { down: Dense::new(2).activation(Relu), up: Dense::new(4) };
/// let y = adapter.forward(&Tape::inference().input(ndarray::Array2::<f32>::ones((3, 4))))?;
/// assert_eq!(y.shape(), [3, 4]);
/// assert_eq!(adapter.parameters()[0].0, "down.kernel");
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Layer<X: Vars = Var, Y: Vars = Var>: Any + Send + Sync {
    /// The output for `x`, on the tape of `x`.
    fn forward(&self, x: &X) -> Result<Y>;

    /// Lists the parameters, each under its name, in an order that never changes. The default lists none.
    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        let _ = list;
    }

    /// This layer and the `next` one as a single faster operation with the same result, where this layer knows one.
    /// [`Sequential`] asks. The default knows none.
    fn forward_with(&self, x: &X, next: &dyn Layer) -> Option<Result<Y>> {
        let _ = (x, next);
        None
    }

    /// The name of the type, such as `Dense`; containers derive names from it.
    fn kind(&self) -> &'static str {
        crate::config::type_name::<Self>()
    }

    /// What makes another one like it, without the numbers in its parameters. The default is that of a type which cannot be
    /// described; see [`Described`](crate::config::Described).
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }

    /// The names of several outputs, in order; empty if they have none, or if there is only one.
    fn output_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Paths and parameters, in order.
    fn parameters(&self) -> Vec<(String, Param)> {
        ParamList::of(self).into_vec()
    }

    /// Paths and switches of dropout and noise, in order.
    fn noises(&self) -> Vec<(String, Noise)> {
        ParamList::of(self).noises()
    }

    /// How many numbers are in the parameters that have a value.
    fn parameter_count(&self) -> usize {
        self.parameters().iter().filter_map(|(_, param)| param.value()).map(|value| value.len()).sum()
    }

    /// Freezes all parameters and statistics, and turns off dropout and noise: from now on the bits stay as they are, and
    /// training computes with them what inference does.
    fn freeze(&self) {
        self.parameters().iter().for_each(|(_, param)| param.freeze());
        self.noises().iter().for_each(|(_, noise)| noise.freeze());
    }

    /// Undoes [`Layer::freeze`].
    fn unfreeze(&self) {
        self.parameters().iter().for_each(|(_, param)| param.unfreeze());
        self.noises().iter().for_each(|(_, noise)| noise.unfreeze());
    }

    /// [`Layer::freeze`] for the parameters and noises whose path matches `pattern`, where `*` stands for any run of
    /// characters.
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    fn freeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(&self.parameters(), &self.noises(), pattern, true)
    }

    /// Undoes [`Layer::freeze_matching`].
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    fn unfreeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(&self.parameters(), &self.noises(), pattern, false)
    }

    /// Freezes the parameters whose path matches `pattern`, and trains an adapter in place of each; see [`Lora`].
    ///
    /// # Errors
    /// A pattern that matches nothing, statistics, a parameter with an adapter, or one that the adapter does not fit;
    /// nothing is changed then.
    #[doc(alias = "get_peft_model")]
    fn attach(&self, pattern: &str, adapter: Lora) -> Result<()> {
        attach(&self.parameters(), pattern, adapter)
    }

    /// Adds all adapters to the parameters that they are attached to, so that they cost nothing any more. They are not
    /// listed among the parameters until [`Layer::unmerge_adapters`]; a file of the whole model is one without adapters.
    ///
    /// # Errors
    /// No adapters; a parameter that has no value yet.
    fn merge_adapters(&self) -> Result<()> {
        merge(&self.parameters())
    }

    /// Undoes [`Layer::merge_adapters`], with the bits from before.
    ///
    /// # Errors
    /// No merged adapters; a parameter that was changed meanwhile.
    fn unmerge_adapters(&self) -> Result<()> {
        unmerge(&self.parameters())
    }

    /// Takes all adapters off for good. What is merged stays so; other parameters are as they were before.
    fn detach_adapters(&self) {
        detach(&self.parameters());
    }

    /// Adds a penalty to the loss for the values of the parameters whose path matches `pattern`; see
    /// [`crate::regularizers`].
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    #[doc(alias = "kernel_regularizer")]
    #[doc(alias = "weight_decay")]
    fn regularize(&self, pattern: &str, regularizer: impl Regularizer + 'static) -> Result<()>
    where
        Self: Sized,
    {
        let regularizer = Arc::new(regularizer);
        matching(&self.parameters(), pattern)?.iter().for_each(|param| param.regularize(regularizer.clone()));
        Ok(())
    }

    /// Forces the parameters whose path matches `pattern` into a set after each step; see [`crate::constraints`].
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    #[doc(alias = "kernel_constraint")]
    fn constrain(&self, pattern: &str, constraint: impl Constraint + 'static) -> Result<()>
    where
        Self: Sized,
    {
        let constraint = Arc::new(constraint);
        matching(&self.parameters(), pattern)?.iter().for_each(|param| param.constrain(constraint.clone()));
        Ok(())
    }

    /// Writes all parameters to a safetensors file, or to an `.npz` if that is how its name ends (feature `numpy`). See
    /// [`crate::saving`].
    ///
    /// # Errors
    /// A parameter that has no value yet; a file that cannot be written (an old one of that name survives).
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        crate::saving::save(&self.parameters(), path.as_ref())
    }

    /// Reads all parameters from a file of any format in [`crate::saving`], also before the first forward. [`Translation`] reads
    /// the files of others and parts of files.
    ///
    /// # Errors
    /// A file that cannot be read; names or shapes that differ, all listed at once. Nothing is changed then.
    fn load(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        Translation::new().load(self, &Weights::open(path)?).map(drop)
    }

    /// What tuning changes, and nothing else: adapters with their alphas, and whatever is not frozen, such as a new head. Save it
    /// beside the file of the model, or many of them beside one; texts may go with it by [`Weights::set_metadata`].
    ///
    /// ```
    /// use gradus::{prelude::*, saving::Weights};
    /// # let path = std::env::temp_dir().join(format!("gradus-tuned-{}.safetensors", std::process::id()));
    /// # let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]]));
    /// let network = || Sequential::new().add(Dense::new(64)).add_named("head", Dense::new(3));
    /// let model = network();
    /// # model.forward(&x)?;
    /// model.freeze();
    /// model.unfreeze_matching("head.*")?;
    /// model.attach("dense.kernel", Lora::new(2))?;
    /// // ... compile, fit ...
    /// # model.forward(&x)?;
    /// model.tuned_weights()?.save(&path)?;
    ///
    /// let elsewhere = network(); // with the weights from before the tuning
    /// # for (path, param) in model.parameters().iter().filter(|(path, _)| path.starts_with("dense") && !path.contains("lora")) {
    /// #     elsewhere.parameters().iter().find(|(own, _)| own == path).unwrap().1.set(param.value().unwrap())?;
    /// # }
    /// elsewhere.load_tuned(&Weights::open(&path)?)?;
    /// # assert_eq!(model.forward(&x)?.value(), elsewhere.forward(&x)?.value());
    /// # std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// A parameter that has no value yet; adapters that are merged; nothing to save.
    #[doc(alias = "save_adapter")]
    #[doc(alias = "modules_to_save")]
    fn tuned_weights(&self) -> Result<Weights> {
        tuned_weights(&self.parameters())
    }

    /// Attaches the adapters that [`Layer::tuned_weights`] gave, and sets the other parameters among them. The rest stays as it
    /// is.
    ///
    /// # Errors
    /// Names that the model does not have, shapes that do not fit, all at once. Nothing is changed then.
    #[doc(alias = "load_adapter")]
    fn load_tuned(&self, weights: &Weights) -> Result<()> {
        load_tuned(&self.parameters(), weights)
    }

    /// Joins the model with an optimizer and a loss, ready to train; [`Losses`] has one for each of several outputs, and
    /// a [`Stepper`] is an optimizer with a schedule, clipping and the like.
    fn compile(self, optimizer: impl Into<Stepper>, loss: impl Into<Losses>) -> Trainer<Self, X, Y>
    where
        Self: Sized,
    {
        Trainer::new(self, optimizer.into(), loss.into())
    }
}

family!(Box, dyn Layer);
family!(Box, ListLayer);

impl Registry {
    /// Adds a layer that takes `X` and gives `Y`; both are `Var` for most.
    #[must_use]
    pub fn layer<L: Layer<X, Y> + Described, X: Vars, Y: Vars>(mut self) -> Self {
        self.insert(L::KIND, |from| Ok(Box::new(L::from_config(from)?) as Box<dyn Layer<X, Y>>));
        // A graph takes layers of any arrangement.
        self.insert(L::KIND, |from| Ok(Box::new(Listed::new(L::from_config(from)?)) as Box<ListLayer>));
        self
    }
}

impl<X: Vars, Y: Vars> fmt::Debug for dyn Layer<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.config())
    }
}

/// All layers that can be made from a description.
pub(crate) fn register(registry: Registry) -> Registry {
    macro_rules! all {
        ($registry:ident, $x:ty => $y:ty: $($name:ident)*) => { $registry$(.layer::<$name, $x, $y>())* };
    }
    let registry = all!(registry, Var => Var:
        Dense Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d DepthwiseConv1d DepthwiseConv2d
        SeparableConv1d SeparableConv2d MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d GlobalAvgPool1d
        GlobalAvgPool2d GlobalAvgPool3d GlobalMaxPool1d GlobalMaxPool2d GlobalMaxPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d
        AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d Unfold1d Unfold2d Unfold3d Fold1d Fold2d Fold3d
        Flatten Reshape Permute RepeatVector Masking ZeroPad1d ZeroPad2d ZeroPad3d Crop1d Crop2d Crop3d Resize1d Resize2d Resize3d
        UpSample1d UpSample2d UpSample3d PixelShuffle PixelUnshuffle AffineGrid2d AffineGrid3d PRelu Embedding Dropout AlphaDropout
        GaussianNoise GaussianDropout SpatialDropout1d SpatialDropout2d SpatialDropout3d SimpleRnn Lstm Gru Residual Sequential
    );
    let registry = all!(registry, Vec<Var> => Var: Add Multiply Maximum Minimum Average Concatenate);
    all!(registry, (Var, Var) => Var: Subtract Dot MaxUnpool1d MaxUnpool2d MaxUnpool3d GridSample2d GridSample3d)
}
