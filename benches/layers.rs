//! Layers, at the shapes that the MNIST CNN gives them: `cargo bench --bench layers`.
//!
//! `forward` is a pass without recording; `training` is a recorded forward and its backward sweep.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::ndarray::{Array, IxDyn};
use gradus::prelude::*;

const BATCH: usize = 32;

/// Ends a network: its gradient is made beforehand, so that it costs nothing.
struct End(Tensor);

impl Op for End {
    fn forward(&mut self, _: &[&Tensor]) -> Tensor {
        Tensor::zeros(IxDyn(&[]))
    }

    fn backward(&self, _: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.0.clone());
    }
}

/// Numbers in -1..1, the same for each run.
fn numbers(shape: &[usize]) -> Tensor {
    let mut state = 1_u32;
    Array::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as Float / (1 << 23) as Float - 1.0
    })
    .into_shared()
}

fn bench(c: &mut Criterion, name: &str, layer: impl Layer, example: &[usize], first: bool) {
    let x = numbers(&[&[BATCH], example].concat());
    let y = layer.forward(&Tape::inference().input(&x)).expect("a layer that fits");
    let dy = numbers(y.shape());
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("forward", |b| b.iter(|| black_box(layer.forward(&Tape::inference().input(&x)).unwrap())));
    group.bench_function("training", |b| {
        b.iter(|| {
            let tape = Tape::training();
            // A first layer computes no gradient of its input.
            let x = if first { tape.input(&x) } else { tape.variable(&x) };
            let y = layer.forward(&x).unwrap();
            black_box(tape.apply(End(dy.clone()), &[&y]).backward().unwrap())
        });
    });
}

fn layers(c: &mut Criterion) {
    bench(c, "conv 28x28x1 to 32", Conv2d::new(32, 3).activation(Relu), &[28, 28, 1], true);
    bench(c, "conv 13x13x32 to 64", Conv2d::new(64, 3).activation(Relu), &[13, 13, 32], false);
    bench(c, "conv 5x5x64 to 64", Conv2d::new(64, 3).activation(Relu), &[5, 5, 64], false);
    let pooled = |filters| Sequential::new().add(Conv2d::new(filters, 3).activation(Relu)).add(MaxPool2d::new(2));
    bench(c, "conv and pool 28x28x1 to 32", pooled(32), &[28, 28, 1], true);
    bench(c, "conv and pool 13x13x32 to 64", pooled(64), &[13, 13, 32], false);
    bench(c, "max-pool 26x26x32", MaxPool2d::new(2), &[26, 26, 32], false);
    bench(c, "batch norm 13x13x32", BatchNorm::new(), &[13, 13, 32], false);
    bench(c, "dense 576 to 64", Dense::new(64).activation(Relu), &[576], false);
}

fn loss(c: &mut Criterion) {
    let (x, labels) = (numbers(&[BATCH, 10]), numbers(&[BATCH]).mapv(|x| ((x + 1.0) * 4.9).floor()).into_shared());
    let mut group = c.benchmark_group("softmax and cross-entropy of 10 classes");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("training", |b| {
        b.iter(|| {
            let y = Softmax.apply(&Tape::training().variable(&x));
            black_box(SparseCrossEntropy::default().loss(&y, &labels).unwrap().backward().unwrap())
        });
    });
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .without_plots()
}

criterion_group!(name = benches; config = short(); targets = layers, loss);
criterion_main!(benches);
