//! The operation of layer, root mean square and unit normalisation.

use super::{Affine, check_epsilon, per_example};
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::kernels::row_norm::{RowMoments, Rows};
use crate::tensor::{Float, Tensor, data, empty, recycle, tensor};

/// `y = gamma (x - mean) / √(share Σ (x - mean)² + ε) + beta` over the last axes, with or without the mean
pub(super) struct ByRow {
    rows: Rows,
    moments: Vec<RowMoments>,
    x: Tensor,
    gamma: Tensor,
}

impl ByRow {
    /// `gamma` and `beta` have the shape of the axes that are normalised.
    pub fn apply(x: &Var, [gamma, beta]: &[Var; 2], rows: Rows) -> Var {
        x.tape().apply(Self { rows, moments: Vec::new(), x: empty(), gamma: empty() }, &[x, gamma, beta])
    }
}

/// Normalises by the moments over the last axes, `centered` or by the mean of squares alone.
pub(super) fn over_last(x: &Var, axes: &[isize], affine: &Affine<'_>, epsilon: Float, centered: bool) -> Result<Var> {
    check_epsilon(epsilon)?;
    let shape = last_axes(x, axes)?;
    check_axes(affine.shape(), x, shape)?;
    let len = shape.iter().product();
    let rows = Rows { len, centered, share: 1.0 / len as Float, epsilon };
    Ok(ByRow::apply(x, &affine.on(x, shape)?, rows))
}

impl Op for ByRow {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let [x, gamma, beta] = [inputs[0], inputs[1], inputs[2]];
        let mut y = buffer(x.len());
        self.moments = self.rows.forward(data(x), data(gamma), data(beta), &mut y);
        (self.x, self.gamma) = (x.clone(), gamma.clone());
        tensor(x.shape(), y)
    }

    /// with `n` the normalised input, `g = gamma dy` and `r` the root: `dbeta = Σ dy`, `dgamma = Σ n dy`,
    /// `dx = (g - share Σ g - n share Σ n g) / r`, the first sum only if the mean was subtracted
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let mut out = buffer(dy.len());
        let [of_gamma, of_beta] =
            self.rows.backward(data(&self.x), data(dy), data(&self.gamma), &self.moments, &mut out);
        let out = tensor(dy.shape(), out);
        match dx.wants(0) {
            true => dx.add(0, || out),
            false => recycle(out),
        }
        let narrow = |sums: Vec<f64>| tensor(self.gamma.shape(), sums.iter().map(|sum| *sum as Float).collect());
        dx.add(1, || narrow(of_gamma));
        dx.add(2, || narrow(of_beta));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        per_example(inputs)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let (rank, last) = (form.shape(0).len(), form.shape(1).len());
        let axis = (rank - last) as i64;
        if self.rows.centered {
            let epsilon = OnnxAttribute::number(self.rows.epsilon);
            let attributes = [("axis", OnnxAttribute::Int(axis)), ("epsilon", epsilon)];
            return Some(form.node("LayerNormalization", &["in0", "in1", "in2"], &attributes));
        }
        let axes: Vec<usize> = (rank - last..rank).collect();
        let axes = form.ints(&axes);
        let squares = form.node("Mul", &["in0", "in0"], &[]);
        let sum = form.node("ReduceSum", &[&squares, &axes], &[]);
        let [share, epsilon] = [form.number(self.rows.share), form.number(self.rows.epsilon)];
        let mean = form.node("Mul", &[&sum, &share], &[]);
        let mean = form.node("Add", &[&mean, &epsilon], &[]);
        let root = form.node("Sqrt", &[&mean], &[]);
        let y = form.node("Div", &["in0", &root], &[]);
        let y = form.node("Mul", &[&y, "in1"], &[]);
        Some(form.node("Add", &[&y, "in2"], &[]))
    }
}

/// The lengths of the axes that a layer normalises, if they are the last ones, axis 0 not among them.
pub(super) fn last_axes<'a>(x: &'a Var, axes: &[isize]) -> Result<&'a [usize]> {
    let rank = x.value.shape().len();
    if rank < 2 {
        return Err(Error::shape(format!("expected an input [batch, ..., features], got {:?}", x.value.shape())));
    }
    let mut found =
        axes.iter().map(|axis| crate::ops::resolve("axes", *axis, x.value.shape())).collect::<Result<Vec<_>>>()?;
    found.sort_unstable();
    let first = rank - found.len().min(rank);
    if first == 0 || first == rank || found.iter().copied().ne(first..rank) {
        return Err(Error::value(format!(
            "expected one or more of the last axes, without gaps and without axis 0, got axes {axes:?} for input {:?}; \
             bring them to the end with `permute`",
            x.value.shape()
        )));
    }
    let shape = &x.value.shape()[first..];
    if shape.contains(&0) {
        let shape = x.value.shape();
        return Err(Error::shape(format!("expected at least 1 number in the axes to normalise, got input {shape:?}")));
    }
    Ok(shape)
}

/// An error if the layer was made for other lengths of these axes.
fn check_axes(known: Option<Vec<usize>>, x: &Var, shape: &[usize]) -> Result<()> {
    match known {
        Some(known) if known != shape => {
            Err(Error::shape(format!("expected last axes of {known:?}, got input {:?}", x.value.shape())))
        }
        _ => Ok(()),
    }
}
