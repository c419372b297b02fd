//! Adapters, heads, parts and teachers that do not fit.

use gradus::callbacks::GradualUnfreezing;
use gradus::layers::Distilled;
use gradus::losses::Distillation;
use gradus::prelude::*;
use gradus::saving::Weights;

use super::{classifier, compiled, examples, message, quiet};

fn used() -> Sequential {
    let model = classifier();
    model.forward(&Tape::inference().input(&examples().0)).unwrap();
    model
}

#[test]
fn adapters_that_do_not_fit() {
    let attach = |pattern: &str, lora: Lora| message(used().attach(pattern, lora));
    assert_eq!(
        attach("conv*", Lora::new(2)),
        "no parameter matches `conv*`; the parameters are: dense.kernel, dense.bias, dense_1.kernel, dense_1.bias"
    );
    assert_eq!(
        attach("dense.*", Lora::new(2)),
        "layer `dense.bias`: LoRA: expected a parameter of at least two axes, got one of shape [4]; narrow the pattern, \
         such as to `*.kernel`"
    );
    assert_eq!(
        attach("*.kernel", Lora::new(0)),
        "layer `dense.kernel`: LoRA: expected a rank from 1 to 4, the smaller side of the matrix [5, 4], got 0; 8 is usual"
    );
    assert_eq!(
        attach("*.kernel", Lora::new(usize::MAX)),
        format!(
            "layer `dense.kernel`: LoRA: expected a rank from 1 to 4, the smaller side of the matrix [5, 4], got {}; 8 is \
             usual",
            usize::MAX
        )
    );
    for (alpha, text) in [(0.0, "0"), (-1.0, "-1"), (Float::NAN, "NaN")] {
        assert_eq!(
            attach("dense.kernel", Lora::new(2).alpha(alpha)),
            format!("layer `dense.kernel`: LoRA: expected an alpha above 0, got {text}; the rank is usual")
        );
    }
    let model = Sequential::new().add(BatchNorm::new());
    assert_eq!(
        message(model.attach("*.moving_mean", Lora::new(1))),
        "layer `batch_norm.moving_mean`: LoRA: expected a trained parameter, got statistics"
    );
}

#[test]
fn an_adapter_is_attached_to_all_or_none_and_only_once() {
    let model = used();
    model.attach("dense.kernel", Lora::new(2)).unwrap();
    assert_eq!(
        message(model.attach("*.kernel", Lora::new(2))),
        "layer `dense.kernel`: LoRA: the parameter has an adapter already; take it off with `merge_adapters` and \
         `detach_adapters`"
    );
    assert!(message(used().attach("dense*", Lora::new(2))).contains("at least two axes"));
    let trainable = |model: &Sequential| model.parameters().iter().filter(|(_, param)| param.is_trainable()).count();
    assert_eq!(trainable(&model), 5);
    let fresh = used();
    let _ = fresh.attach("dense*", Lora::new(2));
    assert_eq!((trainable(&fresh), fresh.parameters().len()), (4, 4));
}

#[test]
fn a_rank_that_only_the_first_input_shows_to_be_too_large() {
    let model = Sequential::new().add(Dense::new(9));
    model.attach("dense.kernel", Lora::new(4)).unwrap();
    assert_eq!(
        message(model.forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]])))),
        "layer `dense`: LoRA: expected a rank from 1 to 2, the smaller side of the matrix [2, 9], got 4; 8 is usual"
    );
}

#[test]
fn merging_what_there_is_not() {
    let model = used();
    assert_eq!(
        message(model.merge_adapters()),
        "no adapters to merge; attach some with `attach`, or read them with `load_tuned`"
    );
    let none = "no merged adapters; `merge_adapters` comes before `unmerge_adapters`";
    assert_eq!(message(model.unmerge_adapters()), none);
    model.attach("*.kernel", Lora::new(2)).unwrap();
    assert_eq!(message(model.unmerge_adapters()), none);
    model.merge_adapters().unwrap();
    assert!(message(model.merge_adapters()).starts_with("no adapters to merge"));
    let (path, param) = &model.parameters()[2];
    assert_eq!(path, "dense_1.kernel");
    param.modify(|weights| weights[0] += 1.0);
    assert_eq!(
        message(model.unmerge_adapters()),
        "parameter `dense_1.kernel` was changed after its adapter was merged into it, and would lose that; keep it so \
         with `detach_adapters`"
    );
    let new = classifier();
    new.attach("*.kernel", Lora::new(2)).unwrap();
    assert_eq!(
        message(new.merge_adapters()),
        "parameter `dense.kernel` has no value yet, so no adapter can be merged into it; load weights or run the model \
         once"
    );
}

#[test]
fn a_head_that_is_not_there() {
    assert_eq!(
        message(classifier().replace("head", Dense::new(2)).map(|_| ())),
        "no layer is named `head`; the layers are: dense, dense_1"
    );
}

#[test]
fn parts_that_cannot_be_unfrozen() {
    let fit = |gradual: GradualUnfreezing| message(compiled().fit(&examples(), quiet().callback(gradual)));
    let none: [&str; 0] = [];
    assert_eq!(
        fit(GradualUnfreezing::new(none)),
        "GradualUnfreezing: expected at least 1 pattern and at least 1 epoch between two, got [] and 1"
    );
    assert_eq!(
        fit(GradualUnfreezing::new(["dense.*"]).every(0)),
        "GradualUnfreezing: expected at least 1 pattern and at least 1 epoch between two, got [\"dense.*\"] and 0"
    );
    assert!(fit(GradualUnfreezing::new(["dense.*", "head.*"])).starts_with("no parameter matches `head.*`"));
}

