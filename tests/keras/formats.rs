//! One network in every format that Keras 3 and 2 write: `tests/fixtures/make_keras_formats.py` has made them.

use gradus::saving::Translation;

use super::*;

/// Files, the version of Keras, and whether they say what the model is.
const FILES: [(&str, u32, bool); 7] = [
    ("3.keras", 3, true),
    ("3.h5", 3, true),
    ("3.weights.h5", 3, false),
    ("2.keras", 2, true),
    ("2.h5", 2, true),
    ("2.weights.h5", 2, false),
    ("2.weights_only.h5", 2, false),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras_formats")
}

/// The network as one of ours.
fn own() -> Sequential {
    Sequential::new()
        .add(Conv1d::new(5, 3).padding(Padding::Same).activation(Relu))
        .add(BatchNorm::new())
        .add(Bidirectional::new(|| Lstm::new(3).return_sequences(true)))
        .add(Gru::new(4).return_sequences(true))
        .add(GlobalMaxPool1d)
        .add(Dense::new(3).activation(Softmax))
}

#[test]
fn every_format_is_listed_fills_a_model_of_ones_own_opens_and_trains_on() {
    let values = Weights::open(folder().join("values.safetensors")).unwrap();
    let [x, y] = ["x", "y"].map(|name| values.get(name).unwrap());
    let beside = tempfile::tempdir().unwrap();
    for (file, version, is_whole) in FILES {
        let path = folder().join(file);
        let expected = |what: &str| values.get(&format!("{version}.{what}")).unwrap();
        let weights = Weights::open(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_weight = |name: &&str| !name.starts_with("optimizer") && !name.starts_with("metrics");
        assert_eq!(weights.names().filter(is_weight).count(), 17, "{file}: {weights}");

        let model = own();
        Translation::keras().load(&model, &weights).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(distance(&model.predict(&x).unwrap(), &expected("output")) < 1e-5, "{file}");

        // Weights alone are a model with its description beside them.
        let described = match is_whole {
            true => path.clone(),
            false => {
                let whole = Weights::open(folder().join(format!("{version}.h5"))).unwrap();
                std::fs::write(beside.path().join("config.json"), whole.metadata("model_config").unwrap()).unwrap();
                let copy = beside.path().join(file);
                std::fs::copy(&path, &copy).unwrap();
                copy
            }
        };
        let opened = gradus::open(&described).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(distance(&opened.predict(&x).unwrap(), &expected("output")) < 1e-5, "{file}");
        if is_whole {
            let mut trainer = gradus::open_trainer(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            trainer.fit(&(&x, &y), Fit::epochs(3).batch_size(8).shuffle(false).progress(false)).unwrap();
            let far = distance(&trainer.predict(&x).unwrap(), &expected("trained"));
            assert!(far < 1e-5, "{file}: {far} after three more epochs");
        }
    }
}

/// A model of which Keras has made a SavedModel too: `tests/fixtures/make_onnx_tensorflow.py`.
#[test]
fn what_became_a_saved_model_opens_as_keras() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx_tf/saved_keras.safetensors");
    let values = Weights::open(&path).unwrap();
    let (x, y) = (values.get("input").unwrap(), values.get("output").unwrap());
    let model = gradus::open(path.with_extension("keras")).unwrap();
    assert!(distance(&model.predict(&x).unwrap(), &y) < 1e-5);
}
