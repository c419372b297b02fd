//! Batches in parts: only where that is proved to give what a loop of one's own gives.

use gradus::losses::Each;
use gradus::ndarray::{Array1, Array2, ArrayD, Axis};
use gradus::prelude::*;

const EXAMPLES: usize = 200;

/// Examples that lie still for a while: the first 20 are zeros with targets of 0. Sorted by class, the last 5 positive.
fn sorted() -> (Array2<Float>, Array2<Float>) {
    let x = Array2::from_shape_fn((EXAMPLES, 4), |(i, j)| if i < 20 { 0.0 } else { ((i * 7 + j * 3) as Float).sin() });
    let y = Array2::from_shape_fn((EXAMPLES, 1), |(i, _)| Float::from(u8::from(i >= EXAMPLES - 5)));
    (x, y)
}

/// Wide enough to be worth parts.
fn network(layer: impl Layer + 'static) -> Sequential {
    let wide = |x: &Var| Var::concat(&vec![x; 256], 1).unwrap().slice(1, ..4).unwrap();
    Sequential::new().add(Dense::new(4).use_bias(false)).add(layer).add(wide).add(Dense::new(1).use_bias(false))
}

fn weights(model: &Sequential) -> Vec<ArrayD<Float>> {
    model.parameters().into_iter().map(|(_, param)| param.value().unwrap().to_owned()).collect()
}

/// One step of `fit` on one batch, and the same in a loop of one's own.
fn fit_and_loop<L: Loss + Clone + 'static>(model: impl Fn() -> Sequential, loss: L) -> [Vec<ArrayD<Float>>; 2] {
    let (x, y) = sorted();
    let mut fitted = model().compile(Sgd::new(0.5), loss.clone()).seed(3);
    let fit = Fit::epochs(1).batch_size(EXAMPLES).shuffle(false).progress(false);
    fitted.fit(&(&x, &y), fit).unwrap();

    let by_hand = model();
    by_hand.forward(&Tape::inference().seed(3).input(&x)).unwrap();
    let value = loss.loss(&by_hand.forward(&Tape::training().input(&x)).unwrap(), &y.into_tensor()).unwrap();
    Sgd::new(0.5).into_stepper().step(&by_hand, value.backward().unwrap()).unwrap();
    [weights(&fitted.model), weights(&by_hand)]
}

trait IntoStepper: Into<Stepper> {
    fn into_stepper(self) -> Stepper {
        self.into()
    }
}
impl<T: Into<Stepper>> IntoStepper for T {}

fn assert_same(name: &str, [fitted, by_hand]: [Vec<ArrayD<Float>>; 2]) {
    for (fitted, by_hand) in fitted.iter().zip(&by_hand) {
        let far = fitted.iter().zip(by_hand).map(|(a, b)| (a - b).abs()).fold(0.0, Float::max);
        assert!(far <= 1e-5, "{name}: {far} apart: {fitted} {by_hand}");
    }
}

/// Squared errors, each class weighed by its share in the batch.
fn balanced(prediction: &Var, target: &Tensor) -> Result<Var> {
    let (n, positive) = (target.len() as Float, target.sum());
    let weights = target.mapv(|t| if t == 1.0 { n / (2.0 * positive) } else { n / (2.0 * (n - positive)) });
    let tape = prediction.tape();
    Ok(((prediction - tape.input(target)).square() * tape.input(weights)).mean())
}

#[derive(Clone)]
struct Balanced;

impl Loss for Balanced {
    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let (n, positive) = (target.len() as Float, target.sum());
        let weights = target.mapv(|t| if t == 1.0 { n / (2.0 * positive) } else { n / (2.0 * (n - positive)) });
        let squares = (prediction - prediction.tape().input(target)).square().mean_axes(&[1])?;
        Each::new(squares).weigh(&weights.index_axis_move(Axis(1), 0).into_shared())
    }
}

