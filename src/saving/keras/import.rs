//! From Keras' description of a model to ours.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

use super::classes::{ACTIVATIONS, FIXED, LAYERS, NO_SETTINGS, PARTS, translated};
use super::graph::{self, Call};
use crate::config::{Config, Registry, Value};
use crate::error::{Error, Result};

pub(super) type Object = Map<String, Json>;

/// A layer whose parameters have a place of their own in a file.
pub(super) struct LayerPaths {
    /// Our path of the layer.
    pub ours: String,
    /// The group of its parameters in a file of Keras 3.
    pub theirs: String,
    /// The layer of the outermost model that it is in; older files have one group for that.
    pub top: String,
    pub is_trainable: bool,
}

/// Where a layer stands.
#[derive(Clone, Default)]
pub(super) struct At {
    pub ours: String,
    pub theirs: String,
    pub top: String,
    pub is_frozen: bool,
    /// Whether last states may be given beside the output.
    pub gives_states: bool,
}

impl At {
    /// A layer in the model that stands here.
    pub fn layer(&self, name: &str, group: &str) -> Self {
        let join = |outer: &str, separator: &str, inner: &str| match outer {
            "" => inner.to_owned(),
            outer => format!("{outer}{separator}{inner}"),
        };
        Self {
            ours: join(&self.ours, ".", name),
            theirs: join(&self.theirs, "/", &format!("layers/{group}")),
            top: if self.top.is_empty() { name.into() } else { self.top.clone() },
            is_frozen: self.is_frozen,
            gives_states: false,
        }
    }

    /// A layer inside of the one that stands here.
    pub fn part(&self, ours: &str, theirs: &str) -> Self {
        let ours = if ours.is_empty() { self.ours.clone() } else { format!("{}.{ours}", self.ours) };
        Self { ours, theirs: format!("{}/{theirs}", self.theirs), ..self.clone() }
    }
}

/// What is learned on the way from Keras' description to ours.
pub(super) struct Import<'r> {
    pub registry: &'r Registry,
    /// Whether Keras 2 or 1 wrote it.
    pub is_old: bool,
    pub places: Vec<LayerPaths>,
    /// What is attached to parameters, by their paths.
    pub attached: Vec<(String, Config)>,
}

pub(super) fn text<'j>(json: &'j Object, key: &str) -> Result<&'j str> {
    let found = json.get(key).and_then(Json::as_str);
    found.ok_or_else(|| Error::value(format!("expected a text in `{key}`, got {}", shown(json.get(key)))))
}

pub(super) fn shown(json: Option<&Json>) -> String {
    let text = json.unwrap_or(&Json::Null).to_string();
    if text.len() <= 80 { text } else { format!("{}...", text.chars().take(80).collect::<String>()) }
}

pub(super) fn object(json: &Json) -> Result<&Object> {
    json.as_object()
        .ok_or_else(|| Error::value(format!("expected a layer or a model in JSON, got {}", shown(Some(json)))))
}

/// Its settings; none if there are none.
pub(super) fn settings(json: &Object) -> &Object {
    static EMPTY: std::sync::OnceLock<Object> = std::sync::OnceLock::new();
    json.get("config").and_then(Json::as_object).unwrap_or_else(|| EMPTY.get_or_init(Object::new))
}

/// The name of a layer, in which dots would separate layers.
pub(super) fn name(json: &Object) -> Result<String> {
    let config = settings(json);
    let name = json.get("name").or_else(|| config.get("name")).and_then(Json::as_str);
    // Layers inside of others may have none.
    Ok(name.map_or_else(|| snake_case(text(json, "class_name").unwrap_or_default()), |name| name.replace('.', "_")))
}

/// The layers of a model, whose older descriptions have no object around them.
fn layers(json: &Object) -> Result<Vec<&Object>> {
    let config = json.get("config").unwrap_or(&Json::Null);
    let layers = config.as_array().or_else(|| config.get("layers").and_then(Json::as_array));
    let layers =
        layers.ok_or_else(|| Error::value(format!("expected a list of layers, got {}", shown(Some(config)))))?;
    layers.iter().map(object).collect()
}

pub(super) fn is_operation(json: &Object) -> bool {
    json.get("module").and_then(Json::as_str).is_some_and(|module| module.contains(".ops"))
}

