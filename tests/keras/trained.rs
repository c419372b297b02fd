//! Trainers of Keras, in and out: `tests/fixtures/make_keras_trained.py` has made them, and what they give after more training there.

use gradus::layers::Vars;
use gradus::saving::Keras;

use super::*;

const CASES: [&str; 15] = [
    "adam", "amsgrad", "adamw", "sgd", "nesterov", "rmsprop", "centered", "momentum", "decay", "clipped", "frozen",
    "branches", "sequence", "legacy", "fresh",
];

fn trained() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras_trained")
}

fn file(case: &str) -> PathBuf {
    trained().join(format!("{case}.{}", if case == "legacy" { "h5" } else { "keras" }))
}

/// Trains for three epochs, compares, writes the trainer for Keras, and reads it again.
fn go_on<M, X: Vars, Y: Vars>(case: &str, mut trainer: Trainer<M, X, Y>, values: &Weights) -> Vec<f32>
where
    M: Layer<X, Y> + gradus::config::Setting,
    Trainer<M, X, Y>: Step,
{
    let mut far = vec![trainer.far(case, 0, values)];
    trainer.three_epochs(case, values);
    far.push(trainer.far(case, 3, values));
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras_check/trained");
    std::fs::create_dir_all(&folder).unwrap();
    let to = folder.join(format!("{case}.keras"));
    let shape = values.get(&format!("{case}.x")).unwrap().shape()[1..].to_vec();
    Keras::new().input(shape).save_trainer(&trainer, &to).unwrap_or_else(|error| panic!("{case}: {error}"));
    let mut again: Trainer<M, X, Y> =
        Registry::default().open_trainer(&to).unwrap_or_else(|error| panic!("{case}: {error}"));
    again.three_epochs(case, values);
    far.push(again.far(case, 6, values));
    far
}

/// Training on the numbers of a case.
trait Step {
    fn three_epochs(&mut self, case: &str, values: &Weights);
    fn far(&self, case: &str, epochs: usize, values: &Weights) -> f32;
}

fn fit() -> Fit<'static> {
    Fit::epochs(3).batch_size(8).shuffle(false).progress(false)
}

impl Step for Trainer<Box<dyn Layer>, Var, Var> {
    fn three_epochs(&mut self, case: &str, values: &Weights) {
        let [x, y] = ["x", "y"].map(|name| values.get(&format!("{case}.{name}")).unwrap());
        self.fit(&(x, y), fit()).unwrap();
    }

    fn far(&self, case: &str, epochs: usize, values: &Weights) -> f32 {
        let x = values.get(&format!("{case}.x")).unwrap();
        distance(&self.predict(&x).unwrap(), &values.get(&format!("{case}.{epochs}.0")).unwrap())
    }
}

impl Step for Trainer<Graph, Vec<Var>, Vec<Var>> {
    fn three_epochs(&mut self, case: &str, values: &Weights) {
        let [x, y] = ["x", "y"].map(|name| values.get(&format!("{case}.{name}")).unwrap());
        let negative = y.mapv(|y| -y).into_shared();
        self.fit(&(vec![x], vec![y, negative]), fit()).unwrap();
    }

    fn far(&self, case: &str, epochs: usize, values: &Weights) -> f32 {
        let x = values.get(&format!("{case}.x")).unwrap();
        let y = self.model.forward(&vec![Tape::inference().input(x)]).unwrap();
        let far = y
            .iter()
            .enumerate()
            .map(|(i, y)| distance(y.value(), &values.get(&format!("{case}.{epochs}.{i}")).unwrap()));
        far.fold(0.0, f32::max)
    }
}

#[test]
fn fit_goes_on_where_keras_has_stopped() {
    let values = Weights::open(trained().join("values.safetensors")).unwrap();
    let mut wrong = Vec::new();
    for case in CASES {
        let far = match case {
            "branches" => go_on(case, Registry::default().open_trainer::<Graph, _, _>(file(case)).unwrap(), &values),
            _ => {
                go_on(case, gradus::open_trainer(file(case)).unwrap_or_else(|error| panic!("{case}: {error}")), &values)
            }
        };
        println!("{case}: {far:?}");
        if far.iter().any(|far| *far > 1e-5 || far.is_nan()) {
            wrong.push(format!("{case}: {far:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Keras' `BinaryAccuracy` compares each number, where `Accuracy` compares rows of classes.
#[test]
fn binary_accuracy_asks_of_each_label() {
    let model = Sequential::new().add(Dense::new(4).activation(Sigmoid).kernel_initializer(Zeros));
    let mut trainer =
        model.compile(Sgd::default(), BinaryCrossEntropy::default()).metric(Accuracy::default().multi_label(true));
    let data = (ndarray::Array2::<Float>::ones((1, 2)), ndarray::arr2(&[[1.0, 0.0, 0.0, 1.0]]));
    assert_eq!(trainer.evaluate(&data).unwrap()["accuracy"], 0.5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.keras");
    Keras::new().input([2]).save_trainer(&trainer, &path).unwrap();
    let mut opened: Trainer<Box<dyn Layer>> = gradus::open_trainer(&path).unwrap();
    assert_eq!(opened.evaluate(&data).unwrap()["binary_accuracy"], 0.5);
}
