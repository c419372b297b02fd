//! Parts of files, parts of models, and rules that are wrong.

use gradus::prelude::*;
use gradus::saving::{Translation, Weights};

fn model(classes: usize) -> Sequential {
    let model = Sequential::new().add_named("features", Conv2d::new(2, 3)).add(BatchNorm::new()).add(GlobalAvgPool2d);
    model.add_named("head", Dense::new(classes))
}

fn file() -> Weights {
    let trained = model(5);
    trained.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((1, 4, 4, 1)))).unwrap();
    Translation::pytorch().rename("net.*", "*").export(&trained).unwrap()
}

fn values(model: &Sequential) -> Vec<Option<Tensor>> {
    model.parameters().iter().map(|(_, param)| param.value()).collect()
}

#[track_caller]
fn fails(translation: &Translation, model: &Sequential, weights: &Weights, message: &str) {
    let before = values(model);
    assert_eq!(translation.load(model, weights).map(drop).unwrap_err().to_string(), message);
    assert_eq!(values(model), before, "something changed");
}

#[test]
fn names_are_those_of_pytorch_under_the_prefix() {
    let names = [
        "features.weight",
        "features.bias",
        "batch_norm.weight",
        "batch_norm.bias",
        "batch_norm.running_mean",
        "batch_norm.running_var",
        "batch_norm.num_batches_tracked",
        "head.weight",
        "head.bias",
    ];
    assert_eq!(file().names().collect::<Vec<_>>(), names.map(|name| format!("net.{name}")));
}

#[test]
fn a_report_says_what_was_left() {
    let mut weights = file();
    weights.insert("net.position_ids", ndarray::arr1(&[0.0, 1.0]));
    let translation = Translation::pytorch().rename("net.*", "*").allow_missing("head.*").ignore("*position_ids");
    let report = translation.load(&model(3), &weights).unwrap();
    assert_eq!(
        report.to_string(),
        "6 applied, 0 missing, 1 unused, 2 differently shaped\n  \
         unused: net.position_ids\n  \
         differently shaped: `head.kernel` is [_, 3] in the model and [2, 5] in the file\n  \
         differently shaped: `head.bias` is [3] in the model and [5] in the file"
    );
    let deeper = model(5).add_named("extra", Dense::new(2));
    let report = translation.allow_missing("extra*").load(&deeper, &weights).unwrap();
    assert_eq!((report.applied.len(), report.missing), (8, vec!["extra.kernel".to_owned(), "extra.bias".into()]));
}

#[test]
fn what_was_not_allowed_is_listed_and_nothing_changes() {
    let mut weights = file();
    weights.insert("net.a", ndarray::arr1(&[0.0]));
    let translation = Translation::pytorch().rename("net.*", "*");
    fails(
        &translation,
        &model(3).add_named("extra", Dense::new(2)),
        &weights,
        "the weights: does not fit the model:\n  \
         differently shaped: `head.kernel` is [_, 3] in the model and [2, 5] in the file (`net.head.weight`)\n  \
         differently shaped: `head.bias` is [3] in the model and [5] in the file (`net.head.bias`)\n  \
         missing in the file: `extra.kernel` [_, 2] (`net.extra.weight`)\n  \
         missing in the file: `extra.bias` [2] (`net.extra.bias`)\n  \
         not in the model: `net.a`",
    );
}

#[test]
fn wrong_rules() {
    let weights = file();
    let pytorch = || Translation::pytorch().rename("net.*", "*");
    fails(
        &pytorch().rename("a.*", "b"),
        &model(5),
        &weights,
        "expected as many `*` on both sides of a rule, got `rename(\"a.*\", \"b\")`",
    );
    fails(
        &pytorch().rename("head.bias", "head.weight"),
        &model(5),
        &weights,
        "expected rules that send each tensor to a place of its own, but `net.head.weight` and `net.head.bias` both go to \
         `head.weight`",
    );
    fails(
        &pytorch().flattened("haed", 2),
        &model(5),
        &weights,
        "expected in `flattened` the path of a `Dense` layer and at least 1 channel, got `haed` and 2",
    );
    fails(
        &pytorch().transposed("haed*"),
        &model(5),
        &weights,
        "expected in `transposed` the name of a tensor of the file, got `haed*`",
    );
    let trained = model(5);
    pytorch().load(&trained, &weights).unwrap();
    let error = pytorch().rename("x.*", "head.*").rename("head.*", "tail.*").export(&trained).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected rules that can be undone, but `head.weight` would be saved as `net.x.weight`, which stands for \
         another tensor"
    );
}

