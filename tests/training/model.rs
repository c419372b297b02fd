//! What one does with a model: layers of unknown type, copies, predictions without a trainer.

use gradus::ndarray::{Array2, Array4, arr1, arr2};
use gradus::prelude::*;

fn bits(model: &(impl Layer + ?Sized)) -> Vec<(String, Vec<u64>)> {
    let bits = |param: &Param| param.value().into_iter().flatten().map(|x| f64::from(x).to_bits()).collect();
    model.parameters().iter().map(|(path, param)| (path.clone(), bits(param))).collect()
}

fn images(count: usize) -> Array4<Float> {
    Array4::from_shape_fn((count, 8, 8, 1), |(n, i, j, _)| ((n * 7 + i * 3 + j) as Float * 0.3).sin())
}

/// A network whose layers nobody knows before the program runs.
fn boxes() -> Vec<Box<dyn Layer>> {
    vec![
        Box::new(Conv2d::new(4, 3).activation(Relu)),
        Box::new(MaxPool2d::new(2)),
        Box::new(Flatten),
        Box::new(Dense::new(3).activation(Softmax)),
    ]
}

fn known() -> Sequential {
    Sequential::new()
        .add(Conv2d::new(4, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Flatten)
        .add(Dense::new(3).activation(Softmax))
}

#[test]
fn a_network_of_boxes_is_named_and_trains_like_one_of_known_layers() {
    let (x, y) = (images(24), gradus::ndarray::Array1::from_shape_fn(24, |i| (i % 3) as Float));
    let trained = |model: Sequential| {
        let mut trainer = model.compile(Adam::default(), SparseCrossEntropy::default()).seed(4);
        trainer.fit(&(&x, &y), Fit::epochs(2).batch_size(8).progress(false)).unwrap();
        bits(&trainer.model)
    };
    let model = boxes().into_iter().fold(Sequential::new(), Sequential::add);
    assert_eq!(model.names().collect::<Vec<_>>(), ["conv2d", "max_pool2d", "flatten", "dense"]);
    assert_eq!(trained(model), trained(known()));
}

#[test]
fn a_box_alone_is_compiled_saved_loaded_and_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.safetensors");
    let layer: Box<dyn Layer> = Box::new(Dense::new(1));
    let (x, y) = (arr2(&[[1.0], [2.0]]), arr2(&[[1.0], [2.0]]));
    let mut trainer = layer.compile(Sgd::default(), MeanSquaredError);
    trainer.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap();
    trainer.save(&path).unwrap();
    let reference: &dyn Layer = &Dense::new(1);
    reference.load(&path).unwrap();
    assert_eq!(bits(reference), bits(&trainer.model));
    reference.save(folder.path().join("again.safetensors")).unwrap();
    reference.freeze();
    assert!(reference.parameters().iter().all(|(_, param)| param.is_frozen()));
    reference.unfreeze_matching("kernel").unwrap();
    let mut stepper = Stepper::new(Sgd::default());
    let loss = reference.forward(&Tape::training().input(&x)).unwrap().sum();
    stepper.step(reference, loss.backward().unwrap()).unwrap();
    assert!(reference.predict(&x).is_ok());
}

#[test]
fn what_pop_and_replace_give_goes_back_into_a_model() {
    let x = Tape::inference().input(images(2));
    let mut model = known();
    let before = model.forward(&x).unwrap().value().clone();
    let head = model.pop().unwrap();
    let new = model.replace("flatten", GlobalAvgPool2d).unwrap();
    model.replace("flatten", new).unwrap();
    let model = model.add(head);
    assert_eq!(model.names().last(), Some("dense"));
    assert_eq!(model.forward(&x).unwrap().value(), &before);
    // Inside wrappers, too.
    let body: Box<dyn Layer> = Box::new(Dense::new(8));
    let wrapped = Sequential::new().add(TimeDistributed::new(boxes().remove(2))).add(Residual::new(body));
    assert!(wrapped.forward(&Tape::inference().input(images(2))).is_ok());
}

#[test]
fn weights_are_copied_from_model_to_model_or_not_at_all() {
    let network = |units: usize| Sequential::new().add(BatchNorm::new()).add(Dense::new(units)).add(Dense::new(2));
    let x = arr2(&[[1.0, 2.0], [3.0, 5.0]]);
    let source = network(3);
    let error = network(3).copy_weights_from(&source).unwrap_err().to_string();
    assert!(error.contains("without a value yet in the other model: `dense.kernel`"), "{error}");
    source.predict(&x).unwrap();
    source.parameters()[2].1.set(arr1(&[4.0, 5.0])).unwrap();
    let copy = network(3);
    copy.freeze();
    copy.copy_weights_from(&source).unwrap();
    assert_eq!(bits(&copy), bits(&source));
    assert!(copy.parameters().iter().all(|(_, param)| param.is_frozen()));
    // The copy is one of its own.
    source.parameters()[3].1.modify(|w| w.fill(0.0));
    assert_ne!(bits(&copy), bits(&source));

    let other = network(4);
    other.predict(&x).unwrap();
    let before = bits(&other);
    let error = other.copy_weights_from(&source).unwrap_err().to_string();
    assert!(error.contains("`dense.kernel` is [2, 4] here and [2, 3] in the other model"), "{error}");
    assert!(error.contains("`dense_1.kernel`"), "all at once: {error}");
    assert_eq!(bits(&other), before);
    let error = source.copy_weights_from(&Dense::new(1)).unwrap_err().to_string();
    assert!(
        error.contains("not in the other model: `dense.kernel`") && error.contains("not in this model: `kernel`"),
        "{error}"
    );
}

