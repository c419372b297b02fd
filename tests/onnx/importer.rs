//! Models that are written here by hand, message by message.

use std::path::Path;

use gradus::config::Registry;
use gradus::layers::Vars;
use gradus::ndarray::{Array2, Array4, ArrayD, arr2, array};
use gradus::onnx::Onnx;
use gradus::prelude::*;
use gradus::saving::Weights;
use prost::Message;

use crate::proto::*;

pub(crate) fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) -> NodeProto {
    let attribute = attributes.iter().map(|(name, numbers)| Attribute {
        name: (*name).into(),
        i: numbers[0],
        ints: numbers.to_vec(),
        r#type: if numbers.len() == 1 { 2 } else { 7 },
        ..Attribute::default()
    });
    NodeProto {
        op_type: op.into(),
        input: inputs.iter().map(|name| (*name).into()).collect(),
        output: vec![output.into()],
        attribute: attribute.collect(),
        ..NodeProto::default()
    }
}

pub(crate) fn floats(name: &str, dims: &[i64], number: impl Fn(usize) -> f32) -> TensorProto {
    let count = dims.iter().product::<i64>() as usize;
    let raw_data = (0..count).flat_map(|i| number(i).to_le_bytes()).collect();
    TensorProto { name: name.into(), dims: dims.into(), data_type: 1, raw_data, ..TensorProto::default() }
}

pub(crate) fn ints(name: &str, numbers: &[i64]) -> TensorProto {
    let dims = vec![numbers.len() as i64];
    TensorProto { name: name.into(), dims, data_type: 7, int64_data: numbers.into(), ..TensorProto::default() }
}

pub(crate) fn model(node: Vec<NodeProto>, initializer: Vec<TensorProto>, inputs: &[&str], output: &str) -> ModelProto {
    let info = |name: &str| {
        let tensor = Some(TensorType { elem_type: 1, shape: None });
        ValueInfo { name: name.into(), r#type: Some(Type { tensor, ..Type::default() }) }
    };
    let input = inputs.iter().map(|name| info(name)).collect();
    let graph = GraphProto { node, name: "graph".into(), initializer, input, output: vec![info(output)] };
    let opset_import = vec![OperatorSet { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, graph: Some(graph), opset_import, ..ModelProto::default() }
}

/// Two dense layers as PyTorch writes them, with the bias of the second one as a node of its own.
pub(crate) fn perceptron() -> ModelProto {
    let nodes = vec![
        node("Gemm", &["x", "a.weight", "a.bias"], "h", &[("transB", &[1])]),
        node("Relu", &["h"], "r", &[]),
        node("MatMul", &["r", "b.weight"], "m", &[]),
        node("Add", &["m", "b.bias"], "y", &[]),
    ];
    let weights = vec![
        floats("a.weight", &[4, 3], |i| (i as f32 - 5.0) / 7.0),
        floats("a.bias", &[4], |i| i as f32 / 3.0),
        floats("b.weight", &[4, 2], |i| (3.0 - i as f32) / 5.0),
        floats("b.bias", &[2], |i| i as f32),
    ];
    model(nodes, weights, &["x"], "y")
}

pub(crate) fn read<X: Vars, Y: Vars>(model: &ModelProto) -> Result<Onnx<X, Y>> {
    Onnx::from_bytes(&model.encode_to_vec())
}

pub(crate) fn assert_near(got: &Tensor, want: &Tensor) {
    assert_eq!(got.shape(), want.shape());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-5 + 1e-4 * want.abs(), "{got}, expected {want}");
    }
}

