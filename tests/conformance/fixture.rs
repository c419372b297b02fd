//! Reads the files that the scripts in `tests/fixtures` write; `fixture.py` describes them.

use std::collections::BTreeMap;

use gradus::{Tensor, ndarray::ArcArray};
use safetensors::SafeTensors;
use serde_json::Value;

pub struct Fixture {
    pub framework: String,
    pub versions: String,
    pub cases: Vec<Case>,
}

/// A case: its settings, and its tensors in gradus' layouts.
pub struct Case {
    pub name: String,
    pub settings: Value,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Fixture {
    pub fn read(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        let head = &metadata.metadata().as_ref().expect("metadata")["fixture"];
        let head: Value = serde_json::from_str(head).expect("JSON");
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let cases = list(&head["cases"]).iter().map(|settings| Case::new(settings, &file)).collect();
        Self { framework: text(&head["framework"]).into(), versions: head["versions"].to_string(), cases }
    }
}

impl Case {
    fn new(settings: &Value, file: &SafeTensors) -> Self {
        let name = text(&settings["name"]).to_owned();
        let numbers = file.tensor(&name).expect("the case's tensor");
        let numbers =
            numbers.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("4 bytes")));
        let mut numbers = numbers.collect::<Vec<_>>().into_iter();
        let mut tensors = BTreeMap::new();
        for tensor in list(&settings["tensors"]) {
            // Name and sizes; `sizes` passes over the name.
            let shape = sizes(tensor);
            let values: Vec<f32> = numbers.by_ref().take(shape.iter().product()).collect();
            tensors.insert(text(&tensor[0]).to_owned(), (shape, values));
        }
        assert_eq!(numbers.len(), 0, "{name}: numbers left over");
        Self { name, settings: settings.clone(), tensors }
    }

    pub fn kind(&self) -> &str {
        text(&self.settings["kind"])
    }

    pub fn shape(&self, key: &str) -> Option<&[usize]> {
        self.tensors.get(key).map(|(shape, _)| shape.as_slice())
    }

    pub fn numbers(&self, key: &str) -> &[f32] {
        let (_, numbers) = self.tensors.get(key).unwrap_or_else(|| panic!("{}: no tensor `{key}`", self.name));
        numbers
    }

    pub fn tensor(&self, key: &str) -> Tensor {
        let shape = self.shape(key).unwrap_or_else(|| panic!("{}: no tensor `{key}`", self.name));
        ArcArray::from_shape_vec(shape, self.numbers(key).to_vec()).expect("as many numbers as the shape says")
    }

    /// The names of the tensors under a prefix such as `param/`, without it.
    pub fn under(&self, prefix: &str) -> Vec<&str> {
        self.tensors.keys().filter_map(|key| key.strip_prefix(prefix)).collect()
    }

    /// Why a tensor must not agree, if it must not.
    pub fn differs(&self, what: &str) -> Option<&str> {
        self.settings["differs"][what].as_str()
    }

    /// A setting that is a number, or its default.
    pub fn number(&self, key: &str, default: f32) -> f32 {
        number(&self.settings[key], default)
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub fn number(value: &Value, default: f32) -> f32 {
    value.as_f64().map_or(default, |number| number as f32)
}

pub fn numbers(value: &Value) -> Vec<f32> {
    list(value).iter().filter_map(Value::as_f64).map(|number| number as f32).collect()
}

pub fn sizes(value: &Value) -> Vec<usize> {
    list(value).iter().filter_map(Value::as_u64).map(|size| size as usize).collect()
}
