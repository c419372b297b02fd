//! Attention, blocks of Transformers, and positions: layers of several inputs, with masks.

use gradus::layers::{
    AttentionOptions, LearnedPositions, RotaryEmbedding, SinusoidalPositions, TransformerDecoder,
    scaled_dot_product_attention,
};
use gradus::prelude::*;
use serde_json::Value;

use super::Check;
use super::build::Built;
use super::fixture::{Case, number, text};
use super::run::{WeightedSum, compare, reason};

/// The output, the gradients of inputs and bias, and those of all parameters.
pub fn run(case: &Case) -> Built<Vec<Check>> {
    let tape = Tape::inference().recording();
    let mut x: Vec<Var> = case.under("x/").iter().map(|i| tape.variable(case.tensor(&format!("x/{i}")))).collect();
    let inputs = x.clone();
    if case.shape("key_mask").is_some() {
        // The keys are the second input, or the only one.
        let keys = 1.min(x.len() - 1);
        x[keys] = x[keys].clone().with_mask(case.tensor("key_mask")).map_err(reason)?;
    }
    let mask = case.shape("mask").map(|_| tape.constant(case.tensor("mask")));
    let bias = case.shape("bias").map(|_| tape.variable(case.tensor("bias")));
    let settings = &case.settings;
    let mut parameters = Vec::new();
    let y = match text(&settings["what"]) {
        "dot_product" => {
            let mut options = AttentionOptions::new().causal(settings["causal"] == true);
            options = some(&settings["scale"], options, |options, scale| options.scale(scale as Float));
            options = some(&settings["soft_cap"], options, |options, most| options.soft_cap(most as Float));
            options = mask.iter().fold(options, |options, mask| options.mask(mask));
            options = bias.iter().fold(options, |options, bias| options.bias(bias));
            scaled_dot_product_attention(&x[0], &x[1], &x[2], &options)
        }
        "multi_head" | "cross" => {
            let layer = attention(settings);
            parameters = set(case, layer.parameters())?;
            match mask {
                Some(mask) => layer.attend(&x[0], &x[x.len() - 1], &x[x.len() - 1], &layer.options().mask(&mask)),
                None if x.len() == 1 => layer.forward(&x[0]),
                None => layer.cross().forward(&(x[0].clone(), x[1].clone())),
            }
        }
        "encoder" => {
            let layer = TransformerEncoder::new(8, whole(&settings["heads"]), 12).epsilon(epsilon(settings));
            let layer = layer.causal(settings["causal"] == true).pre_norm(settings["pre_norm"] == true);
            let layer = if settings["activation"] == "gelu" { layer.activation(Gelu) } else { layer };
            parameters = set(case, layer.parameters())?;
            layer.forward(&x[0])
        }
        "decoder" => {
            let layer = TransformerDecoder::new(8, whole(&settings["heads"]), 12).epsilon(epsilon(settings));
            let layer = layer.causal(settings["causal"] == true).pre_norm(settings["pre_norm"] == true);
            let layer = if settings["activation"] == "gelu" { layer.activation(Gelu) } else { layer };
            parameters = set(case, layer.parameters())?;
            layer.forward(&(x[0].clone(), x[1].clone()))
        }
        "rotary" => RotaryEmbedding::new()
            .base(number(&settings["base"], 0.0))
            .size(whole(&settings["rotary"]))
            .interleaved(settings["interleaved"] == true)
            .forward(&x[0]),
        "sinusoidal" => SinusoidalPositions::new().base(number(&settings["base"], 0.0)).forward(&x[0]),
        "learned" => {
            let layer = LearnedPositions::new(whole(&settings["length"]));
            parameters = set(case, layer.parameters())?;
            layer.forward(&x[0])
        }
        other => return Err(format!("no attention `{other}`")),
    }
    .map_err(reason)?;
    let mut checks = vec![compare("y", y.value(), case)];
    let gradients = tape.apply(WeightedSum(case.tensor("dy")), &[&y]).backward().map_err(reason)?;
    for (i, x) in inputs.iter().enumerate() {
        checks.push(compare(&format!("dx/{i}"), gradients.of(x).ok_or("no gradient of an input")?, case));
    }
    if let Some(bias) = &bias {
        checks.push(compare("d_bias", gradients.of(bias).ok_or("no gradient of the bias")?, case));
    }
    for (path, param) in &parameters {
        checks.push(match gradients.get(param).ok_or(format!("no gradient of {path}"))? {
            // Without its rounding error it would be 0: it moves all scores of a query alike.
            gradient if path.ends_with("key.bias") => small(path, gradient),
            gradient => compare(&format!("grad/{path}"), gradient, case),
        });
    }
    Ok(checks)
}

fn small(path: &str, gradient: &Tensor) -> Check {
    let error = gradient.iter().fold(0.0, |max: f64, x| max.max(f64::from(x.abs())));
    Check { what: format!("grad/{path}"), error, bound: 1e-5 }
}

fn attention(settings: &Value) -> MultiHeadAttention {
    let layer = MultiHeadAttention::new(whole(&settings["heads"]), whole(&settings["size"]));
    let layer = layer.causal(settings["causal"] == true).use_bias(settings["use_bias"] != false);
    let layer = some(&settings["value_size"], layer, |layer, size| layer.value_size(size as usize));
    let layer = some(&settings["output_size"], layer, |layer, size| layer.output_size(size as usize));
    some(&settings["key_value_heads"], layer, |layer, heads| layer.key_value_heads(heads as usize))
}

/// With a setting if the case has it.
fn some<T>(value: &Value, thing: T, set: impl FnOnce(T, f64) -> T) -> T {
    match value.as_f64() {
        Some(value) => set(thing, value),
        None => thing,
    }
}

fn whole(value: &Value) -> usize {
    value.as_u64().unwrap_or(0) as usize
}

fn epsilon(settings: &Value) -> Float {
    number(&settings["epsilon"], 0.0)
}

/// Gives the layer the case's parameters, all of them and no others.
fn set(case: &Case, parameters: Vec<(String, Param)>) -> Built<Vec<(String, Param)>> {
    let mut paths: Vec<&str> = parameters.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    if paths != case.under("param/") {
        return Err(format!("the parameters are {paths:?}, expected {:?}", case.under("param/")));
    }
    for (path, param) in &parameters {
        param.set(case.tensor(&format!("param/{path}"))).map_err(reason)?;
    }
    Ok(parameters)
}
