//! From our description of a model to Keras'.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Value as Json, json};

use super::classes::{ACTIVATIONS, FUNCTIONS, LAYERS, PARTS, translated};
use super::compiled;
use super::import::{At, LayerPaths, Object, numbered};
use super::open::vars;
use super::order::{Call, order};
use crate::autograd::{Layer, Listed, ParamList, Tape, TraceRow, Var, Vars};
use crate::config::{Config, Value};
use crate::error::{Error, Result};
use crate::formats::keras::write_model;
use crate::formats::{KnownKeras, Snapshot, Translation};
use crate::tensor::Tensor;

/// How a model is written for Keras 3: a `.keras` file, which `keras.models.load_model` reads, or the weights alone as
/// `.weights.h5`, for `load_weights` of a model of the same layers.
///
/// A [`Sequential`](crate::Sequential) or a [`Graph`](crate::layers::Graph) of layers that Keras has is expressible, also in each
/// other as far as their inputs have no shapes of their own. Keras must know the shape of each input, without the batch.
///
/// # Errors
/// a layer, a setting or something attached that Keras does not have, by its path; another number of inputs than shapes; a
/// parameter without a value
/// # Example
/// ```
/// use gradus::prelude::*;
/// use gradus::saving::Keras;
/// # let path = std::env::temp_dir().join(format!("gradus-keras-{}.keras", std::process::id()));
/// let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(3));
/// let x = ndarray::arr2(&[[1.0, 2.0]]);
/// let before = model.predict(&x)?;
/// Keras::new().input([2]).save(&model, &path)?;
/// assert_eq!(gradus::open(&path)?.predict(&x)?, before);
/// # std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keras {
    inputs: Vec<Vec<Option<usize>>>,
}

impl Keras {
    /// Creates it without inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the shape of the next input, without the batch; `None` is a length that is open, such as the time of sequences.
    #[must_use]
    pub fn input<L: Into<Option<usize>>>(mut self, shape: impl IntoIterator<Item = L>) -> Self {
        self.inputs.push(shape.into_iter().map(Into::into).collect());
        self
    }

    /// Writes a model, or its weights if the name of the file ends in `.weights.h5`.
    ///
    /// # Errors
    /// those of the type; a file that cannot be written (an old one of that name survives)
    pub fn save<X: Vars, Y: Vars>(&self, model: &(impl Layer<X, Y> + ?Sized), path: impl AsRef<Path>) -> Result<()> {
        self.save_with(model, None, path.as_ref())
    }

    /// Writes a model, and perhaps the description of a trainer and what its optimizer remembers.
    pub(crate) fn save_with<X: Vars, Y: Vars>(
        &self,
        model: &(impl Layer<X, Y> + ?Sized),
        trainer: Option<(Config, Snapshot)>,
        path: &Path,
    ) -> Result<()> {
        let mut listed = ParamList::with_layers(model);
        let fail = |error: Error| Error::file(path, format!("cannot be written: {error}"));
        let name = path.to_string_lossy();
        let is_weights = name.ends_with(".weights.h5");
        if !is_weights && !name.ends_with(".keras") {
            // Keras 3 goes by the name.
            return Err(fail(Error::value(
                "expected a name that ends in .keras, or in .weights.h5 for the weights alone",
            )));
        }
        let config = model.config();
        config.check().map_err(fail)?;
        let inside =
            if has_graph_inside(&config) { inputs_inside(model, &self.inputs).map_err(fail)? } else { Vec::new() };
        let mut export = Export::new(&self.inputs, inside, &listed, makes_mask(&config));
        let mut json = export.model(&config, "model", &At::default()).map_err(fail)?;
        if let Some(path) = export.attached.keys().next() {
            let reason = "has a penalty or a constraint that is not written; Keras has none there";
            return Err(fail(Error::value(format!("parameter `{path}` {reason}"))));
        }
        let names = vars(&export.places, &listed);
        let known = KnownKeras { names: Some(names.clone()), heads: export.heads };
        // What no output needs is not in the description.
        listed.retain(|listed| names.contains_key(&listed.path));
        let mut weights = Translation::keras_with(known).export_listed(&listed)?;
        if let Some((trainer, memory)) = trainer {
            json["compile_config"] = compiled::compile_config(&trainer).map_err(fail)?;
            compiled::remember(&mut weights, &trainer, &memory, &export.places, &listed, &names).map_err(fail)?;
        }
        for name in export.counts {
            weights.insert(name, ndarray::arr0(1.0));
        }
        match is_weights {
            true => weights.save(path),
            false => write_model(&json.to_string(), &weights, path),
        }
    }
}

