//! Every layer of the table and whole models as files of ONNX: read back here, and by onnxruntime where it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gradus::activations::Softplus;
use gradus::layers::{Add, Concatenate, Maximum, Multiply};
use gradus::models::{Bert, BertConfig, Gpt2, Gpt2Config, ResNet};
use gradus::ndarray::{Array2, Axis, array};
use gradus::onnx::{Export, Onnx};
use gradus::prelude::*;
use gradus::saving::Weights;

use super::{layer_rows, numbers};

/// `y = x · softplus(scale) + mean(x)`, from operations on variables.
struct Own {
    scale: Param,
}

impl Layer for Own {
    fn forward(&self, x: &Var) -> Result<Var> {
        let scale = Softplus.apply(&self.scale.on(x, &[x.shape()[1]])?);
        Ok(x * scale + x.mean_axes_keep(&[-1])?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("scale", &self.scale);
    }
}

fn ids(rows: usize, time: usize) -> Tensor {
    Array2::from_shape_fn((rows, time), |(i, j)| ((7 * i + 3 * j) % 11) as Float).into_dyn().into_shared()
}

type Network = (String, Box<dyn Layer>, Tensor);

fn networks() -> Vec<Network> {
    let cnn = Sequential::new()
        .add(Conv2d::new(8, 3).padding(Padding::Same))
        .add(BatchNorm::new())
        .add(Relu)
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(8, 3).activation(Relu))
        .add(Flatten)
        .add(Dense::new(5))
        .add(Softmax);
    let bert = BertConfig {
        size: 16,
        layers: 2,
        heads: 2,
        hidden: 32,
        vocabulary: 11,
        padding_id: None,
        ..BertConfig::default()
    };
    let padded = BertConfig { padding_id: Some(0), ..bert.clone() };
    let gpt = Gpt2Config { size: 16, layers: 2, heads: 2, vocabulary: 11, positions: 12, ..Gpt2Config::default() };
    let mlp = Sequential::new().add(Dense::new(8).activation(Gelu)).add(Dropout::new(0.5)).add(Dense::new(3));
    let lstm = Sequential::new()
        .add(Lstm::new(6).return_sequences(true))
        .add(Bidirectional::new(|| Gru::new(4)))
        .add(Dense::new(2));
    let encoder = Sequential::new().add(TransformerEncoder::new(8, 2, 16)).add(Dense::new(2));
    // Ids of 0 at the beginning, in between and at the end.
    let embedding = || Embedding::new(11, 8).mask_zero(true);
    let masked = Sequential::new()
        .add(embedding())
        .add(Lstm::new(6).return_sequences(true))
        .add(Bidirectional::new(|| Gru::new(4).return_sequences(true)))
        .add(SimpleRnn::new(4).go_backwards(true))
        .add(Dense::new(2));
    let masked_encoder = Sequential::new()
        .add(embedding())
        .add(TransformerEncoder::new(8, 2, 16))
        .add(GlobalAvgPool1d)
        .add(Dense::new(2));
    // Other steps are left out of `without_3` than of `words`.
    let merged = |layer: Box<dyn Layer<Vec<Var>>>| -> Box<dyn Layer> {
        let graph: Graph<Var, Var> = Graph::new("ids")
            .add("words", embedding(), "ids")
            .add("column", Reshape::new([6, 1]), "ids")
            .add("without_3", Masking::new(3.0), "column")
            .add("others", Dense::new(8), "without_3")
            .add("merged", layer, ["words", "others"])
            .add("last", Lstm::new(4), "merged")
            .outputs("last")
            .typed();
        Box::new(graph)
    };
    vec![
        ("merged_add".into(), merged(Box::new(Add)), ids(3, 6)),
        ("merged_maximum".into(), merged(Box::new(Maximum)), ids(3, 6)),
        ("merged_multiply".into(), merged(Box::new(Multiply)), ids(3, 6)),
        ("merged_in_time".into(), merged(Box::new(Concatenate::new(1))), ids(3, 6)),
        ("mlp".into(), Box::new(mlp), numbers(&[3, 4])),
        ("cnn".into(), Box::new(cnn), numbers(&[3, 10, 8, 3])),
        ("lstm".into(), Box::new(lstm), numbers(&[3, 5, 3])),
        ("encoder".into(), Box::new(encoder), numbers(&[3, 5, 8])),
        ("bert".into(), Box::new(Bert::new(&bert)), ids(3, 6)),
        ("gpt2".into(), Box::new(Gpt2::new(&gpt)), ids(3, 6)),
        ("masked".into(), Box::new(masked), ids(3, 6)),
        ("masked_encoder".into(), Box::new(masked_encoder), ids(3, 6)),
        ("padded".into(), Box::new(Bert::new(&padded)), ids(3, 6)),
        ("own".into(), Box::new(Own { scale: Param::new(Ones) }), numbers(&[3, 4])),
    ]
}

