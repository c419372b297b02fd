//! Operators that slide a window: convolutions and pools. ONNX has channels in axis 1, layers have them last.

use super::ElementType;
use super::layers::{channels_last, last};
use crate::autograd::{Param, Var};
use crate::error::{Error, Result};
use crate::formats::onnx::tensors::lengths;
use crate::layers::{
    AvgPool, Conv, ConvTranspose, Fold, GlobalAvgPool1d, GlobalAvgPool2d, GlobalAvgPool3d, GlobalMaxPool1d,
    GlobalMaxPool2d, GlobalMaxPool3d, Layer, MaxPool, MaxUnpool, Padding, Size,
};
use crate::onnx::node::{Node, Outputs, Weight, unsupported};
use crate::onnx::value::Value;
use crate::ops::PadMode;
use crate::tensor::Float;

/// No size, stride, dilation or padding is longer.
const LONGEST: usize = 1 << 16;

pub fn run(node: &Node<'_>) -> Outputs {
    let rank = if node.op() == "Col2Im" {
        2 + node.value(1)?.shape().iter().product::<usize>()
    } else {
        node.value(0)?.rank()
    };
    match rank {
        3 => window::<1>(node),
        4 => window::<2>(node),
        5 => window::<3>(node),
        _ => Err(unsupported("windows over more than three axes")),
    }
}

/// The settings that all windows have.
struct Settings<const N: usize> {
    input: [usize; N],
    size: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
}

/// A list of an attribute, one number for each axis or two.
fn list(node: &Node<'_>, name: &str, count: usize) -> Result<Option<Vec<usize>>> {
    let Some(found) = node.attribute(name) else { return Ok(None) };
    let numbers = lengths(&found.ints)?;
    match numbers.len() == count && numbers.iter().all(|number| *number <= LONGEST) {
        true => Ok(Some(numbers)),
        false => {
            Err(Error::value(format!("expected {count} numbers of at most {LONGEST} as `{name}`, got {numbers:?}")))
        }
    }
}

fn sizes<const N: usize>(node: &Node<'_>, name: &str, default: [usize; N]) -> Result<[usize; N]> {
    let found = list(node, name, N)?.map(|list| std::array::from_fn(|i| list[i]));
    let found = found.unwrap_or(default);
    if found.contains(&0) {
        return Err(Error::value(format!("expected `{name}` to be at least 1, got {found:?}")));
    }
    Ok(found)
}

fn axes_of<const N: usize>(shape: &[usize]) -> Result<[usize; N]> {
    let rest = shape.get(2..).and_then(|rest| <[usize; N]>::try_from(rest).ok());
    rest.ok_or_else(|| Error::shape(format!("expected {} axes, got the shape {shape:?}", N + 2)))
}

impl<const N: usize> Settings<N> {
    fn new(node: &Node<'_>) -> Result<Self> {
        let (stride, dilation) = (sizes(node, "strides", [1; N])?, sizes(node, "dilations", [1; N])?);
        if node.op() == "Col2Im" {
            let list = |i: usize| -> Result<[usize; N]> {
                let found = lengths(&node.value(i)?.ints()?)?;
                let short = found.iter().all(|len| (1..=LONGEST).contains(len));
                let found = <[usize; N]>::try_from(found).ok().filter(|_| short);
                found.ok_or_else(|| Error::value(format!("expected {N} lengths of at most {LONGEST}")))
            };
            return Ok(Self { input: list(1)?, size: list(2)?, stride, dilation });
        }
        let input = axes_of(&node.value(0)?.shape())?;
        let kernel = match (node.op(), node.get(1)) {
            ("Conv" | "ConvTranspose", Some(kernel)) => axes_of(&kernel.shape())?,
            _ => [1; N],
        };
        let size = sizes(node, "kernel_shape", kernel)?;
        if matches!(node.op(), "Conv" | "ConvTranspose") && size != kernel {
            return Err(Error::value(format!("expected the `kernel_shape` of the kernel, {kernel:?}, got {size:?}")));
        }
        Ok(Self { input, size, stride, dilation })
    }

    fn reach(&self, i: usize) -> usize {
        (self.size[i] - 1).saturating_mul(self.dilation[i]) + 1
    }

