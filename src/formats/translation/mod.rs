//! How names and layouts of another framework's file map onto a model.

mod hints;
#[cfg(feature = "keras")]
mod keras;
mod layout;
mod load;
mod names;
mod pytorch;
mod rename;
mod report;
mod store;

#[cfg(feature = "keras")]
pub(crate) use keras::Known as KnownKeras;
pub use report::Report;

use std::path::Path;

use self::layout::Layout;
use self::rename::Rename;
use super::Weights;
use crate::autograd::{Layer, Listed, ParamList, Vars, glob};
use crate::error::{Error, Result};

/// How the tensors of a file map onto the parameters of a model, in both directions: [`load`](Self::load) and
/// [`save`](Self::save).
///
/// [`Translation::new`] is our own files: names are paths. [`Translation::pytorch`] knows what PyTorch calls the parameters of
/// each layer and how it lays them out: `Dense`'s `kernel` is `weight`, transposed; kernels of convolutions have their
/// channels first; gates of a `Gru` come in another order; `Lstm` has two biases that are added (`save` writes zeros as the
/// second); `MultiHeadAttention`'s projections are packed into `in_proj_weight`; `BatchNorm` counts its batches (as 0). It covers all
/// layers with parameters, also `Bidirectional` (`_reverse`), `TransformerEncoder` and `TransformerDecoder`. A
/// [`LayerNorm`](crate::layers::LayerNorm) over several axes is taken as it is. Names of layers map by rules of your own
/// ([`rename`](Self::rename)).
///
/// Everything is checked before anything changes. What is missing, left over or differently shaped is an error that lists it,
/// unless it was allowed; the [`Report`] says what happened.
///
/// # Defaults
/// no rules; nothing may be missing or left over
/// # Example
/// A network that PyTorch trained, with a head for other classes:
/// ```
/// use gradus::prelude::*;
/// use gradus::saving::{Translation, Weights};
/// use ndarray::{Array1, Array2, Array4};
///
/// let mut file = Weights::new(); // or `Weights::open("network.safetensors")?`
/// file.insert("net.conv1.weight", Array4::<f32>::ones((8, 3, 5, 5)));
/// file.insert("net.conv1.bias", Array1::<f32>::zeros(8));
/// file.insert("net.fc.weight", Array2::<f32>::ones((1000, 8)));
/// file.insert("net.fc.bias", Array1::<f32>::zeros(1000));
///
/// let model = Sequential::new().add_named("conv1", Conv2d::new(8, 5)).add(GlobalAvgPool2d).add_named("fc", Dense::new(10));
/// let translation = Translation::pytorch().rename("net.*", "*").allow_missing("fc.*");
/// let report = translation.load(&model, &file)?;
/// assert_eq!(report.applied, ["conv1.kernel", "conv1.bias"]);
/// assert_eq!(model.parameters()[0].1.shape().unwrap(), [5, 5, 3, 8]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "load_state_dict")]
#[doc(alias = "state_dict")]
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Translation {
    pytorch: bool,
    #[cfg(feature = "keras")]
    keras: Option<keras::Known>,
    separate_attention: bool,
    renames: Vec<Rename>,
    aliases: Vec<Rename>,
    flattened: Vec<(String, usize)>,
    transposed: Vec<String>,
    allow_missing: Vec<String>,
    ignore: Vec<String>,
}

/// States of random numbers of Keras, which are no weights.
#[cfg(feature = "keras")]
pub(super) const SEEDS: &str = "*seed_generator*";
/// What Keras' `Normalization` has counted.
#[cfg(feature = "keras")]
pub(super) const COUNT: &str = "*normalization*/vars/2";

/// Tensors of a file, by the names that the table gives them, and the parameters that are in them, by their places.
struct Group {
    names: Vec<String>,
    params: Vec<usize>,
    layout: Layout,
}

impl Translation {
    /// Creates a translation between our own files and models: names are paths, layouts are ours.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a translation between PyTorch's files (`state_dict`) and models.
    pub fn pytorch() -> Self {
        Self { pytorch: true, ..Self::default() }
    }

