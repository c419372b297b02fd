//! What trains a model of Keras: its optimizer, losses and metrics, and what the optimizer remembers.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::import::{LayerPaths, Object, object, settings, shown, text};
use crate::autograd::Listed;
use crate::config::{Config, Value};
use crate::error::{Error, Result};
use crate::formats::keras::is_old;
use crate::formats::{Snapshot, Weights};
use crate::tensor::{Float, Tensor, data, tensor};

/// An optimizer, a schedule, a loss or a metric: Keras' class, its other names, our kind, and settings of which only one value is
/// expressible.
type Row = (&'static str, &'static [&'static str], &'static str, &'static [(&'static str, &'static str)]);

const OPTIMIZERS: &[Row] = &[
    ("Adam", &["adam"], "Adam", &[]),
    ("AdamW", &["adamw", "adam_w"], "AdamW", &[]),
    ("SGD", &["sgd"], "Momentum", &[]),
    ("RMSprop", &["rmsprop", "rm_sprop"], "RmsProp", &[]),
];

/// Settings of every optimizer of Keras that a [`Stepper`](crate::optimizers::Stepper) has.
const OF_STEPPER: &[&str] = &["clipvalue", "clipnorm", "global_clipnorm", "weight_decay"];
/// Settings of optimizers of which only one value is expressible; nothing (`null`) always is.
const ONLY: &[(&str, &str)] =
    &[("use_ema", "false"), ("gradient_accumulation_steps", "1"), ("loss_scale_factor", "1.0"), ("decay", "0.0")];
/// Settings that say nothing here.
const NOTHING: &[&str] =
    &["name", "ema_momentum", "ema_overwrite_frequency", "jit_compile", "is_legacy_optimizer", "dtype"];

const SCHEDULES: &[Row] = &[
    ("ExponentialDecay", &[], "ExponentialDecay", &[]),
    ("InverseTimeDecay", &[], "InverseTimeDecay", &[]),
    ("PolynomialDecay", &[], "PolynomialDecay", &[]),
    ("PiecewiseConstantDecay", &[], "PiecewiseConstantDecay", &[]),
    ("CosineDecay", &[], "CosineDecay", &[("warmup_steps", "0"), ("warmup_target", "null")]),
    ("CosineDecayRestarts", &[], "CosineDecayRestarts", &[]),
];

const OF_LOSS: &[(&str, &str)] = &[("reduction", "\"sum_over_batch_size\""), ("axis", "-1"), ("ignore_class", "null")];
const LOSSES: &[Row] = &[
    ("MeanSquaredError", &["mse", "mean_squared_error"], "MeanSquaredError", OF_LOSS),
    ("MeanAbsoluteError", &["mae", "mean_absolute_error"], "MeanAbsoluteError", OF_LOSS),
    (
        "MeanAbsolutePercentageError",
        &["mape", "mean_absolute_percentage_error"],
        "MeanAbsolutePercentageError",
        OF_LOSS,
    ),
    (
        "MeanSquaredLogarithmicError",
        &["msle", "mean_squared_logarithmic_error"],
        "MeanSquaredLogarithmicError",
        OF_LOSS,
    ),
    ("CategoricalCrossentropy", &["categorical_crossentropy"], "CrossEntropy", OF_LOSS),
    ("SparseCategoricalCrossentropy", &["sparse_categorical_crossentropy"], "SparseCrossEntropy", OF_LOSS),
    ("BinaryCrossentropy", &["binary_crossentropy"], "BinaryCrossEntropy", OF_LOSS),
    ("CosineSimilarity", &["cosine_similarity"], "CosineSimilarity", OF_LOSS),
    ("Hinge", &["hinge"], "Hinge", OF_LOSS),
    ("SquaredHinge", &["squared_hinge"], "SquaredHinge", OF_LOSS),
    ("CategoricalHinge", &["categorical_hinge"], "CategoricalHinge", OF_LOSS),
    ("Huber", &["huber"], "Huber", OF_LOSS),
    ("LogCosh", &["log_cosh", "logcosh"], "LogCosh", OF_LOSS),
    ("KLDivergence", &["kl_divergence", "kld"], "KlDivergence", OF_LOSS),
];

const OF_METRIC: &[(&str, &str)] = &[("fn", "null"), ("axis", "-1")];
const METRICS: &[Row] = &[
    ("Accuracy", &["accuracy", "acc"], "Accuracy", OF_METRIC),
    ("SparseCategoricalAccuracy", &["sparse_categorical_accuracy"], "Accuracy", OF_METRIC),
    ("CategoricalAccuracy", &["categorical_accuracy"], "Accuracy", OF_METRIC),
    ("BinaryAccuracy", &["binary_accuracy"], "Accuracy", OF_METRIC),
    ("MeanSquaredError", &["mse", "mean_squared_error"], "MeanSquared", OF_METRIC),
    ("MeanAbsoluteError", &["mae", "mean_absolute_error"], "MeanAbsolute", OF_METRIC),
    ("RootMeanSquaredError", &["root_mean_squared_error"], "RootMeanSquared", OF_METRIC),
    ("SparseTopKCategoricalAccuracy", &["sparse_top_k_categorical_accuracy"], "TopKAccuracy", OF_METRIC),
    ("TopKCategoricalAccuracy", &["top_k_categorical_accuracy"], "TopKAccuracy", OF_METRIC),
];

/// Our names of settings that Keras calls otherwise.
const RENAMED: &[(&str, &str)] = &[("clipping", "clip")];

/// The numbers that an optimizer keeps of each parameter, in the order of a file: slots of a group lie beside each other for
/// each parameter.
fn groups(optimizer: &Config) -> &'static [&'static [usize]] {
    let is = |name: &str| matches!(optimizer.get(name), Some(Value::Bool(true)));
    let moves = matches!(optimizer.get("momentum"), Some(Value::Number(momentum)) if *momentum > 0.0);
    match (optimizer.kind(), is("amsgrad"), moves, is("centered")) {
        ("Adam" | "AdamW", true, ..) => &[&[0, 1], &[2]],
        ("Adam" | "AdamW", ..) => &[&[0, 1]],
        ("Momentum", ..) => &[&[0]],
        ("RmsProp", _, false, false) => &[&[0]],
        ("RmsProp", _, true, false) => &[&[0], &[1]],
        ("RmsProp", _, false, true) => &[&[0], &[2]],
        ("RmsProp", ..) => &[&[0], &[1], &[2]],
        _ => &[],
    }
}

/// How many slots an optimizer has here.
fn slots(optimizer: &Config) -> usize {
    match (optimizer.kind(), groups(optimizer)) {
        ("RmsProp", [_, _, ..]) => 3,
        (_, groups) => groups.concat().len(),
    }
}

/// What is in a row of a table, with the settings that are expressible.
fn described(rows: &[Row], what: &str, json: &Json) -> Result<(Config, String)> {
    let (class, config) = match json {
        Json::String(name) => (name.as_str(), None),
        Json::Object(object) => (text(object, "class_name")?, object.get("config").and_then(Json::as_object)),
        other => return Err(Error::value(format!("expected {what}, got {}", shown(Some(other))))),
    };
    // Functions are written as objects too.
    let name = json.get("config").and_then(Json::as_str).unwrap_or(class);
    let Some((_, _, kind, only)) = rows.iter().find(|(class, names, ..)| *class == name || names.contains(&name))
    else {
        return Err(Error::value(format!("`{name}` is {what} that is not known here; compile the model with another")));
    };
    let mut ours = Config::new(*kind);
    let fields = config.into_iter().flatten().filter(|(key, json)| !json.is_null() && !NOTHING.contains(&key.as_str()));
    for (key, json) in fields {
        if let Some((_, expected)) = only.iter().find(|(fixed, _)| fixed == key) {
            if !is_value(json, expected) {
                return Err(Error::value(format!("{what} `{name}` with `{key}` = {json} is not expressible")));
            }
            continue;
        }
        ours = ours.entry(renamed(key), plain(json)?, false);
    }
    let own = config.and_then(|config| config.get("name")).and_then(Json::as_str).unwrap_or(name);
    Ok((ours, own.to_owned()))
}

fn is_value(json: &Json, expected: &str) -> bool {
    serde_json::from_str(expected).is_ok_and(|expected: Json| expected == *json)
}

fn renamed(key: &str) -> &str {
    RENAMED.iter().find(|(theirs, _)| *theirs == key).map_or(key, |(_, ours)| ours)
}

fn plain(json: &Json) -> Result<Value> {
    Ok(match json {
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(plain).collect::<Result<_>>()?),
        other => return Err(Error::value(format!("expected a number, a text or a list, got {}", shown(Some(other))))),
    })
}

