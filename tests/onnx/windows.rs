//! Operators that slide a window: convolutions and pools. ONNX has channels in axis 1, layers have them last.

use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::shape::lengths;
use super::value::{Kind, Value};

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    if let "GlobalAveragePool" | "GlobalMaxPool" = node.op() {
        return global(node);
    }
    if !matches!(node.op(), "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool" | "LpPool" | "MaxUnpool" | "Col2Im") {
        return Err(Failure::Unknown);
    }
    let rank = if node.op() == "Col2Im" { 2 + node.value(1)?.ints().len() } else { node.var(0)?.shape().len() };
    match rank {
        3 => window::<1>(node),
        4 => window::<2>(node),
        5 => window::<3>(node),
        _ => Err(Failure::skip("windows over more than three axes")),
    }
}

/// Moves axis 1 to the end.
pub(crate) fn channels_last(x: &Var) -> Result<Var> {
    let rank = x.shape().len();
    x.permute(&[&[0][..], &(2..rank).collect::<Vec<_>>(), &[1]].concat())
}

/// Moves the last axis to place 1.
pub(crate) fn channels_first(x: &Var) -> Result<Var> {
    let rank = x.shape().len();
    x.permute(&[&[0, rank - 1][..], &(1..rank - 1).collect::<Vec<_>>()].concat())
}

/// Gives a layer's parameter its value.
pub(crate) fn set<X: Vars, Y: Vars>(layer: &impl Layer<X, Y>, name: &str, value: &Var) -> Result<()> {
    let parameters = layer.parameters();
    match parameters.iter().find(|(path, _)| path == name) {
        Some((_, param)) => param.set(value.value()),
        None => Err(Error::value(format!("no {name} in {}", layer.kind()))),
    }
}

/// The settings that all windows have.
struct Settings<const N: usize> {
    input: [usize; N],
    size: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
}

impl<const N: usize> Settings<N> {
    fn new(node: &Node<'_>) -> Result<Self, Failure> {
        let sizes = |name: &str, default: [usize; N]| match node.attribute(name) {
            Some(found) => lengths(&found.ints).try_into().map_err(|_| Failure::Wrong(format!("rank of {name}"))),
            None => Ok(default),
        };
        if node.op() == "Col2Im" {
            let list = |i: usize| Ok::<_, Failure>(lengths(&node.value(i)?.ints()).try_into().unwrap_or([1; N]));
            let (stride, dilation) = (sizes("strides", [1; N])?, sizes("dilations", [1; N])?);
            return Ok(Self { input: list(1)?, size: list(2)?, stride, dilation });
        }
        let input = std::array::from_fn(|i| node.var(0).map_or(0, |x| x.shape()[2 + i]));
        let kernel = match node.get(1) {
            Some(kernel) => std::array::from_fn(|i| kernel.var.shape()[2 + i]),
            None => [1; N],
        };
        Ok(Self {
            input,
            size: sizes("kernel_shape", kernel)?,
            stride: sizes("strides", [1; N])?,
            dilation: sizes("dilations", [1; N])?,
        })
    }

    fn reach(&self, i: usize) -> usize {
        (self.size[i] - 1) * self.dilation[i] + 1
    }

    fn padding(&self, node: &Node<'_>) -> Padding<N> {
        match &*node.string("auto_pad", "NOTSET") {
            "VALID" => Padding::Valid,
            "SAME_UPPER" => Padding::Same,
            "SAME_LOWER" => Padding::Explicit(std::array::from_fn(|i| {
                let wanted = (self.input[i].div_ceil(self.stride[i]) - 1) * self.stride[i] + self.reach(i);
                let missing = wanted.saturating_sub(self.input[i]);
                [missing - missing / 2, missing / 2]
            })),
            _ => self.explicit(node),
        }
    }

    fn explicit(&self, node: &Node<'_>) -> Padding<N> {
        let pads = node.attribute("pads").map_or_else(|| vec![0; 2 * N], |pads| lengths(&pads.ints));
        Padding::Explicit(std::array::from_fn(|i| [pads[i], pads[i + N]]))
    }