struct Export<'e> {
    inputs: &'e [Vec<Option<usize>>],
    /// The layers inside of the one that is written, as a pass has met them.
    inside: Vec<Inside>,
    places: Vec<LayerPaths>,
    heads: HashMap<String, usize>,
    /// Whether a layer makes masks.
    has_masks: bool,
    /// What `Normalization` has counted, which Keras wants to read.
    counts: Vec<String>,
    /// Whether a parameter that could be trained is frozen, by its path.
    frozen: Vec<(String, bool)>,
    /// Penalties and constraints of parameters that are not written yet.
    attached: HashMap<String, Vec<(&'static str, Config)>>,
}

/// Parameters under the names that Keras' regularizers and constraints have for them.
const ATTACHED: &[(&str, &str)] = &[
    ("kernel", "kernel"),
    ("bias", "bias"),
    ("recurrent", "recurrent_kernel"),
    ("depthwise", "depthwise_kernel"),
    ("pointwise", "pointwise_kernel"),
    ("gamma", "gamma"),
    ("beta", "beta"),
    ("embeddings", "embeddings"),
    ("alpha", "alpha"),
];

/// Settings of ours that Keras does not have, and the only value that is expressible.
const OURS: &[(&str, &str)] = &[
    ("ceil_mode", "false"),
    ("count_padding", "false"),
    ("align_corners", "false"),
    ("padding_index", "none"),
    ("causal", "false"),
];

/// Layers that take a list of inputs.
const LISTS: &[&str] = &[
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Concatenate",
    "Dot",
    "Attention",
    "AdditiveAttention",
];

fn refused(what: impl std::fmt::Display) -> Error {
    Error::value(format!(
        "{what}; Keras has no such thing: use another layer or setting there, or save it as .safetensors"
    ))
}

fn layer_json(class: &str, name: &str, mut config: Object) -> Json {
    config.insert("name".into(), name.into());
    json!({"module": "keras.layers", "class_name": class, "config": config, "registered_name": null, "name": name})
}