/// The description of a stepper.
fn stepper(json: &Json) -> Result<Config> {
    let optimizer = object(json)?;
    let (mut config, mut outer) = (settings(optimizer).clone(), Config::new("Stepper"));
    for (key, expected) in ONLY {
        let found = config.remove(*key).filter(|json| !json.is_null());
        if let Some(found) = found.filter(|found| !is_value(found, expected)) {
            return Err(Error::value(format!("an optimizer with `{key}` = {found} is not expressible")));
        }
    }
    // Keras 2.11 and later write `Custom>Adam` into `.h5` files.
    let class = text(optimizer, "class_name")?;
    let class = class.strip_prefix("Custom>").unwrap_or(class);
    let is_decoupled = class == "AdamW";
    for key in OF_STEPPER.iter().filter(|key| **key != "weight_decay" || !is_decoupled) {
        if let Some(bound) = config.remove(*key).filter(|json| !json.is_null()) {
            outer = outer.entry(key, plain(&bound)?, false);
        }
    }
    let rate = config.get("learning_rate").cloned().unwrap_or(json!(0.001));
    if rate.is_object() {
        config.remove("learning_rate");
        outer = outer.with_part("schedule", described(SCHEDULES, "a schedule", &rate)?.0);
    }
    let inner = json!({"class_name": class, "config": config});
    let (mut ours, _) = described(OPTIMIZERS, "an optimizer", &inner)?;
    if ours.kind() == "Momentum" && !matches!(ours.get("momentum"), Some(Value::Number(momentum)) if *momentum > 0.0) {
        let rate = ours.get("learning_rate").cloned().unwrap_or(Value::Number(0.01));
        ours = Config::new("Sgd").entry("learning_rate", rate, false);
    }
    if ours.get("learning_rate").is_none() {
        ours = ours.with("learning_rate", &0.001);
    }
    Ok(outer.with_part("optimizer", ours))
}

