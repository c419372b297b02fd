//! Whatever the crate exports can be made from its description.

use gradus::config::Registry;

/// The names that a module exports.
fn exported(module: &str) -> Vec<String> {
    let mut names = Vec::new();
    for export in module.split("\npub use ").skip(1) {
        let path = export.split(';').next().unwrap().rsplit("::").next().unwrap();
        let path = path.trim_matches(|c: char| "{}".contains(c) || c.is_whitespace());
        names.extend(path.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    }
    names
}

/// All but `others`, which are not kinds, are registered.
fn check(module: &str, others: &str) {
    let registry = Registry::default();
    let kinds = registry.kinds();
    let is_missing =
        |name: &String| !others.split_whitespace().any(|other| other == name) && !kinds.contains(&name.as_str());
    let missing: Vec<String> = exported(module).into_iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "not registered: {missing:?}");
}

#[test]
fn layers() {
    // Not layers, or layers over any number of axes, whose kinds have a number in their name.
    let others = "Layer PerChannel AttentionOptions KeyValueCache scaled_dot_product_attention Border Names Outside Interpolation Cell Merge Recurrent \
                  StepOptions Vars Padding Size ResizeTo Conv ConvTranspose DepthwiseConv SeparableConv MaxPool AvgPool \
                  AdaptiveAvgPool AdaptiveMaxPool ZeroPad Crop UpSample Resize Unfold Fold MaxUnpool GridSample AffineGrid";
    // It has the kind of its cell.
    let others = format!("{others} Rnn");
    check(include_str!("../../src/layers/mod.rs"), &others);
}

#[test]
fn parts_of_layers() {
    check(include_str!("../../src/activations/mod.rs"), "Activation Pointwise");
    check(include_str!("../../src/initializers/mod.rs"), "Initializer Rng Fan Spread");
    check(include_str!("../../src/constraints/mod.rs"), "Constraint");
    check(include_str!("../../src/regularizers/mod.rs"), "Regularizer");
}

#[test]
fn losses() {
    check(include_str!("../../src/losses/mod.rs"), "ClassWeights Each Losses");
}

#[test]
fn metrics() {
    // The three former are not metrics, but measure outside of training.
    check(
        include_str!("../../src/metrics/mod.rs"),
        "Bleu ConfusionMatrix frechet_distance Averaging Curve Direction KappaWeights",
    );
}

#[test]
fn augmentations() {
    check(include_str!("../../src/data/augment/mod.rs"), "Augment Augmented Example Fill Image Mix Mixed");
}

#[test]
fn optimizers() {
    // The former has a loop of its own.
    let others = "Lbfgs Minimum Schedule State Step Change Clip Group Lookahead BatchPart GradientHook StepGradients MovingAverage Stepper";
    check(include_str!("../../src/optimizers/mod.rs"), others);
    check(include_str!("../../src/optimizers/schedules/mod.rs"), "");
}

/// Names that a module exports and the map at its beginning does not have.
fn missing_in_map(module: &str) -> Vec<String> {
    let map: String = module.lines().take_while(|line| line.starts_with("//!")).collect();
    exported(module).into_iter().filter(|name| !map.contains(&format!("`{name}`"))).collect()
}

#[test]
fn the_map_of_a_module_has_all_that_it_exports() {
    for (module, text) in [
        ("layers", include_str!("../../src/layers/mod.rs")),
        ("losses", include_str!("../../src/losses/mod.rs")),
        ("metrics", include_str!("../../src/metrics/mod.rs")),
        ("activations", include_str!("../../src/activations/mod.rs")),
        ("optimizers", include_str!("../../src/optimizers/mod.rs")),
        ("callbacks", include_str!("../../src/training/callbacks/mod.rs")),
    ] {
        assert!(exported(text).len() > 10, "{module}");
        let missing = missing_in_map(text);
        assert!(missing.is_empty(), "add to a table at the beginning of `{module}`: {missing:?}");
    }
    let text = "//! | [`Dense`] |\npub use dense::{Dense, TiedDense};\n";
    assert_eq!(missing_in_map(&format!("{text}pub use conv::Conv;\n")), ["TiedDense", "Conv"]);
}
