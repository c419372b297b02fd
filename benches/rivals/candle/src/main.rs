//! The MNIST CNN on candle.

#[path = "../../digits.rs"]
mod digits;
#[path = "../../protocol.rs"]
mod protocol;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Conv2d, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, conv2d, linear, loss};
use digits::Digits;

struct Network {
    conv: [Conv2d; 3],
    dense: [Linear; 2],
}

impl Network {
    fn new(variables: VarBuilder) -> Result<Self> {
        let conv = |i, o, name| conv2d(i, o, 3, Default::default(), variables.pp(name));
        let dense = |i, o, name| linear(i, o, variables.pp(name));
        Ok(Self {
            conv: [conv(1, 32, "c1")?, conv(32, 64, "c2")?, conv(64, 64, "c3")?],
            dense: [dense(576, 64, "d1")?, dense(64, 10, "d2")?],
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.conv[0].forward(x)?.relu()?.max_pool2d(2)?;
        // From 11x11 to 10x10, which changes nothing: the gradient of candle's pooling wants an even size.
        let x = self.conv[1].forward(&x)?.relu()?.narrow(2, 0, 10)?.narrow(3, 0, 10)?.max_pool2d(2)?;
        let x = self.conv[2].forward(&x)?.relu()?.flatten_from(1)?;
        self.dense[1].forward(&self.dense[0].forward(&x)?.relu()?)
    }

    /// The same weights without gradients, so that prediction keeps no graph.
    fn detached(&self) -> Self {
        let conv = |l: &Conv2d| Conv2d::new(l.weight().detach(), l.bias().map(|b| b.detach()), *l.config());
        let dense = |l: &Linear| Linear::new(l.weight().detach(), l.bias().map(|b| b.detach()));
        Self { conv: self.conv.each_ref().map(conv), dense: self.dense.each_ref().map(dense) }
    }
}

struct Candle {
    train: Digits,
    test: Digits,
    network: Network,
    frozen: Network,
    adam: AdamW,
}

impl Candle {
    fn new() -> Result<Self> {
        let variables = VarMap::new();
        let network = Network::new(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
        let settings = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..Default::default() };
        let adam = AdamW::new(variables.all_vars(), settings)?;
        let frozen = network.detached();
        Ok(Self { train: Digits::load("train"), test: Digits::load("t10k"), network, frozen, adam })
    }

    fn train(&mut self, images: usize, batch: usize) -> Result<()> {
        for (pixels, labels) in self.train.batches(images, batch) {
            let count = labels.len();
            let x = Tensor::from_vec(pixels, (count, 1, 28, 28), &Device::Cpu)?;
            let y = Tensor::from_vec(labels.into_iter().map(u32::from).collect(), count, &Device::Cpu)?;
            self.adam.backward_step(&loss::cross_entropy(&self.network.forward(&x)?, &y)?)?;
        }
        Ok(())
    }
}

impl protocol::Rival for Candle {
    type Images = Tensor;

    fn epoch(&mut self, images: usize, batch: usize) {
        self.train(images, batch).expect("training");
    }

    fn test_images(&self, count: usize) -> Tensor {
        Tensor::from_slice(&self.test.images[..count * 784], (count, 1, 28, 28), &Device::Cpu).expect("images")
    }

    fn predict(&self, images: &Tensor) -> Vec<f32> {
        let scores = self.frozen.forward(images).and_then(|scores| scores.flatten_all()?.to_vec1());
        scores.expect("a prediction")
    }

    fn test_labels(&self) -> &[u8] {
        &self.test.labels
    }
}

fn main() {
    protocol::measure(|| Candle::new().expect("a network"));
}
