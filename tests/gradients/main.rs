//! One table with a row for each operation, activation, loss, layer and option, and what is checked of each row.
//!
//! Run it under `RUSTFLAGS="--cfg float64"` too: gradients then agree with finite differences to 1e-6.

mod activations;
mod arrays;
mod attention;
mod by_example;
mod complete;
mod convolution;
mod data;
mod extremes;
mod layers;
mod loss_options;
mod losses;
mod models;
mod normalisation;
#[cfg(all(feature = "onnx", not(float64)))]
mod onnx;
mod ops;
mod recurrent;
mod sampling;
mod structure;

use gradus::gradcheck::GradCheck;
use gradus::prelude::*;
use ndarray::{ArrayD, Axis, concatenate};

/// Something to run on variables.
pub(crate) type Forward = Box<dyn Fn(&[Var]) -> Result<Var>>;

/// A function of variables.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) f: Forward,
}

/// A layer with an input, under the name `layer` in a model of its own.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) make: Box<dyn Fn() -> Sequential>,
    pub(crate) input: Tensor,
    /// A shape that the layer refuses after it has seen the input.
    pub(crate) refused: Option<Vec<usize>>,
}

pub(crate) fn function(
    name: impl Into<String>,
    inputs: &[Tensor],
    f: impl Fn(&[Var]) -> Result<Var> + 'static,
) -> Function {
    Function { name: name.into(), inputs: inputs.to_vec(), f: Box::new(f) }
}

pub(crate) fn layer<L: Layer>(
    name: impl Into<String>,
    shape: &[usize],
    refused: Option<&[usize]>,
    make: impl Fn() -> L + 'static,
) -> Row {
    Row {
        name: name.into(),
        make: Box::new(move || Sequential::new().add_named("layer", make())),
        input: numbers(shape),
        refused: refused.map(<[_]>::to_vec),
    }
}

/// Numbers from -1.5 to 1.5 in no order, all different and none near 0, so that no kink is within a step.
pub(crate) fn numbers(shape: &[usize]) -> Tensor {
    let len: usize = shape.iter().product();
    let number = |i: usize| ((i * 7919 % len) as Float + 0.3) / len as Float * 3.0 - 1.5;
    Tensor::from_shape_vec(shape, (0..len).map(number).collect()).unwrap()
}

/// Numbers from 0.5 to 2.
pub(crate) fn positive(shape: &[usize]) -> Tensor {
    numbers(shape).mapv(|x| 1.25 + x / 2.0).into_shared()
}

