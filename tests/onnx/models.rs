//! Whole models that PyTorch has exported: their outputs, and a step of training.
//!
//! `tests/fixtures/make_onnx_pytorch.py` has made the small ones in `tests/fixtures/onnx`. `.ci/onnx-models` makes all of them, in the
//! folder that the environment variable `ONNX_MODELS` names, or in `target/onnx-models`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gradus::ndarray::IxDyn;
use gradus::onnx::Onnx;
use gradus::prelude::*;
use gradus::saving::{Translation, Weights};

use crate::importer::assert_near;

/// The tensor in the layout that the parameter has.
fn laid(tensor: &Tensor, like: &Tensor, before: &Tensor) -> Tensor {
    let rank = tensor.ndim();
    let kernel: Vec<usize> = (2..rank).chain([1, 0]).collect();
    let orders = [(0..rank).collect(), (0..rank).rev().collect(), if rank > 2 { kernel } else { (0..rank).collect() }];
    let permuted = |tensor: &Tensor, order: &Vec<usize>| tensor.clone().permuted_axes(IxDyn(order));
    let order = orders.iter().find(|order| permuted(before, order) == *like);
    permuted(tensor, order.expect("a parameter has the numbers of PyTorch's"))
}

fn check(path: &Path) {
    let onnx = Onnx::<Var, Var>::open(path).unwrap();
    let numbers = Weights::open(path.with_extension("").with_extension("safetensors")).unwrap();
    let (x, want) = (numbers.get("input").unwrap(), numbers.get("output").unwrap());
    assert_near(&onnx.predict(&x).unwrap(), &want);

    let before: Vec<(String, Param, Tensor)> =
        onnx.parameters().into_iter().map(|(name, param)| (name, param.clone(), param.value().unwrap())).collect();
    let known: BTreeSet<&str> = numbers.names().filter_map(|name| name.strip_prefix("before.")).collect();
    // As PyTorch's model in inference mode: statistics stay.
    before.iter().filter(|(_, param, _)| param.is_state()).for_each(|(_, param, _)| param.freeze());
    onnx.noises().iter().for_each(|(_, noise)| noise.freeze());
    let mut trainer = onnx.compile(Sgd::new(0.1), MeanSquaredError);
    let ones = Tensor::from_elem(IxDyn(want.shape()), 1.0);
    trainer.fit(&(x.clone(), ones), Fit::epochs(1).batch_size(3).shuffle(false)).unwrap();
    assert_near(&trainer.predict(&x).unwrap(), &numbers.get("after_output").unwrap());
    let mut found = 0;
    for (name, param, old) in &before {
        let new = param.value().unwrap();
        assert!(param.is_frozen() || new != *old, "{name} has not changed");
        if known.contains(name.as_str()) {
            let [before, after] = ["before", "after"].map(|when| numbers.get(&format!("{when}.{name}")).unwrap());
            assert_near(&new, &laid(&after, old, &before));
            found += 1;
        }
    }
    let all = before.iter().filter(|(_, param, _)| !param.is_state()).count();
    println!("{}: {all} parameters, {found} of PyTorch's {} by name", path.file_name().unwrap().display(), known.len());
    // PyTorch's newer exporter keeps names.
    let keeps = !path.to_string_lossy().contains(".script.") && !before.iter().any(|(name, ..)| name.contains("val_"));
    assert!(!keeps || found == known.len());
}

fn check_all(folder: &Path, least: usize) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}; run .ci/onnx-models", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    paths.sort();
    assert!(paths.len() >= least, "only {} models are in {}", paths.len(), folder.display());
    let failed = paths.iter().filter(|path| std::panic::catch_unwind(|| check(path)).is_err());
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

#[test]
fn models_of_pytorch_predict_and_train_as_there() {
    check_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx"), 15);
}

