//! A whole model in one file: the numbers of its parameters, what it is, and what is attached to its parameters.

use std::path::Path;

use crate::autograd::{Layer, Noise, Param, ParamList, Vars, attach};
use crate::config::{Config, Reader, Registry, Setting, Value};
use crate::error::{Error, Result};
use crate::formats::{Snapshot, Translation, Weights, gather_parameters as gather};

/// The name of the description in a file's metadata.
pub(crate) const MODEL: &str = "gradus.model";
/// What follows in the name of the reason why there is none.
const UNDESCRIBED: &str = ".undescribed";
/// The version of descriptions that is written, and the newest that is read.
pub(crate) const VERSION: u32 = 1;

/// Where a snapshot has the numbers of [`Structure::beside`].
const BESIDE: &str = "beside";

/// Writes a model to a file: its parameters, and its description where it has one and the format has a place for it.
pub(crate) fn save<X: Vars, Y: Vars>(model: &(impl Layer<X, Y> + ?Sized), path: &Path) -> Result<()> {
    let list = ParamList::of(model);
    let (structure, noises) = (Structure::of(model, &list), list.noises());
    let parameters = list.into_vec();
    let mut weights = gather(&parameters)?;
    if has_descriptions(path) {
        describe(&mut weights, MODEL, &structure.whole(&parameters, &noises));
        let beside = structure.numbers();
        if !beside.is_empty() {
            weights.set_snapshot(&beside);
        }
    }
    weights.save(path)
}

/// What a model is, without what is attached to its parameters and without their numbers.
pub(crate) struct Structure {
    model: Config,
    /// Where layers have a parameter of another layer, and that one's path.
    ties: Vec<(String, String)>,
    /// Parameters that are not the model's, such as those of a teacher.
    beside: Vec<(String, Param)>,
}

impl Structure {
    pub(crate) fn of<X: Vars, Y: Vars>(model: &(impl Layer<X, Y> + ?Sized), list: &ParamList<'_>) -> Self {
        let mut ties = Vec::new();
        for (place, tie) in list.ties() {
            let owner = tie.place().get().and_then(|param| list.path_of(param.id()));
            ties.extend(owner.filter(|owner| owner != place).map(|owner| (place.clone(), owner)));
        }
        Self { model: model.config(), ties, beside: list.all_beside().to_vec() }
    }

    /// All that makes the model again but numbers.
    pub(crate) fn whole(&self, parameters: &[(String, Param)], noises: &[(String, Noise)]) -> Config {
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
            .with_part("model", self.model.clone())
            .with("parameters", &attached)
            .with("frozen_noises", &frozen)
            .with("ties", &self.ties)
    }

    /// The numbers that are not the model's.
    pub(crate) fn numbers(&self) -> Snapshot {
        let mut numbers = Snapshot::default();
        for (path, param) in &self.beside {
            numbers.tensors.extend(param.value().map(|value| (format!("{BESIDE}/{path}"), value)));
        }
        numbers
    }
}

/// Sets what [`Structure::numbers`] gave.
fn set_beside(list: &ParamList<'_>, numbers: &Snapshot) -> Result<()> {
    for (path, value) in &numbers.part(BESIDE).tensors {
        let Some((_, param)) = list.all_beside().iter().find(|(known, _)| known == path) else {
            return Err(Error::value(format!("there is no place for the numbers of `{path}`")));
        };
        param.put(value.clone())?;
    }
    Ok(())
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
        #[cfg(feature = "keras")]
        if let Some(text) = crate::formats::keras::description(weights, path) {
            return super::keras::open(self, &text?, weights).map_err(|error| cannot_open(path, "model", &error));
        }
        let description = described(weights, path, MODEL, "model")?;
        let model: M = self.restore(&description).map_err(|error| cannot_open(path, "model", &error))?;
        Translation::new().load(&model, weights)?;
        let numbers = weights.snapshot()?.unwrap_or_default();
        set_beside(&ParamList::of(&model), &numbers).map_err(|error| cannot_open(path, "model", &error))?;
        Ok(model)
    }

    /// Makes another model like this one, with the same numbers in parameters of its own: a target network, or the start of
    /// each fold of a cross-validation.
    ///
    /// # Errors
    /// a layer that cannot be described, such as a closure, or is not registered; the message leads to it
    pub fn copy<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(&self, model: &M) -> Result<M> {
        let list = ParamList::of(model);
        let (structure, noises) = (Structure::of(model, &list), list.noises());
        let parameters = list.into_vec();
        let copy: M = self.restore(&structure.whole(&parameters, &noises))?;
        let copied = ParamList::of(&copy);
        set_beside(&copied, &structure.numbers())?;
        let (from, to) = (parameters, copied.into_vec());
        for ((_, from), (_, to)) in from.iter().zip(&to) {
            from.value().map_or(Ok(()), |value| to.put(value))?;
        }
        Ok(copy)
    }

    /// Makes the model, and attaches what was attached to its parameters.
    pub(super) fn restore<M: Setting + Layer<X, Y>, X: Vars, Y: Vars>(&self, description: &Config) -> Result<M> {
        description.check()?;
        let from = self.reader(description);
        check_version(&from)?;
        from.only(&["version", "model", "parameters", "frozen_noises", "ties"])?;
        if let Some(Value::Config(model)) = description.get("model") {
            check_arrangement::<X, Y>(model)?;
        }
        let model: M = from.get("model")?;
        tie(&ParamList::of(&model), &from.get_or::<Vec<(String, String)>>("ties", Vec::new())?)?;
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

/// That a graph takes and gives as many variables as the type does.
fn check_arrangement<X: Vars, Y: Vars>(config: &Config) -> Result<()> {
    let count = |key: &str| match config.get(key) {
        Some(Value::List(items)) => items.len(),
        _ => 1,
    };
    let (inputs, outputs) = (count("inputs"), count("outputs"));
    if config.kind() != "Graph" || X::COUNT.is_none_or(|n| n == inputs) && Y::COUNT.is_none_or(|n| n == outputs) {
        return Ok(());
    }
    Err(Error::value(format!(
        "it takes {inputs} inputs and gives {outputs} outputs; open it as a graph: `Registry::default().open::<Graph, _, _>(path)`"
    )))
}

/// Gives layers the parameters of other layers that they share.
fn tie(list: &ParamList<'_>, ties: &[(String, String)]) -> Result<()> {
    for (place, owner) in ties {
        let fail = |what: &str| Err(Error::value(what).at_setting(place).at_setting("ties"));
        let Some((_, slot)) = list.ties().iter().find(|(known, _)| known == place) else {
            return fail("the model has no such place for a parameter of another layer");
        };
        let Some(param) = list.param_at(owner) else { return fail("the model has no such parameter to share") };
        if slot.place().set(param.clone()).is_err() {
            return fail("it is given twice");
        }
    }
    // All others have parameters of their own.
    for (_, tie) in list.ties() {
        tie.param();
    }
    Ok(())
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
