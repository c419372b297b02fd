//! Products of matrices.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::broadcast;
use super::folding::Folding;
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

impl Var {
    /// Returns the product of matrices, over the last two axes; those before them are batches and broadcast, as in
    /// numpy.
    ///
    /// A vector on the left is a row, one on the right a column, and its axis of length 1 is dropped from the result.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let heads = tape.input(ndarray::Array4::<f32>::ones((8, 4, 10, 16)));
    /// let kernel = tape.constant(ndarray::Array2::<f32>::ones((16, 3)));
    /// assert_eq!(heads.matmul(&kernel)?.shape(), [8, 4, 10, 3]);
    /// assert_eq!(heads.matmul(&heads.transpose()?)?.shape(), [8, 4, 10, 10]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// A scalar; inner lengths that differ; batches that do not broadcast.
    #[doc(alias = "dot")]
    #[doc(alias = "bmm")]
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        let plan = Plan::new(self.value.shape(), other.value.shape())?;
        Ok(self.tape().apply(
            MatMul { plan, a: Tensor::default(ndarray::IxDyn(&[])), b: Tensor::default(ndarray::IxDyn(&[])) },
            &[self, other],
        ))
    }
}

/// Which matrices are multiplied.
struct Plan {
    rows: usize,
    inner: usize,
    columns: usize,
    /// The result's shape.
    shape: Vec<usize>,
    /// For each matrix of the result, the numbers of its factors.
    factors: Vec<(usize, usize)>,
    /// Whether axis 0 of the result is that of the left, and of the right operand.
    rows_of: [bool; 2],
}

impl Plan {
    fn new(left: &[usize], right: &[usize]) -> Result<Self> {
        let fail = |reason: &str| Err(Error::shape(format!("matmul: got shapes {left:?} and {right:?}, {reason}")));
        let (Some(last), Some(first)) = (left.last(), right.first()) else {
            return fail("but expected at least one axis each; multiply by a scalar with `*`");
        };
        let (rows, inner) = if left.len() == 1 { (1, *last) } else { (left[left.len() - 2], *last) };
        let (depth, columns) =
            if right.len() == 1 { (*first, 1) } else { (right[right.len() - 2], right[right.len() - 1]) };
        if inner != depth {
            return fail(&format!(
                "but expected the left one's last axis ({inner}) to be as long as the right one's second to last \
                 ({depth}); `transpose` swaps the last two"
            ));
        }
        let batch = |shape: &[usize]| shape[..shape.len().saturating_sub(2)].to_vec();
        let (left_batch, right_batch) = (batch(left), batch(right));
        let Some(common) = broadcast::common(&left_batch, &right_batch) else {
            return fail("but expected the axes before the last two to broadcast: aligned, lengths equal or 1");
        };
        let mut shape = common.clone();
        shape.extend((left.len() > 1).then_some(rows));
        shape.extend((right.len() > 1).then_some(columns));
        let rank = common.len() + 2;
        let of = |operand: &[usize]| {
            operand.len() == rank && rank > 2 && operand.first() == common.first() && operand.first() != Some(&1)
        };
        let rows_of = match common.is_empty() {
            true => [left.len() == 2, false],
            false => [of(left), of(right)],
        };
        // One product where a single right matrix serves all: its rows lie one after the other.
        let (rows, factors) = match right_batch.is_empty() {
            true => (left_batch.iter().product::<usize>() * rows, vec![(0, 0)]),
            false => (rows, pairs(&common, &left_batch, &right_batch)),
        };
        Ok(Self { rows, inner, columns, shape, factors, rows_of })
    }
}

/// For each element of `common`, which elements of `left` and `right` lie under it.
fn pairs(common: &[usize], left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs = vec![(0, 0); common.iter().product()];
    Folding::broadcast(common, left).each(|pair, left| pairs[pair].0 = left);
    Folding::broadcast(common, right).each(|pair, right| pairs[pair].1 = right);
    pairs
}

/// `y = a · b`
struct MatMul {
    plan: Plan,
    a: Tensor,
    b: Tensor,
}

impl MatMul {
    fn matrix<'a>(&self, tensor: &'a Tensor, number: usize, rows: usize, columns: usize) -> ArrayView2<'a, Float> {
        let slice = &data(tensor)[number * rows * columns..(number + 1) * rows * columns];
        ArrayView2::from_shape((rows, columns), slice).expect("cut to this length")
    }

    fn a(&self, number: usize) -> ArrayView2<'_, Float> {
        self.matrix(&self.a, number, self.plan.rows, self.plan.inner)
    }

    fn b(&self, number: usize) -> ArrayView2<'_, Float> {
        self.matrix(&self.b, number, self.plan.inner, self.plan.columns)
    }
}

