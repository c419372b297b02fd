//! A small residual network on Fashion-MNIST, beside the same network without its shortcuts.
//!
//! `cargo run --release --example resnet_fashion -- --data DIR`, where the folder has the four IDX files. Debian's package
//! `dataset-fashion-mnist` ships them: `apt-get download dataset-fashion-mnist && dpkg-deb -x *.deb fashion` puts them into
//! `fashion/usr/share/datasets/fashion-mnist`.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::prelude::*;

/// Trains a small ResNet on Fashion-MNIST.
#[derive(Parser)]
struct Args {
    /// Passes over the training set.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Examples in a step.
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Residual blocks at each of the three sizes.
    #[arg(long, default_value_t = 2)]
    blocks: usize,
    /// Channels at the first size; they double at each further one.
    #[arg(long, default_value_t = 16)]
    channels: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of Fashion-MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value = "/usr/share/datasets/fashion-mnist")]
    data: PathBuf,
    /// Folder for model.safetensors and history.svg.
    #[arg(long, value_name = "DIR", default_value = "target/resnet_fashion")]
    out: PathBuf,
    /// A few of the digits that come with the crate and one epoch, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn convolution(channels: usize, stride: usize) -> Sequential {
    Sequential::new()
        .add(
            Conv2d::new(channels, 3).stride(stride).padding(Padding::Same).use_bias(false).kernel_initializer(HeNormal),
        )
        .add(BatchNorm::new().momentum(0.9))
}

/// Two convolutions with a way around them, or without one.
fn block(channels: usize, stride: usize, is_residual: bool) -> Sequential {
    let body = Sequential::new()
        .add_named("first", convolution(channels, stride).add(Relu))
        .add_named("second", convolution(channels, 1));
    if !is_residual {
        return body.add(Relu);
    }
    let mut block = Residual::new(body).activation(Relu);
    if stride > 1 {
        block = block.shortcut(
            Sequential::new()
                .add(Conv2d::new(channels, 1).stride(stride).use_bias(false))
                .add(BatchNorm::new().momentum(0.9)),
        );
    }
    Sequential::new().add(block)
}

fn network(args: &Args, is_residual: bool) -> Sequential {
    let mut network = Sequential::new().add_named("stem", convolution(args.channels, 1).add(Relu));
    for size in 0..3 {
        for number in 0..args.blocks {
            let stride = if size > 0 && number == 0 { 2 } else { 1 };
            network = network.add_named("block", block(args.channels << size, stride, is_residual));
        }
    }
    network.add(GlobalAvgPool2d).add(Dense::new(10).activation(Softmax))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    if args.smoke {
        (args.data, args.epochs, args.blocks, args.channels) = (data::mnist_folder(), 1, 1, 8);
    }
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test) = (train.take(512), test.take(128));
    }
    let mut accuracies = Vec::new();
    for is_residual in [true, false] {
        println!("{}", if is_residual { "Residual network" } else { "The same without shortcuts, as a baseline" });
        let mut model = network(&args, is_residual)
            .compile(Adam::default(), SparseCrossEntropy::default())
            .metric(Accuracy::default())
            .seed(args.seed)
            .threads(args.threads);
        if is_residual {
            println!("{}", model.summary(&[28, 28, 1])?);
        }
        let history = model.fit(&train, Fit::epochs(args.epochs).batch_size(args.batch_size).validation(&test))?;
        if is_residual {
            model.save(args.out.join("model.safetensors"))?;
            history.plot().title("Residual network on Fashion-MNIST").save(args.out.join("history.svg"))?;
        }
        accuracies.push(model.evaluate(&test)?["accuracy"]);
    }
    println!("Test accuracy without shortcuts (baseline): {:.4}", accuracies[1]);
    println!("Test accuracy of the residual network:      {:.4}", accuracies[0]);
    Ok(())
}
