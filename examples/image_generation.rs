//! Draws digits that nobody has written, in three ways: a variational autoencoder, a generative adversarial network, and a diffusion model
//! that is told which digit to draw. `shared/vae.rs`, `gan.rs` and `diffusion.rs` are the models.
//!
//! `cargo run --release --features plot --example image_generation`; `--data FOLDER` takes Fashion-MNIST too.
//!
//! How good are they? The autoencoder has a number: how many nats a new image costs at most, which for 784-400-20 units is known to be about
//! 106 (PyTorch's example). All have a Fréchet distance: how differently the features of generated and of real images are distributed.
//! The features are those of a LeNet that has learnt to read the images. How far one half of the training set is from the test set shows
//! what could be reached.

#[path = "shared/data.rs"]
mod data;
#[path = "shared/diffusion.rs"]
mod diffusion;
#[path = "shared/gan.rs"]
mod gan;
#[path = "shared/vae.rs"]
mod vae;

use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use gradus::metrics::frechet_distance;
use gradus::models::LeNet5;
use gradus::ndarray::{Array1, Array2, Axis, s};
use gradus::plot::Figure;
use gradus::prelude::*;

/// Learns to draw digits.
#[derive(Parser)]
struct Args {
    /// The models that are trained.
    #[arg(long, value_delimiter = ',', default_value = "vae,gan,diffusion")]
    models: Vec<Kind>,
    /// Passes over the training set, if not 10 (vae), 20 (gan) and 12 (diffusion).
    #[arg(long)]
    epochs: Option<usize>,
    /// Images that are generated and compared.
    #[arg(long, default_value_t = 10_000)]
    samples: usize,
    /// Steps from noise to an image.
    #[arg(long, default_value_t = 25)]
    steps: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the four IDX files of MNIST or Fashion-MNIST, gzipped or not.
    #[arg(long, value_name = "DIR", default_value_os_t = data::mnist_folder())]
    data: PathBuf,
    /// Folder for the sheets of images, vae.svg, gan.svg and diffusion.svg.
    #[arg(long, value_name = "DIR", default_value = "target/image_generation")]
    out: PathBuf,
    /// Few images and epochs, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Vae,
    Gan,
    Diffusion,
}

/// Images `[count, 784]` from 0 to 1.
fn flat(set: &mnist::Mnist) -> Array2<Float> {
    let pixels = set.images().iter().map(|pixel| Float::from(*pixel) / 255.0);
    let pixels: Vec<Float> = pixels.collect();
    Array2::from_shape_vec((set.len(), 784), pixels).expect("images of 28 x 28 pixels")
}

/// A network that has learnt to read, and what it has seen in the test set.
struct Judge {
    reader: Sequential,
    features: Sequential,
    real: Tensor,
    /// The distance of one half of the training set from the test set.
    unit: f64,
}

impl Judge {
    fn new(train: &mnist::Mnist, test: &mnist::Mnist, args: &Args) -> Result<Self> {
        let lenet = Sequential::new().add(ZeroPad2d::new(2)).add_named("lenet", LeNet5::lenet5(10));
        let mut model = lenet
            .compile(Adam::new(1e-3), SparseCrossEntropy::from_logits())
            .metric(Accuracy::default())
            .seed(args.seed);
        model.fit(train, Fit::epochs(if args.smoke { 2 } else { 6 }).batch_size(64).progress(false))?;
        println!("the reader is right about {:.2}% of the test set", 100.0 * model.evaluate(test)?["accuracy"]);
        let reader = model.model;
        // All of LeNet but its last layer: 84 features.
        let mut lenet = LeNet5::lenet5(10);
        let trained = reader.get("lenet").ok_or_else(|| Error::value("the reader has a LeNet"))?;
        lenet.copy_weights_from(trained)?;
        lenet.pop();
        let features = Sequential::new().add(ZeroPad2d::new(2)).add(lenet);
        let mut judge = Self { reader, features, real: Tensor::default([0, 0].as_slice()), unit: 1.0 };
        judge.real = judge.see(&images(&flat(test)))?;
        let half = flat(train).slice_move(s![..train.len() / 2, ..]);
        judge.unit = frechet_distance(&judge.see(&images(&half))?, &judge.real)?;
        println!("half of the training set has a distance of {:.3} from the test set", judge.unit);
        Ok(judge)
    }

    fn see(&self, images: &Tensor) -> Result<Tensor> {
        self.features.predict(images)
    }

    /// Says how far generated images are from real ones.
    fn compare(&self, name: &str, images: &Tensor) -> Result<()> {
        let distance = frechet_distance(&self.see(images)?, &self.real)?;
        println!("{name}: Fréchet distance {distance:.3}, {:.1} times that of real images", distance / self.unit);
        Ok(())
    }

    /// The share of images that are read as what they were to be.
    fn agreement(&self, images: &Tensor, classes: &Array1<Float>) -> Result<f64> {
        let mut accuracy = Accuracy::default();
        accuracy.update(&self.reader.predict(images)?, &classes.clone().into_tensor())?;
        Ok(accuracy.result())
    }
}

