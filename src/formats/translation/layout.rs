//! Layouts: how the numbers of parameters stand in the tensors of a file.

use ndarray::{Axis, IxDyn, Slice};

use crate::autograd::Param;
use crate::tensor::{Tensor, data, reshaped, tensor};

/// How parameters stand in tensors. Kernels here are `[lengths.., channels, filters]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As here.
    Same,
    /// The axes in reverse; several parameters are one below the other.
    Reversed,
    /// A kernel as `[filters, channels, lengths..]`.
    Kernel,
    /// A kernel of `[lengths.., channels, filters of each]` as `[channels · filters, 1, lengths..]`.
    Depthwise,
    /// Reversed, the rows of an image of this many channels as channels, height, width.
    Flattened(usize),
    /// Without the axes of length 1 before the last.
    Slopes,
    /// Reversed, the first two of three gates the other way round.
    Gates,
    /// As the sum of two tensors.
    Summed,
    /// As two tensors, one a row, with the gates as above.
    Rows,
    /// A parameter of attention with an axis for the heads, how many of which there are, if that is known.
    #[cfg(feature = "keras")]
    Heads { heads: usize, is_output: bool },
    /// With a number after it, which counts batches and is not needed.
    Counted,
}

impl Layout {
    /// Of the names of a group those that a file must have.
    pub fn needed(self, names: &[String]) -> &[String] {
        if self == Self::Counted { &names[..1] } else { names }
    }

    /// The parameters' values from the file's tensors; `None` if these have other shapes than such parameters give.
    pub fn read(self, file: &[Tensor], params: &[&Param]) -> Option<Vec<Tensor>> {
        let first = file.first()?;
        let rank = first.ndim();
        let one = |value: Option<Tensor>| Some(vec![value?]);
        match self {
            Self::Same | Self::Counted => one(Some(first.clone())),
            #[cfg(feature = "keras")]
            Self::Heads { is_output, .. } => one(Some(joined(first, params.first()?.known_shape().len(), is_output))),
            Self::Reversed => split(&reversed(first), params),
            Self::Gates => one(swapped(&reversed(first))),
            Self::Kernel if rank >= 3 => one(Some(permuted(first, &(2..rank).chain([1, 0]).collect::<Vec<_>>()))),
            Self::Depthwise if rank >= 3 && first.shape()[1] == 1 => {
                let filters = params.first()?.known_shape().last().copied().flatten().filter(|len| *len > 0)?;
                let channels = divided(first.shape()[0], filters)?;
                let apart = reshaped(first, &[&[channels, filters], &first.shape()[2..]].concat());
                one(Some(permuted(&apart, &(2..=rank - 1).chain([0, 1]).collect::<Vec<_>>())))
            }
            Self::Flattened(channels) if rank == 2 => {
                let [units, features] = [first.shape()[0], first.shape()[1]];
                let images = reshaped(first, &[units, channels, divided(features, channels)?]);
                one(Some(reshaped(&permuted(&images, &[2, 1, 0]), &[features, units])))
            }
            Self::Slopes => match params.first()?.shape() {
                Some(shape) if shape.iter().product::<usize>() == first.len() => one(Some(reshaped(first, &shape))),
                _ => one(Some(first.clone())),
            },
            Self::Summed if first.shape() == file.get(1)?.shape() => {
                one(Some(crate::tensor::add_into(first.clone(), file.get(1)?)))
            }
            Self::Rows if rank == 1 && first.shape() == file.get(1)?.shape() => {
                let rows = [data(first), data(file.get(1)?)].concat();
                one(swapped(&tensor(&[2, first.len()], rows)))
            }
            _ => None,
        }
    }

