//! Settings and inputs that nobody means: each row's description with one number changed to an extreme one, and each row's input in other
//! shapes, give results or errors, and never a panic or a long wait.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use gradus::config::{Config, Registry};
use gradus::constraints::Constraint;
use gradus::data::augment::Augment;
use gradus::optimizers::Schedule;
use gradus::prelude::*;
use gradus::rand::SeedableRng;
use gradus::regularizers::Regularizer;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{layer_rows, numbers};

/// What was tried, and what went wrong.
#[derive(Default)]
struct Tried {
    labels: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Tried {
    fn run<T>(&mut self, label: String, f: impl FnOnce() -> Result<T>) {
        if !self.labels.insert(label.clone()) {
            return;
        }
        let start = Instant::now();
        if catch_unwind(AssertUnwindSafe(f)).is_err() {
            self.wrong.push(format!("{label}: panics"));
        }
        if start.elapsed() > Duration::from_secs(20) {
            self.wrong.push(format!("{label}: takes {:?}", start.elapsed()));
        }
    }

    fn check(self, least: usize) {
        assert!(self.labels.len() > least, "{}", self.labels.len());
        assert!(self.wrong.is_empty(), "{} of {}\n{}", self.wrong.len(), self.labels.len(), self.wrong.join("\n"));
    }
}

/// Whole numbers beyond `f64` are written as texts, as are those that are not finite.
fn extremes() -> Vec<Value> {
    let texts = ["18446744073709551615", "9223372036854775807", "-9223372036854775808", "NaN", "inf", "-inf"];
    let numbers = [0.0, -1.0, 0.5, 1.0, 7.0, 4_294_967_295.0, 2_f64.powi(48), 2_f64.powi(62), 1e38, -1e38, 1e-45];
    texts.iter().map(|text| json!(text)).chain(numbers.iter().map(|number| json!(number))).collect()
}

/// Calls `visit` with the setting, the extreme number, and the whole in which it stands.
fn each_change(config: &Config, visit: &mut dyn FnMut(&str, &Value, &Config)) {
    let Ok(text) = config.to_json() else { return };
    let whole: Value = serde_json::from_str(&text).unwrap();
    let mut places = Vec::new();
    find("", &whole, "", &mut places);
    for (setting, place) in places {
        for extreme in extremes() {
            let mut changed = whole.clone();
            *changed.pointer_mut(&place).unwrap() = extreme.clone();
            visit(&setting, &extreme, &Config::from_json(&changed.to_string()).unwrap());
        }
    }
}

/// Finds the places of numbers.
fn find(setting: &str, value: &Value, place: &str, places: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) if object.contains_key("class_name") => {
            let kind = object["class_name"].as_str().unwrap();
            find(kind, &object["config"], &format!("{place}/config"), places);
        }
        Value::Object(object) => {
            for (key, value) in object {
                find(&format!("{setting}.{key}"), value, &format!("{place}/{key}"), places);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                find(setting, item, &format!("{place}/{i}"), places);
            }
        }
        Value::Number(_) | Value::Null => places.push((setting.into(), place.into())),
        _ => {}
    }
}

fn passes(layer: &dyn Layer, input: &Tensor) -> Result<()> {
    for tape in [Tape::inference(), Tape::training().seed(1)] {
        let x = tape.variable(input);
        layer.forward(&x)?.square().sum().backward()?;
        tape.commit()?;
    }
    Ok(())
}

/// Whether a size is one that a machine may have the memory for.
fn is_allocated(setting: &str, extreme: &Value) -> bool {
    extreme.as_f64() == Some(4_294_967_295.0)
        && !["strides", "dilation", "padding", "pool"].iter().any(|name| setting.contains(name))
}

#[test]
fn extreme_settings_of_layers() {
    let registry = Registry::default();
    let mut tried = Tried::default();
    for row in layer_rows() {
        let config = (row.make)().config();
        each_change(&config, &mut |setting, extreme, changed| {
            if is_allocated(setting, extreme) {
                return;
            }
            tried.run(format!("{}: {setting} = {extreme}", row.name), || {
                passes(&*registry.make::<Box<dyn Layer>>(changed)?, &row.input)
            });
        });
    }
    tried.check(10_000);
}

