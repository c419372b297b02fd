//! Opens a model that another program has saved, without naming one of its layers.
//!
//! `cargo run --release --example mnist_cnn`, then
//! `cargo run --release --example open_model -- target/mnist_cnn/model.safetensors`

use gradus::prelude::*;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = match &arguments[..] {
        [path] if path != "--smoke" => path.clone(),
        _ => return smoke(),
    };
    let model = gradus::open(&path)?;
    println!("{model:?}");
    let (_, test) = mnist::load("examples/data/mnist")?;
    let mut model = model.compile(Adam::default(), SparseCrossEntropy::default()).metric(Accuracy::default());
    println!("Test accuracy: {:.4}", model.evaluate(&test)?["accuracy"]);
    Ok(())
}

/// The same with a model of its own.
fn smoke() -> Result<()> {
    let path = std::env::temp_dir().join(format!("gradus-open-model-{}.safetensors", std::process::id()));
    let model =
        Sequential::new().add(Flatten).add(Dense::new(8).activation(Relu)).add(Dense::new(10).activation(Softmax));
    let images = ndarray::Array4::<f32>::ones((2, 28, 28, 1));
    let before = model.predict(&images)?;
    model.save(&path)?;
    let opened = gradus::open(&path)?;
    println!("{opened:?}");
    assert_eq!(opened.predict(&images)?, before);
    std::fs::remove_file(&path)?;
    Ok(())
}
