//! Whole models of every arrangement: saved, opened, copied, and trained on with the same bits.

use gradus::config::{Config, Described, Reader, Registry};
use gradus::layers::{Cell, Rnn};
use gradus::layers::{Distilled, Merge, Recurrent};
use gradus::models::{Bert, BertConfig, Gpt2, Gpt2Config};
use gradus::prelude::*;

/// Ids below 12, `[4, 5]`.
fn ids() -> ndarray::Array2<Float> {
    ndarray::Array2::from_shape_fn((4, 5), |(i, j)| ((3 * i + 2 * j) % 11 + 1) as Float)
}

fn series() -> ndarray::Array3<Float> {
    ndarray::Array3::from_shape_fn((4, 5, 3), |(i, j, k)| ((i + 2 * j + 3 * k) as Float).sin())
}

fn parameters(trainer: &Trainer<Box<dyn Layer>>) -> Vec<(String, Tensor)> {
    trainer.model.parameters().into_iter().map(|(name, param)| (name, param.value().unwrap())).collect()
}

/// Trains a little, saves, opens and copies, and trains all three on.
fn check(registry: &Registry, model: impl Layer + 'static, data: &dyn Dataset, loss: impl Loss + Clone + 'static) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let fit = || Fit::epochs(2).batch_size(2).progress(false);
    let mut trainer = (Box::new(model) as Box<dyn Layer>).compile(Adam::new(0.01), loss.clone()).seed(9);
    trainer.fit(data, fit()).unwrap();
    trainer.save(&path).unwrap();
    let mut opened: Trainer<Box<dyn Layer>> = registry.open_trainer(&path).unwrap();
    assert_eq!(opened.model.config(), trainer.model.config());
    assert_eq!(parameters(&opened), parameters(&trainer));
    let copy: Box<dyn Layer> = registry.copy(&trainer.model).unwrap();
    assert_eq!(opened.evaluate(data).unwrap(), trainer.evaluate(data).unwrap());
    let expected = trainer.fit(data, fit()).unwrap();
    assert_eq!(opened.fit(data, fit()).unwrap(), expected);
    assert_eq!(parameters(&opened), parameters(&trainer));
    // A copy has another memory: as one that was opened from a file of the model alone.
    let mut copied = copy.compile(Adam::new(0.01), loss.clone()).seed(9);
    let mut alone = registry.open::<Box<dyn Layer>, Var, Var>(&path).unwrap().compile(Adam::new(0.01), loss).seed(9);
    assert_eq!(copied.fit(data, fit()).unwrap(), alone.fit(data, fit()).unwrap());
    assert_eq!(parameters(&copied), parameters(&alone));
}

fn tiny_bert() -> BertConfig {
    BertConfig { vocabulary: 12, size: 8, layers: 2, heads: 2, hidden: 16, positions: 6, ..BertConfig::default() }
}

#[test]
fn bert_with_adapters() {
    let model = Bert::new(&tiny_bert()).for_sequence_classification(3);
    model.predict(&ids()).unwrap();
    model.attach("*.query.kernel", Lora::new(2)).unwrap();
    model.attach("*.value.kernel", Lora::new(2).alpha(4.0)).unwrap();
    model.freeze_matching("bert.embeddings.*").unwrap();
    check(&Registry::default(), model, &(&ids(), &ndarray::arr1(&[0, 1, 2, 1])), SparseCrossEntropy::from_logits());
}

#[test]
fn bert_whose_head_has_the_words_of_its_embedding() {
    let model = Bert::new(&tiny_bert()).for_masked_language_modelling();
    check(&Registry::default(), model, &(&ids(), &ids()), SparseCrossEntropy::from_logits());
    let model = Bert::new(&BertConfig { tied: false, ..tiny_bert() }).for_masked_language_modelling();
    check(&Registry::default(), model, &(&ids(), &ids()), SparseCrossEntropy::from_logits());
}

#[test]
fn gpt_2() {
    let config = Gpt2Config { vocabulary: 12, size: 8, layers: 2, heads: 2, positions: 6, ..Gpt2Config::default() };
    check(&Registry::default(), Gpt2::new(&config), &(&ids(), &ids()), SparseCrossEntropy::from_logits());
    let model = Gpt2::new(&config).for_sequence_classification(2);
    check(&Registry::default(), model, &(&ids(), &ndarray::arr1(&[0, 1, 1, 0])), SparseCrossEntropy::from_logits());
}

