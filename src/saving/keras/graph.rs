//! Functional models: which layer takes what.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::import::{Object, is_operation, object, settings, shown, text, unique};
use super::operators;
use crate::config::{Config, Value};
use crate::error::{Error, Result};

/// An output of a call of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ref {
    pub layer: String,
    pub call: usize,
    pub output: usize,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Tensor(Ref),
    Literal(Json),
}

/// A call of a layer.
#[derive(Default)]
pub(super) struct Call {
    pub args: Vec<Arg>,
    pub named: Vec<(String, Vec<Arg>)>,
}

/// A layer of a functional model.
pub(super) struct Known<'j> {
    pub json: &'j Object,
    /// Nothing for inputs and operations.
    pub config: Option<Config>,
    pub calls: Vec<Call>,
    pub is_input: bool,
    /// How many outputs it has.
    pub outputs: usize,
}

impl Ref {
    /// `["layer", call, output]`, perhaps with something after it.
    fn read(json: &Json) -> Option<Self> {
        let [Json::String(layer), call, output, ..] = &json.as_array()?[..] else { return None };
        Some(Self {
            layer: layer.replace('.', "_"),
            call: usize::try_from(call.as_u64()?).ok()?,
            output: usize::try_from(output.as_u64()?).ok()?,
        })
    }

    /// One reference, or all in a list or a dictionary.
    fn all(json: &Json) -> Result<Vec<Self>> {
        if let Some(one) = Self::read(json) {
            return Ok(vec![one]);
        }
        let mut refs = Vec::new();
        match json {
            Json::Array(items) => items.iter().try_for_each(|item| Self::all(item).map(|found| refs.extend(found)))?,
            Json::Object(items) => {
                items.values().try_for_each(|item| Self::all(item).map(|found| refs.extend(found)))?
            }
            other => return Err(Error::value(format!("expected names of layers, got {}", shown(Some(other))))),
        }
        Ok(refs)
    }
}

/// Adds arguments as Keras 3 writes them; a list without tensors is one literal.
fn arguments(json: &Json, args: &mut Vec<Arg>) -> Result<()> {
    let is_tensor = |json: &Json| json.get("class_name").is_some_and(|class| class == "__keras_tensor__");
    match json {
        tensor if is_tensor(tensor) => {
            let history = &tensor["config"]["keras_history"];
            let read = Ref::read(history).map(Arg::Tensor);
            args.push(read.ok_or_else(|| Error::value(format!("expected a tensor, got {}", shown(Some(history)))))?);
        }
        Json::Array(items) if json.to_string().contains("__keras_tensor__") => {
            items.iter().try_for_each(|item| arguments(item, args))?;
        }
        literal => args.push(Arg::Literal(literal.clone())),
    }
    Ok(())
}

impl Call {
    /// The calls of a layer, as Keras 3 or 2 writes them.
    pub fn all(json: &Json) -> Result<Vec<Self>> {
        let nodes = json.as_array().ok_or_else(|| Error::value("expected a list of calls in `inbound_nodes`"))?;
        nodes
            .iter()
            .map(|node| if node.is_object() { Self::read(object(node)?) } else { Self::read_old(node) })
            .collect()
    }

    fn read(node: &Object) -> Result<Self> {
        let mut call = Self::default();
        for arg in node.get("args").and_then(Json::as_array).into_iter().flatten() {
            arguments(arg, &mut call.args)?;
        }
        for (name, json) in node.get("kwargs").and_then(Json::as_object).into_iter().flatten() {
            let mut args = Vec::new();
            arguments(json, &mut args)?;
            call.named.push((name.clone(), args));
        }
        Ok(call)
    }

    /// `[["layer", call, output, {"name": ..}], ..]`
    fn read_old(node: &Json) -> Result<Self> {
        let mut call = Self::default();
        let items = node.as_array().map(Vec::as_slice).unwrap_or_default();
        let items = if Ref::read(node).is_some() { std::slice::from_ref(node) } else { items };
        for item in items {
            let read = Ref::read(item).map(Arg::Tensor);
            call.args.push(read.ok_or_else(|| Error::value(format!("expected a tensor, got {}", shown(Some(item)))))?);
            for (name, json) in item.get(3).and_then(Json::as_object).into_iter().flatten() {
                let arg = Ref::read(json).map_or_else(|| Arg::Literal(json.clone()), Arg::Tensor);
                call.named.push((name.clone(), vec![arg]));
            }
        }
        Ok(call)
    }

    pub fn tensors(&self) -> Vec<Ref> {
        let tensor = |arg: &Arg| if let Arg::Tensor(tensor) = arg { Some(tensor.clone()) } else { None };
        self.args.iter().filter_map(tensor).collect()
    }
}

