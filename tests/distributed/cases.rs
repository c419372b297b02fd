//! Small networks of each sort.

use std::path::Path;

use gradus::distributed::Distributed;

use gradus::models::{Bert, BertConfig};
use gradus::ndarray::ArrayD;
use gradus::optimizers::MovingAverage;
use gradus::prelude::*;
use gradus::rand::{RngExt, SeedableRng};
use gradus::training::Logs;

pub const CASES: [&str; 6] = ["cnn", "mlp", "lstm", "steps", "resnet", "bert"];

/// All that a program gets from a run, as bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub weights: Vec<(String, Vec<u64>)>,
    pub history: Vec<Vec<(String, u64)>>,
    pub scores: Vec<(String, u64)>,
    pub predictions: Vec<u64>,
}

pub fn bits(numbers: &Tensor) -> Vec<u64> {
    numbers.iter().map(|x| f64::from(*x).to_bits()).collect()
}

pub fn weights<M: Layer>(model: &M) -> Vec<(String, Vec<u64>)> {
    model.parameters().into_iter().map(|(path, param)| (path, bits(&param.value().unwrap()))).collect()
}

pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = gradus::Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0)).into_shared()
}

pub fn labels(shape: &[usize], classes: usize) -> Tensor {
    let mut rng = gradus::Rng::seed_from_u64(9);
    ArrayD::from_shape_simple_fn(shape, || rng.random_range(0..classes) as Float).into_shared()
}

/// Sentences of tokens, of which many are padded with 0.
fn tokens(examples: usize, steps: usize) -> Tensor {
    let token = |i: usize, t: usize| if t < 2 + i % (steps - 1) { (1 + (i * 7 + t * 3) % 19) as Float } else { 0.0 };
    ArrayD::from_shape_fn(vec![examples, steps], |at| token(at[0], at[1])).into_shared()
}

fn block(channels: usize) -> Residual {
    let convolution = || Conv2d::new(channels, 3).padding(Padding::Same).use_bias(false);
    let body = Sequential::new().add(convolution()).add(BatchNorm::new()).add(Relu).add(convolution());
    Residual::new(body.add(BatchNorm::new())).activation(Relu)
}

/// A network with what trains it, and its data. Numbers of examples are not multiples of anything.
pub fn case(name: &str) -> (Trainer<Sequential>, (Tensor, Tensor)) {
    let new = Sequential::new;
    let adam = || Adam::new(0.01).clip(Clip::GlobalNorm(1.0));
    let tokens = || (tokens(77, 7), labels(&[77], 4));
    let (network, optimizer, data) = match name {
        "cnn" => {
            let body = new().add(Conv2d::new(8, 3).activation(Relu)).add(MaxPool2d::new(2)).add(Flatten);
            let network = body.add(Dropout::new(0.25)).add(Dense::new(4));
            (network, adam().accumulate(2), (random(&[90, 12, 12, 1], 1), labels(&[90], 4)))
        }
        "mlp" => {
            let network = new().add(Dense::new(1700).activation(Relu)).add(Dense::new(4));
            let optimizer = Momentum::new(0.05).average(MovingAverage::new(0.9));
            (network, optimizer, (random(&[130, 40], 2), labels(&[130], 4)))
        }
        "lstm" => {
            let network = new().add(Embedding::new(20, 6).mask_zero(true)).add(Lstm::new(8)).add(Dense::new(4));
            (network, adam(), tokens())
        }
        // The loss divides by the number of steps that count in the batch.
        "steps" => {
            let lstm = Lstm::new(8).return_sequences(true);
            let network = new().add(Embedding::new(20, 6).mask_zero(true)).add(lstm).add(Dense::new(4));
            (network, adam(), (tokens().0, labels(&[77, 7], 4)))
        }
        "resnet" => {
            let network = new().add(Conv2d::new(6, 3)).add(block(6)).add(block(6)).add(GlobalAvgPool2d);
            (network.add(Dense::new(4)), adam(), (random(&[50, 10, 10, 1], 3), labels(&[50], 4)))
        }
        "bert" => {
            let config =
                BertConfig { vocabulary: 20, layers: 2, heads: 2, size: 16, hidden: 32, ..BertConfig::default() };
            let network = Bert::new(&config).for_sequence_classification(4);
            network.forward(&Tape::inference().seed(1).input(tokens().0)).unwrap();
            network.freeze_matching("bert.*").unwrap();
            network.attach("bert.encoder.*.kernel", Lora::new(2)).unwrap();
            (network, adam(), tokens())
        }
        other => panic!("{other}"),
    };
    let loss = SparseCrossEntropy::from_logits();
    (network.compile(optimizer, loss).metric(Accuracy::default()).seed(5).threads(1), data)
}

/// Trains, evaluates and predicts on these ranks.
pub fn run(name: &str, ranks: Distributed, folder: Option<&Path>) -> Result<Outcome> {
    let (model, (x, y)) = case(name);
    let mut model = model.distributed(ranks).evaluation_batch_size(16);
    let mut fit = Fit::epochs(2).batch_size(32).validation_split(0.2).progress(false);
    fit =
        fit.callback(EarlyStopping::new("val_loss").patience(5)).callback(ReduceOnPlateau::new("val_loss").patience(1));
    if let Some(folder) = folder {
        fit = fit.callback(Backup::new(folder.join("run.backup")).every(1));
    }
    let figures = |logs: &Logs| -> Vec<_> { logs.iter().map(|(name, x)| (name.to_owned(), x.to_bits())).collect() };
    let history = model.fit(&(&x, &y), fit)?;
    let scores = figures(&model.evaluate(&(&x, &y))?);
    let predictions = bits(&model.predict(&x)?);
    if let Some(folder) = folder {
        model.save(folder.join("model.safetensors"))?;
    }
    let history = history.epochs().iter().map(figures).collect();
    Ok(Outcome { weights: weights(&model.model), history, scores, predictions })
}
