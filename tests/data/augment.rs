//! Augmentation: what it does to images, and what its random numbers depend on.

use gradus::Rng;
use gradus::config::{Config, Registry, Setting};
use gradus::data::Batch;
use gradus::data::augment::*;
use gradus::data::augment::{Example, Fill, Image};
use gradus::prelude::*;
use rand::SeedableRng;

use super::{bits, images};

fn every() -> Vec<(&'static str, Box<dyn Augment>)> {
    vec![
        ("flip", Box::new(RandomFlip::both())),
        ("translation", Box::new(RandomTranslation::new(0.3, 0.3))),
        ("rotation", Box::new(RandomRotation::new(0.2))),
        ("zoom", Box::new(RandomZoom::new(0.3).keep_ratio(false))),
        ("crop", Box::new(RandomCrop::new(4, 3).padding(1))),
        ("elastic", Box::new(RandomElasticTransform::new(3.0, 1.0))),
        ("brightness", Box::new(RandomBrightness::new(0.3))),
        ("contrast", Box::new(RandomContrast::new(0.5))),
        ("erasing", Box::new(RandomErasing::default().scale([0.2, 0.3]))),
        ("two", Box::new((RandomFlip::horizontal(), RandomTranslation::new(0.2, 0.2).fill_mode(Fill::Constant(0.0))))),
        ("list", Box::new(vec![RandomFlip::horizontal(), RandomFlip::vertical()])),
    ]
}

#[test]
fn random_numbers_depend_on_seed_epoch_and_example_alone() {
    for (name, augment) in every() {
        let data = images(12).augment(5, augment);
        let whole = data.training_batch(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 2).unwrap();
        let row = |batch: &Batch, i: usize| batch.inputs[0].index_axis(ndarray::Axis(0), i).to_owned();
        for i in [11, 3, 0] {
            let alone = data.training_batch(&[i], 2).unwrap();
            assert_eq!(row(&alone, 0), row(&whole, i), "{name}");
            let among = data.training_batch(&[7, i, 7], 2).unwrap();
            assert_eq!(row(&among, 1), row(&whole, i), "{name}");
        }
        let next = data.training_batch(&(0..12).collect::<Vec<_>>(), 3).unwrap();
        assert_ne!(bits(&next), bits(&whole), "{name}");
        assert_eq!(next.targets, whole.targets);
        assert!(whole.inputs[0].iter().all(|x| x.is_finite()), "{name}");
        // Evaluation sees the images, in the shape of training.
        let plain = data.batch(&[0, 5]).unwrap();
        assert_eq!(plain.inputs[0].shape()[1..], whole.inputs[0].shape()[1..], "{name}");
        if name != "crop" {
            assert_eq!(bits(&plain), bits(&images(12).batch(&[0, 5]).unwrap()), "{name}");
        }
    }
    let seeded = |seed| bits(&images(12).augment(seed, RandomZoom::new(0.3)).training_batch(&[1, 2], 0).unwrap());
    assert_ne!(seeded(1), seeded(2));
}

#[test]
fn repetitions_differ() {
    let data = images(2).augment(1, RandomZoom::new(0.5)).repeat(2);
    let epoch = |number| data.training_batch(&[0, 2], number).unwrap().inputs[0].clone();
    let rows = |x: &Tensor| [0, 1].map(|i| x.index_axis(ndarray::Axis(0), i).to_owned());
    let ([a, b], [c, d]) = (rows(&epoch(0)), rows(&epoch(1)));
    let all = [a, b, c, d];
    for i in 0..4 {
        assert!((i + 1..4).all(|j| all[i] != all[j]));
    }
}