impl<'e> Export<'e> {
    fn new(inputs: &'e [Vec<Option<usize>>], inside: Vec<Inside>, listed: &[Listed], has_masks: bool) -> Self {
        let mut attached: HashMap<String, Vec<(&'static str, Config)>> = HashMap::new();
        for Listed { path, param, .. } in listed {
            let regularizers = param.regularizers().into_iter().map(|part| ("regularizer", part.config()));
            let constraints = param.constraints().into_iter().map(|part| ("constraint", part.config()));
            let parts: Vec<_> = regularizers.chain(constraints).collect();
            if !parts.is_empty() {
                attached.insert(path.clone(), parts);
            }
        }
        let trained = listed.iter().filter(|listed| !listed.param.is_state());
        let frozen = trained.map(|listed| (listed.path.clone(), listed.param.is_frozen())).collect();
        let (places, heads, counts) = (Vec::new(), HashMap::new(), Vec::new());
        Self { inputs, inside, places, heads, has_masks, counts, frozen, attached }
    }

    /// Writes what is attached to the parameters of a layer.
    fn attach(&mut self, kind: &str, ours: &str, config: &mut Object) -> Result<()> {
        let prefix = format!("{ours}.");
        let mut frozen = self.frozen.iter().filter(|(path, _)| path.starts_with(&prefix)).map(|(_, frozen)| *frozen);
        if let Some(first) = frozen.next() {
            if frozen.any(|other| other != first) {
                return Err(refused("a layer of which a part is frozen"));
            }
            config.insert("trainable".into(), json!(!first));
        }
        for (theirs, parameter) in ATTACHED {
            let depthwise = kind.starts_with("DepthwiseConv") && *parameter == "kernel";
            let theirs = if depthwise { "depthwise" } else { theirs };
            for (what, part) in self.attached.remove(&format!("{ours}.{parameter}")).unwrap_or_default() {
                let json =
                    described(&part, &format!("{what}s")).ok_or_else(|| refused(format!("the {what} `{part}`")))?;
                if config.insert(format!("{theirs}_{what}"), json).is_some() {
                    return Err(refused(format!("several {what}s of one parameter")));
                }
            }
        }
        Ok(())
    }

    fn input(&self, shapes: &[Vec<Option<usize>>], place: usize, name: &str) -> Result<Json> {
        let Some(shape) = shapes.get(place) else {
            return Err(Error::value(format!("the shape of input {place} is not known; say it by `Keras::input`")));
        };
        let shape: Vec<Option<usize>> = std::iter::once(None).chain(shape.iter().copied()).collect();
        let config = json!({"batch_shape": shape, "dtype": "float32"});
        Ok(layer_json("InputLayer", name, config.as_object().cloned().unwrap_or_default()))
    }

    /// The whole model.
    fn model(&mut self, config: &Config, name: &str, at: &At) -> Result<Json> {
        match config.kind() {
            "Sequential" => {
                let input = self.input(self.inputs, 0, "input")?;
                self.sequential(config, name, at, Some(input))
            }
            "Graph" => self.graph(config, name, at, self.inputs),
            _ => Err(refused(format!("expected a `Sequential` or a `Graph`, got `{}`", config.kind()))),
        }
    }

    fn sequential(&mut self, config: &Config, name: &str, at: &At, input: Option<Json>) -> Result<Json> {
        let mut layers: Vec<Json> = input.into_iter().collect();
        let mut counts = HashMap::new();
        for (name, part) in parts(config, "layers")? {
            layers.push(self.numbered_layer(name, part, at, &mut counts).map_err(|error| error.at_setting(name))?);
        }
        Ok(json!({"module": "keras", "class_name": "Sequential", "registered_name": null, "name": name,
            "config": {"name": name, "layers": layers}}))
    }

    fn numbered_layer(
        &mut self,
        name: &str,
        part: &Config,
        at: &At,
        counts: &mut HashMap<String, usize>,
    ) -> Result<Json> {
        // The class decides the group of the weights, and is known only afterwards.
        let (first, attentions) = (self.places.len(), self.counts.len());
        let inner = self.inside.iter().find(|inside| inside.name == name).map(|inside| inside.inner.clone());
        let outer = std::mem::replace(&mut self.inside, inner.unwrap_or_default());
        let mut json = self.layer(part, name, &at.layer(name, "?"))?;
        self.inside = outer;
        let group = numbered(counts, json["class_name"].as_str().unwrap_or_default());
        let (from, to) = (at.layer(name, "?").theirs, at.layer(name, &group).theirs);
        for place in &mut self.places[first..] {
            place.theirs = place.theirs.replacen(&from, &to, 1);
        }
        for count in &mut self.counts[attentions..] {
            *count = count.replacen(&from, &to, 1);
        }
        json["name"] = name.into();
        Ok(json)
    }

    fn graph(&mut self, config: &Config, name: &str, at: &At, shapes: &[Vec<Option<usize>>]) -> Result<Json> {
        let inputs = texts(config, "inputs");
        let mut layers = Vec::new();
        for (place, name) in inputs.iter().enumerate() {
            let mut json = self.input(shapes, place, name)?;
            json["inbound_nodes"] = json!([]);
            layers.push(json);
        }
        let mut given: HashMap<String, Given> =
            inputs.iter().map(|name| (name.clone(), Given { layer: name.clone(), call: 0, output: 0 })).collect();
        let nodes = parts(config, "layers")?;
        check_masks(&nodes, self.has_masks && !at.ours.is_empty())?;
        let order: Vec<String> = in_order(&inputs, &nodes, &texts(config, "outputs"));
        let mut made = self.layers_of(&order, &nodes, at)?;
        // What no output needs is left out, as Keras does, with what follows it.
        let mut left_out: HashSet<&str> = HashSet::new();
        for (name, node) in nodes {
            let from = texts(node, "from");
            if from.iter().any(|value| left_out.contains(value.split('.').next().unwrap_or_default())) {
                left_out.insert(name);
                continue;
            }
            let tensors: Option<Vec<Json>> = from.iter().map(|value| given.get(value).map(tensor)).collect();
            let tensors =
                tensors.ok_or_else(|| refused(format!("`{name}` takes one of several outputs of a layer")))?;
            let fail = |error: Error| error.at_setting(name);
            if let Some(Value::Text(shared)) = node.get("layer") {
                let call = call_again(&mut layers, shared, tensors).map_err(fail)?;
                give(&mut given, node, name, shared, call);
                continue;
            }
            let Some(Value::Config(layer)) = node.get("layer") else { continue };
            let (json, call) = if layer.kind() == "Operator" {
                operator(layer, name, tensors).map_err(fail)?
            } else {
                let Some(json) = made.remove(name) else {
                    left_out.insert(name);
                    continue;
                };
                (json, call(layer, tensors))
            };
            let mut json = json;
            json["inbound_nodes"] = json!([call]);
            layers.push(json);
            give(&mut given, node, name, name, 0);
        }
        layers.sort_by_key(|layer| order.iter().position(|name| layer["name"] == name.as_str()));
        let history = |values: Vec<String>| -> Result<Json> {
            let one = |value: &String| given.get(value).map(Given::history);
            let all: Option<Vec<Json>> = values.iter().map(one).collect();
            let all = all.ok_or_else(|| refused("one of several outputs of a layer"))?;
            Ok(if let [one] = &all[..] { one.clone() } else { json!(all) })
        };
        let (inputs, outputs) = (history(inputs)?, history(texts(config, "outputs"))?);
        Ok(json!({"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
            "config": {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}}))
    }

    /// The layers of a graph but operators, in this order.
    fn layers_of(&mut self, order: &[String], nodes: &[(&str, &Config)], at: &At) -> Result<HashMap<String, Json>> {
        let (mut made, mut counts) = (HashMap::new(), HashMap::new());
        for name in order {
            let node = nodes.iter().find(|(known, _)| known == name).and_then(|(_, node)| node.get("layer"));
            if let Some(Value::Config(layer)) = node.filter(|layer| !is_operator(layer)) {
                let json = self.numbered_layer(name, layer, at, &mut counts);
                made.insert(name.clone(), json.map_err(|error| error.at_setting(name))?);
            }
        }
        Ok(made)
    }

    fn place(&mut self, ours: String, theirs: String) {
        self.places.push(LayerPaths { ours, theirs, top: String::new(), is_trainable: true });
    }

    fn layer(&mut self, config: &Config, name: &str, at: &At) -> Result<Json> {
        match config.kind() {
            "Sequential" => return self.sequential(config, name, at, None),
            "Graph" => {
                let inputs = self.inside.iter().filter(|inside| inside.is_input).map(|inside| inside.shape.clone());
                let inputs: Vec<_> = inputs.collect();
                return self.graph(config, name, at, &inputs);
            }
            "TimeDistributed" => {
                let inner = self.layer(inner(config, "layer")?, "layer", &at.part("", "layer"))?;
                return Ok(layer_json("TimeDistributed", name, object([("layer", inner)])));
            }
            "Bidirectional" => {
                let forward = self.layer(inner(config, "forward")?, "forward", &at.part("forward", "forward_layer"))?;
                let backward =
                    self.layer(inner(config, "backward")?, "backward", &at.part("backward", "backward_layer"))?;
                let mode = config.get("merge_mode").map_or(json!("concat"), plain);
                let parts = [("layer", forward), ("backward_layer", backward), ("merge_mode", mode)];
                return Ok(layer_json("Bidirectional", name, object(parts)));
            }
            "WithState" => return self.with_state(config, name, at),
            "MultiHeadAttention" => return self.attention(config, name, at),
            "CrossAttention" => return self.attention(inner(config, "attention")?, name, at),
            "Resize2d" => return resizing(config, name),
            "ActivityRegularization" => {
                let penalty = inner(config, "regularizer")?;
                let json = described(penalty, "regularizers").filter(|_| penalty.kind().starts_with('L'));
                let json = json.ok_or_else(|| refused(format!("the penalty `{penalty}`")))?;
                let theirs = json["config"].as_object().cloned().unwrap_or_default();
                return Ok(layer_json("ActivityRegularization", name, theirs));
            }
            "AlongAxis" if config.get("function") == Some(&Value::Text("Softmax".into())) => {
                return Ok(layer_json(
                    "Softmax",
                    name,
                    object([("axis", config.get("axis").map_or(json!(-1), plain))]),
                ));
            }
            _ => {}
        }
        if let Some(function) = function(config) {
            return Ok(layer_json("Activation", name, object([("activation", json!(function))])));
        }
        let adaptive = config.kind().strip_prefix("Adaptive").filter(|_| {
            matches!(config.get("output_size"), Some(Value::List(sizes)) if sizes.iter().all(|size| *size == Value::Number(1.0)))
        });
        if let Some(pool) = adaptive {
            let (class, _) = class_of(&format!("Global{pool}"))?;
            return Ok(layer_json(&class, name, object([("keepdims", json!(true))])));
        }
        let (kind, (class, renamed)) = (config.kind(), class_of(config.kind())?);
        let cell = if matches!(&*class, "LSTM" | "GRU" | "SimpleRNN") { "/cell" } else { "" };
        self.place(at.ours.clone(), format!("{}{cell}", at.theirs));
        if kind == "Normalization" {
            self.counts.push(format!("{}/vars/2", at.theirs));
        }
        let mut theirs = settings(config, renamed)?;
        self.attach(kind, &at.ours, &mut theirs)?;
        Ok(layer_json(&class, name, theirs))
    }

    fn with_state(&mut self, config: &Config, name: &str, at: &At) -> Result<Json> {
        let mut json = self.layer(inner(config, "layer")?, name, at)?;
        let parts: &[&str] = if json["class_name"] == "Bidirectional" { &["layer", "backward_layer"] } else { &[""] };
        for part in parts {
            let recurrent = if part.is_empty() { &mut json } else { &mut json["config"][part] };
            recurrent["config"]["return_state"] = true.into();
        }
        Ok(json)
    }

    fn attention(&mut self, config: &Config, name: &str, at: &At) -> Result<Json> {
        let number = |key: &str| match config.get(key) {
            Some(Value::Number(number)) => Some(*number as usize),
            _ => None,
        };
        let (heads, size) = (number("heads").unwrap_or(0), number("size").unwrap_or(0));
        let key_heads = number("key_value_heads").unwrap_or(heads);
        let value_size = number("value_size").unwrap_or(size);
        if config.get("rotary").is_some_and(|rotary| *rotary != Value::Null) || key_heads != heads && value_size != size
        {
            return Err(refused("attention with rotary positions, or with grouped heads of another value size"));
        }
        let mark = if key_heads == heads { "" } else { "_" };
        for (part, heads) in [("query", heads), ("key", key_heads), ("value", key_heads), ("output", heads)] {
            let ours = format!("{}.{part}", at.ours);
            self.heads.insert(ours.clone(), heads);
            self.place(ours, format!("{}/{mark}{part}_dense", at.theirs));
        }
        let has_bias = inner(config, "query")?.get("use_bias") != Some(&Value::Bool(false));
        let rate = config.get("dropout").map_or(json!(0.0), plain);
        if key_heads != heads {
            let config = json!({"num_query_heads": heads, "num_key_value_heads": key_heads, "head_dim": size,
                "use_bias": has_bias, "dropout": rate});
            return Ok(layer_json("GroupQueryAttention", name, config.as_object().cloned().unwrap_or_default()));
        }
        let output = number("output_size").map(|size| [size]);
        let config = json!({"num_heads": heads, "key_dim": size, "value_dim": value_size, "output_shape": output,
            "use_bias": has_bias, "dropout": rate});
        Ok(layer_json("MultiHeadAttention", name, config.as_object().cloned().unwrap_or_default()))
    }
}

/// Which output of which call of a layer a value is.
struct Given {
    layer: String,
    call: usize,
    output: usize,
}

impl Given {
    fn history(&self) -> Json {
        json!([self.layer, self.call, self.output])
    }
}

/// Notes the values that a call gives: of a layer that is called again those of the first call, under another name.
fn give(given: &mut HashMap<String, Given>, node: &Config, name: &str, layer: &str, call: usize) {
    let mut values: Vec<(String, usize)> = texts(node, "gives").into_iter().zip(0..).collect();
    if call > 0 {
        let first = given.iter().filter(|(_, given)| given.layer == layer && given.call == 0);
        values = first.map(|(value, first)| (format!("{name}{}", &value[layer.len()..]), first.output)).collect();
    }
    for (value, output) in values {
        given.insert(value, Given { layer: layer.into(), call, output });
    }
}

/// A layer inside of another one, and the shape of what it gives without the batch; `None` is a length that is open.
#[derive(Clone)]
struct Inside {
    name: String,
    is_input: bool,
    shape: Vec<Option<usize>>,
    inner: Vec<Inside>,
}

impl Inside {
    /// What two passes have met, whose lengths differ where they are open.
    fn both(one: &[TraceRow], other: &[TraceRow]) -> Vec<Self> {
        let shape = |row: &TraceRow| row.shapes.first().cloned().unwrap_or_default();
        let join = |(one, other): (&TraceRow, &TraceRow)| {
            let lengths = shape(one).into_iter().zip(shape(other)).skip(1);
            Self {
                name: one.name.clone(),
                is_input: one.kind == "Input",
                shape: lengths.map(|(one, other)| (one == other).then_some(one)).collect(),
                inner: Self::both(&one.inner, &other.inner),
            }
        };
        one.iter().zip(other).map(join).collect()
    }
}

/// Whether a graph is anywhere inside of a model, whose inputs must have shapes there.
fn has_graph_inside(config: &Config) -> bool {
    fn any(value: &Value) -> bool {
        match value {
            Value::Config(config) => config.kind() == "Graph" || config.settings().any(|(_, value)| any(value)),
            Value::List(items) => items.iter().any(any),
            _ => false,
        }
    }
    config.settings().any(|(_, value)| any(value))
}

/// The shapes of what graphs inside of a model take.
fn inputs_inside<X: Vars, Y: Vars>(
    model: &(impl Layer<X, Y> + ?Sized),
    inputs: &[Vec<Option<usize>>],
) -> Result<Vec<Inside>> {
    let pass = |open: usize| {
        let tape = Tape::inference();
        tape.start_trace();
        let input = |shape: &Vec<Option<usize>>| {
            let lengths = std::iter::once(1).chain(shape.iter().map(|len| len.unwrap_or(open)));
            tape.input(Tensor::zeros(lengths.collect::<Vec<_>>()))
        };
        let inputs: Vec<Var> = inputs.iter().map(input).collect();
        model.forward(&X::from_list("the model", inputs)?)?;
        Ok::<_, Error>(tape.take_trace())
    };
    Ok(Inside::both(&pass(32)?, &pass(33)?))
}

fn is_operator(layer: &Value) -> bool {
    matches!(layer, Value::Config(layer) if layer.kind() == "Operator")
}

/// The layer of a node, which may be that of another one.
fn layer_of<'c>(nodes: &[(&str, &'c Config)], node: &'c Config) -> Option<&'c Config> {
    match node.get("layer") {
        Some(Value::Config(layer)) => Some(layer),
        Some(Value::Text(shared)) => match nodes.iter().find(|(name, _)| name == shared)?.1.get("layer") {
            Some(Value::Config(layer)) => Some(layer),
            _ => None,
        },
        _ => None,
    }
}