/// What is said of each output: for all alike, in order, or by name.
fn by_output<'j>(json: &'j Json, outputs: &[String], place: usize) -> &'j Json {
    match json {
        Json::Array(items) if outputs.len() > 1 => items.get(place).unwrap_or(&Json::Null),
        Json::Object(items) if !items.contains_key("class_name") => items.get(&outputs[place]).unwrap_or(&Json::Null),
        other => other,
    }
}

/// The description of a trainer: that of Keras' `compile_config`, or of the `training_config` of older files.
pub(super) fn trainer(json: &Object, outputs: &[String]) -> Result<Config> {
    let get = |key: &str| json.get(key).unwrap_or(&Json::Null);
    let optimizer = json.get("optimizer_config").unwrap_or(get("optimizer"));
    let optimizer = stepper(optimizer).map_err(|error| error.at_setting("optimizer"))?;
    let only = [String::new()];
    let (names, outputs) = if outputs.len() > 1 { (outputs, outputs) } else { (&only[..], outputs) };
    let (mut losses, mut metrics) = (Vec::new(), Vec::new());
    for (place, name) in names.iter().enumerate() {
        let outputs = if outputs.is_empty() { names } else { outputs };
        let loss = by_output(get("loss"), outputs, place);
        let (loss, _) = described(LOSSES, "a loss", loss).map_err(|error| error.at_setting("loss"))?;
        let weight = by_output(get("loss_weights"), outputs, place);
        let weight = weight.get(0).unwrap_or(weight).as_f64().unwrap_or(1.0);
        let loss = Config::new("OutputLoss").with("output", name).with_part("loss", loss).with("weight", &weight);
        losses.push(Value::Config(loss));
        for (key, weighted) in [("metrics", false), ("weighted_metrics", true)] {
            let found = by_output(get(key), outputs, place);
            for json in found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice) {
                // A list of lists where there is one output.
                for json in json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice) {
                    if !json.is_null() {
                        metrics.push(metric(json, name, weighted).map_err(|error| error.at_setting(key))?);
                    }
                }
            }
        }
    }
    Ok(Config::new("Trainer")
        .with("version", &super::super::VERSION)
        .with_part("optimizer", optimizer)
        .entry("loss", Value::List(losses), false)
        .entry("metrics", Value::List(metrics), false))
}

