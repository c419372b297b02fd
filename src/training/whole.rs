//! A trainer in one file: its model, what trains it, and what that remembers.

use std::path::Path;

use super::Trainer;
use crate::autograd::{Layer, ParamList, Var, Vars};
use crate::config::{Config, Registry, Setting};
use crate::error::Result;
use crate::formats::{Snapshot, Weights, gather_parameters};
use crate::losses::Losses;
use crate::optimizers::Stepper;
use crate::saving::{self, MODEL, Structure, VERSION};

/// The name of the description of what trains a model, in a file's metadata.
pub(super) const TRAINER: &str = "gradus.trainer";
/// The name of an optimizer's memory in a snapshot.
pub(super) fn optimizer(number: usize) -> String {
    format!("optimizer/{number}")
}
/// The name of the number of epochs in a snapshot.
const EPOCHS: &str = "trained_epochs";

impl<M: Layer<X, Y>, X: Vars, Y: Vars> Trainer<M, X, Y> {
    /// Writes the trainer to a safetensors file: the model as [`Model::save`](crate::Model::save) does, the descriptions of optimizer,
    /// schedule, losses and metrics, the optimizer's memory, and the seed. [`open_trainer`](crate::open_trainer) gives it back without
    /// its code, and it goes on with the same bits as this one; [`open`](crate::open) gives the model alone.
    ///
    /// What cannot be described, such as a closure as the loss, keeps nobody from saving: the file then says why, and holds the rest.
    /// A name that ends in `.npz` takes the parameters alone (feature `numpy`). Of several processes that
    /// [train together](crate::distributed) the first one writes, and the others wait for it.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("gradus-trainer-{}.safetensors", std::process::id()));
    /// let data = (ndarray::Array2::<f32>::ones((8, 2)), ndarray::Array1::<f32>::zeros(8));
    /// let mut trainer = Dense::new(1).compile(Adam::new(0.1), MeanSquaredError).seed(7);
    /// trainer.fit(&data, Fit::epochs(2).progress(false))?;
    /// trainer.save(&path)?;
    ///
    /// let mut opened = gradus::open_trainer(&path)?;
    /// let epochs = || Fit::epochs(3).progress(false);
    /// assert_eq!(opened.fit(&data, epochs())?, trainer.fit(&data, epochs())?);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// those of [`Model::save`](crate::Model::save)
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let parameters = ParamList::of(&self.model).into_vec();
        let memory = self.stepper.whole_snapshot(&parameters)?;
        match &self.ranks {
            Some(ranks) if ranks.is_first() => ranks.all("save", self.write(path, memory)),
            Some(ranks) => ranks.all("save", Ok(())),
            None => self.write(path, memory),
        }
    }

    fn write(&self, path: &Path, stepper: Snapshot) -> Result<()> {
        let list = ParamList::of(&self.model);
        let (structure, noises) = (Structure::of(&self.model, &list), list.noises());
        let parameters = list.into_vec();
        let mut weights = gather_parameters(&parameters)?;
        if saving::has_descriptions(path) {
            saving::describe(&mut weights, MODEL, &structure.whole(&parameters, &noises));
            saving::describe(&mut weights, TRAINER, &self.config());
            let mut memory = structure.numbers();
            memory.numbers.push((EPOCHS.into(), vec![self.epochs as f64]));
            memory.nest(&optimizer(0), stepper);
            weights.set_snapshot(&memory);
        }
        weights.save(path)
    }

    /// Returns the description of what trains the model: optimizer, losses, metrics and seed.
    pub fn config(&self) -> Config {
        Config::new("Trainer")
            .with("version", &VERSION)
            .with_part("optimizer", self.stepper.config())
            .with("loss", &self.losses)
            .with("metrics", &self.metrics)
            .with("seed", &self.seed)
            .with("evaluation_batch_size", &self.evaluation_batch)
    }
}

