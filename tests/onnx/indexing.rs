//! Operators by places.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs, resolved};
use super::value::Value;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    match node.op() {
        "Gather" => node.one(node.var(0)?.take(node.var(1)?, node.axis(0))?),
        "GatherElements" => node.one(node.var(0)?.take_along_axis(node.var(1)?, node.axis(0))?),
        "GatherND" => gather_nd(node),
        "Scatter" | "ScatterElements" => {
            let (x, places, updates) = (node.var(0)?, node.var(1)?, node.var(2)?);
            node.one(scatter(&node.string("reduction", "none"))?(x, places, updates, node.axis(0))?)
        }
        "ScatterND" => scatter_nd(node),
        "OneHot" => {
            let depth = node.value(1)?.ints()[0] as usize;
            let values = node.var(2)?.split(&[1, 1], 0)?;
            let ones = node.var(0)?.one_hot(depth)?;
            let last = ones.shape().len() - 1;
            let mut order: Vec<usize> = (0..last).collect();
            order.insert(resolved(node.axis(-1), last + 1), last);
            node.typed(ones.permute(&order)?.select(&values[1], &values[0])?, node.value(2)?.kind)
        }
        "ReverseSequence" => {
            let (x, counts) = (node.var(0)?, node.value(1)?.ints());
            let (batch, time) = (node.int("batch_axis", 1) as usize, node.int("time_axis", 0) as usize);
            let place = |i: ndarray::IxDyn| {
                let (step, count) = (i[time], counts[i[batch]] as usize);
                if step < count { count - 1 - step } else { step }
            };
            let places = node.tape.constant(ndarray::ArrayD::from_shape_fn(x.shape(), place));
            node.one(x.take_along_axis(&places, time as isize)?)
        }
        "TensorScatter" => {
            let (cache, update) = (node.var(0)?, node.var(1)?);
            let starts = node.get(2).map_or_else(|| vec![0; cache.shape()[0]], Value::ints);
            let axis = resolved(node.axis(-2), cache.shape().len());
            let len = cache.shape()[axis];
            let place = |i: ndarray::IxDyn| (starts[i[0]] as usize + i[axis]) % len;
            let places = node.tape.constant(ndarray::ArrayD::from_shape_fn(update.shape(), place));
            node.one(cache.scatter(&places, update, axis as isize)?)
        }
        "Compress" => {
            let kept: Vec<i64> = node
                .value(1)?
                .ints()
                .into_iter()
                .enumerate()
                .filter(|(_, keep)| *keep != 0)
                .map(|(i, _)| i as i64)
                .collect();
            let places = Value::list(node.tape, &kept).var;
            let x = node.var(0)?;
            match node.attribute("axis") {
                Some(axis) => node.one(x.take(&places, axis.i as isize)?),
                None => node.one(x.reshape(&[x.value().len()])?.take(&places, 0)?),
            }
        }
        _ => Err(Failure::Unknown),
    }
}

type Scatter = fn(&Var, &Var, &Var, isize) -> Result<Var>;

fn scatter(reduction: &str) -> Result<Scatter, Failure> {
    Ok(match reduction {
        "none" => Var::scatter,
        "add" => Var::scatter_add,
        "max" => Var::scatter_max,
        "min" => Var::scatter_min,
        other => return Err(Failure::skip(format!("scattering by {other}"))),
    })
}

/// Lists of indices as indices into the axes that they are for, laid one after the other.
fn flat(indices: &Var, axes: &[usize]) -> Result<Var, Failure> {
    let parts = indices.split(&vec![1; axes.len()], -1)?;
    let mut flat = None;
    for (part, len) in parts.into_iter().zip(axes) {
        let place = part.remainder(&part.tape().constant(*len as Float))?;
        flat = Some(match flat {
            Some(flat) => flat * *len as Float + place,
            None => place,
        });
    }
    Ok(flat.ok_or_else(|| Failure::skip("indices of no axes"))?.remove_axis(-1)?)
}

fn gather_nd(node: &Node<'_>) -> Outputs {
    let (x, indices) = (node.var(0)?, node.var(1)?);
    let batch = node.int("batch_dims", 0) as usize;
    let depth = indices.shape()[indices.shape().len() - 1];
    let shape = x.shape();
    let (rows, axes, rest) = (&shape[..batch], &shape[batch..batch + depth], &shape[batch + depth..]);
    let mut indices = flat(indices, axes)?;
    let (blocks, places): (usize, usize) = (rows.iter().product(), axes.iter().product());
    if batch > 0 {
        let starts = ndarray::ArrayD::from_shape_fn(rows, |i| {
            let i: Vec<usize> = (0..batch).map(|axis| i[axis]).collect();
            i.iter().zip(rows).fold(0, |flat, (i, len)| flat * len + i) * places
        });
        let mut starts = node.tape.constant(starts);
        while starts.shape().len() < indices.shape().len() {
            starts = starts.insert_axis(-1)?;
        }
        indices = indices + starts;
    }
    node.one(x.reshape(&[&[blocks * places][..], rest].concat())?.take(&indices, 0)?)
}

fn scatter_nd(node: &Node<'_>) -> Outputs {
    let (x, indices, updates) = (node.var(0)?, node.var(1)?, node.var(2)?);
    let depth = indices.shape()[indices.shape().len() - 1];
    let (axes, rest) = (&x.shape()[..depth], &x.shape()[depth..]);
    let (places, inner): (usize, usize) = (axes.iter().product(), rest.iter().product());
    let indices = flat(indices, axes)?;
    let count = indices.value().len();
    let indices = indices.reshape(&[count, 1])?.broadcast_to(&[count, inner])?;
    let (rows, updates) = (x.reshape(&[places, inner])?, updates.reshape(&[count, inner])?);
    let y = match &*node.string("reduction", "none") {
        // A factor of 1 everywhere but in one row.
        "mul" => (0..count as isize).try_fold(rows.clone(), |y, i| {
            let row = i as usize..=i as usize;
            let ones = y.detach() * 0.0 + 1.0;
            Ok::<_, Error>(y * ones.scatter(&indices.slice(0, row.clone())?, &updates.slice(0, row)?, 0)?)
        })?,
        reduction => scatter(reduction)?(&rows, &indices, &updates, 0)?,
    };
    node.one(y.reshape(x.shape())?)
}
