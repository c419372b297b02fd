//! What the way of the data costs: `fit` on digits with and without augmentation and files, in pairs of one epoch each.
//!
//! `cargo bench --bench data`

use std::time::Instant;

use gradus::data::RecordFile;
use gradus::data::augment::{RandomElasticTransform, RandomFlip, RandomRotation, RandomTranslation, RandomZoom};
use gradus::data::records::{self, Kind};
use gradus::prelude::*;

/// Pairs of epochs; the middle one of their ratios counts.
const PAIRS: usize = 9;
const IMAGES: usize = 6000;

/// How `fit` runs.
#[derive(Clone, Copy)]
struct Way {
    threads: usize,
    prefetch: usize,
}

fn model(threads: usize) -> Trainer<Sequential> {
    Sequential::new()
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .threads(threads)
}

fn seconds(model: &mut Trainer<Sequential>, data: &dyn Dataset, prefetch: usize) -> f64 {
    let started = Instant::now();
    model.fit(data, Fit::epochs(1).prefetch(prefetch).progress(false)).expect("training");
    started.elapsed().as_secs_f64()
}

fn compare(name: &str, Way { threads, prefetch }: Way, data: &dyn Dataset, plain: &dyn Dataset) {
    let mut model = model(threads);
    seconds(&mut model, &plain.take(600), 0);
    let pairs = (0..PAIRS).map(|i| {
        // Each comes first every other time.
        let order: [(&dyn Dataset, usize); 2] =
            if i % 2 == 0 { [(plain, 0), (data, prefetch)] } else { [(data, prefetch), (plain, 0)] };
        let [first, second] = order.map(|(data, prefetch)| seconds(&mut model, data, prefetch));
        if i % 2 == 0 { (second / first, first) } else { (first / second, second) }
    });
    let mut pairs: Vec<(f64, f64)> = pairs.collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, middle, most) = (pairs[0].0, pairs[PAIRS / 2].0, pairs[PAIRS - 1].0);
    let rate = IMAGES as f64 / pairs[PAIRS / 2].1;
    println!("{name:32} {middle:.3} times the time ({least:.3} to {most:.3}); without, {rate:.0} images a second");
}

fn main() {
    let (train, _) = mnist::load("examples/data/mnist").expect("MNIST");
    let train = train.take(IMAGES);
    let path = std::env::temp_dir().join(format!("gradus-{}.records", std::process::id()));
    records::write(&path, &train, Kind::Float32).expect("a file of records");
    let file = RecordFile::open(&path).expect("that file");
    let shifted = (&train).augment(1, (RandomTranslation::new(0.1, 0.1), RandomFlip::horizontal()));
    let turned = (&train).augment(1, (RandomRotation::new(0.03), RandomZoom::new(0.1)));
    let elastic = (&train).augment(1, RandomElasticTransform::new(34.0, 4.0));
    let all: [(&str, &dyn Dataset); 5] = [
        ("nothing", &train),
        ("shift and flip", &shifted),
        ("rotation and zoom", &turned),
        ("elastic", &elastic),
        ("read from a file", &file),
    ];
    // One thread leaves cores free, so that reading in advance costs what it does not hide; all threads do not.
    for (title, way) in [
        ("One thread computes, another one reads in advance", Way { threads: 1, prefetch: 4 }),
        ("One thread computes and reads", Way { threads: 1, prefetch: 0 }),
        ("All threads compute and read", Way { threads: 0, prefetch: 0 }),
    ] {
        println!("{title}");
        all.iter().for_each(|(name, data)| compare(name, way, *data, &train));
    }
    std::fs::remove_file(&path).expect("that file");
}
