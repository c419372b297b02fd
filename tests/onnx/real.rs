//! Models that others have trained, out of packages that `.ci/onnx-real` fetches: what onnxruntime gives for them, and a step of training.

use std::path::{Path, PathBuf};

use gradus::onnx::Onnx;
use gradus::prelude::*;
use gradus::saving::Weights;

use crate::importer::assert_near;

/// The files, and how many parameters each has.
const FILES: [(&str, usize); 12] = [
    ("ch_PP-OCRv4_det_infer", 129),
    ("ch_PP-OCRv4_rec_infer", 122),
    ("ch_ppocr_mobile_v2.0_cls_infer", 213),
    ("magika", 10),
    ("minilm_int8", 101),
    ("paraphrase-MiniLM-L3-v2", 53),
    ("silero_vad", 15),
    ("silero_vad_16k_op15", 15),
    ("silero_vad_16k_sequence", 14),
    ("silero_vad_half", 15),
    ("silero_vad_op18_ifless", 15),
    ("silero_vad_openvino_16k", 14),
];

fn folder() -> PathBuf {
    std::env::var_os("ONNX_REAL")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx-real"), PathBuf::from)
}

fn numbers(values: &Weights, what: &str) -> Vec<Tensor> {
    (0..).map_while(|i| values.get(&format!("{what}.{i}")).ok()).collect()
}

fn outputs(model: &Onnx, tape: &Tape, inputs: &[Tensor]) -> Result<Vec<Var>> {
    model.forward(&inputs.iter().map(|input| tape.input(input.clone())).collect())
}

/// A step of training towards 0.3 in all outputs that depend on weights: how many of the parameters it has changed.
fn changed_by_a_step(model: &Onnx, inputs: &[Tensor]) -> Result<Vec<String>> {
    let before: Vec<Tensor> = model.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
    let tape = Tape::training();
    let outputs = outputs(model, &tape, inputs)?;
    let losses: Vec<Var> = outputs.iter().map(|output| (output - 0.3).square().mean()).collect();
    let loss = losses[1..].iter().fold(losses[0].clone(), |all, loss| all + loss);
    let mut stepper: Stepper = Adam::new(1e-3).into();
    stepper.step(model, loss.backward()?)?;
    tape.commit()?;
    let unchanged = model.parameters().into_iter().zip(before);
    Ok(unchanged.filter(|((_, param), old)| param.value().unwrap() == *old).map(|((path, _), _)| path).collect())
}

fn check(name: &str, count: usize) {
    let path = folder().join(format!("{name}.onnx"));
    let values = Weights::open(path.with_extension("safetensors")).unwrap();
    let (mut inputs, expected) = (numbers(&values, "input"), numbers(&values, "output"));
    let mut model = Onnx::open(&path).unwrap();
    // The rate of the sound decides which of two networks runs.
    if let Some(place) = model.input_names().iter().position(|name| name == "sr") {
        assert_near(outputs(&model, &Tape::inference(), &inputs).unwrap()[0].value(), &expected[0]);
        model = Onnx::open_with(&path, &[("sr", inputs.remove(place))]).unwrap();
    }
    let found = outputs(&model, &Tape::inference(), &inputs).unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        assert_near(found.value(), expected);
    }
    let parameters = model.parameters().len();
    println!("{name}: {parameters} parameters");
    let unchanged = changed_by_a_step(&model, &inputs).unwrap();
    println!("{name}: {unchanged:?}");
    assert_eq!((parameters, unchanged), (count, vec![]), "{name}");
}

#[test]
#[ignore = "needs models that others have trained; .ci/onnx-real fetches them"]
fn models_of_others_predict_as_in_onnxruntime_and_train() {
    let failed = FILES.iter().filter(|(name, count)| std::panic::catch_unwind(|| check(name, *count)).is_err());
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<&(&str, usize)>::new());
}
