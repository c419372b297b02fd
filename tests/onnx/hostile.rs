//! Models that nobody should have written: an error or a right answer, in little time and memory.

use std::path::Path;
use std::time::{Duration, Instant};

use gradus::Rng;
use gradus::ndarray::{Array4, arr2};
use gradus::onnx::Onnx;
use gradus::prelude::*;
use gradus::rand::{Rng as _, SeedableRng};
use gradus::saving::Weights;
use prost::Message;

use crate::allocator::peak;
use crate::importer::{floats, ints, model, network, node, perceptron};
use crate::proto::*;

/// Opens a model, which must take at most this much memory beyond its size, and not long.
fn open(model: &ModelProto) -> Result<Onnx<Var, Var>, String> {
    let bytes = model.encode_to_vec();
    let start = Instant::now();
    let (opened, peak) = peak(|| Onnx::from_bytes(&bytes).map_err(|error| error.to_string()));
    assert!(peak < 300_000_000 + 64 * bytes.len(), "{peak} bytes for {}", bytes.len());
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    opened
}

/// Adds what a chain of nodes computes from constants to the input.
fn bomb(mut nodes: Vec<NodeProto>, weights: Vec<TensorProto>) -> ModelProto {
    nodes.push(node("Add", &["x", "big"], "y", &[]));
    model(nodes, weights, &["x"], "y")
}

/// Predicts, and returns what is said against it.
fn refusal(model: &ModelProto) -> String {
    let x = arr2(&[[1.0, 2.0, 3.0]]);
    open(model)
        .and_then(|model| model.predict(&x).map_err(|error| error.to_string()))
        .map_or_else(|e| e, |_| String::new())
}

#[test]
fn shapes_that_no_memory_holds_are_refused() {
    let huge = || ints("shape", &[1 << 20, 1 << 20]);
    let one = || floats("one", &[1, 1], |_| 1.0);
    let number = |name: &str, n: i64| TensorProto { dims: vec![], ..ints(name, &[n]) };
    let line = || floats("line", &[1 << 16, 1], |_| 1.0);
    for (nodes, weights) in [
        (vec![node("ConstantOfShape", &["shape"], "big", &[])], vec![huge()]),
        (vec![node("Expand", &["one", "shape"], "big", &[])], vec![huge(), one()]),
        (vec![node("Tile", &["one", "shape"], "big", &[])], vec![huge(), one()]),
        (vec![node("Pad", &["one", "shape"], "big", &[])], vec![ints("shape", &[0, 0, 1 << 20, 1 << 20]), one()]),
        (
            vec![node("Range", &["zero", "end", "step"], "big", &[])],
            vec![number("zero", 0), number("end", 1 << 40), number("step", 1)],
        ),
        (
            vec![node("OneHot", &["place", "depth", "values"], "big", &[])],
            vec![number("place", 0), number("depth", 1 << 40), ints("values", &[0, 1])],
        ),
        (vec![node("CenterCropPad", &["one", "shape"], "big", &[])], vec![huge(), one()]),
        (vec![node("HannWindow", &["size"], "big", &[])], vec![number("size", 1 << 40)]),
        (
            vec![node("Transpose", &["line"], "row", &[("perm", &[1, 0])]), node("Mul", &["line", "row"], "big", &[])],
            vec![line()],
        ),
        (
            vec![
                node("Transpose", &["line"], "row", &[("perm", &[1, 0])]),
                node("MatMul", &["line", "row"], "big", &[]),
            ],
            vec![line()],
        ),
        (doubled(5), vec![line()]),
    ] {
        let error = refusal(&bomb(nodes, weights));
        assert!(error.contains("expected at most") || error.contains("expected lengths"), "{error}");
    }
    let error = refusal(&model(vec![node("Reshape", &["x", "shape"], "y", &[])], vec![huge()], &["x"], "y"));
    assert!(error.contains("cannot reshape") || error.contains("expected"), "{error}");
    let many = TensorProto { dims: vec![1; 1000], ..floats("w", &[1], |_| 1.0) };
    let error = refusal(&model(vec![node("Add", &["x", "w"], "y", &[])], vec![many], &["x"], "y"));
    assert!(error.contains("expected at most 32 axes, got 1000"), "{error}");
}

/// A line, 64 times longer with each node.
fn doubled(count: usize) -> Vec<NodeProto> {
    let name = |i: usize| match i {
        0 => "line".to_owned(),
        i if i == count => "big".into(),
        i => format!("line{i}"),
    };
    (0..count).map(|i| node("Concat", &vec![name(i).as_str(); 64], &name(i + 1), &[("axis", &[0])])).collect()
}

