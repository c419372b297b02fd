//! What trains, or seems to, and cannot be right: said before the first step, or with the batch where it shows.

use gradus::activations::Sparsemax;
use gradus::callbacks::{GradualUnfreezing, StopOnNan};
use gradus::data::augment::{RandomBrightness, RandomContrast};
use gradus::losses::{CategoricalFocalCrossEntropy, Distillation, Losses};
use gradus::ndarray::{Array1, Array2, arr2};
use gradus::prelude::*;

use super::{bits, classifier, compiled, examples, message, quiet};

/// Twelve examples whose targets are 0 and 1.
fn binary() -> (Array2<Float>, Array2<Float>) {
    let (x, _) = examples();
    (x, Array2::from_shape_fn((12, 1), |(i, _)| (i % 2) as Float))
}

fn says_constant(activation: &str, shape: &str) -> String {
    format!(
        "the model ends with `{activation}` over an axis of length 1, predictions {shape}, which gives the same number \
         whatever comes in: for two classes end it with `Dense::new(1).activation(Sigmoid)` and train it with \
         `BinaryCrossEntropy`, else give it a unit for each class"
    )
}

#[test]
fn a_softmax_over_one_unit() {
    let data = binary();
    let ends = |activation: Box<dyn Fn() -> Dense>, losses: Losses| {
        let mut model = Sequential::new().add(Dense::new(4)).add(activation()).compile(Adam::default(), losses);
        let (fit, evaluated) = (message(model.fit(&data, quiet())), message(model.evaluate(&data)));
        assert_eq!(model.stepper().steps(), 0);
        // The batches that say it differ in length.
        assert_eq!(fit[..60], evaluated[..60]);
        fit
    };
    let softmax = || Box::new(|| Dense::new(1).activation(Softmax));
    assert!(ends(softmax(), BinaryCrossEntropy::default().into()).starts_with(&says_constant("Softmax", "[")[..60]));
    for losses in [
        Losses::from(MeanSquaredError),
        BinaryCrossEntropy::default().into(),
        BinaryCrossEntropy::from_logits().into(),
        SparseCrossEntropy::default().into(),
        CrossEntropy::from_logits().into(),
    ] {
        assert!(ends(softmax(), losses).starts_with("the model ends with `Softmax` over an axis of length 1"));
    }
    let log = ends(Box::new(|| Dense::new(1).activation(LogSoftmax)), MeanSquaredError.into());
    assert!(log.starts_with("the model ends with `LogSoftmax` over an axis of length 1"), "{log}");
    let sparse = ends(Box::new(|| Dense::new(1).activation(Sparsemax)), MeanSquaredError.into());
    assert!(sparse.starts_with("the model ends with `Sparsemax` over an axis of length 1"), "{sparse}");

    // Over another axis of length 1 than the last.
    let x = arr2(&[[0.5, 2.0], [1.0, 3.0]]);
    let mut model = Sequential::new()
        .add(Dense::new(6))
        .add(Reshape::new([1, 6]))
        .add(Softmax::over(1))
        .compile(Adam::default(), MeanSquaredError);
    let target = ndarray::Array3::<Float>::ones((2, 1, 6));
    assert_eq!(message(model.fit(&(&x, &target), quiet())), says_constant("Softmax", "[2, 1, 6]"));
    // What only has another shape afterwards is as constant.
    for shape in [
        Box::new(Flatten) as Box<dyn Layer>,
        Box::new(Reshape::new([1])),
        Box::new(|x: &Var| x.reshape_examples(&[1]).unwrap()),
    ] {
        let network = Sequential::new().add(Dense::new(1).activation(Softmax)).add(shape);
        let mut model = network.compile(Adam::default(), BinaryCrossEntropy::default());
        assert!(
            message(model.fit(&data, quiet())).starts_with("the model ends with `Softmax` over an axis of length 1")
        );
    }
    // In a loop of one's own the loss says it.
    let y = Softmax.apply(&Tape::training().input(arr2(&[[0.5], [2.0]])));
    let loss = BinaryCrossEntropy::default().loss(&y, &arr2(&[[0.0], [1.0]]).into_tensor());
    assert_eq!(message(loss), says_constant("Softmax", "[2, 1]"));
    // Inside of a model an axis may be this short: attention to a single key.
    let one_key =
        Sequential::new().add(Reshape::new([1, 5])).add(MultiHeadAttention::new(1, 4)).add(Flatten).add(Dense::new(1));
    one_key.compile(Adam::default(), MeanSquaredError).fit(&data, quiet()).unwrap();
}