fn paths(model: &Onnx<Var, Var>) -> Vec<String> {
    model.parameters().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn weights_are_parameters_under_their_names() {
    let onnx = read::<Var, Var>(&perceptron()).unwrap();
    assert_eq!(paths(&onnx), ["a.weight", "a.bias", "b.weight", "b.bias"]);
    let twin = Sequential::new().add(Dense::new(4).activation(Relu)).add(Dense::new(2));
    let x = arr2(&[[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]]);
    twin.predict(&x).unwrap();
    for ((_, own), (_, twin)) in onnx.parameters().iter().zip(twin.parameters()) {
        twin.set(own.value().unwrap()).unwrap();
    }
    assert_eq!(onnx.predict(&x).unwrap(), twin.predict(&x).unwrap());
    // `y = x · W` with rows of `W` as the file has them.
    let tape = Tape::inference();
    let h = (tape
        .input(&x)
        .matmul(&tape.constant(Array2::from_shape_fn((3, 4), |(j, i)| (3.0 * i as Float + j as Float - 5.0) / 7.0)))
        .unwrap()
        + tape.constant(array![0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]))
    .relu();
    let y =
        h.matmul(&tape.constant(Array2::from_shape_fn((4, 2), |(i, j)| (3.0 - (2 * i + j) as Float) / 5.0))).unwrap()
            + tape.constant(array![0.0, 1.0]);
    assert_near(&onnx.predict(&x).unwrap(), y.value());
}

#[test]
fn it_trains_is_saved_and_opened_again() {
    let onnx = read::<Var, Var>(&perceptron()).unwrap();
    let x = Array2::from_shape_fn((16, 3), |(i, j)| ((7 * i + 3 * j) % 5) as Float - 2.0);
    let y = Array2::from_shape_fn((16, 2), |(i, j)| x[[i, j]] * 0.5 + 1.0);
    onnx.freeze_matching("a.bias").unwrap();
    let before: Vec<_> = onnx.parameters().into_iter().map(|(_, param)| param.value().unwrap()).collect();
    let mut trainer = onnx.compile(Adam::new(0.02), MeanSquaredError);
    let history = trainer.fit(&(x.clone(), y), Fit::epochs(30).batch_size(4)).unwrap();
    let losses = history.get("loss");
    assert!(losses[29] < 0.2 * losses[0], "{losses:?}");
    let changed =
        trainer.model.parameters().into_iter().zip(&before).map(|((_, param), old)| param.value().unwrap() != old);
    assert_eq!(changed.collect::<Vec<_>>(), [true, false, true, true]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tuned.safetensors");
    trainer.model.save(&path).unwrap();
    let opened = gradus::open(&path).unwrap();
    assert_eq!(opened.predict(&x).unwrap(), trainer.predict(&x).unwrap());
    assert!(opened.parameters()[1].1.is_frozen());
    let copy: Onnx<Var, Var> = Registry::default().copy(&trainer.model).unwrap();
    copy.parameters()[0].1.modify(|numbers| numbers.fill(0.0));
    assert_ne!(copy.predict(&x).unwrap(), trainer.predict(&x).unwrap());
}

/// A convolution, batch normalisation, an activation and a pool, and the mean of each channel.
pub(crate) fn network() -> ModelProto {
    let nodes = vec![
        node("Conv", &["x", "conv.weight"], "c", &[("pads", &[1, 1, 1, 1])]),
        node("BatchNormalization", &["c", "bn.weight", "bn.bias", "bn.mean", "bn.var"], "n", &[]),
        node("Relu", &["n"], "r", &[]),
        node("MaxPool", &["r"], "p", &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])]),
        node("Mul", &["p", "scale"], "s", &[]),
        node("ReduceMean", &["s"], "g", &[("axes", &[2, 3]), ("keepdims", &[0])]),
        node("Dropout", &["g"], "y", &[]),
    ];
    let weights = vec![
        floats("conv.weight", &[4, 3, 3, 3], |i| ((5 * i) % 7) as f32 / 7.0 - 0.4),
        floats("bn.weight", &[4], |i| 1.0 + i as f32 / 4.0),
        floats("bn.bias", &[4], |i| i as f32 / 8.0),
        floats("bn.mean", &[4], |i| i as f32 / 16.0),
        floats("bn.var", &[4], |i| 1.0 + i as f32),
        floats("scale", &[4, 1, 1], |i| 1.0 + i as f32),
    ];
    model(nodes, weights, &["x"], "y")
}

