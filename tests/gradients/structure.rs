//! Rows for what joins layers: graphs, merges, residual and parallel containers, penalties.

use gradus::layers::*;
use gradus::prelude::*;
use gradus::regularizers::Regularizer;
use gradus::regularizers::{L1L2, OrthogonalColumns};

use super::{Function, Row, function, layer, numbers, positive};

pub(crate) fn functions() -> Vec<Function> {
    let mut rows = Vec::new();
    // Numbers that are near each other nowhere.
    let inputs = [numbers(&[2, 3]), positive(&[2, 3]).mapv(|x| x - 1.2345).into_shared(), numbers(&[3])];
    macro_rules! merge {
        ($name:literal, $count:literal, $layer:expr) => {
            rows.push(function($name, &inputs[..$count], |x| $layer.forward(&x.to_vec())));
        };
    }
    merge!("Add three with broadcasting", 3, Add);
    merge!("Add one", 1, Add);
    merge!("Multiply three", 3, Multiply);
    merge!("Average three", 3, Average);
    merge!("Maximum two", 2, Maximum);
    merge!("Minimum two", 2, Minimum);
    merge!("Concatenate two", 2, Concatenate::default());
    merge!("Concatenate along the batch", 2, Concatenate::new(0));
    for name in ["add", "subtract", "multiply", "divide", "maximum", "minimum"] {
        let operator = Operator::new(name);
        rows.push(function(format!("Operator {name}"), &inputs[..2], move |x| operator.forward(&x.to_vec())));
    }
    let of_one = ["negative", "absolute", "exp", "square", "reciprocal", "sin", "cos", "mean", "sum", "max", "min"];
    for name in of_one {
        let operator = Operator::new(name);
        rows.push(function(format!("Operator {name}"), &inputs[..1], move |x| operator.forward(&x.to_vec())));
    }
    let half = Operator::new("divide").operands(vec![None, Some(2.0)]);
    rows.push(function("Operator by a number", &inputs[..1], move |x| half.forward(&x.to_vec())));
    let part = Operator::new("get_item").slices(vec![vec![None, None], vec![Some(1), None], vec![]]);
    rows.push(function("Operator get_item", &inputs[..1], move |x| part.forward(&x.to_vec())));
    rows.push(function("Subtract", &inputs[..2], |x| Subtract.forward(&(x[0].clone(), x[1].clone()))));
    let mut dot = |name: &str, shapes: [&[usize]; 2], dot: Dot| {
        let inputs = shapes.map(numbers);
        rows.push(function(name, &inputs, move |x| dot.forward(&(x[0].clone(), x[1].clone()))));
    };
    dot("Dot of vectors", [&[3, 4], &[3, 4]], Dot::new([1, 1]));
    dot("Dot of matrices", [&[2, 3, 4], &[2, 5, 3]], Dot::new([1, 2]));
    dot("Dot of a matrix and a vector", [&[2, 3, 4], &[2, 4]], Dot::new([-1, -1]));
    dot("Dot normalized", [&[2, 3, 4], &[2, 5, 4]], Dot::new([2, 2]).normalize(true));
    let kernel = &inputs[..1];
    rows.push(function("L1 penalty", kernel, |x| L1(0.3).penalty(&x[0])));
    rows.push(function("L2 penalty", kernel, |x| L2(0.3).penalty(&x[0])));
    rows.push(function("L1L2 penalty", kernel, |x| L1L2 { l1: 0.3, l2: 0.2 }.penalty(&x[0])));
    rows.push(function("OrthogonalColumns penalty", &[numbers(&[2, 2, 4])], |x| OrthogonalColumns(0.3).penalty(&x[0])));
    rows
}

/// `tanh(dense(x) + x · w)` and a way around it, by name.
fn graph() -> Graph<Var, Var> {
    Graph::new("x")
        .add("dense", Dense::new(4), "x")
        .share("again", "dense", "dense")
        .add("sum", Add, ["dense", "again", "x"])
        .add("tanh", Tanh, "sum")
        .outputs("tanh")
        .typed()
}

/// The layer with an adapter whose B, too, is not zero; the kernel is trained as well.
fn adapted<L: Layer>(layer: L, columns: usize) -> L {
    layer.attach("kernel", Lora::new(2).alpha(3.0)).unwrap();
    layer.unfreeze();
    let b = layer.parameters().into_iter().find(|(path, _)| path == "kernel.lora_b");
    b.unwrap().1.set(numbers(&[2, columns])).unwrap();
    layer
}

pub(crate) fn table() -> Vec<Row> {
    let dense = || Dense::new(4).activation(Tanh);
    let other: Option<&[usize]> = Some(&[3, 5]);
    vec![
        layer("Graph with a shared layer", &[3, 4], other, graph),
        layer("Graph in a graph", &[3, 4], other, || {
            let whole = Graph::new("x").add("inner", graph(), "x").add("out", Dense::new(2), "inner");
            whole.outputs("out").typed::<Var, Var>()
        }),
        layer("Residual", &[3, 4], other, move || Residual::new(dense())),
        layer("Residual with a shortcut", &[3, 4], other, || {
            Residual::new(Dense::new(2)).shortcut(Dense::new(2)).activation(Tanh)
        }),
        layer("Parallel", &[3, 4], other, move || Parallel::new().add(dense()).add(Dense::new(2))),
        layer("Parallel merged by a product", &[3, 4], other, move || {
            Parallel::new().add(dense()).add(Linear).merge(Multiply)
        }),
        layer("Distilled", &[3, 4], other, move || Distilled::new(Dense::new(4), Dense::new(4)).alpha(0.5)),
        layer("Dense with an adapter", &[3, 5], Some(&[3, 4]), || adapted(Dense::new(4).activation(Tanh), 4)),
        layer("Conv2d with an adapter", &[2, 4, 4, 2], Some(&[2, 4, 4, 3]), || adapted(Conv2d::new(3, 2), 3)),
        layer("ActivityRegularization", &[3, 4], None, || ActivityRegularization::new(L2(0.1))),
    ]
}
