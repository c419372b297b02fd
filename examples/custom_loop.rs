//! Loops of your own: two optimizers in a GAN, and the gradient of an image in an attack on a classifier.
//!
//! `cargo run --release --example custom_loop`

#[path = "shared/data.rs"]
mod data;

use std::path::PathBuf;

use clap::Parser;
use gradus::callbacks::Progress;
use gradus::data::Mnist;
use gradus::initializers::RandomNormal;
use gradus::ndarray::s;
use gradus::optimizers::schedules::CosineDecay;
use gradus::prelude::*;

/// Trains a small GAN with a loop of its own, then fools a classifier of digits.
#[derive(Parser)]
struct Args {
    /// Epochs of 200 steps of each of the two networks.
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// Folder with the four IDX files of MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Few steps and images, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (args.epochs, train, test) = (1, train.take(2048), test.take(256));
    }
    two_optimizers(args.epochs)?;
    gradient_of_images(&train, &test)
}

/// A generator learns to turn noise into numbers around 4 with standard deviation 0.5, against a discriminator. `Loop` has
/// what `fit` has.
fn two_optimizers(epochs: usize) -> Result<()> {
    let dense = |units| Dense::new(units).activation(Tanh);
    let generator = Sequential::new().add(dense(16)).add(Dense::new(1));
    let discriminator = Sequential::new().add(dense(32)).add(dense(32)).add(Dense::new(1).activation(Sigmoid));
    let adam = || Adam::default().betas(0.5, 0.999).schedule(CosineDecay::new(2e-3, epochs as u32 * 200));
    let loss = BinaryCrossEntropy::default();
    let sample = |tape: &Tape, mean, std| tape.random(|rng| RandomNormal { mean, stddev: std }.sample(&[64, 1], rng));
    let (real, fake) = (Tensor::ones([64, 1].as_slice()), Tensor::zeros([64, 1].as_slice()));

    let mut run = Loop::new(epochs, 200)
        .model("generator", &generator, adam())
        .model("discriminator", &discriminator, adam())
        .metric(Accuracy::default())
        .callback(CsvLog::new("target/custom_loop.csv"))
        .callback(Progress::default());
    while run.next_epoch()? {
        while run.next_batch().is_some() {
            let tape = run.tape();
            let truth = discriminator.forward(&tape.input(sample(&tape, 4.0, 0.5)))?;
            let forged = generator.forward(&tape.input(sample(&tape, 0.0, 1.0)))?;
            // What the discriminator says of it is no reason for the generator to change here.
            let told_apart = loss.loss(&truth, &real)? + loss.loss(&discriminator.forward(&forged.detach())?, &fake)?;
            run.step("discriminator", told_apart.backward()?)?;
            // The generator is to be taken for real; the discriminator's gradients are not used.
            let taken_for_real = loss.loss(&discriminator.forward(&forged)?, &real)?;
            run.step("generator", taken_for_real.backward()?)?;
            run.update(truth.value(), &real)?;
            run.end_batch(64, &[("loss", told_apart.item()), ("generator_loss", taken_for_real.item())])?;
        }
    }
    let forged = generator.forward(&Tape::inference().input(sample(&Tape::inference().seed(1), 0.0, 1.0)))?;
    let (mean, std) = (forged.value().mean().unwrap_or(0.0), forged.value().std(0.0));
    println!("GAN after {epochs} epochs: mean {mean:.2} (4.00), standard deviation {std:.2} (0.50)");
    Ok(())
}

/// Moves each pixel a little in the direction that raises the loss (Goodfellow, Shlens & Szegedy 2015).
fn gradient_of_images(train: &Mnist, test: &Mnist) -> Result<()> {
    let mut model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default());
    model.fit(train, Fit::epochs(2))?;

    let batch = test.batch(&(0..test.len().min(1000)).collect::<Vec<_>>())?;
    let tape = Tape::inference().recording();
    let images = tape.variable(&batch.inputs[0]);
    let loss = SparseCrossEntropy::default().loss(&model.model.forward(&images)?, &batch.targets[0])?;
    let gradients = loss.backward()?;
    let slope = gradients.of(&images).ok_or_else(|| Error::value("the loss does not depend on the images"))?;

    for change in [0.0, 0.05, 0.1, 0.2] {
        let attacked = (&batch.inputs[0] + &slope.mapv(|slope| change * slope.signum())).mapv(|x| x.clamp(0.0, 1.0));
        let accuracy = model.evaluate(&(&attacked, &batch.targets))?["accuracy"];
        println!("pixels moved by {change:.2}: accuracy {accuracy:.3}");
    }

    let image = batch.inputs[0].slice(s![..1, .., .., ..]).to_owned();
    let attacked = &image + &slope.slice(s![..1, .., .., ..]).mapv(|slope| 0.1 * slope.signum());
    let digit = batch.targets[0][[0]] as usize;
    let (before, after) = (model.predict(&image)?[[0, digit]], model.predict(&attacked)?[[0, digit]]);
    println!("The first image is a {digit}: the model was {before:.3} sure of it, and now is {after:.3}.");
    Ok(())
}
