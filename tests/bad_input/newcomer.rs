//! What people get wrong in their first programs with the crate, written as they write it, and the whole of each message.

use gradus::data::Dataset;
use gradus::layers::Concatenate;
use gradus::ndarray::{Array3, Array4, Axis, s};

use super::*;

/// Forty examples of four features, and the class of each.
fn flowers() -> (Array2<Float>, Array1<u8>) {
    (
        Array2::from_shape_fn((40, 4), |(i, j)| ((i * 4 + j) as Float).sin()),
        Array1::from_shape_fn(40, |i| (i % 3) as u8),
    )
}

fn network(classes: usize) -> Sequential {
    Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(classes).activation(Softmax))
}

/// The error of training this model on this data.
fn fit(model: impl Layer, loss: impl Loss + 'static, data: &dyn Dataset) -> String {
    message(model.compile(Adam::default(), loss).fit(data, Fit::epochs(2).progress(false)))
}

#[test]
fn a_last_layer_that_is_too_narrow() {
    let (x, y) = flowers();
    assert_eq!(
        fit(network(2), SparseCrossEntropy::default(), &(&x, &y)),
        "SparseCrossEntropy: expected whole class numbers 0..2 (2 excluded, the model has 2 outputs), got 2; give the model an output \
         for each class, and number the classes from 0"
    );
    assert_eq!(
        fit(Dense::new(1).activation(Sigmoid), BinaryCrossEntropy::default(), &(&x, &y)),
        "BinaryCrossEntropy: expected targets from 0 to 1, got 2; for the numbers of more than two classes use \
         `SparseCrossEntropy`, with a unit for each class"
    );
}

#[test]
fn labels_that_begin_at_1_or_minus_1() {
    let (x, y) = flowers();
    let sparse = |labels: Array1<i32>| fit(network(3), SparseCrossEntropy::default(), &(&x, &labels));
    let expected = "SparseCrossEntropy: expected whole class numbers 0..3 (3 excluded, the model has 3 outputs), got ";
    assert_eq!(
        sparse(y.mapv(|y| i32::from(y) + 1)),
        format!("{expected}3; give the model an output for each class, and number the classes from 0")
    );
    assert_eq!(
        sparse(y.mapv(|y| i32::from(y) - 1)),
        format!("{expected}-1; number the classes from 0, and leave out items without a class by `ignore_class`")
    );
    assert_eq!(
        fit(network(3), SparseCrossEntropy::default(), &(&x, &x.column(0))),
        format!("{expected}-0.8899956; give class numbers, or train a regression by a loss such as `MeanSquaredError`")
    );
    let signs = y.mapv(|y| if y == 0 { -1 } else { 1 });
    assert_eq!(
        fit(Dense::new(1).activation(Sigmoid), BinaryCrossEntropy::default(), &(&x, &signs)),
        "BinaryCrossEntropy: expected targets from 0 to 1, got -1; map -1 to 0, or use `Hinge`, which takes -1 and 1"
    );
}

#[test]
fn one_hot_labels_and_class_numbers() {
    let (x, y) = flowers();
    let one_hot = Array2::from_shape_fn((40, 3), |(i, class)| Float::from(u8::from(usize::from(y[i]) == class)));
    assert_eq!(
        fit(network(3), SparseCrossEntropy::default(), &(&x, &one_hot)),
        "SparseCrossEntropy: expected one class number an example, targets [32] for predictions [32, 3], got [32, 3]; for one-hot \
         targets use `CrossEntropy`"
    );
    assert_eq!(
        fit(network(3), CrossEntropy::default(), &(&x, &y)),
        "CrossEntropy: expected targets of the prediction's shape [32, 3], got [32]; for class numbers use `SparseCrossEntropy`"
    );
    for (name, text) in [
        ("BinaryCrossEntropy", fit(network(3), BinaryCrossEntropy::default(), &(&x, &y))),
        ("MeanSquaredError", fit(network(3), MeanSquaredError, &(&x, &y))),
    ] {
        assert_eq!(
            text,
            format!(
                "{name}: expected targets of the prediction's shape [32, 3], got [32]; for class numbers use \
                 `SparseCrossEntropy`, for one number an example end the model with one unit"
            )
        );
    }
}