#[test]
fn factors_of_rates_by_layer() {
    let fit = |factor: Float, patterns: [&str; 2]| {
        let optimizer = Adam::default().layer_decay(factor, patterns);
        message(classifier().compile(optimizer, SparseCrossEntropy::default()).fit(&examples(), quiet()))
    };
    let parts = ["dense.*", "dense_1.*"];
    assert_eq!(
        fit(-0.5, parts),
        "the group `dense.*`: expected a factor of the rate of at least 0, got -0.5; 1 changes nothing"
    );
    assert!(fit(Float::NAN, parts).contains("got NaN"));
    assert!(fit(0.5, ["dense.*", "head.*"]).starts_with("no parameter matches `head.*`"));
}

#[test]
fn teachers_that_teach_something_else() {
    let teach = |units: usize, temperature: Float, alpha: Float| {
        let student = Distilled::new(Dense::new(3), Dense::new(units)).temperature(temperature).alpha(alpha);
        message(student.compile(Adam::default(), SparseCrossEntropy::from_logits()).fit(&examples(), quiet()))
    };
    assert_eq!(
        teach(4, 2.0, 1.0),
        "Distillation: expected targets of the prediction's shape [4, 3], got [4, 4]; reshape the targets, or end the \
         model with as many units as there are targets"
    );
    assert_eq!(teach(3, 0.0, 1.0), "Distillation: expected a temperature above 0, got 0");
    assert_eq!(teach(3, 2.0, -1.0), "Distilled: expected an alpha of at least 0, got -1");
    let student = Distilled::new(classifier(), Dense::new(3));
    assert_eq!(
        message(student.compile(Adam::default(), SparseCrossEntropy::default()).fit(&examples(), quiet())),
        "Distillation: `from_logits` expects numbers before an activation, but the prediction has been through one \
         already; leave out one of the two"
    );
    let y = Tape::training().input(ndarray::arr2(&[[1.0, 2.0]]));
    let target = ndarray::arr2(&[[1.0, Float::NAN]]).into_tensor();
    assert_eq!(
        message(Distillation::default().loss(&y, &target)),
        "Distillation: expected finite logits as targets, got NaN; correct that example or leave it out"
    );
}

/// The parameters of an adapter of rank 2 on `dense.kernel`, `[5, 4]`.
fn adapter_file() -> Weights {
    let model = used();
    model.freeze();
    model.attach("dense.kernel", Lora::new(2)).unwrap();
    model.forward(&Tape::inference().input(&examples().0)).unwrap();
    model.tuned_weights().unwrap()
}

#[test]
fn nothing_to_save_or_what_cannot_be_saved() {
    let model = used();
    model.freeze();
    assert_eq!(
        message(model.tuned_weights()),
        "cannot save what was tuned: everything is frozen, and there are no adapters"
    );
    model.attach("dense.kernel", Lora::new(2)).unwrap();
    assert!(
        message(model.tuned_weights()).starts_with("cannot save: parameter `dense.kernel.lora_a` has no value yet")
    );
    model.forward(&Tape::inference().input(&examples().0)).unwrap();
    model.merge_adapters().unwrap();
    assert_eq!(
        message(model.tuned_weights()),
        "cannot save what was tuned: the adapter of `dense.kernel` is merged; call `unmerge_adapters` first, or save the \
         whole model"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tuned.npz");
    assert_eq!(
        message(adapter_file().save(&path)),
        format!(
            "{}: would hold no metadata, but there is some (dense.kernel.lora_alpha, gradus); name it .safetensors",
            path.display()
        )
    );
    assert!(!path.exists());
}

#[test]
fn files_of_what_was_tuned_that_do_not_fit() {
    let head = "what was tuned does not fit the model:\n  ";
    let load = |model: &Sequential, weights: &Weights| {
        let before = super::bits(model);
        let text = message(model.load_tuned(weights));
        assert_eq!(super::bits(model), before);
        text.strip_prefix(head).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert_eq!(load(&used(), &Weights::new()), "there is nothing in it");

    let mut other = adapter_file();
    other.insert("body.kernel", ndarray::arr1(&[1.0]));
    other.insert("dense.bias", ndarray::arr1(&[1.0]));
    other.insert("dense_1.kernel.lora_b", ndarray::arr2(&[[1.0]]));
    assert_eq!(
        load(&used(), &other),
        "not in the model: `body.kernel`\n  differently shaped: `dense.bias` is [4] in the model and [1] in the file\n  not \
         in the model: `dense_1.kernel.lora_b`"
    );

    let mut other = adapter_file();
    other.insert("dense.kernel.lora_b", ndarray::Array2::<Float>::ones((3, 4)));
    let text = load(&used(), &other);
    assert!(text.starts_with("no adapter for `dense.kernel`: a product [5, 2] · [3, 4] does not fit [5, 4]"), "{text}");

    let mut other = adapter_file();
    other.set_metadata("dense.kernel.lora_alpha", "much");
    let text = load(&used(), &other);
    let expected = "expected a number `dense.kernel.lora_alpha` in the metadata, got Some(\"much\")";
    assert!(text.starts_with(&format!("no adapter for `dense.kernel`: {expected}")), "{text}");

    let wide = Sequential::new().add(Dense::new(7));
    let text = load(&wide, &adapter_file());
    assert!(text.starts_with("no adapter for `dense.kernel`: a product [5, 2] · [2, 4] does not fit [_, 7]"), "{text}");

    let model = used();
    model.attach("dense.kernel", Lora::new(1)).unwrap();
    model.merge_adapters().unwrap();
    let text = load(&model, &adapter_file());
    assert!(text.contains("it has one that is merged; call `unmerge_adapters` or `detach_adapters` first"), "{text}");
}
