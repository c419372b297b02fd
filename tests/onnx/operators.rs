//! The ONNX project's own tests of its operators.
//!
//! `.ci/onnx` fetches them into `target/onnx`, or into the folder that the environment variable `ONNX_TESTS` names.
//! `expectations.txt` says of each whether it passes, and if not, why. `ONNX_UPDATE=1` writes that file anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gradus::onnx::Onnx;
use gradus::prelude::*;
use prost::Message;

use crate::proto::{ModelProto, TensorProto};
use crate::value::{agrees, decode};

/// Their expected results are written with four digits.
const ROUNDED: [&str; 2] = ["test_averagepool_2d_ceil_last_window_starts_on_pad", "test_gridsample_bicubic"];

/// What is expected of others than the crate means to be.
const OTHERS: [(&str, &str); 2] = [
    ("test_training_dropout", "random numbers of another generator"),
    ("test_adam_multiple", "expected numbers of another epsilon than the model's, which is the default"),
];

fn expectations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/expectations.txt")
}

/// `pass`, `skip: reason`, or `fail: what`.
fn outcome(folder: &Path) -> String {
    match std::panic::catch_unwind(|| run(folder)) {
        Ok(Ok(())) => "pass".into(),
        Ok(Err(reason)) => match reason.split_once("is not supported: ") {
            Some((_, reason)) => format!("skip: {reason}"),
            None => format!("fail: {reason}"),
        },
        Err(_) => "fail: panic".into(),
    }
}

/// Integers of 32 and 64 bits as their digits of 16 bits along a further axis, the least first, in two's complement: `Float` holds
/// each digit, but not all such integers.
fn in_digits(mut tensor: TensorProto) -> TensorProto {
    let digits = match tensor.data_type {
        6 | 12 => 2,
        7 | 13 => 4,
        _ => return tensor,
    };
    tensor.dims.push(digits);
    // Raw data is these digits already.
    tensor.data_type = 4;
    tensor
}

fn run(folder: &Path) -> Result<(), String> {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mut bytes = read(&folder.join("model.onnx"))?;
    let mut model = ModelProto::decode(&*bytes).map_err(wrong)?;
    let graph = model.graph.as_mut().unwrap();
    // These operators treat each digit alone, so that they work on large integers digit by digit.
    let by_digits = graph.node.iter().all(|node| node.op_type.starts_with("Bitwise"));
    if by_digits {
        for info in graph.input.iter_mut().chain(&mut graph.output) {
            let kind = info.r#type.as_mut().and_then(|kind| kind.tensor.as_mut()).unwrap();
            kind.elem_type = if matches!(kind.elem_type, 6 | 7 | 12 | 13) { 4 } else { kind.elem_type };
        }
        bytes = model.encode_to_vec();
    }
    // Operators that have a mode follow that of the tape.
    let has_mode =
        |node: &crate::proto::NodeProto| node.attribute.iter().any(|own| own.name == "training_mode" && own.i == 1);
    let trains = model
        .graph
        .as_ref()
        .unwrap()
        .node
        .iter()
        .any(|node| has_mode(node) || node.op_type == "Dropout" && node.input.len() > 2);
    let known = OTHERS.iter().find(|(start, _)| name.starts_with(start) && !name.contains("zero_ratio"));
    if let Some((_, reason)) = known {
        return Err(format!("is not supported: {reason}"));
    }
    let least = if ROUNDED.contains(&&*name) { 1e-3 } else { 0.0 };
    for set in 0.. {
        let set = folder.join(format!("test_data_set_{set}"));
        if !set.exists() {
            break;
        }
        let tensor = |name: String| {
            let tensor = TensorProto::decode(&*read(&set.join(name))?).map_err(wrong)?;
            Ok::<_, String>(if by_digits { in_digits(tensor) } else { tensor })
        };
        let onnx = Onnx::<Vec<Var>, Vec<Var>>::from_bytes(&bytes).map_err(wrong)?;
        let tape = if trains { Tape::training() } else { Tape::inference() };
        let inputs = (0..onnx.input_names().len()).map(|i| Ok(tape.input(&decode(&tensor(format!("input_{i}.pb"))?)?)));
        let inputs = inputs.collect::<Result<Vec<Var>, String>>()?;
        for (i, output) in onnx.forward(&inputs).map_err(wrong)?.iter().enumerate() {
            agrees(output.value(), &tensor(format!("output_{i}.pb"))?, least)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn wrong(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[test]
#[ignore = "needs the ONNX tests; .ci/onnx fetches them"]
fn operators_do_what_onnx_says() {
    let folder = std::env::var_os("ONNX_TESTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx"), PathBuf::from);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}; run .ci/onnx", folder.display()));
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("model.onnx").exists());
    let found: BTreeMap<String, String> =
        folders.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), outcome(&path))).collect();
    assert!(!found.is_empty(), "no tests in {}; run .ci/onnx", folder.display());

    if std::env::var_os("ONNX_UPDATE").is_some() {
        let text: String = found.iter().map(|(name, outcome)| format!("{name} {outcome}\n")).collect();
        fs::write(expectations(), text).unwrap();
    }
    let text = fs::read_to_string(expectations()).unwrap();
    let expected: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    let names: BTreeSet<&str> = found.keys().map(String::as_str).chain(expected.keys().copied()).collect();
    let wrong: Vec<String> = names
        .into_iter()
        .map(|name| {
            (name, expected.get(name).unwrap_or(&"not listed"), found.get(name).map_or("absent", String::as_str))
        })
        .filter(|(_, expected, found)| expected != &found || found.starts_with("fail"))
        .map(|(name, expected, found)| format!("{name}: expected {expected}, got {found}"))
        .collect();
    assert!(wrong.is_empty(), "{} of {} tests:\n{}", wrong.len(), found.len(), wrong.join("\n"));
}

#[test]
#[ignore = "needs the ONNX tests; .ci/onnx fetches them"]
fn operators_survive_damage() {
    let folder = std::env::var_os("ONNX_TESTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx"), PathBuf::from);
    let mut folders: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let case = |folder: &PathBuf| {
        let bytes = read(&folder.join("model.onnx")).ok()?;
        let onnx = Onnx::<Vec<Var>, Vec<Var>>::from_bytes(&bytes).ok()?;
        let set = folder.join("test_data_set_0");
        let input = |i: usize| {
            decode(&TensorProto::decode(&*read(&set.join(format!("input_{i}.pb"))).ok()?).ok()?).ok().map(Tensor::from)
        };
        Some((bytes, (0..onnx.input_names().len()).map(input).collect::<Option<Vec<Tensor>>>()?))
    };
    let models: Vec<_> = folders.iter().filter_map(case).collect();
    let [refused, answered] = crate::hostile::survive(&models, 20 * models.len());
    println!("{refused} refused, {answered} answered");
    assert!(models.len() > 1_400 && answered > models.len(), "{} {refused} {answered}", models.len());
}
