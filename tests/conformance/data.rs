//! Preprocessing: what is fitted on data, words, padding.

use gradus::data::Inputs;
use gradus::prelude::*;
use gradus::preprocessing::{PaddedSequences, TextVectorization};

use super::Check;
use super::build::Built;
use super::fixture::{Case, list, sizes, text};
use super::run::{WeightedSum, compare, reason};

/// The layer after it has seen data.
pub fn normalization(case: &Case) -> Built<Vec<Check>> {
    let data = case.tensor("data");
    let layer = Normalization::new();
    layer.adapt(&(&data, ndarray::Array1::<u8>::zeros(data.shape()[0]))).map_err(reason)?;
    let tape = Tape::training();
    let x = tape.variable(case.tensor("x"));
    let y = layer.forward(&x).map_err(reason)?;
    let gradients = tape.apply(WeightedSum(case.tensor("dy")), &[&y]).backward().map_err(reason)?;
    let mut checks = vec![compare("y", y.value(), case)];
    checks.push(compare("dx", gradients.of(&x).ok_or("no gradient of the input")?, case));
    for (name, param) in layer.parameters() {
        checks.push(compare(&name, &param.value().ok_or("no value")?, case));
    }
    Ok(checks)
}

/// Sequences and vectors of new texts.
pub fn vectorization(case: &Case) -> Built<Vec<Check>> {
    let texts = |key: &str| list(&case.settings[key]).iter().map(text).collect::<Vec<_>>();
    let setting = |key: &str| case.settings[key].as_u64().unwrap_or(0) as usize;
    let mut layer = TextVectorization::new().ngrams(setting("ngrams"));
    if setting("max_tokens") > 0 {
        layer = layer.max_tokens(setting("max_tokens"));
    }
    layer.adapt(texts("texts")).map_err(reason)?;
    if layer.vocabulary() != texts("vocabulary") {
        return Err(format!("the vocabulary is {:?}", layer.vocabulary()));
    }
    let new = texts("new");
    let all: Vec<usize> = (0..new.len()).collect();
    let sequences = layer.sequences(&new).map_err(reason)?.gather(&all).map_err(reason)?;
    let vectors = [("count", layer.count(&new)), ("multi_hot", layer.multi_hot(&new)), ("tf_idf", layer.tf_idf(&new))];
    let mut checks = vec![compare("sequences", &sequences[0], case)];
    for (name, vectors) in vectors {
        checks.push(compare(name, &vectors.map_err(reason)?.into_tensor(), case));
    }
    Ok(checks)
}

/// Sequences of unequal length.
pub fn padding(case: &Case) -> Built<Vec<Check>> {
    let tokens = |sequence| sizes(sequence).iter().map(|token| *token as u32).collect::<Vec<_>>();
    let sequences: Vec<Vec<u32>> = list(&case.settings["sequences"]).iter().map(tokens).collect();
    let all: Vec<usize> = (0..sequences.len()).collect();
    let mut padded = PaddedSequences::new(sequences).map_err(reason)?.left(case.settings["left"] == true);
    if let Some(length) = case.settings["length"].as_u64().filter(|length| *length > 0) {
        padded = padded.length(length as usize);
    }
    Ok(vec![compare("y", &padded.gather(&all).map_err(reason)?[0], case)])
}
