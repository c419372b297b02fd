//! A graph after import: what is left to compute, the numbers that stay as they are, and the parameters.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;

use super::node::Kept;
use super::operators::{self, Form};
use super::run::{Budget, Call, Scope, label, no_value};
use super::value::{ElementType, Value, normal};
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
    shape: Arc<[usize]>,
    order: Option<Arc<[usize]>>,
}

/// A step that is ready to run: where its values are among all of the graph.
struct Ready {
    /// `None` for a node that holds graphs.
    form: Option<Form>,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// What the graphs in its node may read.
    around: Vec<(String, usize)>,
    last: Vec<usize>,
    kept: Kept,
}

/// A program that is ready to run. Values have numbers instead of names: first the constants, then the parameters, the inputs, and what
/// each step gives.
pub struct Machine {
    pub program: Program,
    steps: Vec<Ready>,
    outputs: Vec<usize>,
    /// How many values there are.
    count: usize,
    constants: Vec<(Tensor, ElementType)>,
    pub weights: Vec<Weight>,
    /// By the place of their step.
    pub dropouts: HashMap<usize, (String, Dropout)>,
}

impl Machine {
    pub fn new(program: Program) -> Result<Self> {
        let constants = program.constants.iter().map(decode).collect::<Result<_>>()?;
        let weights = program.parameters.iter().map(Weight::new).collect::<Result<Vec<_>>>()?;
        let dropouts = program.steps.iter().enumerate().filter(|(_, step)| step.node.op_type == "Dropout");
        let dropouts = dropouts.map(|(i, _)| (i, (format!("dropout_{i}"), Dropout::new(0.5)))).collect();
        let mut places = Places::default();
        program.constants.iter().for_each(|proto| places.add(&proto.name));
        program.parameters.iter().for_each(|parameter| places.add(&parameter.name));
        program.inputs.iter().for_each(|info| places.add(&info.name));
        let steps = program.steps.iter().map(|step| Ready::new(step, &mut places)).collect::<Result<_>>()?;
        let outputs = program.outputs.iter().map(|info| places.find(&info.name)).collect::<Result<_>>()?;
        let count = places.count;
        Ok(Self { steps, outputs, count, constants, weights, dropouts, program })
    }

    /// The outputs for these inputs.
    pub fn run(&self, inputs: &[Var]) -> Result<Vec<Var>> {
        let Program { inputs: infos, steps, opset, .. } = &self.program;
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
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.count);
        values.extend(self.constants.iter().map(|(value, kind)| Some(Value::new(tape.constant(value), *kind))));
        let parameter =
            |weight: &Weight| Value::parameter(&weight.param, weight.shape.clone(), weight.order.clone(), &tape);
        values.extend(self.weights.iter().map(|weight| Some(parameter(weight))));
        for (info, x) in infos.iter().zip(inputs) {
            values.push(Some(Value::new(x.clone(), kind_of(info)?)));
        }
        values.resize(self.count, None);
        for (i, (step, ready)) in steps.iter().zip(&self.steps).enumerate() {
            let dropout = self.dropouts.get(&i).map(|(_, dropout)| dropout);
            let (node, then, kept) = (&step.node, step.then.as_ref(), Some(&ready.kept));
            let call = Call { node, then, dropout, kept, opset: *opset, depth: 0, budget: &budget };
            let around = ready.around.iter().filter_map(|(name, place)| Some((name.as_str(), values[*place].clone()?)));
            let scope: Scope<'_> = around.collect();
            let inputs = ready.inputs.iter().map(|place| values[(*place)?].clone()).collect();
            let given = call.outputs(ready.form, inputs, &scope, &tape)?;
            for (place, value) in ready.outputs.iter().zip(given) {
                place.iter().for_each(|place| values[*place] = Some(value.clone()));
            }
            ready.last.iter().for_each(|place| values[*place] = None);
        }
        let output =
            |(place, info): (&usize, &ValueInfo)| values[*place].as_ref().ok_or_else(|| no_value(&info.name))?.var();
        self.outputs.iter().zip(&self.program.outputs).map(output).collect()
    }
}

/// The numbers of values, by their names.
#[derive(Default)]
struct Places<'p> {
    known: HashMap<&'p str, usize>,
    count: usize,
}

impl<'p> Places<'p> {
    fn add(&mut self, name: &'p str) {
        self.known.insert(name, self.count);
        self.count += 1;
    }

    fn find(&self, name: &str) -> Result<usize> {
        self.known.get(name).copied().ok_or_else(|| no_value(name))
    }
}

impl Ready {
    fn new<'p>(step: &'p Step, places: &mut Places<'p>) -> Result<Self> {
        let Step { node, then, last } = step;
        let holds_graphs = matches!(&*node.op_type, "If" | "Loop");
        let form = if holds_graphs { None } else { Some(operators::form(&node.op_type, &node.domain)?) };
        let place = |name: &String| if name.is_empty() { Ok(None) } else { places.find(name).map(Some) };
        let inputs = node.input.iter().map(place).collect::<Result<_>>().map_err(|error| error.within(&label(node)))?;
        let mut around = Vec::new();
        for name in reads(node).into_iter().filter(|_| holds_graphs) {
            around.extend(places.known.get(name).map(|place| (name.to_owned(), *place)));
        }
        let mut outputs = Vec::new();
        for name in &then.as_ref().unwrap_or(node).output {
            outputs.push((!name.is_empty()).then_some(places.count));
            places.add(name);
        }
        let last = last.iter().filter_map(|name| places.known.get(name.as_str()).copied()).collect();
        Ok(Self { form, inputs, outputs, around, last, kept: Kept::new() })
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
        let param = param.pattern(&pattern);
        Ok(Self { name: from.name.clone(), param, shape: shape.into(), order: normal(order) })
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
