//! Converts a model from one framework's file to another's, by what their names end with, says what is in it, and checks that both files
//! give the same outputs.
//!
//! ```sh
//! cargo run --example convert --features onnx -- model.onnx model.safetensors
//! ```

use std::path::Path;

use clap::Parser;
use gradus::onnx::{Export, Onnx};
use gradus::prelude::*;

#[derive(Parser)]
struct Arguments {
    /// The file to read: .onnx, or a whole model of this crate (.safetensors).
    from: Option<String>,
    /// The file to write: .onnx or .safetensors.
    to: Option<String>,
    /// The shape of one example, such as 3,224,224, where the file does not say it.
    #[arg(long, value_delimiter = ',')]
    shape: Vec<usize>,
    /// Converts a small model of its own, there and back.
    #[arg(long)]
    smoke: bool,
}

fn extension(path: &str) -> String {
    Path::new(path).extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn open(path: &str) -> Result<Box<dyn Layer>> {
    match extension(path).as_str() {
        "onnx" => {
            let model = Onnx::<Var, Var>::open(path)?;
            println!("{model}");
            Ok(Box::new(model))
        }
        "safetensors" => {
            let model = gradus::open(path)?;
            println!("{model:?}");
            Ok(model)
        }
        other => Err(Error::value(format!("expected a file of type .onnx or .safetensors to read, got .{other}"))),
    }
}

fn convert(from: &str, to: &str, shape: &[usize]) -> Result<()> {
    let model = open(from)?;
    for (path, param) in model.parameters() {
        println!("{path}: {:?}", param.shape().unwrap_or_default());
    }
    // Numbers in no order; ids where the model takes such.
    let shape = [&[2], shape].concat();
    let examples = |scale: f32| {
        let count: usize = shape.iter().product();
        let numbers = (0..count)
            .map(|i| ((i * 7919 % 997) as f32 / 997.0 * scale).floor() / if scale > 2.0 { 1.0 } else { scale });
        ndarray::ArrayD::from_shape_vec(shape.clone(), numbers.collect()).map_err(Error::other)
    };
    let mut x = examples(1000.0)?.mapv(|x| x / 500.0 - 1.0);
    let before = match model.predict(&x) {
        Ok(before) => before,
        Err(error) => {
            x = examples(2.0)?.mapv(f32::round);
            model.predict(&x).map_err(|_| error)?
        }
    };
    match extension(to).as_str() {
        "onnx" => Export::new().save(&model, &x, to)?,
        "safetensors" => model.save(to)?,
        other => {
            return Err(Error::value(format!("expected a file of type .onnx or .safetensors to write, got .{other}")));
        }
    }
    let after = open(to)?.predict(&x)?;
    let far = before.iter().zip(&after).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max);
    println!("{from} -> {to}: the outputs differ by {far:.1e} at most");
    match before.shape() == after.shape() && far < 1e-4 {
        true => Ok(()),
        false => Err(Error::value(format!("the files give different outputs: {far}"))),
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.smoke {
        let folder = std::env::temp_dir().join(format!("gradus-convert-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let model = Sequential::new().add(Conv2d::new(4, 3).activation(Relu)).add(Flatten).add(Dense::new(3));
        model.predict(&ndarray::Array4::<f32>::ones((1, 6, 6, 2)))?;
        model.save(path("model.safetensors"))?;
        convert(&path("model.safetensors"), &path("model.onnx"), &[6, 6, 2])?;
        convert(&path("model.onnx"), &path("again.safetensors"), &[6, 6, 2])?;
        return Ok(std::fs::remove_dir_all(&folder)?);
    }
    match (arguments.from, arguments.to) {
        (Some(from), Some(to)) => convert(&from, &to, &arguments.shape),
        _ => Err(Error::value("expected a file to read and a file to write; see --help")),
    }
}