    /// Creates a translation between Keras' files (`.keras`, `.weights.h5`, and the `.h5` of Keras 2) and models (feature `keras`).
    ///
    /// Names in a file of Keras 3 are those of classes, numbered: `layers/dense_1/vars/0` is the kernel of the second `Dense`, which
    /// [`Sequential::add`](crate::Sequential::add) calls `dense_1`; layers inside a type of your own have the names of its
    /// attributes. Those of older files are taken without what is repeated in them: `model_weights/conv_1/conv_1/kernel:0` is
    /// `conv_1/kernel`. To open a whole model there is [`open`](crate::open).
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::saving::{Translation, Weights};
    /// let mut file = Weights::new(); // or `Weights::open("model.weights.h5")?`
    /// file.insert("layers/dense/vars/0", ndarray::Array2::<f32>::ones((4, 8)));
    /// file.insert("layers/dense/vars/1", ndarray::Array1::<f32>::zeros(8));
    /// let model = Sequential::new().add(Dense::new(8));
    /// Translation::keras().load(&model, &file)?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[cfg(feature = "keras")]
    #[doc(alias = "load_weights")]
    pub fn keras() -> Self {
        Self { keras: Some(keras::Known::default()), ..Self::default() }
            .ignore("optimizer*")
            .ignore("metrics/*/vars/*")
            .ignore(SEEDS)
            .ignore(COUNT)
    }

    /// That of a whole model, of which more is known.
    #[cfg(feature = "keras")]
    pub(crate) fn keras_with(known: KnownKeras) -> Self {
        Self { keras: Some(known), ..Self::keras() }
    }

    /// Maps names in the file to paths in the model, with the parameters' names in the file's own words: `*` stands for any
    /// run of characters, as short as can be from the left, and each one on the right for what its counterpart on the left
    /// stood for. Rules apply one after the other, each to names that it matches whole; for saving backwards.
    ///
    /// ```
    /// # use gradus::saving::Translation;
    /// Translation::pytorch()
    ///     .rename("model.*", "*")                              // a prefix that goes
    ///     .rename("layer*.*.downsample.*", "layer*.*.shortcut.*")
    ///     .rename("lstm.*_l1*", "lstm_1.*_l0*");               // the second layer of a stacked `nn.LSTM`
    /// ```
    pub fn rename(mut self, file: &str, model: &str) -> Self {
        self.renames.push(Rename::new(file, model));
        self
    }

    /// Says that the input of the `Dense` layers whose path matches is a flattened image of this many channels, which
    /// the file has first: their kernels' rows change places.
    #[doc(alias = "Flatten")]
    pub fn flattened(mut self, layer: &str, channels: usize) -> Self {
        self.flattened.push((layer.into(), channels));
        self
    }

    /// Takes tensors of the file under another name as well: one whose name looks like `file` stands for the one that `name` makes
    /// of it, as in a rule of [`rename`](Self::rename), where the model has no place for it under its own name. For names of
    /// older files, and for tensors that a file holds twice because they are tied: if it has both, they must be equal, unless
    /// `file` is [ignored](Self::ignore). Saving writes the tensor once, under `name`.
    ///
    /// ```
    /// use gradus::{prelude::*, saving::{Translation, Weights}};
    /// let mut file = Weights::new();
    /// file.insert("norm.gamma", ndarray::array![2.0, 3.0]);
    /// file.insert("norm.bias", ndarray::array![0.0, 1.0]);
    /// let model = Sequential::new().add_named("norm", LayerNorm::new());
    /// Translation::pytorch().alias("*.gamma", "*.weight").load(&model, &file)?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "tie")]
    pub fn alias(mut self, file: &str, name: &str) -> Self {
        self.aliases.push(Rename::new(file, name));
        self
    }

    /// Says that tensors of the file whose name matches have their two axes in the other order, as GPT-2's `Conv1D` has.
    pub fn transposed(mut self, name: &str) -> Self {
        self.transposed.push(name.into());
        self
    }

    /// Says that PyTorch's file has query, key and value of attention as layers of their own, and not packed into
    /// `in_proj_weight`.
    #[doc(alias = "in_proj_weight")]
    pub fn separate_attention(mut self) -> Self {
        self.separate_attention = true;
        self
    }

    /// Lets parameters whose path matches stay as they are where the file lacks them or has them in another shape.
    #[doc(alias = "skip_mismatch")]
    #[doc(alias = "strict")]
    pub fn allow_missing(mut self, path: &str) -> Self {
        self.allow_missing.push(path.into());
        self
    }

    /// Lets tensors of the file whose name matches be left over.
    pub fn ignore(mut self, name: &str) -> Self {
        self.ignore.push(name.into());
        self
    }

