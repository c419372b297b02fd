//! Everything that a user can write from outside the crate, with its public interface alone: a layer, an operation, a
//! loss, an optimizer, an initializer, a metric, a callback and a dataset, all at work in one `fit` that converges.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::Dependence;
use gradus::Rng;
use gradus::data::Batch;
use gradus::gradcheck::{gradcheck, gradcheck_layer};
use gradus::initializers::RandomUniform;
use gradus::ndarray::{Array2, arr2};
use gradus::optimizers::{State, Step};
use gradus::prelude::*;

/// How often something was used.
type Count = Arc<AtomicUsize>;

fn count(counter: &Count) {
    counter.fetch_add(1, Ordering::Relaxed);
}

// A composite layer: 12 lines.
struct Residual(Dense, Dense);

impl Layer for Residual {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(x + self.1.forward(&squash(&self.0.forward(x)?))?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("inner", &self.0);
        list.nest("outer", &self.1);
    }
}
// End.

// An operation with its backward: 17 lines.
#[derive(Default)]
struct Squash(Tensor);

impl Op for Squash {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.0 = inputs[0].clone();
        self.0.mapv(|x| x / (1.0 + x * x).sqrt()).into_shared()
    }

    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || (self.0.mapv(|x| (1.0 + x * x).powf(-1.5)) * dy).into_shared());
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}
// End.

fn squash(x: &Var) -> Var {
    x.tape().apply(Squash::default(), &[x])
}

/// A loss of its own: `mean(√(1 + (p - t)²) - 1)`.
struct PseudoHuber(Count);

impl Loss for PseudoHuber {
    fn loss(&self, prediction: &Var, target: &Tensor) -> Result<Var> {
        count(&self.0);
        let error = prediction - prediction.tape().input(target);
        Ok(((error.square() + 1.0).sqrt() - 1.0).mean())
    }
}

/// An optimizer of its own, with memory: `v ← 0.9 v + 0.1 g²`, `w ← w - rate g / √v`.
struct RootMeanSquare(Float, Count);

impl Optimizer for RootMeanSquare {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        count(&self.1);
        let [squares] = state.slots(weights.len());
        for ((w, g), v) in weights.iter_mut().zip(grads).zip(squares) {
            *v = 0.9 * *v + 0.1 * g * g;
            *w -= step.rate * g / (v.sqrt() + 1e-7);
        }
    }

    fn learning_rate(&self) -> Option<Float> {
        Some(self.0)
    }

    fn set_learning_rate(&mut self, rate: Float) -> Result<()> {
        self.0 = rate;
        Ok(())
    }
}

/// An initializer of its own: uniform, with a spread that follows from the number of inputs.
struct Spread(Count);

impl Initializer for Spread {
    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        count(&self.0);
        let max = 1.0 / gradus::initializers::fans(shape).0.sqrt();
        RandomUniform { minval: -max, maxval: max }.sample(shape, rng)
    }
}

/// A metric of its own: the share of predictions that are near enough.
#[derive(Default)]
struct Near {
    hits: f64,
    all: f64,
}

impl Metric for Near {
    fn name(&self) -> String {
        "near".into()
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        for (p, t) in prediction.iter().zip(target) {
            self.hits += f64::from(u8::from((p - t).abs() < 0.1));
            self.all += 1.0;
        }
        Ok(())
    }

    fn result(&self) -> f64 {
        self.hits / self.all
    }
}

/// A callback of its own: lowers the rate, and stops when the metric is good enough.
struct Cool<'a> {
    rates: &'a mut Vec<Float>,
    enough: f64,
}

impl Callback for Cool<'_> {
    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let rate = run.optimizer.learning_rate().unwrap_or(0.0);
        self.rates.push(rate);
        run.stop |= run.logs["val_near"] >= self.enough;
        run.optimizer.set_learning_rate(rate * 0.98)
    }
}

/// A dataset of its own: a wave, made as it is read.
struct Wave {
    examples: usize,
    batches: AtomicUsize,
}

impl Wave {
    fn new(examples: usize) -> Self {
        Self { examples, batches: AtomicUsize::new(0) }
    }
}

impl Dataset for Wave {
    fn len(&self) -> usize {
        self.examples
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        let x = Array2::from_shape_fn((indices.len(), 1), |(i, _)| {
            indices[i] as Float / self.examples as Float * 2.0 - 1.0
        });
        Ok(Batch::new(vec![x.view().into_tensor()], vec![x.mapv(|x| (4.0 * x).sin()).into_tensor()]))
    }
}

#[test]
fn all_of_it_in_one_fit() {
    let (losses, updates, samples) = (Count::default(), Count::default(), Count::default());
    let mut rates = Vec::new();
    let dense = |units| Dense::new(units).kernel_initializer(Spread(samples.clone()));
    let mut model = Sequential::new()
        .add(dense(16).activation(squash))
        .add(Residual(dense(16), dense(16)))
        .add(Dense::new(1))
        .compile(RootMeanSquare(0.01, updates.clone()), PseudoHuber(losses.clone()))
        .metric(Near::default())
        .seed(1);
    assert_eq!(model.model.names().collect::<Vec<_>>(), ["dense", "residual", "dense_1"]);
    let (train, test) = (Wave::new(256), Wave::new(100));
    let cool = Cool { rates: &mut rates, enough: 0.99 };
    let history = model.fit(&train, Fit::epochs(200).validation(&test).callback(cool).progress(false)).unwrap();

    let last = history.last().unwrap();
    assert!(last["val_near"] >= 0.99 && last["val_loss"] < 0.003, "{last:?}");
    let epochs = history.len();
    assert!(epochs < 200, "the callback stops the run");
    assert_eq!(rates.len(), epochs);
    assert_eq!(rates[0], 0.01);
    assert!((rates[epochs - 1] - 0.01 * (0.98 as Float).powi(epochs as i32 - 1)).abs() < 1e-6);
    assert_eq!(samples.load(Ordering::Relaxed), 3, "a kernel each");
    assert_eq!(updates.load(Ordering::Relaxed), epochs * 8 * 8, "eight parameters, eight batches an epoch");
    assert!(losses.load(Ordering::Relaxed) >= epochs * 9);
    assert!(train.batches.load(Ordering::Relaxed) >= epochs * 8);
    assert!(test.batches.load(Ordering::Relaxed) >= epochs);
    assert_eq!(history.names(), ["loss", "near", "val_loss", "val_near"]);
}