/// `out[number] += factor · a · b`, or `=` where `keep` is 0
fn multiply(a: ArrayView2<'_, Float>, b: ArrayView2<'_, Float>, out: &mut [Float], number: usize, keep: Float) {
    let (rows, columns) = (a.nrows(), b.ncols());
    let out = &mut out[number * rows * columns..(number + 1) * rows * columns];
    let mut out = ArrayViewMut2::from_shape((rows, columns), out).expect("cut to this length");
    general_mat_mul(1.0, &a, &b, keep, &mut out);
}

impl Op for MatMul {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (self.a, self.b) = (inputs[0].clone(), inputs[1].clone());
        let len = self.plan.shape.iter().product();
        let mut y = if self.plan.inner == 0 { zeros(len) } else { buffer(len) };
        for (number, (a, b)) in self.plan.factors.iter().enumerate() {
            multiply(self.a(*a), self.b(*b), &mut y, number, 0.0);
        }
        tensor(&self.plan.shape, y)
    }

    /// `da = dy · bᵀ`, `db = aᵀ · dy`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Plan { rows, columns, factors, .. } = &self.plan;
        let dy = |number| self.matrix(dy, number, *rows, *columns);
        dx.add(0, || {
            let mut out = zeros(self.a.len());
            for (number, (a, b)) in factors.iter().enumerate() {
                multiply(dy(number), self.b(*b).reversed_axes(), &mut out, *a, 1.0);
            }
            tensor(self.a.shape(), out)
        });
        dx.add(1, || {
            let mut out = zeros(self.b.len());
            for (number, (a, b)) in factors.iter().enumerate() {
                multiply(self.a(*a).reversed_axes(), dy(number), &mut out, *b, 1.0);
            }
            tensor(self.b.shape(), out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        use Dependence::{BatchMean, Constant, PerExample};
        // A constant that lies along axis 0 of the result has a matrix for each example of this batch.
        match (inputs, self.plan.rows_of) {
            ([PerExample, Constant], [true, false]) | ([Constant, PerExample], [false, true]) => PerExample,
            ([PerExample, PerExample], [true, true]) => PerExample,
            ([BatchMean, Constant] | [Constant, BatchMean], _) => BatchMean,
            _ => Dependence::across_batch(inputs),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr1, arr2};

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn shapes_are_those_of_numpy() {
        let tape = Tape::inference();
        let shape = |a: &[usize], b: &[usize]| {
            let var = |shape: &[usize]| tape.input(ndarray::ArrayD::<Float>::ones(shape));
            let y = var(a).matmul(&var(b))?;
            let inner = *a.last().unwrap() as Float;
            assert!(y.value().iter().all(|y| *y == inner), "{a:?} {b:?} {y:?}");
            Ok::<_, crate::error::Error>(y.shape().to_vec())
        };
        for (a, b, want) in [
            (vec![3], vec![3], vec![]),
            (vec![3], vec![3, 2], vec![2]),
            (vec![2, 3], vec![3], vec![2]),
            (vec![2, 3], vec![3, 4], vec![2, 4]),
            (vec![5, 2, 3], vec![3], vec![5, 2]),
            (vec![3], vec![5, 3, 2], vec![5, 2]),
            (vec![5, 2, 3], vec![3, 4], vec![5, 2, 4]),
            (vec![5, 2, 3], vec![5, 3, 4], vec![5, 2, 4]),
            (vec![5, 1, 2, 3], vec![6, 3, 4], vec![5, 6, 2, 4]),
            (vec![2, 0], vec![0, 3], vec![2, 3]),
            (vec![0, 2], vec![2, 3], vec![0, 3]),
        ] {
            assert_eq!(shape(&a, &b).unwrap(), want, "{a:?} {b:?}");
        }
        let error = shape(&[2, 3], &[4, 3]).unwrap_err().to_string();
        assert!(error.starts_with("matmul: got shapes [2, 3] and [4, 3], but expected"), "{error}");
        assert!(shape(&[2, 2, 3], &[3, 3, 4]).is_err());
    }

    #[test]
    fn product_of_numbers() {
        let tape = Tape::inference();
        let a = tape.input(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
        let y = a.matmul(&tape.input(arr2(&[[5.0, 6.0], [7.0, 8.0]]))).unwrap();
        assert_eq!(y.value().as_slice().unwrap(), [19.0, 22.0, 43.0, 50.0]);
        assert_eq!(tape.input(arr1(&[1.0, 2.0])).matmul(&a).unwrap().value().as_slice().unwrap(), [7.0, 10.0]);
    }

    #[test]
    fn batches_of_the_left_are_one_product() {
        let tape = Tape::inference();
        let a = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as Float);
        let b = Array2::from_shape_fn((4, 2), |(i, j)| (i * 2 + j) as Float);
        let y = tape.input(&a).matmul(&tape.input(&b)).unwrap();
        for i in 0..2 {
            assert_eq!(y.value().index_axis(ndarray::Axis(0), i), a.index_axis(ndarray::Axis(0), i).dot(&b).into_dyn());
        }
    }
}