#[test]
fn many_values_are_not_computed_before_anybody_asks_for_them() {
    // 1,000 products of 2,048 by 2,048, all of constants, and 2,000 constants of four million numbers.
    let mut nodes = vec![node("ConstantOfShape", &["shape"], "v0", &[])];
    for i in 0..1000 {
        let [from, to] = [format!("v{i}"), format!("v{}", i + 1)];
        nodes.push(node("MatMul", &[&from, &from], &to, &[]));
    }
    nodes.push(node("Identity", &["x"], "y", &[]));
    open(&model(nodes, vec![ints("shape", &[2048, 2048])], &["x"], "y")).unwrap();
    let mut nodes: Vec<NodeProto> = Vec::new();
    for i in 0..2000 {
        nodes.push(node("ConstantOfShape", &["shape"], &format!("v{i}"), &[]));
    }
    nodes.push(node("Identity", &["x"], "y", &[]));
    open(&model(nodes, vec![ints("shape", &[1 << 22])], &["x"], "y")).unwrap();
}

fn graph(node: Vec<NodeProto>, inputs: &[&str], outputs: &[&str]) -> GraphProto {
    let info = |name: &&str| ValueInfo { name: (*name).into(), r#type: None };
    let (input, output) = (inputs.iter().map(info).collect(), outputs.iter().map(info).collect());
    GraphProto { node, input, output, ..GraphProto::default() }
}

fn with_graph(mut node: NodeProto, name: &str, graph: GraphProto) -> NodeProto {
    node.attribute.push(Attribute { name: name.into(), g: Some(graph), ..Attribute::default() });
    node
}

#[test]
fn loops_in_loops_end() {
    let scalar = |name: &str, n: i64| TensorProto { dims: vec![], ..ints(name, &[n]) };
    let mut body = vec![node("Add", &["s", "s"], "t", &[]), node("Identity", &["c"], "d", &[])];
    for depth in 0..4 {
        let inner = graph(body, &["i", "c", "s"], &["d", "t"]);
        let repeated = with_graph(node("Loop", &["many", "yes", "big"], &format!("l{depth}"), &[]), "body", inner);
        let out = format!("l{depth}");
        body = vec![repeated, node("Identity", &[&out], "t", &[]), node("Identity", &["c"], "d", &[])];
    }
    let outer = with_graph(
        node("Loop", &["many", "yes", "big"], "result", &[]),
        "body",
        graph(body, &["i", "c", "s"], &["d", "t"]),
    );
    let weights = || vec![scalar("many", 1 << 40), scalar("yes", 1), scalar("big", 1)];
    for start in ["big", "x"] {
        let mut outer = outer.clone();
        outer.input[2] = start.into();
        let model = model(vec![outer, node("Add", &["x", "result"], "y", &[])], weights(), &["x"], "y");
        let error = refusal(&model);
        assert!(error.contains("loops and branches that run more than 2^20 nodes"), "{error}");
    }
}

#[test]
fn graphs_in_graphs_end() {
    let mut inner = vec![node("Identity", &["x"], "v", &[])];
    for _ in 0..24 {
        let branch = || graph(inner.clone(), &[], &["v"]);
        let choice = with_graph(node("If", &["x"], "v", &[]), "then_branch", branch());
        inner = vec![with_graph(choice, "else_branch", graph(vec![node("Identity", &["x"], "v", &[])], &[], &["v"]))];
    }
    inner.push(node("Identity", &["v"], "y", &[]));
    assert!(refusal(&model(inner, vec![], &["x"], "y")).contains("more than 16 graphs in each other"));
    // Deeper than any stack.
    let mut bytes = GraphProto::default().encode_to_vec();
    let field = |number: u8, bytes: &[u8]| {
        let mut all = vec![number << 3 | 2];
        prost::encoding::encode_varint(bytes.len() as u64, &mut all);
        [&all, bytes].concat()
    };
    for _ in 0..3000 {
        bytes = field(1, &field(5, &field(6, &bytes)));
    }
    let error = Onnx::<Var, Var>::from_bytes(&field(7, &bytes)).unwrap_err().to_string();
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn circles_and_values_that_are_given_twice_are_refused() {
    let circle =
        vec![node("Add", &["x", "b"], "a", &[]), node("Add", &["x", "a"], "b", &[]), node("Relu", &["b"], "y", &[])];
    assert_eq!(
        open(&model(circle, vec![], &["x"], "y")).unwrap_err(),
        "layer `a (Add)`: no node before gives the value `b`"
    );
    let own = vec![node("Add", &["x", "y"], "y", &[])];
    assert!(open(&model(own, vec![], &["x"], "y")).unwrap_err().contains("no node before gives the value `y`"));
    let twice = vec![node("Relu", &["x"], "y", &[]), node("Neg", &["x"], "y", &[])];
    assert!(open(&model(twice, vec![], &["x"], "y")).unwrap_err().contains("the value `y` is given twice"));
    let weights = || vec![floats("w", &[3], |_| 1.0), floats("w", &[3], |_| 2.0)];
    let sum = vec![node("Add", &["x", "w"], "y", &[])];
    assert!(open(&model(sum, weights(), &["x"], "y")).unwrap_err().contains("the value `w` is given twice"));
    let lost = open(&model(vec![node("Relu", &["x"], "z", &[])], vec![], &["x"], "y")).unwrap_err();
    assert_eq!(lost, "no node before gives the value `y`");
}

#[test]
fn branches_with_values_of_one_name_stay_apart() {
    let branch = |name: &str, op: &str| {
        let mut inner = graph(vec![node(op, &["x", "w"], name, &[])], &[], &[name]);
        inner.initializer = vec![floats("w", &[1], |_| if op == "Mul" { 2.0 } else { 10.0 })];
        inner
    };
    let choice = |op: &str, output: &str| {
        let with = with_graph(node("If", &["yes"], output, &[]), "then_branch", branch("v", op));
        with_graph(with, "else_branch", branch("v", "Sub"))
    };
    let yes = TensorProto { data_type: 9, int64_data: vec![], int32_data: vec![1], dims: vec![], ..ints("yes", &[1]) };
    let nodes = vec![choice("Mul", "a"), choice("Add", "b"), node("Sub", &["b", "a"], "y", &[])];
    let onnx = open(&model(nodes, vec![yes], &["x"], "y")).unwrap();
    assert_eq!(onnx.predict(&arr2(&[[1.0, 4.0]])).unwrap(), arr2(&[[9.0, 6.0]]).into_dyn());
}

#[test]
fn the_same_bytes_as_many_tensors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), vec![0; 1 << 20]).unwrap();
    let weights = (0..10_000).map(|i| TensorProto {
        raw_data: Vec::new(),
        data_location: 1,
        external_data: vec![Entry { key: "location".into(), value: "data".into() }],
        dims: vec![1 << 18],
        ..floats(&format!("w{i}"), &[0], |_| 0.0)
    });
    let path = folder.path().join("model.onnx");
    let model = model(vec![node("Relu", &["x"], "y", &[])], weights.collect(), &["x"], "y");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let error = Onnx::<Var, Var>::open(&path).unwrap_err().to_string();
    assert!(error.contains("has tensors in `data` of more than four times its bytes"), "{error}");
}