fn metric(json: &Json, output: &String, weighted: bool) -> Result<Value> {
    let (mut metric, name) = described(METRICS, "a metric", json)?;
    // It asks of each number, however many a row has.
    let class = json.get("class_name").unwrap_or(json);
    if ["BinaryAccuracy", "binary_accuracy"].iter().any(|name| class == name) {
        metric = metric.with("multi_label", &true);
    }
    let metric = match name == "accuracy" && metric.kind() == "Accuracy" {
        true => metric,
        false => Config::new("Named").with("name", &name).with_part("metric", metric),
    };
    let config = Config::new("OutputMetric").with("output", output).with_part("metric", metric);
    Ok(Value::Config(config.with("weighted", &weighted)))
}

/// The parameters that an optimizer of Keras keeps numbers of, in its order: by place, and in a place by their numbers.
fn trained<'l>(places: &[LayerPaths], listed: &'l [Listed], names: &HashMap<String, String>) -> Vec<&'l Listed> {
    let place = |listed: &&Listed| {
        let name = names.get(&listed.path).map_or("", String::as_str);
        let (group, number) = name.rsplit_once("/vars/").unwrap_or_default();
        let place = places.iter().position(|place| group.starts_with(&place.theirs) && place.theirs == group);
        (place.unwrap_or(places.len()), number.parse::<usize>().unwrap_or(0))
    };
    let mut trained: Vec<&Listed> =
        listed.iter().filter(|listed| !listed.param.is_state() && !listed.param.is_frozen()).collect();
    trained.sort_by_key(place);
    trained
}

/// The names of what an optimizer remembers in a file: of the iteration, of the rate where there is no schedule, and of each slot.
fn names(weights: &Weights) -> Vec<String> {
    let new = (0..).map(|i| format!("optimizer/vars/{i}")).take_while(|name| weights.shape(name).is_some());
    let new: Vec<String> = new.collect();
    if !new.is_empty() {
        return new;
    }
    weights.names().filter(|name| name.starts_with("optimizer_weights/")).map(str::to_owned).collect()
}

/// Whether this is the iteration of Keras 2.11 or later, which everything else follows in one order.
fn is_new(name: &str) -> bool {
    name.starts_with("optimizer/") || name.ends_with("/iteration") || name.ends_with("/iteration:0")
}

/// What a stepper remembers of a file; nothing if the file has nothing, or what older Kerases kept in another order.
pub(super) fn memory(
    weights: &Weights,
    trainer: &Config,
    places: &[LayerPaths],
    listed: &[Listed],
    vars: &HashMap<String, String>,
) -> Result<Snapshot> {
    let mut memory = Snapshot::default();
    let Some(stepper) = trainer.get("optimizer").map(Value::as_config).transpose()? else { return Ok(memory) };
    let Some(optimizer) = stepper.get("optimizer").map(Value::as_config).transpose()? else { return Ok(memory) };
    let names = names(weights);
    if !names.first().is_some_and(|name| is_new(name)) {
        return Ok(memory);
    }
    let number = |name: &str| Ok::<_, Error>(f64::from(weights.get(name)?.first().copied().unwrap_or(0.0)));
    let steps = number(&names[0])?;
    memory.numbers = vec![("steps".into(), vec![steps]), ("batches".into(), vec![steps])];
    let mut rest = names[1..].iter();
    // Keras 2 keeps no rate.
    let has_rate = !is_old(weights) && stepper.get("schedule").is_none();
    if has_rate && let Some(rate) = rest.next() {
        memory.numbers.push(("learning_rate".into(), vec![number(rate)?]));
    }
    let trained = trained(places, listed, vars);
    let wanted = groups(optimizer).concat().len() * trained.len();
    if rest.len() == 0 && steps == 0.0 {
        // Keras makes the memory in the first step.
        return Ok(Snapshot::default());
    }
    if rest.len() != wanted {
        let (got, kind) = (rest.len(), optimizer.kind());
        return Err(Error::value(format!(
            "expected {wanted} tensors of the memory of `{kind}` for {} trained parameters, got {got}; compile and save the model \
             again after what is trained has changed",
            trained.len()
        )));
    }
    let mut slots: Vec<Vec<Option<Tensor>>> = vec![vec![None; slots(optimizer)]; trained.len()];
    for group in groups(optimizer) {
        for (listed, slots) in trained.iter().zip(&mut slots) {
            for (slot, name) in group.iter().zip(rest.by_ref()) {
                let shape = listed.param.shape().unwrap_or_default();
                let value = weights.get(name)?;
                if value.len() != shape.iter().product::<usize>() {
                    let (path, got) = (&listed.path, value.shape());
                    return Err(Error::value(format!("expected memory of shape {shape:?} for `{path}`, got {got:?}")));
                }
                slots[*slot] = Some(tensor(&shape, data(&value).to_vec()));
            }
        }
    }
    for (listed, slots) in trained.iter().zip(slots) {
        for (i, slot) in slots.into_iter().enumerate() {
            let zeros = || Tensor::zeros(listed.param.shape().unwrap_or_default());
            memory.tensors.push((format!("{}/optimizer.{i}", listed.path), slot.unwrap_or_else(zeros)));
        }
    }
    Ok(memory)
}

