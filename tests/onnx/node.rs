//! What an operator's mapping is given, and how it may fail.

use gradus::prelude::*;

use super::proto::{Attribute, Graph, NodeProto};
use super::value::{Kind, Value};

/// Why a test does not pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// No mapping in this file.
    Unknown,
    /// What the crate does not do.
    Skip(String),
    /// A wrong result, or an error.
    Wrong(String),
}

impl Failure {
    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

pub(crate) type Outputs = Result<Vec<Value>, Failure>;

/// A node with the values of its inputs.
pub(crate) struct Node<'a> {
    pub proto: &'a NodeProto,
    pub inputs: Vec<Option<Value>>,
    pub tape: &'a Tape,
}

impl<'a> Node<'a> {
    pub(crate) fn op(&self) -> &'a str {
        &self.proto.op_type
    }

    /// An input that may be absent.
    pub(crate) fn get(&self, i: usize) -> Option<&Value> {
        self.inputs.get(i)?.as_ref()
    }

    pub(crate) fn value(&self, i: usize) -> Result<&Value, Failure> {
        self.get(i).ok_or_else(|| Failure::Wrong(format!("{} lacks input {i}", self.op())))
    }

    pub(crate) fn var(&self, i: usize) -> Result<&Var, Failure> {
        Ok(&self.value(i)?.var)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.get(0).map_or(Kind::FLOAT, |value| value.kind)
    }

    /// The result, of the type of the first input.
    pub(crate) fn one(&self, var: Var) -> Outputs {
        self.typed(var, self.kind())
    }

    pub(crate) fn typed(&self, var: Var, kind: Kind) -> Outputs {
        Ok(vec![Value { var, kind }])
    }

    /// Whether this many outputs are asked for.
    pub(crate) fn wants(&self, i: usize) -> bool {
        self.proto.output.get(i).is_some_and(|name| !name.is_empty())
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&'a Attribute> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.int(name, i64::from(default)) != 0
    }

    pub(crate) fn axis(&self, default: isize) -> isize {
        self.int("axis", default as i64) as isize
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> Float {
        self.attribute(name).map_or(default, |attribute| attribute.f) as Float
    }

    pub(crate) fn string(&self, name: &str, default: &str) -> String {
        self.attribute(name).map_or_else(|| default.into(), |found| String::from_utf8_lossy(&found.s).into_owned())
    }

    pub(crate) fn graph(&self, name: &str) -> Result<&'a Graph, Failure> {
        let found = self.attribute(name).and_then(|attribute| attribute.g.as_ref());
        found.ok_or_else(|| Failure::Wrong(format!("{} lacks the graph {name}", self.op())))
    }

    /// Whole numbers from an attribute, or from an input as later versions of the operators have it.
    pub(crate) fn ints(&self, name: &str, input: usize) -> Option<Vec<i64>> {
        self.attribute(name).map(|attribute| attribute.ints.clone()).or_else(|| self.get(input).map(Value::ints))
    }

    pub(crate) fn axes(&self, input: usize) -> Option<Vec<isize>> {
        Some(self.ints("axes", input)?.into_iter().map(|axis| axis as isize).collect())
    }

    pub(crate) fn scalar(&self, number: Float) -> Var {
        self.tape.constant(number)
    }
}

/// Counts a negative axis from the end.
pub(crate) fn resolved(axis: isize, rank: usize) -> usize {
    if axis < 0 { (axis + rank as isize) as usize } else { axis as usize }
}
