//! The smallest network that is not linear: it learns "one or the other, but not both".
//!
//! `cargo run --release --example xor`

use clap::Parser;
use gradus::ndarray::array;
use gradus::prelude::*;

/// Learns the exclusive or.
#[derive(Parser)]
struct Args {
    /// Passes over the four examples.
    #[arg(long, default_value_t = 200)]
    epochs: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Accepted as in the other examples; this one takes no time anyway.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let x = array![[0, 0], [0, 1], [1, 0], [1, 1]];
    let y = array![0, 1, 1, 0];

    let mut model = Sequential::new()
        .add(Dense::new(8).activation(Tanh))
        .add(Dense::new(1).activation(Sigmoid))
        .compile(Adam::new(0.1), BinaryCrossEntropy::default())
        .metric(Accuracy::default())
        .seed(args.seed);

    model.fit(&(&x, &y), Fit::epochs(args.epochs).batch_size(4).progress(false))?;

    for (x, p) in x.rows().into_iter().zip(&model.predict(&x)?) {
        println!("{} xor {} = {p:.3}", x[0], x[1]);
    }
    let scores = model.evaluate(&(&x, &y))?;
    println!("loss {:.4}, accuracy {:.2}", scores["loss"], scores["accuracy"]);
    Ok(())
}