/// How many outputs a layer has.
pub(super) fn outputs(layer: &Object) -> Result<usize> {
    settings(layer).get("output_layers").map_or(Ok(1), |outputs| Ref::all(outputs).map(|refs| refs.len()))
}

/// How many states a recurrent layer takes and gives beside its sequence, if it does.
pub(super) fn states(class: &str, layer: &Object, calls: &[Call]) -> usize {
    let inner = settings(layer).get("layer").and_then(Json::as_object);
    let (recurrent, times) = match inner.filter(|_| class == "Bidirectional") {
        Some(inner) => (inner, 2),
        None => (layer, 1),
    };
    let count = match text(recurrent, "class_name") {
        Ok("LSTM") => 2,
        Ok("GRU" | "SimpleRNN") => 1,
        _ => return 0,
    };
    let is_given = |call: &Call| call.tensors().len() > 1 || call.named.iter().any(|(name, _)| name == "initial_state");
    let gives = settings(recurrent).get("return_state") == Some(&Json::Bool(true));
    if gives || calls.iter().any(is_given) { count * times } else { 0 }
}

/// A graph of the layers, of which those are left out that no output needs.
pub(super) fn graph(model: &Object, mut known: HashMap<String, Known>) -> Result<Config> {
    let refs = |key: &str| Ref::all(model.get(key).unwrap_or(&Json::Null)).map_err(|error| error.at_setting(key));
    let (inputs, outputs) = (refs("input_layers")?, refs("output_layers")?);
    let inputs: Vec<String> = inputs.into_iter().map(|input| input.layer).collect();
    unique(&inputs)?;
    let mut nodes = Vec::new();
    let places = order(&outputs, &known)?;
    // The first call that is made makes the layer, and has its name; it need not be the first in the description.
    let mut first: HashMap<String, usize> = HashMap::new();
    for (layer, call) in &places {
        first.entry(layer.clone()).or_insert(*call);
    }
    for place in &places {
        let layer = &place.0;
        if known[layer].is_input {
            match inputs.contains(layer) {
                true => continue,
                false => return Err(Error::value(format!("`{layer}` is an input that `input_layers` does not name"))),
            }
        }
        let fail = |error: Error| error.at_setting(layer);
        let (config, from) = called(&known, layer, place.1).map_err(fail)?;
        let from = from.iter().map(|tensor| value(&known, &first, tensor)).collect::<Result<Vec<_>>>().map_err(fail)?;
        let name = call_name(layer, place.1, &first);
        let maker = nodes.iter().find_map(|(name, of, _): &(String, String, Config)| (of == layer).then_some(name));
        let node = match maker {
            Some(maker) if known[layer].config.as_ref() == Some(&config) => {
                Config::new("Shared").with("layer", maker).with("from", &from)
            }
            Some(_) => return Err(fail(Error::value("is called in two ways; give each a layer of its own"))),
            None => {
                let count = known[layer].outputs;
                let gives: Vec<String> = (0..count).map(|i| output_name(&name, i, count)).collect();
                if let Some(known) = known.get_mut(layer) {
                    known.config = Some(config.clone());
                }
                Config::new("Node").with_part("layer", config).with("from", &from).with("gives", &gives)
            }
        };
        nodes.push((name, layer.clone(), node));
    }
    let outputs = outputs.iter().map(|tensor| value(&known, &first, tensor)).collect::<Result<Vec<_>>>()?;
    let nodes: Vec<(String, Config)> = nodes.into_iter().map(|(name, _, node)| (name, node)).collect();
    Ok(Config::new("Graph").with("inputs", &inputs).with("layers", &nodes).with("outputs", &outputs))
}

fn call_name(layer: &str, call: usize, first: &HashMap<String, usize>) -> String {
    match (first.get(layer).copied().unwrap_or(0), call) {
        (first, call) if first == call => layer.into(),
        (first, 0) => format!("{layer}_call_{first}"),
        _ => format!("{layer}_call_{call}"),
    }
}

fn output_name(call: &str, output: usize, count: usize) -> String {
    if count == 1 { call.into() } else { format!("{call}.{output}") }
}

/// The name of a value in the graph.
fn value(known: &HashMap<String, Known>, first: &HashMap<String, usize>, tensor: &Ref) -> Result<String> {
    let count = known.get(&tensor.layer).map_or(1, |layer| layer.outputs);
    match tensor.output < count {
        true => Ok(output_name(&call_name(&tensor.layer, tensor.call, first), tensor.output, count)),
        false => Err(Error::value(format!("`{}` has {count} outputs, not {}", tensor.layer, tensor.output + 1))),
    }
}

