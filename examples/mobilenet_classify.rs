//! Names what is in photos, by a MobileNetV2 that was trained in PyTorch.
//!
//! `cargo run --release --features image,pytorch --example mobilenet_classify -- FOLDER`, where the folder has `mobilenet_v2-b0353104.pth` or another
//! file of torchvision's weights (`.pth`, `.safetensors`) and some photos (`.png`, `.jpg`). Without a folder, `--smoke` shows
//! that all of it works, on generated weights and a generated photo.

#[path = "shared/photo.rs"]
mod photo;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use gradus::models::MobileNetV2;
use gradus::prelude::*;
use gradus::saving::Weights;

/// Names what is in the photos of a folder.
#[derive(Parser)]
struct Args {
    /// Folder with a file of weights and with photos.
    folder: Option<PathBuf>,
    /// Generated weights of a smaller network, and a generated photo.
    #[arg(long)]
    smoke: bool,
}

/// The files of a folder with one of these endings, in order.
fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::file(folder, error))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().and_then(|ending| ending.to_str()).is_some_and(|own| endings.contains(&own)));
    found.sort();
    Ok(found)
}

/// Weights as a new network has them, and stripes.
fn generate(folder: &Path, model: &Sequential) -> Result<()> {
    model.forward(&Tape::inference().seed(1).input(ndarray::Array4::<f32>::zeros((1, 32, 32, 3))))?;
    MobileNetV2::translation().save(model, folder.join("weights.safetensors"))?;
    let stripes = image::RgbImage::from_fn(320, 240, |x, y| image::Rgb([(x % 64 * 4) as u8, (y % 32 * 8) as u8, 128]));
    let path = folder.join("stripes.png");
    stripes.save(&path).map_err(|error| Error::file(&path, error))
}

fn main() -> Result<()> {
    let args = Args::parse();
    let generated = tempfile::tempdir().map_err(|error| Error::value(error.to_string()))?;
    let width = if args.smoke { 0.25 } else { 1.0 };
    let folder = match args.folder {
        Some(folder) => folder,
        None if args.smoke => {
            generate(generated.path(), &MobileNetV2::with_width(1000, width))?;
            generated.path().into()
        }
        None => return Err(Error::value("expected a folder with weights and photos, or `--smoke`")),
    };
    let weights = files(&folder, &["pth", "pt", "safetensors"])?;
    let weights = weights.first().ok_or_else(|| Error::file(&folder, "has no `.pth` or `.safetensors` file in it"))?;

    let start = Instant::now();
    let model = MobileNetV2::with_width(1000, width);
    let report = MobileNetV2::translation().load(&model, &Weights::open(weights)?)?;
    println!("{}: {report}, in {:.0?}", weights.display(), start.elapsed());
    for path in files(&folder, &["png", "jpg", "jpeg"])? {
        let photo = photo::prepare(&path)?;
        let start = Instant::now();
        let scores = model.forward(&Tape::inference().input(photo))?;
        let time = start.elapsed();
        let (numbers, classes) = Softmax.apply(&scores).top_k(5, -1)?;
        println!("{} ({time:.0?})", path.display());
        for (probability, class) in numbers.value().iter().zip(classes.value()) {
            println!("  class {class:>3}  {:5.1} %", 100.0 * probability);
        }
    }
    Ok(())
}
