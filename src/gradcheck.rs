//! Checks gradients against finite differences, for operations and layers of your own.
//!
//! [`gradcheck`] takes a function of variables, [`gradcheck_layer`] a layer; [`GradCheck`] has the settings. A wrong
//! backward is an error that says where:
//!
//! ```
//! use gradus::gradcheck::gradcheck;
//! use gradus::prelude::*;
//!
//! /// `y = x²`
//! #[derive(Default)]
//! struct Square { x: Tensor }
//!
//! impl Op for Square {
//!     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
//!         self.x = inputs[0].clone();
//!         self.x.mapv(|x| x * x).into_shared()
//!     }
//!     /// Somebody forgot the 2.
//!     fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
//!         dx.add(0, || (&self.x * dy).into_shared());
//!     }
//! }
//!
//! let x = ndarray::arr1(&[1.0, -3.0]).into_dyn().into_shared();
//! let wrong = gradcheck(|x| Ok(x[0].tape().apply(Square::default(), &[&x[0]])), &[x.clone()]);
//! assert!(wrong.unwrap_err().to_string().starts_with("gradcheck: input 0 at [0]: backward gives"));
//! gradcheck(|x| Ok(x[0].square()), &[x])?;
//! # Ok::<(), gradus::Error>(())
//! ```

use rand::SeedableRng;
use rand_distr::{Distribution, StandardUniform};

use crate::autograd::{Gradients, Layer, Param, Tape, Var, Vars};
use crate::config::settings;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::random::Rng;
use crate::tensor::{Float, Tensor, data, tensor};

/// Checks the gradient of `f` with respect to all `inputs`, with the default settings. See [`GradCheck::check`].
///
/// # Errors
/// Those of [`GradCheck::check`].
pub fn gradcheck(f: impl Fn(&[Var]) -> Result<Var>, inputs: &[Tensor]) -> Result<Report> {
    GradCheck::default().check(f, inputs)
}

/// Checks the gradients of a layer with respect to its inputs and trainable parameters, with the default settings. See
/// [`GradCheck::check_layer`].
///
/// ```
/// use gradus::gradcheck::gradcheck_layer;
/// use gradus::prelude::*;
/// let x = ndarray::arr2(&[[0.5, -1.0], [2.0, 1.5]]).into_dyn().into_shared();
/// let report = gradcheck_layer(&Dense::new(3).activation(Tanh), &[x])?;
/// assert_eq!(report.checked, 4 + 6 + 3);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Those of [`GradCheck::check_layer`].
pub fn gradcheck_layer<X: Vars>(layer: &impl Layer<X>, inputs: &[Tensor]) -> Result<Report> {
    GradCheck::default().check_layer(layer, inputs)
}

settings! {
    /// Compares what `backward` gives with central differences `(f(x + h) - f(x - h)) / 2h`, number by number.
    ///
    /// A function that does not give a scalar is checked through a fixed random combination of its values. The error of a
    /// number is `|a - n| / max(|a|, |n|, floor)`; the floor is a hundredth of the greatest gradient of the same input or
    /// parameter and a thousandth of the greatest of all, so that numbers that are 0 up to rounding do not count, and a
    /// difference that rounding alone explains is none.
    ///
    /// Stay away from kinks (a rectifier at 0, equal numbers under a maximum) by more than the step: there is no
    /// derivative there.
    #[derive(Clone, Copy, Debug)]
    pub struct GradCheck {
        /// The greatest relative error that passes.
        tolerance: [f64] = TOLERANCE,
        /// The step `h`, relative to a number's size where that is above 1.
        step: [f64] = f64::from(Float::EPSILON).cbrt(),
        /// Whether layers behave as in training. Each pass has the same random numbers.
        training: [bool] = true,
    }
}

/// The greatest relative error that passes.
const TOLERANCE: f64 = if cfg!(float64) { 1e-6 } else { 1e-2 };

/// What a check that succeeded has looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How many numbers were checked.
    pub checked: usize,
    /// The one with the greatest error; `None` if none was checked.
    pub worst: Option<Comparison>,
}

/// One number's gradient, found in both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The input, such as `input 0`, or the parameter, such as ``parameter `kernel` ``.
    pub name: String,
    /// Where in it.
    pub index: Vec<usize>,
    /// What `backward` gives.
    pub analytic: f64,
    /// What finite differences give.
    pub numeric: f64,
    /// The relative error.
    pub error: f64,
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, index, analytic, numeric, error } = self;
        write!(
            f,
            "{name} at {index:?}: backward gives {analytic:.9e}, finite differences give {numeric:.9e}, a relative error \
             of {error:.1e}"
        )
    }
}