    fn padding(&self, node: &Node<'_>) -> Result<Padding<N>> {
        Ok(match &*node.string("auto_pad", "NOTSET") {
            "VALID" => Padding::Valid,
            "SAME_UPPER" => Padding::Same,
            "SAME_LOWER" => Padding::Explicit(std::array::from_fn(|i| {
                let wanted = (self.input[i].div_ceil(self.stride[i]).max(1) - 1) * self.stride[i] + self.reach(i);
                let missing = wanted.saturating_sub(self.input[i]);
                [missing - missing / 2, missing / 2]
            })),
            _ => Padding::Explicit(self.explicit(node)?),
        })
    }

    fn explicit(&self, node: &Node<'_>) -> Result<[[usize; 2]; N]> {
        let pads = list(node, "pads", 2 * N)?.unwrap_or_else(|| vec![0; 2 * N]);
        let pads = std::array::from_fn(|i| [pads[i], pads[i + N]]);
        let padded: Vec<usize> = (0..N).map(|i| self.input[i].saturating_add(pads[i][0] + pads[i][1])).collect();
        node.bounded(&padded)?;
        Ok(pads)
    }

    /// What a transposed convolution takes away from its output, and how many cells it adds at the end.
    fn taken(&self, node: &Node<'_>) -> Result<([[usize; 2]; N], [usize; N])> {
        let auto = node.string("auto_pad", "NOTSET");
        let given = match node.attribute("output_shape") {
            Some(found) if found.ints.len() >= N => Some(lengths(&found.ints[found.ints.len() - N..])?),
            _ => None,
        };
        let extra = list(node, "output_padding", N)?.unwrap_or_else(|| vec![0; N]);
        let mut extra: [usize; N] = std::array::from_fn(|i| extra[i]);
        if given.is_none() && !auto.starts_with("SAME") {
            let pads = list(node, "pads", 2 * N)?.unwrap_or_else(|| vec![0; 2 * N]);
            return Ok((std::array::from_fn(|i| [pads[i], pads[i + N]]), extra));
        }
        let taken = std::array::from_fn(|i| {
            let full = self.full(i) + extra[i];
            let wanted = given.as_ref().map_or(self.input[i].saturating_mul(self.stride[i]), |given| given[i]);
            extra[i] += wanted.saturating_sub(full);
            let total = full.saturating_sub(wanted);
            let half = total / 2;
            if auto == "SAME_UPPER" { [half, total - half] } else { [total - half, half] }
        });
        Ok((taken, extra))
    }

    /// The length of a transposed convolution's output before anything is taken away.
    fn full(&self, i: usize) -> usize {
        self.stride[i].saturating_mul(self.input[i].max(1) - 1).saturating_add(self.reach(i))
    }
}

