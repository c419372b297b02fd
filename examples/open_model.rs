//! Opens what another program has trained, without naming one of its layers: evaluates it and trains it on.
//!
//! `cargo run --release --example mnist_cnn`, then
//! `cargo run --release --example open_model -- target/mnist_cnn/model.safetensors`

use gradus::prelude::*;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/mnist_cnn/model.safetensors".into());
    if path == "--smoke" {
        return smoke();
    }
    let mut trainer = gradus::open_trainer(&path)?;
    println!("{trainer:?}");
    let (train, test) = mnist::load("examples/data/mnist")?;
    println!("Test accuracy: {:.4}", trainer.evaluate(&test)?["accuracy"]);
    trainer.fit(&train, Fit::epochs(1).validation(&test))?;
    trainer.save(&path)
}

/// The same with a trainer of its own.
fn smoke() -> Result<()> {
    let path = std::env::temp_dir().join(format!("gradus-open-model-{}.safetensors", std::process::id()));
    let data = (ndarray::Array4::<f32>::ones((2, 28, 28, 1)), ndarray::arr1(&[3, 4]));
    let mut trainer = Sequential::new()
        .add(Flatten)
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default());
    trainer.fit(&data, Fit::epochs(1).progress(false))?;
    trainer.save(&path)?;
    let mut opened = gradus::open_trainer(&path)?;
    println!("{opened:?}");
    assert_eq!(opened.evaluate(&data)?, trainer.evaluate(&data)?);
    std::fs::remove_file(&path)?;
    Ok(())
}
