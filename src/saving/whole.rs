//! A whole model in one file: the numbers of its parameters, what it is, and what is attached to its parameters.

use std::path::Path;

use crate::autograd::{Layer, Noise, Param, ParamList, Vars, attach};
use crate::config::{Config, Reader, Registry, Setting};
use crate::error::{Error, Result};
use crate::formats::{Translation, Weights, gather_parameters as gather};

/// The name of the description in a file's metadata.
pub(crate) const MODEL: &str = "gradus.model";
/// What follows in the name of the reason why there is none.
const UNDESCRIBED: &str = ".undescribed";
/// The version of descriptions that is written, and the newest that is read.
pub(crate) const VERSION: u32 = 1;

/// Writes a model to a file: its parameters, and its description where it has one and the format has a place for it.
pub(crate) fn save<X: Vars, Y: Vars>(model: &(impl Layer<X, Y> + ?Sized), path: &Path) -> Result<()> {
    let mut weights = gather(&ParamList::of(model).into_vec())?;
    if has_descriptions(path) {
        describe(&mut weights, MODEL, &description(model));
    }
    weights.save(path)
}

/// Whether the format that the name of a file asks for has a place for descriptions.
pub(crate) fn has_descriptions(path: &Path) -> bool {
    path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("npz"))
}

/// Keeps a description beside weights, or the reason why there is none.
pub(crate) fn describe(weights: &mut Weights, name: &str, description: &Config) {
    match description.to_json() {
        Ok(text) => weights.set_metadata(name, text),
        Err(error) => weights.set_metadata(format!("{name}{UNDESCRIBED}"), error.to_string()),
    }
}

/// The description that [`describe`] kept.
pub(crate) fn described(weights: &Weights, path: &Path, name: &str, what: &str) -> Result<Config> {
    if let Some(text) = weights.metadata(name) {
        return Config::from_json(text).map_err(|error| cannot_open(path, what, &error));
    }
    let reason = weights.metadata(&format!("{name}{UNDESCRIBED}")).map_or_else(
        || format!("it was not saved as one; make the {what} in code, and `load` the weights"),
        |reason| format!("when it was saved, {reason}"),
    );
    Err(Error::file(path, format!("has no description of a {what}: {reason}")))
}

pub(crate) fn cannot_open(path: &Path, what: &str, error: &Error) -> Error {
    Error::file(path, format!("cannot be opened as a {what}: {error}"))
}

/// Refuses a description of a newer version.
pub(crate) fn check_version(from: &Reader<'_>) -> Result<()> {
    let version: u32 = from.get("version")?;
    if version > VERSION {
        return Err(Error::value(format!(
            "it was written by a newer gradus: expected a description of version {VERSION} at most, got {version}; \
             update the crate"
        )));
    }
    Ok(())
}

impl Registry {
    /// Opens a model that [`Model::save`](crate::Model::save) has written: its layers, the numbers in its parameters, what is
    /// frozen, and the penalties, constraints and adapters of its parameters. `M` is `Box<dyn Layer>`, or the type that was
    /// saved, such as `Sequential` or `Graph`.
    ///
    /// # Errors
    /// a file that cannot be read, or has no description; a kind that is not registered; a description of a newer version, or with
    /// settings that are missing, unknown or out of their range; the message leads to the place
    pub fn open<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(&self, path: impl AsRef<Path>) -> Result<M> {
        let path = path.as_ref();
        let weights = Weights::open(path)?;
        self.open_weights(&weights, path)
    }

    /// [`Registry::open`] of a file that is read already.
    pub(crate) fn open_weights<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(
        &self,
        weights: &Weights,
        path: &Path,
    ) -> Result<M> {
        let description = described(weights, path, MODEL, "model")?;
        let model: M = self.restore(&description).map_err(|error| cannot_open(path, "model", &error))?;
        Translation::new().load(&model, weights)?;
        Ok(model)
    }

