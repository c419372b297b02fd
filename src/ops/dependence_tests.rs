//! What each operation says of examples is what it does to them: run in parts, it must give the same.

use ndarray::{ArrayD, Axis, concatenate};

use crate::activations::*;
use crate::autograd::{Dependence, Tape, Var};
use crate::ops::PadMode;
use crate::tensor::{Float, Tensor, tensor};
use Dependence::{AcrossBatch, BatchMean, Constant, PerExample};

const BATCH: usize = 6;

/// An operation on a batch `[batch, 3, 4]`, on the mean `[3, 4]` over it, or on whatever it makes itself.
type Case = (&'static str, Dependence, fn(&Var) -> Var);

fn fixed(x: &Var, shape: &[usize]) -> Var {
    let numbers = (0..shape.iter().product()).map(|i: usize| ((i * 7 + 3) % 11) as Float / 5.0 - 0.9);
    x.tape().constant(tensor(shape, numbers.collect()))
}

fn mean(x: &Var) -> Var {
    x.mean_axes(&[0]).unwrap()
}

fn rows(x: &Var) -> Var {
    x.reshape(&[x.shape()[0], 12]).unwrap()
}

/// Whole numbers 0 and 1, of each example its own.
fn places(x: &Var) -> Var {
    x.greater(&x.tape().constant(0.1)).unwrap()
}

fn two(x: &Var) -> Var {
    x.tape().constant(ndarray::arr1(&[0.0, 2.0]))
}

/// Those of src/ops that arrays have in numpy too.
fn of_arrays() -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    let mut add = |name, dependence, f: fn(&Var) -> Var| all.push((name, dependence, f));
    add("sin", PerExample, |x| x.sin());
    add("cos of a mean", AcrossBatch, |x| mean(x).cos());
    add("round", PerExample, |x| (x * 3.0).round());
    add("less than a constant", PerExample, |x| x.less(&fixed(x, &[4])).unwrap());
    add("less than a row for each", AcrossBatch, |x| x.less(&fixed(x, &[batch(x), 3, 4])).unwrap());
    add("equal to a mean", AcrossBatch, |x| x.equal(&mean(x)).unwrap());
    add("pow", PerExample, |x| (x + 9.0).pow(&fixed(x, &[4])).unwrap());
    add("pow by a row for each", AcrossBatch, |x| (x + 9.0).pow(&fixed(x, &[batch(x), 1, 1])).unwrap());
    add("remainder", PerExample, |x| x.remainder(&(x.square() + 0.5)).unwrap());
    add("prod_axes", PerExample, |x| x.prod_axes(&[1]).unwrap());
    add("norm_axes over examples", AcrossBatch, |x| x.norm_axes(&[0]).unwrap());
    add("norm of a mean", AcrossBatch, |x| mean(x).norm());
    add("log_sum_exp_axes", PerExample, |x| x.log_sum_exp_axes(&[-1]).unwrap());
    add("argmax", PerExample, |x| x.argmax(1).unwrap());
    add("argmin over examples", AcrossBatch, |x| x.argmin(0).unwrap());
    add("top_k", PerExample, |x| x.top_k(2, 2).unwrap().0);
    add("top_k of examples", AcrossBatch, |x| x.top_k(1, 0).unwrap().0);
    add("one_hot", PerExample, |x| places(x).one_hot(2).unwrap());
    add("cumsum", PerExample, |x| x.cumsum(1).unwrap());
    add("cumsum over examples", AcrossBatch, |x| x.cumsum(0).unwrap());
    add("cumsum of a mean", BatchMean, |x| mean(x).cumsum(0).unwrap());
    add("take", PerExample, |x| x.take(&two(x), 1).unwrap());
    add("take of examples", AcrossBatch, |x| x.take(&x.tape().constant(0.0), 0).unwrap());
    add("take of a mean", BatchMean, |x| mean(x).take(&two(x), 0).unwrap());
    add("take by a mean", AcrossBatch, |x| fixed(x, &[5, 2]).take(&mean(x).floor(), 0).unwrap());
    add("rows of a constant by example", PerExample, |x| fixed(x, &[5, 2]).take(&places(x), 0).unwrap());
    add("columns of a constant by example", AcrossBatch, |x| fixed(x, &[2, 5]).take(&places(x), 1).unwrap());
    add("x by example", AcrossBatch, |x| x.take(&places(x), 1).unwrap());
    add("flip", PerExample, |x| x.flip(1).unwrap());
    add("flip of examples", AcrossBatch, |x| x.flip(0).unwrap());
    add("flip of a mean", BatchMean, |x| mean(x).flip(0).unwrap());
    add("roll", PerExample, |x| x.roll(1, -1).unwrap());
    add("repeat", PerExample, |x| x.repeat(2, 1).unwrap());
    add("repeat of examples", AcrossBatch, |x| x.repeat(2, 0).unwrap());
    add("tile", PerExample, |x| x.tile(&[2, 1]).unwrap());
    add("tile along a new axis", AcrossBatch, |x| x.tile(&[2, 1, 1, 1]).unwrap());
    add("pad", PerExample, |x| x.pad(&[[0, 0], [1, 2], [0, 1]], PadMode::Reflect).unwrap());
    add("pad of examples", AcrossBatch, |x| x.pad(&[[1, 0], [0, 0], [0, 0]], PadMode::Constant(1.0)).unwrap());
    add("pad of a mean", BatchMean, |x| mean(x).pad(&[[1, 0], [0, 0]], PadMode::Constant(1.0)).unwrap());
    add("take_along_axis", PerExample, |x| x.take_along_axis(&places(x), 1).unwrap());
    add("take_along_axis of examples", AcrossBatch, |x| x.take_along_axis(&(places(x) * 0.0), 0).unwrap());
    add("take_along_axis by a constant", AcrossBatch, |x| {
        x.take_along_axis(&fixed(x, &[batch(x), 3, 4]).abs().floor(), 1).unwrap()
    });
    add("scatter", PerExample, |x| x.scatter(&places(x), &x.square(), 1).unwrap());
    add("scatter_add", PerExample, |x| x.scatter_add(&places(x), &x.square(), -1).unwrap());
    add("scatter_max into a constant", AcrossBatch, |x| {
        fixed(x, &[batch(x), 3, 4]).scatter_max(&places(x), x, 1).unwrap()
    });
    add("tril", PerExample, |x| x.tril(0).unwrap());
    add("tril of rows", AcrossBatch, |x| rows(x).tril(0).unwrap());
    add("triu of a mean", BatchMean, |x| mean(x).triu(0).unwrap());
    add("split", PerExample, |x| x.split(&[1, 2], 1).unwrap().remove(1));
    add("einsum · constant", PerExample, |x| Var::einsum("bij,jk->bik", &[x, &fixed(x, &[4, 2])]).unwrap());
    add("einsum · of each example", PerExample, |x| Var::einsum("bij,bkj->bik", &[x, x]).unwrap());
    add("einsum · of all examples", AcrossBatch, |x| Var::einsum("bij,cij->bc", &[x, x]).unwrap());
    all
}

