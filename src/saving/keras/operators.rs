//! Functions of arrays, which Keras writes as layers.

use serde_json::Value as Json;

use super::classes::{ACTIVATIONS, FUNCTIONS};
use super::graph::{Arg, Call, Ref};
use super::import::{Object, settings, shown, snake_case, text};
use crate::config::{Config, Value};
use crate::error::{Error, Result};

/// A number, also as an array of one.
fn number(json: &Json) -> Result<f64> {
    let value = json.get("config").and_then(|config| config.get("value")).unwrap_or(json);
    value.as_f64().ok_or_else(|| Error::value(format!("expected a number as an operand, got {}", shown(Some(value)))))
}

fn whole(json: &Json) -> Result<Value> {
    let number =
        json.as_i64().ok_or_else(|| Error::value(format!("expected a whole number, got {}", shown(Some(json)))))?;
    Ok(Value::Number(number as f64))
}

/// Axes: a number or several; nothing for all.
fn axes(json: Option<&Json>) -> Result<Value> {
    Ok(match json {
        None | Some(Json::Null) => Value::Null,
        Some(Json::Array(axes)) => Value::List(axes.iter().map(whole).collect::<Result<_>>()?),
        Some(axis) => Value::List(vec![whole(axis)?]),
    })
}

/// What an operation is, and what it takes.
pub(super) fn operator(json: &Object, call: &Call) -> Result<(Config, Vec<Ref>)> {
    let (class, config) = (text(json, "class_name")?, settings(json));
    let tensors = call.tensors();
    if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == class) {
        let mut operands = Vec::new();
        for arg in &call.args {
            operands.push(match arg {
                Arg::Tensor(_) => Value::Null,
                Arg::Literal(json) => Value::Number(number(json)?),
            });
        }
        let mut operator = Config::new("Operator").with("function", &(*function).to_owned());
        if operands.iter().any(|operand| *operand != Value::Null) {
            operator = operator.entry("operands", Value::List(operands), false);
        }
        let axes = axes(config.get("axis"))?;
        if axes != Value::Null {
            operator = operator.entry("axes", axes, false);
        }
        if config.get("keepdims") == Some(&Json::Bool(true)) {
            operator = operator.with("keepdims", &true);
        }
        return Ok((operator, tensors));
    }
    let name = snake_case(class);
    let config = match class {
        "GetItem" => get_item(call)?,
        "Concatenate" => {
            Config::new("Concatenate").entry("axis", whole(config.get("axis").unwrap_or(&Json::from(0)))?, false)
        }
        "Reshape" => reshape(config.get("newshape").unwrap_or(&Json::Null))?,
        "Transpose" => transpose(config.get("axes").unwrap_or(&Json::Null))?,
        "Softmax" if config.get("axis").is_none_or(|axis| axis.as_i64() == Some(-1)) => Config::new("Softmax"),
        "Gelu" if config.get("approximate") != Some(&Json::Bool(false)) => Config::new("GeluTanh"),
        _ => {
            let known = ACTIVATIONS.iter().find(|(known, ..)| *known == name);
            let Some((_, kind, defaults)) = known.filter(|_| !name.ends_with("softmax")) else {
                return Err(Error::value(format!("the operation `{class}` is not expressible; make it a layer")));
            };
            let mut activation = Config::new(*kind);
            for (key, value) in *defaults {
                activation = activation.with(key, &config.get(*key).map_or(Ok(*value), number)?);
            }
            activation
        }
    };
    Ok((config, tensors))
}

/// `x[:, 1:3]`, of which the first axis is that of the batch.
fn get_item(call: &Call) -> Result<Config> {
    let key = call.args.iter().find_map(|arg| if let Arg::Literal(json) = arg { Some(json) } else { None });
    let one = [key.cloned().unwrap_or(Json::Null)];
    let items = key.and_then(Json::as_array).map_or(&one[..], Vec::as_slice);
    let mut slices = Vec::new();
    for item in items {
        let slice = item.get("config").filter(|_| item.get("class_name").is_some_and(|class| class == "__slice__"));
        let part = |key: &str| slice.and_then(|slice| slice.get(key)).filter(|json| !json.is_null());
        match (slice, part("step").is_none_or(|step| step.as_i64() == Some(1))) {
            (Some(_), true) => {
                let ends = [part("start"), part("stop")];
                let ends = ends.into_iter().map(|end| end.map_or(Ok(Value::Null), whole)).collect::<Result<_>>()?;
                slices.push(Value::List(ends));
            }
            (None, _) if item.is_null() => slices.push(Value::List(Vec::new())),
            (None, _) if item.is_number() => slices.push(Value::List(vec![whole(item)?])),
            _ => return Err(Error::value(format!("takes the part {}, which is not expressible", shown(Some(item))))),
        }
    }
    let operator = Config::new("Operator").with("function", &"get_item".to_owned());
    Ok(operator.entry("slices", Value::List(slices), false))
}

fn reshape(shape: &Json) -> Result<Config> {
    match shape.as_array().map(Vec::as_slice) {
        Some([batch, rest @ ..]) if batch.is_null() || batch.as_i64() == Some(-1) => {
            let rest = rest.iter().map(whole).collect::<Result<_>>()?;
            Ok(Config::new("Reshape").entry("target_shape", Value::List(rest), false))
        }
        _ => {
            Err(Error::value(format!("expected a shape that begins with -1 for the batch, got {}", shown(Some(shape)))))
        }
    }
}

fn transpose(axes: &Json) -> Result<Config> {
    match axes.as_array().map(Vec::as_slice) {
        Some([batch, rest @ ..]) if batch.as_i64() == Some(0) => {
            let rest = rest.iter().map(whole).collect::<Result<_>>()?;
            Ok(Config::new("Permute").entry("dims", Value::List(rest), false))
        }
        _ => Err(Error::value(format!(
            "expected axes that leave that of the batch, 0, first, got {}",
            shown(Some(axes))
        ))),
    }
}
