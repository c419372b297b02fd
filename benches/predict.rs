//! Prediction with the MNIST CNN: `cargo bench --bench predict`. Batch 1 is a latency; Criterion's `elem/s` are images/s.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::data::Inputs;
use gradus::prelude::*;

fn prediction(c: &mut Criterion) {
    let (train, test) = mnist::load("examples/data/mnist").expect("MNIST");
    let mut group = c.benchmark_group("prediction");
    for threads in [1, 0] {
        let mut model = Sequential::new()
            .add(Conv2d::new(32, 3).activation(Relu))
            .add(MaxPool2d::new(2))
            .add(Conv2d::new(64, 3).activation(Relu))
            .add(MaxPool2d::new(2))
            .add(Conv2d::new(64, 3).activation(Relu))
            .add(Flatten)
            .add(Dense::new(64).activation(Relu))
            .add(Dense::new(10).activation(Softmax))
            .compile(Adam::default(), SparseCrossEntropy::default())
            .threads(threads);
        // How many numbers a ReLU leaves at zero is a matter of training.
        model.fit(&(&train).take(2048), Fit::epochs(1).progress(false)).expect("training");
        for batch in [1, 256] {
            let images = test.gather(&(0..batch).collect::<Vec<_>>()).unwrap().remove(0);
            let name = format!("batch {batch}, {} threads", if threads == 1 { "1" } else { "all" });
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(name, |b| b.iter(|| black_box(model.predict(&images).expect("a prediction"))));
        }
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
}

criterion_group!(name = benches; config = short(); targets = prediction);
criterion_main!(benches);
