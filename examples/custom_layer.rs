//! A layer of your own: inner layers and a parameter, and a forward. Gradients, names, saving and freezing follow.
//!
//! `cargo run --release --example custom_layer`

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::prelude::*;

/// Adds a learned bottleneck to its input, through a gate that is shut at first: `y = x + gate · up(relu(down(x)))`.
struct Adapter {
    down: Dense,
    up: Dense,
    gate: Param,
}

impl Adapter {
    /// For inputs `[batch, features]`, through a bottleneck of `width`.
    fn new(features: usize, width: usize) -> Self {
        Self { down: Dense::new(width).activation(Relu), up: Dense::new(features), gate: Param::new(Zeros) }
    }
}

impl Layer for Adapter {
    fn forward(&self, x: &Var) -> Result<Var> {
        let change = self.up.forward(&self.down.forward(x)?)?;
        Ok(x + self.gate.on(x, &[1])? * change)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("down", &self.down);
        list.nest("up", &self.up);
        list.add("gate", &self.gate);
    }
}

/// Trains a network with a layer that the crate does not know.
#[derive(Parser)]
struct Args {
    /// Passes over the training set.
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Only a few images, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test) = (train.take(4096), test.take(512));
    }

    let mut model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Adapter::new(64, 16))
        .add(Adapter::new(64, 16))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default());
    println!("{}", model.summary(&[28, 28, 1])?);

    model.fit(&train, Fit::epochs(args.epochs).validation(&test))?;
    for (path, param) in model.model.parameters() {
        if let (true, Some(gate)) = (path.ends_with("gate"), param.value()) {
            println!("{path} has opened to {:.3}", gate[[0]]);
        }
    }
    println!("Test accuracy: {:.4}", model.evaluate(&test)?["accuracy"]);
    Ok(())
}