#[test]
fn copies_of_an_example_are_augmented_each_on_its_own() {
    let noisy = images(3).augment(1, RandomZoom::new(0.5));
    let rows = |data: &dyn Dataset, epoch: u64| -> Vec<Tensor> {
        let all: Vec<usize> = (0..data.len()).collect();
        let x = data.training_batch(&all, epoch).unwrap().inputs[0].clone();
        x.outer_iter().map(|row| row.to_owned().into_shared()).collect()
    };
    let differ = |data: &dyn Dataset| {
        let all = [rows(data, 0), rows(data, 1), rows(data, 2)].concat();
        (0..all.len()).all(|i| (i + 1..all.len()).all(|j| all[i] != all[j]))
    };
    assert!(differ(&(&noisy).subset([1, 1, 0, 1])));
    assert!(differ(&(&noisy).chain(&noisy)));
    // One example of class 1 and five of class 0: of the ten, five are copies of the one.
    let labels = ndarray::arr1(&[0, 0, 0, 1, 0, 0]);
    let rare = (images(6).batch(&[0, 1, 2, 3, 4, 5]).unwrap().inputs[0].clone(), labels);
    let balanced = (&rare).augment(1, RandomZoom::new(0.5)).oversample(2).unwrap();
    assert_eq!(balanced.len(), 10);
    assert!(differ(&balanced));
    // Batches do not depend on how they are cut, and validation reads the plain examples.
    let (whole, places) = (rows(&balanced, 4), [7, 2, 2, 9]);
    let part = balanced.training_batch(&places, 4).unwrap();
    for (row, place) in places.iter().enumerate() {
        assert_eq!(part.inputs[0].index_axis(ndarray::Axis(0), row), whole[*place].view());
    }
    let plain = (&rare).oversample(2).unwrap();
    let all: Vec<usize> = (0..10).collect();
    assert_eq!(balanced.batch(&all).unwrap().inputs, plain.batch(&all).unwrap().inputs);
    assert_eq!(balanced.training_batch(&all, 1).unwrap().targets, plain.batch(&all).unwrap().targets);
}

fn apply(augment: &dyn Augment, seed: u64, image: &Image) -> Image {
    let changed = augment.apply(image.clone().into_example().unwrap(), &mut Rng::seed_from_u64(seed)).unwrap();
    Image::new("test", changed).unwrap()
}

fn sample() -> Image {
    let pixels = (0..3 * 4 * 2).map(|i| (i * 7 % 24) as Float / 24.0).collect();
    Image { height: 3, width: 4, channels: 2, pixels }
}

/// The different results of many seeds.
fn outcomes(augment: &dyn Augment) -> Vec<Image> {
    let mut found: Vec<Image> = Vec::new();
    for seed in 0..200 {
        let image = apply(augment, seed, &sample());
        if !found.contains(&image) {
            found.push(image);
        }
    }
    found
}

#[test]
fn flips_are_the_mirror_images() {
    let mirrored = |horizontal: bool, vertical: bool| {
        let source = sample().into_example().unwrap();
        let at = |(y, x, c): (usize, usize, usize)| {
            source[[if vertical { 2 - y } else { y }, if horizontal { 3 - x } else { x }, c]]
        };
        Image::new("test", ndarray::Array3::from_shape_fn((3, 4, 2), at).into_dyn()).unwrap()
    };
    let check = |augment: RandomFlip, expected: &[Image]| {
        let found = outcomes(&augment);
        assert_eq!(found.len(), expected.len());
        assert!(expected.iter().all(|image| found.contains(image)));
    };
    check(RandomFlip::horizontal(), &[mirrored(false, false), mirrored(true, false)]);
    check(RandomFlip::vertical(), &[mirrored(false, false), mirrored(false, true)]);
    let all = [(false, false), (false, true), (true, false), (true, true)].map(|(h, v)| mirrored(h, v));
    check(RandomFlip::both(), &all);
    // A single channel has a way of its own.
    let grey = Image { height: 1, width: 3, channels: 1, pixels: vec![1.0, 2.0, 3.0] };
    let flipped: Vec<Vec<Float>> = (0..20).map(|seed| apply(&RandomFlip::horizontal(), seed, &grey).pixels).collect();
    assert!(flipped.contains(&vec![1.0, 2.0, 3.0]) && flipped.contains(&vec![3.0, 2.0, 1.0]));
}

#[test]
fn crops_and_shifts_reach_every_place() {
    assert_eq!(outcomes(&RandomCrop::new(2, 3)).len(), 4);
    assert_eq!(outcomes(&RandomCrop::new(3, 4)), [sample()]);
    assert_eq!(outcomes(&RandomCrop::new(3, 4).padding(1)).len(), 9);
    // A third of three rows and a quarter of four columns: one pixel each.
    assert_eq!(outcomes(&RandomTranslation::new(0.34, 0.25)).len(), 9);
    assert_eq!(outcomes(&RandomTranslation::new(0.0, 0.0)), [sample()]);
    assert_eq!(outcomes(&RandomRotation::new(0.0)), [sample()]);
    assert_eq!(outcomes(&RandomZoom::new(0.0)), [sample()]);
    assert_eq!(outcomes(&RandomElasticTransform::new(0.0, 2.0)), [sample()]);
}

