//! The MNIST CNN on burn, with its `flex` backend for CPUs.

#[path = "../../digits.rs"]
mod digits;
#[path = "../../protocol.rs"]
mod protocol;

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, Relu};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::TensorData;
use digits::Digits;

#[derive(Module, Debug)]
struct Network {
    conv: [Conv2d; 3],
    dense: [Linear; 2],
    pool: MaxPool2d,
    relu: Relu,
}

impl Network {
    fn new(device: &Device) -> Self {
        let conv = |i, o| Conv2dConfig::new([i, o], [3, 3]).init(device);
        let dense = |i, o| LinearConfig::new(i, o).init(device);
        Self {
            conv: [conv(1, 32), conv(32, 64), conv(64, 64)],
            dense: [dense(576, 64), dense(64, 10)],
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            relu: Relu::new(),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(self.relu.forward(self.conv[0].forward(x)));
        let x = self.pool.forward(self.relu.forward(self.conv[1].forward(x)));
        let x = self.relu.forward(self.conv[2].forward(x)).flatten::<2>(1, 3);
        self.dense[1].forward(self.relu.forward(self.dense[0].forward(x)))
    }
}

struct Burn {
    train: Digits,
    test: Digits,
    network: Option<Network>,
    /// The network without gradients, after each epoch.
    frozen: Network,
    adam: ModuleOptimizer,
}

impl protocol::Rival for Burn {
    type Images = Tensor<4>;

    fn epoch(&mut self, images: usize, batch: usize) {
        let device = Device::flex().autodiff();
        let loss = CrossEntropyLossConfig::new().init(&device);
        let mut network = self.network.take().expect("a network");
        for (pixels, labels) in self.train.batches(images, batch) {
            let count = labels.len();
            let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
            let x = Tensor::<4>::from_data(TensorData::new(pixels, [count, 1, 28, 28]), &device);
            let y = Tensor::<1, Int>::from_data(TensorData::new(labels, [count]), &device);
            let gradients = loss.forward(network.forward(x), y).backward();
            let gradients = GradientsParams::from_grads(gradients, &network);
            network = self.adam.step(1e-3, network, gradients);
        }
        self.frozen = network.valid();
        self.network = Some(network);
    }

    fn test_images(&self, count: usize) -> Tensor<4> {
        let pixels = self.test.images[..count * 784].to_vec();
        Tensor::from_data(TensorData::new(pixels, [count, 1, 28, 28]), &Device::flex())
    }

    fn predict(&self, images: &Tensor<4>) -> Vec<f32> {
        self.frozen.forward(images.clone()).into_data().try_into_vec().expect("scores")
    }

    fn test_labels(&self) -> &[u8] {
        &self.test.labels
    }
}

fn main() {
    protocol::measure(|| Burn {
        train: Digits::load("train"),
        test: Digits::load("t10k"),
        network: Some(Network::new(&Device::flex().autodiff())),
        frozen: Network::new(&Device::flex()),
        adam: AdamConfig::new().with_epsilon(1e-8).init(),
    });
}