    /// Sets the parameters of a model, also before its first forward; all that are in the file, or none and an error.
    ///
    /// # Errors
    /// parameters that are missing or differently shaped, or tensors left over, that were not allowed, all at once; a tensor
    /// that cannot be read; rules that send two tensors to one place, have other stars on one side than on the other, or
    /// (`flattened`, `transposed`) match nothing
    pub fn load<X: Vars, Y: Vars>(&self, model: &(impl Layer<X, Y> + ?Sized), weights: &Weights) -> Result<Report> {
        load::load(self, &ParamList::with_layers(model), weights)
    }

    /// Returns the parameters of a model under the file's names and in its layouts.
    ///
    /// # Errors
    /// a parameter without a value yet, or of a shape that the other framework does not have; rules that cannot be undone
    pub fn export<X: Vars, Y: Vars>(&self, model: &(impl Layer<X, Y> + ?Sized)) -> Result<Weights> {
        store::export(self, &ParamList::with_layers(model))
    }

    /// [`Translation::export`] of some of the parameters of a model.
    #[cfg(feature = "keras")]
    pub(crate) fn export_listed(&self, listed: &[Listed]) -> Result<Weights> {
        store::export(self, listed)
    }

    /// Writes what [`Translation::export`] gives to a safetensors file. Python reads it by
    /// `model.load_state_dict(safetensors.torch.load_file(path))`.
    ///
    /// # Errors
    /// those of [`Translation::export`]; a file that cannot be written (an old one of that name survives)
    pub fn save<X: Vars, Y: Vars>(&self, model: &(impl Layer<X, Y> + ?Sized), path: impl AsRef<Path>) -> Result<()> {
        self.export(model)?.save(path)
    }

    /// A name of a file without what says nothing in it.
    fn canonical(&self, name: &str) -> String {
        #[cfg(feature = "keras")]
        if self.keras.as_ref().is_some_and(|keras| keras.names.is_none()) {
            return keras::canonical(name);
        }
        name.into()
    }

    /// Which tensors hold which parameters. `packed` decides of an attention, from its path and the name of its packed tensor;
    /// `has` says which names the file has.
    fn plan(
        &self,
        listed: &[Listed],
        packed: &dyn Fn(&str, &str) -> bool,
        has: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Group>> {
        #[cfg(not(feature = "keras"))]
        let _ = has;
        self.renames.iter().try_for_each(|rule| rule.check("rename"))?;
        #[cfg(feature = "keras")]
        if let Some(keras) = &self.keras {
            return Ok(keras::plan(listed, keras, has));
        }
        if !self.pytorch {
            let own = |(i, listed): (usize, &Listed)| Group::new(vec![listed.path.clone()], i, Layout::Same);
            return Ok(listed.iter().enumerate().map(own).collect());
        }
        let mut plan = pytorch::plan(listed, self.separate_attention, packed);
        for (pattern, channels) in &self.flattened {
            let mut found = false;
            for group in plan.iter_mut().filter(|group| group.layout == Layout::Reversed && group.params.len() == 1) {
                let kernel = listed[group.params[0]].path.strip_suffix("kernel");
                if kernel.is_some_and(|path| glob(pattern, path.trim_end_matches('.'))) {
                    (group.layout, found) = (Layout::Flattened(*channels), true);
                }
            }
            if !found || *channels == 0 {
                return Err(Error::value(format!(
                    "expected in `flattened` the path of a `Dense` layer and at least 1 channel, got `{pattern}` and {channels}"
                )));
            }
        }
        Ok(plan)
    }

    /// The name that a tensor of the file has after the rules.
    fn to_model(&self, name: &str) -> String {
        self.renames.iter().fold(self.canonical(name), |name: String, rule| rule.forwards(&name).unwrap_or(name))
    }

    /// The name in the file of a tensor that the table calls so.
    fn to_file(&self, name: &str) -> String {
        self.renames.iter().rev().fold(name.into(), |name: String, rule| rule.backwards(&name).unwrap_or(name))
    }

    fn is_transposed(&self, name: &str) -> bool {
        matches(&self.transposed, name)
    }
}

impl Group {
    fn new(names: Vec<String>, param: usize, layout: Layout) -> Self {
        Self { names, params: vec![param], layout }
    }
}

fn matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, name))
}