#[test]
fn values_stay_in_their_range_and_means_stay() {
    for image in outcomes(&RandomBrightness::new(1.0)) {
        assert!(image.pixels.iter().all(|x| (0.0..=1.0).contains(x)));
    }
    let brighter = outcomes(&RandomBrightness::new(0.5).value_range([-100.0, 100.0]));
    let light = brighter[0].pixels[0] - sample().pixels[0];
    assert!(light.abs() <= 100.0 && light != 0.0);
    assert!(brighter[0].pixels.iter().zip(&sample().pixels).all(|(a, b)| (a - b - light).abs() < 1e-4));
    let mean = |image: &Image, c: usize| image.pixels.iter().skip(c).step_by(2).sum::<Float>() / 12.0;
    for image in outcomes(&RandomContrast::new(0.5).value_range([-9.0, 9.0])) {
        assert!((0..2).all(|c| (mean(&image, c) - mean(&sample(), c)).abs() < 1e-5));
    }
}

#[test]
fn a_hole_has_the_area_asked_for() {
    let ones = Image { height: 20, width: 30, channels: 1, pixels: vec![1.0; 600] };
    for seed in 0..100 {
        let holes = |augment: &dyn Augment| apply(augment, seed, &ones).pixels.iter().filter(|x| **x == 0.0).count();
        let area = holes(&RandomErasing::default().scale([0.1, 0.2]).squares(true));
        assert!((50..=132).contains(&area), "{area}");
        assert_eq!(holes(&RandomErasing::default().factor(0.0)), 0);
        assert!(holes(&RandomErasing::default()) <= 210);
        assert_eq!(holes(&RandomErasing::default().scale([1.0, 1.0]).squares(true)), 480);
    }
}

#[test]
fn a_rubber_sheet_is_smooth_and_a_turn_keeps_a_round_thing() {
    let round = |y: usize, x: usize| (-((y as Float - 10.0).powi(2) + (x as Float - 10.0).powi(2)) / 20.0).exp();
    let pixels = (0..441).map(|i| round(i / 21, i % 21)).collect();
    let disc = Image { height: 21, width: 21, channels: 1, pixels };
    for seed in 0..20 {
        let turned = apply(&RandomRotation::new(0.5).fill_mode(Fill::Constant(0.0)), seed, &disc);
        let worst = turned.pixels.iter().zip(&disc.pixels).map(|(a, b)| (a - b).abs()).fold(0.0, Float::max);
        assert!(worst < 0.03, "{worst}");
        let moved = apply(&RandomElasticTransform::new(20.0, 4.0), seed, &disc);
        let distance = moved.pixels.iter().zip(&disc.pixels).map(|(a, b)| (a - b).abs()).fold(0.0, Float::max);
        assert!(distance > 1e-4 && distance < 0.7, "{distance}");
    }
}

#[test]
fn mixtures_keep_the_sum_of_the_target() {
    let hot = || images(12).one_hot(3);
    let all: Vec<usize> = (0..12).collect();
    for epoch in 0..10 {
        let plain = hot().batch(&all).unwrap();
        let up = hot().mix(1, MixUp::new(0.4)).training_batch(&all, epoch).unwrap();
        let cut = hot().mix(1, CutMix::default()).training_batch(&all, epoch).unwrap();
        for batch in [&up, &cut] {
            assert!(batch.targets[0].outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5));
            assert_eq!(batch.inputs[0].shape(), plain.inputs[0].shape());
        }
        assert_ne!(bits(&up), bits(&plain));
        let one = hot().mix(1, MixUp::new(0.4)).training_batch(&[7], epoch).unwrap();
        assert_eq!(one.targets[0].row_of(0), up.targets[0].row_of(7));
    }
    assert_eq!(bits(&hot().mix(1, MixUp::default()).batch(&all).unwrap()), bits(&hot().batch(&all).unwrap()));
}

trait Row {
    fn row_of(&self, i: usize) -> Vec<Float>;
}

impl Row for Tensor {
    fn row_of(&self, i: usize) -> Vec<Float> {
        self.index_axis(ndarray::Axis(0), i).iter().copied().collect()
    }
}