#[test]
fn several_labels_an_example_with_a_softmax() {
    let (x, _) = flowers();
    let labels = Array2::from_shape_fn((40, 3), |(i, label)| Float::from(u8::from((i + label) % 2 == 0)));
    let expected = |who: &str| {
        format!(
            "{who}: expected one class for each item, or shares of classes, got the targets [1.0, 0.0, 1.0]; for items that have \
             several labels end the model with `Sigmoid` and use `BinaryCrossEntropy`"
        )
    };
    let first = s![..1, ..];
    let data = (x.slice(first), labels.slice(first));
    assert_eq!(fit(network(3), CrossEntropy::default(), &data), expected("CrossEntropy"));
    assert_eq!(fit(Dense::new(3), CrossEntropy::from_logits(), &data), expected("CrossEntropy"));
    let focal = gradus::losses::CategoricalFocalCrossEntropy::default();
    assert_eq!(fit(network(3), focal, &data), expected("CategoricalFocalCrossEntropy"));
    assert_eq!(fit(Dense::new(3), gradus::losses::CategoricalHinge, &data), expected("CategoricalHinge"));
}

#[test]
fn a_forgotten_softmax_or_one_too_many() {
    let (x, y) = flowers();
    let text = fit(Dense::new(3).kernel_initializer(Ones), SparseCrossEntropy::default(), &(x.mapv(|_| 2.0), &y));
    assert_eq!(
        text,
        "SparseCrossEntropy: expected probabilities, from 0 to 1 with the sum 1 for each item, got [8.0, 8.0, 8.0]; end the model \
         with `Softmax`, or use `SparseCrossEntropy::from_logits()`"
    );
    let halves = y.mapv(|y| y % 2);
    let text = fit(Dense::new(1).kernel_initializer(Ones), BinaryCrossEntropy::default(), &(x.mapv(|_| 2.0), &halves));
    assert_eq!(
        text,
        "BinaryCrossEntropy: expected probabilities, from 0 to 1, got [8.0]; end the model with `Sigmoid`, or use \
         `BinaryCrossEntropy::from_logits()`"
    );
    assert_eq!(
        fit(network(3), SparseCrossEntropy::from_logits(), &(&x, &y)),
        "SparseCrossEntropy: `from_logits` expects numbers before an activation, but the prediction has been through one already; \
         leave out one of the two"
    );
    assert_eq!(
        fit(network(1), BinaryCrossEntropy::default(), &(&x, &halves)),
        "the model ends with `Softmax` over an axis of length 1, predictions [32, 1], which gives the same number whatever comes in: \
         for two classes end it with `Dense::new(1).activation(Sigmoid)` and train it with `BinaryCrossEntropy`, else give it a unit \
         for each class"
    );
}

#[test]
fn images_of_other_shapes() {
    let y = Array1::from_shape_fn(40, |i| (i % 3) as u8);
    let convolution = || Sequential::new().add(Conv2d::new(4, 3).activation(Relu));
    let end = || Dense::new(3).activation(Softmax);
    // Without `Flatten`.
    assert_eq!(
        fit(convolution().add(end()), SparseCrossEntropy::default(), &(&Array4::<Float>::ones((40, 8, 8, 1)), &y)),
        "SparseCrossEntropy: expected one class number an example, targets [32, 6, 6] for predictions [32, 6, 6, 3], got [32]; the \
         predictions have more axes than the targets: put `Flatten` or a global pooling before the last layers, or leave out \
         `return_sequences` of the last recurrent one"
    );
    // As PyTorch has them.
    assert_eq!(
        fit(
            convolution().add(Flatten).add(end()),
            SparseCrossEntropy::default(),
            &(&Array4::<Float>::ones((40, 3, 32, 32)), &y)
        ),
        "layer `conv2d`: expected images [batch, height, width, channels], got input [32, 3, 32, 32], whose channels seem to come \
         first; bring them last with `permuted_axes([0, 2, 3, 1])` or a first layer `Permute::new([2, 3, 1])`, or say that they do \
         not by a first layer `Reshape::new([3, 32, 32])`"
    );
    // Grey ones, without an axis of channels.
    assert_eq!(
        fit(
            convolution().add(Flatten).add(end()),
            SparseCrossEntropy::default(),
            &(&Array3::<Float>::ones((40, 8, 8)), &y)
        ),
        "layer `conv2d`: expected an input [batch, height, width, channels], got [32, 8, 8]; add a channel axis with `Reshape`, or a \
         batch axis"
    );
}