#[test]
fn a_cross_entropy_of_a_single_class() {
    let y = Tape::training().input(arr2(&[[0.5], [2.0]]));
    let (ones, zeros) = (arr2(&[[1.0], [1.0]]).into_tensor(), arr2(&[[0.0], [0.0]]).into_tensor());
    let says = |who: &str| {
        format!(
            "{who}: expected at least 2 classes in the last axis, got predictions [2, 1]: the probability of a single class \
             is always 1, so that there is nothing to learn; for two classes in one number use `BinaryCrossEntropy`, else \
             give the model a unit for each class"
        )
    };
    assert_eq!(message(CrossEntropy::from_logits().loss(&y, &ones)), says("CrossEntropy"));
    assert_eq!(message(SparseCrossEntropy::from_logits().loss(&y, &zeros)), says("SparseCrossEntropy"));
    let focal = CategoricalFocalCrossEntropy::from_logits().loss(&y, &ones);
    assert_eq!(message(focal), says("CategoricalFocalCrossEntropy"));
    assert_eq!(message(Distillation::default().loss(&y, &ones)), says("KlDivergence"));
}

#[test]
fn a_model_that_is_all_frozen() {
    let mut model = compiled();
    model.predict(&examples().0).unwrap();
    model.model.freeze();
    let before = bits(&model.model);
    assert_eq!(
        message(model.fit(&examples(), quiet())),
        "fit: expected at least one parameter to train, got 4, all frozen; unfreeze some, such as \
         `model.unfreeze_matching(\"dense_1.bias\")`"
    );
    assert_eq!(bits(&model.model), before);
    // A callback may unfreeze in time.
    model.fit(&examples(), quiet().callback(GradualUnfreezing::new(["dense_1.*"]))).unwrap();
    // Statistics alone are worth a run.
    let mut statistics = Sequential::new().add(BatchNorm::new()).add(Dense::new(3).activation(Softmax));
    statistics = {
        statistics.forward(&Tape::inference().input(examples().0)).unwrap();
        statistics
    };
    for pattern in ["*gamma", "*beta", "dense.*"] {
        statistics.freeze_matching(pattern).unwrap();
    }
    let mut model = statistics.compile(Adam::default(), SparseCrossEntropy::default());
    model.fit(&examples(), quiet()).unwrap();
    model.model.freeze();
    assert!(message(model.fit(&examples(), quiet())).starts_with("fit: expected at least one parameter to train, got"));
    // A model without parameters has nothing that could be unfrozen.
    let (x, _) = examples();
    Flatten.compile(Adam::default(), MeanSquaredError).fit(&(&x, &x), quiet()).unwrap();
}

#[test]
fn a_validation_loss_that_is_not_a_number() {
    let (x, y) = examples();
    let (mut bad_x, mut bad_y) = (x.clone(), y.mapv(|y| y / 2.0));
    bad_x[[10, 3]] = Float::INFINITY;
    let run = |x: &Array2<Float>, y: &Array1<Float>, stops: bool| {
        let mut model = Dense::new(1).compile(Sgd::new(0.01), MeanSquaredError);
        let fit = quiet().validation_split(0.25).shuffle(false);
        if stops { model.fit(&(x, y), fit.callback(StopOnNan)) } else { model.fit(&(x, y), fit) }
    };
    let y = y.mapv(|y| y / 2.0);
    assert_eq!(
        message(run(&bad_x, &y, false)),
        "the validation loss became inf in epoch 1; the weights are those after that epoch: among those of the validation, \
         example 1 has inf in its inputs, in column 3 (all counted from 0); correct that example or leave it out"
    );
    bad_y[11] = Float::NAN;
    assert_eq!(
        message(run(&x, &bad_y, false)),
        "the validation loss became NaN in epoch 1; the weights are those after that epoch: among those of the validation, \
         example 2 has NaN in its targets (all counted from 0); correct that example or leave it out"
    );
    let history = run(&x, &bad_y, true).unwrap();
    assert!(history.len() == 1 && history.last().unwrap()["val_loss"].is_nan());
    // Where the data is sound, its size is not.
    let mut large_y = y;
    large_y[10] = 3e38;
    assert_eq!(
        message(run(&x, &large_y, false)),
        "the validation loss became inf in epoch 1; the weights are those after that epoch: the data of the validation is \
         finite: lower the learning rate, or look for numbers there that are far larger than those of the training"
    );
    let model = Dense::new(1);
    let mut run = Loop::new(2, 1).model("line", &model, Sgd::new(0.1));
    assert!(run.next_epoch().unwrap());
    run.log("val_loss", f64::NAN);
    assert!(message(run.next_epoch()).starts_with("the validation loss became NaN in epoch 1;"));
}