fn functions() -> Vec<Function> {
    [
        ops::table(),
        arrays::table(),
        activations::functions(),
        attention::functions(),
        losses::table(),
        loss_options::table(),
        normalisation::functions(),
        recurrent::functions(),
        sampling::functions(),
        structure::functions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn layer_rows() -> Vec<Row> {
    [
        layers::table(),
        activations::layers(),
        attention::table(),
        convolution::table(),
        data::table(),
        models::table(),
        normalisation::table(),
        recurrent::table(),
        sampling::table(),
        structure::table(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs a check on each layer; fails with all that failed.
fn each_layer(check: impl Fn(&Row) -> Result<(), String>) {
    let failed: Vec<String> =
        layer_rows().iter().filter_map(|row| check(row).err().map(|error| format!("{}: {error}", row.name))).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.iter().map(|x| f64::from(*x).to_bits()).collect()
}

fn values(model: &Sequential) -> Vec<(String, Vec<u64>)> {
    model.parameters().iter().map(|(path, param)| (path.clone(), bits(&param.value().unwrap()))).collect()
}

/// The input several times over, so that it is worth several threads and parts.
fn many(input: &Tensor) -> ArrayD<Float> {
    let parts: Vec<_> =
        (0..24_usize.div_ceil(input.shape()[0])).map(|i| input.mapv(|x| x + i as Float / 50.0)).collect();
    concatenate(Axis(0), &parts.iter().map(|part| part.view()).collect::<Vec<_>>()).unwrap()
}

/// A loss that needs no targets of a certain shape.
fn loss(y: &Var, _: &Tensor) -> Result<Var> {
    Ok((y + 0.3).square().mean())
}

/// In `f32` with a step so small that no rectifier or maximum changes sides within it.
fn check() -> GradCheck {
    if cfg!(float64) { GradCheck::default() } else { GradCheck::default().step(4e-4) }
}

#[test]
fn gradients_of_functions_agree_with_finite_differences() {
    let failed: Vec<String> = functions()
        .iter()
        .filter_map(|row| check().check(&row.f, &row.inputs).err().map(|error| format!("{}: {error}", row.name)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Also fails if a trainable parameter has no gradient.
#[test]
fn gradients_of_layers_agree_with_finite_differences() {
    each_layer(|row| {
        // Hundreds of windows: some maximum always changes places within a step that `f32` can resolve.
        if cfg!(not(float64)) && row.name.ends_with("by Winograd") {
            return Ok(());
        }
        for training in [true, false] {
            let check = check().training(training);
            check.check_layer(&(row.make)(), std::slice::from_ref(&row.input)).map_err(text)?;
        }
        Ok(())
    });
}

#[test]
fn loading_gives_the_bits_that_were_saved() {
    let directory = tempfile::tempdir().unwrap();
    each_layer(|row| {
        let path = directory.path().join("model.safetensors");
        let (old, new) = ((row.make)(), (row.make)());
        // A step first, so that nothing is as it was made.
        let mut trainer = old.compile(Sgd::new(0.01), loss).seed(7);
        let data = many(&row.input);
        trainer.fit(&(&data, &data), Fit::epochs(1).progress(false)).map_err(text)?;
        trainer.save(&path).map_err(text)?;
        new.load(&path).map_err(text)?;
        let run = |model: &Sequential| model.forward(&Tape::inference().input(&row.input)).map_err(text);
        let (old, new) = (run(&trainer.model)?, run(&new)?);
        if bits(old.value()) == bits(new.value()) { Ok(()) } else { Err(format!("{old:?} became {new:?}")) }
    });
}

/// What stands before the layers of some rows to give them ids, pairs or padding, closures, and a cell of these tests: it has no
/// description. `tests/descriptions` has the layers behind it.
const UNDESCRIBED: [&str; 7] = ["Lambda", "Padded", "Paired", "masked", "Var", "to_ids", "Mixing"];

/// Described, written, read and made again, a layer gives the same outputs and gradients, to the bit.
#[test]
fn descriptions_give_the_same_layers() {
    let directory = tempfile::tempdir().unwrap();
    let registry = gradus::config::Registry::default();
    let made = std::cell::Cell::new(0);
    each_layer(|row| {
        let path = directory.path().join("model.safetensors");
        let data = many(&row.input);
        let mut trainer = (row.make)().compile(Sgd::new(0.01), loss).seed(7);
        trainer.fit(&(&data, &data), Fit::epochs(1).progress(false)).map_err(text)?;
        let model = trainer.model;
        if let Err(error) = model.config().check() {
            let error = text(error);
            let is_known = UNDESCRIBED.iter().any(|known| error.contains(&format!("`{known}` cannot be described")));
            return if is_known { Ok(()) } else { Err(error) };
        }
        model.save(&path).map_err(text)?;
        let opened: Sequential = registry.open(&path).map_err(text)?;
        let copy: Sequential = registry.copy(&model).map_err(text)?;
        let pass = |model: &Sequential| {
            let tape = Tape::training().seed(3);
            let x = tape.variable(&data);
            let y = model.forward(&x)?;
            let gradients = (&y * &y).sum().backward()?;
            let of_parameters =
                model.parameters().into_iter().map(|(path, param)| (path, gradients.get(&param).map(bits)));
            Ok::<_, Error>((bits(y.value()), gradients.of(&x).map(bits), of_parameters.collect::<Vec<_>>()))
        };
        let expected = pass(&model).map_err(text)?;
        for twin in [opened, copy] {
            if twin.config() != model.config() {
                return Err(format!("{model:?} became {twin:?}"));
            }
            if pass(&twin).map_err(text)? != expected {
                return Err("outputs or gradients differ".into());
            }
        }
        made.set(made.get() + 1);
        Ok(())
    });
    let rows = layer_rows().len();
    assert!(made.get() * 10 > rows * 8, "{} of {rows} rows were made again", made.get());
}

#[test]
fn bits_do_not_depend_on_threads() {
    each_layer(|row| {
        let data = many(&row.input);
        let step = |threads: usize| {
            let pool = rayon_pool(threads);
            let model = (row.make)();
            let pass = pool.install(|| {
                let tape = Tape::training().seed(3);
                let x = tape.variable(&data);
                let y = model.forward(&x)?;
                let gradients = (&y * &y).sum().backward()?;
                let of_parameters = model.parameters().into_iter().map(|(_, param)| gradients.get(&param).map(bits));
                let of_parameters: Vec<_> = of_parameters.collect();
                Ok::<_, Error>((bits(y.value()), gradients.of(&x).map(bits), of_parameters))
            });
            let mut trainer = (row.make)().compile(Adam::new(0.01), loss).seed(5).threads(threads);
            trainer.fit(&(&data, &data), Fit::epochs(2).batch_size(20).progress(false))?;
            Ok::<_, Error>((pass?, values(&trainer.model), bits(&trainer.predict(&data)?)))
        };
        let (one, three) = (step(1).map_err(text)?, step(3).map_err(text)?);
        if one == three { Ok(()) } else { Err("1 and 3 threads differ".into()) }
    });
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

#[test]
fn a_frozen_layer_stays_as_it_is() {
    each_layer(|row| {
        let data = many(&row.input);
        let model = (row.make)().add(Flatten).add(Dense::new(2));
        model.forward(&Tape::inference().input(&data)).map_err(text)?;
        model.get("layer").unwrap().freeze();
        let before = values(&model);
        let mut trainer = model.compile(Sgd::new(0.1), loss);
        trainer.fit(&(&data, &data), Fit::epochs(1).progress(false)).map_err(text)?;
        for (before, after) in before.iter().zip(values(&trainer.model)) {
            if before.0.starts_with("layer.") != (before.1 == after.1) {
                return Err(format!("`{}` is not frozen, or what follows it is", before.0));
            }
        }
        Ok(())
    });
}

#[test]
fn shape_errors_name_the_layer() {
    each_layer(|row| {
        let Some(refused) = &row.refused else { return Ok(()) };
        let model = (row.make)();
        let run = |x: Tensor| model.forward(&Tape::training().input(&x));
        run(row.input.clone()).map_err(text)?;
        match run(numbers(refused)) {
            Ok(y) => Err(format!("{refused:?} was not refused but gave {:?}", y.shape())),
            Err(error) if error.to_string().starts_with("layer `layer") => Ok(()),
            Err(error) => Err(format!("got the error: {error}")),
        }
    });
}
