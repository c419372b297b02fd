//! Hooks between the gradients of the parts of a batch and the step.

use std::sync::{Arc, Mutex};

use gradus::ndarray::{Array1, Array2};
use gradus::optimizers::{BatchPart, GradientHook, StepGradients};
use gradus::prelude::*;

fn data() -> (Array2<Float>, Array1<Float>) {
    let x = Array2::from_shape_fn((24, 3), |(i, j)| ((i * 7 + j * 5) % 11) as Float / 5.0 - 1.0);
    let y = x.sum_axis(gradus::ndarray::Axis(1));
    (x, y)
}

fn network() -> Sequential {
    Sequential::new().add(Dense::new(8).activation(Tanh)).add(Dense::new(1))
}

fn weights(model: &impl Layer) -> Vec<Float> {
    model.parameters().iter().flat_map(|(_, param)| param.value().unwrap().into_iter()).collect()
}

/// Bounds the gradient of each example, and notes the shares.
struct ClipExamples(Float, Arc<Mutex<Vec<Float>>>);

impl GradientHook for ClipExamples {
    fn examples_per_part(&self) -> Option<usize> {
        Some(1)
    }

    fn parts(&mut self, parts: &mut [BatchPart]) -> Result<()> {
        for part in parts {
            self.1.lock().unwrap().push(part.share);
            let norm = part.gradients.norm() as Float / part.share;
            part.gradients.scale(self.0 / norm.max(self.0));
        }
        Ok(())
    }
}

/// Private training's step, by a loop over batches of one.
#[test]
fn clipped_gradients_of_single_examples_are_those_of_batches_of_one() {
    let ((x, y), bound, shares) = (data(), 0.5, Arc::default());
    let stepper = Stepper::new(Sgd::new(0.1)).hook(ClipExamples(bound, Arc::clone(&shares)));
    let mut trainer = network().compile(stepper, MeanSquaredError).seed(3);
    trainer.fit(&(&x, &y), Fit::epochs(1).batch_size(24).shuffle(false).progress(false)).unwrap();
    assert_eq!(*shares.lock().unwrap(), vec![1.0 / 24.0; 24]);

    let model = network();
    let tape = || Tape::training().seed(3);
    model.forward(&tape().input(&x)).unwrap();
    let mut want = vec![0.0; weights(&model).len()];
    for i in 0..24 {
        let prediction = model.forward(&tape().input(x.slice(gradus::ndarray::s![i..=i, ..]))).unwrap();
        let target = gradus::ndarray::arr2(&[[y[i]]]).into_dyn().into_shared();
        let gradients = MeanSquaredError.loss(&prediction, &target).unwrap().backward().unwrap();
        let factor = bound / (gradients.norm() as Float).max(bound) / 24.0;
        let parameters = model.parameters();
        let all = parameters.iter().flat_map(|(_, param)| gradients.get(param).unwrap().iter().copied());
        want.iter_mut().zip(all).for_each(|(sum, g)| *sum += factor * g);
    }
    for ((before, gradient), after) in weights(&model).iter().zip(want).zip(weights(&trainer.model)) {
        assert!((before - 0.1 * gradient - after).abs() < 1e-6, "{before} - 0.1 · {gradient}, not {after}");
    }
}

/// Doubles what the step is made along; refuses the second step.
struct Double;

impl GradientHook for Double {
    fn step(&mut self, gradients: &mut StepGradients<'_, '_>) -> Result<()> {
        if gradients.number() == 2 {
            return Err(Error::value("no more budget"));
        }
        let before: Vec<f64> = gradients.squares();
        gradients.change(|_, _, grads| grads.iter_mut().for_each(|g| *g *= 2.0));
        let after = gradients.squares();
        assert!(before.iter().zip(&after).all(|(before, after)| 4.0 * before == *after));
        assert_eq!(gradients.iter().map(|(path, _)| path).collect::<Vec<_>>()[0], "dense.kernel");
        Ok(())
    }
}

#[test]
fn a_hook_changes_a_step_and_its_error_leaves_the_weights() {
    let (x, y) = data();
    let fit = || Fit::epochs(1).batch_size(24).progress(false);
    let mut doubled = network().compile(Stepper::new(Sgd::new(0.1)).hook(Double), MeanSquaredError).seed(3);
    let mut twice = network().compile(Sgd::new(0.2), MeanSquaredError).seed(3);
    doubled.fit(&(&x, &y), fit()).unwrap();
    twice.fit(&(&x, &y), fit()).unwrap();
    let after = weights(&doubled.model);
    assert_eq!(after, weights(&twice.model));
    assert_eq!(doubled.fit(&(&x, &y), fit()).unwrap_err().to_string(), "no more budget");
    assert_eq!(weights(&doubled.model), after);
    let error = doubled.stepper().config().to_json().unwrap_err().to_string();
    assert!(error.contains("Double"), "{error}");
}

#[test]
fn single_examples_of_what_looks_across_the_batch_are_refused() {
    let (x, y) = data();
    let model = Sequential::new().add(Dense::new(4)).add(BatchNorm::new()).add(Dense::new(1));
    let stepper = Stepper::new(Sgd::new(0.1)).hook(ClipExamples(1.0, Arc::default()));
    let mut trainer = model.compile(stepper, MeanSquaredError);
    let error = trainer.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap_err().to_string();
    assert!(error.contains("looks across the batch"), "{error}");
}

/// Accumulation and clipping are what they were: a mean over batches, bounded by its norm.
#[test]
fn clip_is_a_hook_after_accumulation() {
    let (x, y) = data();
    let fit = || Fit::epochs(1).batch_size(12).shuffle(false).progress(false);
    let run = |stepper: Stepper| {
        let mut trainer = network().compile(stepper, MeanSquaredError).seed(3);
        trainer.fit(&(&x, &y), fit()).unwrap();
        weights(&trainer.model)
    };
    let own = run(Sgd::new(0.1).accumulate(2).clip(Clip::GlobalNorm(0.05)));
    let as_hook = run(Sgd::new(0.1).accumulate(2).hook(Clip::GlobalNorm(0.05)));
    assert_eq!(own, as_hook);
    assert_ne!(own, run(Sgd::new(0.1).accumulate(2)));
}