fn rows_of(x: &Tensor, count: usize) -> Tensor {
    let rows: Vec<usize> = (0..count).map(|i| i % x.shape()[0]).collect();
    x.select(Axis(0), &rows).into_shared()
}

/// Exports everything into a folder, with inputs and outputs beside, and returns the names of what has no form.
fn export_all(folder: &Path, more: Vec<Network>) -> BTreeSet<String> {
    std::fs::create_dir_all(folder).unwrap();
    let table =
        layer_rows().into_iter().map(|row| (row.name.clone(), Box::new((row.make)()) as Box<dyn Layer>, row.input));
    let mut refused = BTreeSet::new();
    for (name, model, x) in table.chain(networks()).chain(more) {
        // Some rows of the table refuse what they are not made for.
        if model.predict(&x).is_err() {
            refused.insert(format!("{name}: not predicted"));
            continue;
        }
        match Export::new().to_bytes(&model, &x) {
            Ok(bytes) => {
                let file = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
                std::fs::write(folder.join(format!("{file}.onnx")), bytes).unwrap();
                let mut values = Weights::new();
                for batch in [1, 7] {
                    let x = rows_of(&x, batch);
                    values.insert(format!("output_{batch}"), model.predict(&x).unwrap());
                    values.insert(format!("input_{batch}"), &x);
                }
                values.save(folder.join(format!("{file}.safetensors"))).unwrap();
            }
            Err(error) => {
                let text = error.to_string();
                let reason = text.strip_prefix("export: ").unwrap_or(&text).trim_start_matches("the operation ");
                let short = reason.split([';', ':', '(']).next().unwrap_or_default().trim().to_owned();
                refused.insert(format!("{name}: {short}"));
            }
        }
    }
    refused
}

/// Exports networks for sequences of any length, and for images of any size, with inputs of other lengths than the example's.
fn export_dynamic(folder: &Path) {
    let names = ["lstm", "encoder", "bert", "gpt2", "masked", "masked_encoder", "padded"];
    let mut all: Vec<(Network, usize)> =
        networks().into_iter().filter(|(name, ..)| names.contains(&&**name)).map(|network| (network, 1)).collect();
    let words = Sequential::new()
        .add(Conv1d::new(6, 3).activation(Relu))
        .add(Conv1d::new(6, 3).padding(Padding::Causal).strides(1))
        .add(MultiHeadAttention::new(2, 3).causal(true))
        .add(LayerNorm::new());
    all.push((("words".into(), Box::new(words), numbers(&[3, 7, 4])), 1));
    let images = Sequential::new()
        .add(Conv2d::new(6, 3).padding(Padding::Same).activation(Relu))
        .add(BatchNorm::new())
        .add(UpSample2d::new(2))
        .add(Conv2d::new(3, 3));
    all.push((("images".into(), Box::new(images), numbers(&[3, 6, 6, 2])), 2));
    for ((name, model, x), axes) in all {
        let mut export = Export::new();
        // A square of which the sides are told apart.
        for axis in 1..=axes {
            export = export.dynamic_axis(0, axis, ["time", "width"][axis - 1]);
        }
        let bytes = export.to_bytes(&model, &x).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut values = Weights::new();
        let longer = gradus::ndarray::concatenate(Axis(1), &[x.view(), x.view()]).unwrap().into_shared();
        let shorter = x.slice_axis(Axis(axes), (..4).into()).to_shared();
        for (batch, x) in [(7, longer), (1, shorter)] {
            let x = rows_of(&x, batch);
            let want = model.predict(&x).unwrap();
            let got = Onnx::<Var, Var>::from_bytes(&bytes).unwrap().predict(&x).unwrap();
            assert_eq!(got.shape(), want.shape(), "{name}");
            assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0)), "{name}");
            values.insert(format!("output_{batch}"), want);
            values.insert(format!("input_{batch}"), x);
        }
        std::fs::write(folder.join(format!("dynamic_{name}.onnx")), bytes).unwrap();
        values.save(folder.join(format!("dynamic_{name}.safetensors"))).unwrap();
    }
}