/// That no recurrent layer takes first states together with a sequence that has a mask, which Keras forgets there. `of_inputs` says
/// whether the inputs may have one.
fn check_masks(nodes: &[(&str, &Config)], of_inputs: bool) -> Result<()> {
    let mut masked: HashMap<String, bool> = HashMap::new();
    for (name, node) in nodes {
        let Some(layer) = layer_of(nodes, node) else { continue };
        let from = texts(node, "from");
        let takes = from.iter().map(|value| masked.get(value).copied().unwrap_or(of_inputs)).collect::<Vec<_>>();
        let has_state = layer.kind() == "WithState";
        if has_state && from.len() > 1 && takes[0] && layer.get("ignores_mask").is_none() {
            let reason = "takes first states together with a sequence that has a mask, which Keras forgets there; take the sequence \
                          without a mask, or save the model as .onnx or .safetensors";
            return Err(Error::value(reason).at_setting(name));
        }
        let gives = texts(node, "gives");
        let gives = if gives.is_empty() { vec![(*name).to_owned()] } else { gives };
        let steps = layer.get("return_sequences") == Some(&Value::Bool(true));
        let drops = match layer.kind() {
            "Lstm" | "Gru" | "SimpleRnn" => !steps,
            "Embedding" => !makes_mask(layer),
            kind => {
                kind == "Flatten" || kind == "RepeatVector" || kind.starts_with("Conv") || kind.starts_with("Global")
            }
        };
        for (i, value) in gives.into_iter().enumerate() {
            // States have no masks.
            let has_none = drops || has_state && i > 0;
            masked.insert(value, !has_none && (makes_mask(layer) || takes.contains(&true)));
        }
    }
    Ok(())
}

