//! What the crate has and the table has not is an error.

use std::fs;
use std::path::{Path, PathBuf};

use super::{functions, layer_rows};

/// What layers and losses export besides layers and losses: settings, and what a layer of any rank is called that has
/// names for ranks 1 to 3.
#[rustfmt::skip]
const NO_LAYERS: &[&str] = &[
    "Losses", "Names", "Padding", "Size", "Layer", "Vars", "Border", "Interpolation", "Conv", "ConvTranspose", "DepthwiseConv",
    "SeparableConv", "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool", "ZeroPad", "Crop", "UpSample",
    "Resize", "Unfold", "Fold", "MaxUnpool", "GridSample", "AffineGrid", "Outside", "Cell", "Merge", "Recurrent", "StepOptions", "AttentionOptions", "KeyValueCache", "Each",
    "ResizeTo", "PerChannel", "ClassWeights",
];

fn source(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)
}

/// The types that a folder's `mod.rs` exports or defines.
fn exported(folder: &str) -> Vec<String> {
    let text = fs::read_to_string(source(folder).join("mod.rs")).unwrap();
    let mut names = Vec::new();
    for path in text.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next()) {
        let last = path.rsplit("::").next().unwrap();
        let list = last.trim_matches(|c: char| "{}".contains(c) || c.is_whitespace());
        names.extend(list.trim_end_matches(',').split(',').map(|name| name.trim().to_string()));
    }
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            names.push(rest.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_string());
        }
    }
    assert!(names.iter().all(|name| !name.is_empty()), "`mod.rs` of {folder} is written in a new way: {names:?}");
    names.retain(|name| !NO_LAYERS.contains(&name.as_str()));
    names
}

/// The public methods in the files of `ops`.
fn methods() -> Vec<String> {
    let mut names = Vec::new();
    for file in fs::read_dir(source("ops")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("pub fn "));
        // Macros declare methods by name alone.
        let declared = lines.filter(|rest| !rest.starts_with('$'));
        names.extend(declared.map(|rest| rest.split(['(', '<', ';']).next().unwrap().to_string()));
    }
    names.extend(["+", "-", "*", "/"].map(String::from));
    names
}

#[test]
fn everything_has_a_row() {
    let rows: Vec<String> =
        functions().into_iter().map(|row| row.name).chain(layer_rows().into_iter().map(|row| row.name)).collect();
    let first_words: Vec<&str> = rows.iter().filter_map(|name| name.split(' ').next()).collect();
    let mut wanted = methods();
    for folder in ["activations", "layers", "losses"] {
        let names = exported(folder);
        assert!(names.len() >= 3, "{folder}: {names:?}");
        wanted.extend(names);
    }
    assert!(wanted.len() > 50, "{wanted:?}");
    let missing: Vec<_> = wanted.iter().filter(|name| !first_words.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "no row in tests/gradients begins with {missing:?}");
}

#[test]
fn no_two_rows_have_one_name() {
    let mut names: Vec<String> = functions().into_iter().map(|row| row.name).collect();
    names.extend(layer_rows().into_iter().map(|row| row.name));
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