#[test]
fn settings_that_pytorch_lacks_cannot_be_saved_for_it() {
    let model = Gru::new(2).reset_after(false);
    model.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((1, 2, 3)))).unwrap();
    assert_eq!(
        Translation::pytorch().export(&model).map(drop).unwrap_err().to_string(),
        "cannot save: parameter `bias` of shape [6] has no counterpart in the other framework; use settings that it has \
         too, or `Translation::new`"
    );
    assert_eq!(
        Translation::pytorch().export(&Dense::new(2)).map(drop).unwrap_err().to_string(),
        "cannot save: parameter `kernel` has no value yet; run the model once (fit, predict, forward) or load weights"
    );
}

/// The paths of wrappers are those of what they wrap, and so are the layouts.
#[test]
fn wrapped_layers_have_the_layouts_of_what_they_wrap() {
    let model = Sequential::new().add_named("steps", TimeDistributed::new(Dense::new(2)));
    model.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((1, 2, 3)))).unwrap();
    let weights = Translation::pytorch().export(&model).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), ["steps.weight", "steps.bias"]);
    assert_eq!(weights.shape("steps.weight"), Some(&[2, 3][..]));
}

/// A file whose names differ by one rule: the error says which one to write.
#[test]
fn the_rule_that_is_missing_is_written() {
    let trained = model(5);
    trained.forward(&Tape::inference().input(ndarray::Array4::<f32>::ones((1, 4, 4, 1)))).unwrap();
    let plain = Translation::pytorch().export(&trained).unwrap();
    let renamed = |rename: &dyn Fn(&str) -> String| {
        let mut other = Weights::new();
        for name in plain.names() {
            other.insert(rename(name), plain.get(name).unwrap());
        }
        other
    };
    let hint = |translation: Translation, weights: &Weights| {
        let message = translation.load(&model(5), weights).map(drop).unwrap_err().to_string();
        let first = message.lines().next().unwrap().to_owned();
        first.strip_prefix("the weights: does not fit the model").unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    for prefix in ["module.", "_orig_mod.", "module._orig_mod.", "model."] {
        let weights = renamed(&|name| format!("{prefix}{name}"));
        assert_eq!(
            hint(Translation::pytorch(), &weights),
            format!(
                "; its names differ by one rule: load it by `Translation::pytorch().rename(\"{prefix}*\", \"*\")`:"
            )
        );
        Translation::pytorch().rename(&format!("{prefix}*"), "*").load(&model(5), &weights).unwrap();
        let rule = Translation::pytorch().rename("backbone.*", "*");
        let expected =
            format!("; its names differ by one more rule: put `.rename(\"{prefix}*\", \"*\")` before the others:");
        assert_eq!(hint(rule, &weights), expected);
        let expected = format!(
            "; its names are those of PyTorch, but for one rule: load it by `Translation::pytorch().rename(\"{prefix}*\", \"*\")`:"
        );
        assert_eq!(hint(Translation::new(), &weights), expected);
    }
    let compiled = renamed(&|name| name.replacen('.', "._orig_mod.", 1));
    assert_eq!(
        hint(Translation::pytorch(), &compiled),
        "; its names differ by one rule: load it by `Translation::pytorch().rename(\"*._orig_mod.*\", \"*.*\")`:"
    );
    Translation::pytorch().rename("*._orig_mod.*", "*.*").load(&model(5), &compiled).unwrap();
    // The other way round: the model has more layers around it than the file.
    let nested = Sequential::new().add_named("net", model(5));
    let message = Translation::pytorch().load(&nested, &plain).map(drop).unwrap_err().to_string();
    assert!(message.contains("load it by `Translation::pytorch().rename(\"*\", \"net.*\")`"), "{message}");
    Translation::pytorch().rename("*", "net.*").load(&nested, &plain).unwrap();
    assert_eq!(
        hint(Translation::new(), &plain),
        "; its names are those of PyTorch: load it by `Translation::pytorch()`:"
    );
    // Nothing in common: no rule is made up.
    assert_eq!(hint(Translation::pytorch(), &renamed(&|name| format!("{}x", name.len()))), ":");
}

/// A rule that changes no name of the file says nothing of what the file calls what is missing.
#[test]
fn what_is_missing_has_the_name_that_the_file_would_give_it() {
    let mut weights = file();
    let names: Vec<String> = weights.names().map(|name| name.replacen("net.", "", 1)).collect();
    let mut bare = Weights::new();
    for name in names.iter().filter(|name| *name != "head.bias") {
        bare.insert(name, weights.get(&format!("net.{name}")).unwrap());
    }
    let translation =
        || Translation::pytorch().rename("net.*", "*").rename("*.gamma", "*.weight").rename("*.beta", "*.bias");
    fails(
        &translation(),
        &model(5),
        &bare,
        "the weights: does not fit the model:\n  missing in the file: `head.bias` [5]",
    );
    // PyTorch packs query, key and value.
    weights = Weights::new();
    for name in ["in_proj_bias", "out_proj.weight", "out_proj.bias"] {
        weights.insert(name, ndarray::Array2::<f32>::ones((1, 1)));
    }
    let attention = MultiHeadAttention::new(2, 2);
    let message = Translation::pytorch().load(&attention, &weights).map(drop).unwrap_err().to_string();
    assert!(
        message.contains("missing in the file: `query.kernel` [_, 2, 2] (`in_proj_weight`)")
            || message.contains("(`in_proj_weight`)") && !message.contains("q_proj_weight"),
        "{message}"
    );
}

#[test]
fn tensors_under_other_names() {
    let net = || Sequential::new().add_named("norm", LayerNorm::new());
    let mut weights = Weights::new();
    weights.insert("norm.gamma", ndarray::arr1(&[2.0, 3.0]));
    weights.insert("norm.bias", ndarray::arr1(&[0.0, 1.0]));
    let translation = || Translation::pytorch().alias("*.gamma", "*.weight");
    let (one, report) = (net(), translation());
    let report = report.load(&one, &weights).unwrap();
    assert_eq!((report.applied.len(), report.unused.len()), (2, 0));
    assert_eq!(one.parameters()[0].1.value().unwrap(), ndarray::arr1(&[2.0, 3.0]).into_dyn());
    // It is saved under its own name.
    assert_eq!(translation().export(&one).unwrap().names().collect::<Vec<_>>(), ["norm.weight", "norm.bias"]);
    // Both, as long as they are the same.
    weights.insert("norm.weight", ndarray::arr1(&[2.0, 3.0]));
    translation().load(&net(), &weights).unwrap();
    weights.insert("norm.weight", ndarray::arr1(&[2.0, 4.0]));
    fails(
        &translation(),
        &net(),
        &weights,
        "the weights: does not fit the model:\n  different: `norm.weight` and `norm.gamma` are one tensor in this model, but not \
         in the file: make a model where they are two, if there is such a setting",
    );
    let report = translation().ignore("*.gamma").load(&net(), &weights).unwrap();
    assert_eq!(report.unused, ["norm.gamma"]);
    fails(
        &Translation::pytorch().alias("*.gamma", "weight"),
        &net(),
        &weights,
        "expected as many `*` on both sides of a rule, got `alias(\"*.gamma\", \"weight\")`",
    );
}
