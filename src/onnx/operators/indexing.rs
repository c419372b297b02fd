//! Operators by places.

use super::ElementType;
use super::reduce::inserted_last;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::onnx::node::{Node, Outputs, unsupported};
use crate::onnx::value::Value;
use crate::tensor::{Float, data, tensor};

pub fn gather(node: &Node<'_>) -> Outputs {
    let (x, places) = (node.var(0)?, node.var(1)?);
    let axis = node.axis(0, x.value.ndim())?;
    let mut shape = x.value.shape().to_vec();
    shape[axis] = places.value.len();
    node.bounded(&shape)?;
    node.one(x.take(&places, axis as isize)?)
}

pub fn gather_elements(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    node.one(x.take_along_axis(&node.var(1)?, node.axis(0, x.value.ndim())? as isize)?)
}

pub fn scatter_elements(node: &Node<'_>) -> Outputs {
    let (x, places, updates) = (node.var(0)?, node.var(1)?, node.var(2)?);
    let axis = node.axis(0, x.value.ndim())? as isize;
    node.one(scatter(&node.string("reduction", "none"))?(&x, &places, &updates, axis)?)
}

pub fn one_hot(node: &Node<'_>) -> Outputs {
    let (x, depth) = (node.var(0)?, node.value(1)?.int()?);
    let depth =
        usize::try_from(depth).map_err(|_| Error::value(format!("expected a depth of at least 0, got {depth}")))?;
    node.bounded(&[x.value.len(), depth])?;
    let values = node.var(2)?.split(&[1, 1], 0)?;
    let ones = x.one_hot(depth)?;
    let rank = ones.value.ndim();
    let ones = ones.permute(&inserted_last(node.axis(-1, rank)?, rank))?;
    node.typed(ones.select(&values[1], &values[0])?, node.value(2)?.kind)
}

pub fn reverse_sequence(node: &Node<'_>) -> Outputs {
    let (x, counts) = (node.var(0)?, node.value(1)?.ints()?);
    let (batch, time) = (node.int("batch_axis", 1), node.int("time_axis", 0));
    let shape = x.value.shape();
    let at = |axis: i64| super::super::node::resolved(axis, shape.len());
    let (batch, time) = (at(batch)?, at(time)?);
    if counts.len() != shape[batch] {
        return Err(Error::shape(format!(
            "expected a length for each of {} sequences, got {}",
            shape[batch],
            counts.len()
        )));
    }
    let place = |i: ndarray::IxDyn| {
        let (step, count) = (i[time], usize::try_from(counts[i[batch]]).unwrap_or(0).min(shape[time]));
        (if step < count { count - 1 - step } else { step }) as Float
    };
    let places = node.tape.constant(ndarray::ArrayD::from_shape_fn(shape, place));
    node.one(x.take_along_axis(&places, time as isize)?)
}

pub fn tensor_scatter(node: &Node<'_>) -> Outputs {
    let (cache, update) = (node.var(0)?, node.var(1)?);
    let (shape, own) = (cache.value.shape(), update.value.shape());
    let axis = node.axis(-2, shape.len())?;
    let starts = node.get(2).map_or_else(|| Ok(vec![0; shape[0]]), Value::ints)?;
    if own.len() != shape.len() || starts.len() < own[0] {
        return Err(Error::shape(format!("expected an update of the axes of {shape:?}, got {own:?}")));
    }
    let len = shape[axis].max(1);
    let place = |i: ndarray::IxDyn| ((usize::try_from(starts[i[0]]).unwrap_or(0) % len + i[axis]) % len) as Float;
    let places = node.tape.constant(ndarray::ArrayD::from_shape_fn(own, place));
    node.one(cache.scatter(&places, &update, axis as isize)?)
}

pub fn compress(node: &Node<'_>) -> Outputs {
    let keeps = node.value(1)?.ints()?;
    let kept: Vec<i64> = (0..).zip(keeps).filter(|(_, keep)| *keep != 0).map(|(i, _)| i).collect();
    let (x, places) = (node.var(0)?, Value::list(node.tape, &kept).var()?);
    match node.attribute("axis") {
        Some(_) => node.one(x.take(&places, node.axis(0, x.value.ndim())? as isize)?),
        None => node.one(x.reshape(&[x.value.len()])?.take(&places, 0)?),
    }
}

/// The places of all numbers other than 0, a column for each.
pub fn non_zero(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    x.mark_inspected();
    let shape = x.value.shape();
    let found: Vec<usize> = (0..).zip(data(&x.value)).filter(|(_, x)| **x != 0.0).map(|(i, _)| i).collect();
    let mut rows = Vec::with_capacity(shape.len() * found.len());
    for axis in 0..shape.len() {
        let step: usize = shape[axis + 1..].iter().product();
        rows.extend(found.iter().map(|i| (i / step % shape[axis]) as Float));
    }
    node.typed(node.tape.constant(tensor(&[shape.len(), found.len()], rows)), ElementType::INT64)
}