/// Whether a layer, or one inside, makes masks.
fn makes_mask(layer: &Config) -> bool {
    fn inside(value: &Value) -> bool {
        match value {
            Value::Config(config) => makes_mask(config),
            Value::List(items) => items.iter().any(inside),
            _ => false,
        }
    }
    let own = layer.kind() == "Masking" || layer.get("mask_zero") == Some(&Value::Bool(true));
    own || layer.settings().any(|(_, value)| inside(value))
}

/// The layers of a graph in Keras' order.
fn in_order(inputs: &[String], nodes: &[(&str, &Config)], outputs: &[String]) -> Vec<String> {
    let mut calls: Vec<Call<'_>> = inputs.iter().map(|name| Call { layer: name, from: Vec::new() }).collect();
    let mut given: HashMap<String, usize> = inputs.iter().cloned().zip(0..).collect();
    for (name, node) in nodes {
        let from = texts(node, "from").iter().filter_map(|value| given.get(value).copied()).collect();
        let layer = match node.get("layer") {
            Some(Value::Text(shared)) => shared.as_str(),
            _ => name,
        };
        let gives = texts(node, "gives");
        let gives = if gives.is_empty() { vec![(*name).to_owned()] } else { gives };
        given.extend(gives.into_iter().map(|value| (value, calls.len())));
        calls.push(Call { layer, from });
    }
    let outputs: Vec<usize> = outputs.iter().filter_map(|value| given.get(value).copied()).collect();
    order(&calls, &outputs).into_iter().map(str::to_owned).collect()
}

