//! Runs the nodes of a graph, one after the other.

use std::collections::HashMap;

use super::node::{Node, Outputs, unsupported};
use super::operators::{self, Form};
use super::value::{Kind, Value};
use crate::autograd::{Tape, Var};
use crate::error::{Error, Result};
use crate::formats::onnx::proto::{GraphProto, NodeProto};
use crate::formats::onnx::tensors::decode;
use crate::layers::Dropout;

/// Values by name.
pub type Scope<'a> = HashMap<&'a str, Value>;

/// No loop goes round more often, and no bodies are nested deeper.
const MOST_ROUNDS: i64 = 100_000;
const DEEPEST: usize = 16;

/// One node, and what goes with it.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub node: &'a NodeProto,
    pub then: Option<&'a NodeProto>,
    pub dropout: Option<&'a Dropout>,
    pub opset: i64,
    pub depth: usize,
}

/// How a node refers to itself in errors.
pub fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name };
    format!("{name} ({})", node.op_type)
}

impl<'a> Call<'a> {
    /// Computes the node and puts its outputs into the scope.
    pub fn run(self, form: Option<Form>, scope: &mut Scope<'a>, tape: &Tape) -> Result<()> {
        let outputs = self.outputs(form, scope, tape).map_err(|error| error.within(&label(self.node)))?;
        let names = self.then.unwrap_or(self.node).output.iter();
        for (name, value) in names.zip(outputs).filter(|(name, _)| !name.is_empty()) {
            scope.insert(name, value);
        }
        Ok(())
    }

    fn outputs(self, form: Option<Form>, scope: &Scope<'a>, tape: &Tape) -> Outputs {
        let input = |name: &String| match name.is_empty() {
            true => Ok(None),
            false => scope.get(name.as_str()).cloned().map(Some).ok_or_else(|| no_value(name)),
        };
        let inputs = self.node.input.iter().map(input).collect::<Result<_>>()?;
        let Self { node: proto, then, dropout, opset, depth } = self;
        let node = Node { proto, then, inputs, tape, opset, dropout };
        match (node.op(), form) {
            ("If", _) => self.branch(&node, scope),
            ("Loop", _) => self.repeated(&node, scope),
            (_, Some(form)) => operators::run(&node, form),
            (op, None) if depth <= DEEPEST => operators::run(&node, operators::form(op, &proto.domain)?),
            _ => Err(unsupported("graphs in graphs in graphs")),
        }
    }

    /// The outputs of a graph inside of a node, which sees the values around it.
    fn inner(self, graph: &'a GraphProto, mut scope: Scope<'a>, tape: &Tape) -> Outputs {
        for proto in &graph.initializer {
            let (value, kind) = decode(proto)?;
            scope.insert(&proto.name, Value::new(tape.constant(value), kind));
        }
        for node in &graph.node {
            let call = Call { node, then: None, dropout: None, depth: self.depth + 1, ..self };
            call.run(None, &mut scope, tape)?;
        }
        let output = |name: &str| scope.get(name).cloned().ok_or_else(|| no_value(name));
        graph.output.iter().map(|info| output(&info.name)).collect()
    }

    fn branch(self, node: &Node<'a>, scope: &Scope<'a>) -> Outputs {
        let name = if node.value(0)?.number()? != 0.0 { "then_branch" } else { "else_branch" };
        self.inner(node.graph(name)?, scope.clone(), node.tape)
    }

    /// State that goes through all rounds, and results of each round side by side.
    fn repeated(self, node: &Node<'a>, scope: &Scope<'a>) -> Outputs {
        let body = node.graph("body")?;
        let most = node.get(0).map_or(Ok(i64::MAX), Value::int)?;
        let mut goes_on = node.get(1).map_or(Ok(true), |condition| Ok::<_, Error>(condition.number()? != 0.0))?;
        let mut state: Vec<Value> = node.inputs.iter().skip(2).flatten().cloned().collect();
        let mut rounds: Vec<Vec<Value>> = Vec::new();
        for round in 0..most {
            if !goes_on {
                break;
            }
            if round == MOST_ROUNDS {
                return Err(unsupported(format_args!("a loop of more than {MOST_ROUNDS} rounds")));
            }
            let mut inner = scope.clone();
            let number = Value::new(node.scalar(round as crate::tensor::Float), Kind::INT64);
            let condition = Value::new(node.scalar(1.0), Kind::BOOL);
            let given = [number, condition].into_iter().chain(state.iter().cloned());
            inner.extend(body.input.iter().map(|info| info.name.as_str()).zip(given));
            let mut outputs = self.inner(body, inner, node.tape)?;
            if outputs.len() < 1 + state.len() {
                return Err(Error::value("expected a body that gives its condition and all of its state"));
            }
            goes_on = outputs[0].number()? != 0.0;
            let results = outputs.split_off(1 + state.len());
            state = outputs.split_off(1);
            rounds.push(results);
        }
        let count = node.proto.output.len().saturating_sub(state.len());
        for i in 0..count {
            let parts: Option<Vec<&Value>> = rounds.iter().map(|round| round.get(i)).collect();
            let parts = parts.filter(|parts| !parts.is_empty()).ok_or_else(|| unsupported("loop without a round"))?;
            let vars: Vec<Var> = parts.iter().map(|part| part.var()).collect::<Result<_>>()?;
            state.push(Value::new(Var::stack(&vars.iter().collect::<Vec<_>>(), 0)?, parts[0].kind));
        }
        Ok(state)
    }
}

pub fn no_value(name: &str) -> Error {
    Error::value(format!("no node before gives the value `{name}`"))
}
