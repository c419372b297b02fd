//! Rates, sizes and shares out of their range.

use gradus::prelude::*;

use super::{classifier, compiled, examples, message, quiet};

#[test]
fn batch_size_zero() {
    assert_eq!(
        message(compiled().fit(&examples(), quiet().batch_size(0))),
        "fit: expected a batch size of at least 1, got 0; 32 is usual"
    );
}

#[test]
fn validation_split_out_of_range() {
    for (share, text) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
        assert_eq!(
            message(compiled().fit(&examples(), quiet().validation_split(share))),
            format!("fit: expected a validation split in 0..1 (1 excluded), such as 0.2 for 20 %, got {text}")
        );
    }
    let data = examples();
    assert_eq!(
        message(compiled().fit(&data, quiet().validation(&data).validation_split(0.5))),
        "fit: got both a validation set and a validation split; choose one"
    );
}

#[test]
fn learning_rates() {
    let text = |who: &str, rate: &str| {
        format!("{who}: expected a learning rate of at least 0, got {rate}; 0.001 is a usual start")
    };
    let fit = |optimizer: Box<dyn FnOnce(Sequential) -> Trainer<Sequential>>| {
        message(optimizer(classifier()).fit(&examples(), quiet()))
    };
    let sparse = SparseCrossEntropy::default;
    assert_eq!(fit(Box::new(move |m| m.compile(Adam::new(-0.1), sparse()))), text("Adam", "-0.1"));
    assert_eq!(fit(Box::new(move |m| m.compile(Adam::new(Float::NAN), sparse()))), text("Adam", "NaN"));
    assert_eq!(fit(Box::new(move |m| m.compile(Sgd::new(-1.0), sparse()))), text("Sgd", "-1"));
    assert_eq!(fit(Box::new(move |m| m.compile(Sgd::new(Float::INFINITY), sparse()))), text("Sgd", "inf"));
    assert_eq!(fit(Box::new(move |m| m.compile(Momentum::new(-1.0), sparse()))), text("Momentum", "-1"));
    assert_eq!(
        fit(Box::new(move |m| m.compile(Momentum::new(0.1).momentum(1.0), sparse()))),
        "Momentum: expected momentum in 0..1 (1 excluded), got 1; 0.9 is usual"
    );
    assert_eq!(
        fit(Box::new(move |m| m.compile(Adam::default().betas(1.5, 0.9), sparse()))),
        "Adam: expected beta_1 in 0..1 (1 excluded), got 1.5; 0.9 is usual"
    );
    assert_eq!(
        fit(Box::new(move |m| m.compile(Adam::default().epsilon(0.0), sparse()))),
        "Adam: expected epsilon above 0, got 0; 1e-7 is usual"
    );
    let mut model = compiled();
    assert_eq!(message(model.optimizer_mut().set_learning_rate(-2.0)), text("Adam", "-2"));
}

#[test]
fn a_negative_rate_in_a_loop_of_ones_own() {
    let model = Dense::new(1);
    let tape = Tape::training();
    let y = model.forward(&tape.input(ndarray::arr2(&[[1.0]]))).unwrap();
    let loss = MeanSquaredError.loss(&y, &ndarray::arr2(&[[3.0]]).into_tensor()).unwrap();
    let step = Stepper::new(Sgd::new(-1.0)).step(&model, loss.backward().unwrap());
    assert_eq!(message(step), "Sgd: expected a learning rate of at least 0, got -1; 0.001 is a usual start");
}

#[test]
fn a_pattern_that_matches_nothing() {
    let model = classifier();
    let expected = |pattern: &str| {
        format!(
            "no parameter matches `{pattern}`; the parameters are: dense.kernel, dense.bias, dense_1.kernel, \
             dense_1.bias"
        )
    };
    assert_eq!(message(model.freeze_matching("conv*")), expected("conv*"));
    assert_eq!(message(model.unfreeze_matching("dense_2.*")), expected("dense_2.*"));
    assert_eq!(message(Sequential::new().freeze_matching("*")), "no parameter matches `*`; the parameters are: none");
    assert!(model.parameters().iter().all(|(_, param)| !param.is_frozen()));
}

#[test]
fn a_figure_that_nobody_reports() {
    let there = "there are: loss, accuracy";
    assert_eq!(
        message(compiled().fit(&examples(), quiet().callback(EarlyStopping::new("val_loss")))),
        format!(
            "no figure named `val_loss` to watch; {there}; `val_...` needs `Fit::validation` or `Fit::validation_split`"
        )
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    assert_eq!(
        message(compiled().fit(&examples(), quiet().callback(Checkpoint::best("acuracy", &path)))),
        format!("no figure named `acuracy` to watch; {there}")
    );
    assert!(!path.exists());
}

#[test]
fn sizes_that_no_memory_holds() {
    let forward = |layer: &dyn Layer, shape: &[usize]| layer.forward(&Tape::inference().input(Tensor::zeros(shape)));
    for units in [1 << 44, usize::MAX] {
        assert_eq!(
            message(forward(&Dense::new(units), &[2, 4])),
            format!(
                "no memory holds a parameter of shape [4, {units}]; set smaller sizes, or feed an input with shorter axes"
            )
        );
    }
    assert!(message(forward(&Lstm::new(1 << 40), &[2, 4, 3])).starts_with("no memory holds a parameter of shape [3,"));
    assert_eq!(
        message(classifier().summary(&[usize::MAX])),
        "summary: no memory holds an input of shape [18446744073709551615]; give smaller lengths"
    );
    // A stride beyond the edge is none.
    let far = Conv2d::new(2, 1).strides(usize::MAX).kernel_initializer(Ones);
    assert_eq!(forward(&far, &[1, 4, 4, 3]).unwrap().shape(), [1, 1, 1, 2]);
    assert_eq!(
        message(compiled().threads(100_000).fit(&examples(), quiet())),
        "expected fewer than 4096 threads, got 100000; 0 stands for all cores"
    );
}

#[test]
fn files_of_others_name_who_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let model = classifier();
    model.predict(&examples().0).unwrap();
    for (name, writer) in [("m.keras", "`saving::Keras`"), ("m.h5", "`saving::Keras`"), ("m.onnx", "`onnx::Export`")] {
        let text = message(model.save(folder.path().join(name)));
        assert!(text.contains(writer), "{text}");
    }
}