/// The names and descriptions of the layers of a container.
fn parts<'c>(config: &'c Config, key: &str) -> Result<Vec<(&'c str, &'c Config)>> {
    let Some(Value::List(items)) = config.get(key) else { return Err(Error::value(format!("expected `{key}`"))) };
    let part = |item: &'c Value| match item {
        Value::List(pair) => match &pair[..] {
            [Value::Text(name), Value::Config(config)] => Some((name.as_str(), config)),
            _ => None,
        },
        _ => None,
    };
    items.iter().map(part).collect::<Option<_>>().ok_or_else(|| Error::value(format!("expected names in `{key}`")))
}

fn texts(config: &Config, key: &str) -> Vec<String> {
    let Some(Value::List(items)) = config.get(key) else { return Vec::new() };
    items.iter().filter_map(|item| if let Value::Text(text) = item { Some(text.clone()) } else { None }).collect()
}

fn inner<'c>(config: &'c Config, key: &str) -> Result<&'c Config> {
    config.get(key).ok_or_else(|| Error::value(format!("expected `{key}`")))?.as_config()
}

fn object<const N: usize>(entries: [(&str, Json); N]) -> Object {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The class of a kind, and its settings that are named otherwise.
fn class_of(kind: &str) -> Result<(String, &'static [(&'static str, &'static str)])> {
    let found = LAYERS.iter().filter(|(class, ..)| *class != "Identity");
    let mut found = found.filter_map(|(theirs, ours, renamed)| Some((translated(kind, ours, theirs)?, *renamed)));
    found.next().ok_or_else(|| refused(format!("the layer `{kind}`")))
}

/// Numbers, texts and lists.
pub(super) fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(yes) => json!(yes),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => json!(*number as i64),
        Value::Number(number) => json!(number),
        // An infinite greatest value is none.
        Value::Text(text) if text == "inf" => Json::Null,
        Value::Text(text) => json!(text),
        Value::List(items) => Json::Array(items.iter().map(plain).collect()),
        Value::Null | Value::Config(_) => Json::Null,
    }
}