fn refused(what: impl std::fmt::Display) -> Error {
    Error::value(format!("{what} is not expressible in Keras; save the trainer as .safetensors, or its model alone"))
}

/// The class of one of our kinds with its settings in Keras' words.
fn written(rows: &[Row], module: &str, config: &Config, name: Option<&str>) -> Result<Json> {
    let Some((class, ..)) = rows.iter().find(|(_, _, kind, _)| *kind == config.kind()) else {
        return Err(refused(format!("`{}`", config.kind())));
    };
    let mut theirs = Object::new();
    for (key, value) in config.settings().filter(|(_, value)| **value != Value::Null) {
        theirs.insert(key.into(), super::export::plain(value));
    }
    if let Some(name) = name {
        theirs.insert("name".into(), name.into());
    }
    Ok(json!({"module": module, "class_name": class, "config": theirs, "registered_name": null}))
}

/// Takes settings of ours that Keras does not have, if they have the only value that it means.
fn without(config: &Config, defaults: &[(&str, Value)]) -> Result<Config> {
    let mut kept = Config::new(config.kind());
    for (key, value) in config.settings() {
        match defaults.iter().find(|(name, _)| *name == key) {
            Some((_, only)) if only == value => {}
            Some(_) => return Err(refused(format!("`{}` with `{key}` = {value}", config.kind()))),
            None => kept = kept.entry(key, value.clone(), false),
        }
    }
    Ok(kept)
}

fn part<'c>(config: &'c Config, key: &str) -> Result<&'c Config> {
    config.get(key).ok_or_else(|| Error::value(format!("expected `{key}`")))?.as_config()
}

fn optimizer_json(stepper: &Config) -> Result<Json> {
    let inner = match part(stepper, "optimizer")? {
        sgd if sgd.kind() == "Sgd" => {
            let rate = sgd.get("learning_rate").cloned().unwrap_or(Value::Number(0.01));
            Config::new("Momentum").entry("learning_rate", rate, false).with("momentum", &0.0)
        }
        other => without(
            other,
            &[
                ("rate_in_velocity", Value::Bool(true)),
                ("dampening", Value::Number(0.0)),
                ("epsilon_in_root", Value::Bool(true)),
            ],
        )?,
    };
    let mut json = written(OPTIMIZERS, "keras.optimizers", &inner, None)?;
    // Keras wants a fraction where it has 0 as a default.
    if let Some(momentum) = json["config"].get("momentum").and_then(Json::as_f64) {
        json["config"]["momentum"] = json!(momentum);
    }
    for (key, value) in stepper.settings() {
        match (key, value) {
            ("optimizer", _) | (_, Value::Null) => {}
            ("schedule", Value::Config(schedule)) => {
                json["config"]["learning_rate"] = written(SCHEDULES, "keras.optimizers.schedules", schedule, None)?;
            }
            (key, value) if OF_STEPPER.contains(&key) => json["config"][key] = super::export::plain(value),
            ("gradient_accumulation_steps", Value::Number(1.0)) => {}
            ("groups", Value::List(groups)) if groups.is_empty() => {}
            (key, _) => return Err(refused(format!("an optimizer with `{key}`"))),
        }
    }
    Ok(json)
}

