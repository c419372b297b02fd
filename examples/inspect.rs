//! Lists the tensors of a file of weights: names, types, shapes, numbers of elements; and the layers, where the file describes them.
//!
//! ```sh
//! cargo run --features numpy,pytorch --example inspect -- model.pt        # or .pth, .npz, .npy, .safetensors
//! cargo run --features keras,onnx --example inspect -- model.keras        # or .h5, .hdf5, .weights.h5, .onnx
//! cargo run --features numpy,pytorch --example inspect -- --smoke         # of a small file that it makes itself
//! ```

use clap::Parser;
use gradus::config::Registry;
use gradus::layers::Graph;
use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;
use gradus::saving::Weights;

#[derive(Parser)]
struct Arguments {
    /// The file.
    #[arg(required_unless_present = "smoke")]
    file: Option<std::path::PathBuf>,
    /// Write the tensors to this file, too: `.safetensors` or `.npz`.
    #[arg(long)]
    save: Option<std::path::PathBuf>,
    /// Make a small file in a temporary folder, and list that.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().map_err(|error| Error::file(std::env::temp_dir(), error))?;
    let file = match arguments.file {
        Some(file) if !arguments.smoke => file,
        _ => small_file(folder.path())?,
    };
    let weights = Weights::open(&file)?;
    println!("{weights}");
    #[cfg(feature = "onnx")]
    if file.extension().is_some_and(|extension| extension == "onnx") {
        println!("{}", gradus::onnx::Onnx::<Vec<Var>, Vec<Var>>::open(&file)?);
        return save(&weights, arguments.save);
    }
    // A model of one input and one output, or of several.
    match (gradus::open(&file), Registry::default().open::<Graph, _, _>(&file)) {
        (Ok(model), _) => println!("{model:?}"),
        (_, Ok(model)) => println!("{model:?}"),
        (Err(reason), _) => println!("no structure: {reason}"),
    }
    save(&weights, arguments.save)
}

fn save(weights: &Weights, path: Option<std::path::PathBuf>) -> Result<()> {
    if let Some(path) = path {
        weights.save(&path)?;
        println!("written to {}", path.display());
    }
    Ok(())
}

fn small_file(folder: &std::path::Path) -> Result<std::path::PathBuf> {
    let file = folder.join("small.npz");
    let mut weights = Weights::new();
    weights.insert("dense.kernel", Array2::<Float>::zeros((784, 10)));
    weights.insert("dense.bias", Array1::<Float>::zeros(10));
    weights.save(&file)?;
    Ok(file)
}