#[test]
fn targets_of_a_regression_with_an_axis_less_or_more() {
    let (x, _) = flowers();
    let target = x.column(0).to_owned();
    let losses = |target: &dyn Dataset, own: bool| {
        let model = Dense::new(1);
        let mut trainer = match own {
            true => model.compile(Sgd::new(0.1), |y: &Var, t: &Tensor| Ok((y - &y.tape().input(t)).powi(2).mean())),
            false => model.compile(Sgd::new(0.1), MeanSquaredError),
        };
        trainer.fit(target, quiet()).unwrap().epochs().iter().map(|logs| logs["loss"]).collect::<Vec<_>>()
    };
    // A loss of one's own subtracts what belongs together, too: `[32, 1] - [32]` would be `[32, 32]`.
    let column = target.clone().insert_axis(Axis(1));
    let expected = losses(&(&x, &target), false);
    assert_eq!(losses(&(&x, &column), false), expected);
    assert_eq!(losses(&(&x, &column), true), losses(&(&x, &target), true));
    for (own, loss) in losses(&(&x, &target), true).iter().zip(expected) {
        assert!((own - loss).abs() < 1e-5, "{own} {loss}");
    }
    assert_eq!(
        fit(Dense::new(3), MeanSquaredError, &(&x, &x.slice(s![.., ..2]))),
        "MeanSquaredError: expected targets of the prediction's shape [32, 3], got [32, 2]; reshape the targets, or end the model \
         with as many units as there are targets"
    );
    let mut model = network(3).compile(Adam::default(), SparseCrossEntropy::default()).metric(MeanAbsolute::default());
    assert_eq!(
        message(model.fit(&(&x, &flowers().1), quiet())),
        "MeanAbsolute: expected targets of the predictions' shape [4, 3], got [4]; for class numbers take a metric of classes, such \
         as `Accuracy`, else reshape the targets"
    );
}

#[test]
fn numbers_that_are_not_finite_or_far_too_large() {
    let (mut x, y) = flowers();
    let target = x.column(0).to_owned();
    let large = (x.mapv(|x| x * 1e6), target);
    let mut model = Dense::new(1).compile(Sgd::new(1.0), MeanSquaredError);
    assert_eq!(
        message(model.fit(&large, Fit::epochs(20).progress(false))),
        "the loss became inf in epoch 2, batch 1; the weights are as they were before that batch: the data of that batch is finite: \
         lower the learning rate, bring inputs and targets to numbers around 1, or look for a square root, logarithm or division at \
         0 in a layer or loss"
    );
    x[[7, 2]] = Float::NAN;
    let mut model = network(3).compile(Adam::default(), SparseCrossEntropy::default());
    assert_eq!(
        message(model.fit(&(&x, &y), quiet().shuffle(false).batch_size(40))),
        "the loss became NaN in epoch 1, batch 1; the weights are as they were before that batch: example 7 has NaN in its inputs, in \
         column 2 (all counted from 0); correct that example or leave it out"
    );
}

#[test]
fn nothing_is_left_to_train() {
    let (x, y) = flowers();
    let model = network(3);
    model.freeze();
    assert_eq!(
        fit(model, SparseCrossEntropy::default(), &(&x, &y)),
        "fit: expected at least one parameter to train, got 4, all frozen; unfreeze some, such as \
         `model.unfreeze_matching(\"dense_1.bias\")`"
    );
}

/// A block whose author forgets to name its second layer, or both.
struct Block {
    first: Dense,
    second: Dense,
    is_first_listed: bool,
}

impl Layer for Block {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.second.forward(&self.first.forward(x)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        if self.is_first_listed {
            list.nest("first", &self.first);
        }
    }
}

/// A layer that makes its parts anew in each pass.
struct Anew;

impl Layer for Anew {
    fn forward(&self, x: &Var) -> Result<Var> {
        Dense::new(1).forward(x)
    }
}