/// The name of an activation, if a function of Keras is the same.
fn function(config: &Config) -> Option<&'static str> {
    let same = |(_, kind, defaults): &(&str, &str, &[(&str, f64)])| {
        let number = |key: &str| match config.get(key) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        };
        let is_default = |(key, value): &(&str, f64)| number(key).is_some_and(|found| (found - value).abs() < 1e-6);
        *kind == config.kind() && config.settings().count() == defaults.len() && defaults.iter().all(is_default)
    };
    ACTIVATIONS.iter().find(|row| same(row)).map(|(name, ..)| *name)
}

fn settings(config: &Config, renamed: &[(&str, &str)]) -> Result<Object> {
    let mut theirs = Object::new();
    for (name, value) in config.settings() {
        let key = renamed.iter().find(|(_, ours)| *ours == name).map_or(name, |(theirs, _)| *theirs);
        if let Some(json) = setting(config.kind(), name, value).map_err(|error| error.at_setting(name))? {
            theirs.insert(key.into(), json);
        }
    }
    // One axis has numbers and pairs where several have lists of them.
    for (kind, key) in [("ZeroPad1d", "padding"), ("Crop1d", "cropping"), ("UpSample1d", "size")] {
        let first = theirs.get(key).and_then(|list| list.get(0)).cloned();
        if let Some(first) = first.filter(|_| config.kind() == kind) {
            theirs.insert(key.into(), first);
        }
    }
    // Keras' always has a scale, which begins with ones.
    if config.kind() == "RmsNorm" {
        theirs.remove("gamma_initializer");
        if theirs.remove("scale") != Some(json!(true)) {
            return Err(refused("a norm without a scale"));
        }
    }
    if matches!(config.kind(), "UpSample1d" | "UpSample3d") && theirs.remove("interpolation") != Some(json!("nearest"))
    {
        return Err(refused("interpolation of other than images"));
    }
    Ok(theirs)
}

/// A setting, if Keras has it.
fn setting(kind: &str, name: &str, value: &Value) -> Result<Option<Json>> {
    let is_one = |value: &Value| matches!(value, Value::Number(number) if *number == 1.0);
    let is_pool = kind.contains("Pool");
    Ok(Some(match (name, value) {
        (_, Value::Null) => return Ok(None),
        ("dilation_rate", Value::List(items)) if is_pool && items.iter().all(is_one) => return Ok(None),
        ("groups", value) if kind.starts_with("ConvTranspose") && is_one(value) => return Ok(None),
        ("activation" | "recurrent_activation", Value::Config(activation)) => match function(activation) {
            Some(name) => json!(name),
            None => {
                let (class, renamed) = class_of(activation.kind())?;
                layer_json(&class, "activation", settings(activation, renamed)?)
            }
        },
        // Its numbers are there already.
        (name, Value::Config(part)) if name.ends_with("_initializer") => return Ok(described(part, "initializers")),
        ("interpolation", Value::Text(text)) => json!(interpolation(text)?),
        ("causal", _) if kind.ends_with("Attention") => return Ok(None),
        (name, value) if OURS.iter().any(|(ours, only)| *ours == name && value.to_string() == *only) => {
            return Ok(None);
        }
        ("padding", Value::List(_)) if !kind.starts_with("ZeroPad") => {
            return Err(refused("padding by numbers of cells, where a `ZeroPad` before it is expressible"));
        }
        (name, value) if OURS.iter().any(|(ours, _)| *ours == name) => return Err(refused(value)),
        ("dilation_rate", value) if is_pool => return Err(refused(value)),
        ("groups", value) if kind.starts_with("ConvTranspose") => return Err(refused(value)),
        (_, value) => plain(value),
    }))
}

fn interpolation(ours: &str) -> Result<&str> {
    match ours {
        "linear" => Ok("bilinear"),
        "cubic" => Ok("bicubic"),
        "nearest" | "lanczos3" | "lanczos5" => Ok(ours),
        other => Err(refused(format!("the interpolation `{other}`"))),
    }
}

fn resizing(config: &Config, name: &str) -> Result<Json> {
    let Some(Value::List(lengths)) = inner(config, "to")?.get("lengths") else {
        return Err(refused("resizing by factors"));
    };
    if config.get("align_corners") == Some(&Value::Bool(true)) {
        return Err(refused("aligned corners"));
    }
    let Some(Value::Text(text)) = config.get("interpolation") else { return Err(refused("no interpolation")) };
    let antialias = config.get("antialias").map_or(json!(false), plain);
    let sizes = [("height", plain(&lengths[0])), ("width", plain(&lengths[1]))];
    let mut settings = object(sizes);
    settings.extend(object([("interpolation", json!(interpolation(text)?)), ("antialias", antialias)]));
    Ok(layer_json("Resizing", name, settings))
}