impl GradCheck {
    /// Checks the gradient of `f` with respect to all inputs.
    ///
    /// # Errors
    /// The number with the greatest error, if that is above the tolerance; what `f` returns.
    pub fn check(&self, f: impl Fn(&[Var]) -> Result<Var>, inputs: &[Tensor]) -> Result<Report> {
        self.run(&f, inputs, &[])
    }

    /// Checks the gradients of a layer with respect to its inputs and trainable parameters, whose values are the same
    /// afterwards. Parameters without a value get one.
    ///
    /// # Errors
    /// A trainable parameter without a gradient; the number with the greatest error, if that is above the tolerance;
    /// what the layer returns.
    pub fn check_layer<X: Vars>(&self, layer: &impl Layer<X>, inputs: &[Tensor]) -> Result<Report> {
        let forward = |vars: &[Var]| layer.forward(&X::from_list("gradcheck: the layer", vars.to_vec())?);
        forward(&self.variables(inputs))?;
        let trainable: Vec<_> = layer
            .parameters()
            .into_iter()
            .filter(|(_, param)| param.is_trainable() && param.value().is_some())
            .collect();
        self.run(&forward, inputs, &trainable)
    }

    fn variables(&self, inputs: &[Tensor]) -> Vec<Var> {
        let tape = if self.training { Tape::training() } else { Tape::inference().recording() };
        inputs.iter().map(|input| tape.variable(input)).collect()
    }

    fn run(
        &self,
        f: &dyn Fn(&[Var]) -> Result<Var>,
        inputs: &[Tensor],
        parameters: &[(String, Param)],
    ) -> Result<Report> {
        let vars = self.variables(inputs);
        let y = f(&vars)?;
        let weights = weights(y.value.shape());
        let gradients = (&y * &y.tape().constant(&weights)).sum().backward()?;
        let values = |inputs: &[Tensor]| Ok(f(&self.variables(inputs))?.value.iter().map(|y| f64::from(*y)).collect());
        let weights: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
        let terms = y.value.iter().zip(&weights).map(|(y, weight)| (f64::from(*y) * weight).powi(2));
        // Each value is rounded once or more, independently of the others.
        let noise = 4.0 * f64::from(Float::EPSILON) * terms.sum::<f64>().sqrt() / self.step;

        let mut found = Vec::new();
        for (i, (input, var)) in inputs.iter().zip(&vars).enumerate() {
            let numeric = self.differences(input, &weights, |changed| {
                let mut inputs = inputs.to_vec();
                inputs[i] = changed;
                values(&inputs)
            })?;
            found.push((format!("input {i}"), input, analytic(gradients.of(var), input.len()), numeric));
        }
        let originals = originals(parameters, &gradients)?;
        for ((path, param), original) in parameters.iter().zip(&originals) {
            let numeric = self.differences(original, &weights, |changed| {
                param.set(changed)?;
                let values = values(inputs);
                param.set(original)?;
                values
            })?;
            let name = format!("parameter `{path}`");
            found.push((name, original, analytic(gradients.get(param), original.len()), numeric));
        }
        self.compare(found, noise)
    }

    /// Central differences of the weighted sum of the values by each number of `x`.
    fn differences(
        &self,
        x: &Tensor,
        weights: &[f64],
        values: impl Fn(Tensor) -> Result<Vec<f64>>,
    ) -> Result<Vec<f64>> {
        let numbers: Vec<Float> = x.iter().copied().collect();
        let one = |i: usize| {
            let step = (self.step * f64::from(numbers[i]).abs().max(1.0)) as Float;
            let moved = |to: Float| {
                let mut numbers = numbers.clone();
                numbers[i] = to;
                values(tensor(x.shape(), numbers))
            };
            let (above, below) = (numbers[i] + step, numbers[i] - step);
            let (up, down) = (moved(above)?, moved(below)?);
            let change: f64 = up.iter().zip(&down).zip(weights).map(|((up, down), weight)| (up - down) * weight).sum();
            // The step that was really made, which rounding has changed.
            Ok(change / (f64::from(above) - f64::from(below)))
        };
        (0..numbers.len()).map(one).collect()
    }

