//! A row for each operation that arrays have: functions of each number, comparisons, places.

use gradus::PadMode;
use gradus::prelude::*;
use ndarray::arr2;

use super::{Function, function, numbers, positive};

/// Numbers from -0.75 to 0.75.
fn small(shape: &[usize]) -> Tensor {
    numbers(shape).mapv(|x| x / 2.0).into_shared()
}

/// Numbers from 1.5 to 3.
fn above_one(shape: &[usize]) -> Tensor {
    positive(shape).mapv(|x| x + 1.0).into_shared()
}

pub(crate) fn table() -> Vec<Function> {
    let mut rows = Vec::new();
    let shape = [2, 4];
    let mut each = |name: &str, x: Tensor, f: fn(&Var) -> Var| {
        rows.push(function(name, &[x], move |x| Ok(f(&x[0]))));
    };
    each("sin", numbers(&shape), Var::sin);
    each("cos", numbers(&shape), Var::cos);
    each("tan", small(&shape), Var::tan);
    each("asin", small(&shape), Var::asin);
    each("acos", small(&shape), Var::acos);
    each("atan", numbers(&shape), Var::atan);
    each("sinh", numbers(&shape), Var::sinh);
    each("cosh", numbers(&shape), Var::cosh);
    each("asinh", numbers(&shape), Var::asinh);
    each("acosh", above_one(&shape), Var::acosh);
    each("atanh", small(&shape), Var::atanh);
    each("erf", numbers(&shape), Var::erf);
    each("floor", numbers(&shape), |x| x * x.floor());
    each("ceil", numbers(&shape), |x| x * x.ceil());
    each("round", numbers(&shape), |x| x * x.round());
    each("trunc", numbers(&shape), |x| x * x.trunc());
    each("sign", numbers(&shape), |x| x * x.sign());
    each("is_nan", numbers(&shape), |x| x * x.is_nan());
    each("is_infinite", numbers(&shape), |x| x * x.is_infinite());
    each("prod", positive(&shape), Var::prod);
    each("norm", numbers(&shape), Var::norm);
    each("log_sum_exp", numbers(&shape), Var::log_sum_exp);

    type Bits = fn(&Var, &Var) -> Result<Var>;
    for (name, f) in [
        ("bitwise_and", Var::bitwise_and as Bits),
        ("bitwise_or", Var::bitwise_or),
        ("bitwise_xor", Var::bitwise_xor),
        ("bitwise_not", |x, _| x.bitwise_not()),
        ("left_shift", |x, y| x.left_shift(&y.abs())),
        ("right_shift", |x, y| x.right_shift(&y.abs())),
    ] {
        rows.push(function(name, &[numbers(&shape), numbers(&[4])], move |x| {
            Ok(&x[0] * f(&(&x[0] * 2.0).round(), &x[1].round())? + &x[1])
        }));
    }

    for (kind, a, b) in [
        ("alike", vec![2, 3], vec![2, 3]),
        ("row", vec![2, 3], vec![3]),
        ("column", vec![2, 3], vec![2, 1]),
        ("scalar", vec![], vec![2, 3]),
        ("both", vec![2, 1, 3], vec![4, 1]),
    ] {
        let inputs = [above_one(&a), positive(&b)];
        type Binary = fn(&Var, &Var) -> Result<Var>;
        let both: [(&str, Binary); 9] = [
            ("pow", Var::pow),
            ("remainder", |a, b| a.remainder(&(b * -0.37))),
            ("fmod", |a, b| a.fmod(&(b * -0.37))),
            ("equal", |a, b| Ok(a * a.equal(b)?)),
            ("not_equal", |a, b| Ok(a * a.not_equal(b)?)),
            ("less", |a, b| Ok(a * a.less(b)?)),
            ("less_equal", |a, b| Ok(a * a.less_equal(b)?)),
            ("greater", |a, b| Ok(a * a.greater(b)?)),
            ("greater_equal", |a, b| Ok(a * a.greater_equal(b)?)),
        ];
        for (name, f) in both {
            rows.push(function(format!("{name} {kind}"), &inputs, move |x| f(&x[0], &x[1])));
        }
    }

    type Along = fn(&Var, &[isize]) -> Result<Var>;
    let along: [(&str, Along); 6] = [
        ("prod_axes", Var::prod_axes),
        ("prod_axes_keep", Var::prod_axes_keep),
        ("norm_axes", Var::norm_axes),
        ("norm_axes_keep", Var::norm_axes_keep),
        ("log_sum_exp_axes", Var::log_sum_exp_axes),
        ("log_sum_exp_axes_keep", Var::log_sum_exp_axes_keep),
    ];
    let cube = numbers(&[2, 3, 4]);
    for (name, f) in along {
        for axes in [&[][..], &[0], &[1], &[-1], &[0, 2], &[1, 2], &[0, 1, 2]] {
            let row = function(format!("{name} {axes:?}"), std::slice::from_ref(&cube), move |x| f(&x[0], axes));
            rows.push(row);
        }
    }
    let with_zeros = numbers(&[2, 3]).mapv(|x| if x.abs() < 0.3 { 0.0 } else { x }).into_shared();
    rows.push(function("prod_axes with a zero", &[with_zeros], |x| x[0].prod_axes(&[1])));

    let mut add = |name: &str, f: fn(&Var) -> Result<Var>| {
        rows.push(function(name, std::slice::from_ref(&cube), move |x| f(&x[0])));
    };
    add("argmax", |x| Ok(x.sum_axes(&[1])? * x.argmax(1)?));
    add("argmin", |x| Ok(x.sum_axes(&[0])? * x.argmin(0)?));
    add("top_k last axis", |x| Ok(x.top_k(2, -1)?.0));
    add("top_k first axis", |x| Ok(x.top_k(1, 0)?.0));
    add("one_hot", |x| Ok(x.index_axis(1, 0)? * x.index_axis(0, 0)?.argmax(1)?.one_hot(4)?.slice(0, ..2)?));
    for axis in [0, 1, -1] {
        let one = std::slice::from_ref(&cube);
        rows.push(function(format!("cumsum axis {axis}"), one, move |x| x[0].cumsum(axis)));
        rows.push(function(format!("flip axis {axis}"), one, move |x| x[0].flip(axis)));
        rows.push(function(format!("roll axis {axis}"), one, move |x| x[0].roll(-1, axis)));
        rows.push(function(format!("repeat axis {axis}"), one, move |x| x[0].repeat(3, axis)));
        rows.push(function(format!("take axis {axis}"), one, move |x| {
            x[0].take(&x[0].tape().constant(arr2(&[[0, 1, -1], [1, 1, 0]])), axis)
        }));
        rows.push(function(format!("split axis {axis}"), one, move |x| {
            let len = x[0].value().shape()[axis.rem_euclid(3) as usize];
            let parts = x[0].split(&[1, len - 1], axis)?;
            Var::concat(&[&parts[1].square(), &parts[0]], axis)
        }));
        let mut shape = [2, 3, 4];
        shape[axis.rem_euclid(3) as usize] = 3;
        let inputs = [cube.clone(), positive(&shape)];
        let places = move |x: &Var| {
            let places = ndarray::ArrayD::from_shape_fn(&shape[..], |i| (i[0] + 2 * i[1] + i[2]) % 2);
            x.tape().constant(places)
        };
        rows.push(function(format!("take_along_axis axis {axis}"), one, move |x| {
            x[0].take_along_axis(&places(&x[0]), axis)
        }));
        type Scattered = fn(&Var, &Var, &Var, isize) -> Result<Var>;
        let scattered: [(&str, Scattered); 4] = [
            ("scatter", Var::scatter),
            ("scatter_add", Var::scatter_add),
            ("scatter_max", Var::scatter_max),
            ("scatter_min", Var::scatter_min),
        ];
        for (name, f) in scattered {
            rows.push(function(format!("{name} axis {axis}"), &inputs, move |x| f(&x[0], &places(&x[0]), &x[1], axis)));
        }
    }
    let mut add = |name: &str, f: fn(&Var) -> Result<Var>| {
        rows.push(function(name, std::slice::from_ref(&cube), move |x| f(&x[0])));
    };
    add("take a scalar", |x| x.take(&x.tape().constant(1.0), 1));
    add("tile", |x| x.tile(&[2, 1, 3]));
    add("tile last axis", |x| x.tile(&[2]));
    add("tile new axes", |x| x.tile(&[2, 1, 1, 2]));
    add("tril", |x| x.tril(0));
    add("tril above", |x| x.tril(1));
    add("triu", |x| x.triu(0));
    add("triu below", |x| x.triu(-1));
    for mode in [PadMode::Constant(2.0), PadMode::Edge, PadMode::Reflect, PadMode::Symmetric, PadMode::Wrap] {
        let row = function(format!("pad {mode:?}"), std::slice::from_ref(&cube), move |x| {
            x[0].pad(&[[0, 1], [2, 1], [0, 3]], mode)
        });
        rows.push(row);
    }
    for (equation, shapes) in [
        ("ij->ji", vec![vec![2, 3]]),
        ("ii->i", vec![vec![3, 3]]),
        ("...ii->...", vec![vec![2, 3, 3]]),
        ("bij,bjk->bik", vec![vec![2, 3, 2], vec![2, 2, 3]]),
        ("...ij,jk", vec![vec![2, 3, 2], vec![2, 3]]),
        ("i,j->ij", vec![vec![2], vec![3]]),
        ("ij,jk,kl->il", vec![vec![2, 3], vec![3, 2], vec![2, 2]]),
        ("ij,ik->", vec![vec![2, 3], vec![2, 2]]),
    ] {
        let inputs: Vec<Tensor> = shapes.iter().map(|shape| numbers(shape)).collect();
        rows.push(function(format!("einsum {equation}"), &inputs, move |x| {
            Var::einsum(equation, &x.iter().collect::<Vec<_>>())
        }));
    }
    rows
}
