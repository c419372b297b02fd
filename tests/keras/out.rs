//! Models that are written for Keras.

use gradus::saving::Keras;

use super::*;

fn save(model: &Any, inputs: &[Tensor], path: &std::path::Path) -> Result<()> {
    let keras = inputs.iter().fold(Keras::new(), |keras, input| keras.input(input.shape()[1..].to_vec()));
    match model {
        Any::One(model) => keras.save(model, path),
        Any::Several(model) => keras.save(model, path),
    }
}

/// Where `.ci/keras` looks for what is written, and for what it is to compute.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras_check")
}

#[test]
fn what_goes_out_comes_back() {
    let values = Weights::open(folder().join("values.safetensors")).unwrap();
    std::fs::create_dir_all(target()).unwrap();
    let mut refused = Vec::new();
    for n in 0..60 {
        let inputs = numbers(&values, n, "input");
        let model = Any::open(&path(n)).unwrap();
        let to = target().join(format!("{n:02}.keras"));
        if let Err(error) = save(&model, &inputs, &to) {
            refused.push(format!("{n}: {error}"));
            let _ = std::fs::remove_file(&to);
            continue;
        }
        let again = Any::open(&to).unwrap_or_else(|error| panic!("{n}: {error}"));
        let found = again.forward(&Tape::inference(), &inputs).unwrap_or_else(|error| panic!("{n}: {error}"));
        for (found, expected) in found.iter().zip(numbers(&values, n, "output")) {
            assert!(distance(found.value(), &expected) < 1e-5, "{n}");
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Writes a graph for Keras, and beside it what Keras is to compute.
pub fn write_graph(graph: &Graph, name: &str, input: Tensor) {
    let y = graph.forward(&vec![Tape::inference().input(&input)]).unwrap();
    std::fs::create_dir_all(target().join("graphs")).unwrap();
    let to = target().join(format!("graphs/{name}.keras"));
    Keras::new().input(input.shape()[1..].to_vec()).save(graph, &to).unwrap();
    let mut values = Weights::new();
    values.insert("input", input.clone());
    let again: Graph = Registry::default().open(&to).unwrap();
    let found = again.forward(&vec![Tape::inference().input(input)]).unwrap();
    for (i, (y, found)) in y.iter().zip(found).enumerate() {
        assert_eq!(found.value(), y.value(), "{name}");
        values.insert(format!("output.{i}"), y.value().clone());
    }
    values.save(to.with_extension("safetensors")).unwrap();
}

#[test]
fn layers_are_numbered_in_the_order_that_keras_gives_them() {
    let input = Tensor::from_shape_fn(vec![3, 4], |i| (i[0] as Float - i[1] as Float) / 3.0);
    let dense = || Dense::new(4).activation(Tanh);
    let graph: Graph = Graph::new("x")
        .add("a", dense(), "x")
        .add("b", dense(), "x")
        .add("unused", dense(), "x")
        .add("far", dense(), "a")
        .add("joined", gradus::layers::Concatenate::default(), ["b", "far", "a"])
        .share("again", "b", "far")
        .add("y", Dense::new(2), "joined")
        .outputs(["again", "y"]);
    write_graph(&graph, "order", input);
}

#[test]
fn graphs_in_graphs_are_written_with_all_their_outputs() {
    let input = Tensor::from_shape_fn(vec![3, 5, 4], |i| (i[0] as Float - i[2] as Float + i[1] as Float) / 3.0);
    let pair: Graph = Graph::new(["p", "q"])
        .add("left", Dense::new(3).activation(Tanh), "p")
        .add("right", Dense::new(3).activation(Relu), "q")
        .add("sum", gradus::layers::Add, ["left", "right"])
        .outputs(["right", "sum"]);
    let deep: Graph = Graph::new("z").add("inner", Lstm::new(3).return_sequences(true), "z").outputs("inner");
    let graph: Graph = Graph::new("x")
        .add("first", Dense::new(4), "x")
        .add("pair", pair, ["x", "first"])
        .add("wrapped", Sequential::new().add(Dense::new(3)).add(deep.typed::<Var, Var>()), "pair.sum")
        .outputs(["pair.right", "wrapped"]);
    write_graph(&graph, "nested", input);
}