    fn compare(&self, found: Vec<(String, &Tensor, Vec<f64>, Vec<f64>)>, noise: f64) -> Result<Report> {
        let greatest = |numbers: &[f64]| numbers.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
        let overall = found.iter().map(|(_, _, a, n)| greatest(a).max(greatest(n))).fold(0.0, f64::max);
        let mut report = Report { checked: 0, worst: None };
        for (name, x, analytic, numeric) in &found {
            let floor = (1e-2 * greatest(analytic).max(greatest(numeric))).max(1e-3 * overall);
            for (((index, _), a), n) in x.view().indexed_iter().zip(analytic).zip(numeric) {
                report.checked += 1;
                let difference = (a - n).abs();
                let error = if difference <= noise { 0.0 } else { difference / a.abs().max(n.abs()).max(floor) };
                // NaN is worse than any error.
                let error = if error.is_nan() { f64::INFINITY } else { error };
                if report.worst.as_ref().is_none_or(|worst| error > worst.error) {
                    let index = ndarray::Dimension::slice(&index).to_vec();
                    report.worst = Some(Comparison { name: name.clone(), index, analytic: *a, numeric: *n, error });
                }
            }
        }
        match &report.worst {
            Some(worst) if worst.error > self.tolerance => Err(Error::value(format!(
                "gradcheck: {worst}, where {:.0e} is tolerated; fix `backward`, or move the inputs away from kinks",
                self.tolerance
            ))),
            _ => Ok(report),
        }
    }
}

/// Weights of the values in the sum whose gradient is checked: between 0.5 and 1.5 with either sign.
fn weights(shape: &[usize]) -> Tensor {
    let mut rng = Rng::seed_from_u64(1);
    let mut draw = || {
        let unit: Float = StandardUniform.sample(&mut rng);
        if unit < 0.5 { 2.0 * unit + 0.5 } else { 0.5 - 2.0 * unit }
    };
    tensor(shape, (0..shape.iter().product()).map(|_: usize| draw()).collect())
}

/// The gradient's numbers; zeros where there is none.
fn analytic(gradient: Option<&Tensor>, len: usize) -> Vec<f64> {
    gradient.map_or_else(|| vec![0.0; len], |gradient| data(gradient).iter().map(|x| f64::from(*x)).collect())
}

/// The parameters' values, if all have a gradient.
fn originals(parameters: &[(String, Param)], gradients: &Gradients) -> Result<Vec<Tensor>> {
    let missing = parameters.iter().filter(|(_, param)| gradients.get(param).is_none());
    let names: Vec<String> = missing.map(|(path, _)| path.clone()).collect();
    if !names.is_empty() {
        return Err(Error::MissingGradient { names });
    }
    Ok(parameters.iter().filter_map(|(_, param)| param.value()).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use super::*;
    use crate::autograd::ParamList;
    use crate::layers::Dense;
    use crate::tensor::IntoTensor;

    #[test]
    fn weights_have_both_signs_and_none_is_small() {
        let weights = weights(&[100]);
        assert!(weights.iter().all(|weight| (0.5..=1.5).contains(&weight.abs())));
        assert!(weights.iter().any(|weight| *weight > 0.0) && weights.iter().any(|weight| *weight < 0.0));
    }

    #[test]
    fn finds_a_gradient_that_was_cut() {
        let x = arr1(&[1.0, 2.0]).into_tensor();
        let error = gradcheck(|x| Ok(&x[0] * &x[0].detach()), &[x]).unwrap_err().to_string();
        assert!(error.contains("input 0 at ["), "{error}");
    }

    #[test]
    fn finds_a_parameter_that_is_not_used() {
        struct Lazy(Dense, Dense);
        impl Layer for Lazy {
            fn forward(&self, x: &Var) -> Result<Var> {
                self.1.forward(x)?;
                self.0.forward(x)
            }
            fn params<'a>(&'a self, list: &mut ParamList<'a>) {
                list.nest("used", &self.0);
                list.nest("unused", &self.1);
            }
        }
        let error = gradcheck_layer(&Lazy(Dense::new(1), Dense::new(1)), &[arr2(&[[1.0, 2.0]]).into_tensor()]);
        assert!(error.unwrap_err().to_string().contains("`unused.kernel`, `unused.bias`"));
    }

    #[test]
    fn leaves_the_parameters_as_they_were() {
        let layer = Dense::new(2);
        gradcheck_layer(&layer, &[arr2(&[[1.0, 2.0]]).into_tensor()]).unwrap();
        let before = layer.kernel().value().unwrap();
        gradcheck_layer(&layer, &[arr2(&[[3.0, 2.0]]).into_tensor()]).unwrap();
        assert_eq!(layer.kernel().value().unwrap(), before);
    }

    #[test]
    fn a_gradient_of_zero_is_right_where_nothing_changes() {
        let report = gradcheck(|x| x[0].softmax(-1)?.sum_axes(&[-1]), &[arr2(&[[1.0, 2.0, 0.5]]).into_tensor()]);
        assert_eq!(report.unwrap().checked, 3);
    }
}