/// An initializer, a regularizer or a constraint.
fn described(part: &Config, module: &str) -> Option<Json> {
    let (class, ..) = PARTS.iter().find(|(_, _, kind)| *kind == part.kind())?;
    let key = |name: &str| if name == "axes" { "axis".to_owned() } else { name.to_owned() };
    let known = part.settings().filter(|(_, value)| **value != Value::Null);
    let config: Object = known.map(|(name, value)| (key(name), plain(value))).collect();
    Some(json!({"module": format!("keras.{module}"), "class_name": class, "config": config, "registered_name": null}))
}

fn tensor(given: &Given) -> Json {
    json!({"class_name": "__keras_tensor__",
        "config": {"shape": [null], "dtype": "float32", "keras_history": given.history()}})
}

/// Other tensors in the form of the arguments of an earlier call.
fn arguments(like: &Json, tensors: Vec<Json>) -> Json {
    if like.get(0).is_some_and(Json::is_array) { json!([tensors]) } else { json!(tensors) }
}

/// A call of a layer.
fn call(layer: &Config, mut tensors: Vec<Json>) -> Json {
    let is_causal = |config: &Config| config.get("causal") == Some(&Value::Bool(true));
    let attention = inner(layer, "attention").unwrap_or(layer);
    if layer.kind() == "WithState" && tensors.len() > 1 {
        let states = tensors.split_off(1);
        return json!({"args": tensors, "kwargs": {"initial_state": states}});
    }
    let causal = if is_causal(attention) { json!({"use_causal_mask": true}) } else { json!({}) };
    if layer.kind() == "MultiHeadAttention" {
        tensors.push(tensors[0].clone());
    }
    let args = if LISTS.contains(&layer.kind()) || layer.kind() == "Graph" && tensors.len() > 1 {
        json!([tensors])
    } else {
        json!(tensors)
    };
    json!({"args": args, "kwargs": causal})
}

/// A part of an axis, a place in it, or a new axis.
fn slice(part: &Value) -> Json {
    match part {
        Value::List(ends) => match &ends[..] {
            [] => Json::Null,
            [place] => plain(place),
            ends => json!({"class_name": "__slice__",
                "config": {"start": plain(&ends[0]), "stop": ends.get(1).map_or(Json::Null, plain), "step": null}}),
        },
        other => plain(other),
    }
}

/// A function of arrays and its call.
fn operator(config: &Config, name: &str, tensors: Vec<Json>) -> Result<(Json, Json)> {
    let Some(Value::Text(function)) = config.get("function") else { return Err(refused("no function")) };
    if function == "get_item" {
        let Some(Value::List(slices)) = config.get("slices") else { return Err(refused("no slices")) };
        let key: Vec<Json> = slices.iter().map(slice).collect();
        let json = json!({"module": "keras.src.ops.numpy", "class_name": "GetItem", "config": {"name": name},
            "registered_name": "GetItem", "name": name});
        return Ok((json, json!({"args": [tensors[0], key], "kwargs": {}})));
    }
    let Some((class, _)) = FUNCTIONS.iter().find(|(_, ours)| ours == function) else {
        return Err(refused(format!("the function `{function}`")));
    };
    let mut settings = object([("name", json!(name))]);
    let reduces = matches!(function.as_str(), "mean" | "sum" | "max" | "min" | "expand_dims" | "squeeze");
    if reduces && let Some(Value::List(axes)) = config.get("axes") {
        let axes: Vec<Json> = axes.iter().map(plain).collect();
        settings.insert("axis".into(), if axes.is_empty() { Json::Null } else { json!(axes) });
    }
    if matches!(function.as_str(), "mean" | "sum" | "max" | "min") {
        settings.insert("keepdims".into(), config.get("keepdims").map_or(json!(false), plain));
    }
    let mut tensors = tensors.into_iter();
    let args: Vec<Json> = match config.get("operands") {
        Some(Value::List(operands)) if !operands.is_empty() => {
            let one = |operand: &Value| if *operand == Value::Null { tensors.next() } else { Some(plain(operand)) };
            operands.iter().filter_map(one).collect()
        }
        _ => tensors.collect(),
    };
    let json = json!({"module": "keras.src.ops.numpy", "class_name": class, "config": settings,
        "registered_name": class, "name": name});
    Ok((json, json!({"args": args, "kwargs": {}})))
}

/// Adds a call to a layer that is there, and returns its number.
fn call_again(layers: &mut [Json], shared: &str, tensors: Vec<Json>) -> Result<usize> {
    let known = layers.iter_mut().find(|layer| layer["name"] == shared);
    let Some(calls) = known.and_then(|layer| layer["inbound_nodes"].as_array_mut()) else {
        return Err(Error::value(format!("shares `{shared}`, which is not there")));
    };
    let mut call = calls[0].clone();
    call["args"] = arguments(&call["args"], tensors);
    calls.push(call);
    Ok(calls.len() - 1)
}
