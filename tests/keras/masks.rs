//! What becomes of masks in models that are written for Keras; `.ci/keras` compares with what Keras computes.

use gradus::layers::{
    Add, Average, AvgPool1d, Concatenate, Crop1d, Maximum, Minimum, Multiply, Permute, Recurrent, Reshape, Subtract,
    TimeDistributed, UpSample1d, ZeroPad1d,
};
use gradus::saving::Keras;

use super::out::write_graph;
use super::*;

/// Ids of sequences that end early.
fn ids() -> Tensor {
    Tensor::from_shape_fn(
        vec![3, 6],
        |i| if i[1] < 6 - 2 * i[0] { ((i[0] * 5 + i[1] * 3) % 8 + 1) as Float } else { 0.0 },
    )
}

fn embedded(graph: Graph) -> Graph {
    graph.add("words", Embedding::new(10, 4).mask_zero(true), "ids").add("others", Embedding::new(10, 4), "ids")
}

#[test]
fn layers_after_a_mask_compute_as_in_keras() {
    let layers: Vec<(&str, bool, Box<dyn Layer>)> = vec![
        ("max", false, Box::new(GlobalMaxPool1d)),
        ("mean", false, Box::new(GlobalAvgPool1d)),
        ("max_pool", true, Box::new(MaxPool1d::new(2))),
        ("mean_pool", true, Box::new(AvgPool1d::new(2))),
        ("convolution", true, Box::new(Conv1d::new(3, 2))),
        ("flatten", false, Box::new(Flatten)),
        ("permute", true, Box::new(Permute::new([2, 1]))),
        ("reshape", true, Box::new(Reshape::new([12, 2]))),
        ("crop", true, Box::new(Crop1d::new(1))),
        ("pad", true, Box::new(ZeroPad1d::new(1))),
        ("enlarged", true, Box::new(UpSample1d::new(2))),
        ("norm", true, Box::new(LayerNorm::new())),
        ("dense", true, Box::new(Dense::new(3).activation(Tanh))),
        ("time", true, Box::new(TimeDistributed::new(Dense::new(3)))),
        ("both", true, Box::new(Bidirectional::new(|| Gru::new(2).return_sequences(true)))),
        ("steps", true, Box::new(SimpleRnn::new(3).return_sequences(true))),
    ];
    for (name, has_steps, layer) in layers {
        let graph = embedded(Graph::new("ids")).add("layer", layer, "words");
        // Where there still are steps, the mask shows in what follows.
        let graph = match has_steps {
            true => graph.add("last", Lstm::new(2), "layer").outputs(["layer", "last"]),
            false => graph.outputs("layer"),
        };
        write_graph(&graph, &format!("mask_{name}"), ids());
    }
}

#[test]
fn merged_masks_are_those_of_keras() {
    for (kind, other) in [("same", "more"), ("different", "later"), ("one", "others")] {
        // Other steps are left out of `later` than of `words`.
        let graph = || {
            embedded(Graph::new("ids"))
                .add("more", Dense::new(4), "words")
                .add("column", Reshape::new([6, 1]), "ids")
                .add("without_3", Masking::new(3.0), "column")
                .add("later", Dense::new(4), "without_3")
        };
        let from = ["words", other];
        let merged: Vec<(&str, Graph)> = vec![
            ("add", graph().add("y", Add, from)),
            ("subtract", graph().add("y", Subtract, from)),
            ("multiply", graph().add("y", Multiply, from)),
            ("average", graph().add("y", Average, from)),
            ("maximum", graph().add("y", Maximum, from)),
            ("minimum", graph().add("y", Minimum, from)),
            ("concatenate", graph().add("y", Concatenate::default(), from)),
            ("in_time", graph().add("y", Concatenate::new(1), from)),
        ];
        for (name, graph) in merged {
            let graph = graph.add("last", Lstm::new(2), "y").outputs("last");
            write_graph(&graph, &format!("merged_{kind}_{name}"), ids());
        }
    }
}

#[test]
fn a_mask_beside_first_states_is_refused() {
    let graph = |words: &str| -> Graph {
        embedded(Graph::new("ids"))
            .add("first", Gru::new(3), words)
            .add("scaled", Dense::new(4), words)
            .add("decoder", Gru::new(3).with_state(), ["scaled", "first"])
            .outputs(["decoder.0"])
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let save = |graph: &Graph| {
        graph.forward(&vec![Tape::inference().input(ids())]).unwrap();
        Keras::new().input([6]).save(graph, &path)
    };
    let message = save(&graph("words")).unwrap_err().to_string();
    assert!(message.contains("`decoder`") && message.contains("which Keras forgets there; take"), "{message}");
    // Without a mask there is nothing to forget.
    save(&graph("others")).unwrap();
    let graph: Graph = Graph::new("ids").add("inner", graph("others"), "ids").outputs("inner.decoder.0");
    save(&graph).unwrap();
}
