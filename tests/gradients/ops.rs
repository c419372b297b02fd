//! A row for each operation on variables. Names begin with that of the method.

use gradus::prelude::*;

use super::{Function, function, numbers, positive};

pub(crate) fn table() -> Vec<Function> {
    let mut rows = Vec::new();
    // operators, on all kinds of broadcasting
    for (kind, a, b) in [
        ("alike", vec![2, 3], vec![2, 3]),
        ("row", vec![2, 3], vec![3]),
        ("column", vec![2, 3], vec![2, 1]),
        ("scalar", vec![], vec![2, 3]),
        ("both", vec![2, 1, 3], vec![4, 1]),
    ] {
        let inputs = [numbers(&a), positive(&b)];
        let mut add = |name: &str, f: fn(&Var, &Var) -> Var| {
            rows.push(function(format!("{name} {kind}"), &inputs, move |x| Ok(f(&x[0], &x[1]))));
        };
        add("+", |a, b| a + b);
        add("-", |a, b| a - b);
        add("*", |a, b| a * b);
        add("/", |a, b| a / b);
        // Numbers that are near each other nowhere.
        rows.push(function(format!("maximum {kind}"), &inputs, |x| x[0].maximum(&(&x[1] - 1.2345))));
        rows.push(function(format!("minimum {kind}"), &inputs, |x| x[0].minimum(&(&x[1] - 1.2345))));
        rows.push(function(format!("select {kind}"), &inputs, |x| x[0].detach().relu().select(&x[0], &x[1])));
    }
    // functions of each number
    let any = numbers(&[2, 4]);
    let above = positive(&[2, 4]);
    let mut each = |name: &str, x: &Tensor, f: fn(&Var) -> Var| {
        rows.push(function(name, std::slice::from_ref(x), move |x| Ok(f(&x[0]))));
    };
    each("+ number", &any, |x| 2.0 + (x + 1.5));
    each("- number", &any, |x| 2.0 - (x - 1.5));
    each("* number", &any, |x| -3.0 * (x * 1.5));
    each("/ number", &above, |x| 2.0 / (x / 1.5));
    each("- alone", &any, |x| -x);
    each("* itself", &any, |x| x * x);
    each("exp", &any, |x| x.exp());
    each("ln", &above, |x| x.ln());
    each("sqrt", &above, |x| x.sqrt());
    each("square", &any, |x| x.square());
    each("abs", &any, |x| x.abs());
    each("powi 0", &any, |x| x.powi(0));
    each("powi 3", &any, |x| x.powi(3));
    each("powi -2", &above, |x| x.powi(-2));
    each("powf 0", &above, |x| x.powf(0.0));
    each("powf 2.5", &above, |x| x.powf(2.5));
    each("powf -0.5", &above, |x| x.powf(-0.5));
    each("clip", &any, |x| x.clip(-0.55, 0.75));
    each("recip", &above, |x| x.recip());
    each("tanh", &any, |x| x.tanh());
    each("sigmoid", &any, |x| x.sigmoid());
    each("relu", &any, |x| x.relu());
    // over everything
    each("sum", &any, |x| x.sum());
    each("mean", &any, |x| x.mean());
    each("max", &any, |x| x.max());
    each("min", &any, |x| x.min());
    each("sum of a scalar", &positive(&[]), |x| x.sum());

    let cube = numbers(&[2, 3, 4]);
    // along axes
    type Along = fn(&Var, &[isize]) -> Result<Var>;
    let along: [(&str, Along); 8] = [
        ("sum_axes", Var::sum_axes),
        ("sum_axes_keep", Var::sum_axes_keep),
        ("mean_axes", Var::mean_axes),
        ("mean_axes_keep", Var::mean_axes_keep),
        ("max_axes", Var::max_axes),
        ("max_axes_keep", Var::max_axes_keep),
        ("min_axes", Var::min_axes),
        ("min_axes_keep", Var::min_axes_keep),
    ];
    for (name, f) in along {
        for axes in [&[][..], &[0], &[1], &[-1], &[0, 2], &[1, 2], &[0, 1, 2]] {
            let row = function(format!("{name} {axes:?}"), std::slice::from_ref(&cube), move |x| f(&x[0], axes));
            rows.push(row);
        }
    }
    let mut add = |name: &str, x: &Tensor, f: fn(&Var) -> Result<Var>| {
        rows.push(function(name, std::slice::from_ref(x), move |x| f(&x[0])));
    };
    add("softmax first axis", &cube, |x| x.softmax(0));
    add("softmax middle axis", &cube, |x| x.softmax(1));
    add("softmax last axis", &cube, |x| x.softmax(-1));
    add("log_softmax first axis", &cube, |x| x.log_softmax(0));
    add("log_softmax middle axis", &cube, |x| x.log_softmax(1));
    add("log_softmax last axis", &cube, |x| x.log_softmax(2));
    // shapes
    add("reshape", &cube, |x| x.reshape(&[4, 6]));
    add("reshape keeps rows", &cube, |x| x.reshape(&[2, 12]));
    add("reshape_examples", &cube, |x| x.reshape_examples(&[12]));
    add("insert_axis", &cube, |x| x.insert_axis(1));
    add("remove_axis", &numbers(&[2, 1, 3]), |x| x.remove_axis(1));
    add("permute", &cube, |x| x.permute(&[2, 0, 1]));
    add("permute keeps rows", &cube, |x| x.permute(&[0, 2, 1]));
    add("transpose", &cube, |x| x.transpose());
    add("broadcast_to new axis", &cube, |x| x.broadcast_to(&[2, 2, 3, 4]));
    add("broadcast_to inner axis", &numbers(&[3, 1, 2]), |x| x.broadcast_to(&[2, 3, 4, 2]));
    add("slice first axis", &cube, |x| x.slice(0, 1..));
    add("slice middle axis", &cube, |x| x.slice(1, ..2));
    add("slice last axis", &cube, |x| x.slice(-1, 1..=2));
    add("index_axis", &cube, |x| x.index_axis(1, 2));
    for axis in 0..3 {
        let mut second = [2, 3, 4];
        second[axis] = 2;
        let inputs = [cube.clone(), positive(&second)];
        rows.push(function(format!("concat axis {axis}"), &inputs, move |x| {
            Var::concat(&[&x[0], &x[1], &x[0]], axis as isize)
        }));
    }
    for axis in 0..3 {
        let inputs = [numbers(&[2, 3]), positive(&[2, 3])];
        rows.push(function(format!("stack axis {axis}"), &inputs, move |x| Var::stack(&[&x[0], &x[1]], axis)));
    }
    // products
    for (a, b) in [
        (vec![3], vec![3]),
        (vec![3], vec![3, 2]),
        (vec![2, 3], vec![3]),
        (vec![2, 3], vec![3, 4]),
        (vec![2, 2, 3], vec![3, 4]),
        (vec![2, 3], vec![2, 3, 2]),
        (vec![2, 2, 3], vec![2, 3, 2]),
        (vec![2, 1, 2, 3], vec![2, 3, 2]),
        (vec![1, 2, 3], vec![2, 3, 2]),
        (vec![2, 2, 3], vec![3]),
        (vec![3], vec![2, 3, 2]),
    ] {
        let inputs = [numbers(&a), positive(&b)];
        rows.push(function(format!("matmul {a:?} {b:?}"), &inputs, |x| x[0].matmul(&x[1])));
    }
    rows.push(function("matmul with itself", &[numbers(&[2, 3])], |x| x[0].matmul(&x[0].transpose()?)));
    rows
}
