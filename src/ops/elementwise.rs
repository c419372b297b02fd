//! Functions of each number alone.

use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::tensor::{Float, Tensor, data, empty, tensor};

impl Var {
    /// `f` of each number, whose derivative at `x`, where it is `y`, is `slope(x, y)`.
    pub(super) fn each(
        &self,
        onnx: Form,
        f: impl Fn(Float) -> Float + 'static,
        slope: impl Fn(Float, Float) -> Float + 'static,
    ) -> Self {
        self.each_or_linear(onnx, f, slope, false)
    }

    /// The same for a straight line.
    pub(super) fn linear(&self, onnx: Form, f: impl Fn(Float) -> Float + 'static, slope: Float) -> Self {
        self.each_or_linear(onnx, f, move |_, _| slope, true)
    }

    fn each_or_linear(
        &self,
        onnx: Form,
        f: impl Fn(Float) -> Float + 'static,
        slope: impl Fn(Float, Float) -> Float + 'static,
        linear: bool,
    ) -> Self {
        // Loops: the adapters of iterators would be compiled again for each function.
        let values = move |x: &[Float], y: &mut [Float]| {
            for (y, x) in y.iter_mut().zip(x) {
                *y = f(*x);
            }
        };
        let grads = move |x: &[Float], y: &[Float], dy: &[Float], dx: &mut [Float]| {
            for ((dx, dy), (x, y)) in dx.iter_mut().zip(dy).zip(x.iter().zip(y)) {
                *dx = dy * slope(*x, *y);
            }
        };
        self.each_boxed(onnx, Box::new(values), Box::new(grads), linear)
    }

    fn each_boxed(&self, onnx: Form, values: Box<Values>, grads: Box<Grads>, linear: bool) -> Self {
        self.tape().apply(Each { onnx, values, grads, linear, x: empty(), y: empty() }, &[self])
    }

    /// Returns the natural logarithm.
    #[doc(alias = "log")]
    #[must_use]
    pub fn ln(&self) -> Self {
        self.each(Form::Op("Log"), |x| x.ln(), |x, _| 1.0 / x)
    }

    /// Returns the square root.
    #[must_use]
    pub fn sqrt(&self) -> Self {
        self.each(Form::Op("Sqrt"), |x| x.sqrt(), |_, y| 0.5 / y)
    }

    /// `x²`.
    #[must_use]
    pub fn square(&self) -> Self {
        self.each(Form::Square, |x| x * x, |x, _| 2.0 * x)
    }

    /// `|x|`; its slope at 0 is 0.
    #[must_use]
    pub fn abs(&self) -> Self {
        self.each(Form::Op("Abs"), |x| x.abs(), |x, _| if x == 0.0 { 0.0 } else { x.signum() })
    }

    /// `xⁿ` for a whole `n`.
    #[must_use]
    pub fn powi(&self, n: i32) -> Self {
        // The case keeps 0⁰ from having the slope 0 · 0⁻¹.
        self.each(
            Form::With("Pow", n as Float),
            move |x| x.powi(n),
            move |x, _| if n == 0 { 0.0 } else { n as Float * x.powi(n - 1) },
        )
    }

    /// `x` to the power of any `exponent`; not a number where `x` is negative and `exponent` is not whole.
    #[must_use]
    pub fn powf(&self, exponent: Float) -> Self {
        let slope = move |x: Float, _| if exponent == 0.0 { 0.0 } else { exponent * x.powf(exponent - 1.0) };
        self.each(Form::With("Pow", exponent), move |x| x.powf(exponent), slope)
    }

    /// `1 / x`.
    #[doc(alias = "reciprocal")]
    #[must_use]
    pub fn recip(&self) -> Self {
        self.each(Form::Op("Reciprocal"), |x| 1.0 / x, |_, y| -y * y)
    }