    /// Makes another model like this one, with the same numbers in parameters of its own: a target network, or the start of
    /// each fold of a cross-validation.
    ///
    /// # Errors
    /// a layer that cannot be described, such as a closure, or is not registered; the message leads to it
    pub fn copy<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(&self, model: &M) -> Result<M> {
        let copy: M = self.restore(&description(model))?;
        let (from, to) = (ParamList::of(model).into_vec(), ParamList::of(&copy).into_vec());
        for ((_, from), (_, to)) in from.iter().zip(&to) {
            from.value().map_or(Ok(()), |value| to.put(value))?;
        }
        Ok(copy)
    }

    /// Makes the model, and attaches what was attached to its parameters.
    fn restore<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(&self, description: &Config) -> Result<M> {
        description.check()?;
        let from = self.reader(description);
        check_version(&from)?;
        from.only(&["version", "model", "parameters", "frozen_noises"])?;
        let model: M = from.get("model")?;
        let attached: Vec<(String, Config)> = from.get("parameters")?;
        for (path, config) in &attached {
            attach_adapter(&ParamList::of(&model).into_vec(), path, &from.nested(config))
                .map_err(|error| error.at_setting(path).at_setting("parameters"))?;
        }
        let parameters = ParamList::of(&model).into_vec();
        for (path, config) in &attached {
            attach_rest(&parameters, path, &from.nested(config))
                .map_err(|error| error.at_setting(path).at_setting("parameters"))?;
        }
        let frozen: Vec<String> = from.get("frozen_noises")?;
        for (_, noise) in ParamList::of(&model).noises().iter().filter(|(path, _)| frozen.contains(path)) {
            noise.freeze();
        }
        Ok(model)
    }
}

fn description<X: Vars, Y: Vars>(model: &(impl Layer<X, Y> + ?Sized)) -> Config {
    let list = ParamList::of(model);
    let noises = list.noises();
    whole(model.config(), &list.into_vec(), &noises)
}

/// All that makes a model again but the numbers: what it is, and what is attached to its parameters.
pub(crate) fn whole(model: Config, parameters: &[(String, Param)], noises: &[(String, Noise)]) -> Config {
    let mut frozen: Vec<String> = Vec::new();
    for (path, noise) in noises {
        if noise.is_frozen() {
            frozen.push(path.clone());
        }
    }
    let attached: Vec<(String, Config)> =
        parameters.iter().filter_map(|(path, param)| Some((path.clone(), attachments(param)?))).collect();
    Config::new("Model")
        .with("version", &VERSION)
        .with_part("model", model)
        .with("parameters", &attached)
        .with("frozen_noises", &frozen)
}

/// What is attached to a parameter; `None` if nothing is.
fn attachments(param: &Param) -> Option<Config> {
    let adapter = param.adapter().filter(|adapter| !adapter.is_merged()).map(|adapter| adapter.lora);
    let (regularizers, constraints) = (param.regularizers(), param.constraints());
    let is_plain = !param.is_frozen() && adapter.is_none() && regularizers.is_empty() && constraints.is_empty();
    (!is_plain).then(|| {
        Config::new("Parameter")
            .with("frozen", &param.is_frozen())
            .with("adapter", &adapter)
            .with("regularizers", &regularizers)
            .with("constraints", &constraints)
    })
}

fn find<'a>(parameters: &'a [(String, Param)], path: &str) -> Result<&'a Param> {
    let found = parameters.iter().find(|(known, _)| known == path);
    found.map(|(_, param)| param).ok_or_else(|| Error::value("the model has no such parameter"))
}

fn attach_adapter(parameters: &[(String, Param)], path: &str, from: &Reader<'_>) -> Result<()> {
    from.only(&["frozen", "adapter", "regularizers", "constraints"])?;
    let Some(adapter) = from.get("adapter")? else { return Ok(()) };
    let param = find(parameters, path)?;
    attach(&[(path.to_owned(), param.clone())], path, adapter)
}

fn attach_rest(parameters: &[(String, Param)], path: &str, from: &Reader<'_>) -> Result<()> {
    let param = find(parameters, path)?;
    for regularizer in from.get::<Vec<_>>("regularizers")? {
        param.regularize(regularizer);
    }
    for constraint in from.get::<Vec<_>>("constraints")? {
        param.constrain(constraint);
    }
    if from.get("frozen")? {
        param.freeze()
    } else {
        param.unfreeze()
    }
    Ok(())
}
