//! Models that are written for Keras.

use gradus::saving::Keras;

use super::*;

fn save(model: &Any, inputs: &[Tensor], path: &std::path::Path) -> Result<()> {
    let keras = inputs.iter().fold(Keras::new(), |keras, input| keras.input(input.shape()[1..].to_vec()));
    match model {
        Any::One(model) => keras.save(model, path),
        Any::Several(model) => keras.save(model, path),
    }
}

/// Where `.ci/keras` looks for what is written, and for what it is to compute.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras_check")
}

#[test]
fn what_goes_out_comes_back() {
    let values = Weights::open(folder().join("values.safetensors")).unwrap();
    std::fs::create_dir_all(target()).unwrap();
    let mut refused = Vec::new();
    for n in 0..60 {
        let inputs = numbers(&values, n, "input");
        let model = Any::open(&path(n)).unwrap();
        let to = target().join(format!("{n:02}.keras"));
        if let Err(error) = save(&model, &inputs, &to) {
            refused.push(format!("{n}: {error}"));
            let _ = std::fs::remove_file(&to);
            continue;
        }
        let again = Any::open(&to).unwrap_or_else(|error| panic!("{n}: {error}"));
        let found = again.forward(&Tape::inference(), &inputs).unwrap_or_else(|error| panic!("{n}: {error}"));
        for (found, expected) in found.iter().zip(numbers(&values, n, "output")) {
            assert!(distance(found.value(), &expected) < 1e-5, "{n}");
        }
    }
    println!("{}", refused.join("\n"));
    assert!(refused.len() <= 10, "{}", refused.join("\n"));
}
