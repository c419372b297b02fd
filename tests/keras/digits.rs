//! One model five ways: the CNN for digits, trained in Keras by `digits.py`, which also compares what is written here.

use gradus::onnx::{Export, Onnx};
use gradus::saving::{Keras, Translation};

use super::*;

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras_check/digits");
    assert!(folder.join("trained.keras").exists(), "{} is not there; run .ci/keras", folder.display());
    folder.join(name)
}

fn assert_near(found: &Tensor, expected: &Tensor) {
    let far = distance(found, expected);
    assert!(far < 1e-5, "{far}");
}

/// Writes the model for each framework, reads it again where there is a way, and says what it gives.
fn write(trainer: &Trainer<Box<dyn Layer>, Var, Var>, images: &Tensor, stage: &str) -> Tensor {
    let output = trainer.predict(images).unwrap();
    let path = |kind: &str| file(&format!("{stage}.{kind}"));
    Keras::new().input([28, 28, 1]).save_trainer(trainer, path("keras")).unwrap();
    assert_near(&gradus::open(path("keras")).unwrap().predict(images).unwrap(), &output);
    trainer.model.save(path("safetensors")).unwrap();
    assert_eq!(gradus::open(path("safetensors")).unwrap().predict(images).unwrap(), output);
    let example = images.slice_axis(ndarray::Axis(0), (0..1).into()).to_owned();
    Export::new().save(&trainer.model, &example, path("onnx")).unwrap();
    assert_near(&Onnx::<Var, Var>::open(path("onnx")).unwrap().predict(images).unwrap(), &output);
    let pytorch = Translation::pytorch().flattened("dense", 64);
    pytorch.save(&trainer.model, path("pytorch.safetensors")).unwrap();
    let again = gradus::open(path("keras")).unwrap();
    again.parameters().iter().for_each(|(_, param)| param.modify(|numbers| numbers.fill(0.0)));
    pytorch.load(&again, &Weights::open(path("pytorch.safetensors")).unwrap()).unwrap();
    assert_near(&again.predict(images).unwrap(), &output);
    let mut values = Weights::new();
    values.insert("output", output.clone());
    values.save(path("output.safetensors")).unwrap();
    output
}

#[test]
#[ignore = "needs a network that Keras has trained; .ci/keras makes it and compares what is written"]
fn one_model_goes_five_ways() {
    let (train, test) = mnist::load(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist")).unwrap();
    let mut trainer = gradus::open_trainer(file("trained.keras")).unwrap();
    let images =
        test.images().mapv(|pixel| Float::from(pixel) / 255.0).insert_axis(ndarray::Axis(3)).into_dyn().into_shared();
    let same = write(&trainer, &images, "same");
    assert_near(&same, &Weights::open(file("trained.safetensors")).unwrap().get("output").unwrap());
    let before = trainer.evaluate(&test).unwrap()["accuracy"];
    trainer.fit(&train.subset((3000..6000).collect::<Vec<_>>()), Fit::epochs(1).progress(false)).unwrap();
    let after = trainer.evaluate(&test).unwrap()["accuracy"];
    assert!(after > before, "{before} {after}");
    let tuned = write(&trainer, &images, "tuned");
    assert!(distance(&tuned, &same) > 0.1);
    println!("{before} of the digits when it came, {after} after an epoch");
}