/// Calls in an order in which each comes after those that it needs.
fn order(outputs: &[Ref], known: &HashMap<String, Known>) -> Result<Vec<(String, usize)>> {
    let mut done: HashMap<(String, usize), bool> = HashMap::new();
    let mut order = Vec::new();
    let mut stack: Vec<(String, usize, bool)> =
        outputs.iter().rev().map(|output| (output.layer.clone(), output.call, false)).collect();
    while let Some((layer, call, is_ready)) = stack.pop() {
        let place = (layer.clone(), call);
        if is_ready {
            done.insert(place.clone(), true);
            order.push(place);
            continue;
        }
        match done.get(&place) {
            Some(true) => continue,
            Some(false) => return Err(Error::value(format!("`{layer}` needs its own output"))),
            None => {}
        }
        let entry = known.get(&layer).ok_or_else(|| Error::value(format!("there is no layer `{layer}`")))?;
        if entry.is_input {
            done.insert(place.clone(), true);
            order.push(place);
            continue;
        }
        let made = entry.calls.get(call).ok_or_else(|| Error::value(format!("`{layer}` has no call {call}")))?;
        done.insert(place, false);
        stack.push((layer.clone(), call, true));
        let named = made.named.iter().filter(|(name, _)| name != "mask").flat_map(|(_, args)| args);
        let tensors = made.args.iter().chain(named).filter_map(|arg| match arg {
            Arg::Tensor(tensor) => Some((tensor.layer.clone(), tensor.call, false)),
            Arg::Literal(_) => None,
        });
        let tensors: Vec<_> =
            tensors.filter(|(layer, call, _)| done.get(&(layer.clone(), *call)) != Some(&true)).collect();
        stack.extend(tensors.into_iter().rev());
    }
    Ok(order)
}

/// What a call runs, and on what.
fn called(known: &HashMap<String, Known>, layer: &str, call: usize) -> Result<(Config, Vec<Ref>)> {
    let (entry, call) = (&known[layer], &known[layer].calls[call]);
    let Some(config) = &entry.config else { return operators::operator(entry.json, call) };
    if is_operation(entry.json) {
        return operators::operator(entry.json, call);
    }
    let mut tensors = call.tensors();
    let mut is_causal = false;
    for (name, args) in &call.named {
        match (name.as_str(), &args[..]) {
            ("training", _) | (_, [Arg::Literal(Json::Null | Json::Bool(false))]) => {}
            ("mask", args) if args.iter().all(|arg| is_own_mask(arg, known)) => {}
            ("initial_state", states) if states.iter().all(|state| matches!(state, Arg::Tensor(_))) => {
                let state = |arg: &Arg| if let Arg::Tensor(state) = arg { Some(state.clone()) } else { None };
                tensors.extend(states.iter().filter_map(state));
            }
            ("use_causal_mask", [Arg::Literal(Json::Bool(true))]) => is_causal = true,
            ("query" | "value" | "key" | "inputs" | "x", [Arg::Tensor(tensor)]) => tensors.push(tensor.clone()),
            _ => return Err(Error::value(format!("is called with `{name}`, which is not expressible"))),
        }
    }
    let inner = if config.kind() == "CrossAttention" { config.get("attention") } else { None };
    let base = inner.and_then(|inner| inner.as_config().ok()).unwrap_or(config);
    match base.kind() {
        "MultiHeadAttention" => {
            let config = base.clone().replaced("causal", Value::Bool(is_causal));
            let rest = tensors.get(1..).unwrap_or_default();
            match rest {
                _ if tensors.iter().all(|tensor| *tensor == tensors[0]) => Ok((config, tensors[..1].to_vec())),
                [value, key @ ..] if key.iter().all(|key| key == value) => {
                    Ok((Config::new("CrossAttention").with_part("attention", config), tensors[..2].to_vec()))
                }
                _ => Err(Error::value("attends to keys and values of two sequences, which is not expressible")),
            }
        }
        "WithState" if tensors.len() > 1 && !is_masked(call) => {
            Ok((config.clone().replaced("ignores_mask", Value::Bool(true)), tensors))
        }
        "Attention" | "AdditiveAttention" if is_causal => {
            Ok((base.clone().replaced("causal", Value::Bool(true)), tensors))
        }
        _ => Ok((config.clone(), tensors)),
    }
}

/// Whether a mask is given by name: one that is only carried along does not reach a call of several tensors.
fn is_masked(call: &Call) -> bool {
    call.named.iter().any(|(name, args)| name == "mask" && args.iter().any(|arg| matches!(arg, Arg::Tensor(_))))
}

/// Whether it is a mask that a layer of Keras has made of its input, which ours hand on with what they give.
fn is_own_mask(arg: &Arg, known: &HashMap<String, Known>) -> bool {
    let Arg::Tensor(tensor) = arg else { return true };
    let class = known.get(&tensor.layer).and_then(|layer| text(layer.json, "class_name").ok());
    matches!(class, Some("NotEqual" | "Any"))
}