#[test]
fn the_gradients_are_right() {
    let x = [arr2(&[[0.5, -1.5], [2.0, 0.1], [-0.7, 1.1]]).into_tensor()];
    gradcheck(|x| Ok(squash(&x[0])), &x).unwrap();
    let target = arr2(&[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]).into_tensor();
    gradcheck(|x| PseudoHuber(Count::default()).loss(&x[0], &target), &x).unwrap();
    let report = gradcheck_layer(&Residual(Dense::new(3), Dense::new(2)), &x).unwrap();
    assert_eq!(report.checked, 6 + (6 + 3) + (6 + 2));
}

#[test]
fn a_layer_of_ones_own_saves_freezes_and_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("residual.safetensors");
    let x = arr2(&[[0.5, -1.5], [2.0, 0.1]]).into_tensor();
    let (one, other) = (Residual(Dense::new(3), Dense::new(2)), Residual(Dense::new(3), Dense::new(2)));
    let y = one.forward(&Tape::inference().seed(3).input(&x)).unwrap();
    one.save(&path).unwrap();
    other.load(&path).unwrap();
    assert_eq!(other.forward(&Tape::inference().input(&x)).unwrap().value(), y.value());
    other.freeze_matching("inner.*").unwrap();
    let trainable = other.parameters().into_iter().filter(|(_, param)| param.is_trainable()).map(|(path, _)| path);
    assert_eq!(trainable.collect::<Vec<_>>(), ["outer.kernel", "outer.bias"]);
}

#[test]
fn it_is_as_short_as_promised() {
    let source = include_str!("extending.rs");
    for (begin, promise, limit) in
        [("// A composite layer: 12", 12, 12), ("// An operation with its backward: 17", 17, 20)]
    {
        let block = source.split(begin).nth(1).unwrap().split("// End.").next().unwrap();
        let lines = block.lines().count() - 1;
        assert_eq!(lines, promise, "{begin}");
        assert!(lines <= limit);
    }
}

/// An operation whose backward gives a gradient of another shape.
struct Crooked;

impl Op for Crooked {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        inputs[0].clone()
    }

    fn backward(&self, _: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || Tensor::ones([2].as_slice()));
    }
}

#[test]
fn a_gradient_of_another_shape_is_an_error_that_names_the_operation() {
    let tape = Tape::training();
    // Of an intermediate value with a second reader: what comes first would be added to the other, as far as it reaches.
    let x = tape.variable(gradus::ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]])).exp();
    let error = (tape.apply(Crooked, &[&x]) + &x).sum().backward().unwrap_err().to_string();
    assert!(error.contains("Crooked") && error.contains("[2, 2], got [2]"), "{error}");
}

/// What a program chooses as it runs stands in a box, and is what it is there too.
#[test]
fn parts_in_boxes_are_parts() {
    use gradus::constraints::{Constraint, UnitLength};
    use gradus::regularizers::Regularizer;
    let activations: Vec<Box<dyn Activation>> = vec![Box::new(Relu), Box::new(Tanh)];
    let initializer: Box<dyn Initializer> = Box::new(Ones);
    let regularizer: Box<dyn Regularizer> = Box::new(L2(0.5));
    let constraint: Box<dyn Constraint> = Box::new(UnitLength::default());
    let mut boxed = Sequential::new().add(Dense::new(2).kernel_initializer(initializer));
    let mut named = Sequential::new().add(Dense::new(2).kernel_initializer(Ones));
    for activation in activations {
        boxed = boxed.add(Dense::new(3).activation(activation));
    }
    named = named.add(Dense::new(3).activation(Relu)).add(Dense::new(3).activation(Tanh));
    let x = ndarray::arr2(&[[0.5, -1.0], [2.0, 0.25]]);
    assert_eq!(boxed.predict(&x).unwrap(), named.predict(&x).unwrap());
    boxed.regularize("dense.kernel", regularizer).unwrap();
    boxed.constrain("dense_1.kernel", constraint).unwrap();
    named.regularize("dense.kernel", L2(0.5)).unwrap();
    named.constrain("dense_1.kernel", UnitLength::default()).unwrap();
    assert_eq!(boxed.config(), named.config());
    let trained = |model: Sequential| {
        let mut trainer = model.compile(Sgd::new(0.1), MeanSquaredError);
        trainer.fit(&(&x, &ndarray::Array2::<f32>::ones((2, 3))), Fit::epochs(2).progress(false)).unwrap();
        trainer.model.predict(&x).unwrap()
    };
    assert_eq!(trained(boxed), trained(named));
}