#[test]
fn open_lengths_follow_the_input() {
    export_dynamic(tempfile::tempdir().unwrap().path());
    let (flat, x) = (Sequential::new().add(Flatten).add(Dense::new(2)), numbers(&[2, 4, 3]));
    flat.predict(&x).unwrap();
    let message = |export: Export| export.to_bytes(&flat, &x).unwrap_err().to_string();
    let error = message(Export::new().dynamic_axis(0, 1, "time"));
    assert!(
        error.starts_with("export: not with other lengths of `time`: layer `dense`: expected 12 features"),
        "{error}"
    );
    for (input, axis) in [(0, 0), (0, 3), (1, 1)] {
        let error = message(Export::new().dynamic_axis(input, axis, "time"));
        assert!(
            error.starts_with("export: expected an axis after the first of length 3 or more as `time`, got"),
            "{error}"
        );
    }
    let error = message(Export::new().dynamic_axis(0, 1, "time").dynamic_axis(0, 2, "time"));
    assert!(error.starts_with("export: "), "{error}");
}

#[test]
fn layers_and_networks_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let refused = export_all(folder.path(), Vec::new());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gradients/onnx.txt");
    if std::env::var_os("ONNX_UPDATE").is_some() {
        std::fs::write(&path, refused.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let known: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let changed: Vec<&String> = refused.symmetric_difference(&known).collect();
    assert!(changed.is_empty(), "newly refused, or exported now: {changed:#?}");
    assert!(networks().iter().all(|(name, ..)| !text.lines().any(|line| line.starts_with(&format!("{name}: ")))));
}

#[test]
#[ignore = "needs onnxruntime; .ci/run runs it with that of .ci/python"]
fn onnxruntime_gives_the_same_outputs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/onnx-exports");
    let resnet: Network = ("resnet18".into(), Box::new(ResNet::resnet18(4)), numbers(&[2, 32, 32, 3]));
    let refused = export_all(&folder, vec![resnet]);
    export_dynamic(&folder);
    assert!(!refused.iter().any(|line| line.starts_with("resnet18")));
    let python = std::env::var_os("ONNX_PYTHON").map_or_else(|| root.join("target/venv/bin/python"), PathBuf::from);
    let run =
        Command::new(python).arg(root.join("tests/fixtures/check_onnx_exports.py")).arg(&folder).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{text}");
    println!("{text}");
}

#[test]
fn what_reads_numbers_is_refused() {
    struct Reads;
    impl Layer for Reads {
        fn forward(&self, x: &Var) -> Result<Var> {
            Ok(if x.max().item() > 0.0 { x * 2.0 } else { x.clone() })
        }
    }
    let error = Export::new().to_bytes(&Reads, &array![[1.0, 2.0]]).unwrap_err().to_string();
    assert!(error.starts_with("export: the forward pass reads numbers"), "{error}");
    let by_batch = |x: &Var| Ok(x * (1.0 / x.shape()[0] as Float));
    struct ByBatch<F>(F);
    impl<F: Fn(&Var) -> Result<Var> + Send + Sync + 'static> Layer for ByBatch<F> {
        fn forward(&self, x: &Var) -> Result<Var> {
            (self.0)(x)
        }
    }
    let error = Export::new().to_bytes(&ByBatch(by_batch), &array![[1.0, 2.0]]).unwrap_err().to_string();
    assert_eq!(error, "export: `Each` takes a constant that differs with the lengths of the input");
}