#[cfg(feature = "keras")]
impl saving::Keras {
    /// Writes a trainer for Keras 3: the model as [`Keras::save`](saving::Keras::save) does, optimizer, schedule, losses and metrics, and
    /// the optimizer's memory. `keras.models.load_model` reads it, and `fit` goes on there. Adam, AdamW, SGD with momentum or without,
    /// and RMSprop are written; what else Keras has not, by name, is an error.
    ///
    /// # Errors
    /// those of [`Keras::save`](saving::Keras::save); an optimizer, a schedule, a loss or a metric that is not written
    pub fn save_trainer<M: Layer<X, Y>, X: Vars, Y: Vars>(
        &self,
        trainer: &Trainer<M, X, Y>,
        path: impl AsRef<Path>,
    ) -> Result<()> {
        let parameters = ParamList::of(&trainer.model).into_vec();
        self.save_with(&trainer.model, Some((trainer.config(), trainer.stepper.snapshot(&parameters))), path.as_ref())
    }
}

impl Registry {
    /// Opens a trainer that [`Trainer::save`] has written, or a [`Backup`](crate::callbacks::Backup) of `fit`: its model, what trains it,
    /// and what that remembers. With the feature `keras` it also opens a model that Keras has compiled and saved (`.keras`, `.h5`): Adam,
    /// AdamW, SGD and RMSprop with their memory, which files of Keras 2 have in another order and begin without. `M` is `Box<dyn Layer>`, or the type that was saved, such as `Sequential` or `Graph`.
    ///
    /// # Errors
    /// those of [`Registry::open`]; a file of a model alone; a memory that does not fit the optimizer or the model
    pub fn open_trainer<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<Trainer<M, X, Y>> {
        let path = path.as_ref();
        let weights = Weights::open(path)?;
        let cannot = |error| saving::cannot_open(path, "trainer", &error);
        #[cfg(feature = "keras")]
        if let Some((model, description, memory)) = saving::open_keras_trainer(self, &weights, path)? {
            let mut trainer = self.trainer(model, &description).map_err(cannot)?;
            let parameters = ParamList::of(&trainer.model).into_vec();
            // What Keras does not keep is as before the first step.
            let mut state = trainer.stepper.snapshot(&parameters);
            for (name, numbers) in memory.numbers {
                state.numbers.retain(|(known, _)| *known != name);
                state.numbers.push((name, numbers));
            }
            state.tensors = memory.tensors;
            trainer.stepper.restore_snapshot(&parameters, &state).map_err(cannot)?;
            return Ok(trainer);
        }
        let description = saving::described(&weights, path, TRAINER, "trainer")?;
        let model: M = self.open_weights(&weights, path)?;
        let memory = weights.snapshot()?.unwrap_or_default();
        let mut trainer = self.trainer(model, &description).map_err(cannot)?;
        let parameters = ParamList::of(&trainer.model).into_vec();
        trainer.stepper.restore_snapshot(&parameters, &memory.part(&optimizer(0))).map_err(cannot)?;
        let epochs = memory.count(EPOCHS).or_else(|_| memory.count("epoch")).map_err(cannot)?;
        trainer.epochs = epochs as usize;
        Ok(trainer)
    }

    fn trainer<M: Layer<X, Y>, X: Vars, Y: Vars>(&self, model: M, description: &Config) -> Result<Trainer<M, X, Y>> {
        description.check()?;
        let from = self.reader(description);
        saving::check_version(&from)?;
        from.only(&["version", "optimizer", "loss", "metrics", "seed", "evaluation_batch_size"])?;
        let mut trainer = Trainer::new(model, from.get::<Stepper>("optimizer")?, from.get::<Losses>("loss")?);
        trainer.metrics = from.get("metrics")?;
        trainer.seed = from.get_or("seed", trainer.seed)?;
        trainer.evaluation_batch = from.get_or("evaluation_batch_size", trainer.evaluation_batch)?;
        Ok(trainer)
    }
}

/// The layers, what trains them, and the seed.
impl<M: Layer<X, Y>, X: Vars, Y: Vars> std::fmt::Debug for Trainer<M, X, Y> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.config().with_part("model", self.model.config()))
    }
}

/// Opens a trainer that was saved with [`Trainer::save`], without the code that made it: one input and one output of layers and
/// settings of this crate. [`Registry::open_trainer`] opens all others.
///
/// # Errors
/// those of [`Registry::open_trainer`]
pub fn open_trainer(path: impl AsRef<Path>) -> Result<Trainer<Box<dyn Layer>, Var, Var>> {
    Registry::default().open_trainer(path)
}
