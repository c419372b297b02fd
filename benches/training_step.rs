//! Training steps on MNIST through `fit`: `cargo bench --bench training_step`. Criterion's `elem/s` are images/s.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gradus::data::Subset;
use gradus::prelude::*;

const STEPS: usize = 8;

fn cnn() -> Sequential {
    Sequential::new()
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
}

fn mlp() -> Sequential {
    Sequential::new()
        .add(Flatten)
        .add(Dense::new(512).activation(Relu))
        .add(Dense::new(512).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
}

fn training(c: &mut Criterion) {
    let (train, _) = mnist::load("examples/data/mnist").expect("MNIST");
    let mut group = c.benchmark_group("training, 8 steps");
    for (name, network) in [("cnn", cnn as fn() -> Sequential), ("mlp", mlp)] {
        for batch in [32, 128] {
            let mut model = network().compile(Adam::default(), SparseCrossEntropy::default());
            let count = STEPS * batch;
            let mut start = 0;
            // Other digits each time: a network that knows its digits by heart has gradients of zero.
            let mut next = || {
                start = if start + 2 * count > train.len() { 0 } else { start + count };
                Subset::new(&train, start..start + count)
            };
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(format!("{name}, batch {batch}"), |b| {
                b.iter_batched(
                    &mut next,
                    |digits| model.fit(&digits, Fit::epochs(1).batch_size(batch).progress(false)).expect("training"),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

criterion_group!(name = benches; config = short(); targets = training);
criterion_main!(benches);