#[test]
fn tensors_of_pytorchs_files_are_listed_and_fill_a_model_of_ones_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx");
    let values = Weights::open(folder.join("cnn.safetensors")).unwrap();
    let (x, want) = (values.get("input").unwrap(), values.get("output").unwrap());
    let images = x.permuted_axes(IxDyn(&[0, 2, 3, 1])).as_standard_layout().into_owned();
    assert!(folder.join("cnn.external.onnx.data").exists());
    for file in ["cnn.external.onnx", "cnn.dynamo.onnx", "cnn.script.onnx"] {
        let weights = Weights::open(folder.join(file)).unwrap();
        for name in values.names().filter_map(|name| name.strip_prefix("before.")) {
            assert_eq!(weights.get(name).unwrap(), values.get(&format!("before.{name}")).unwrap(), "{file}: {name}");
        }
        let own = Sequential::new()
            .add_named("0", Conv2d::new(8, 3).padding(Padding::all(1)).activation(Relu))
            .add_named("2", MaxPool2d::new(2))
            .add_named("3", Conv2d::new(12, 3).strides(2))
            .add_named("4", BatchNorm::new().epsilon(1e-5))
            .add_named("5", Relu)
            .add_named("6", Flatten)
            .add_named("7", Dense::new(10));
        own.predict(&images).unwrap();
        Translation::pytorch().flattened("7", 12).load(&own, &weights).unwrap();
        assert_near(&own.predict(&images).unwrap(), &want);
    }
}

#[test]
#[ignore = "needs larger models of PyTorch; .ci/onnx-models makes them"]
fn larger_models_of_pytorch_predict_and_train_as_there() {
    let folder = std::env::var_os("ONNX_MODELS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx-models"), PathBuf::from);
    check_all(&folder, 18);
}

#[test]
fn models_of_tensorflow_predict_as_there_and_train() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx_tf");
    let cases = [("cnn", 8), ("separable", 5), ("lstm", 5), ("gru", 5), ("bidirectional", 5), ("attention", 18)];
    // By a SavedModel: of a `tf.Module`, and of Keras.
    let saved = [("saved_module", 4), ("saved_keras", 4)];
    for (name, expected) in cases.into_iter().chain(saved) {
        let onnx =
            Onnx::<Var, Var>::open(folder.join(format!("{name}.onnx"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        let numbers = Weights::open(folder.join(format!("{name}.safetensors"))).unwrap();
        let (x, want) = (numbers.get("input").unwrap(), numbers.get("output").unwrap());
        assert_near(&onnx.predict(&x).unwrap_or_else(|error| panic!("{name}: {error}")), &want);
        let before: Vec<Tensor> = onnx.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
        // tf2onnx folds batch normalisation.
        let count = before.len();
        assert_eq!(count, expected, "{name}");
        let mut trainer = onnx.compile(Adam::new(0.01), MeanSquaredError);
        let ones = Tensor::from_elem(IxDyn(want.shape()), 1.0);
        trainer.fit(&(x.clone(), ones), Fit::epochs(1).batch_size(3).progress(false)).unwrap();
        let parameters = trainer.model.parameters();
        let changed = parameters.iter().zip(&before).filter(|((_, param), old)| param.value().unwrap() != **old);
        assert_eq!(changed.count(), count, "{name}");
        println!("{name}: {count} parameters");
    }
}

/// The tensors of a checkpoint fill a model of one's own, as docs/guide/exchange.md says.
#[test]
fn variables_of_a_tensorflow_module_fill_a_model() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx_tf");
    let numbers = Weights::open(folder.join("saved_module.safetensors")).unwrap();
    let (x, want) = (numbers.get("input").unwrap(), numbers.get("output").unwrap());
    let model = Sequential::new().add(Dense::new(7).activation(Relu)).add(Dense::new(3).activation(Softmax));
    model.predict(&x).unwrap();
    let variables = Weights::open(folder.join("saved_module.variables.safetensors")).unwrap();
    Translation::new()
        .rename("kernels/0/.ATTRIBUTES/VARIABLE_VALUE", "dense.kernel")
        .rename("biases/0/.ATTRIBUTES/VARIABLE_VALUE", "dense.bias")
        .rename("kernels/1/.ATTRIBUTES/VARIABLE_VALUE", "dense_1.kernel")
        .rename("biases/1/.ATTRIBUTES/VARIABLE_VALUE", "dense_1.bias")
        .load(&model, &variables)
        .unwrap();
    assert_near(&model.predict(&x).unwrap(), &want);
}