#[test]
fn a_layer_of_ones_own_that_does_not_list_its_parameters() {
    let (x, _) = flowers();
    let data = (&x, &x.column(0));
    let expected = |who: &str, count: usize, shapes: &str| {
        format!(
            "{who}: the loss depends on {count} trainable parameters that the model does not list, of the shapes {shapes}, so that \
             they would neither be trained nor saved; a layer of your own keeps what it uses in its fields and names each in \
             `params`, by `list.nest(\"name\", &self.layer)` or `list.add(\"name\", &self.param)`; freeze what is not to be trained"
        )
    };
    let block = |is_first_listed| Block { first: Dense::new(3), second: Dense::new(1), is_first_listed };
    assert_eq!(fit(block(true), MeanSquaredError, &data), expected("fit", 2, "[[3, 1], [1]]"));
    assert_eq!(fit(block(false), MeanSquaredError, &data), expected("fit", 4, "[[4, 3], [3], [3, 1], [1]]"));
    let after = Sequential::new().add(Anew).add(Dense::new(1));
    assert_eq!(fit(after, MeanSquaredError, &data), expected("fit", 2, "[[4, 1], [1]]"));

    let model = block(true);
    let mut run = Loop::new(1, 1).model("block", &model, Adam::default());
    assert!(run.next_epoch().unwrap());
    let y = model.forward(&run.tape().input(&x)).unwrap();
    assert_eq!(message(run.step("block", y.sum().backward().unwrap())), expected("Loop", 2, "[[3, 1], [1]]"));
    // What is frozen is nobody's to train.
    model.second.freeze();
    let y = model.forward(&run.tape().input(&x)).unwrap();
    run.step("block", y.sum().backward().unwrap()).unwrap();
}

#[test]
fn a_validation_set_of_another_kind_is_refused_before_the_first_step() {
    let (x, y) = flowers();
    let refused = |validation: &dyn Dataset| {
        let mut model = network(3).compile(Adam::default(), SparseCrossEntropy::default());
        let text = message(model.fit(&(&x, &y), quiet().validation(validation)));
        assert_eq!(model.stepper().steps(), 0);
        text
    };
    assert_eq!(
        refused(&(&Array2::<Float>::ones((4, 5)), &Array1::<u8>::zeros(4))),
        "layer `dense`: in the validation: expected 4 features in the last axis, got input [4, 5]; feed what it was made for, or \
         make a new layer"
    );
    assert_eq!(
        refused(&(&x, &Array1::<u8>::from_elem(40, 3))),
        "in the validation: SparseCrossEntropy: expected whole class numbers 0..3 (3 excluded, the model has 3 outputs), got 3; \
         give the model an output for each class, and number the classes from 0"
    );
}

#[test]
fn a_misspelt_figure() {
    let (x, y) = flowers();
    let refused = |figure: &str, split: f64| {
        let model = network(3).compile(Adam::default(), SparseCrossEntropy::default());
        let fit = quiet().validation_split(split).callback(EarlyStopping::new(figure));
        message(model.metric(Accuracy::default()).fit(&(&x, &y), fit))
    };
    assert_eq!(
        refused("val_acc", 0.2),
        "no figure named `val_acc` to watch; there are: loss, accuracy, val_loss, val_accuracy"
    );
    assert_eq!(
        refused("val_loss", 0.0),
        "no figure named `val_loss` to watch; there are: loss, accuracy; `val_...` needs `Fit::validation` or \
         `Fit::validation_split`"
    );
}

#[test]
fn too_few_examples_or_axes() {
    let (x, y) = flowers();
    let none = (x.slice(s![..0, ..]), y.slice(s![..0]));
    assert_eq!(
        fit(network(3), SparseCrossEntropy::default(), &none),
        "fit: expected at least one example, got an empty dataset"
    );
    // A batch is at most the data.
    let mut model = network(3).compile(Adam::default(), SparseCrossEntropy::default());
    model.fit(&(&x, &y), Fit::epochs(1).batch_size(1000).progress(false)).unwrap();
    assert_eq!(model.stepper().steps(), 1);
    // One example is a batch of one.
    let model = model.model;
    assert_eq!(
        message(model.predict(&x.row(0))),
        "layer `dense`: expected an input [batch, ..., features], got [4]; one example is `x.insert_axis(Axis(0))`, one number for \
         each example `x.insert_axis(Axis(1))`"
    );
    assert_eq!(model.predict(&x.row(0).insert_axis(Axis(0))).unwrap().shape(), [1, 3]);
    let sequences = Array3::<Float>::ones((2, 5, 3));
    assert_eq!(
        message(Sequential::new().add(Lstm::new(4)).add(Lstm::new(4)).predict(&sequences)),
        "layer `lstm_1`: expected a sequence [batch, time, features], got [2, 4]; numbers take a last axis of length 1 (`Reshape`), \
         ids an `Embedding` before the layer, and a recurrent layer before it `return_sequences(true)`"
    );
    assert_eq!(
        message(Sequential::new().add(TransformerEncoder::new(8, 2, 16)).predict(&sequences)),
        "layer `transformer_encoder`: expected an input [batch, time, 8], got [2, 5, 3]; make the block of that size, or put \
         `Dense::new(8)` before it"
    );
}