/// How Keras makes a name of a class: `BatchNormalization` becomes `batch_normalization`.
pub(super) fn snake_case(class: &str) -> String {
    let chars: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (i, c) in chars.iter().enumerate() {
        let follows = i > 0 && chars[i - 1].is_ascii_lowercase();
        let begins = i > 0 && chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && (follows || begins) {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// The next name of a class among those that were there before: `dense`, `dense_1`.
pub(super) fn numbered(counts: &mut HashMap<String, usize>, class: &str) -> String {
    // Its name in descriptions is not that in Python.
    let base = snake_case(if class == "GroupQueryAttention" { "GroupedQueryAttention" } else { class });
    let count = counts.entry(base.clone()).or_default();
    *count += 1;
    if *count == 1 { base } else { format!("{base}_{}", *count - 1) }
}

impl Import<'_> {
    /// A layer or a model.
    pub fn any(&mut self, json: &Object, at: &At) -> Result<Config> {
        let mut at = at.clone();
        at.is_frozen |= settings(json).get("trainable") == Some(&Json::Bool(false));
        let config = json.get("config");
        match text(json, "class_name")? {
            "Sequential" => self.sequential(json, &at),
            _ if config.is_some_and(|config| config.get("input_layers").is_some()) => self.functional(json, &at),
            class => self.layer(class, json, &at),
        }
    }

    fn sequential(&mut self, json: &Object, at: &At) -> Result<Config> {
        let mut counts = HashMap::new();
        let mut parts = Vec::new();
        for layer in layers(json)? {
            let (name, class) = (name(layer)?, text(layer, "class_name")?);
            if class == "InputLayer" {
                continue;
            }
            let at = at.layer(&name, &numbered(&mut counts, class));
            let part = self.any(layer, &at).map_err(|error| error.at_setting(&name))?;
            parts.push(Value::List(vec![Value::Text(name), Value::Config(part)]));
        }
        Ok(Config::new("Sequential").entry("layers", Value::List(parts), false))
    }

    fn functional(&mut self, json: &Object, at: &At) -> Result<Config> {
        let mut counts = HashMap::new();
        let mut known: HashMap<String, graph::Known> = HashMap::new();
        for layer in layers(json)? {
            let (name, class) = (name(layer)?, text(layer, "class_name")?);
            let fail = |error: Error| error.at_setting(&name);
            let calls = layer.get("inbound_nodes").map_or(Ok(Vec::new()), Call::all).map_err(fail)?;
            let is_input = class == "InputLayer";
            let states = graph::states(class, layer, &calls);
            let mut config = None;
            if !is_input && !is_operation(layer) {
                let at = At { gives_states: states > 0, ..at.layer(&name, &numbered(&mut counts, class)) };
                let inner = self.any(layer, &at).map_err(fail)?;
                config = Some(if states > 0 { Config::new("WithState").with_part("layer", inner) } else { inner });
            }
            let outputs = states + graph::outputs(layer).map_err(fail)?;
            if known.insert(name.clone(), graph::Known { json: layer, config, calls, is_input, outputs }).is_some() {
                return Err(Error::value(format!("two layers are named `{name}`")));
            }
        }
        graph::graph(settings(json), known)
    }

    fn layer(&mut self, class: &str, json: &Object, at: &At) -> Result<Config> {
        let config = settings(json);
        self.check(class, json)?;
        if config.get("return_state") == Some(&Json::Bool(true)) && !at.gives_states {
            return Err(Error::value("`return_state` is not expressible here, only for a layer of a functional model"));
        }
        if class == "Lambda" {
            let name = name(json)?;
            if self.registry.kinds().contains(name.as_str()) {
                return Ok(Config::new(name));
            }
            return Err(Error::value(format!(
                "`Lambda` holds Python code, which is not run; add a layer whose `KIND` is \"{name}\" to the `Registry`"
            )));
        }
        let module = json.get("module").and_then(Json::as_str).unwrap_or("keras.layers");
        if class.starts_with("Random") && module.starts_with("keras") {
            // Augmentation, which is the identity in inference.
            return Ok(Config::new("Linear"));
        }
        match class {
            "Activation" => return self.activation(config.get("activation").unwrap_or(&Json::Null)),
            "Bidirectional" => return self.bidirectional(config, at),
            "TimeDistributed" => {
                let inner = object(config.get("layer").unwrap_or(&Json::Null))?;
                let inner = self.any(inner, &at.part("", "layer"))?;
                return Ok(Config::new(class).with_part("layer", inner));
            }
            "MultiHeadAttention" | "GroupQueryAttention" => return self.attention(class, config, at),
            _ => {}
        }
        let cell = if matches!(class, "LSTM" | "GRU" | "SimpleRNN") { "/cell" } else { "" };
        self.place(at, &at.ours, &format!("{}{cell}", at.theirs));
        let Some((kind, renamed)) = layer(class) else {
            return special(class, config).unwrap_or_else(|| self.described(class, class, &[], config, at));
        };
        if let Some(axis) = config.get("axis").filter(|_| renamed.contains(&("axis", ""))) {
            last_axis(axis, json)?;
        }
        let config = self.described(class, &kind, renamed, config, at)?;
        Ok(adjusted(class, config, settings(json)))
    }

    pub fn place(&mut self, at: &At, ours: &str, theirs: &str) {
        let (top, is_trainable) = (at.top.clone(), !at.is_frozen);
        self.places.push(LayerPaths { ours: ours.into(), theirs: theirs.into(), top, is_trainable });
    }

    /// Refuses what is not expressible.
    fn check(&self, class: &str, json: &Object) -> Result<()> {
        let config = settings(json);
        let dtype = config.get("dtype").unwrap_or(&Json::Null);
        let policy = dtype.get("config").and_then(|config| config.get("name")).unwrap_or(dtype);
        let is_quantised =
            |name: &str| name.contains("_from_") || name.starts_with("int8") || name.starts_with("float8");
        if policy.as_str().is_some_and(is_quantised) {
            return Err(Error::value(format!("`{class}` is quantised ({policy}); save the model before `quantize`")));
        }
        for (key, expected) in FIXED {
            match config.get(*key) {
                None | Some(Json::Null) => {}
                Some(other) if serde_json::from_str(expected).is_ok_and(|expected: Json| expected == *other) => {}
                Some(other) => {
                    let other = shown(Some(other));
                    return Err(Error::value(format!(
                        "`{class}` with `{key}` = {other} is not expressible, only {expected}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// A kind with the settings of a class, and what is attached to its parameters.
    fn described(
        &mut self,
        class: &str,
        kind: &str,
        renamed: &[(&str, &str)],
        config: &Object,
        at: &At,
    ) -> Result<Config> {
        let mut ours = Config::new(kind);
        for (key, json) in config {
            let skipped = NO_SETTINGS.contains(&key.as_str()) || FIXED.iter().any(|(fixed, _)| fixed == key);
            if skipped || json.is_null() {
                continue;
            }
            let name = renamed.iter().find(|(theirs, _)| theirs == key).map_or(key.as_str(), |(_, ours)| ours);
            if name.is_empty() {
                continue;
            }
            let fail = |error: Error| error.at_setting(key);
            match key.strip_suffix("_regularizer").or_else(|| key.strip_suffix("_constraint")) {
                Some(parameter) => {
                    let path = format!("{}.{}", at.ours, parameter_name(kind, parameter));
                    self.attach(path, key, json).map_err(fail)?;
                }
                None => ours = ours.entry(name, self.setting(class, kind, name, json).map_err(fail)?, false),
            }
        }
        Ok(ours)
    }

    /// Attaches a regularizer or a constraint.
    fn attach(&mut self, path: String, key: &str, json: &Json) -> Result<()> {
        let part = Value::List(vec![self.part(json)?]);
        let none = || Value::List(Vec::new());
        let is_regularizer = key.ends_with("_regularizer");
        let place = self.attached.iter().position(|(known, _)| *known == path);
        let known = place.map(|place| self.attached.swap_remove(place).1);
        let other = |name: &str| known.as_ref().and_then(|known| known.get(name)).cloned().unwrap_or_else(none);
        let (regularizers, constraints) =
            if is_regularizer { (part, other("constraints")) } else { (other("regularizers"), part) };
        let config = Config::new("Parameter").with("frozen", &false).entry("adapter", Value::Null, false);
        let config = config.entry("regularizers", regularizers, false).entry("constraints", constraints, false);
        self.attached.push((path, config));
        Ok(())
    }

    fn setting(&mut self, class: &str, kind: &str, name: &str, json: &Json) -> Result<Value> {
        let axes = kind.strip_suffix('d').and_then(|kind| kind.chars().last()?.to_digit(10)).unwrap_or(0) as usize;
        match name {
            "activation" | "recurrent_activation" => self.activation(json).map(Value::Config),
            name if name.ends_with("_initializer") => self.part(json),
            "kernel_size" | "strides" | "pool_size" | "dilation_rate" | "size" | "output_padding" | "output_size"
                if json.is_number() =>
            {
                Ok(Value::List(vec![self.plain(json)?; axes]))
            }
            "padding" | "cropping" if !json.is_string() => self.border(json, axes),
            "interpolation" => Ok(match json.as_str() {
                Some("bilinear") => Value::Text("linear".into()),
                Some("bicubic") => Value::Text("cubic".into()),
                _ => self.plain(json)?,
            }),
            "axes" if json.is_number() => Ok(Value::List(vec![self.plain(json)?; if kind == "Dot" { 2 } else { 1 }])),
            // A number was an array of one in some versions.
            "negative_slope" | "alpha" if json.get("config").is_some() => self.plain(&json["config"]["value"]),
            _ if layer(class).is_some() || !json.is_object() => self.plain(json),
            _ => self.any(object(json)?, &At::default()).map(Value::Config),
        }
    }

    /// Cells before and after each axis: a number, one for each axis, or two for each axis.
    fn border(&self, json: &Json, axes: usize) -> Result<Value> {
        let twice = |json: &Json| Ok::<_, Error>(Value::List(vec![self.plain(json)?; 2]));
        match json {
            Json::Array(items) if axes == 1 && items.iter().all(Json::is_number) => {
                Ok(Value::List(vec![self.plain(json)?]))
            }
            Json::Array(items) => {
                let sides = items.iter().map(|item| if item.is_number() { twice(item) } else { self.plain(item) });
                Ok(Value::List(sides.collect::<Result<_>>()?))
            }
            number => Ok(Value::List(vec![twice(number)?; axes])),
        }
    }

    /// An activation by its name, or as a layer.
    pub fn activation(&mut self, json: &Json) -> Result<Config> {
        let name = match json {
            Json::Null => "linear",
            Json::String(name) => name,
            Json::Object(object) => match object.get("config") {
                Some(Json::String(name)) => name,
                _ => return self.any(object, &At::default()),
            },
            other => return Err(Error::value(format!("expected an activation, got {}", shown(Some(other))))),
        };
        if name == "hard_sigmoid" && self.is_old {
            return Err(Error::value(
                "`hard_sigmoid` was another function in Keras 2 (0.2 x + 0.5) than it is today; save the model in Keras 3, or \
                 with `sigmoid`",
            ));
        }
        // Functions of one's own have their package before them.
        let name = name.rsplit('>').next().unwrap_or(name);
        Ok(match ACTIVATIONS.iter().find(|(known, ..)| *known == name) {
            Some((_, kind, defaults)) => {
                defaults.iter().fold(Config::new(*kind), |config, (key, value)| config.with(key, value))
            }
            None => Config::new(name),
        })
    }

    /// An initializer, a regularizer or a constraint.
    fn part(&self, json: &Json) -> Result<Value> {
        let (class, config) = match json {
            Json::String(name) => (name.as_str(), None),
            Json::Object(object) => (text(object, "class_name")?, object.get("config").and_then(Json::as_object)),
            other => return Err(Error::value(format!("expected a name or an object, got {}", shown(Some(other))))),
        };
        let row = PARTS.iter().find(|(known, name, _)| *known == class || *name == class);
        let kind = row.map_or(class.rsplit('>').next().unwrap_or(class), |(_, _, kind)| kind);
        let mut ours = Config::new(kind);
        if config.is_none() && matches!(kind, "L1" | "L2") {
            return Ok(Value::Config(ours.with(&kind.to_lowercase(), &0.01)));
        }
        for (key, json) in config.into_iter().flatten() {
            match key.as_str() {
                "seed" | "dtype" | "input_axes" | "output_axes" => {}
                "distribution" if json == "normal" => ours = ours.with(key, &"truncated_normal".to_owned()),
                // Only the default is known here, which is the one for kernels of two axes.
                "axis" => ours = ours.entry("axes", list(self.plain(json)?), false),
                _ if json.is_null() => {}
                _ => ours = ours.entry(key, self.plain(json)?, false),
            }
        }
        Ok(Value::Config(ours))
    }

    /// Numbers, texts and lists, as they are.
    pub fn plain(&self, json: &Json) -> Result<Value> {
        Ok(match json {
            Json::Null => Value::Null,
            Json::Bool(yes) => Value::Bool(*yes),
            Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(|item| self.plain(item)).collect::<Result<_>>()?),
            Json::Object(_) => return self.part(json),
        })
    }

    fn bidirectional(&mut self, config: &Object, at: &At) -> Result<Config> {
        let inner = object(config.get("layer").unwrap_or(&Json::Null))?;
        // Each would double the layers in it.
        if text(inner, "class_name")? == "Bidirectional" || settings(inner).contains_key("layer") {
            return Err(Error::value("`Bidirectional` in another, or of a layer in a layer, is not expressible"));
        }
        let forward = self.any(inner, &at.part("forward", "forward_layer"))?;
        let backward = match config.get("backward_layer") {
            Some(Json::Object(layer)) => self.any(layer, &at.part("backward", "backward_layer"))?,
            _ => {
                let mut turned = inner.clone();
                if let Some(Json::Object(config)) = turned.get_mut("config") {
                    let is_turned = config.get("go_backwards") == Some(&Json::Bool(true));
                    config.insert("go_backwards".into(), Json::Bool(!is_turned));
                }
                self.any(&turned, &at.part("backward", "backward_layer"))?
            }
        };
        let mode = config.get("merge_mode").and_then(Json::as_str);
        let mode = mode
            .ok_or_else(|| Error::value("`Bidirectional` without `merge_mode` is not expressible; join its outputs"))?;
        // Both are 0 at padded steps of a sequence.
        let masked = |config: Config| match config.get("return_sequences") {
            Some(Value::Bool(true)) => config.replaced("zero_output_for_mask", Value::Bool(true)),
            _ => config,
        };
        let both =
            Config::new("Bidirectional").with_part("forward", masked(forward)).with_part("backward", masked(backward));
        Ok(both.with("merge_mode", &mode.to_owned()))
    }

    fn attention(&mut self, class: &str, config: &Object, at: &At) -> Result<Config> {
        let number = |key: &str| config.get(key).and_then(Json::as_u64).map(|number| number as usize);
        let needed = |key: &str| number(key).ok_or_else(|| Error::value(format!("`{class}` without `{key}`")));
        let grouped = class == "GroupQueryAttention";
        let (heads, size) = match grouped {
            true => (needed("num_query_heads")?, needed("head_dim")?),
            false => (needed("num_heads")?, needed("key_dim")?),
        };
        let axes = config.get("attention_axes").unwrap_or(&Json::Null);
        if !axes.is_null() && *axes != serde_json::json!([1]) {
            return Err(Error::value(format!("`{class}` over the axes {axes} is not expressible, only over [1]")));
        }
        let output = match config.get("output_shape") {
            Some(Json::Array(shape)) if shape.len() == 1 => shape[0].as_u64().map(|number| number as usize),
            Some(Json::Number(number)) => number.as_u64().map(|number| number as usize),
            None | Some(Json::Null) => None,
            other => {
                return Err(Error::value(format!(
                    "`{class}` with the output shape {} is not expressible",
                    shown(other)
                )));
            }
        };
        for part in ["query", "key", "value", "output"] {
            self.place(
                at,
                &format!("{}.{part}", at.ours),
                &format!("{}/{}{part}_dense", at.theirs, if grouped { "_" } else { "" }),
            );
        }
        let units = |units: usize, used: bool| {
            let bias = config.get("use_bias") != Some(&Json::Bool(false));
            let dense = Config::new("Dense").with("units", &if used { units } else { 0 });
            dense.with("use_bias", &bias)
        };
        let value_size = number("value_dim").unwrap_or(size);
        let key_heads = if grouped { needed("num_key_value_heads")? } else { heads };
        let rate = config.get("dropout").and_then(Json::as_f64).unwrap_or(0.0);
        Ok(Config::new("MultiHeadAttention")
            .with("heads", &heads)
            .with("size", &size)
            .with("value_size", &Some(value_size))
            .with("output_size", &output)
            .with("key_value_heads", &grouped.then_some(key_heads))
            .with("dropout", &rate)
            .with_part("query", units(heads.saturating_mul(size), true))
            .with_part("key", units(key_heads.saturating_mul(size), true))
            .with_part("value", units(key_heads.saturating_mul(value_size), true))
            .with_part("output", units(output.unwrap_or(0), output.is_some())))
    }
}

/// Our kind of a class, and its settings that are named otherwise.
fn layer(class: &str) -> Option<(String, &'static [(&'static str, &'static str)])> {
    LAYERS.iter().find_map(|(theirs, ours, renamed)| Some((translated(class, theirs, ours)?, *renamed)))
}

fn list(value: Value) -> Value {
    if matches!(value, Value::List(_)) { value } else { Value::List(vec![value]) }
}

/// Our name of the parameter that Keras' regularizers and constraints call so.
fn parameter_name(kind: &str, name: &str) -> &'static str {
    match name {
        "bias" => "bias",
        "recurrent" => "recurrent_kernel",
        "depthwise" if kind.starts_with("Separable") => "depthwise_kernel",
        "pointwise" => "pointwise_kernel",
        "beta" => "beta",
        "gamma" => "gamma",
        "embeddings" => "embeddings",
        "alpha" => "alpha",
        _ => "kernel",
    }
}

/// That an axis is the last one, as far as it is known how many there are.
fn last_axis(axis: &Json, json: &Object) -> Result<()> {
    let axis = axis.as_array().map_or(Some(axis), |axes| axes.first().filter(|_| axes.len() == 1));
    let shape = json.get("build_config").and_then(|config| config.get("input_shape")).and_then(Json::as_array);
    match axis.and_then(Json::as_i64) {
        Some(-1) => Ok(()),
        Some(axis) if axis > 0 && shape.is_none_or(|shape| axis as usize + 1 == shape.len()) => Ok(()),
        _ => Err(Error::value(format!("normalises axis {}, only the last one is expressible", shown(axis)))),
    }
}

/// What is expressible, but in other words.
fn special(class: &str, config: &Object) -> Option<Result<Config>> {
    let number = |key: &str| config.get(key).and_then(Json::as_f64).unwrap_or(0.0);
    Some(Ok(match class {
        "Softmax" => match config.get("axis") {
            None => Config::new("Softmax"),
            Some(Json::Number(axis)) if axis.as_i64() == Some(-1) => Config::new("Softmax"),
            Some(Json::Number(axis)) => {
                let axis = axis.as_i64().unwrap_or(-1) as isize;
                Config::new("AlongAxis").with("function", &"Softmax".to_owned()).with("axis", &axis)
            }
            other => {
                let other = shown(other);
                return Some(Err(Error::value(format!(
                    "`Softmax` over the axes {other} is not expressible, only over one"
                ))));
            }
        },
        "Resizing" => {
            let lengths = [number("height") as usize, number("width") as usize];
            let interpolation = match config.get("interpolation").and_then(Json::as_str).unwrap_or("bilinear") {
                "bilinear" => "linear",
                "bicubic" => "cubic",
                other => other,
            };
            Config::new("Resize2d")
                .with_part("to", Config::new("Lengths").with("lengths", &lengths))
                .with("interpolation", &interpolation.to_owned())
                .with("antialias", &(config.get("antialias") == Some(&Json::Bool(true))))
        }
        "ActivityRegularization" => {
            let penalty = Config::new("L1L2").with("l1", &number("l1")).with("l2", &number("l2"));
            Config::new(class).with_part("regularizer", penalty)
        }
        _ => return None,
    }))
}

/// A description with what follows from settings that we do not have.
fn adjusted(class: &str, config: Config, theirs: &Object) -> Config {
    let keeps = theirs.get("keepdims") == Some(&Json::Bool(true));
    match class.strip_prefix("Global") {
        Some(rest) if keeps => {
            let axes = rest.chars().find_map(|c| c.to_digit(10)).unwrap_or(1) as usize;
            let kind = config.kind().replacen("Global", "Adaptive", 1);
            Config::new(kind).with("output_size", &vec![1_usize; axes])
        }
        _ if class == "ReLU" && ["max_value", "negative_slope", "threshold"].iter().all(|key| is_zero(theirs, key)) => {
            Config::new("Relu")
        }
        _ => config,
    }
}

fn is_zero(config: &Object, key: &str) -> bool {
    config.get(key).is_none_or(|value| value.is_null() || value.as_f64() == Some(0.0) && key != "max_value")
}

/// Names that several layers must not share.
pub(super) fn unique(names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(Error::value(format!("two inputs are named `{name}`"))),
        None => Ok(()),
    }
}
