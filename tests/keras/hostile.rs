//! Descriptions of models that nobody should have written.

use gradus::Rng;
use gradus::rand::{Rng as _, SeedableRng};

use super::*;

/// What is said of a description beside weights that are not there.
fn refusal(folder: &std::path::Path, description: &str) -> String {
    std::fs::write(folder.join("config.json"), description).unwrap();
    let weights = folder.join("model.weights.h5");
    Weights::new().save(&weights).unwrap();
    match gradus::open(&weights) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn code_quantised_layers_and_circles_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let layer = |class: &str, config: &str| {
        format!(
            r#"{{"class_name": "Sequential", "config": {{"layers": [{{"module": "keras.layers", "class_name": "{class}",
            "config": {{"name": "odd", {config}}}}}]}}}}"#
        )
    };
    let cases = [
        (layer("Lambda", r#""function": "4wEAAAA""#), "`model.layers.odd`: `Lambda` holds Python code, which is not run"),
        (layer("Mystery", r#""x": 1"#), "`model.layers.odd`: unknown kind `Mystery`"),
        (layer("Dense", r#""units": 2, "dtype": {"config": {"name": "int8_from_float32"}}"#), "`Dense` is quantised"),
        (layer("Conv2D", r#""data_format": "channels_first""#), "`data_format` = \"channels_first\" is not expressible"),
        (
            r#"{"class_name": "Functional", "config": {"input_layers": [["a", 0, 0]], "output_layers": [["b", 0, 0]], "layers": [
            {"class_name": "InputLayer", "name": "a", "config": {}, "inbound_nodes": []},
            {"class_name": "Dense", "name": "b", "config": {"units": 1}, "inbound_nodes": [[["b", 0, 0, {}]]]}]}}"#
                .into(),
            "`b` needs its own output",
        ),
    ];
    for (description, expected) in cases {
        let message = refusal(folder.path(), &description);
        let expected = expected.trim_start_matches("`model.layers.odd`: ");
        assert!(message.contains(expected), "{message}");
    }
    let deep = format!("{}{}", r#"{"class_name": "Sequential", "config": [ "#.repeat(5000), "]}".repeat(5000));
    assert!(refusal(folder.path(), &deep).contains("is not valid JSON"));
}

#[test]
fn ten_thousand_damaged_descriptions_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::seed_from_u64(1);
    let mut below = |end: usize| (rng.next_u64() % end as u64) as usize;
    let texts: Vec<Vec<u8>> = [4, 5, 8, 9]
        .map(|n| Weights::open(path(n)).unwrap().metadata("model_config").unwrap().as_bytes().to_vec())
        .into();
    let mut refused = 0;
    for round in 0..10_000 {
        let mut text = texts[round % texts.len()].clone();
        for _ in 0..1 + below(3) {
            let at = below(text.len());
            match below(5) {
                0 => text[at] = b"0123456789[]{},:\"-"[below(18)],
                1 => drop(text.drain(at..(at + 1 + below(8)).min(text.len()))),
                2 => {
                    let part = text[at..(at + 1 + below(40)).min(text.len())].to_vec();
                    text.splice(at..at, part);
                }
                3 => drop(text.splice(at..at, *b"99999999999")),
                _ => text[at] ^= 1 << below(7),
            }
        }
        refused += usize::from(!refusal(folder.path(), &String::from_utf8_lossy(&text)).is_empty());
    }
    // A few of them describe models without parameters, which need no weights.
    assert!(refused > 9_900, "{refused}");
}