#[test]
fn data_that_is_not_finite_is_named_by_example_and_column() {
    let (x, y) = examples();
    let fit = |x: &Array2<Float>, y: &Array1<Float>, fit: Fit<'_>| message(compiled().fit(&(x, y), fit));
    let mut bad = x.clone();
    bad[[7, 2]] = Float::NAN;
    let named =
        "example 7 has NaN in its inputs, in column 2 (all counted from 0); correct that example or leave it out";
    // Whatever the order, and whoever reads the batch.
    for (run, batch) in [(quiet().shuffle(false), 2), (quiet().shuffle(false).prefetch(2), 2)] {
        assert_eq!(
            fit(&bad, &y, run),
            format!(
                "the loss became NaN in epoch 1, batch {batch}; the weights are as they were before that batch: {named}"
            )
        );
    }
    for run in [quiet(), quiet().prefetch(3), quiet().batch_size(12), quiet().class_weights([1.0, 2.0, 3.0])] {
        assert!(fit(&bad, &y, run).ends_with(named));
    }
    let mut model = Dense::new(1).compile(Sgd::new(0.01), MeanSquaredError);
    let mut bad_y = y.clone();
    bad_y[4] = Float::NEG_INFINITY;
    let error = message(model.fit(&(&x, &bad_y), quiet()));
    assert!(
        error.ends_with("example 4 has -inf in its targets (all counted from 0); correct that example or leave it out"),
        "{error}"
    );
    // Images are named by place, and what is sound is not blamed.
    let mut images = ndarray::Array4::<Float>::ones((4, 3, 3, 1));
    images[[2, 0, 1, 0]] = Float::NAN;
    let mut model = Sequential::new().add(Flatten).add(Dense::new(1)).compile(Sgd::default(), MeanSquaredError);
    let error = message(model.fit(&(&images, &Array1::<Float>::zeros(4)), quiet()));
    assert!(error.contains("example 2 has NaN in its inputs, at [0, 1, 0] (all counted from 0)"), "{error}");
    let wild = classifier().compile(Sgd::default(), |p: &Var, _: &Tensor| Ok((p.mean() * 0.0 - 1.0).ln()));
    let error = message({
        let mut wild = wild;
        wild.fit(&(&x, &y), quiet())
    });
    assert!(
        error.ends_with(
            "the data of that batch is finite: lower the learning rate, bring inputs and targets to numbers around 1, or look for a \
             square root, logarithm or division at 0 in a layer or loss"
        ),
        "{error}"
    );
}

#[test]
fn a_normalization_that_was_never_adapted() {
    let (x, y) = examples();
    let model = || Sequential::new().add(Normalization::new()).add(Dense::new(3).activation(Softmax));
    let says = "layer `normalization`: `Normalization` was never adapted, so that it would leave its input as it is: call \
                `normalization.adapt(&training_data)?` before it goes into the model, or load the model's weights";
    let mut trainer = model().compile(Adam::default(), SparseCrossEntropy::default());
    assert_eq!(message(trainer.fit(&(&x, &y), quiet())), says);
    assert_eq!(message(trainer.predict(&x)), says);
}

#[test]
fn a_validation_split_is_rounded_and_leaves_something_to_train_on() {
    let (x, y) = (Array2::<Float>::ones((100, 2)), Array1::<Float>::zeros(100));
    let sizes = |share: f64| {
        let mut examples = 0;
        let count = LambdaCallback::new().on_epoch_end(|run| {
            examples = run.examples;
            Ok(())
        });
        let mut model = Dense::new(1).compile(Sgd::default(), MeanSquaredError);
        model.fit(&(&x, &y), Fit::epochs(1).validation_split(share).progress(false).callback(count)).map(|_| examples)
    };
    for (share, held_out) in [(0.29, 29), (0.57, 57), (0.58, 58), (0.07, 7), (0.1, 10), (0.014, 1)] {
        assert_eq!(sizes(share).unwrap(), 100 - held_out, "{share}");
        let (held, rest) = (&x, &y).split(share).unwrap();
        assert_eq!((held.len(), rest.len()), (held_out, 100 - held_out), "{share}");
    }
    assert!(message(sizes(0.004)).starts_with("fit: a validation split of 0.004 holds out none of 100 examples"));
    assert!(
        message(sizes(0.996))
            .starts_with("fit: a validation split of 0.996 leaves nothing to train on of 100 examples")
    );
}

/// Bounds let NaN through, so that what finds it can name it.
#[test]
fn bounds_do_not_hide_nan() {
    let mut weights = ndarray::arr1(&[-1.0, Float::NAN, 2.0]).into_dyn();
    gradus::constraints::Constraint::apply(&gradus::constraints::NonNegative, weights.view_mut());
    assert!(weights[[0]] == 0.0 && weights[[1]].is_nan() && weights[[2]] == 2.0, "{weights}");

    let mut images = ndarray::Array4::<Float>::from_elem((4, 6, 6, 1), 0.5);
    images[[2, 3, 3, 0]] = Float::NAN;
    let data = (images, ndarray::Array1::<Float>::zeros(4));
    let augmented = [
        data.clone().augment(1, RandomBrightness::new(0.2)).training_batch(&[2], 0).unwrap(),
        data.augment(1, RandomContrast::new(0.2)).training_batch(&[2], 0).unwrap(),
    ];
    for batch in augmented {
        assert!(batch.inputs[0][[0, 3, 3, 0]].is_nan());
    }
}
