//! Runs the nodes of a graph, one after the other.

use std::collections::HashMap;

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::proto::Graph;
use super::value::{Kind, Value};
use super::{
    absent, activations, attention, elementwise, indexing, layers, losses, normalisation, recurrent, reduce, resize,
    shape, training, windows,
};

pub(crate) type Scope = HashMap<String, Value>;

/// The values of the graph's outputs. Names that are not of the graph are looked up in the scope around it.
pub(crate) fn run(graph: &Graph, mut scope: Scope, tape: &Tape) -> Outputs {
    for initializer in &graph.initializer {
        scope.insert(initializer.name.clone(), Value::of(tape, initializer)?);
    }
    for proto in &graph.node {
        let inputs = proto.input.iter().map(|name| match name.is_empty() {
            true => Ok(None),
            false => scope.get(name).cloned().map(Some).ok_or_else(|| Failure::Wrong(format!("no value {name}"))),
        });
        let node = Node { proto, inputs: inputs.collect::<Result<_, _>>()?, tape };
        let outputs = match (node.op(), &*proto.domain) {
            ("If", _) => branch(&node, &scope)?,
            ("Loop", _) => repeated(&node, &scope)?,
            (_, "" | "ai.onnx") => operator(&node)?,
            (_, "ai.onnx.preview.training") => training::run(&node)?,
            _ => return Err(absent::reason(&node)),
        };
        for (name, value) in proto.output.iter().zip(outputs).filter(|(name, _)| !name.is_empty()) {
            scope.insert(name.clone(), value);
        }
    }
    let output = |name: &String| scope.get(name).cloned().ok_or_else(|| Failure::Wrong(format!("no output {name}")));
    graph.output.iter().map(|info| output(&info.name)).collect()
}

fn operator(node: &Node<'_>) -> Outputs {
    let families: [fn(&Node<'_>) -> Outputs; 12] = [
        elementwise::run,
        reduce::run,
        shape::run,
        indexing::run,
        activations::run,
        windows::run,
        resize::run,
        normalisation::run,
        attention::run,
        recurrent::run,
        layers::run,
        losses::run,
    ];
    for family in families {
        match family(node) {
            Err(Failure::Unknown) => {}
            known => return known,
        }
    }
    Err(absent::reason(node))
}

fn truth(value: &Value) -> bool {
    value.var.item() != 0.0
}

fn branch(node: &Node<'_>, scope: &Scope) -> Outputs {
    let name = if truth(node.value(0)?) { "then_branch" } else { "else_branch" };
    run(node.graph(name)?, scope.clone(), node.tape)
}

/// State that goes through all rounds, and results of each round side by side.
fn repeated(node: &Node<'_>, scope: &Scope) -> Outputs {
    let body = node.graph("body")?;
    let most = node.get(0).map_or(i64::MAX, |most| most.ints()[0]);
    let mut goes_on = node.get(1).is_none_or(truth);
    let mut state: Vec<Value> = node.inputs[2..].iter().flatten().cloned().collect();
    let mut rounds: Vec<Vec<Value>> = Vec::new();
    for round in 0..most {
        if !goes_on {
            break;
        }
        let mut inner = scope.clone();
        let number = Value { var: node.scalar(round as Float), kind: Kind::INT64 };
        let condition = Value { var: node.scalar(1.0), kind: Kind::BOOL };
        let given = [number, condition].into_iter().chain(state.iter().cloned());
        inner.extend(body.input.iter().map(|info| info.name.clone()).zip(given));
        let mut outputs = run(body, inner, node.tape)?;
        goes_on = truth(&outputs[0]);
        let results = outputs.split_off(1 + state.len());
        state = outputs.split_off(1);
        rounds.push(results);
    }
    let count = node.proto.output.len() - state.len();
    for i in 0..count {
        let Some(first) = rounds.first() else { return Err(Failure::skip("loop without a round")) };
        let parts: Vec<&Var> = rounds.iter().map(|round| &round[i].var).collect();
        state.push(Value { var: Var::stack(&parts, 0)?, kind: first[i].kind });
    }
    Ok(state)
}
