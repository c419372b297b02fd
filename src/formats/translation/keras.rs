//! What Keras calls the parameters of our layers.

use std::collections::HashMap;

use super::Group;
use super::layout::Layout;
use crate::autograd::Listed;

/// Layers of ours whose class in Keras has another name in files.
const CLASSES: &[(&str, &str)] = &[
    ("batch_norm", "batch_normalization"),
    ("layer_norm", "layer_normalization"),
    ("rms_norm", "rms_normalization"),
    ("group_norm", "group_normalization"),
    ("p_relu", "p_re_lu"),
    ("conv_transpose1d", "conv1d_transpose"),
    ("conv_transpose2d", "conv2d_transpose"),
    ("conv_transpose3d", "conv3d_transpose"),
    ("cross_attention", "multi_head_attention"),
    ("graph", "functional"),
];

/// Where a layer of ours has another one inside: its kind, our name of that and Keras'.
const INSIDE: &[(&str, &str, &str)] = &[
    ("Bidirectional", "forward", "forward_layer"),
    ("Bidirectional", "backward", "backward_layer"),
    ("MultiHeadAttention", "query", "query_dense"),
    ("MultiHeadAttention", "key", "key_dense"),
    ("MultiHeadAttention", "value", "value_dense"),
    ("MultiHeadAttention", "output", "output_dense"),
];

/// What is known of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The name of each parameter's tensor, by its path, if a description says it.
    pub names: Option<HashMap<String, String>>,
    /// How many heads the projections of attentions have, by their paths; these are an axis in Keras' kernels.
    pub heads: HashMap<String, usize>,
}

/// Which tensors hold which parameters. `has` says which names the file has.
pub(super) fn plan(listed: &[Listed], known: &Known, has: &dyn Fn(&str) -> bool) -> Vec<Group> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut plan = Vec::with_capacity(listed.len());
    for (i, listed) in listed.iter().enumerate() {
        let name = match &known.names {
            Some(names) => names.get(&listed.path).cloned().unwrap_or_else(|| listed.path.clone()),
            None => {
                let (group, old) = names(listed);
                let count = counts.entry(group.clone()).or_default();
                *count += 1;
                let name = format!("{group}/vars/{}", *count - 1);
                if !has(&name) && has(&old) { old } else { name }
            }
        };
        let part = listed.steps().find(|(kind, _)| *kind == "MultiHeadAttention").map(|(_, part)| part);
        let heads = listed.path.rsplit_once('.').and_then(|(layer, _)| known.heads.get(layer)).copied().unwrap_or(0);
        let layout = part.map_or(Layout::Same, |part| Layout::Heads { heads, is_output: part == "output" });
        plan.push(Group::new(vec![name], i, layout));
    }
    plan
}

/// The group of a parameter in a file of Keras 3, and its name in an older one.
fn names(listed: &Listed) -> (String, String) {
    let (mut group, mut old) = (Vec::new(), Vec::new());
    let kinds = listed.kinds();
    for (i, (kind, name)) in kinds.iter().enumerate() {
        let is_last = i + 1 == kinds.len();
        match *kind {
            "TimeDistributed" => group.push("layer".to_owned()),
            "Lstm" | "Gru" | "SimpleRnn" if is_last => group.push("cell".into()),
            "Sequential" | "Graph" if !is_last => group.push("layers".into()),
            _ => {}
        }
        if name.is_empty() {
            continue;
        }
        let inside = INSIDE.iter().find(|(outer, ours, _)| outer == kind && ours == name);
        let theirs = inside.map_or_else(|| in_keras(name), |(.., theirs)| (*theirs).into());
        if !is_last {
            group.push(theirs.clone());
        }
        old.push(if is_last { (*name).to_owned() } else { theirs });
    }
    (group.join("/"), old.join("/"))
}

/// A name that we make of a kind as Keras makes it of the class.
fn in_keras(name: &str) -> String {
    let number = name.rsplit_once('_').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let base = number.map_or(name, |(base, _)| base);
    let known = CLASSES.iter().find(|(ours, _)| *ours == base);
    known.map_or_else(|| name.into(), |(_, theirs)| format!("{theirs}{}", &name[base.len()..]))
}

/// A name of an older file without what says nothing: `model_weights/lstm/lstm/lstm_cell/kernel:0` is `lstm/kernel`.
pub(super) fn canonical(name: &str) -> String {
    // Names in an optimizer's memory hold those of cells.
    if name.contains("/vars/") || name.starts_with("optimizer") {
        return name.into();
    }
    let name = name.strip_prefix("model_weights/").unwrap_or(name);
    let name = name.strip_suffix(":0").unwrap_or(name);
    // Keras 3 has the names of models between: `dense/sequential/dense/kernel`.
    let all: Vec<&str> = name.split('/').collect();
    let start = all.iter().rposition(|part| *part == all[0]).unwrap_or(0);
    let mut parts: Vec<&str> = Vec::new();
    for &part in &all[start..] {
        let part = match part.split_once('_') {
            Some(("forward", _)) => "forward_layer",
            Some(("backward", _)) => "backward_layer",
            _ => part,
        };
        if parts.last() != Some(&part) && !part.contains("_cell") {
            parts.push(part);
        }
    }
    parts.join("/")
}
