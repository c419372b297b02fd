//! The values of a graph as variables. All numbers travel as `Float`; what they were in the file is remembered.

use std::sync::Arc;

use super::run::Budget;
use crate::autograd::{Param, Tape, Var};
use crate::error::{Error, Result};
pub(crate) use crate::formats::onnx::ElementType;
use crate::tensor::{Float, data};

/// Where the numbers of a value are.
#[derive(Clone)]
enum Source {
    Var(Var),
    Param(Param, Arc<[usize]>, Tape),
}

/// A value of the graph. Its axes may lie in another order than the graph's, so that a transposition costs nothing, and
/// images keep their channels last from one convolution to the next.
#[derive(Clone)]
pub struct Value {
    source: Source,
    /// Which axis of the graph's value each axis of the numbers is; `None` if they are the same.
    order: Option<Arc<[usize]>>,
    pub kind: ElementType,
}

impl Value {
    pub fn new(var: Var, kind: ElementType) -> Self {
        Self { source: Source::Var(var), order: None, kind }
    }

    pub fn parameter(param: &Param, shape: Arc<[usize]>, order: Option<Arc<[usize]>>, tape: &Tape) -> Self {
        Self { source: Source::Param(param.clone(), shape, tape.clone()), order, kind: ElementType::FLOAT }
    }

    /// Numbers whose axis `i` is axis `order[i]` of the value.
    pub fn ordered(var: Var, order: Vec<usize>, kind: ElementType) -> Self {
        Self { source: Source::Var(var), order: normal(order), kind }
    }

    /// A list of whole numbers.
    pub fn list(tape: &Tape, numbers: &[i64]) -> Self {
        let array = ndarray::Array1::from_iter(numbers.iter().map(|n| *n as Float));
        Self::new(tape.constant(array), ElementType::INT64)
    }

    /// The parameter that this value is, if its axes lie in this order.
    pub fn as_parameter(&self, order: &[usize]) -> Option<&Param> {
        match &self.source {
            Source::Param(param, ..) if self.order() == order => Some(param),
            _ => None,
        }
    }

    /// The numbers in whatever order they lie.
    fn stored(&self) -> Result<Var> {
        match &self.source {
            Source::Var(var) => Ok(var.clone()),
            Source::Param(param, shape, tape) => param.on(&tape.constant(0.0), shape),
        }
    }

    /// Without computing a value that waits to become a part of the next operation.
    fn stored_shape(&self) -> Vec<usize> {
        match &self.source {
            Source::Var(var) => var.value.lengths(),
            Source::Param(_, shape, _) => shape.to_vec(),
        }
    }

    pub fn order(&self) -> Vec<usize> {
        self.order.as_ref().map_or_else(|| (0..self.rank()).collect(), |order| order.to_vec())
    }

    pub fn rank(&self) -> usize {
        self.stored_shape().len()
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.stored_shape().iter().product()
    }

    /// The lengths of the value's axes.
    pub fn shape(&self) -> Vec<usize> {
        let stored = self.stored_shape();
        let mut shape = stored.clone();
        for (len, axis) in stored.iter().zip(self.order.iter().flat_map(|order| order.iter())) {
            shape[*axis] = *len;
        }
        shape
    }

    /// The numbers, laid out as the graph has them.
    pub fn var(&self) -> Result<Var> {
        match &self.order {
            None => self.stored(),
            Some(_) => self.laid(&(0..self.rank()).collect::<Vec<_>>()),
        }
    }

    /// The numbers with their axes in this order.
    pub fn laid(&self, want: &[usize]) -> Result<Var> {
        let own = self.order();
        let places: Option<Vec<usize>> = want.iter().map(|axis| own.iter().position(|known| known == axis)).collect();
        let places = places.filter(|places| places.len() == own.len()).ok_or_else(|| {
            Error::shape(format!("expected a value of {} axes, got one of shape {:?}", want.len(), self.shape()))
        })?;
        let var = self.stored()?;
        match normal(places.clone()) {
            None => Ok(var),
            Some(_) => var.permute(&places),
        }
    }

    /// This value with its axis `axes[i]` as axis `i`; no number is moved.
    pub fn permuted(&self, axes: &[usize]) -> Result<Self> {
        let own = self.order();
        let moved: Option<Vec<usize>> = own.iter().map(|axis| axes.iter().position(|from| from == axis)).collect();
        match moved.filter(|_| axes.len() == own.len()) {
            Some(order) => Ok(Self { order: normal(order), ..self.clone() }),
            None => {
                Err(Error::shape(format!("expected an order of the axes of shape {:?}, got {axes:?}", self.shape())))
            }
        }
    }

    /// The numbers, read out: what follows may be another function of each batch.
    pub fn numbers(&self) -> Result<Vec<Float>> {
        let var = self.var()?;
        var.mark_inspected();
        Ok(data(&var.value).to_vec())
    }

    /// The first number.
    pub fn number(&self) -> Result<Float> {
        self.numbers()?.first().copied().ok_or_else(|| Error::shape("expected a number, got none"))
    }

    pub fn ints(&self) -> Result<Vec<i64>> {
        Ok(self.numbers()?.into_iter().map(|x| x as i64).collect())
    }

    pub fn int(&self) -> Result<i64> {
        Ok(self.number()? as i64)
    }
}

/// An order, unless it is the one that all axes have anyway.
pub fn normal(order: Vec<usize>) -> Option<Arc<[usize]>> {
    (!order.iter().enumerate().all(|(i, axis)| i == *axis)).then(|| order.into())
}

/// The numbers of several values, laid out so that they can be computed with place by place, and the order of the axes that
/// all have.
///
/// # Errors
/// shapes that do not broadcast, or give too many numbers
pub fn aligned(values: &[&Value], budget: &Budget) -> Result<(Vec<Var>, Vec<usize>)> {
    let rank = values.iter().map(|value| value.rank()).max().unwrap_or(0);
    let shapes: Vec<Vec<usize>> = values.iter().map(|value| value.shape()).collect();
    let mut all = vec![1; rank];
    for shape in &shapes {
        for (own, len) in all[rank - shape.len()..].iter_mut().zip(shape) {
            match (*own, *len) {
                (1, len) => *own = len,
                (own, len) if own == len || len == 1 => {}
                _ => return Err(Error::shape(format!("expected shapes that broadcast, got {shapes:?}"))),
            }
        }
    }
    budget.bounded(&all)?;
    // The largest value keeps its order.
    let count = |value: &&&Value| value.stored_shape().iter().product::<usize>();
    let largest = values.iter().filter(|value| value.rank() == rank).max_by_key(count);
    let order = largest.map_or_else(Vec::new, |value| value.order());
    let is_plain = normal(order.clone()).is_none();
    let lay = |value: &&Value| {
        if value.stored_shape().iter().all(|len| *len == 1) {
            return value.stored();
        }
        if value.rank() == rank {
            return value.laid(&order);
        }
        let mut var = value.var()?;
        if is_plain {
            return Ok(var);
        }
        for _ in value.rank()..rank {
            var = var.insert_axis(0)?;
        }
        var.permute(&order)
    };
    Ok((values.iter().map(lay).collect::<Result<_>>()?, order))
}