fn batch(x: &Var) -> usize {
    x.shape()[0]
}

fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    let mut add = |name, dependence, f: fn(&Var) -> Var| all.push((name, dependence, f));
    // arithmetic
    add("number + x", PerExample, |x| 1.0 + x * 2.0 - 3.0);
    add("x / number", PerExample, |x| x / 2.0);
    add("number / x", PerExample, |x| 1.0 / (x + 9.0));
    add("-x", PerExample, |x| -x);
    add("x * x", PerExample, |x| x * x);
    add("x + constant of lower rank", PerExample, |x| x + fixed(x, &[3, 4]));
    add("x * constant [1, 3, 4]", PerExample, |x| x * fixed(x, &[1, 3, 4]));
    add("x / scalar", PerExample, |x| x / fixed(x, &[]));
    add("x + constant with a row for each", AcrossBatch, |x| x + fixed(x, &[batch(x), 3, 4]));
    add("x + constant of higher rank", AcrossBatch, |x| x + fixed(x, &[2, 1, 3, 4]));
    add("column + row of examples", AcrossBatch, |x| {
        let column = x.sum_axes(&[1, 2]).unwrap().insert_axis(-1).unwrap();
        &column + column.transpose().unwrap()
    });
    add("outer sum of examples", AcrossBatch, |x| {
        let sums = x.sum_axes(&[1, 2]).unwrap();
        &sums + sums.insert_axis(1).unwrap()
    });
    add("constants only", Constant, |x| fixed(x, &[2]) * fixed(x, &[2]));
    add("mean + constant", BatchMean, |x| mean(x) + fixed(x, &[4]));
    add("mean * constant", BatchMean, |x| fixed(x, &[4]) * mean(x));
    add("mean / constant", BatchMean, |x| mean(x) / fixed(x, &[4]));
    add("constant - mean", BatchMean, |x| fixed(x, &[4]) - mean(x));
    add("2 mean - 1", BatchMean, |x| -(2.0 * mean(x) - 1.0) / 3.0);
    add("sum of means", BatchMean, |x| x.mean() + x.square().mean());
    add("mean * mean", AcrossBatch, |x| mean(x) * mean(x));
    add("constant / mean", AcrossBatch, |x| fixed(x, &[4]) / (mean(x) + 9.0));
    add("1 / mean", AcrossBatch, |x| 1.0 / (mean(x) + 9.0));
    add("x - mean", AcrossBatch, |x| x - mean(x));
    // each number
    add("exp", PerExample, |x| x.exp());
    add("exp of a mean", AcrossBatch, |x| mean(x).exp());
    add("clip", PerExample, |x| x.clip(-0.1, 0.2));
    add("maximum", PerExample, |x| x.maximum(&fixed(x, &[4])).unwrap());
    add("minimum of means", AcrossBatch, |x| mean(x).minimum(&fixed(x, &[4])).unwrap());
    add("select by constant", PerExample, |x| fixed(x, &[3, 4]).relu().select(x, &x.square()).unwrap());
    add("select by example", PerExample, |x| x.relu().select(x, &fixed(x, &[1])).unwrap());
    add("select among means", BatchMean, |x| fixed(x, &[4]).relu().select(&mean(x), &fixed(x, &[])).unwrap());
    add("select by mean", AcrossBatch, |x| mean(x).relu().select(&fixed(x, &[4]), &fixed(x, &[])).unwrap());
    // products
    add("x · constant", PerExample, |x| x.matmul(&fixed(x, &[4, 2])).unwrap());
    add("rows · constant", PerExample, |x| rows(x).matmul(&fixed(x, &[12, 2])).unwrap());
    add("rows · constant vector", PerExample, |x| rows(x).matmul(&fixed(x, &[12])).unwrap());
    add("x · constant [1, 4, 2]", PerExample, |x| x.matmul(&fixed(x, &[1, 4, 2])).unwrap());
    add("x · a matrix for each", AcrossBatch, |x| x.matmul(&fixed(x, &[batch(x), 4, 2])).unwrap());
    add("x · constant of higher rank", AcrossBatch, |x| x.matmul(&fixed(x, &[2, 1, 4, 2])).unwrap());
    add("rows · constant of higher rank", AcrossBatch, |x| rows(x).matmul(&fixed(x, &[2, 12, 2])).unwrap());
    add("constant · x", PerExample, |x| fixed(x, &[2, 3]).matmul(x).unwrap());
    add("constant vector · x", PerExample, |x| fixed(x, &[3]).matmul(x).unwrap());
    add("constant · rows", AcrossBatch, |x| fixed(x, &[2, batch(x)]).matmul(&rows(x)).unwrap());
    add("x · xᵀ", PerExample, |x| x.matmul(&x.transpose().unwrap()).unwrap());
    add("rows · rowsᵀ", AcrossBatch, |x| rows(x).matmul(&rows(x).transpose().unwrap()).unwrap());
    add("x · vector of examples", AcrossBatch, |x| {
        x.permute(&[1, 2, 0]).unwrap().matmul(&x.sum_axes(&[1, 2]).unwrap()).unwrap()
    });
    add("mean · constant", BatchMean, |x| mean(x).matmul(&fixed(x, &[4, 2])).unwrap());
    add("constant · mean", BatchMean, |x| fixed(x, &[3]).matmul(&mean(x)).unwrap());
    add("mean · mean", AcrossBatch, |x| mean(x).matmul(&mean(x).transpose().unwrap()).unwrap());
    // reductions
    add("mean", BatchMean, |x| x.mean());
    add("sum", AcrossBatch, |x| x.sum());
    add("sum of constants", Constant, |x| fixed(x, &[3]).sum());
    add("mean_axes over examples", BatchMean, |x| x.mean_axes(&[0, 2]).unwrap());
    add("mean_axes_keep over examples", BatchMean, |x| x.mean_axes_keep(&[0]).unwrap());
    add("mean_axes", PerExample, |x| x.mean_axes(&[1]).unwrap());
    add("sum_axes", PerExample, |x| x.sum_axes_keep(&[-1]).unwrap());
    add("sum_axes over examples", AcrossBatch, |x| x.sum_axes(&[0]).unwrap());
    add("sum_axes of a mean", BatchMean, |x| mean(x).sum_axes(&[0]).unwrap());
    add("sum of a mean", BatchMean, |x| mean(x).sum());
    add("mean of a sum", AcrossBatch, |x| x.sum_axes(&[0]).unwrap().mean());
    add("max_axes", PerExample, |x| x.max_axes(&[1, 2]).unwrap());
    add("min_axes over examples", AcrossBatch, |x| x.min_axes(&[0]).unwrap());
    add("max", AcrossBatch, |x| x.max());
    add("max of a mean", AcrossBatch, |x| mean(x).max());
    // shapes
    add("reshape", PerExample, rows);
    add("reshape over examples", AcrossBatch, |x| x.reshape(&[batch(x) * 3, 4]).unwrap());
    add("reshape of a mean", BatchMean, |x| mean(x).reshape(&[12]).unwrap());
    add("insert_axis", PerExample, |x| x.insert_axis(-1).unwrap());
    add("insert_axis before examples", AcrossBatch, |x| x.insert_axis(0).unwrap());
    add("remove_axis", PerExample, |x| x.insert_axis(2).unwrap().remove_axis(2).unwrap());
    add("permute", PerExample, |x| x.permute(&[0, 2, 1]).unwrap());
    add("permute examples", AcrossBatch, |x| x.permute(&[1, 0, 2]).unwrap());
    add("transpose", PerExample, |x| x.transpose().unwrap());
    add("transpose of rows", AcrossBatch, |x| rows(x).transpose().unwrap());
    add("transpose of a mean", BatchMean, |x| mean(x).transpose().unwrap());
    add("broadcast_to", PerExample, |x| x.insert_axis(2).unwrap().broadcast_to(&[batch(x), 3, 2, 4]).unwrap());
    add("broadcast_to a new axis", AcrossBatch, |x| x.broadcast_to(&[2, batch(x), 3, 4]).unwrap());
    add("broadcast_to of a mean", BatchMean, |x| mean(x).broadcast_to(&[2, 3, 4]).unwrap());
    add("constant for each", PerExample, |x| fixed(x, &[1, 4]).broadcast_to(&[batch(x), 3, 4]).unwrap());
    add("constant for each beside x", PerExample, |x| {
        Var::concat(&[&fixed(x, &[1, 4]).broadcast_to(&[batch(x), 1, 4]).unwrap(), x], 1).unwrap()
    });
    add("constant broadcast inside", Constant, |x| fixed(x, &[3, 1]).broadcast_to(&[3, 4]).unwrap());
    add("mean of a constant for each", BatchMean, |x| fixed(x, &[4]).broadcast_to(&[batch(x), 4]).unwrap().mean());
    add("slice", PerExample, |x| x.slice(1, 1..).unwrap());
    add("slice of examples", AcrossBatch, |x| x.slice(0, ..).unwrap());
    add("slice of a mean", BatchMean, |x| mean(x).slice(0, 1..).unwrap());
    add("index_axis", PerExample, |x| x.index_axis(-1, 2).unwrap());
    add("index_axis of examples", AcrossBatch, |x| x.index_axis(0, 0).unwrap());
    add("concat", PerExample, |x| Var::concat(&[x, &x.square()], 2).unwrap());
    add("concat of examples", AcrossBatch, |x| Var::concat(&[x, x], 0).unwrap());
    add("concat with constant", AcrossBatch, |x| Var::concat(&[x, &fixed(x, &[batch(x), 3, 2])], 2).unwrap());
    add("concat of means", BatchMean, |x| Var::concat(&[&mean(x), &fixed(x, &[2, 4])], 0).unwrap());
    add("stack", PerExample, |x| Var::stack(&[x, &x.square()], 1).unwrap());
    add("stack before examples", AcrossBatch, |x| Var::stack(&[x, x], 0).unwrap());
    add("stack of means", BatchMean, |x| Var::stack(&[&x.mean(), &x.square().mean()], 0).unwrap());
    // activations
    add("softmax", PerExample, |x| x.softmax(1).unwrap());
    add("softmax over examples", AcrossBatch, |x| x.softmax(0).unwrap());
    add("log_softmax", PerExample, |x| x.log_softmax(-1).unwrap());
    add("log_softmax over examples", AcrossBatch, |x| x.log_softmax(0).unwrap());
    add("Softmax over one axis", AcrossBatch, |x| Softmax.apply(&x.sum_axes(&[1, 2]).unwrap()));
    add("LogSoftmax over one axis", AcrossBatch, |x| LogSoftmax.apply(&x.sum_axes(&[1, 2]).unwrap()));
    add("sigmoid", PerExample, |x| x.sigmoid());
    add("gelu", PerExample, |x| Gelu.apply(x));
    add("tanh of a mean", AcrossBatch, |x| mean(x).tanh());
    all.extend(of_arrays());
    all
}