type Scatter = fn(&Var, &Var, &Var, isize) -> Result<Var>;

fn scatter(reduction: &str) -> Result<Scatter> {
    Ok(match reduction {
        "none" => Var::scatter,
        "add" => Var::scatter_add,
        "max" => Var::scatter_max,
        "min" => Var::scatter_min,
        "mul" => scatter_product,
        other => return Err(unsupported(format_args!("scattering by {other}"))),
    })
}

/// A factor of 1 everywhere but in the places of one step along the axis.
fn scatter_product(x: &Var, indices: &Var, updates: &Var, axis: isize) -> Result<Var> {
    let len = indices.value.shape().get(axis as usize).copied().unwrap_or(0);
    let mut y = x.clone();
    for i in 0..len {
        let ones = y.detach() * 0.0 + 1.0;
        y = &y * ones.scatter(&indices.slice(axis, i..=i)?, &updates.slice(axis, i..=i)?, axis)?;
    }
    Ok(y)
}

/// Lists of indices as indices into the axes that they are for, laid one after the other.
fn flat(indices: &Var, axes: &[usize]) -> Result<Var> {
    let parts = indices.split(&vec![1; axes.len()], -1)?;
    let mut flat: Option<Var> = None;
    for (part, len) in parts.into_iter().zip(axes) {
        let place = part.remainder(&part.tape().constant(*len as Float))?;
        flat = Some(match flat {
            Some(flat) => flat * *len as Float + place,
            None => place,
        });
    }
    flat.ok_or_else(|| unsupported("indices of no axes"))?.remove_axis(-1)
}

/// How many axes each list of indices is for.
fn depth(indices: &Var, rank: usize) -> Result<usize> {
    let depth = indices.value.shape().last().copied().unwrap_or(0);
    match (1..=rank).contains(&depth) {
        true => Ok(depth),
        false => Err(Error::shape(format!(
            "expected indices into 1 to {rank} axes, got the shape {:?}",
            indices.value.shape()
        ))),
    }
}

pub fn gather_nd(node: &Node<'_>) -> Outputs {
    let (x, indices) = (node.var(0)?, node.var(1)?);
    let shape = x.value.shape().to_vec();
    let batch = usize::try_from(node.int("batch_dims", 0)).ok().filter(|batch| *batch < shape.len());
    let batch = batch.ok_or_else(|| Error::value("expected fewer axes of the batch than there are"))?;
    let depth = depth(&indices, shape.len() - batch)?;
    let (rows, axes, rest) = (&shape[..batch], &shape[batch..batch + depth], &shape[batch + depth..]);
    if indices.value.shape().get(..batch) != Some(rows) {
        return Err(Error::shape(format!(
            "expected indices that begin with {rows:?}, got {:?}",
            indices.value.shape()
        )));
    }
    let mut indices = flat(&indices, axes)?;
    let (blocks, places): (usize, usize) = (rows.iter().product(), axes.iter().product());
    if batch > 0 {
        let starts: Vec<Float> = (0..blocks).map(|block| (block * places) as Float).collect();
        let mut starts = node.tape.constant(tensor(rows, starts));
        while starts.value.ndim() < indices.value.ndim() {
            starts = starts.insert_axis(-1)?;
        }
        indices = indices + starts;
    }
    node.bounded(&[&[indices.value.len()][..], rest].concat())?;
    node.one(x.reshape(&[&[blocks * places][..], rest].concat())?.take(&indices, 0)?)
}

pub fn scatter_nd(node: &Node<'_>) -> Outputs {
    let (x, indices, updates) = (node.var(0)?, node.var(1)?, node.var(2)?);
    let depth = depth(&indices, x.value.ndim())?;
    let (axes, rest) = (&x.value.shape()[..depth], &x.value.shape()[depth..]);
    let (places, inner): (usize, usize) = (axes.iter().product(), rest.iter().product());
    let indices = flat(&indices, axes)?;
    let count = indices.value.len();
    node.bounded(&[count, inner])?;
    let indices = indices.reshape(&[count, 1])?.broadcast_to(&[count, inner])?;
    let (rows, updates) = (x.reshape(&[places, inner])?, updates.reshape(&[count, inner])?);
    node.one(scatter(&node.string("reduction", "none"))?(&rows, &indices, &updates, 0)?.reshape(x.value.shape())?)
}
