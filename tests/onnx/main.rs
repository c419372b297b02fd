//! The ONNX project's own tests of its operators, run against the public API.
//!
//! `.ci/onnx` fetches them into `target/onnx`, or into the folder that the environment variable `ONNX_TESTS` names.
//! `expectations.txt` says of each whether it passes, and if not, why. `ONNX_UPDATE=1` writes that file anew.

mod absent;
mod activations;
mod attention;
mod elementwise;
mod graph;
mod indexing;
mod layers;
mod losses;
mod node;
mod normalisation;
mod proto;
mod recurrent;
mod reduce;
mod resize;
mod shape;
mod training;
mod value;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gradus::prelude::*;
use prost::Message;

use node::Failure;
use proto::{Graph, Model, TensorProto, ValueInfo};
use value::Value;

/// Their expected results are written with four digits.
const ROUNDED: [&str; 2] = ["test_averagepool_2d_ceil_last_window_starts_on_pad", "test_gridsample_bicubic"];

fn expectations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/expectations.txt")
}

/// `pass`, `skip: reason`, or `fail: what`.
fn outcome(folder: &Path) -> String {
    // Operators panic on shapes that do not broadcast.
    let run = std::panic::catch_unwind(|| run(folder)).unwrap_or_else(|_| Err(Failure::Wrong("panic".into())));
    match run {
        Ok(()) => "pass".into(),
        Err(Failure::Skip(reason)) => format!("skip: {reason}"),
        Err(Failure::Unknown) => "fail: unknown operator".into(),
        Err(Failure::Wrong(what)) => format!("fail: {what}"),
    }
}

fn run(folder: &Path) -> Result<(), Failure> {
    let model = Model::decode(&*read(&folder.join("model.onnx"))?).map_err(wrong)?;
    let mut graph = model.graph.unwrap_or_default();
    graph.input.iter().chain(&graph.output).try_for_each(check_type)?;
    // These operators treat each digit alone, so that they work on large integers digit by digit.
    let in_digits = graph.node.iter().all(|node| node.op_type.starts_with("Bitwise"));
    let read_as = |tensor: TensorProto| if in_digits { tensor.in_digits() } else { tensor };
    graph.initializer = std::mem::take(&mut graph.initializer).into_iter().map(read_as).collect();
    let least = if ROUNDED.iter().any(|name| folder.ends_with(name)) { 1e-3 } else { 0.0 };
    for set in 0.. {
        let set = folder.join(format!("test_data_set_{set}"));
        if !set.exists() {
            break;
        }
        let tensor = |name: String| TensorProto::decode(&*read(&set.join(name))?).map(read_as).map_err(wrong);
        let tape = Tape::inference();
        let mut scope = graph::Scope::new();
        for (i, info) in graph.input.iter().enumerate() {
            scope.insert(info.name.clone(), Value::of(&tape, &tensor(format!("input_{i}.pb"))?)?);
        }
        for (i, output) in graph::run(&graph, scope, &tape)?.iter().enumerate() {
            output.agrees_with(&tensor(format!("output_{i}.pb"))?, least)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))
}

fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::Wrong(error.to_string())
}

fn check_type(info: &ValueInfo) -> Result<(), Failure> {
    let Some(kind) = &info.r#type else { return Ok(()) };
    if kind.sequence.is_some() {
        return Err(Failure::skip("sequence type"));
    }
    if kind.optional.is_some() {
        return Err(Failure::skip("optional type"));
    }
    kind.tensor.as_ref().map_or(Ok(()), |tensor| value::Kind::checked(tensor.elem_type).map(|_| ()))
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
fn a_model_is_read_and_run() {
    let info = |name: &str| ValueInfo { name: name.into(), r#type: None };
    let node = proto::NodeProto {
        input: vec!["x".into(), "w".into()],
        output: vec!["y".into()],
        op_type: "Mul".into(),
        ..Default::default()
    };
    let weights = TensorProto {
        name: "w".into(),
        dims: vec![2],
        data_type: 1,
        raw_data: [2.0_f32, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect(),
        ..Default::default()
    };
    let graph = Graph { node: vec![node], initializer: vec![weights], input: vec![info("x")], output: vec![info("y")] };
    let bytes = Model { graph: Some(graph) }.encode_to_vec();
    let graph = Model::decode(&*bytes).unwrap().graph.unwrap();
    let tape = Tape::inference();
    let x = Value { var: tape.input(ndarray::arr1(&[5.0, 7.0])), kind: value::Kind::FLOAT };
    let outputs = graph::run(&graph, [("x".to_string(), x)].into(), &tape).unwrap();
    assert_eq!(outputs[0].numbers(), [10.0, 21.0]);
}

#[test]
fn wrong_numbers_are_found() {
    let tape = Tape::inference();
    let want = |dims: &[i64], numbers: &[f32]| TensorProto {
        dims: dims.into(),
        data_type: 1,
        float_data: numbers.into(),
        ..Default::default()
    };
    let x = Value { var: tape.input(ndarray::arr1(&[1.0, Float::NAN])), kind: value::Kind::FLOAT };
    assert_eq!(x.agrees_with(&want(&[2], &[1.00001, f32::NAN]), 0.0), Ok(()));
    for wrong in [want(&[2], &[1.001, f32::NAN]), want(&[2], &[1.0, 0.0]), want(&[1, 2], &[1.0, f32::NAN])] {
        assert!(matches!(x.agrees_with(&wrong, 0.0), Err(Failure::Wrong(_))));
    }
}