#[test]
fn inputs_of_other_shapes() {
    let mut tried = Tried::default();
    for row in layer_rows() {
        // What stands before the layers of some rows is made for their input.
        if (row.make)().config().check().is_err() {
            continue;
        }
        let shape = row.input.shape();
        let mut shapes = vec![vec![], shape[1..].to_vec(), [shape, &[1]].concat(), [&[1], shape].concat()];
        for axis in 0..shape.len() {
            for length in [0, 1, shape[axis] + 1, 9] {
                let mut other = shape.to_vec();
                other[axis] = length;
                shapes.push(other);
            }
        }
        for shape in shapes {
            tried.run(format!("{} on {shape:?}", row.name), || passes(&(row.make)(), &numbers(&shape)));
            // After it has seen its own.
            tried.run(format!("{} then on {shape:?}", row.name), || {
                let layer = (row.make)();
                passes(&layer, &row.input).and_then(|()| passes(&layer, &numbers(&shape)))
            });
        }
        for number in
            [Float::NAN, Float::INFINITY, Float::NEG_INFINITY, Float::MAX, Float::MIN_POSITIVE, 1e10, -1.0, 0.5]
        {
            let input = Tensor::from_elem(row.input.shape(), number);
            tried.run(format!("{} on {number}", row.name), || passes(&(row.make)(), &input));
        }
    }
    tried.check(5_000);
}

/// Makes one thing of each kind of a family, with plain numbers for what it must be given.
fn each_kind<T: 'static>(registry: &Registry, describe: impl Fn(&T) -> Config) -> Vec<Config> {
    let plain = [json!(2), json!(0.5), json!([0.5, 0.5]), json!([2.0, 1.0]), json!([1, 2]), json!("a"), json!([])];
    let parts = ["Constant", "MeanSquaredError", "Dense", "ConstantRate", "Sgd"];
    let parts = parts.map(|kind| json!({"class_name": kind, "config": {}}));
    let mut all = Vec::new();
    for kind in registry.kinds() {
        let mut settings = serde_json::Map::new();
        'fill: for _ in 0..6 {
            let text = |settings: &_| json!({"class_name": kind, "config": settings}).to_string();
            let made = |settings: &_| registry.make::<T>(&Config::from_json(&text(settings)).unwrap());
            let error = match made(&settings) {
                Ok(thing) => {
                    all.push(describe(&thing));
                    break;
                }
                Err(error) => error.to_string(),
            };
            let Some(name) = error.split("the setting is missing").next().filter(|name| name.len() < error.len())
            else {
                break;
            };
            let name: String = name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
            for value in plain.iter().chain(&parts) {
                settings.insert(name.trim_start_matches(kind).trim_start_matches("setting").into(), value.clone());
                if made(&settings).map_or_else(|error| error.to_string().contains("missing"), |_| true) {
                    continue 'fill;
                }
            }
            break;
        }
    }
    all
}