#[test]
fn large_batches_of_images_are_not_taken_for_bombs() {
    let nodes = vec![node("Conv", &["x", "w"], "y", &[("strides", &[16, 16])])];
    let onnx = open(&model(nodes, vec![floats("w", &[64, 1, 1, 1], |_| 1.0)], &["x"], "y")).unwrap();
    let y = onnx.forward(&Tape::inference().input(Array4::<Float>::ones((64, 1, 224, 224)))).unwrap();
    assert_eq!(y.value().shape(), [64, 64, 14, 14]);
}

/// Numbers that lengths, axes and counts should not be.
const ODD: [i64; 10] = [0, -1, 1, 2, 3, 7, 1 << 16, 1 << 31, i64::MIN, i64::MAX];

/// Changes something that a model means.
fn change(model: &mut ModelProto, ops: &[String], below: &mut impl FnMut(usize) -> usize) {
    let Some(graph) = model.graph.as_mut() else { return };
    let names: Vec<String> = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter().chain(&node.output))
        .chain(graph.initializer.iter().map(|proto| &proto.name))
        .cloned()
        .collect();
    let count = graph.node.len().max(1);
    let tensors = graph.initializer.len().max(1);
    match (below(9), graph.node.get_mut(below(count))) {
        (0, Some(node)) => node.op_type = ops[below(ops.len())].clone(),
        (1, Some(node)) if !node.input.is_empty() => {
            let place = below(node.input.len());
            node.input[place] = names[below(names.len())].clone();
        }
        (2, Some(node)) => node.input.push(names[below(names.len())].clone()),
        (3, Some(node)) => drop(node.input.pop()),
        (4 | 5, Some(node)) if !node.attribute.is_empty() => {
            let place = below(node.attribute.len());
            let attribute = &mut node.attribute[place];
            let number = ODD[below(ODD.len())];
            attribute.i = number;
            match below(3) {
                0 => attribute.ints.push(number),
                1 => drop(attribute.ints.pop()),
                _ => attribute.ints.iter_mut().for_each(|own| *own = number),
            }
        }
        (6, _) if !graph.initializer.is_empty() => {
            let proto = &mut graph.initializer[below(tensors)];
            let places = proto.dims.len();
            match below(3) {
                0 => proto.dims.push(1),
                1 if places > 0 => proto.dims.swap(0, places - 1),
                _ => proto.dims.iter_mut().take(1).for_each(|len| *len = ODD[below(ODD.len())]),
            }
        }
        (7, _) if !graph.initializer.is_empty() => {
            let proto = &mut graph.initializer[below(tensors)];
            let number = ODD[below(ODD.len())];
            proto.int64_data.iter_mut().for_each(|own| *own = number);
            if proto.data_type == 7 {
                proto.raw_data = proto.raw_data.chunks(8).flat_map(|_| number.to_le_bytes()).collect();
            }
        }
        _ => graph.node.rotate_left(1.min(count - 1)),
    }
}

