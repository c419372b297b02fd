//! What one does with a model.

use std::path::Path;
use std::sync::Arc;

use crate::autograd::Var;
use crate::autograd::{
    Layer, Lora, Noise, Param, ParamList, Vars, attach, detach, freeze_matching, matching, merge, unmerge,
};
use crate::config::{Registry, Setting};
use crate::constraints::Constraint;
use crate::data::Inputs;
use crate::error::{Error, Result};
use crate::formats::{Translation, Weights};
use crate::losses::Losses;
use crate::optimizers::Stepper;
use crate::regularizers::Regularizer;
use crate::saving::{load_tuned, tuned_weights};
use crate::tensor::{Float, Tensor, data};
use crate::training::{EVALUATION_BATCH, Summary, Threads, Trainer, predict, summary};

/// What one does with a model: list, freeze, adapt, save, load, copy and train it. Every [`Layer`] has these methods, `&dyn Layer` too;
/// none of them is implemented by a layer of your own.
///
/// ```
/// use gradus::prelude::*;
/// let layers: Vec<Box<dyn Layer>> = vec![Box::new(Dense::new(8).activation(Relu)), Box::new(Dense::new(1))];
/// let model = layers.into_iter().fold(Sequential::new(), Sequential::add);
/// model.forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]])))?;
/// assert_eq!(model.parameter_count(), 2 * 8 + 8 + 8 + 1);
/// let first: &dyn Layer = model.get("dense").unwrap();
/// first.freeze();
/// assert!(model.parameters()[0].1.is_frozen());
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Model<X: Vars = Var, Y: Vars = Var>: Layer<X, Y> {
    /// Returns paths and parameters, in order.
    fn parameters(&self) -> Vec<(String, Param)> {
        ParamList::of(self).into_vec()
    }

    /// Returns paths and switches of dropout and noise, in order.
    fn noises(&self) -> Vec<(String, Noise)> {
        ParamList::of(self).noises()
    }

    /// Returns how many numbers are in the parameters that have a value.
    fn parameter_count(&self) -> usize {
        self.parameters().iter().filter_map(|(_, param)| param.value()).map(|value| value.len()).sum()
    }

    /// Freezes all parameters and statistics, and turns off dropout and noise: from now on the bits stay as they are, and
    /// training computes with them what inference does.
    fn freeze(&self) {
        self.parameters().iter().for_each(|(_, param)| param.freeze());
        self.noises().iter().for_each(|(_, noise)| noise.freeze());
    }

    /// Undoes [`Model::freeze`].
    fn unfreeze(&self) {
        self.parameters().iter().for_each(|(_, param)| param.unfreeze());
        self.noises().iter().for_each(|(_, noise)| noise.unfreeze());
    }

    /// Freezes, as [`Model::freeze`] does, the parameters and noises whose path matches `pattern`, where `*` stands for any run of
    /// characters.
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    fn freeze_matching(&self, pattern: &str) -> Result<()> {
        freeze_matching(&self.parameters(), &self.noises(), pattern, true)
    }

    /// Undoes [`Model::freeze_matching`].
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
    /// listed among the parameters until [`Model::unmerge_adapters`]; a file of the whole model is one without adapters.
    ///
    /// # Errors
    /// No adapters; a parameter that has no value yet.
    fn merge_adapters(&self) -> Result<()> {
        merge(&self.parameters())
    }

    /// Undoes [`Model::merge_adapters`], with the bits from before.
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
    fn regularize(&self, pattern: &str, regularizer: impl Regularizer + 'static) -> Result<()> {
        let regularizer = Arc::new(regularizer);
        matching(&self.parameters(), pattern)?.iter().for_each(|param| param.regularize(regularizer.clone()));
        Ok(())
    }

    /// Forces the parameters whose path matches `pattern` into a set after each step; see [`crate::constraints`].
    ///
    /// # Errors
    /// A pattern that matches nothing; the message lists the paths.
    #[doc(alias = "kernel_constraint")]
    fn constrain(&self, pattern: &str, constraint: impl Constraint + 'static) -> Result<()> {
        let constraint = Arc::new(constraint);
        matching(&self.parameters(), pattern)?.iter().for_each(|param| param.constrain(constraint.clone()));
        Ok(())
    }

    /// Writes the model to a safetensors file: its parameters, and the description from which [`open`](crate::open) makes it
    /// again without its code. A model that cannot be described, because of a closure say, is written without, and loads as
    /// before. A name that ends in `.npz` takes the parameters alone (feature `numpy`). See [`crate::saving`].
    ///
    /// # Errors
    /// A parameter that has no value yet; a file that cannot be written (an old one of that name survives).
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::saving::save(self, path.as_ref())
    }

    /// Makes an independent model like this one, with the same numbers: a target network, or the start of each fold of a
    /// cross-validation. [`Registry::copy`] does it for models with layers of your own.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let online = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(2));
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]]));
    /// let before = online.forward(&x)?;
    /// let target = online.copy()?;
    /// online.parameters()[0].1.modify(|kernel| kernel.fill(0.0));
    /// assert_eq!(target.forward(&x)?.value(), before.value());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// A layer that cannot be described; the message leads to it.
    #[doc(alias = "clone_model")]
    #[doc(alias = "deepcopy")]
    fn copy(&self) -> Result<Self>
    where
        Self: Setting,
    {
        Registry::default().copy(self)
    }

    /// Reads all parameters from a file of any format in [`crate::saving`], also before the first forward. [`Translation`] reads
    /// the files of others and parts of files.
    ///
    /// # Errors
    /// A file that cannot be read; names or shapes that differ, all listed at once. Nothing is changed then.
    fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        Translation::new().load(self, &Weights::open(path)?).map(drop)
    }

    /// Returns what tuning changes, and nothing else: adapters with their alphas, and whatever is not frozen, such as a new head. Save it
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

    /// Attaches the adapters that [`Model::tuned_weights`] gave, and sets the other parameters among them. The rest stays as it
    /// is.
    ///
    /// # Errors
    /// Names that the model does not have, shapes that do not fit, all at once. Nothing is changed then.
    #[doc(alias = "load_adapter")]
    fn load_tuned(&self, weights: &Weights) -> Result<()> {
        load_tuned(&self.parameters(), weights)
    }

    /// Copies all parameters and statistics of another model of the same structure, also before the first forward of this one:
    /// for a copy that is used while the other one is trained, or the start of another run. What is frozen is copied, too, and
    /// stays frozen.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let network = || Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(2));
    /// let (online, target) = (network(), network());
    /// let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]]));
    /// online.forward(&x)?;
    /// target.copy_weights_from(&online)?;
    /// assert_eq!(target.forward(&x)?.value(), online.forward(&x)?.value());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// names or shapes that differ, a parameter of the other model that has no value yet, all at once. Nothing is changed then.
    #[doc(alias = "load_state_dict")]
    #[doc(alias = "set_weights")]
    fn copy_weights_from<A: Vars, B: Vars>(&self, other: &(impl Layer<A, B> + ?Sized)) -> Result<()> {
        let pairs = pairs(&self.parameters(), &ParamList::of(other).into_vec())?;
        pairs.into_iter().try_for_each(|(param, value)| param.set(value))
    }

    /// Moves all parameters and statistics a little towards those of another model of the same structure:
    /// `w ← tau · other + (1 - tau) · w`, as target networks of reinforcement learning and teachers in self-distillation do
    /// after each step.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let (online, target) = (Dense::new(1), Dense::new(1));
    /// online.kernel().set(ndarray::arr2(&[[2.0]]))?;
    /// online.bias().unwrap().set(ndarray::arr1(&[4.0]))?;
    /// target.copy_weights_from(&online)?;
    /// online.kernel().set(ndarray::arr2(&[[6.0]]))?;
    /// target.soft_update(&online, 0.25)?;
    /// assert_eq!(target.kernel().value().unwrap()[[0, 0]], 3.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of [`Model::copy_weights_from`]; a tau outside of 0 to 1; a parameter of this model that has no value yet
    #[doc(alias = "polyak")]
    #[doc(alias = "target_network")]
    fn soft_update<A: Vars, B: Vars>(&self, other: &(impl Layer<A, B> + ?Sized), tau: Float) -> Result<()> {
        if !(0.0..=1.0).contains(&tau) {
            return Err(Error::value(format!("soft_update: expected a tau in 0..=1, got {tau}; 0.005 is usual")));
        }
        let parameters = self.parameters();
        if let Some((path, _)) = parameters.iter().find(|(_, param)| param.value().is_none()) {
            return Err(Error::Parameters(format!(
                "soft_update: parameter `{path}` has no value yet; begin with `copy_weights_from`"
            )));
        }
        for (param, value) in pairs(&parameters, &ParamList::of(other).into_vec())? {
            let towards = data(&value);
            param.modify(|own| own.iter_mut().zip(towards).for_each(|(w, new)| *w = tau * new + (1.0 - tau) * *w));
        }
        Ok(())
    }

    /// Returns the outputs for an array of examples, or for a tuple of arrays if the model takes several; any number type. Examples run in
    /// batches on all cores, in inference mode; a [`Trainer`] has the same method, and its own number of threads.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(3));
    /// assert_eq!(model.predict(&ndarray::Array2::<f32>::ones((1000, 4)))?.shape(), [1000, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// no examples; arrays that differ in length, or do not fit the model; whole numbers that [`Float`](crate::Float) does not hold
    /// exactly
    fn predict(&self, inputs: &impl Inputs) -> Result<Y::Values> {
        predict(self, inputs, 0, (&Threads::All, None), EVALUATION_BATCH)
    }

    /// Returns Keras' table of the model for an input of this shape, without the batch axis; [`summary`](crate::training::summary) takes
    /// several. Creates the parameters.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Sequential::new().add(Dense::new(64).activation(Relu)).add(Dense::new(10));
    /// println!("{}", model.summary(&[784])?);
    /// # assert_eq!(model.summary(&[784])?.total(), 784 * 64 + 64 + 64 * 10 + 10);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// a shape that does not fit the model
    fn summary(&self, input_shape: &[usize]) -> Result<Summary> {
        summary(self, &[input_shape], 0)
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

impl<L: Layer<X, Y> + ?Sized, X: Vars, Y: Vars> Model<X, Y> for L {}

/// Opens a model that [`Model::save`] has written, without the code that made it. It predicts, and trains on after
/// [`compile`](Model::compile). [`Registry::open`] does it for models with layers of your own, and for other types than
/// `Box<dyn Layer>`, such as [`Graph`](crate::layers::Graph).
///
/// ```
/// use gradus::prelude::*;
/// # let path = std::env::temp_dir().join(format!("gradus-open-{}.safetensors", std::process::id()));
/// let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(3));
/// let x = ndarray::arr2(&[[1.0, 2.0]]);
/// let before = model.predict(&x)?;
/// model.save(&path)?;
///
/// let model = gradus::open(&path)?;
/// assert_eq!(model.predict(&x)?, before);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// those of [`Registry::open`]
#[doc(alias = "load_model")]
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Layer>> {
    Registry::default().open(path)
}

/// The parameters of one model with the values that they have in another one.
fn pairs(own: &[(String, Param)], other: &[(String, Param)]) -> Result<Vec<(Param, Tensor)>> {
    let mut problems = Vec::new();
    let mut pairs = Vec::with_capacity(own.len());
    for (path, param) in own {
        let Some((_, source)) = other.iter().find(|(known, _)| known == path) else {
            problems.push(format!("not in the other model: `{path}`"));
            continue;
        };
        match source.value() {
            Some(value) if param.fits(value.shape()) => pairs.push((param.clone(), value)),
            Some(value) => {
                let (own, other) = (param.shape_text(), value.shape());
                problems.push(format!("differently shaped: `{path}` is {own} here and {other:?} in the other model"));
            }
            None => {
                problems.push(format!("without a value yet in the other model: `{path}`; run it once, or load weights"))
            }
        }
    }
    for (path, _) in other.iter().filter(|(path, _)| own.iter().all(|(known, _)| known != path)) {
        problems.push(format!("not in this model: `{path}`"));
    }
    match problems.is_empty() {
        true => Ok(pairs),
        false => Err(Error::Parameters(format!("the other model's weights do not fit:\n  {}", problems.join("\n  ")))),
    }
}
