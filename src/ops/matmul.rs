//! Products of matrices.

use super::broadcast;
use super::folding::Folding;
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::buffers::{buffer, zeros};
use crate::error::{Error, Result};
use crate::kernels::gemm::{Matrix, gemm};
use crate::kernels::parallel;
use crate::tensor::{Float, Tensor, data, empty, tensor};

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
        Ok(self.tape().apply(MatMul { plan, a: empty(), b: empty() }, &[self, other]))
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

/// Multiplications that are worth threads.
const WORK: usize = 1 << 18;

/// Some matrices of a batch, all of one size.
#[derive(Clone, Copy)]
struct Matrices<'a> {
    data: &'a [Float],
    rows: usize,
    columns: usize,
    /// Whether their transposes are meant.
    transposed: bool,
}

impl<'a> Matrices<'a> {
    fn new(tensor: &'a Tensor, rows: usize, columns: usize) -> Self {
        Self { data: data(tensor), rows, columns, transposed: false }
    }

    fn transposed(self) -> Self {
        Self { transposed: true, ..self }
    }

    fn sizes(self) -> [usize; 2] {
        if self.transposed { [self.columns, self.rows] } else { [self.rows, self.columns] }
    }

    fn at(self, number: usize) -> Matrix<'a> {
        let len = self.rows * self.columns;
        let data = &self.data[number * len..(number + 1) * len];
        if self.transposed { Matrix::transposed(data, self.columns) } else { Matrix::new(data, self.columns) }
    }
}

/// `out[o] = Σ a[i] · b[j]` over all `(o, i, j)`. Where each `o` comes once, in order, threads share them.
fn multiply(a: Matrices<'_>, b: Matrices<'_>, places: &[(usize, usize, usize)], out_shape: &[usize]) -> Tensor {
    let ([m, k], [_, n]) = (a.sizes(), b.sizes());
    let (sizes, len) = ([m, k, n], out_shape.iter().product::<usize>());
    let is_apart = places.len() * m * n == len && places.iter().enumerate().all(|(i, (o, ..))| i == *o);
    let mut out = if is_apart { buffer(len) } else { zeros(len) };
    if is_apart && places.len() > 1 && len * k >= WORK {
        let mut work: Vec<_> = out.chunks_mut((m * n).max(1)).zip(places).collect();
        parallel::for_each(&mut work, |(out, (_, i, j))| gemm(sizes, a.at(*i), b.at(*j), false, out));
    } else {
        for (o, i, j) in places {
            gemm(sizes, a.at(*i), b.at(*j), !is_apart, &mut out[o * m * n..(o + 1) * m * n]);
        }
    }
    tensor(out_shape, out)
}

impl Op for MatMul {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (self.a, self.b) = (inputs[0].clone(), inputs[1].clone());
        let Plan { rows, inner, columns, shape, factors, .. } = &self.plan;
        let (a, b) = (Matrices::new(&self.a, *rows, *inner), Matrices::new(&self.b, *inner, *columns));
        let places: Vec<_> = factors.iter().enumerate().map(|(number, (a, b))| (number, *a, *b)).collect();
        multiply(a, b, &places, shape)
    }

    /// `da = dy · bᵀ`, `db = aᵀ · dy`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let Plan { rows, inner, columns, factors, .. } = &self.plan;
        let (a, b) = (Matrices::new(&self.a, *rows, *inner), Matrices::new(&self.b, *inner, *columns));
        let dy = Matrices::new(dy, *rows, *columns);
        let numbered = || factors.iter().enumerate();
        dx.add(0, || {
            let places: Vec<_> = numbered().map(|(number, (a, b))| (*a, number, *b)).collect();
            multiply(dy, b.transposed(), &places, self.a.shape())
        });
        dx.add(1, || {
            let places: Vec<_> = numbered().map(|(number, (a, b))| (*b, *a, number)).collect();
            multiply(a.transposed(), dy, &places, self.b.shape())
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

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        form.pair("MatMul")
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
