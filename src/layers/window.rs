//! The geometry that convolution and pooling share: windows sliding over one, two or three axes.

use crate::autograd::{Origin, Var};
use crate::config::named;
use crate::error::{Error, Result};
use crate::kernels::pool::Span;
use crate::tensor::in_memory;

/// How zeros (or nothing, for pooling) are put around the input before the window slides over its `N` axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding<const N: usize = 2> {
    /// None: the window stays inside.
    #[default]
    Valid,
    /// So much that the output has `⌈input / stride⌉` positions; what is odd goes to the end, as in Keras.
    Same,
    /// As much before the input as a window reaches, and none after it, so that no output sees what comes later.
    Causal,
    /// This much before and after each axis: `[[top, bottom], [left, right]]` for images.
    Explicit([[usize; 2]; N]),
}

impl<const N: usize> Padding<N> {
    /// Creates the same padding on all sides.
    pub fn all(cells: usize) -> Self {
        Self::Explicit([[cells; 2]; N])
    }

    pub(super) fn edges(&self) -> Edges<'_> {
        match self {
            Self::Valid => Edges::Valid,
            Self::Same => Edges::Same,
            Self::Causal => Edges::Causal,
            Self::Explicit(cells) => Edges::Explicit(cells),
        }
    }
}

/// A [`Padding`] over any number of axes: what is generic over it is compiled for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edges<'a> {
    Valid,
    Same,
    Causal,
    Explicit(&'a [[usize; 2]]),
}

/// What inputs of a rank are called in messages.
pub(super) struct Words {
    pub what: &'static str,
    pub axes: &'static str,
    directions: &'static str,
}

pub(super) const fn words(axes: usize) -> Words {
    let (what, axes, directions) = match axes {
        1 => ("sequence", "[batch, time, channels]", ""),
        2 => ("image", "[batch, height, width, channels]", " in both directions"),
        _ => ("volume", "[batch, depth, height, width, channels]", " in all directions"),
    };
    Words { what, axes, directions }
}

/// A window and how it slides, with a number for each axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    pub size: &'a [usize],
    pub stride: &'a [usize],
    pub dilation: &'a [usize],
    pub padding: Edges<'a>,
}

/// Padding before and after each axis, and the number of positions along it.
pub(super) type Place = (Vec<[usize; 2]>, Vec<usize>);

impl Window<'_> {
    /// How many cells of an axis a window spans.
    pub fn reach(&self, axis: usize) -> usize {
        (self.size[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1)
    }

    pub fn check(&self) -> Result<()> {
        for (name, value) in [("size", self.size), ("stride", self.stride), ("dilation", self.dilation)] {
            at_least_1(name, value)?;
        }
        Ok(())
    }

    /// Where the window goes on an input of these lengths. With `ceil`, one that starts inside may end outside.
    ///
    /// # Errors
    /// a size, stride or dilation of 0; a window larger than the padded input; too many positions
    pub fn place(&self, input: &[usize], ceil: bool) -> Result<Place> {
        self.check()?;
        let axes = self.size.len();
        let (mut padding, mut positions, mut padded) = (vec![[0; 2]; axes], vec![0; axes], vec![0; axes]);
        for axis in 0..axes {
            let (reach, stride, len) = (self.reach(axis), self.stride[axis], input[axis]);
            padding[axis] = match self.padding {
                Edges::Valid => [0, 0],
                Edges::Causal => [reach - 1, 0],
                Edges::Explicit(cells) => cells[axis],
                Edges::Same => {
                    let covered = (len.div_ceil(stride).saturating_sub(1)).saturating_mul(stride).saturating_add(reach);
                    let missing = covered.saturating_sub(len);
                    [missing / 2, missing - missing / 2]
                }
            };
            padded[axis] = len.saturating_add(padding[axis][0]).saturating_add(padding[axis][1]);
            let room = padded[axis].saturating_add(if ceil { stride - 1 } else { 0 });
            if reach > room || len == 0 {
                return Err(self.does_not_fit(input));
            }
            let last = (room - reach) / stride;
            positions[axis] =
                last + usize::from(!ceil || last.saturating_mul(stride) < len.saturating_add(padding[axis][0]));
        }
        fewer_than(32, "padded cells", &padded)?;
        fewer_than(32, "positions", &positions)?;
        Ok((padding, positions))
    }

    fn does_not_fit(&self, input: &[usize]) -> Error {
        let is_dilated = self.dilation.iter().any(|cells| *cells != 1);
        let dilated = if is_dilated { format!(", dilation {:?}", self.dilation) } else { String::new() };
        let axes = self.size.len();
        let (what, article) = (words(axes).what, if axes == 2 { "an" } else { "a" });
        Error::shape(format!(
            "a window of {:?}{dilated} does not fit into {article} {what} of {input:?} with padding {:?}; use a smaller \
             window, `Padding::Same`, or fewer pooling layers before it",
            self.size, self.padding
        ))
    }

    /// What each position covers of each axis.
    pub fn spans(&self, input: &[usize], ceil: bool, count_padding: bool) -> Result<Vec<Vec<Span>>> {
        let (padding, positions) = self.place(input, ceil)?;
        if (0..input.len()).any(|axis| padding[axis].iter().any(|cells| *cells >= self.reach(axis))) {
            let size = self.size;
            return Err(Error::value(format!("expected padding smaller than the window {size:?}, got {padding:?}")));
        }
        let mut spans = Vec::new();
        for axis in 0..input.len() {
            // A window of one cell has no gaps.
            let step = if self.size[axis] == 1 { 1 } else { self.dilation[axis] };
            let (len, [before, after]) = (input[axis], padding[axis]);
            let span = |position: usize| {
                let first = position * self.stride[axis];
                let start = first + before.saturating_sub(first).next_multiple_of(step) - before;
                let end = (first + self.reach(axis)).saturating_sub(before).min(len);
                let inside = end.saturating_sub(start).div_ceil(step);
                let padded = (before + len + after - first).div_ceil(step).min(self.size[axis]);
                Span { start: start.min(end), end, step, count: if count_padding { padded } else { inside } }
            };
            spans.push((0..positions[axis]).map(span).collect());
        }
        Ok(spans)
    }
}

