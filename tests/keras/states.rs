//! Models whose recurrent layers give and take states: `tests/fixtures/make_keras_states.py` has made them.

use gradus::saving::Keras;

use super::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras_states")
}

fn numbers(values: &Weights, case: &str, what: &str) -> Vec<Tensor> {
    (0..).map_while(|i| values.get(&format!("{case}.{what}.{i}")).ok()).collect()
}

fn assert_near(model: &Graph, inputs: &[Tensor], expected: &[Tensor], case: &str) {
    let tape = Tape::inference();
    let found = model.forward(&inputs.iter().map(|input| tape.input(input.clone())).collect()).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let far = distance(found.value(), expected);
        assert!(far < 1e-5, "{case}: {far}");
    }
}

#[test]
fn states_go_from_layer_to_layer_in_and_out() {
    let values = Weights::open(folder().join("values.safetensors")).unwrap();
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras_check/graphs");
    std::fs::create_dir_all(&target).unwrap();
    for case in ["lstm", "gru", "bidirectional", "masked"] {
        let model: Graph = Registry::default()
            .open(folder().join(format!("{case}.keras")))
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        let (inputs, expected) = (numbers(&values, case, "input"), numbers(&values, case, "output"));
        assert_near(&model, &inputs, &expected, case);

        let to = target.join(format!("states_{case}.keras"));
        let keras = inputs.iter().fold(Keras::new(), |keras, input| keras.input(input.shape()[1..].to_vec()));
        keras.save(&model, &to).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_near(&Registry::default().open::<Graph, _, _>(&to).unwrap(), &inputs, &expected, case);
        let mut beside = Weights::new();
        for (what, numbers) in [("input", &inputs), ("output", &expected)] {
            numbers.iter().enumerate().for_each(|(i, numbers)| beside.insert(format!("{what}.{i}"), numbers));
        }
        beside.save(to.with_extension("safetensors")).unwrap();
        let copy: Graph = Registry::default().copy(&model).unwrap();
        assert_near(&copy, &inputs, &expected, case);
        #[cfg(feature = "onnx")]
        {
            let bytes =
                gradus::onnx::Export::new().to_bytes(&model, &inputs).unwrap_or_else(|error| panic!("{case}: {error}"));
            std::fs::write(to.with_extension("onnx"), &bytes).unwrap();
            let tape = Tape::inference();
            let again = gradus::onnx::Onnx::<Vec<Var>, Vec<Var>>::from_bytes(&bytes).unwrap();
            let found = again.forward(&inputs.iter().map(|input| tape.input(input.clone())).collect()).unwrap();
            found
                .iter()
                .zip(&expected)
                .for_each(|(found, want)| assert!(distance(found.value(), want) < 1e-5, "{case}"));
        }
    }
}