#[test]
fn a_file_of_another_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let opened = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let text = message(gradus::open(&path).map(drop));
        text.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
    };
    assert_eq!(
        opened(b"a,b\n1.0,2.0\n"),
        "is a text, not weights, which begins with \"a,b\\n1.0,2.0\\n\"; download the file itself, by its direct link, or read a \
         table by `data::Csv`"
    );
    assert_eq!(
        opened(b"version https://git-lfs.github.com/spec/v1\n"),
        "is a Git LFS pointer, not the file that it stands for; fetch that with `git lfs pull`, or download it from its page"
    );
    #[cfg(not(feature = "keras"))]
    assert_eq!(
        opened(b"\x89HDF\r\n\x1a\n and so on"),
        "is an HDF5 file, as Keras writes for `.h5`; switch on gradus' feature `keras`"
    );
    // Saved before it had any weights.
    assert_eq!(
        message(network(3).save(&path)),
        "cannot save: parameter `dense.kernel` has no value yet; run the model once (fit, predict, forward) or load weights"
    );
    // Another network's.
    let (x, _) = flowers();
    let saved = network(3);
    saved.predict(&x).unwrap();
    saved.save(&path).unwrap();
    assert_eq!(
        message(network(4).load(&path)),
        format!(
            "{}: does not fit the model:\n  differently shaped: `dense_1.kernel` is [_, 4] in the model and [8, 3] in the file\n  \
             differently shaped: `dense_1.bias` is [4] in the model and [3] in the file",
            path.display()
        )
    );
    let text = message(gradus::open_trainer(&path).map(drop));
    assert!(text.ends_with(
        "has no description of a trainer: it was not saved as one; make the trainer in code, and `load` the weights"
    ));
}

#[test]
fn names_of_a_graph_and_patterns_that_match_nothing() {
    let (x, _) = flowers();
    let graph = Graph::new(["left", "right"])
        .add("both", Concatenate::default(), ["left", "rigth"])
        .add("end", Dense::new(1), "both")
        .outputs("end");
    assert_eq!(
        message(graph.predict(&(&x, &x))),
        "the graph is wrong: `both`: nothing before gives `rigth`; there are `left`, `right`"
    );
    assert_eq!(
        message(network(3).freeze_matching("conv*")),
        "no parameter matches `conv*`; the parameters are: dense.kernel, dense.bias, dense_1.kernel, dense_1.bias"
    );
}

/// Messages of these tests, and of some beside them, as one text.
fn pinned() -> String {
    let texts = [
        include_str!("newcomer.rs"),
        include_str!("layers.rs"),
        include_str!("silent.rs"),
        include_str!("training.rs"),
    ];
    let parts: Vec<String> =
        texts.iter().flat_map(|text| text.split("\\\n")).map(|part| part.trim_start().into()).collect();
    parts.concat()
}

#[test]
fn the_guide_quotes_messages_that_there_are() {
    let guide = include_str!("../../docs/guide/errors.md");
    let (_, tables) = guide.split_once("## Shapes").unwrap();
    let (tables, _) = tables.split_once("## It trains").unwrap();
    let pinned = pinned();
    let mut count = 0;
    for row in tables.lines().filter(|line| line.starts_with("| `")) {
        let cell = row[2..].split(" | ").next().unwrap();
        let message = cell.trim_start_matches("`` ").trim_matches('`');
        for part in message.split("...").map(|part| part.trim_matches([' ', ':'])).filter(|part| !part.is_empty()) {
            assert!(pinned.contains(part), "no test pins `{part}`, which the guide quotes");
            count += 1;
        }
    }
    assert!(count > 25, "only {count} parts of messages were found");
}