    /// Returns the error function, `2/√π ∫ exp(-t²) dt` from 0 to `x`.
    #[must_use]
    pub fn erf(&self) -> Self {
        self.each(Form::Op("Erf"), erf, |x, _| FRAC_2_SQRT_PI * (-x * x).exp())
    }

    /// Raises numbers below `min` to `min`, and lowers those above `max` to `max`; neither has a gradient. NaN stays
    /// NaN.
    #[doc(alias = "clamp")]
    #[must_use]
    pub fn clip(&self, min: Float, max: Float) -> Self {
        let clip = move |x: Float| {
            let x = if x < min { min } else { x };
            if x > max { max } else { x }
        };
        self.each(Form::Clip(min, max), clip, move |x, _| if x >= min && x <= max { 1.0 } else { 0.0 })
    }
}

#[cfg(float64)]
use {libm::erf, std::f64::consts::FRAC_2_SQRT_PI};
#[cfg(not(float64))]
use {libm::erff as erf, std::f32::consts::FRAC_2_SQRT_PI};

/// What a function is in ONNX.
pub(super) enum Form {
    /// An operator of one input.
    Op(&'static str),
    /// An operator of the input and a number.
    With(&'static str, Float),
    /// An operator of a number and the input.
    After(&'static str, Float),
    /// The least and the greatest number that are left.
    Clip(Float, Float),
    /// The input times itself.
    Square,
    /// None.
    None,
}

/// Of `x`, `y`.
type Values = dyn Fn(&[Float], &mut [Float]);
/// Of `x`, `y`, `dy`, `dx`.
type Grads = dyn Fn(&[Float], &[Float], &[Float], &mut [Float]);

/// `y = f(x)`. Not generic: all of it would be compiled for each function.
struct Each {
    onnx: Form,
    values: Box<Values>,
    grads: Box<Grads>,
    linear: bool,
    x: Tensor,
    y: Tensor,
}

impl Op for Each {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let mut y = buffer(inputs[0].len());
        (self.values)(data(inputs[0]), &mut y);
        (self.x, self.y) = (inputs[0].clone(), tensor(inputs[0].shape(), y));
        self.y.clone()
    }

    /// `dx = f'(x) dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let mut out = buffer(dy.len());
            (self.grads)(data(&self.x), data(&self.y), data(dy), &mut out);
            tensor(dy.shape(), out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        if self.linear { Dependence::linear(inputs) } else { Dependence::per_example(inputs) }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let with = |form: &mut OnnxForm, op, number: Float, is_first: bool| {
            let number = form.number(number);
            form.node(op, &if is_first { [number.as_str(), "in0"] } else { ["in0", number.as_str()] }, &[])
        };
        Some(match self.onnx {
            Form::Op(op) => form.node(op, &["in0"], &[]),
            Form::With(op, number) => with(form, op, number, false),
            Form::After(op, number) => with(form, op, number, true),
            Form::Clip(min, max) => {
                let [min, max] = [form.number(min), form.number(max)];
                form.node("Clip", &["in0", &min, &max], &[])
            }
            Form::Square => form.node("Mul", &["in0", "in0"], &[]),
            Form::None => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use crate::autograd::Tape;
    use crate::tensor::Float;

    #[test]
    fn edges_have_finite_slopes() {
        let tape = Tape::training();
        let x = tape.variable(arr1(&[0.0, 1.0]));
        let y = x.powi(0) + x.powf(0.0) + x.abs() + x.clip(0.5, 2.0);
        assert_eq!(y.sum().backward().unwrap().of(&x).unwrap().as_slice().unwrap(), [0.0, 2.0]);
    }

    #[test]
    fn clip_keeps_nan_and_the_upper_bound_wins() {
        let tape = Tape::inference();
        assert!(tape.input(arr1(&[Float::NAN])).clip(0.0, 1.0).item().is_nan());
        assert_eq!(tape.input(arr1(&[0.0])).clip(3.0, 2.0).item(), 2.0);
    }
}
