//! What an operator is given.

use std::any::Any;
use std::sync::OnceLock;

use super::run::Budget;
use super::value::{ElementType, Value, aligned};
use crate::activations::{Activation, Linear};
use crate::autograd::Param;
use crate::autograd::{Tape, Var};
use crate::error::{Error, Result};
use crate::formats::onnx::proto::{Attribute, GraphProto, NodeProto};
use crate::layers::{Dropout, Layer};
use crate::tensor::Float;

pub type Kept = OnceLock<Box<dyn Any + Send + Sync>>;

pub type Outputs = Result<Vec<Value>>;

/// The error of what the crate does not do.
pub fn unsupported(reason: impl std::fmt::Display) -> Error {
    Error::value(format!("is not supported: {reason}"))
}

/// A node with the values of its inputs.
pub struct Node<'a> {
    pub proto: &'a NodeProto,
    /// The activation that follows, as a node of its own.
    pub then: Option<&'a NodeProto>,
    pub inputs: Vec<Option<Value>>,
    pub tape: &'a Tape,
    /// The version of the operators.
    pub opset: i64,
    /// The switch of a dropout.
    pub dropout: Option<&'a Dropout>,
    /// What an operator keeps for the next run.
    pub kept: Option<&'a Kept>,
    /// What may be made.
    pub budget: &'a Budget,
}

impl<'a> Node<'a> {
    pub fn op(&self) -> &'a str {
        &self.proto.op_type
    }

    /// An input that may be absent.
    pub fn get(&self, i: usize) -> Option<&Value> {
        self.inputs.get(i)?.as_ref()
    }

    pub fn value(&self, i: usize) -> Result<&Value> {
        self.get(i).ok_or_else(|| Error::value(format!("expected an input {i}, got none")))
    }

    pub fn var(&self, i: usize) -> Result<Var> {
        self.value(i)?.var()
    }

    /// All inputs that are there.
    pub fn vars(&self) -> Result<Vec<Var>> {
        self.inputs.iter().flatten().map(Value::var).collect()
    }

    pub fn kind(&self) -> ElementType {
        self.get(0).map_or(ElementType::FLOAT, |value| value.kind)
    }

    /// The result, of the type of the first input.
    pub fn one(&self, var: Var) -> Outputs {
        self.typed(var, self.kind())
    }

    pub fn typed(&self, var: Var, kind: ElementType) -> Outputs {
        Ok(vec![Value::new(var, kind)])
    }

    /// Whether this many outputs are asked for.
    pub fn wants(&self, i: usize) -> bool {
        self.proto.output.get(i).is_some_and(|name| !name.is_empty())
    }

    pub fn attribute(&self, name: &str) -> Option<&'a Attribute> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    /// A number of things, such as groups.
    pub fn count(&self, name: &str, default: usize) -> Result<usize> {
        let found = self.attribute(name).map_or(Ok(default), |attribute| usize::try_from(attribute.i));
        found.ok().filter(|count| (1..1 << 24).contains(count)).ok_or_else(|| {
            Error::value(format!("expected `{name}` to be at least 1 and less than 2^24, got {}", self.int(name, 0)))
        })
    }

    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.int(name, i64::from(default)) != 0
    }

    pub fn float(&self, name: &str, default: f32) -> Float {
        self.attribute(name).map_or(default, |attribute| attribute.f) as Float
    }

    pub fn string(&self, name: &str, default: &str) -> String {
        self.attribute(name).map_or_else(|| default.into(), |found| String::from_utf8_lossy(&found.s).into_owned())
    }

    pub fn graph(&self, name: &str) -> Result<&'a GraphProto> {
        let found = self.attribute(name).and_then(|attribute| attribute.g.as_ref());
        found.ok_or_else(|| Error::value(format!("expected a graph `{name}`, got none")))
    }

    /// Whole numbers from an attribute, or from an input as later versions of the operators have it.
    pub fn ints(&self, name: &str, input: usize) -> Result<Option<Vec<i64>>> {
        match self.attribute(name) {
            Some(attribute) => Ok(Some(attribute.ints.clone())),
            None => self.get(input).map(Value::ints).transpose(),
        }
    }

    /// A number from an attribute, or from an input as later versions of the operators have it.
    pub fn number(&self, name: &str, input: usize, default: Float) -> Result<Float> {
        match self.attribute(name) {
            Some(attribute) => Ok(attribute.f as Float),
            None => self.get(input).map_or(Ok(default), Value::number),
        }
    }

    /// The attribute `axis`, counted from the first axis of a value of this rank.
    pub fn axis(&self, default: i64, rank: usize) -> Result<usize> {
        resolved(self.int("axis", default), rank)
    }

    /// The axes of an attribute or an input, counted from the first one.
    pub fn axes(&self, input: usize, rank: usize) -> Result<Option<Vec<usize>>> {
        let axes = self.ints("axes", input)?;
        axes.map(|axes| axes.into_iter().map(|axis| resolved(axis, rank)).collect()).transpose()
    }

    /// Refuses a shape of too many numbers.
    pub fn bounded(&self, shape: &[usize]) -> Result<()> {
        self.budget.bounded(shape)
    }

    /// Values laid out so that they can be computed with place by place, and the order of their axes.
    pub fn aligned(&self, values: &[&Value]) -> Result<(Vec<Var>, Vec<usize>)> {
        aligned(values, self.budget)
    }

    pub fn scalar(&self, number: Float) -> Var {
        self.tape.constant(number)
    }

    /// The activation that follows.
    pub fn activation(&self) -> Result<Box<dyn Activation>> {
        match self.then {
            Some(then) => super::operators::activation(&Node { proto: then, then: None, inputs: Vec::new(), ..*self }),
            None => Ok(Box::new(Linear)),
        }
    }

    /// The input as a parameter for a layer that wants its axes in this order.
    pub fn weight(&self, i: usize, order: &[usize]) -> Result<Weight> {
        let value = self.value(i)?;
        match value.as_parameter(order) {
            Some(param) => Ok(Weight { param: param.clone(), var: None }),
            None => Weight::computed(value.laid(order)?),
        }
    }
}

/// What a layer is to have as a parameter: one of the model, or a value that stands in its place.
pub struct Weight {
    pub param: Param,
    var: Option<Var>,
}

impl Weight {
    pub fn computed(var: Var) -> Result<Self> {
        let param = Param::new(crate::initializers::Zeros);
        param.put((*var.value).clone())?;
        param.freeze();
        Ok(Self { param, var: Some(var) })
    }

    pub fn len(&self) -> usize {
        self.param.known_shape().iter().map(|len| len.unwrap_or(1)).product()
    }
}

/// Runs a layer that has these weights.
pub fn with_weights<R>(tape: &Tape, weights: &[&Weight], forward: &dyn Fn() -> Result<R>) -> Result<R> {
    let Some((first, rest)) = weights.split_first() else { return forward() };
    let Some(var) = first.var.clone() else { return with_weights(tape, rest, forward) };
    tape.with_param(&first.param, move |_| Ok(var.clone()), || with_weights(tape, rest, forward))
}

/// Runs a layer of one input that has these weights.
pub fn forward(layer: &impl Layer, x: &Var, weights: &[&Weight]) -> Result<Var> {
    with_weights(&x.tape().clone(), weights, &|| layer.forward(x))
}

/// Counts a negative axis from the end.
pub fn resolved(axis: i64, rank: usize) -> Result<usize> {
    let found = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    match usize::try_from(found) {
        Ok(found) if found < rank => Ok(found),
        _ => Err(Error::shape(format!("expected an axis of {rank}, got axis {axis}"))),
    }
}
