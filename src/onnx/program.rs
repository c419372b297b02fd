//! A graph after import: what is left to compute, the numbers that stay as they are, and the parameters.

use std::collections::HashMap;

use prost::Message;

use super::operators::{self, Form};
use super::run::{Budget, Call, Scope, no_value};
use super::value::{ElementType, Value};
use crate::autograd::Param;
use crate::autograd::{Tape, Var};
use crate::error::{Error, Result};
use crate::formats::onnx::proto::{NodeProto, TensorProto, ValueInfo};
use crate::formats::onnx::tensors::{MOST, bounded, decode, lengths};
use crate::initializers::Zeros;
use crate::layers::Dropout;
use crate::tensor::Tensor;

/// What is written into the description of a model, and read back.
#[derive(Clone, PartialEq, Message)]
pub struct Program {
    #[prost(int64, tag = "1")]
    pub opset: i64,
    #[prost(message, repeated, tag = "2")]
    pub inputs: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "3")]
    pub outputs: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "4")]
    pub steps: Vec<Step>,
    #[prost(message, repeated, tag = "5")]
    pub constants: Vec<TensorProto>,
    #[prost(message, repeated, tag = "6")]
    pub parameters: Vec<Parameter>,
}

/// A node, the activation that it takes over, and the values that nobody needs after it.
#[derive(Clone, PartialEq, Message)]
pub struct Step {
    #[prost(message, required, tag = "1")]
    pub node: NodeProto,
    #[prost(message, optional, tag = "2")]
    pub then: Option<NodeProto>,
    #[prost(string, repeated, tag = "3")]
    pub last: Vec<String>,
}

/// A parameter: the shape of its numbers, and which axis of the graph's value each of their axes is.
#[derive(Clone, PartialEq, Message)]
pub struct Parameter {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int64, repeated, tag = "2")]
    pub shape: Vec<i64>,
    #[prost(int64, repeated, tag = "3")]
    pub order: Vec<i64>,
    #[prost(bool, tag = "4")]
    pub is_state: bool,
}

/// A parameter that is there.
pub struct Weight {
    pub name: String,
    pub param: Param,
    shape: Vec<usize>,
    order: Vec<usize>,
}

/// A program that is ready to run.
pub struct Machine {
    pub program: Program,
    forms: Vec<Option<Form>>,
    constants: HashMap<String, (Tensor, ElementType)>,
    pub weights: Vec<Weight>,
    /// By the place of their step.
    pub dropouts: HashMap<usize, (String, Dropout)>,
}

impl Machine {
    pub fn new(program: Program) -> Result<Self> {
        let form = |step: &Step| match step.node.op_type.as_str() {
            "If" | "Loop" => Ok(None),
            op => operators::form(op, &step.node.domain).map(Some),
        };
        let forms = program.steps.iter().map(form).collect::<Result<_>>()?;
        let constant = |proto: &TensorProto| Ok((proto.name.clone(), decode(proto)?));
        let constants = program.constants.iter().map(constant).collect::<Result<_>>()?;
        let weights = program.parameters.iter().map(Weight::new).collect::<Result<Vec<_>>>()?;
        let dropouts = program.steps.iter().enumerate().filter(|(_, step)| step.node.op_type == "Dropout");
        let dropouts = dropouts.map(|(i, _)| (i, (format!("dropout_{i}"), Dropout::new(0.5)))).collect();
        Ok(Self { forms, constants, weights, dropouts, program })
    }

    /// The outputs for these inputs.
    pub fn run(&self, inputs: &[Var]) -> Result<Vec<Var>> {
        let Program { inputs: infos, outputs, steps, opset, .. } = &self.program;
        if inputs.len() != infos.len() {
            let names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
            return Err(Error::shape(format!(
                "expected the inputs `{}`, got {} inputs",
                names.join("`, `"),
                inputs.len()
            )));
        }
        // A graph of constants has no inputs to say on which tape it is.
        let tape = inputs.first().map_or_else(Tape::inference, |x| x.tape().clone());
        let budget = Budget::of_run();
        let mut scope = Scope::new();
        for (info, x) in infos.iter().zip(inputs) {
            scope.insert(&info.name, Value::new(x.clone(), kind_of(info)?));
        }
        for (name, (value, kind)) in &self.constants {
            scope.insert(name, Value::new(tape.constant(value), *kind));
        }
        for weight in &self.weights {
            scope.insert(&weight.name, Value::parameter(&weight.param, &weight.shape, &weight.order, &tape));
        }
        for (i, step) in steps.iter().enumerate() {
            let dropout = self.dropouts.get(&i).map(|(_, dropout)| dropout);
            let call =
                Call { node: &step.node, then: step.then.as_ref(), dropout, opset: *opset, depth: 0, budget: &budget };
            call.run(self.forms[i], &mut scope, &tape)?;
            step.last.iter().for_each(|name| _ = scope.remove(name.as_str()));
        }
        let output = |info: &ValueInfo| scope.get(info.name.as_str()).ok_or_else(|| no_value(&info.name))?.var();
        outputs.iter().map(output).collect()
    }
}

/// The type of the numbers of an input.
pub fn kind_of(info: &ValueInfo) -> Result<ElementType> {
    let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor.as_ref());
    tensor.map_or(Ok(ElementType::FLOAT), |tensor| ElementType::checked(tensor.elem_type))
}

impl Weight {
    fn new(from: &Parameter) -> Result<Self> {
        let (shape, order) = (lengths(&from.shape)?, lengths(&from.order)?);
        bounded(&shape, MOST)?;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..shape.len()) {
            return Err(Error::value(format!("expected an order of {} axes, got {order:?}", shape.len())));
        }
        let param = if from.is_state { Param::state(Zeros) } else { Param::new(Zeros) };
        let pattern: Vec<Option<usize>> = shape.iter().map(|len| Some(*len)).collect();
        Ok(Self { name: from.name.clone(), param: param.pattern(&pattern), shape, order })
    }
}

/// All names that a node reads, those inside of its graphs too.
pub fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let mut graphs: Vec<_> = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()).collect();
    while let Some(graph) = graphs.pop() {
        names.extend(graph.output.iter().map(|info| info.name.as_str()));
        for node in &graph.node {
            names.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            graphs.extend(node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()));
        }
    }
    names
}
