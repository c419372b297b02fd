//! Runs the nodes of a graph, one after the other.

use std::cell::Cell;
use std::collections::HashMap;

use super::node::{Kept, Node, Outputs, unsupported};
use super::operators::{self, Form};
use super::value::{ElementType, Value};
use crate::autograd::{Tape, Var};
use crate::error::{Error, Result};
use crate::formats::onnx::proto::{GraphProto, NodeProto};
use crate::formats::onnx::tensors::{MOST, bounded, decode};
use crate::layers::Dropout;

/// Values by name.
pub type Scope<'a> = HashMap<&'a str, Value>;

/// No graphs are nested deeper.
const DEEPEST: usize = 16;

/// How much a node costs beside its numbers, and how many nodes are run in the bodies of loops and branches.
const NODE: usize = 1 << 10;
const MOST_NODES: usize = 1 << 20;

/// Operators whose work does not follow from how many numbers they take, and is never done before a model runs.
const COSTLY: &[&str] = &[
    "AffineGrid",
    "Attention",
    "AveragePool",
    "Col2Im",
    "Conv",
    "ConvTranspose",
    "GRU",
    "GridSample",
    "LSTM",
    "LpPool",
    "MaxPool",
    "MaxUnpool",
    "RNN",
    "Resize",
    "Upsample",
];

/// Operators whose work is at most the product of the numbers of two inputs.
const PRODUCTS: &[&str] =
    &["Einsum", "Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "Scatter", "ScatterElements", "ScatterND"];

/// What the nodes of a graph may cost, counted in numbers. A file of a few bytes can ask for more than any machine has.
pub struct Budget {
    is_import: bool,
    /// How many numbers a value may have.
    most: usize,
    work: Cell<usize>,
    kept: Cell<usize>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    /// The budget of a run that somebody has asked for.
    pub fn of_run() -> Self {
        let work = Cell::new(MOST_NODES * NODE);
        Self { is_import: false, most: MOST, work, kept: Cell::new(usize::MAX), is_exceeded: Cell::new(false) }
    }

    /// The budget for what is computed while a file is read that has this many numbers in all and in the largest of its tensors.
    pub fn of_import(all: usize, largest: usize) -> Self {
        Self {
            is_import: true,
            most: largest.max(1 << 22),
            work: Cell::new(all.saturating_mul(16).saturating_add(1 << 26)),
            kept: Cell::new(all.saturating_mul(4).saturating_add(1 << 25)),
            is_exceeded: Cell::new(false),
        }
    }

    /// Whether the last error was that something is too much.
    pub fn is_exceeded(&self) -> bool {
        self.is_exceeded.take()
    }

    fn exceeded(&self, error: Error) -> Error {
        self.is_exceeded.set(true);
        error
    }

    fn take(&self, from: &Cell<usize>, cost: usize) -> Result<()> {
        let Some(rest) = from.get().checked_sub(cost) else {
            return Err(self.exceeded(unsupported("loops and branches that run more than 2^20 nodes")));
        };
        from.set(rest);
        Ok(())
    }

    /// Takes the cost of a node, before it is run.
    fn spend(&self, node: &NodeProto, inputs: &[Option<Value>]) -> Result<()> {
        if !self.is_import {
            return Ok(());
        }
        let counts = inputs.iter().flatten().map(Value::len);
        let cost = match &*node.op_type {
            op if COSTLY.contains(&op) => usize::MAX,
            op if PRODUCTS.contains(&op) => counts.fold(1_usize, |all, count| all.saturating_mul(count.max(1))),
            _ => counts.fold(NODE, usize::saturating_add),
        };
        self.take(&self.work, cost)
    }

    /// Takes the cost of a value that is kept.
    pub fn keep(&self, count: usize) -> Result<()> {
        self.take(&self.kept, count)
    }

    /// Refuses a shape of more numbers than a value may have, or than are still to be computed while a file is read.
    pub fn bounded(&self, shape: &[usize]) -> Result<()> {
        bounded(shape, self.most).map_err(|error| self.exceeded(error))?;
        if self.is_import { self.take(&self.work, shape.iter().product()) } else { Ok(()) }
    }
}

/// One node, and what goes with it.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub node: &'a NodeProto,
    pub then: Option<&'a NodeProto>,
    pub dropout: Option<&'a Dropout>,
    pub kept: Option<&'a Kept>,
    pub opset: i64,
    pub depth: usize,
    pub budget: &'a Budget,
}

/// How a node refers to itself in errors.
pub fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name };
    format!("{name} ({})", node.op_type)
}

impl<'a> Call<'a> {
    /// Computes the node and puts its outputs into the scope.
    pub fn run(self, scope: &mut Scope<'a>, tape: &Tape) -> Result<()> {
        let input = |name: &String| match name.is_empty() {
            true => Ok(None),
            false => scope.get(name.as_str()).cloned().map(Some).ok_or_else(|| no_value(name)),
        };
        let inputs = self.node.input.iter().map(input).collect::<Result<_>>();
        let inputs = inputs.map_err(|error| error.within(&label(self.node)))?;
        let outputs = self.outputs(None, inputs, scope, tape)?;
        for (name, value) in self.node.output.iter().zip(outputs).filter(|(name, _)| !name.is_empty()) {
            scope.insert(name, value);
        }
        Ok(())
    }

    /// The outputs of the node; graphs in it see what is around them.
    pub fn outputs(self, form: Option<Form>, inputs: Vec<Option<Value>>, around: &Scope<'a>, tape: &Tape) -> Outputs {
        let Self { node: proto, then, dropout, kept, opset, depth: _, budget } = self;
        let run = || {
            budget.spend(proto, &inputs)?;
            let node = Node { proto, then, inputs, tape, opset, dropout, kept, budget };
            match (node.op(), form) {
                ("If", _) => self.branch(&node, around),
                ("Loop", _) => self.repeated(&node, around),
                (_, Some(form)) => operators::run(&node, form),
                (op, None) => operators::run(&node, operators::form(op, &proto.domain)?),
            }
        };
        run().map_err(|error: Error| error.within(&label(proto)))
    }

    /// The outputs of a graph inside of a node, which sees the values around it.
    fn inner(self, graph: &'a GraphProto, mut scope: Scope<'a>, tape: &Tape) -> Outputs {
        if self.depth == DEEPEST {
            return Err(unsupported(format_args!("more than {DEEPEST} graphs in each other")));
        }
        self.budget.take(&self.budget.work, (1 + scope.len() / 16).saturating_mul(NODE))?;
        for proto in &graph.initializer {
            let (value, kind) = decode(proto)?;
            scope.insert(&proto.name, Value::new(tape.constant(value), kind));
        }
        for node in &graph.node {
            self.budget.take(&self.budget.work, NODE)?;
            let call = Call { node, then: None, dropout: None, kept: None, depth: self.depth + 1, ..self };
            call.run(&mut scope, tape)?;
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
            let mut inner = scope.clone();
            let number = Value::new(node.scalar(round as crate::tensor::Float), ElementType::INT64);
            let condition = Value::new(node.scalar(1.0), ElementType::BOOL);
            let given = [number, condition].into_iter().chain(state.iter().cloned());
            inner.extend(body.input.iter().map(|info| info.name.as_str()).zip(given));
            let mut outputs = self.inner(body, inner, node.tape)?;
            if outputs.len() < 1 + state.len() {
                return Err(Error::value("expected a body that gives its condition and all of its state"));
            }
            goes_on = outputs[0].number()? != 0.0;
            let results = outputs.split_off(1 + state.len());
            state = outputs.split_off(1);
            for value in &results {
                self.budget.keep(value.len())?;
            }
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