    /// What a transposed convolution takes away from its output, and how many cells it adds at the end.
    fn taken(&self, node: &Node<'_>) -> ([[usize; 2]; N], [usize; N]) {
        let list = |name: &str| node.attribute(name).map(|found| lengths(&found.ints));
        let auto = node.string("auto_pad", "NOTSET");
        let given = list("output_shape");
        let mut extra: [usize; N] = list("output_padding").and_then(|list| list.try_into().ok()).unwrap_or([0; N]);
        if given.is_none() && !auto.starts_with("SAME") {
            let pads = list("pads").unwrap_or_else(|| vec![0; 2 * N]);
            return (std::array::from_fn(|i| [pads[i], pads[i + N]]), extra);
        }
        let taken = std::array::from_fn(|i| {
            let full = self.stride[i] * (self.input[i] - 1) + extra[i] + self.reach(i);
            let wanted = given.as_ref().map_or(self.input[i] * self.stride[i], |given| given[given.len() - N + i]);
            extra[i] += wanted.saturating_sub(full);
            let total = full.saturating_sub(wanted);
            let half = total / 2;
            if auto == "SAME_UPPER" { [half, total - half] } else { [total - half, half] }
        });
        (taken, extra)
    }
}

fn window<const N: usize>(node: &Node<'_>) -> Outputs
where
    [usize; N]: Size<N>,
{
    let settings = Settings::<N>::new(node)?;
    let Settings { size, stride, dilation, .. } = settings;
    let padding = settings.padding(node);
    if node.op() == "Col2Im" {
        return fold(
            node,
            Fold::new(settings.input, size).strides(stride).dilation_rate(dilation).padding(padding),
            &settings,
        );
    }
    if node.op() == "MaxUnpool" {
        return unpool(node, MaxUnpool::new(size).strides(stride).padding(padding));
    }
    let x = channels_last(node.var(0)?)?;
    let groups = node.int("group", 1) as usize;
    let ceil = node.flag("ceil_mode", false);
    let average = |counts: bool| {
        AvgPool::<N>::new(size)
            .strides(stride)
            .dilation_rate(dilation)
            .padding(padding)
            .ceil_mode(ceil)
            .count_padding(counts)
    };
    let y = match node.op() {
        "Conv" => {
            let kernel = node.var(1)?;
            let layer =
                Conv::<N>::new(kernel.shape()[0], size).strides(stride).dilation_rate(dilation).padding(padding);
            weighted(node, layer.groups(groups).use_bias(node.get(2).is_some()), &x)?
        }
        "ConvTranspose" => {
            let (taken, extra) = settings.taken(node);
            let filters = node.var(1)?.shape()[1] * groups;
            let layer = ConvTranspose::<N>::new(filters, size)
                .strides(stride)
                .dilation_rate(dilation)
                .groups(groups)
                .padding(Padding::Explicit(taken))
                .output_padding(extra);
            weighted(node, layer.use_bias(node.get(2).is_some()), &x)?
        }
        "MaxPool" => {
            let pool = MaxPool::<N>::new(size).strides(stride).dilation_rate(dilation).padding(padding).ceil_mode(ceil);
            if node.wants(1) {
                return with_indices(node, &pool, &x);
            }
            pool.forward(&x)?
        }
        "AveragePool" => average(node.flag("count_include_pad", false)).forward(&x)?,
        _ => {
            let p = node.int("p", 2) as Float;
            let count = size.iter().product::<usize>() as Float;
            (average(true).forward(&x.abs().powf(p))? * count).powf(1.0 / p)
        }
    };
    node.one(channels_first(&y)?)
}

/// ONNX counts cells from the first of all images and channels; a layer from the first of each image.
fn planes(node: &Node<'_>, shape: &[usize], cells: usize) -> Result<Var, Failure> {
    let (batch, channels) = (shape[0], shape[shape.len() - 1]);
    let starts = ndarray::Array2::from_shape_fn((batch, channels), |(i, c)| (i * channels + c) * cells);
    let mut starts = node.tape.constant(starts);
    while starts.shape().len() < shape.len() {
        starts = starts.insert_axis(1)?;
    }
    Ok(starts)
}

fn with_indices<const N: usize>(node: &Node<'_>, pool: &MaxPool<N>, x: &Var) -> Outputs {
    let (y, indices) = pool.forward_with_indices(x)?;
    let lengths = &x.shape()[1..=N];
    let indices = if node.flag("storage_order", false) {
        // The first axis of an image counts fastest.
        let (row, width) = ((&indices / lengths[1] as Float).floor(), lengths[1] as Float);
        (&indices - &row * width) * lengths[0] as Float + row
    } else {
        indices
    };
    let indices = &indices + planes(node, y.shape(), lengths.iter().product())?;
    let indices = Value { var: channels_first(&indices)?, kind: Kind::INT64 };
    Ok(vec![Value { var: channels_first(&y)?, kind: node.kind() }, indices])
}

fn unpool<const N: usize>(node: &Node<'_>, layer: MaxUnpool<N>) -> Outputs {
    let (x, indices) = (channels_last(node.var(0)?)?, channels_last(node.var(1)?)?);
    // The indices are those of the lengths that the windows tell, in whatever lengths the output has.
    let told = layer.forward(&(x.clone(), &indices * 0.0))?.shape()[1..=N].to_vec();
    let cells: usize = told.iter().product();
    let indices = &indices - planes(node, indices.shape(), cells)?;
    let y = channels_first(&layer.forward(&(x, indices))?)?;
    let Some(wanted) = node.get(2).map(|shape| lengths(&shape.ints())) else { return node.one(y) };
    let padding: Vec<[usize; 2]> = y.shape().iter().zip(wanted).map(|(len, want)| [0, want - len]).collect();
    node.one(y.pad(&padding, PadMode::Constant(0.0))?)
}

fn fold<const N: usize>(node: &Node<'_>, layer: Fold<N>, settings: &Settings<N>) -> Outputs {
    let x = node.var(0)?;
    let size: usize = settings.size.iter().product();
    let [batch, rows, _] = *x.shape() else { return Err(Failure::Unknown) };
    // From channels before the window to channels after it.
    let windows = x.reshape(&[batch, rows / size, size, x.shape()[2]])?.permute(&[0, 3, 2, 1])?;
    let Padding::Explicit(pads) = settings.explicit(node) else { return Err(Failure::Unknown) };
    let positions = |i: usize| {
        let padded = settings.input[i] + pads[i][0] + pads[i][1];
        (padded - settings.reach(i)) / settings.stride[i] + 1
    };
    let shape = [&[batch][..], &(0..N).map(positions).collect::<Vec<_>>(), &[rows]].concat();
    node.one(channels_first(&layer.forward(&windows.reshape(&shape)?)?)?)
}

/// A convolution with the kernel `[.., .., size..]` of the node as `[size.., .., ..]`.
fn weighted(node: &Node<'_>, layer: impl Layer, x: &Var) -> Result<Var, Failure> {
    let kernel = node.var(1)?;
    let order: Vec<usize> = (2..kernel.shape().len()).chain([1, 0]).collect();
    set(&layer, "kernel", &kernel.permute(&order)?)?;
    if let Some(bias) = node.get(2) {
        set(&layer, "bias", &bias.var)?;
    }
    Ok(layer.forward(x)?)
}

fn global(node: &Node<'_>) -> Outputs {
    let x = channels_last(node.var(0)?)?;
    let layer: fn(&Var) -> Result<Var> = match (node.op(), x.shape().len()) {
        ("GlobalAveragePool", 3) => |x| GlobalAvgPool1d.forward(x),
        ("GlobalAveragePool", 4) => |x| GlobalAvgPool2d.forward(x),
        ("GlobalAveragePool", 5) => |x| GlobalAvgPool3d.forward(x),
        (_, 3) => |x| GlobalMaxPool1d.forward(x),
        (_, 4) => |x| GlobalMaxPool2d.forward(x),
        (_, 5) => |x| GlobalMaxPool3d.forward(x),
        _ => return Err(Failure::skip("windows over more than three axes")),
    };
    let mut y = layer(&x)?;
    while y.shape().len() < x.shape().len() {
        y = y.insert_axis(-1)?;
    }
    Ok(vec![Value { var: y, kind: node.kind() }])
}
