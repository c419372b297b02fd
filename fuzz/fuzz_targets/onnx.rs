//! Models of ONNX.

#![no_main]

use gradus::layers::Layer;
use gradus::onnx::Onnx;
use gradus::prelude::*;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus {
    let Ok(model) = Onnx::<Vec<Var>, Vec<Var>>::from_bytes(bytes) else { return libfuzzer_sys::Corpus::Keep };
    let _ = model.to_string();
    drop(model.config());
    // Small models are run too; inputs of one number make few of them large.
    if bytes.len() < 2048 {
        let tape = Tape::inference();
        let inputs: Vec<Var> = model.input_names().iter().map(|_| tape.constant(1.0)).collect();
        drop(model.forward(&inputs));
    }
    libfuzzer_sys::Corpus::Keep
});