#[test]
fn images_come_with_their_channels_first_and_statistics_follow_the_batch() {
    let onnx = read::<Var, Var>(&network()).unwrap();
    let x = Array4::from_shape_fn((2, 3, 6, 6), |(n, c, h, w)| ((n + 2 * c + 3 * h + 5 * w) % 11) as Float / 5.0 - 1.0);
    let parameters = onnx.parameters();
    let values: Vec<Tensor> = parameters.iter().map(|(_, param)| param.value().unwrap()).collect();
    assert_eq!(values[0].shape(), [3, 3, 3, 4]);
    let conv = Conv2d::new(4, 3).padding(Padding::Same).use_bias(false);
    let norm = BatchNorm::new().epsilon(1e-5).momentum(0.9);
    conv.kernel().set(&values[0]).unwrap();
    for ((_, param), value) in norm.parameters().iter().zip(&values[1..]) {
        param.set(value).unwrap();
    }
    let by_hand = |tape: Tape| {
        let x = tape.input(&x).permute(&[0, 2, 3, 1]).unwrap();
        let y = norm.forward(&conv.forward(&x).unwrap()).unwrap().relu();
        let y = MaxPool2d::new(2).forward(&y).unwrap() * x.tape().constant(array![1.0, 2.0, 3.0, 4.0]);
        let y = y.mean_axes(&[1, 2]).unwrap();
        x.tape().commit().unwrap();
        y.value().clone()
    };
    assert_near(&onnx.predict(&x).unwrap(), &by_hand(Tape::inference()));

    // In training there is the batch, and the dropout.
    assert_eq!(onnx.noises().len(), 1);
    onnx.freeze_matching("dropout*").unwrap();
    let tape = Tape::training();
    let y = onnx.forward(&tape.input(&x)).unwrap();
    tape.commit().unwrap();
    assert_near(y.value(), &by_hand(Tape::training()));
    for (place, name) in [(3, "bn.mean"), (4, "bn.var")] {
        let (path, param) = &onnx.parameters()[place];
        assert_eq!(path, name);
        assert!(param.is_state());
        assert_near(&param.value().unwrap(), &norm.parameters()[place - 1].1.value().unwrap());
    }
    let dropped = read::<Var, Var>(&network()).unwrap().forward(&Tape::training().input(&x)).unwrap();
    assert!(dropped.value().iter().any(|y| *y == 0.0));
}

#[test]
fn what_depends_on_no_input_is_computed_once_and_known_branches_are_taken() {
    let branch = |name: &str, op: &str| Attribute {
        name: name.into(),
        g: Some(GraphProto {
            node: vec![node(op, &["x", "w"], name, &[])],
            output: vec![ValueInfo { name: name.into(), r#type: None }],
            ..GraphProto::default()
        }),
        ..Attribute::default()
    };
    let mut choice = node("If", &["yes"], "y", &[]);
    choice.attribute = vec![branch("then_branch", "Mul"), branch("else_branch", "Sub")];
    let nodes = vec![
        node("Shape", &["w"], "shape", &[]),
        node("Gather", &["shape", "zero"], "len", &[]),
        node("Greater", &["len", "one"], "yes", &[]),
        choice,
    ];
    let weights = vec![floats("w", &[3], |i| i as f32 + 1.0), ints("zero", &[0]), ints("one", &[1])];
    let onnx = read::<Var, Var>(&model(nodes, weights, &["x"], "y")).unwrap();
    assert_eq!(onnx.to_string(), "Onnx(x) -> (y)\n    then_branch = Mul(x, w)\n    y = Identity(then_branch)");
    assert_eq!(paths(&onnx), ["w"]);
    assert_eq!(onnx.predict(&arr2(&[[1.0, 1.0, 2.0]])).unwrap(), arr2(&[[1.0, 2.0, 6.0]]).into_dyn());
}

#[test]
fn tensors_in_other_files_are_read_from_the_folder_of_the_model_only() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("model");
    std::fs::create_dir(&inside).unwrap();
    let external = |location: &str, offset: &str, length: &str| {
        let mut model = perceptron();
        let weight = &mut model.graph.as_mut().unwrap().initializer[0];
        let numbers = std::mem::take(&mut weight.raw_data);
        weight.data_location = 1;
        let entries = [("location", location), ("offset", offset), ("length", length)];
        weight.external_data = entries.map(|(key, value)| Entry { key: key.into(), value: value.into() }).into();
        std::fs::write(inside.join("model.onnx.data"), [&[0; 8][..], &numbers].concat()).unwrap();
        std::fs::write(folder.path().join("secret"), &numbers).unwrap();
        let path = inside.join("model.onnx");
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        path
    };
    let open = |path: &Path| Onnx::<Var, Var>::open(path).map_err(|error| error.to_string());
    let x = arr2(&[[1.0, 2.0, 3.0]]);
    let want = read::<Var, Var>(&perceptron()).unwrap().predict(&x).unwrap();
    let path = external("model.onnx.data", "8", "48");
    assert_eq!(open(&path).unwrap().predict(&x).unwrap(), want);
    let weights = Weights::open(&path).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), ["a.weight", "a.bias", "b.weight", "b.bias"]);
    assert_eq!(weights.get("a.weight").unwrap()[[3, 2]], 6.0 / 7.0);
    for (location, offset, length, message) in [
        ("../secret", "0", "48", "expected a file in the folder of the model"),
        ("/etc/passwd", "0", "48", "expected a file in the folder of the model"),
        ("model.onnx.data", "16", "48", "is said to end after them"),
        ("model.onnx.data", "8", "18446744073709551615", "is said to end after them"),
        ("absent", "0", "48", "cannot be read"),
        ("model.onnx.data", "-8", "48", "expected a whole number as the offset"),
        ("model.onnx.data", "8", "44", "a.weight"),
    ] {
        let error = open(&external(location, offset, length)).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("secret"), inside.join("link")).unwrap();
        let error = open(&external("link", "0", "48")).unwrap_err();
        assert!(error.contains("leads out of the folder"), "{error}");
    }
}

