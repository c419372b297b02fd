//! Descriptions of models that nobody should have written.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use gradus::Rng;
use gradus::rand::{Rng as _, SeedableRng};

use super::allocator::peak;
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

/// Changes characters of a text: some of it is JSON afterwards.
fn damaged(text: &[u8], below: &mut impl FnMut(usize) -> usize) -> String {
    let mut text = text.to_vec();
    for _ in 0..1 + below(2) {
        let at = below(text.len());
        match below(6) {
            0 => text[at] = b"0123456789[]{},:\"-"[below(18)],
            1 => drop(text.drain(at..(at + 1 + below(8)).min(text.len()))),
            2 => {
                let part = text[at..(at + 1 + below(40)).min(text.len())].to_vec();
                text.splice(at..at, part);
            }
            // Another number where one is.
            3 | 4 => {
                let number = ["99999999999", "0", "-1", "1e9", "65536", "3"][below(6)];
                let digit = (at..text.len()).find(|at| text[*at].is_ascii_digit()).unwrap_or(at);
                text.splice(digit..=digit, number.bytes());
            }
            _ => text[at] ^= 1 << below(7),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A `.keras` file, deflated.
fn archive(path: &std::path::Path, config: &str, weights: &[u8]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in
        [("metadata.json", &b"{}"[..]), ("config.json", config.as_bytes()), ("model.weights.h5", weights)]
    {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn member(path: &std::path::Path, name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn ten_thousand_damaged_models_end() {
    let folder = tempfile::tempdir().unwrap();
    let values = Weights::open(super::folder().join("values.safetensors")).unwrap();
    let mut rng = Rng::seed_from_u64(1);
    let mut below = |end: usize| (rng.next_u64() % end as u64) as usize;
    let mut cases: Vec<_> = (0..60)
        .filter(|n| path(*n).extension().is_some_and(|extension| extension == "keras"))
        .map(|n| (member(&path(n), "config.json"), member(&path(n), "model.weights.h5"), numbers(&values, n, "input")))
        .collect();
    cases.sort_by_key(|(config, weights, _)| config.len() + weights.len());
    cases.truncate(24);
    let file = folder.path().join("model.keras");
    let [mut refused, mut answered] = [0; 2];
    for round in 0..10_000 {
        let (config, weights, inputs) = &cases[round % cases.len()];
        let config = damaged(config, &mut below);
        archive(&file, &config, weights);
        let start = Instant::now();
        let (done, peak) =
            peak(|| Any::open(&file).and_then(|model| model.forward(&Tape::inference(), inputs)).is_ok());
        if done {
            answered += 1;
        } else {
            refused += 1;
        }
        assert!(peak < 1 << 30, "{peak} bytes: {config}");
        assert!(start.elapsed().as_secs() < 20, "{:?}: {config}", start.elapsed());
    }
    assert!(refused > 5_000 && answered > 200, "{refused} refused, {answered} answered");
}

#[test]
fn what_grows_beyond_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.keras");
    let weights = folder.path().join("model.weights.h5");
    Weights::new().save(&weights).unwrap();
    let weights = std::fs::read(weights).unwrap();
    let layer = |class: &str, config: &str| {
        format!(r#"{{"module": "keras.layers", "class_name": "{class}", "config": {{"name": "{class}", {config}}}}}"#)
    };
    let up = layer("UpSampling2D", r#""size": [1000, 1000]"#);
    let images = Tensor::from_elem(vec![1, 2, 2, 1], 1.0);
    for (layers, input) in [
        (layer("RepeatVector", r#""n": 100000000000"#), Tensor::from_elem(vec![1, 3], 1.0)),
        (layer("ZeroPadding2D", r#""padding": 10000000"#), images.clone()),
        (format!("{up},{}", up.replace("\"UpSampling2D\", \"size", "\"again\", \"size")), images.clone()),
        (layer("Resizing", r#""height": 1000000, "width": 1000000"#), images.clone()),
        (layer("CenterCrop", r#""height": 1000000, "width": 1000000"#), images.clone()),
        (layer("Reshape", r#""target_shape": [4, 1000000000000]"#), images),
    ] {
        let config = format!(r#"{{"class_name": "Sequential", "config": {{"layers": [{layers}]}}}}"#);
        archive(&file, &config, &weights);
        let (done, peak) = peak(|| {
            gradus::open(&file)
                .and_then(|model| model.forward(&Tape::inference().input(input)).map(|y| y.shape().to_vec()))
        });
        assert!(done.is_err() && peak < 1 << 30, "{peak} {done:?}: {config}");
    }
}

#[test]
fn recurrences_in_each_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut layer = r#"{"class_name": "LSTM", "config": {"units": 2}}"#.to_owned();
    for _ in 0..50 {
        layer = format!(r#"{{"class_name": "Bidirectional", "config": {{"layer": {layer}, "merge_mode": "concat"}}}}"#);
    }
    let text = format!(r#"{{"class_name": "Sequential", "config": [{layer}]}}"#);
    let message = refusal(folder.path(), &text);
    assert!(message.contains("`Bidirectional` in another") || message.contains("recursion limit"), "{message}");
}

#[test]
fn zip_bombs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.keras");
    let (config, weights) = (member(&path(0), "config.json"), member(&path(0), "model.weights.h5"));
    // 300 MB of zeros in 300 kB.
    archive(&file, &String::from_utf8(config).unwrap(), &[weights, vec![0; 300_000_000]].concat());
    let size = std::fs::metadata(&file).unwrap().len() as usize;
    let (_, peak) = peak(|| gradus::open(&file).map(|_| ()));
    assert!(size < 400_000 && peak < 1100 * size, "{peak} bytes for {size}");
    // A member that says it is larger than what it can unpack to.
    let mut bytes = std::fs::read(&file).unwrap();
    let mark = bytes.windows(4).rposition(|part| part == b"PK\x01\x02").unwrap();
    bytes[mark + 24..mark + 28].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let (error, peak) = self::peak(|| gradus::open(&file).map(|_| ()).unwrap_err().to_string());
    assert!(error.contains("which they cannot") && peak < 50_000_000, "{peak} {error}");
}