/// Damages models, and opens and runs them. Returns how many were refused and how many gave an answer.
pub(crate) fn survive(models: &[(Vec<u8>, Vec<Tensor>)], rounds: usize) -> [usize; 2] {
    let mut rng = Rng::seed_from_u64(models.len() as u64);
    let mut below = |end: usize| (rng.next_u64() % end.max(1) as u64) as usize;
    let decoded: Vec<ModelProto> = models.iter().map(|(bytes, _)| ModelProto::decode(&**bytes).unwrap()).collect();
    let nodes = decoded.iter().flat_map(|model| &model.graph.as_ref().unwrap().node);
    let ops: Vec<String> = nodes.map(|node| node.op_type.clone()).collect();
    let mut outcomes = [0; 2];
    for round in 0..rounds {
        let (bytes, inputs) = &models[round % models.len()];
        let damaged = if (round / models.len()).is_multiple_of(4) {
            let mut bytes = bytes.clone();
            for _ in 0..1 + below(3) {
                let at = below(bytes.len());
                match below(3) {
                    0 => bytes[at] ^= 1 << below(8),
                    1 => bytes[at] = below(256) as u8,
                    _ => bytes.truncate(at.max(1)),
                }
            }
            bytes
        } else {
            let mut model = decoded[round % models.len()].clone();
            (0..1 + below(3)).for_each(|_| change(&mut model, &ops, &mut below));
            model.encode_to_vec()
        };
        let start = Instant::now();
        let work = || {
            let onnx = Onnx::<Vec<Var>, Vec<Var>>::from_bytes(&damaged)?;
            let tape = if round % 2 == 0 { Tape::inference() } else { Tape::training() };
            let inputs: Vec<Var> = inputs.iter().map(|input| tape.input(input.clone())).collect();
            let y = onnx.forward(&inputs)?;
            y.iter().for_each(|y| drop(y.value().clone()));
            Ok::<(), Error>(())
        };
        let (done, peak) = peak(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
        let save = || {
            let path = std::env::temp_dir().join("gradus_damaged.onnx");
            std::fs::write(&path, &damaged).unwrap();
            format!("round {round}, in {}", path.display())
        };
        match done {
            Ok(done) => outcomes[usize::from(done.is_ok())] += 1,
            Err(_) => panic!("a panic in {}", save()),
        }
        assert!(peak < 3 << 30, "{peak} bytes in {}", save());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} in {}", start.elapsed(), save());
    }
    outcomes
}

#[test]
fn ten_thousand_damaged_models_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx");
    let mut models: Vec<(Vec<u8>, Vec<Tensor>)> = Vec::new();
    for name in ["rnn.script", "gru.dynamo", "lstm.script", "cnn.script", "encoder.dynamo"] {
        let bytes = std::fs::read(folder.join(format!("{name}.onnx"))).unwrap();
        let numbers = Weights::open(folder.join(name).with_extension("safetensors")).unwrap();
        models.push((bytes, vec![numbers.get("input").unwrap()]));
    }
    models.push((perceptron().encode_to_vec(), vec![Tensor::from_elem(vec![2, 3], 0.5)]));
    models.push((network().encode_to_vec(), vec![Tensor::from_elem(vec![1, 3, 6, 6], 0.5)]));
    let [refused, answered] = survive(&models, 10_000);
    assert!(refused > 2_000 && answered > 500, "{refused} refused, {answered} answered");
}