#[test]
fn cut_mix_mixes_targets_by_area() {
    let example = |value: Float| Example {
        input: ndarray::ArrayD::from_elem(ndarray::IxDyn(&[10, 8, 1]), value),
        target: ndarray::arr1(&[1.0 - value, value]).into_dyn(),
    };
    for seed in 0..50 {
        let mixed = CutMix::default().mix(example(0.0), &example(1.0), &mut Rng::seed_from_u64(seed)).unwrap();
        let share = mixed.input.sum() / 80.0;
        assert!((mixed.target[[1]] - share).abs() < 1e-5 && (mixed.target[[0]] - 1.0 + share).abs() < 1e-5);
    }
    let extreme = MixUp::new(1e-30).mix(example(0.0), &example(1.0), &mut Rng::seed_from_u64(1)).unwrap();
    assert!(extreme.input[[0, 0, 0]] == 0.0 || extreme.input[[0, 0, 0]] == 1.0);
}

/// The weights after training on augmented digits, with threads and dataset as given.
fn trained(threads: usize, epochs: &[usize]) -> Vec<u64> {
    let (train, _) = mnist::load("examples/data/mnist").unwrap();
    let train = train.take(200).augment(3, (RandomTranslation::new(0.1, 0.1), RandomZoom::new(0.1)));
    let mut model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .seed(4)
        .threads(threads);
    for epochs in epochs {
        model.fit(&train, Fit::epochs(*epochs).validation_split(0.2).progress(false)).unwrap();
    }
    let values = model.model.parameters().into_iter().filter_map(|(_, param)| param.value());
    values.flat_map(|value| value.iter().map(|x| f64::from(*x).to_bits()).collect::<Vec<_>>()).collect()
}

#[test]
fn training_has_the_same_bits_on_any_threads_and_goes_on_where_it_stopped() {
    let whole = trained(1, &[3]);
    assert_eq!(trained(3, &[3]), whole);
    assert_eq!(trained(2, &[1, 2]), whole);
}

#[test]
fn validation_is_not_augmented() {
    let (train, _) = mnist::load("examples/data/mnist").unwrap();
    let plain = train.take(64);
    let blind = |x: ndarray::ArrayD<Float>, _: &mut Rng| Ok(x * 0.0);
    let mut model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .compile(Sgd::new(0.1), SparseCrossEntropy::default());
    let data = (&plain).augment(1, blind);
    let history = model.fit(&data, Fit::epochs(1).validation_split(0.5).progress(false)).unwrap();
    // Of black images the loss at the start is that of ignorance; of real ones it is another.
    assert!((history.last().unwrap()["loss"] - (10.0_f64).ln()).abs() < 0.2);
    assert_eq!(history.last().unwrap()["val_loss"], model.evaluate(&(&plain).skip(32)).unwrap()["loss"]);
    assert_eq!(model.evaluate(&data).unwrap()["loss"], model.evaluate(&plain).unwrap()["loss"]);
}

#[test]
fn an_image_of_other_pixels_than_its_sizes_say_is_an_error() {
    let mut image = sample();
    image.pixels.pop();
    assert!(image.into_example().unwrap_err().to_string().contains("cannot have"));
}

#[test]
fn each_is_made_again_from_its_description() {
    let registry = Registry::default();
    let singles = every().into_iter().filter(|(name, _)| !["two", "list"].contains(name));
    let constant = RandomRotation::new(0.2).fill_mode(Fill::Constant(0.5));
    let wrap = RandomZoom::new(0.2).fill_mode(Fill::Wrap);
    for augment in singles.map(|(_, augment)| augment).chain([Box::new(constant) as Box<dyn Augment>, Box::new(wrap)]) {
        let config = augment.config();
        let twin: Box<dyn Augment> = registry.make(&Config::from_json(&config.to_json().unwrap()).unwrap()).unwrap();
        let batch = |augment| bits(&images(12).augment(5, augment).training_batch(&[0, 5, 11], 2).unwrap());
        assert_eq!(batch(augment), batch(twin), "{config}");
    }
    for mix in [Box::new(MixUp::new(0.3)) as Box<dyn Mix>, Box::new(CutMix::default())] {
        let twin: Box<dyn Mix> = registry.make(&mix.config()).unwrap();
        let batch = |mix| bits(&images(12).one_hot(3).mix(5, mix).training_batch(&[0, 5, 11], 2).unwrap());
        assert_eq!(batch(mix), batch(twin));
    }
    let list: Vec<Box<dyn Augment>> = vec![Box::new(RandomFlip::both()), Box::new(RandomCrop::new(4, 3))];
    assert_eq!(registry.read::<Vec<Box<dyn Augment>>>(&list.to_value()).unwrap().to_value(), list.to_value());
    let unknown = (|x: ndarray::ArrayD<Float>, _: &mut Rng| Ok(x)).config();
    assert!(registry.make::<Box<dyn Augment>>(&unknown).is_err());
}