/// `compile_config` of a trainer's description.
pub(super) fn compile_config(trainer: &Config) -> Result<Json> {
    let optimizer = optimizer_json(part(trainer, "optimizer")?).map_err(|error| error.at_setting("optimizer"))?;
    let list = |key: &str| match trainer.get(key) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    let (losses, metrics) = (list("loss"), list("metrics"));
    let several = losses.len() > 1;
    let (mut all, mut weights) = (Vec::new(), Vec::new());
    let mut watched = [vec![Vec::new(); losses.len().max(1)], vec![Vec::new(); losses.len().max(1)]];
    for loss in &losses {
        let loss = loss.as_config()?;
        let ours = [
            ("from_log_probabilities", Value::Bool(false)),
            ("class_weights", Value::Null),
            ("ignore_class", Value::Null),
            ("positive_weight", Value::Number(1.0)),
        ];
        let mut inner = without(part(loss, "loss")?, &ours)?;
        if inner.kind() == "SparseCrossEntropy" {
            inner = without(&inner, &[("label_smoothing", Value::Number(0.0))])?;
        }
        all.push(written(LOSSES, "keras.losses", &inner, None).map_err(|error| error.at_setting("loss"))?);
        weights.push(loss.get("weight").map_or(json!(1.0), super::export::plain));
    }
    for metric in &metrics {
        let metric = metric.as_config()?;
        let place = losses
            .iter()
            .position(|loss| loss.as_config().is_ok_and(|loss| loss.get("output") == metric.get("output")));
        let inner = part(metric, "metric")?;
        let (inner, name) = match (inner.kind(), inner.get("name")) {
            ("Named", Some(Value::Text(name))) => (part(inner, "metric")?, Some(name.as_str())),
            _ => (inner, None),
        };
        let json = match inner.kind() {
            // By the shapes of what is compared, as here.
            "Accuracy" if inner.get("multi_label") == Some(&Value::Bool(true)) => {
                without(inner, &[("multi_label", Value::Bool(true))]).map(|inner| {
                    let name = name.unwrap_or("binary_accuracy");
                    json!({"module": "keras.metrics", "class_name": "BinaryAccuracy", "config": {"name": name,
                        "threshold": threshold(&inner)}, "registered_name": null})
                })
            }
            "Accuracy" => without(inner, &[("threshold", Value::Null), ("multi_label", Value::Bool(false))])
                .map(|_| json!("accuracy")),
            _ => written(METRICS, "keras.metrics", inner, name),
        };
        let is_weighted = metric.get("weighted") == Some(&Value::Bool(true));
        watched[usize::from(is_weighted)][place.unwrap_or(0)].push(json.map_err(|error| error.at_setting("metrics"))?);
    }
    let [metrics, weighted] = watched;
    Ok(match several {
        true => {
            json!({"optimizer": optimizer, "loss": all, "loss_weights": weights, "metrics": metrics, "weighted_metrics": weighted})
        }
        false => json!({"optimizer": optimizer, "loss": all.first(), "loss_weights": null, "metrics": metrics[0],
            "weighted_metrics": weighted[0]}),
    })
}

/// Keras' default where none is set.
fn threshold(accuracy: &Config) -> Json {
    match accuracy.get("threshold") {
        Some(Value::Number(threshold)) => json!(threshold),
        _ => json!(0.5),
    }
}

/// Adds what a stepper remembers to the tensors of a file.
pub(super) fn remember(
    weights: &mut Weights,
    trainer: &Config,
    memory: &Snapshot,
    places: &[LayerPaths],
    listed: &[Listed],
    vars: &HashMap<String, String>,
) -> Result<()> {
    let stepper = part(trainer, "optimizer")?;
    let optimizer = part(stepper, "optimizer")?;
    if memory.count("pending")? != 0 || memory.count("swapped")? != 0 {
        return Err(refused("an optimizer in the middle of a step, or with averages in the place of weights"));
    }
    let mut all = vec![ndarray::arr0(memory.count("steps")? as Float).into_dyn().into_shared()];
    let has_schedule = stepper.get("schedule").is_some_and(|schedule| *schedule != Value::Null);
    if !has_schedule {
        all.push(ndarray::arr0(memory.number("learning_rate")? as Float).into_dyn().into_shared());
    }
    let trained = trained(places, listed, vars);
    for group in groups(optimizer) {
        for listed in &trained {
            let shape = vars.get(&listed.path).and_then(|name| weights.shape(name)).unwrap_or_default().to_vec();
            for slot in *group {
                let kept = memory.tensor(&format!("{}/optimizer.{slot}", listed.path));
                all.push(kept.map_or_else(|| Tensor::zeros(shape.clone()), |kept| tensor(&shape, data(kept).to_vec())));
            }
        }
    }
    for (i, value) in all.into_iter().enumerate() {
        weights.insert(format!("optimizer/vars/{i}"), value);
    }
    Ok(())
}
