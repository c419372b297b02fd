//! Each adaptor by what it makes of numbered examples.

use gradus::data::Subset;
use gradus::data::augment::RandomFlip;
use gradus::prelude::*;
use gradus::preprocessing::PaddedSequences;

use super::{images, numbered, order, targets};

#[test]
fn take_skip_subset_and_shuffle() {
    assert_eq!(order(&numbered(5).take(3)), [0, 1, 2]);
    assert_eq!(order(&numbered(5).take(9)), [0, 1, 2, 3, 4]);
    assert_eq!(order(&numbered(5).skip(3)), [3, 4]);
    assert!(numbered(5).skip(9).is_empty());
    assert_eq!(order(&numbered(5).subset([4, 0, 4])), [4, 0, 4]);
    assert_eq!(order(&numbered(9).skip(2).take(5).subset([4, 0])), [6, 2]);
    let shuffled = order(&numbered(50).shuffle(3));
    assert_eq!(shuffled, order(&numbered(50).shuffle(3)));
    assert_ne!(shuffled, order(&numbered(50).shuffle(4)));
    let mut sorted = shuffled;
    sorted.sort_unstable();
    assert_eq!(sorted, order(&numbered(50)));
}

#[test]
fn chain_and_repeat_keep_the_order_that_was_asked_for() {
    let chained = numbered(3).chain(numbered(5).skip(2));
    assert_eq!(order(&chained), [0, 1, 2, 2, 3, 4]);
    assert_eq!(targets(&chained.batch(&[5, 0, 3, 1, 4]).unwrap()), [4, 0, 2, 1, 3]);
    assert_eq!(chained.batch(&[5, 0]).unwrap().inputs[0].as_slice().unwrap(), [40.0, 41.0, 0.0, 1.0]);
    let repeated = numbered(2).repeat(3);
    assert_eq!(order(&repeated), [0, 1, 0, 1, 0, 1]);
    assert_eq!(targets(&repeated.batch(&[5, 0, 1, 2]).unwrap()), [1, 0, 1, 0]);
    assert_eq!(numbered(2).repeat(0).len(), 0);
    assert_eq!(numbered(0).repeat(3).len(), 0);
}

#[test]
fn zip_map_and_one_hot() {
    let both = numbered(3).zip(numbered(3).shuffle(1).map(|mut batch| {
        batch.targets.clear();
        Ok(batch)
    }));
    let batch = both.batch(&[2]).unwrap();
    assert_eq!((batch.inputs.len(), batch.targets.len()), (2, 1));
    both.check().unwrap();
    let hot = images(4).one_hot(3).batch(&[1, 2, 3]).unwrap();
    assert_eq!(hot.targets[0], ndarray::arr2(&[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]).into_dyn());
}

#[test]
fn pointers_are_datasets_that_train() {
    let shared = std::sync::Arc::new(images(7).augment(1, RandomFlip::both()));
    let boxed: Box<dyn Dataset> = Box::new(shared.clone());
    for epoch in 0..3 {
        let (one, other) = (shared.training_batch(&[3], epoch).unwrap(), boxed.training_batch(&[3], epoch).unwrap());
        assert_eq!(one.inputs, other.inputs);
    }
    assert_eq!(boxed.len(), 7);
}

#[test]
fn classes_are_balanced() {
    let counts = |classes: Vec<usize>| [0, 1, 2].map(|class| classes.iter().filter(|c| **c == class).count());
    let uneven = || images(20).subset([0, 3, 6, 9, 12, 1, 4, 2]);
    assert_eq!(counts(uneven().classes().unwrap()), [5, 2, 1]);
    let over = uneven().oversample(1).unwrap();
    assert_eq!(counts(over.classes().unwrap()), [5, 5, 5]);
    // All examples are still there.
    let first_pixel = |data: &dyn Dataset| {
        let all: Vec<usize> = (0..data.len()).collect();
        let batch = data.batch(&all).unwrap();
        batch.inputs[0].outer_iter().map(|image| (image[[0, 0, 0]] * 100.0).round() as usize).collect::<Vec<_>>()
    };
    let mut present = first_pixel(&over);
    present.sort_unstable();
    present.dedup();
    assert_eq!(present, [0, 1, 2, 3, 4, 6, 9, 12]);
    assert_eq!(counts(uneven().undersample(1).unwrap().classes().unwrap()), [1, 1, 1]);
    let under = first_pixel(&uneven().undersample(1).unwrap());
    assert_eq!(under, first_pixel(&uneven().undersample(1).unwrap()));
    assert_eq!(uneven().one_hot(3).classes().unwrap(), uneven().classes().unwrap());
    let weights = gradus::data::class_weights(&[0, 0, 0, 3]);
    assert_eq!(weights, [2.0 / 3.0, 0.0, 0.0, 2.0]);
}

#[test]
fn a_pipeline_trains() {
    let x = ndarray::Array2::from_shape_fn((200, 2), |(i, j)| ((i * 7 + j * 3) % 11) as Float / 11.0);
    let y = x.outer_iter().map(|row| usize::from(row[0] > row[1])).collect::<ndarray::Array1<usize>>();
    let (train, test) = (&x, &y).stratified_split(0.8, 1).unwrap();
    let noise = |x: ndarray::ArrayD<Float>, rng: &mut gradus::Rng| {
        Ok(x.mapv(|x| x + gradus::rand::RngExt::random_range(rng, -0.01..0.01)))
    };
    let train = train.augment(1, noise).repeat(2).shuffle(5);
    let normal = Normalization::new();
    normal.adapt(&train).unwrap();
    let mut model = Sequential::new()
        .add(normal)
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(2).activation(Softmax))
        .compile(Adam::new(0.02), SparseCrossEntropy::default())
        .metric(Accuracy::default());
    model.fit(&train, Fit::epochs(10).progress(false)).unwrap();
    assert!(model.evaluate(&test).unwrap()["accuracy"] > 0.95);
}

/// Numbers of examples that there are not are an error, also where what lies behind has more of them.
#[test]
fn there_is_no_example_behind_the_last() {
    let data = || (ndarray::Array2::<Float>::zeros((6, 2)), ndarray::Array1::<Float>::zeros(6));
    let error = |dataset: &dyn Dataset, number: usize| {
        let error = dataset.batch(&[0, number]).unwrap_err().to_string();
        assert!(error.contains(&format!("got {number}")), "{error}");
    };
    for number in [6, usize::MAX] {
        error(&data(), number);
        error(&data().map(Ok), number);
        error(&Subset::new(data(), vec![5, 4, 3, 2, 1, 0]), number);
        error(&data().augment(1, |x: ndarray::ArrayD<Float>, _: &mut gradus::Rng| Ok(x)), number);
        error(&data().zip(data()), number);
        error(&gradus::data::from_fn(6, |_| Ok((ndarray::arr1(&[1.0]), ndarray::arr1(&[1.0])))), number);
        error(&(PaddedSequences::new(vec![vec![1]; 6]).unwrap(), ndarray::Array1::<Float>::zeros(6)), number);
    }
    error(&data().chain(data()), 12);
    error(&data().repeat(3), 18);
    // Of the first three, the fourth is not one, although it could be read.
    error(&Subset::new(data(), 0..3), 3);
    error(&Subset::new(data(), vec![0, 1, 2]), 3);
}