#[test]
fn a_loss_that_weighs_by_the_batch_gets_the_whole_batch() {
    let (x, y) = sorted();
    for shuffle in [false, true] {
        for as_closure in [false, true] {
            let model = Sequential::new()
                .add(|x: &Var| Var::concat(&vec![x; 256], 1).unwrap().slice(1, ..4).unwrap())
                .add(Dense::new(1).kernel_initializer(Zeros));
            let mut model = match as_closure {
                true => model.compile(Sgd::new(0.0), balanced),
                false => model.compile(Sgd::new(0.0), Balanced),
            };
            let fit = Fit::epochs(1).batch_size(EXAMPLES).shuffle(shuffle).progress(false);
            // 195 errors of 0, and 5 of 1 that weigh 20 each.
            assert_eq!(model.fit(&(&x, &y), fit).unwrap().last().unwrap()["loss"], 0.5, "{shuffle} {as_closure}");
            assert_eq!(model.evaluate(&(&x, &y)).unwrap()["loss"], 0.5, "{as_closure}");
        }
    }
    assert_same("closure", fit_and_loop(|| network(Linear), balanced));
    assert_same("struct", fit_and_loop(|| network(Linear), Balanced));
}

#[test]
fn what_is_read_out_of_a_pass_gets_the_whole_batch() {
    let shape = |x: &Var| x * (8.0 / x.shape()[0] as Float);
    assert_same("shape", fit_and_loop(|| network(shape), MeanSquaredError));
    let mask = |x: &Var| {
        let steps = x.insert_axis(2).unwrap().with_mask(Array2::<Float>::ones((x.shape()[0], 4))).unwrap();
        x * (steps.mask().unwrap().sum() / 100.0)
    };
    assert_same("mask", fit_and_loop(|| network(mask), MeanSquaredError));
    // A gradient penalty of one's own.
    let slope = |x: &Var| {
        if !x.tape().is_training() {
            return x.clone();
        }
        let inner = x.tape().variable(Array2::<Float>::ones((1, 4)));
        let slope = (&inner * x.mean_axes_keep(&[1]).unwrap()).sum().backward().unwrap();
        x * slope.of(&inner).unwrap().sum()
    };
    assert_same("backward", fit_and_loop(|| network(slope), MeanSquaredError));
    let text = |x: &Var| x * (format!("{x:?}").len() as Float / 1000.0);
    assert_same("debug", fit_and_loop(|| network(text), MeanSquaredError));
}

#[test]
fn first_examples_that_do_not_count_do_not_stop_training() {
    let (x, _) = sorted();
    let labels = Array1::from_shape_fn(EXAMPLES, |i| if i < 3 { -1 } else { (i % 3) as i32 });
    let loss = SparseCrossEntropy::from_logits().ignore_class(-1);
    let mut model = Dense::new(3).compile(Sgd::new(0.1), loss);
    let history = model.fit(&(&x, &labels), Fit::epochs(1).shuffle(false).progress(false)).unwrap();
    assert!(history.last().unwrap()["loss"] > 0.5);
    model.evaluate(&(&x, &labels)).unwrap();
}

/// Takes the mean of each pair of rows from both, and refuses an odd number of them.
struct PairsCentred;

impl Layer for PairsCentred {
    fn forward(&self, x: &Var) -> Result<Var> {
        let n = x.shape()[0];
        let pairs = x.reshape(&[n / 2, 2, 4])?;
        (&pairs - pairs.mean_axes_keep(&[1])?).reshape(&[n, 4])
    }
}

#[test]
fn a_loss_or_layer_over_pairs_of_rows_trains() {
    let (x, y) = sorted();
    let pairs = |prediction: &Var, target: &Tensor| {
        let n = prediction.shape()[0];
        if n % 2 == 1 {
            return Err(Error::value(format!("expected pairs of rows, got {n} rows")));
        }
        let differences = |x: &Var| -> Result<Var> {
            let x = x.reshape(&[n / 2, 2])?;
            Ok(x.index_axis(1, 0)? - x.index_axis(1, 1)?)
        };
        Ok((differences(prediction)? - differences(&prediction.tape().input(target))?).square().mean())
    };
    let mut model = Dense::new(1).compile(Sgd::new(0.1), pairs);
    model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
    assert!(model.evaluate(&(&x, &y)).unwrap()["loss"].is_finite());

    let network = Sequential::new().add(Dense::new(4)).add(PairsCentred).add(Dense::new(1));
    let mut model = network.compile(Sgd::new(0.1), MeanSquaredError);
    model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
    assert!(model.evaluate(&(&x, &y)).unwrap()["loss"].is_finite());
    assert_eq!(model.predict(&x).unwrap().shape(), [EXAMPLES, 1]);
}