    /// The file's tensors from the parameters' values; `None` if these have a shape that it cannot hold.
    pub fn write(self, values: &[Tensor]) -> Option<Vec<Tensor>> {
        let first = values.first()?;
        let rank = first.ndim();
        let one = |value: Option<Tensor>| Some(vec![value?]);
        match self {
            Self::Same => one(Some(first.clone())),
            Self::Counted => Some(vec![first.clone(), tensor(&[], vec![0.0])]),
            #[cfg(feature = "keras")]
            Self::Heads { heads, is_output } => one(parted(first, heads, is_output)),
            Self::Reversed => {
                let views: Vec<_> = values.iter().map(|value| value.view()).collect();
                one(Some(reversed(&ndarray::concatenate(Axis(rank.checked_sub(1)?), &views).ok()?.into_shared())))
            }
            Self::Gates => one(Some(reversed(&swapped(first)?))),
            Self::Kernel if rank >= 3 => {
                one(Some(permuted(first, &[rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect::<Vec<_>>())))
            }
            Self::Depthwise if rank >= 3 => {
                let apart = permuted(first, &[rank - 2, rank - 1].into_iter().chain(0..rank - 2).collect::<Vec<_>>());
                let shape = apart.shape();
                one(Some(reshaped(&apart, &[&[shape[0] * shape[1], 1], &shape[2..]].concat())))
            }
            Self::Flattened(channels) if rank == 2 => {
                let [features, units] = [first.shape()[0], first.shape()[1]];
                let images = reshaped(first, &[divided(features, channels)?, channels, units]);
                one(Some(reshaped(&permuted(&images, &[2, 1, 0]), &[units, features])))
            }
            Self::Slopes if first.shape().split_last().is_some_and(|(_, rest)| rest.iter().all(|len| *len == 1)) => {
                one(Some(reshaped(first, &[first.len()])))
            }
            Self::Summed => Some(vec![first.clone(), Tensor::zeros(first.shape())]),
            Self::Rows if rank == 2 && first.shape()[0] == 2 => {
                let rows = swapped(first)?;
                let row = |i: usize| standard(&rows.index_axis(Axis(0), i).to_shared());
                Some(vec![row(0), row(1)])
            }
            _ => None,
        }
    }
}

/// Without an axis of the heads, which is the first one of what mixes them, and else before the last one.
#[cfg(feature = "keras")]
fn joined(value: &Tensor, axes: usize, is_output: bool) -> Tensor {
    match *value.shape() {
        [heads, size] if axes == 1 => reshaped(value, &[heads * size]),
        [heads, size, features] if is_output => reshaped(value, &[heads * size, features]),
        [features, heads, size] => reshaped(value, &[features, heads * size]),
        _ => value.clone(),
    }
}

/// With an axis of this many heads.
#[cfg(feature = "keras")]
fn parted(value: &Tensor, heads: usize, is_output: bool) -> Option<Tensor> {
    Some(match *value.shape() {
        [_] if is_output => value.clone(),
        [all] => reshaped(value, &[heads, divided(all, heads)?]),
        [all, features] if is_output => reshaped(value, &[heads, divided(all, heads)?, features]),
        [features, all] => reshaped(value, &[features, heads, divided(all, heads)?]),
        _ => return None,
    })
}

fn divided(len: usize, by: usize) -> Option<usize> {
    (by > 0 && len.is_multiple_of(by)).then(|| len / by)
}

fn standard(value: &Tensor) -> Tensor {
    value.as_standard_layout().into_owned().into_shared()
}

fn permuted(value: &Tensor, axes: &[usize]) -> Tensor {
    standard(&value.clone().permuted_axes(IxDyn(axes)))
}

fn reversed(value: &Tensor) -> Tensor {
    standard(&value.clone().reversed_axes())
}

/// The last axis cut into as much as each parameter has there.
fn split(all: &Tensor, params: &[&Param]) -> Option<Vec<Tensor>> {
    if params.len() == 1 {
        return Some(vec![all.clone()]);
    }
    let last = Axis(all.ndim().checked_sub(1)?);
    let lengths: Option<Vec<usize>> =
        params.iter().map(|param| param.known_shape().last().copied().flatten()).collect();
    let lengths = lengths.filter(|lengths| lengths.iter().sum::<usize>() == all.len_of(last))?;
    let mut start = 0;
    let mut part = |len: usize| {
        start += len;
        standard(&all.slice_axis(last, Slice::from(start - len..start)).to_shared())
    };
    Some(lengths.into_iter().map(&mut part).collect())
}

/// The first two thirds of the last axis the other way round.
fn swapped(value: &Tensor) -> Option<Tensor> {
    let width = *value.shape().last()?;
    let units = divided(width, 3)?;
    let mut numbers = data(value).to_vec();
    numbers.chunks_exact_mut(width.max(1)).for_each(|row| row[..2 * units].rotate_left(units));
    Some(tensor(value.shape(), numbers))
}
