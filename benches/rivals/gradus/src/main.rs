//! The MNIST CNN on gradus, as a user writes it.

mod growth;
mod networks;
mod peak;
#[path = "../../protocol.rs"]
mod protocol;
mod sequences;

use gradus::data::{Inputs, Mnist};
use gradus::prelude::*;

struct Gradus {
    train: Mnist,
    test: Mnist,
    model: Trainer<Sequential>,
}

impl Gradus {
    fn new() -> Result<Self> {
        let (train, test) = mnist::load(protocol::data())?;
        let model = Sequential::new()
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
            .threads(protocol::threads());
        Ok(Self { train, test, model })
    }
}

impl protocol::Rival for Gradus {
    type Images = Tensor;

    fn epoch(&mut self, images: usize, batch: usize) {
        let digits = gradus::data::Subset::new(&self.train, 0..images);
        self.model.fit(&digits, Fit::epochs(1).batch_size(batch).progress(false)).expect("training");
    }

    fn test_images(&self, count: usize) -> Tensor {
        self.test.gather(&(0..count).collect::<Vec<_>>()).unwrap().remove(0)
    }

    fn predict(&self, images: &Tensor) -> Vec<f32> {
        self.model.predict(images).expect("a prediction").iter().copied().collect()
    }

    fn test_labels(&self) -> &[u8] {
        self.test.labels().as_slice().expect("labels in a row")
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("peak") {
        return peak::measure();
    }
    if std::env::args().nth(1).as_deref() == Some("growth") {
        return growth::measure(&std::env::args().skip(2).collect::<Vec<_>>()).expect("training");
    }
    if networks::measure(&std::env::args().nth(1).unwrap_or_default()).expect("training") {
        return;
    }
    if let Some(task) = std::env::args().nth(1).filter(|task| sequences::TASKS.contains(&task.as_str())) {
        return sequences::measure(&task).expect("training");
    }
    protocol::measure(|| Gradus::new().expect("MNIST"));
}
