//! The gradients of single examples, which private training scales and adds up.

use gradus::optimizers::{GradientHook, StepGradients};
use gradus::prelude::*;
use ndarray::{Axis, Slice};

use super::{Row, each_layer, layer_rows, many, text};

/// Bounds the norm of each example's gradient.
struct Bound(f64);

impl GradientHook for Bound {
    fn example_factor(&self, norm: f64, share: f64) -> Option<f64> {
        assert!(share > 0.0 && share <= 1.0);
        Some(factor(self.0, norm))
    }

    fn step(&mut self, _: &mut StepGradients<'_, '_>) -> Result<()> {
        Ok(())
    }
}

/// Also of a gradient of 0, as of a sparsemax that is sure, and a bound of 0.
fn factor(bound: f64, norm: f64) -> f64 {
    if norm > bound { bound / norm } else { 1.0 }
}

const EXAMPLES: usize = 5;

/// The mean of the bounded gradients of batches of one, by parameter; and the median of their norms, which is the bound.
fn one_by_one(model: &Sequential, x: &Tensor) -> Result<(Vec<Vec<f64>>, f64)> {
    let mut gradients = Vec::new();
    for i in 0..EXAMPLES {
        let x = x.slice_axis(Axis(0), Slice::from(i..=i)).into_tensor();
        let y = model.forward(&Tape::training().input(&x))?;
        gradients.push(y.square().mean().backward()?);
    }
    let mut norms: Vec<f64> = gradients.iter().map(|gradients| gradients.norm()).collect();
    norms.sort_by(f64::total_cmp);
    let bound = norms[EXAMPLES / 2];
    let mut sums = Vec::new();
    for (_, param) in model.parameters().iter().filter(|(_, param)| param.is_trainable()) {
        let mut sum = vec![0.0; param.value().unwrap().len()];
        for all in &gradients {
            let factor = factor(bound, all.norm()) / EXAMPLES as f64;
            sum.iter_mut().zip(all.get(param).unwrap()).for_each(|(sum, g)| *sum += factor * f64::from(*g));
        }
        sums.push(sum);
    }
    Ok((sums, bound))
}

fn is_random(model: &Sequential, x: &Tensor) -> Result<bool> {
    let run = |seed| Ok::<_, Error>(model.forward(&Tape::training().seed(seed).input(x))?.value().clone());
    Ok(run(1)? != run(2)?)
}

/// Whether the row was compared.
fn compare(row: &Row) -> Result<bool, String> {
    let x = many(&row.input).slice_axis(Axis(0), Slice::from(..EXAMPLES)).into_tensor();
    let model = (row.make)();
    let y = model.forward(&Tape::inference().input(&x)).map_err(text)?;
    let trains = model.parameters().iter().any(|(_, param)| param.is_trainable());
    if !trains || is_random(&model, &x).map_err(text)? {
        return Ok(false);
    }
    let (want, bound) = one_by_one(&model, &x).map_err(text)?;
    let before: Vec<_> = model.parameters();
    let before: Vec<Tensor> =
        before.iter().filter(|(_, p)| p.is_trainable()).map(|(_, p)| p.value().unwrap()).collect();
    let zeros = Tensor::zeros(y.value().raw_dim());
    let mut trainer = model.compile(Stepper::new(Sgd::new(1.0)).hook(Bound(bound)), MeanSquaredError);
    let fit = Fit::epochs(1).batch_size(EXAMPLES).shuffle(false).progress(false);
    match trainer.fit(&(&x, &zeros), fit) {
        // What looks across the batch has no gradient of an example.
        Err(error) if text(&error).contains("looks across the batch") => return Ok(false),
        other => other.map_err(text)?,
    };
    let after = trainer.model.parameters();
    let after = after.iter().filter(|(_, param)| param.is_trainable()).map(|(_, param)| param.value().unwrap());
    for ((before, after), want) in before.iter().zip(after).zip(&want) {
        let largest = want.iter().fold(1.0_f64, |largest, g| largest.max(g.abs()));
        // A step is rounded as its weights are.
        let allowed = largest * if cfg!(float64) { 1e-10 } else { 1e-5 };
        for ((before, after), want) in before.iter().zip(&after).zip(want) {
            let found = f64::from(before - after);
            if (found - want).abs() > allowed {
                return Err(format!("{found}, not {want}"));
            }
        }
    }
    Ok(true)
}

/// Bounded and added up, many at a time, they are those of batches of one.
#[test]
fn gradients_of_single_examples_are_those_of_batches_of_one() {
    let compared = std::cell::Cell::new(0);
    each_layer(|row| {
        compared.set(compared.get() + usize::from(compare(row)?));
        Ok(())
    });
    let rows = layer_rows().len();
    assert!(compared.get() * 2 > rows, "{} of {rows} rows were compared", compared.get());
}
