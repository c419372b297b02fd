//! The CNN of `mnist_cnn`, or a large dense network, trained by several processes: the same weights to the bit for 1, 2, 4 or 8 of them.
//!
//! `cargo build --release --features mpi --example distributed_mnist`, and then
//! `mpirun -n 2 target/release/examples/distributed_mnist`, or the program alone. MPI is Debian's `openmpi-bin libopenmpi-dev`.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use gradus::prelude::*;

/// Trains a network on MNIST in one process or several.
#[derive(Parser)]
struct Args {
    /// Passes over the training set.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Examples in a step, of all processes together.
    #[arg(long, default_value_t = 128)]
    batch_size: usize,
    /// Threads of each process, 0 for all cores that it may use; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Folder for model.safetensors, and for the backup from which a run goes on that was killed.
    #[arg(long, value_name = "DIR", default_value = "target/distributed_mnist")]
    out: PathBuf,
    /// A network of dense layers with 20 million weights in place of the CNN.
    #[arg(long)]
    dense: bool,
    /// Divides the optimizer's memory among the processes; the results do not depend on it.
    #[arg(long)]
    shard: bool,
    /// Images to train on.
    #[arg(long, default_value_t = 60_000)]
    examples: usize,
    /// Only a few images and two epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

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

fn dense() -> Sequential {
    Sequential::new()
        .add(Flatten)
        .add(Dense::new(4096).activation(Relu))
        .add(Dense::new(4096).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let (mut train, mut test) = mnist::load(&args.data)?; // images [n, 28, 28, 1] in 0..1, labels [n]
    if args.smoke {
        (args.examples, args.epochs, test) = (1024, 2, test.take(256));
    }
    train = train.take(args.examples);

    let mut ranks = gradus::distributed::mpi()?;
    if args.shard {
        ranks = ranks.shard_optimizer();
    }
    let network = if args.dense { dense() } else { cnn() };
    let mut model = network
        .compile(Adam::new(1e-3), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .seed(args.seed)
        .threads(args.threads)
        .distributed(ranks.clone());

    let started = Instant::now();
    let fit = Fit::epochs(args.epochs)
        .batch_size(args.batch_size)
        .validation(&test)
        .callback(Backup::new(args.out.join("run.backup")));
    model.fit(&train, fit)?;
    let seconds = started.elapsed().as_secs_f64();

    // All ranks evaluate and save together; one of them prints.
    let scores = model.evaluate(&test)?;
    model.save(args.out.join("model.safetensors"))?;
    if ranks.is_first() {
        println!("{} ranks trained for {seconds:.1} s", ranks.size());
        println!("Test loss: {:.4}", scores["loss"]);
        println!("Test accuracy: {:.4}", scores["accuracy"]);
    }
    Ok(())
}
