//! `+ - * /` with broadcasting.

use super::broadcast::{self, zip};
use super::elementwise::Form;
use super::folding::sum_to;
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::tensor::{Float, Tensor};

/// Applies a binary operation.
///
/// # Panics
/// Shapes that do not broadcast, as integer arithmetic does on overflow.
#[track_caller]
fn combine(verb: &str, a: &Var, b: &Var, op: impl Op) -> Var {
    if broadcast::common(a.value.shape(), b.value.shape()).is_none() {
        panic!(
            "cannot {verb} shapes {:?} and {:?}: aligned at the last axis, lengths must be equal or 1; insert an axis \
             of length 1 where one is missing",
            a.value.shape(),
            b.value.shape()
        );
    }
    a.tape().apply(op, &[a, b])
}

fn common(a: &Tensor, b: &Tensor) -> Vec<usize> {
    broadcast::common(a.shape(), b.shape()).expect("checked before the operation is applied")
}

/// Of an operation that is linear where `linear` says so of the inputs.
fn dependence(inputs: &[Dependence], a: &[usize], b: &[usize], linear: bool) -> Dependence {
    match Dependence::linear(inputs) {
        Dependence::BatchMean if linear => Dependence::BatchMean,
        _ => broadcast::dependence(inputs, &[a, b]),
    }
}

/// `y = a + b`, or `y = a - b` with a `sign` of -1
struct Add {
    sign: Float,
    a: Vec<usize>,
    b: Vec<usize>,
}

impl Op for Add {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (a, b) = (inputs[0], inputs[1]);
        (self.a, self.b) = (a.shape().into(), b.shape().into());
        match self.sign {
            1.0 => zip(a, b, &common(a, b), |a, b| a + b),
            _ => zip(a, b, &common(a, b), |a, b| a - b),
        }
    }

    /// `da = dy`, `db = ±dy`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || sum_to(dy.clone(), &self.a));
        dx.add(1, || {
            let db = sum_to(dy.clone(), &self.b);
            if self.sign == 1.0 { db } else { zip(&db, &db, &self.b, |db, _| -db) }
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        dependence(inputs, &self.a, &self.b, true)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        form.pair(if self.sign == 1.0 { "Add" } else { "Sub" })
    }
}

/// `y = a b`
#[derive(Default)]
struct Mul {
    a: Tensor,
    b: Tensor,
}

impl Op for Mul {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (self.a, self.b) = (inputs[0].clone(), inputs[1].clone());
        zip(&self.a, &self.b, &common(&self.a, &self.b), |a, b| a * b)
    }

    /// `da = dy b`, `db = dy a`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || sum_to(zip(dy, &self.b, dy.shape(), |dy, b| dy * b), self.a.shape()));
        dx.add(1, || sum_to(zip(dy, &self.a, dy.shape(), |dy, a| dy * a), self.b.shape()));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        dependence(inputs, self.a.shape(), self.b.shape(), inputs.contains(&Dependence::Constant))
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        form.pair("Mul")
    }
}

/// `y = a / b`
#[derive(Default)]
struct Div {
    b: Tensor,
    y: Tensor,
    a: Vec<usize>,
}

impl Op for Div {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (a, b) = (inputs[0], inputs[1]);
        (self.a, self.b) = (a.shape().into(), b.clone());
        self.y = zip(a, b, &common(a, b), |a, b| a / b);
        self.y.clone()
    }

    /// `da = dy / b`, `db = -dy y / b`, summed over what was repeated
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || sum_to(zip(dy, &self.b, dy.shape(), |dy, b| dy / b), &self.a));
        dx.add(1, || {
            let product = zip(dy, &self.y, dy.shape(), |dy, y| -dy * y);
            sum_to(zip(&product, &self.b, dy.shape(), |product, b| product / b), self.b.shape())
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        dependence(inputs, &self.a, self.b.shape(), inputs[1] == Dependence::Constant)
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        form.pair("Div")
    }
}

#[track_caller]
fn add(a: &Var, b: &Var) -> Var {
    combine("add", a, b, Add { sign: 1.0, a: Vec::new(), b: Vec::new() })
}

#[track_caller]
fn sub(a: &Var, b: &Var) -> Var {
    combine("subtract", a, b, Add { sign: -1.0, a: Vec::new(), b: Vec::new() })
}

#[track_caller]
fn mul(a: &Var, b: &Var) -> Var {
    combine("multiply", a, b, Mul::default())
}

#[track_caller]
fn div(a: &Var, b: &Var) -> Var {
    combine("divide", a, b, Div::default())
}

