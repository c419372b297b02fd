//! Zeros put around an input, and edges cut off.

use super::Layer;
use super::names::names;
use super::window::{axes, fewer_than, three};
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::kernels::conv::ConvShape;
use crate::sealed::Sealed;
use crate::tensor::{Float, Tensor, data, tensor};

/// Widths of the edges of `N` axes: one number for all, or `[before, after]` for each axis.
pub trait Border<const N: usize>: Sealed {
    /// Cells before and after each axis.
    fn border(self) -> [[usize; 2]; N];
}

impl<const N: usize> Border<N> for usize {
    fn border(self) -> [[usize; 2]; N] {
        [[self; 2]; N]
    }
}

impl<const N: usize> Border<N> for [[usize; 2]; N] {
    fn border(self) -> [[usize; 2]; N] {
        self
    }
}

described! {
    /// Puts zeros around the `N` axes between batch and channels.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, before + length + after.., channels]`
    /// # Errors
    /// an input with another number of axes; an output too large for any memory
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 5, 5, 3)));
    /// assert_eq!(ZeroPad2d::new(1).forward(&x)?.shape(), [2, 7, 7, 3]);
    /// assert_eq!(ZeroPad2d::new([[0, 1], [2, 0]]).forward(&x)?.shape(), [2, 6, 7, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `ZeroPadding2D`, PyTorch `ZeroPad2d`, and those of the other ranks
    #[derive(Clone, Copy)]
    pub struct ZeroPad<const N: usize> as ["ZeroPad1d", "ZeroPad2d", "ZeroPad3d"] (
        /// Cells before and after each axis: a number, or `[before, after]` for each axis.
        padding: [border N],
    ) {}
}

described! {
    /// Cuts off the edges of the `N` axes between batch and channels.
    ///
    /// # Shapes
    /// input `[batch, lengths.., channels]`, output `[batch, length - before - after.., channels]`
    /// # Errors
    /// an input with another number of axes; edges that leave nothing
    /// # Example
    /// ```
    /// use gradus::layers::Crop2d;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 7, 7, 3)));
    /// assert_eq!(Crop2d::new(1).forward(&x)?.shape(), [2, 5, 5, 3]);
    /// assert_eq!(Crop2d::new([[0, 1], [2, 0]]).forward(&x)?.shape(), [2, 6, 5, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Cropping2D`, and those of the other ranks
    #[derive(Clone, Copy)]
    pub struct Crop<const N: usize> as ["Crop1d", "Crop2d", "Crop3d"] (
        /// Cells before and after each axis: a number, or `[before, after]` for each axis.
        cropping: [border N],
    ) {}
}

names! { ZeroPad for: 1 ZeroPad1d "ZeroPadding1D", 2 ZeroPad2d "ZeroPadding2D", 3 ZeroPad3d "ZeroPadding3D" }
names! { Crop for: 1 Crop1d "Cropping1D", 2 Crop2d "Cropping2D", 3 Crop3d "Cropping3D" }

/// Puts a frame around the inner box of these lengths, or takes it away.
fn apply(x: &Var, inner: &[usize], border: &[[usize; 2]], adds: bool) -> Result<Var> {
    let (batch, _, channels) = axes(x.value.shape(), border.len())?;
    let shape = ConvShape {
        size: three(inner, 1),
        channels,
        filters: channels,
        kernel: [1; 3],
        stride: [1; 3],
        dilation: [1; 3],
        groups: 1,
        padding: three(border, [0, 0]),
    };
    let shapes = |lengths: &[usize]| [&[batch], lengths, &[channels]].concat();
    let widened =
        inner.iter().zip(border).map(|(len, [before, after])| len.saturating_add(*before).saturating_add(*after));
    let outer: Vec<usize> = widened.collect();
    fewer_than(36, "numbers in the output", &shapes(&outer))?;
    Ok(x.tape().apply(Frame { shape, inner: shapes(inner), outer: shapes(&outer), adds }, &[x]))
}

fn crop(x: &Var, border: &[[usize; 2]]) -> Result<Var> {
    let (_, input, _) = axes(x.value.shape(), border.len())?;
    let mut inner = Vec::new();
    for (len, [before, after]) in input.iter().zip(border) {
        let width = before.saturating_add(*after);
        if *len <= width {
            return Err(Error::shape(format!("expected an input larger than its edges {border:?}, got {input:?}")));
        }
        inner.push(len - width);
    }
    apply(x, &inner, border, false)
}

impl<const N: usize> Layer for ZeroPad<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        apply(x, axes(x.value.shape(), N)?.1, &self.padding, true)
    }
}

impl<const N: usize> Layer for Crop<N> {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        crop(x, &self.cropping)
    }
}

/// `y = x` with zeros around it, or without its edges
struct Frame {
    shape: ConvShape,
    inner: Vec<usize>,
    outer: Vec<usize>,
    adds: bool,
}

impl Frame {
    fn run(&self, x: &[Float], adds: bool) -> Tensor {
        let shape = if adds { &self.outer } else { &self.inner };
        let mut y = buffer(shape.iter().product());
        if adds {
            self.shape.pad(x, &mut y)
        } else {
            self.shape.crop(x, &mut y)
        }
        tensor(shape, y)
    }
}

impl Op for Frame {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.run(data(inputs[0]), self.adds)
    }

    /// `dx = dy` without its edges, or with zeros around it
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.run(data(dy), !self.adds));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let n = self.inner.len() - 2;
        let [before, after] = [0, 1].map(|side| -> Vec<usize> {
            let own = self.shape.padding[3 - n..].iter().map(|pads| pads[side]);
            [0].into_iter().chain(own).chain([0]).collect()
        });
        if self.adds {
            let pads = form.ints(before.iter().chain(&after));
            return Some(form.node("Pad", &["in0", &pads], &[]));
        }
        let axes: Vec<usize> = (1..=n).collect();
        let ends: Vec<usize> = axes.iter().map(|axis| self.outer[*axis] - after[*axis]).collect();
        let [starts, ends, axes] = [&before[1..=n], &ends, &axes].map(|list| form.ints(list));
        Some(form.node("Slice", &["in0", &starts, &ends, &axes], &[]))
    }
}