fn window<const N: usize>(node: &Node<'_>) -> Outputs
where
    [usize; N]: Size<N>,
{
    if let Some(layer) = kept::<N>(node) {
        return convolved(node, layer, &[]);
    }
    let settings = Settings::<N>::new(node)?;
    let Settings { size, stride, dilation, .. } = settings;
    match node.op() {
        "Conv" => convolution(node, &settings),
        "ConvTranspose" => transposed(node, &settings),
        "Col2Im" => fold(node, &settings),
        "MaxUnpool" => unpool(node, &settings),
        "MaxPool" => {
            let (padding, ceil) = (settings.padding(node)?, node.flag("ceil_mode", false));
            let pool = MaxPool::<N>::new(size).strides(stride).dilation_rate(dilation).padding(padding).ceil_mode(ceil);
            if node.wants(1) { with_indices(node, &pool) } else { channels_last(node, &pool, &[]) }
        }
        _ => {
            let pool = AvgPool::<N>::new(size)
                .strides(stride)
                .dilation_rate(dilation)
                .padding(settings.padding(node)?)
                .ceil_mode(node.flag("ceil_mode", false));
            if node.op() == "AveragePool" {
                return channels_last(node, &pool.count_padding(node.flag("count_include_pad", false)), &[]);
            }
            let order = last(N + 2);
            let p = node.int("p", 2) as Float;
            let count = size.iter().product::<usize>() as Float;
            let powers = node.value(0)?.laid(&order)?.abs().powf(p);
            let y = (pool.count_padding(true).forward(&powers)? * count).powf(1.0 / p);
            Ok(vec![Value::ordered(y, order, node.kind())])
        }
    }
}

/// The order in which layers have the axes of a kernel.
pub fn kernel_order(rank: usize) -> Vec<usize> {
    (2..rank).chain([1, 0]).collect()
}

fn convolution<const N: usize>(node: &Node<'_>, settings: &Settings<N>) -> Outputs
where
    [usize; N]: Size<N>,
{
    let kernel = node.weight(1, &kernel_order(N + 2))?;
    let bias = node.get(2).map(|_| node.weight(2, &[0])).transpose()?;
    let filters = node.value(1)?.shape()[0];
    let padding = settings.padding(node)?;
    let mut layer = Conv::<N>::new(filters, settings.size)
        .strides(settings.stride)
        .dilation_rate(settings.dilation)
        .padding(padding)
        .groups(node.count("group", 1)?)
        .use_bias(bias.is_some());
    layer.kernel = kernel.param.clone();
    layer.activation = node.activation()?;
    let mut weights = vec![&kernel];
    if let Some(bias) = &bias {
        layer.bias = bias.param.clone();
        weights.push(bias);
    }
    let y = convolved(node, &layer, &weights)?;
    // The one padding that follows from the input.
    if let Some(place) = node.kept.filter(|_| node.string("auto_pad", "NOTSET") != "SAME_LOWER") {
        _ = place.set(Box::new(layer));
    }
    Ok(y)
}

/// The layer of an earlier run, if its weights are the same parameters. To look up attributes again costs more than a small convolution.
fn kept<'n, const N: usize>(node: &'n Node<'_>) -> Option<&'n Conv<N>> {
    let layer: &Conv<N> = node.kept?.get()?.downcast_ref()?;
    let is = |i: usize, order: &[usize], own: &Param| {
        node.get(i)?.as_parameter(order).filter(|param| param.id() == own.id())
    };
    is(1, &kernel_order(N + 2), &layer.kernel)?;
    if layer.use_bias {
        is(2, &[0], &layer.bias)?;
    }
    Some(layer)
}

fn convolved<const N: usize>(node: &Node<'_>, layer: &Conv<N>, weights: &[&Weight]) -> Outputs
where
    [usize; N]: Size<N>,
{
    let shape = node.value(0)?.shape();
    let input = axes_of::<N>(&shape)?;
    let mut most = vec![shape[0], layer.filters];
    for i in 0..N {
        let padded = match layer.padding {
            Padding::Explicit(pads) => input[i] + pads[i][0] + pads[i][1],
            _ => input[i] + layer.strides[i],
        };
        most.push(padded / layer.strides[i] + 1);
    }
    node.bounded(&most)?;
    channels_last(node, layer, weights)
}

fn transposed<const N: usize>(node: &Node<'_>, settings: &Settings<N>) -> Outputs
where
    [usize; N]: Size<N>,
{
    let (taken, extra) = settings.taken(node)?;
    let (groups, shape) = (node.count("group", 1)?, node.value(1)?.shape());
    let filters = shape[1].saturating_mul(groups);
    let full: Vec<usize> = (0..N).map(|i| settings.full(i).saturating_add(extra[i])).collect();
    node.bounded(&[&[node.value(0)?.shape()[0], filters][..], &full].concat())?;
    let kernel = node.weight(1, &kernel_order(N + 2))?;
    let bias = node.get(2).map(|_| node.weight(2, &[0])).transpose()?;
    let mut layer = ConvTranspose::<N>::new(filters, settings.size)
        .strides(settings.stride)
        .dilation_rate(settings.dilation)
        .groups(groups)
        .padding(Padding::Explicit(taken))
        .output_padding(extra)
        .use_bias(bias.is_some());
    layer.kernel = kernel.param.clone();
    layer.activation = node.activation()?;
    let mut weights: Vec<&Weight> = vec![&kernel];
    if let Some(bias) = &bias {
        layer.bias = bias.param.clone();
        weights.push(bias);
    }
    channels_last(node, &layer, &weights)
}

/// ONNX counts cells from the first of all images and channels; a layer from the first of each image.
fn planes(node: &Node<'_>, shape: &[usize], cells: usize) -> Result<Var> {
    let (batch, channels) = (shape[0], shape[shape.len() - 1]);
    let starts = ndarray::Array2::from_shape_fn((batch, channels), |(i, c)| ((i * channels + c) * cells) as Float);
    let mut starts = node.tape.constant(starts);
    while starts.value.ndim() < shape.len() {
        starts = starts.insert_axis(1)?;
    }
    Ok(starts)
}

fn with_indices<const N: usize>(node: &Node<'_>, pool: &MaxPool<N>) -> Outputs {
    let order = last(N + 2);
    let x = node.value(0)?.laid(&order)?;
    x.mark_inspected();
    let (y, indices) = pool.forward_with_indices(&x)?;
    let lengths = &x.value.shape()[1..=N];
    let indices = if node.flag("storage_order", false) && N == 2 {
        // The first axis of an image counts fastest.
        let (row, width) = ((&indices / lengths[1] as Float).floor(), lengths[1] as Float);
        (&indices - &row * width) * lengths[0] as Float + row
    } else {
        indices
    };
    let indices = &indices + planes(node, y.value.shape(), lengths.iter().product())?;
    Ok(vec![Value::ordered(y, order.clone(), node.kind()), Value::ordered(indices, order, ElementType::INT64)])
}

fn unpool<const N: usize>(node: &Node<'_>, settings: &Settings<N>) -> Outputs
where
    [usize; N]: Size<N>,
{
    let full: Vec<usize> = (0..N).map(|i| settings.full(i)).collect();
    node.bounded(&[&node.value(0)?.shape()[..2], &full].concat())?;
    let layer = MaxUnpool::<N>::new(settings.size).strides(settings.stride).padding(settings.padding(node)?);
    let order = last(N + 2);
    let (x, indices) = (node.value(0)?.laid(&order)?, node.value(1)?.laid(&order)?);
    // The indices are those of the lengths that the windows give, in whatever lengths the output has.
    let given = layer.forward(&(x.clone(), &indices * 0.0))?.value.shape()[1..=N].to_vec();
    let indices = &indices - planes(node, indices.value.shape(), given.iter().product())?;
    let y = Value::ordered(layer.forward(&(x, indices))?, order, node.kind());
    let Some(wanted) = node.get(2).map(Value::ints).transpose()? else { return Ok(vec![y]) };
    let wanted = lengths(&wanted)?;
    node.bounded(&wanted)?;
    let padding: Vec<[usize; 2]> =
        y.shape().iter().zip(wanted).map(|(len, want)| [0, want.saturating_sub(*len)]).collect();
    node.one(y.var()?.pad(&padding, PadMode::Constant(0.0))?)
}

fn fold<const N: usize>(node: &Node<'_>, settings: &Settings<N>) -> Outputs
where
    [usize; N]: Size<N>,
{
    let pads = settings.explicit(node)?;
    let layer = Fold::<N>::new(settings.input, settings.size)
        .strides(settings.stride)
        .dilation_rate(settings.dilation)
        .padding(Padding::Explicit(pads));
    let x = node.var(0)?;
    let size: usize = settings.size.iter().product();
    let [batch, rows, columns] = *x.value.shape() else { return Err(Error::shape("expected windows of three axes")) };
    node.bounded(&[&[batch, rows / size.max(1)][..], &settings.input].concat())?;
    // From channels before the window to channels after it.
    let windows = x.reshape(&[batch, rows / size, size, columns])?.permute(&[0, 3, 2, 1])?;
    let positions = |i: usize| {
        let padded = settings.input[i] + pads[i][0] + pads[i][1];
        padded.saturating_sub(settings.reach(i)) / settings.stride[i] + 1
    };
    let shape = [&[batch][..], &(0..N).map(positions).collect::<Vec<_>>(), &[rows]].concat();
    let y = layer.forward(&windows.reshape(&shape)?)?;
    Ok(vec![Value::ordered(y, last(N + 2), node.kind())])
}

pub fn global(node: &Node<'_>) -> Outputs {
    let order = last(node.value(0)?.rank());
    let x = node.value(0)?.laid(&order)?;
    let layer: fn(&Var) -> Result<Var> = match (node.op(), order.len()) {
        ("GlobalAveragePool", 3) => |x| GlobalAvgPool1d.forward(x),
        ("GlobalAveragePool", 4) => |x| GlobalAvgPool2d.forward(x),
        ("GlobalAveragePool", 5) => |x| GlobalAvgPool3d.forward(x),
        (_, 3) => |x| GlobalMaxPool1d.forward(x),
        (_, 4) => |x| GlobalMaxPool2d.forward(x),
        (_, 5) => |x| GlobalMaxPool3d.forward(x),
        _ => return Err(unsupported("windows over more than three axes")),
    };
    let mut y = layer(&x)?;
    while y.value.ndim() < order.len() {
        y = y.insert_axis(1)?;
    }
    Ok(vec![Value::ordered(y, order, node.kind())])
}