/// An operator for each pair of operands: variables, owned and borrowed, and numbers.
macro_rules! operator {
    ($Trait:ident, $method:ident, $right:expr, $left:expr) => {
        operator!(@vars $Trait, $method, &Var, &Var, |a, b| (a, b));
        operator!(@vars $Trait, $method, &Var, Var, |a, b| (a, &b));
        operator!(@vars $Trait, $method, Var, &Var, |a, b| (&a, b));
        operator!(@vars $Trait, $method, Var, Var, |a, b| (&a, &b));
        operator!(@number $Trait, $method, $right, $left);
    };
    (@vars $Trait:ident, $method:ident, $A:ty, $B:ty, |$a:ident, $b:ident| ($x:expr, $y:expr)) => {
        impl std::ops::$Trait<$B> for $A {
            type Output = Var;
            #[track_caller]
            fn $method(self, other: $B) -> Var {
                let ($a, $b) = (self, other);
                $method($x, $y)
            }
        }
    };
    (@number $Trait:ident, $method:ident, $right:expr, $left:expr) => {
        impl std::ops::$Trait<Float> for &Var {
            type Output = Var;
            fn $method(self, number: Float) -> Var {
                let apply: fn(&Var, Float) -> Var = $right;
                apply(self, number)
            }
        }

        impl std::ops::$Trait<Float> for Var {
            type Output = Var;
            fn $method(self, number: Float) -> Var {
                std::ops::$Trait::$method(&self, number)
            }
        }

        impl std::ops::$Trait<&Var> for Float {
            type Output = Var;
            fn $method(self, var: &Var) -> Var {
                let apply: fn(Float, &Var) -> Var = $left;
                apply(self, var)
            }
        }

        impl std::ops::$Trait<Var> for Float {
            type Output = Var;
            fn $method(self, var: Var) -> Var {
                std::ops::$Trait::$method(self, &var)
            }
        }
    };
}

operator!(Add, add, |x, c| x.linear(Form::With("Add", c), move |x| x + c, 1.0), |c, x| x + c);
operator!(Sub, sub, |x, c| x.linear(Form::With("Sub", c), move |x| x - c, 1.0), |c, x| x.linear(
    Form::After("Sub", c),
    move |x| c - x,
    -1.0
));
operator!(Mul, mul, |x, c| x.linear(Form::With("Mul", c), move |x| x * c, c), |c, x| x * c);
operator!(Div, div, |x, c| x.linear(Form::With("Div", c), move |x| x / c, 1.0 / c), |c, x| x.each(
    Form::After("Div", c),
    move |x| c / x,
    |x, y| -y / x
));

impl std::ops::Neg for &Var {
    type Output = Var;
    fn neg(self) -> Var {
        self.linear(Form::Op("Neg"), |x| -x, -1.0)
    }
}

impl std::ops::Neg for Var {
    type Output = Var;
    fn neg(self) -> Var {
        -&self
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use crate::autograd::Tape;

    #[test]
    fn every_pair_of_operands_compiles() {
        let tape = Tape::inference();
        let (a, b) = (tape.input(arr1(&[6.0])), tape.input(arr1(&[2.0])));
        for (got, want) in [
            (&a + &b, 8.0),
            (a.clone() - &b, 4.0),
            (&a * b.clone(), 12.0),
            (a.clone() / b.clone(), 3.0),
            (&a + 1.0, 7.0),
            (a.clone() - 1.0, 5.0),
            (2.0 * &a, 12.0),
            (3.0 / a.clone(), 0.5),
            (1.0 - &a, -5.0),
            (&a / 4.0, 1.5),
            (-&a, -6.0),
            (-(-a.clone()), 6.0),
        ] {
            assert_eq!(got.item(), want);
        }
    }

    #[test]
    fn gradients_are_summed_over_what_was_repeated() {
        let tape = Tape::training();
        let a = tape.variable(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        let b = tape.variable(arr1(&[10.0, 20.0, 30.0]));
        let c = tape.variable(arr2(&[[2.0], [3.0]]));
        let grads = ((&a - &b) * &c).sum().backward().unwrap();
        assert_eq!(grads.of(&b).unwrap().as_slice().unwrap(), [-5.0, -5.0, -5.0]);
        assert_eq!(grads.of(&c).unwrap().as_slice().unwrap(), [-54.0, -45.0]);
        assert_eq!(grads.of(&a).unwrap().as_slice().unwrap(), [2.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    #[should_panic(expected = "cannot add shapes [2, 3] and [2]")]
    fn shapes_that_do_not_broadcast_panic() {
        let tape = Tape::inference();
        let _ = tape.input(arr2(&[[0.0; 3]; 2])) + tape.input(arr1(&[0.0; 2]));
    }
}