#[test]
fn parts_of_equal_length_that_a_sequence_holds_are_slices() {
    let nodes = vec![
        node("SplitToSequence", &["x", "size"], "all", &[("axis", &[1])]),
        node("SequenceAt", &["all", "zero"], "a", &[]),
        node("SequenceAt", &["all", "one"], "b", &[]),
        node("Concat", &["b", "a"], "y", &[("axis", &[1])]),
    ];
    let number = |name: &str, number: i64| TensorProto { dims: Vec::new(), ..ints(name, &[number]) };
    let weights = vec![number("size", 2), number("zero", 0), number("one", 1)];
    let onnx = read::<Var, Var>(&model(nodes, weights, &["x"], "y")).unwrap();
    assert_eq!(onnx.predict(&arr2(&[[1.0, 2.0, 3.0]])).unwrap(), arr2(&[[3.0, 1.0, 2.0]]).into_dyn());
}

/// The lengths are onnxruntime's, whose product of length and scale is one of f32.
#[test]
fn scales_that_f32_has_only_nearly_lead_to_the_length_that_they_mean() {
    for (scale, from, to) in [(2.6, 5, 13), (0.7, 10, 7), (1.3, 10, 13), (1.15, 20, 23), (0.29, 100, 29), (0.3, 9, 2)] {
        let scales = floats("scales", &[4], |i| if i == 2 { scale } else { 1.0 });
        let mut file = model(vec![node("Upsample", &["x", "scales"], "y", &[])], vec![scales], &["x"], "y");
        file.opset_import[0].version = 9;
        let y = read::<Var, Var>(&file).unwrap().predict(&Tensor::zeros([1, 1, from, 2].as_slice())).unwrap();
        assert_eq!(y.shape(), [1, 1, to, 2], "{from} cells, {scale}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let message = |model: &ModelProto| read::<Var, Var>(model).map(|_| ()).unwrap_err().to_string();
    let nodes = vec![node("NonMaxSuppression", &["x"], "a", &[]), node("Det", &["a"], "y", &[])];
    assert_eq!(
        message(&model(nodes, vec![], &["x"], "y")),
        "has operators that are not supported: `NonMaxSuppression` is not supported: boxes of object detection, which Keras and \
         PyTorch leave to other libraries; `Det` is not supported: determinants"
    );
    assert!(message(&model(vec![], vec![], &["a", "b"], "a")).starts_with("the model has 2 inputs and 1 outputs; "));
    let onnx = read::<Var, Var>(&perceptron()).unwrap();
    let error = onnx.forward(&Tape::inference().input(arr2(&[[1.0, 2.0]]))).unwrap_err().to_string();
    assert!(error.starts_with("layer `h (Gemm)`: expected 3 features in the last axis"), "{error}");
    let lost = model(vec![node("Add", &["x", "z"], "y", &[])], vec![], &["x"], "y");
    let error = message(&lost);
    assert!(error.contains("no node before gives the value `z`"), "{error}");
    let numbers: ArrayD<Float> = ArrayD::zeros(vec![2, 5]);
    let sum = model(vec![node("Add", &["x", "w"], "y", &[])], vec![floats("w", &[3], |i| i as f32)], &["x"], "y");
    let error = read::<Var, Var>(&sum).unwrap().predict(&numbers).unwrap_err().to_string();
    assert_eq!(error, "layer `y (Add)`: expected shapes that broadcast, got [[2, 5], [3]]");
}