/// An error if one of the numbers is 0.
pub(super) fn at_least_1(name: &str, value: &[usize]) -> Result<()> {
    if !value.contains(&0) {
        return Ok(());
    }
    let article = if name.starts_with('o') { "an" } else { "a" };
    Err(Error::value(format!(
        "expected {article} {name} of at least 1{}, got {value:?}",
        words(value.len()).directions
    )))
}

/// An error if the product of the lengths is `2^bits` or more.
pub(super) fn fewer_than(bits: u32, what: &str, lengths: &[usize]) -> Result<()> {
    let product = lengths.iter().try_fold(1_usize, |product, len| product.checked_mul(*len));
    if product.is_some_and(|product| (product as u128) < 1 << bits) {
        return match in_memory(lengths) {
            Some(_) => Ok(()),
            None => Err(Error::value(format!("expected {what} that fit into memory, got {lengths:?}"))),
        };
    }
    Err(Error::value(format!("expected fewer than 2^{bits} {what}, got {lengths:?}")))
}

/// Batch, lengths of the axes that a window slides over, of which there are `count`, and channels.
pub(super) fn axes(shape: &[usize], count: usize) -> Result<(usize, &[usize], usize)> {
    if let [batch, spatial @ .., channels] = shape
        && spatial.len() == count
    {
        return Ok((*batch, spatial, *channels));
    }
    let hint = match shape.len() {
        len if len == count + 1 => "; add a channel axis with `Reshape`, or a batch axis",
        2 => "; give it its axes back with `Reshape`",
        _ => "",
    };
    Err(Error::shape(format!("expected an input {}, got {shape:?}{hint}", words(count).axes)))
}

/// Refuses examples, as they were given to a first layer, whose channels seem to come before the axes that a window slides over,
/// as PyTorch has them: the layer would slide over channels, or fail far away.
pub(super) fn channels_last(x: &Var) -> Result<()> {
    let shape = x.value.shape();
    let axes = shape.len() - 2;
    let given = matches!(x.origin.as_deref(), Some(Origin::Input));
    let few = if axes == 1 { shape[1] == 1 } else { [1, 3, 4].contains(&shape[1]) };
    // What is neither square nor large may as well be a low image of many channels, or a single step of many features.
    let square = axes > 1 && shape[axes] == shape[axes + 1];
    let large = (axes == 1 || shape[1] > 1) && shape[2..].iter().all(|len| *len >= 32);
    if !given || !few || !(square || large) || shape[2..].iter().any(|len| *len < 8) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "expected {}s {}, got input {shape:?}, whose channels seem to come first; {}, or say that they do not by a first layer \
         `Reshape::new({:?})`",
        words(axes).what,
        words(axes).axes,
        bring_last(axes),
        &shape[1..]
    )))
}

/// How to bring channels from axis 1 to the end.
pub(super) fn bring_last(axes: usize) -> String {
    let axes: Vec<usize> = (2..axes + 2).chain([1]).collect();
    let all: Vec<usize> = [&[0], &axes[..]].concat();
    format!("bring them last with `permuted_axes({all:?})` or a first layer `Permute::new({axes:?})`")
}

/// Three axes: those of length 1 that a lower rank lacks, then its own.
pub(super) fn three<T: Clone>(values: &[T], missing: T) -> [T; 3] {
    std::array::from_fn(|i| (i + values.len()).checked_sub(3).map_or(missing.clone(), |own| values[own].clone()))
}

/// What is known of a kernel's shape: the window's size, and the last two axes.
pub(super) fn kernel_shape(size: &[usize], last: [Option<usize>; 2]) -> Vec<Option<usize>> {
    size.iter().copied().map(Some).chain(last).collect()
}

// Or the cells before and after each axis.
named!(Padding<const N> { Valid = "valid", Same = "same", Causal = "causal" } or Explicit("`valid`, `same`, `causal` or numbers of cells"));