#[test]
fn a_soft_update_moves_by_its_share() {
    let layer = |kernel: Float, bias: Float| {
        let layer = Dense::new(1);
        layer.kernel().set(arr2(&[[kernel]])).unwrap();
        layer.bias().unwrap().set(arr1(&[bias])).unwrap();
        layer
    };
    let numbers = |layer: &Dense| [layer.kernel(), layer.bias().unwrap()].map(|param| param.value().unwrap().sum());
    let (target, online) = (layer(1.0, -2.0), layer(5.0, 6.0));
    target.freeze();
    target.soft_update(&online, 0.25).unwrap();
    assert_eq!(numbers(&target), [2.0, 0.0]);
    target.soft_update(&online, 0.5).unwrap();
    assert_eq!(numbers(&target), [3.5, 3.0]);
    target.soft_update(&online, 0.0).unwrap();
    assert_eq!(numbers(&target), [3.5, 3.0]);
    target.soft_update(&online, 1.0).unwrap();
    assert_eq!(numbers(&target), numbers(&online));
    for tau in [-0.1, 1.1, Float::NAN] {
        assert!(target.soft_update(&online, tau).unwrap_err().to_string().contains("expected a tau in 0..=1"));
    }
    let error = Dense::new(1).soft_update(&online, 0.5).unwrap_err().to_string();
    assert!(error.contains("begin with `copy_weights_from`"), "{error}");
}

/// Of 40,000 standard normal numbers, mean and variance are within 0.02 of 0 and 1, four standard errors or more.
#[test]
fn normal_numbers_are_those_of_their_tape() {
    let draw = |seed: u64| Tape::inference().seed(seed).normal(&[200, 200]).value().clone();
    let numbers = draw(3);
    assert_eq!(numbers, draw(3));
    assert_ne!(numbers, draw(4));
    let mean = numbers.mean().unwrap();
    let variance = numbers.mapv(|x| (x - mean).powi(2)).mean().unwrap();
    assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    let tail = numbers.iter().filter(|x| x.abs() > 1.96).count() as f64 / 40_000.0;
    assert!((tail - 0.05).abs() < 0.005, "{tail}");
}

/// Adds noise of its own to each example.
struct Noisy(Dense);

impl Layer for Noisy {
    fn forward(&self, x: &Var) -> Result<Var> {
        let y = self.0.forward(x)?;
        Ok(&y + y.normal_like())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.0);
    }
}

#[test]
fn normal_numbers_in_training_do_not_depend_on_threads() {
    let x = Array2::from_shape_fn((64, 3), |(i, j)| (i + j) as Float * 0.01);
    let y = Array2::<Float>::ones((64, 1));
    let trained = |threads: usize| {
        let mut trainer = Noisy(Dense::new(1)).compile(Sgd::default(), MeanSquaredError).seed(2).threads(threads);
        trainer.fit(&(&x, &y), Fit::epochs(2).batch_size(32).progress(false)).unwrap();
        bits(&trainer.model)
    };
    assert_eq!(trained(1), trained(3));
}

/// The sum of two inputs.
struct Sum;

impl Layer<(Var, Var)> for Sum {
    fn forward(&self, (a, b): &(Var, Var)) -> Result<Var> {
        Ok(a + b)
    }
}

#[test]
fn any_layer_predicts_as_its_trainer_does() {
    let x = images(300);
    let trainer = known().compile(Sgd::default(), SparseCrossEntropy::default());
    let expected = trainer.predict(&x).unwrap();
    assert_eq!(trainer.model.predict(&x).unwrap(), expected);
    let layer: &dyn Layer = &trainer.model;
    assert_eq!(layer.predict(&x).unwrap(), expected);
    assert_eq!(expected.shape(), [300, 3]);
    // Several inputs.
    let (a, b) = (arr2(&[[1.0], [2.0]]), arr2(&[[10.0], [20.0]]));
    assert_eq!(Sum.predict(&(&a, &b)).unwrap(), arr2(&[[11.0], [22.0]]).into_tensor());
    assert!(Sum.predict(&(&a, &arr2(&[[1.0]]))).is_err());
    assert!(known().predict(&images(0)).is_err());
}
