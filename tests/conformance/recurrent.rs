//! Runs the recurrent cases: sequences with padding, first and last states, embeddings.

use gradus::layers::Vars;
use gradus::layers::{Merge, Recurrent, StepOptions, TiedDense};
use gradus::prelude::*;
use serde_json::Value;

use super::Check;
use super::build::Built;
use super::fixture::{Case, list, number, text};
use super::run::{WeightedSum, compare, reason, set, set_parameters};

pub fn run(case: &Case) -> Built<Vec<Check>> {
    let bound = f64::from(case.number("bound", 1e-5));
    let specs = list(&case.settings["layers"]);
    let checks = if case.shape("state/0").is_some() {
        with_recurrent(&specs[0], States(case))?
    } else {
        let (mut model, mut head) = (Sequential::new(), None);
        for (i, spec) in specs.iter().enumerate() {
            model = add(model, &i.to_string(), spec, &mut head)?;
        }
        let (x, parameters) = (input(case)?, set_parameters(case, &model)?);
        check(case, &x, &parameters, &[], || Ok((model.forward(&x)?, Vec::new())))?
    };
    Ok(checks.into_iter().map(|check| check.within(bound)).collect())
}

/// The case's input on a new tape.
fn input(case: &Case) -> Built<Var> {
    let x = Tape::training().variable(case.tensor("x"));
    if case.shape("mask").is_none() { Ok(x) } else { x.with_mask(case.tensor("mask")).map_err(reason) }
}

/// Output, gradients, states.
fn check(
    case: &Case,
    x: &Var,
    parameters: &[(String, Param)],
    first: &[Var],
    forward: impl Fn() -> Result<(Var, Vec<Var>)>,
) -> Built<Vec<Check>> {
    let tape = x.tape();
    let (y, last) = forward().map_err(reason)?;
    if y.shape() != case.shape("y").unwrap_or_default() {
        return Err(format!("the output has shape {:?}, expected {:?}", y.shape(), case.shape("y")));
    }
    let mut checks = vec![compare("y", y.value(), case)];
    let mut scalar = tape.apply(WeightedSum(case.tensor("dy")), &[&y]);
    for (i, last) in last.iter().enumerate() {
        checks.push(compare(&format!("last/{i}"), last.value(), case));
        scalar = scalar + tape.apply(WeightedSum(case.tensor(&format!("dlast/{i}"))), &[last]);
    }
    let gradients = scalar.backward().map_err(reason)?;
    if case.shape("dx").is_some() {
        checks.push(compare("dx", gradients.of(x).ok_or("no gradient of the input")?, case));
    }
    for (i, first) in first.iter().enumerate() {
        let gradient = gradients.of(first).ok_or("no gradient of a state")?;
        checks.push(compare(&format!("dstate/{i}"), gradient, case));
    }
    for (path, param) in parameters {
        let gradient = gradients.get(param).ok_or(format!("no gradient of `{path}`"))?;
        checks.push(compare(&format!("grad/{path}"), gradient, case));
    }
    Ok(checks)
}

/// What to do with a recurrent layer of any type.
trait With {
    type Output;
    fn with<L: Recurrent>(self, layer: L) -> Built<Self::Output>;
}

/// Adds it to a model under a name.
struct Add<'a>(Sequential, &'a str);

impl With for Add<'_> {
    type Output = Sequential;
    fn with<L: Recurrent>(self, layer: L) -> Built<Sequential> {
        Ok(self.0.add_named(self.1, layer))
    }
}

/// Runs it from the case's states.
struct States<'a>(&'a Case);

impl With for States<'_> {
    type Output = Vec<Check>;
    fn with<L: Recurrent>(self, layer: L) -> Built<Vec<Check>> {
        let case = self.0;
        let x = input(case)?;
        let count = case.under("state/").len();
        let first: Vec<Var> = (0..count).map(|i| x.tape().variable(case.tensor(&format!("state/{i}")))).collect();
        let parameters = layer.parameters();
        set(case, &parameters)?;
        check(case, &x, &parameters, &first, || {
            let state = L::State::from_list("the state", first.clone())?;
            let (y, state) = layer.forward_from(&x, Some(&state))?;
            Ok((y, state.to_list()))
        })
    }
}

fn units(spec: &Value) -> usize {
    spec["units"].as_u64().unwrap_or(0) as usize
}

/// A recurrent layer, with a direction more if the spec says how to merge.
fn with_recurrent<W: With>(spec: &Value, then: W) -> Built<W::Output> {
    macro_rules! make {
        ($name:ident, $($set:tt)*) => {{
            let make = || {
                let mut layer = $name::new(units(spec));
                layer.set_options(StepOptions {
                    return_sequences: spec["return_sequences"] == true,
                    go_backwards: spec["go_backwards"] == true,
                    zero_output_for_mask: spec["zero_output_for_mask"] == true,
                });
                let layer = layer.use_bias(spec["use_bias"] != false);
                let layer = match text(&spec["activation"]) {
                    "relu" => layer.activation(Relu),
                    "sigmoid" => layer.activation(Sigmoid),
                    _ => layer,
                };
                make!(@ spec, layer, $($set)*)
            };
            let merge = match text(&spec["merge"]) {
                "concat" => Merge::Concat,
                "sum" => Merge::Sum,
                "multiply" => Merge::Multiply,
                "average" => Merge::Average,
                _ => return then.with(make()),
            };
            then.with(Bidirectional::new(make).merge(merge))
        }};
        (@ $spec:ident, $layer:ident, gates $($more:tt)*) => {{
            let layer = match text(&$spec["recurrent_activation"]) {
                "tanh" => $layer.recurrent_activation(Tanh),
                _ => $layer,
            };
            make!(@ $spec, layer, $($more)*)
        }};
        (@ $spec:ident, $layer:ident, reset) => { $layer.reset_after($spec["reset_after"] != false) };
        (@ $spec:ident, $layer:ident,) => { $layer };
    }
    match text(&spec["layer"]) {
        "SimpleRnn" => make!(SimpleRnn,),
        "Lstm" => make!(Lstm, gates),
        "Gru" => make!(Gru, gates reset),
        other => Err(format!("no layer `{other}`")),
    }
}

/// Adds a layer. `head` is the way back through the last embedding.
fn add(model: Sequential, name: &str, spec: &Value, head: &mut Option<TiedDense>) -> Built<Sequential> {
    Ok(match text(&spec["layer"]) {
        "Embedding" => {
            let mut layer = embedding(spec).mask_zero(spec["mask_zero"] == true);
            if let Some(id) = spec["padding_index"].as_u64() {
                layer = layer.padding_index(id as usize);
            }
            *head = Some(layer.output_layer());
            model.add_named(name, layer)
        }
        "TiedDense" => model.add_named(name, head.take().ok_or("no embedding before it")?),
        "Masking" => model.add_named(name, Masking::new(number(&spec["value"], 0.0))),
        "TimeDistributed" => model.add_named(name, TimeDistributed::new(Dense::new(units(spec)))),
        _ => with_recurrent(spec, Add(model, name))?,
    })
}

fn embedding(spec: &Value) -> Embedding {
    Embedding::new(spec["vocabulary"].as_u64().unwrap_or(0) as usize, units(spec))
}
