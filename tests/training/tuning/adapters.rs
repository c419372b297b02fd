//! Facts about adapters, and files of what was tuned.

use super::*;

#[test]
fn adapters_alone_are_trained_and_merging_leaves_a_plain_model() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = classes(96);
    let model = classifier();
    let run = |model: &Sequential| model.forward(&Tape::inference().input(&x)).unwrap().value().clone();
    let (first, base) = (run(&model), bits(&model));
    model.freeze();
    model.attach("dense.kernel", Lora::new(2).alpha(8.0)).unwrap();
    // B is zero at first.
    assert_eq!(numbers(&run(&model)), numbers(&first));
    let mut model = trainer(model);
    let history = model.fit(&(&x, &y), Fit::epochs(20).progress(false)).unwrap();
    let losses = history.get("loss");
    assert!(losses[19] < 0.9 * losses[0], "{losses:?}");
    let after = bits(&model.model);
    let paths: Vec<&str> = after.iter().map(|(path, _)| path.as_str()).collect();
    let adapters = ["dense.kernel.lora_a", "dense.kernel.lora_b"];
    assert_eq!(paths, ["dense.kernel", adapters[0], adapters[1], "dense.bias", "dense_1.kernel", "dense_1.bias"]);
    assert!(base.iter().all(|row| after.contains(row)));

    let tuned = run(&model.model);
    assert_ne!(tuned, first);
    let saved = folder.path().join("adapted.safetensors");
    model.save(&saved).unwrap();
    model.model.merge_adapters().unwrap();
    assert_eq!(run(&model.model), tuned);
    assert_eq!(model.model.parameters().len(), 4);
    let path = folder.path().join("merged.safetensors");
    model.save(&path).unwrap();
    let plain = classifier();
    plain.load(&path).unwrap();
    assert_eq!(numbers(&run(&plain)), numbers(&run(&model.model)));

    model.model.unmerge_adapters().unwrap();
    assert_eq!(bits(&model.model), after);
    model.load(&saved).unwrap();
    model.model.detach_adapters();
    assert_eq!(bits(&model.model), base);
    assert_eq!(numbers(&run(&model.model)), numbers(&first));
}

#[test]
fn what_was_merged_stays_after_detaching() {
    let (x, y) = classes(32);
    let model = classifier();
    model.attach("*.kernel", Lora::new(1)).unwrap();
    let mut model = trainer(model);
    model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
    let tuned = model.predict(&x).unwrap();
    model.model.merge_adapters().unwrap();
    model.model.detach_adapters();
    assert_eq!(model.predict(&x).unwrap(), tuned);
    // Another one can be attached now.
    model.model.attach("*.kernel", Lora::new(1)).unwrap();
}

#[test]
fn adapters_give_the_same_bits_on_any_number_of_threads_and_reach_every_kind_of_layer() {
    let (x, y) = sequences(64);
    let run = |threads: usize| {
        let model = noisy_model();
        model.forward(&Tape::inference().input(&x)).unwrap();
        let base = bits(&model);
        model.freeze();
        model.attach("*kernel", Lora::new(2)).unwrap();
        assert_eq!(model.parameters().iter().filter(|(_, param)| param.is_trainable()).count(), 2 * 10);
        let mut model = model.compile(Adam::new(0.01), SparseCrossEntropy::from_logits()).threads(threads);
        model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();
        let after = bits(&model.model);
        assert!(base.iter().all(|row| after.contains(row)));
        for (path, numbers) in &after {
            assert!(!path.ends_with("lora_b") || numbers.iter().all(|bits| *bits != 0), "{path}");
        }
        model.model.merge_adapters().unwrap();
        (after, bits(&model.model))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn what_was_tuned_is_all_that_is_needed_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let [base, file, again] = ["base", "tuned", "again"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let (x, y) = sequences(64);
    let model = noisy_model();
    model.forward(&Tape::inference().input(&x)).unwrap();
    model.save(&base).unwrap();
    model.freeze_matching("body.*").unwrap();
    model.unfreeze_matching("body.batch_norm.*").unwrap();
    model.attach("body.lstm.*kernel", Lora::new(2).alpha(3.0)).unwrap();
    model.attach("body.*.query.kernel", Lora::new(1).alpha(0.1)).unwrap();
    let mut model = model.compile(Adam::new(0.01), SparseCrossEntropy::from_logits());
    model.fit(&(&x, &y), Fit::epochs(2).progress(false)).unwrap();

    let mut tuned = model.model.tuned_weights().unwrap();
    let names: Vec<&str> = tuned.names().collect();
    assert_eq!(names.len(), 3 * 2 + 4 + 2, "{names:?}");
    for (name, text) in [("classes", "a, b"), ("size", "6"), ("note", "\"{}\\ ü")] {
        tuned.set_metadata(name, text);
    }
    tuned.save(&file).unwrap();
    tuned.save(&again).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap());
    let tuned = Weights::open(&file).unwrap();
    assert_eq!((tuned.metadata("classes"), tuned.metadata("size")), (Some("a, b"), Some("6")));
    assert_eq!((tuned.metadata("note"), tuned.metadata("none")), (Some("\"{}\\ ü"), None));
    assert_eq!(tuned.metadata("body.lstm.kernel.lora_alpha"), Some("3"));

    for before_the_first_forward in [true, false] {
        let other = noisy_model();
        if !before_the_first_forward {
            other.forward(&Tape::inference().seed(9).input(&x)).unwrap();
        }
        other.load(&base).unwrap();
        other.load_tuned(&tuned).unwrap();
        assert_eq!(bits(&other), bits(&model.model));
        assert_eq!(output(&other, Tape::inference(), &x), output(&model.model, Tape::inference(), &x));
        // Reading it again replaces what was read.
        other.load_tuned(&tuned).unwrap();
        assert_eq!(bits(&other), bits(&model.model));
        other.merge_adapters().unwrap();
        assert_eq!(output(&other, Tape::inference(), &x), output(&model.model, Tape::inference(), &x));
    }
}