// What a registry makes is a box, and its description is that of what is in it.
#[allow(clippy::borrowed_box)]
#[test]
fn extreme_settings_of_other_kinds() {
    let registry = Registry::default();
    let mut tried = Tried::default();
    let shares = ndarray::arr2(&[[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]]).into_tensor();
    let pairs = [
        (shares.clone(), ndarray::arr2(&[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]).into_tensor()),
        (shares.clone(), ndarray::arr1(&[1.0, 0.0]).into_tensor()),
        (ndarray::arr2(&[[0.2], [0.7]]).into_tensor(), ndarray::arr2(&[[0.0], [1.0]]).into_tensor()),
        (Tensor::zeros([0, 3].as_slice()), Tensor::zeros([0, 3].as_slice())),
    ];
    let mut of = |family: &str, kinds: Vec<Config>, f: &dyn Fn(&Config) -> Result<()>| {
        assert!(kinds.len() > 1, "{family}: {kinds:?}");
        for config in &kinds {
            tried.run(format!("{family} {config}"), || f(config));
            each_change(config, &mut |setting, extreme, changed| {
                tried.run(format!("{family} {setting} = {extreme}"), || f(changed));
            });
        }
    };
    of("loss", each_kind(&registry, |loss: &Box<dyn Loss>| loss.config()), &|config| {
        let loss: Box<dyn Loss> = registry.make(config)?;
        for (p, t) in &pairs {
            let p = Tape::training().variable(p);
            let _ = loss.loss(&p, t).and_then(|loss| loss.backward());
            let _ = loss.each(&p, t).and_then(|each| each.mean());
        }
        Ok(())
    });
    of("metric", each_kind(&registry, |metric: &Box<dyn Metric>| metric.config()), &|config| {
        let mut metric: Box<dyn Metric> = registry.make(config)?;
        let _ = metric.result();
        for (p, t) in &pairs {
            let _ = metric.update(p, t);
            let _ = metric.update_weighted(p, t, &ndarray::arr1(&[0.0, 2.0]).into_tensor());
            let _ = metric.result();
            let _ = metric.state().map(|state| metric.restore(&state));
        }
        Ok(())
    });
    of("optimizer", each_kind(&registry, |optimizer: &Box<dyn Optimizer>| optimizer.config()), &|config| {
        let mut stepper = Stepper::new(registry.make::<Box<dyn Optimizer>>(config)?);
        let model = Dense::new(2);
        for _ in 0..3 {
            let loss = model.forward(&Tape::training().input(&shares))?.square().sum();
            stepper.step(&model, loss.backward()?)?;
        }
        Ok(())
    });
    of("schedule", each_kind(&registry, |schedule: &Box<dyn Schedule>| schedule.config()), &|config| {
        let schedule: Box<dyn Schedule> = registry.make(config)?;
        let _ = (schedule.check(None), schedule.check(Some(3)), schedule.check(Some(u32::MAX)));
        let _ = (schedule.rate(0), schedule.rate(1), schedule.rate(100), schedule.rate(u32::MAX));
        let model = Dense::new(2).compile(Stepper::new(Sgd::new(0.1)).schedule(schedule), MeanSquaredError);
        { model }
            .fit(&(&shares, &shares.slice_axis(ndarray::Axis(1), (0..2).into())), Fit::epochs(1).progress(false))
            .map(drop)
    });
    of("initializer", each_kind(&registry, |initializer: &Arc<dyn Initializer>| initializer.config()), &|config| {
        let initializer: Arc<dyn Initializer> = registry.make(config)?;
        Dense::new(2).kernel_initializer(initializer.clone()).forward(&Tape::inference().input(&shares))?;
        for shape in [&[][..], &[0], &[3], &[3, 2], &[0, 2], &[2, 2, 3, 1]] {
            initializer.sample(shape, &mut gradus::Rng::seed_from_u64(1));
        }
        Ok(())
    });
    of("constraint", each_kind(&registry, |constraint: &Arc<dyn Constraint>| constraint.config()), &|config| {
        let constraint: Arc<dyn Constraint> = registry.make(config)?;
        for shape in [&[][..], &[0], &[3], &[3, 2], &[0, 2], &[2, 2, 3, 1]] {
            constraint.apply(numbers(shape).into_owned().view_mut());
        }
        Ok(())
    });
    of("regularizer", each_kind(&registry, |regularizer: &Arc<dyn Regularizer>| regularizer.config()), &|config| {
        let regularizer: Arc<dyn Regularizer> = registry.make(config)?;
        for shape in [&[][..], &[0], &[3], &[3, 2], &[0, 2], &[2, 2, 3, 1]] {
            let _ = regularizer.penalty(&Tape::training().variable(numbers(shape))).and_then(|sum| sum.backward());
        }
        Ok(())
    });
    of("augmentation", each_kind(&registry, |augment: &Box<dyn Augment>| augment.config()), &|config| {
        let augment: Box<dyn Augment> = registry.make(config)?;
        for shape in [&[][..], &[0], &[3], &[5, 4, 3], &[0, 4, 3], &[5, 0, 3], &[5, 4, 0], &[1, 1, 1]] {
            let _ = augment.apply(numbers(shape).into_owned(), &mut gradus::Rng::seed_from_u64(1));
            let _ = augment.plain(numbers(shape).into_owned());
        }
        Ok(())
    });
    tried.check(1_000);
}
