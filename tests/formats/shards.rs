//! Weights in several files, and files as memory.

use std::path::Path;

use gradus::ndarray::{arr1, arr2};
use gradus::prelude::*;
use gradus::saving::Weights;

use super::{bytes, numbers, path};

/// Two shards of safetensors in a folder, with this index.
fn shards(folder: &Path, map: &str) -> std::path::PathBuf {
    let mut one = Weights::new();
    one.insert("a", arr1(&[1.0, 2.0]));
    one.set_metadata("format", "pt");
    one.save(folder.join("model-00001-of-00002.safetensors")).unwrap();
    let mut two = Weights::new();
    two.insert("b.kernel", arr2(&[[3.0]]));
    two.insert("b.bias", arr1(&[4.0]));
    two.save(folder.join("model-00002-of-00002.safetensors")).unwrap();
    let index = folder.join("model.safetensors.index.json");
    std::fs::write(&index, format!(r#"{{"metadata": {{"total_size": 16}}, "weight_map": {map}}}"#)).unwrap();
    index
}

const MAP: &str = r#"{"b.bias": "model-00002-of-00002.safetensors", "a": "model-00001-of-00002.safetensors",
    "b.kernel": "model-00002-of-00002.safetensors"}"#;

#[allow(unsafe_code)]
fn both_ways(path: &Path) -> [Weights; 2] {
    // SAFETY: nobody changes these files while they are read.
    [Weights::open(path).unwrap(), unsafe { Weights::open_mapped(path) }.unwrap()]
}

#[test]
fn an_index_opens_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let index = shards(folder.path(), MAP);
    for weights in both_ways(&index) {
        let mut names: Vec<_> = weights.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b.bias", "b.kernel"]);
        assert_eq!(numbers(&weights, "b.kernel").unwrap(), [3.0]);
        assert_eq!(weights.metadata("format"), Some("pt"));
        let error = weights.get("c").unwrap_err().to_string();
        assert!(error.starts_with(&index.display().to_string()), "{error}");
    }
    // Some editors put a byte order mark before JSON.
    let marked = folder.path().join("marked.index.json");
    std::fs::write(&marked, [b"\xef\xbb\xbf", &std::fs::read(&index).unwrap()[..]].concat()).unwrap();
    assert_eq!(both_ways(&marked).map(|weights| weights.len()), [3, 3]);
    // Shards of PyTorch; and a model from an index.
    std::fs::copy(path("zip.pt"), folder.path().join("pytorch_model-00001-of-00001.bin")).unwrap();
    let pytorch = folder.path().join("pytorch_model.bin.index.json");
    std::fs::write(&pytorch, r#"{"weight_map": {"model.0.weight": "pytorch_model-00001-of-00001.bin"}}"#).unwrap();
    let [read, mapped] = both_ways(&pytorch);
    assert_eq!((read.len(), mapped.len()), (41, 41));
    let model = Sequential::new().add_named("b", Dense::new(1));
    let translation = gradus::saving::Translation::new().ignore("a");
    translation.load(&model, &Weights::open(&index).unwrap()).unwrap();
    assert_eq!(model.parameters()[1].1.value().unwrap(), arr1(&[4.0]).into_dyn());
}

#[test]
fn an_index_that_does_not_fit_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |map: &str| {
        let index = shards(folder.path(), map);
        let message = Weights::open(&index).unwrap_err().to_string();
        message.strip_prefix(&format!("{}: ", folder.path().display())).map(String::from).unwrap_or(message)
    };
    let start = format!("{}: ", folder.path().join("model.safetensors.index.json").display());
    assert_eq!(
        fails(r#"{"c": "model-00001-of-00002.safetensors"}"#),
        format!("{start}says that `c` is in `model-00001-of-00002.safetensors`, where it is not")
    );
    for file in ["../other.safetensors", "/etc/passwd", "x/y", ".", ""] {
        assert_eq!(
            fails(&format!(r#"{{"a": "{file}"}}"#)),
            format!("{start}expected files beside it, got `{file}` for `a`")
        );
    }
    assert_eq!(fails(r#"{"a": 5}"#), format!("{start}expected in `weight_map` the file of `a`, got 5"));
    let absent = fails(r#"{"a": "absent.safetensors"}"#);
    assert!(absent.contains("absent.safetensors: cannot be read: "), "{absent}");
    std::fs::copy(folder.path().join("model-00001-of-00002.safetensors"), folder.path().join("again")).unwrap();
    assert_eq!(
        fails(r#"{"a": "model-00001-of-00002.safetensors", "x": "again"}"#),
        format!("{start}says that `x` is in `again`, where it is not")
    );
    let twice = Weights::from_bytes(format!(r#"{{"weight_map": {MAP}}}"#)).unwrap_err().to_string();
    assert_eq!(twice, "this file of weights is an index of several files; open it by its path");
}

/// `open` reads a file: what somebody writes into it later is no concern of the weights.
#[test]
fn an_opened_file_may_change() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pytorch.safetensors", "zip.pt", "legacy.pt"] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes(name)).unwrap();
        let weights = Weights::open(&file).unwrap();
        let before = weights.get("model.0.weight").unwrap();
        let zeros = vec![0; bytes(name).len()];
        std::fs::write(&file, zeros).unwrap();
        assert_eq!(Weights::open(path(name)).unwrap().get("model.0.weight").unwrap(), before);
        assert_eq!(weights.get("model.0.weight").unwrap(), before, "{name}");
    }
}

#[test]
fn every_format_is_mapped() {
    for name in ["pytorch.safetensors", "zip.pt", "legacy.pt", "stored.npz", "compressed.npz", "fortran.npy"] {
        let [read, mapped] = both_ways(&path(name));
        assert_eq!(read.to_string(), mapped.to_string());
        for name in read.names() {
            assert_eq!(read.get(name).unwrap(), mapped.get(name).unwrap());
        }
    }
}