fn numbers() -> Tensor {
    tensor(&[BATCH, 3, 4], (0..BATCH * 12).map(|i| ((i * 29 + 5) % 37) as Float / 18.0 - 1.0).collect())
}

fn run(f: fn(&Var) -> Var, rows: std::ops::Range<usize>) -> (ArrayD<Float>, ArrayD<Float>, Dependence) {
    let tape = Tape::training();
    let x = tape.variable(numbers().slice_axis(Axis(0), rows.into()));
    let y = f(&x);
    // Of the mean over the part's examples, or of the mean itself.
    let grads = y.mean().backward().unwrap();
    let dx = grads.of(&x).map_or_else(|| ArrayD::zeros(x.shape()), |dx| dx.to_owned());
    ((*y.value).to_owned(), dx, y.dependence)
}

#[test]
fn every_operation_says_how_it_depends_on_examples() {
    for (name, want, f) in cases() {
        assert_eq!(run(f, 0..BATCH).2, want, "{name}");
    }
}

#[test]
fn what_may_run_in_parts_gives_the_same_in_parts() {
    let near = |a: &ArrayD<Float>, b: &ArrayD<Float>| {
        a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * a.abs().max(1.0))
    };
    for (name, dependence, f) in cases() {
        let (whole, dx, _) = run(f, 0..BATCH);
        for cut in [1, 3] {
            let ((first, first_dx, _), (second, second_dx, _)) = (run(f, 0..cut), run(f, cut..BATCH));
            let share = cut as Float / BATCH as Float;
            let parts = match dependence {
                PerExample => concatenate(Axis(0), &[first.view(), second.view()]).unwrap(),
                BatchMean => first * share + second * (1.0 - share),
                Constant => second,
                AcrossBatch => continue,
            };
            match dependence {
                // Rows are computed by the same instructions on the same numbers.
                PerExample if !name.contains('·') => assert_eq!(whole, parts, "{name}"),
                _ => assert!(near(&whole, &parts), "{name}: {whole} {parts}"),
            }
            let shares = [first_dx * share, second_dx * (1.0 - share)];
            let parts = concatenate(Axis(0), &[shares[0].view(), shares[1].view()]).unwrap();
            assert!(near(&dx, &parts), "gradient of {name}: {dx} {parts}");
        }
    }
}
