//! Words, classes and sequences; numbers marked so are what Keras 3.15 gives.

use gradus::data::Inputs;
use gradus::prelude::*;
use gradus::preprocessing::{PaddedSequences, StringLookup, TextVectorization, one_hot};

const TEXTS: [&str; 4] = ["The cat sat.", "The dog!", "a cat, a Cat", "dog; bird"];
const NEW: [&str; 2] = ["the black cat sat", "cat cat bird x"];

fn adapted(layer: TextVectorization) -> TextVectorization {
    let mut layer = layer;
    layer.adapt(TEXTS).unwrap();
    layer
}

#[test]
fn sequences_as_in_keras() {
    let plain = adapted(TextVectorization::new());
    assert_eq!(plain.vocabulary(), ["", "[UNK]", "cat", "the", "dog", "a", "sat", "bird"]);
    assert_eq!(plain.sequences(NEW).unwrap().sequences(), [[3, 1, 2, 6], [2, 2, 7, 1]]);
    let few = adapted(TextVectorization::new().max_tokens(4));
    assert_eq!(few.vocabulary(), ["", "[UNK]", "cat", "the"]);
    assert_eq!(few.sequences(NEW).unwrap().sequences(), [[3, 1, 2, 1], [2, 2, 1, 1]]);
    let pairs = adapted(TextVectorization::new().ngrams(2));
    assert_eq!(pairs.vocabulary()[2..9], ["cat", "the", "dog", "a cat", "a", "the dog", "the cat"]);
    assert_eq!(pairs.sequences(NEW).unwrap().sequences(), [[3, 1, 2, 9, 1, 1, 11], [2, 2, 13, 1, 1, 1, 1]]);
}

#[test]
fn vectors_as_in_keras() {
    let words = adapted(TextVectorization::new());
    let count = ndarray::arr2(&[[1., 1., 1., 0., 0., 1., 0.], [1., 2., 0., 0., 0., 0., 1.]]);
    assert_eq!(words.count(NEW).unwrap(), count);
    assert_eq!(words.multi_hot(NEW).unwrap(), count.mapv(|x: Float| x.min(1.0)));
    let expected = [
        [0.972955048084259, 0.8472978472709656, 0.8472978472709656, 0.0, 0.0, 1.0986123085021973, 0.0],
        [0.972955048084259, 1.6945956945419312, 0.0, 0.0, 0.0, 0.0, 1.0986123085021973],
    ];
    let close =
        |a: &ndarray::Array2<Float>| a.iter().zip(expected.concat()).all(|(a, b)| (a - b as Float).abs() < 1e-6);
    assert!(close(&words.tf_idf(NEW).unwrap()));
    // A vocabulary that is taken over makes the same sequences.
    let mut taken = TextVectorization::new();
    taken.set_vocabulary(words.vocabulary().to_vec());
    assert_eq!(taken.sequences(NEW).unwrap().sequences(), words.sequences(NEW).unwrap().sequences());
    assert!(taken.tf_idf(NEW).is_err());
}

#[test]
fn characters() {
    let split = |text: &str| text.chars().map(String::from).collect();
    let mut letters = TextVectorization::new().standardize(str::to_string).split(split);
    letters.adapt(["abca"]).unwrap();
    assert_eq!(letters.vocabulary(), ["", "[UNK]", "a", "c", "b"]);
    assert_eq!(letters.sequences(["Ab"]).unwrap().sequences(), [[1, 4]]);
}

#[test]
fn strings_as_in_keras() {
    let colours = StringLookup::adapt(["red", "blue", "red", "green"]).unknown("[UNK]");
    assert_eq!(colours.vocabulary(), ["[UNK]", "red", "green", "blue"]);
    assert_eq!((colours.lookup("pink").unwrap(), colours.lookup("blue").unwrap()), (0, 3));
    assert_eq!((colours.string(1), colours.string(4)), (Some("red"), None));
}

#[test]
fn padding() {
    let sequences = || PaddedSequences::new(vec![vec![1, 2, 3], vec![], vec![4, 5]]).unwrap();
    let rows = |sequences: PaddedSequences, indices: &[usize]| sequences.gather(indices).unwrap()[0].clone();
    let array = |rows: &[[Float; 2]]| ndarray::arr2(rows).into_dyn().into_shared();
    assert_eq!(rows(sequences(), &[2, 1]), array(&[[4.0, 5.0], [0.0, 0.0]]));
    assert_eq!(rows(sequences(), &[1]).shape(), [1, 1]);
    assert_eq!(rows(sequences(), &[0, 2]).shape(), [2, 3]);
    assert_eq!(rows(sequences().length(2), &[0, 1]), array(&[[1.0, 2.0], [0.0, 0.0]]));
    assert_eq!(rows(sequences().length(2).left(true), &[0]), array(&[[2.0, 3.0]]));
    assert_eq!(rows(sequences().left(true), &[2, 0]).as_slice().unwrap(), [0.0, 4.0, 5.0, 1.0, 2.0, 3.0]);
    // With targets they are a dataset.
    let labels = ndarray::arr1(&[0, 1, 0]);
    assert_eq!((sequences(), labels).batch(&[0]).unwrap().inputs[0].shape(), [1, 3]);
}

#[test]
fn classes_as_vectors() {
    let expected = ndarray::arr2(&[[0.0, 1.0], [1.0, 0.0]]).into_dyn();
    assert_eq!(one_hot(ndarray::arr1(&[1_u8, 0]), 2).unwrap(), expected);
    assert_eq!(one_hot(ndarray::arr2(&[[1_u8], [0]]), 2).unwrap(), expected);
    assert_eq!(one_hot(ndarray::arr2(&[[1, 0, 1]]), 2).unwrap().shape(), [1, 3, 2]);
    assert_eq!(one_hot(ndarray::Array1::<u8>::zeros(0), 2).unwrap().shape(), [0, 2]);
}

#[test]
fn normalization_is_saved_with_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let x = ndarray::Array2::from_shape_fn((300, 3), |(i, j)| 1e4 + (i * (j + 1) % 7) as Float);
    let model = || Sequential::new().add(Normalization::new()).add(Dense::new(2));
    let normal = Normalization::new();
    normal.adapt(&(&x, ndarray::Array1::<u8>::zeros(300))).unwrap();
    let trained = Sequential::new().add(normal).add(Dense::new(2));
    let y = trained.forward(&Tape::inference().input(x.clone())).unwrap();
    trained.save(&path).unwrap();
    let loaded = model();
    loaded.load(&path).unwrap();
    assert_eq!(loaded.forward(&Tape::inference().input(x)).unwrap().value(), y.value());
}
