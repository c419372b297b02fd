//! A small residual network on Fashion-MNIST, beside dense layers that are trained alike.
//!
//! `cargo run --release --features plot --example resnet_fashion -- --data DIR`, where the folder has the four IDX files. Debian's package
//! `dataset-fashion-mnist` ships them: `apt-get download dataset-fashion-mnist && dpkg-deb -x *.deb fashion` puts them into
//! `fashion/usr/share/datasets/fashion-mnist`.

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::optimizers::schedules::CosineDecay;
use gradus::plot::Figure;
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
    #[arg(long, default_value_t = 1)]
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
    /// Folder for weights and pictures.
    #[arg(long, value_name = "DIR", default_value = "target/resnet_fashion")]
    out: PathBuf,
    /// A few of the digits that come with the crate and one epoch, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn convolution(channels: usize, stride: usize) -> Sequential {
    Sequential::new()
        .add(
            Conv2d::new(channels, 3)
                .strides(stride)
                .padding(Padding::Same)
                .use_bias(false)
                .kernel_initializer(HeNormal),
        )
        .add(BatchNorm::new().momentum(0.9))
}

/// Two convolutions with a way around them.
fn block(channels: usize, stride: usize) -> Residual {
    let body = Sequential::new()
        .add_named("first", convolution(channels, stride).add(Relu))
        .add_named("second", convolution(channels, 1));
    let block = Residual::new(body).activation(Relu);
    if stride == 1 {
        return block;
    }
    let shortcut = Conv2d::new(channels, 1).strides(stride).use_bias(false);
    block.shortcut(Sequential::new().add(shortcut).add(BatchNorm::new().momentum(0.9)))
}

fn residual(args: &Args) -> Sequential {
    let mut network = Sequential::new().add_named("stem", convolution(args.channels, 1).add(Relu));
    for size in 0..3 {
        for number in 0..args.blocks {
            let stride = if size > 0 && number == 0 { 2 } else { 1 };
            network = network.add_named("block", block(args.channels << size, stride));
        }
    }
    network.add(GlobalAvgPool2d).add(Dense::new(10).activation(Softmax))
}

fn dense() -> Sequential {
    let layer = || Dense::new(256).activation(Relu).kernel_initializer(HeNormal);
    Sequential::new().add(Flatten).add(layer()).add(layer()).add(Dense::new(10).activation(Softmax))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    if args.smoke {
        (args.data, args.epochs, args.channels) = (data::mnist_folder(), 1, 8);
    }
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test) = (train.take(512), test.take(128));
    }
    let steps = (args.epochs * train.len().div_ceil(args.batch_size.max(1))) as u32;
    let fit = |name: &str, network: Sequential| -> Result<f64> {
        println!("{name}");
        let mut model = network
            .compile(Adam::default().schedule(CosineDecay::new(0.002, steps.max(1))), SparseCrossEntropy::default())
            .metric(Accuracy::default())
            .seed(args.seed)
            .threads(args.threads);
        println!("{}", model.summary(&[28, 28, 1])?);
        let history = model.fit(&train, Fit::epochs(args.epochs).batch_size(args.batch_size).validation(&test))?;
        let file = |end: &str| args.out.join(format!("{}{end}", name.replace(' ', "_")));
        model.save(file(".safetensors"))?;
        Figure::from(&history).title(format!("A {name} on Fashion-MNIST")).save(file(".svg"))?;
        Ok(model.evaluate(&test)?["accuracy"])
    };
    let baseline = fit("dense network", dense())?;
    let residual = fit("residual network", residual(&args))?;
    println!("Test accuracy of dense layers (baseline): {baseline:.4}");
    println!("Test accuracy of the residual network:    {residual:.4}");
    Ok(())
}