#[test]
fn a_bidirectional_lstm() {
    let model = Sequential::new()
        .add(Bidirectional::new(|| Lstm::new(4).return_sequences(true)))
        .add(Dropout::new(0.25))
        .add(Bidirectional::new(|| Gru::new(3)).merge(Merge::Sum))
        .add(Dense::new(1));
    check(&Registry::default(), model, &(&series(), &ndarray::arr1(&[0.0, 1.0, -1.0, 0.5])), MeanSquaredError);
}

#[test]
fn an_output_layer_with_the_vectors_of_an_embedding() {
    let embedding = Embedding::new(12, 6);
    let head = embedding.output_layer().use_bias(true);
    let model = Sequential::new().add(embedding).add(Gru::new(6).return_sequences(true)).add(head);
    check(&Registry::default(), model, &(&ids(), &ids()), SparseCrossEntropy::from_logits());
    // Both are one still: trained along both gradients, and saved once.
    let config = Embedding::new(12, 6).output_layer().config();
    assert_eq!(config.to_string(), "TiedDense(vocabulary: 12, units: 6)");
    let alone: Box<dyn Layer> = Registry::default().make(&config).unwrap();
    assert_eq!(alone.predict(&ndarray::Array2::<Float>::ones((2, 6))).unwrap().shape(), [2, 12]);
}

#[test]
fn a_student_with_its_teacher() {
    let x = ndarray::Array2::from_shape_fn((4, 3), |(i, j)| ((2 * i + j) as Float).sin());
    let teacher = Sequential::new().add(Dense::new(6).activation(Tanh)).add(Dense::new(2));
    teacher.predict(&x).unwrap();
    let model = Distilled::new(Dense::new(2), teacher).temperature(3.0).alpha(0.5);
    let paths: Vec<String> = model.parameters().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["kernel", "bias"]);
    check(&Registry::default(), model, &(&x, &ndarray::arr1(&[0, 1, 1, 0])), SparseCrossEntropy::from_logits());
}

/// A running sum through a layer.
struct Sums {
    dense: Dense,
}

impl Cell for Sums {
    type State = Var;

    fn initial_state(&self, x: &Var) -> Result<Var> {
        Ok(self.dense.forward(x)? * 0.0)
    }

    fn step(&self, x: &Var, state: &Var) -> Result<(Var, Var)> {
        let sum = state + self.dense.forward(x)?;
        Ok((sum.clone(), sum))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("dense", &self.dense);
    }

    fn config(&self) -> Config {
        Config::new(Self::KIND).with("dense", &self.dense)
    }
}

impl Described for Sums {
    const KIND: &'static str = "Sums";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        Ok(Self { dense: from.get("dense")? })
    }
}

#[test]
fn a_recurrent_layer_of_ones_own() {
    let registry = Registry::default().layer::<Rnn<Sums>, Var, Var>();
    let layer = Rnn::new(Sums { dense: Dense::new(2).activation(Tanh) }).return_sequences(true).go_backwards(true);
    let model = Sequential::new().add(layer).add(Lstm::new(3)).add(Dense::new(1));
    check(&registry, model, &(&series(), &ndarray::arr1(&[0.0, 1.0, -1.0, 0.5])), MeanSquaredError);
    let model = Sequential::new().add(Rnn::new(Sums { dense: Dense::new(2) }));
    assert!(
        crate::message(Registry::default().copy(&model)).contains("setting `model.layers.sums`: unknown kind `Sums`")
    );
}

#[test]
fn layers_with_their_state() {
    let layer = Gru::new(3).return_sequences(true).with_state();
    let twin: Box<dyn Layer<(Var, Var), (Var, Var)>> = Registry::default().make(&layer.config()).unwrap();
    assert_eq!(twin.config(), layer.config());
    let inputs = || {
        let tape = Tape::inference().seed(3);
        (tape.input(series()), tape.input(ndarray::Array2::<Float>::ones((4, 3))))
    };
    assert_eq!(layer.forward(&inputs()).unwrap().0.value(), twin.forward(&inputs()).unwrap().0.value());
    let layer = Lstm::new(3).with_state();
    type WithCell = (Var, (Var, Var));
    let twin: Box<dyn Layer<WithCell, WithCell>> = Registry::default().make(&layer.config()).unwrap();
    assert_eq!(twin.config(), layer.config());
}