/// Rows of pixels as images `[count, 28, 28, 1]`.
fn images(rows: &Array2<Float>) -> Tensor {
    let count = rows.nrows();
    rows.to_shape((count, 28, 28, 1)).expect("28 x 28 pixels").to_owned().into_tensor()
}

/// Images side by side, in rows of this many, as one.
fn sheet(images: &Tensor, columns: usize) -> Tensor {
    let rows = images.shape()[0] / columns;
    let pixel =
        |place: ndarray::IxDyn| images[[place[0] / 28 * columns + place[1] / 28, place[0] % 28, place[1] % 28, 0]];
    Tensor::from_shape_fn([28 * rows, 28 * columns].as_slice(), pixel)
}

/// Ten points on each line between a code and the next one.
fn walk(codes: &Tensor, lines: usize) -> Tensor {
    let point = |place: ndarray::IxDyn| {
        let (line, share) = (place[0] / 10, (place[0] % 10) as Float / 9.0);
        codes[[2 * line, place[1]]] * (1.0 - share) + codes[[2 * line + 1, place[1]]] * share
    };
    Tensor::from_shape_fn([10 * lines, codes.shape()[1]].as_slice(), point)
}

fn first(images: &Tensor, count: usize) -> Tensor {
    images.slice_axis(Axis(0), (..count).into()).to_owned().into_shared()
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let (mut train, mut test) = mnist::load(&args.data)?;
    if args.smoke {
        (train, test) = (train.take(512), test.take(256));
        (args.epochs, args.samples, args.steps) = (Some(1), 100, 3);
    }
    args.samples = args.samples.max(100);
    let judge = Judge::new(&train, &test, &args)?;
    for kind in &args.models {
        let start = Instant::now();
        let figure = match kind {
            Kind::Vae => autoencoder(&flat(&train), &flat(&test), &judge, &args)?,
            Kind::Gan => adversarial(&flat(&train), &judge, &args)?,
            Kind::Diffusion => denoising(&train, &judge, &args)?,
        };
        let name = ["vae", "gan", "diffusion"][*kind as usize];
        figure.save(args.out.join(format!("{name}.svg")))?;
        println!("{name}: {:.0} s in all", start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn autoencoder(train: &Array2<Float>, test: &Array2<Float>, judge: &Judge, args: &Args) -> Result<Figure> {
    let (model, bound) = vae::train(train, test, args.epochs.unwrap_or(10), args.seed)?;
    println!("vae: BCE + KL of {bound:.2} nats for each test image");
    let noise = Tape::inference().seed(args.seed).normal(&[args.samples, vae::CODE]).value().clone();
    let drawn = model.decode(noise)?;
    judge.compare("vae", &drawn)?;
    // From one test image to the next, ten rows of them.
    let between = model.decode(walk(&model.codes(&test.slice(s![..20, ..]).to_owned())?, 10))?;
    Ok(Figure::new("Variational autoencoder")
        .image("samples", &sheet(&first(&drawn, 100), 10))
        .image("from one test image to another", &sheet(&between, 10)))
}

fn adversarial(train: &Array2<Float>, judge: &Judge, args: &Args) -> Result<Figure> {
    let generator = gan::train(train, args.epochs.unwrap_or(20), args.seed)?;
    let drawn = gan::sample(&generator, args.samples, args.seed)?;
    judge.compare("gan", &drawn)?;
    let noise = Tape::inference().seed(args.seed + 1).normal(&[20, gan::NOISE]).value().clone();
    let between = generator.predict(&walk(&noise, 10))?;
    Ok(Figure::new("Generative adversarial network")
        .image("samples", &sheet(&first(&drawn, 100), 10))
        .image("from one noise to another", &sheet(&between, 10)))
}

fn denoising(train: &mnist::Mnist, judge: &Judge, args: &Args) -> Result<Figure> {
    let model = diffusion::train(&flat(train), train.labels(), args.epochs.unwrap_or(12), args.seed)?;
    let classes = Array1::from_shape_fn(args.samples, |i| (i % 10) as Float);
    let mut parts = Vec::new();
    for (number, classes) in classes.axis_chunks_iter(Axis(0), 500).enumerate() {
        let seed = args.seed * 1000 + number as u64;
        parts.push(diffusion::sample(&model, &classes.to_owned(), args.steps, seed)?);
    }
    let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let drawn = ndarray::concatenate(Axis(0), &parts).expect("images of one size").into_shared();
    judge.compare("diffusion", &drawn)?;
    let agreement = 100.0 * judge.agreement(&drawn, &classes)?;
    println!("diffusion: {agreement:.2}% of the images are read as the digit that was asked for");
    Ok(Figure::new("Conditional diffusion").columns(1).image("one class a column", &sheet(&first(&drawn, 100), 10)))
}
