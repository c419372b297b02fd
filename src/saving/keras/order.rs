//! The order that Keras gives the layers of a functional model, whatever the order in its description: groups of weights and an
//! optimizer's memory are numbered in it.

use std::collections::HashMap;

/// A call of a layer: the layer, and the places of the calls whose values it takes.
pub(super) struct Call<'c> {
    pub layer: &'c str,
    pub from: Vec<usize>,
}

/// The layers that these outputs need: those furthest from the outputs first, and at one distance as a walk from the outputs meets
/// them.
pub(super) fn order<'c>(calls: &[Call<'c>], outputs: &[usize]) -> Vec<&'c str> {
    let (mut met, mut done) = (HashMap::new(), Vec::new());
    let mut seen = vec![false; calls.len()];
    for output in outputs {
        // A call and how many of its inputs have been walked.
        let mut stack = vec![(*output, 0)];
        while let Some((call, walked)) = stack.pop() {
            if walked == 0 {
                if seen[call] {
                    continue;
                }
                seen[call] = true;
                let place = met.len();
                met.entry(calls[call].layer).or_insert(place);
            }
            match calls[call].from.get(walked) {
                Some(from) => stack.extend([(call, walked + 1), (*from, 0)]),
                None => done.push(call),
            }
        }
    }
    let mut depths = vec![0; calls.len()];
    let mut of_layer: HashMap<&str, usize> = HashMap::new();
    for call in done.into_iter().rev() {
        let depth = of_layer.entry(calls[call].layer).or_default();
        *depth = depths[call].max(*depth);
        for from in &calls[call].from {
            depths[*from] = depths[*from].max(*depth + 1);
        }
    }
    let mut layers: Vec<&str> = met.keys().copied().collect();
    layers.sort_by_key(|layer| (std::cmp::Reverse(of_layer[layer]), met[layer]));
    layers
}
