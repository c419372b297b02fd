//! Converts a model from one framework's file to another's, by what their names end with: shows each layer as it was and as it is written,
//! and checks that both files give the same outputs.
//!
//! ```sh
//! cargo run --example convert --features keras,onnx -- model.keras model.onnx
//! ```
//!
//! It reads `.keras`, `.h5` and `.hdf5` of Keras, `.onnx`, and whole models of this crate (`.safetensors`), and writes `.keras`, `.onnx`
//! and `.safetensors`. What the other format does not have is an error that names the layer.

use std::path::Path;

use clap::Parser;
use gradus::config::{Config, Described, Registry, Value};
use gradus::layers::Graph;
use gradus::onnx::{Export, Onnx};
use gradus::prelude::*;
use gradus::saving::{Keras, Weights};

#[derive(Parser)]
struct Arguments {
    /// The file to read: .keras, .h5, .hdf5, .onnx or .safetensors.
    from: Option<String>,
    /// The file to write: .keras, .onnx or .safetensors.
    to: Option<String>,
    /// The shape of one example, such as 3,224,224, where the file does not say it; once for each input.
    #[arg(long)]
    shape: Vec<String>,
    /// Converts a small model of its own, there and back.
    #[arg(long)]
    smoke: bool,
}

/// A model of one input and one output as one of lists.
struct One(Box<dyn Layer>);

impl Layer<Vec<Var>, Vec<Var>> for One {
    fn forward(&self, x: &Vec<Var>) -> Result<Vec<Var>> {
        let [x] = &x[..] else { return Err(Error::shape(format!("expected one input, got {}", x.len()))) };
        Ok(vec![self.0.forward(x)?])
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.0);
    }

    fn config(&self) -> Config {
        self.0.config()
    }
}

type Whole = Box<dyn Layer<Vec<Var>, Vec<Var>>>;
/// The lengths of an example of each input; `None` is open.
type Shapes = Vec<Vec<Option<usize>>>;

fn extension(path: &str) -> String {
    Path::new(path).extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn open(path: &str) -> Result<(Whole, Shapes)> {
    if extension(path) == "onnx" {
        let model = Onnx::<Vec<Var>, Vec<Var>>::open(path)?;
        println!("{model}");
        let shapes = model.input_shapes();
        // One input and one output are described as such, so that `gradus::open` reads what is written.
        return Ok(match Onnx::<Var, Var>::open(path) {
            Ok(one) => (Box::new(One(Box::new(one))), shapes),
            Err(_) => (Box::new(model), shapes),
        });
    }
    let model: Whole = match gradus::open(path) {
        Ok(model) => Box::new(One(model)),
        Err(error) => match Registry::default().open::<Graph, _, _>(path) {
            Ok(model) => Box::new(model),
            Err(_) => match Registry::default().open::<Onnx, _, _>(path) {
                Ok(model) => Box::new(model),
                Err(_) => return Err(error),
            },
        },
    };
    print_layers(&model.config(), "");
    let description = Weights::open(path)?.metadata("model_config").map(str::to_owned);
    Ok((model, description.map_or_else(Vec::new, |text| keras_shapes(&text))))
}

/// The shapes of inputs that Keras' description has.
fn keras_shapes(text: &str) -> Shapes {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let config = &json["config"];
    let layers = config["layers"].as_array().or_else(|| config.as_array()).cloned().unwrap_or_default();
    let shape = |layer: &serde_json::Value| {
        let config = &layer["config"];
        let shape = config["batch_shape"].as_array().or_else(|| config["batch_input_shape"].as_array())?;
        Some(shape.iter().skip(1).map(|len| len.as_u64().map(|len| len as usize)).collect())
    };
    // Layers lie in the order of their depth, and inputs in the model's.
    let inputs = config["input_layers"].as_array().cloned().unwrap_or_default();
    let inputs = if inputs.first().is_some_and(serde_json::Value::is_string) { vec![inputs.into()] } else { inputs };
    let named = |input: &serde_json::Value| layers.iter().find(|layer| layer["config"]["name"] == input[0]);
    match &inputs[..] {
        [] => layers.iter().filter_map(shape).collect(),
        _ => inputs.iter().filter_map(named).filter_map(shape).collect(),
    }
}

/// A line for each layer.
fn print_layers(config: &Config, indent: &str) {
    let Some(Value::List(layers)) = config.get("layers") else {
        return println!(
            "{indent}{}",
            if config.kind() == Onnx::<Var, Var>::KIND { config.kind().into() } else { config.to_string() }
        );
    };
    println!("{indent}{}", config.kind());
    for layer in layers {
        let Value::List(pair) = layer else { continue };
        let [Value::Text(name), Value::Config(layer)] = &pair[..] else { continue };
        match layer.get("layer") {
            Some(Value::Config(inner)) if inner.get("layers").is_some() => {
                print_layers(inner, &format!("{indent}  {name}: "))
            }
            Some(Value::Config(inner)) => println!("{indent}  {name}: {inner}"),
            _ if layer.get("layers").is_some() => print_layers(layer, &format!("{indent}  {name}: ")),
            _ => println!("{indent}  {name}: {layer}"),
        }
    }
}

/// Two examples for each input: numbers in no order, or ids.
fn examples(shapes: &Shapes, ids: bool) -> Result<Vec<Tensor>> {
    let mut inputs = Vec::new();
    for shape in shapes {
        let shape: Vec<usize> = [2].into_iter().chain(shape.iter().map(|len| len.unwrap_or(8))).collect();
        let number = |i: usize| (i * 7919 % 997) as Float / 500.0 - 1.0;
        let numbers = (0..shape.iter().product()).map(|i| if ids { (i % 2) as Float } else { number(i) });
        inputs.push(Tensor::from_shape_vec(shape, numbers.collect()).map_err(Error::other)?);
    }
    Ok(inputs)
}

fn outputs(model: &Whole, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let tape = Tape::inference();
    let inputs = inputs.iter().map(|input| tape.input(input.clone())).collect();
    Ok(model.forward(&inputs)?.iter().map(|y| y.value().clone()).collect())
}

fn convert(from: &str, to: &str, given: &[String]) -> Result<()> {
    println!("{from}:");
    let (model, mut shapes) = open(from)?;
    if !given.is_empty() {
        let shape = |text: &String| {
            let lengths = text.split(',').map(|len| len.trim().parse().map(Some));
            lengths
                .collect::<Result<_, _>>()
                .map_err(|_| Error::value(format!("expected a shape such as 28,28,1, got {text}")))
        };
        shapes = given.iter().map(shape).collect::<Result<_>>()?;
    }
    if shapes.is_empty() {
        return Err(Error::value(format!(
            "{from} does not say the shapes of its inputs; give `--shape`, once for each"
        )));
    }
    let mut inputs = examples(&shapes, false)?;
    let before = match outputs(&model, &inputs) {
        Ok(before) => before,
        Err(error) => {
            inputs = examples(&shapes, true)?;
            outputs(&model, &inputs).map_err(|_| error)?
        }
    };
    match extension(to).as_str() {
        "onnx" => {
            let mut open = Export::new();
            for (i, shape) in shapes.iter().enumerate() {
                for axis in (0..shape.len()).filter(|axis| shape[*axis].is_none()) {
                    open = open.dynamic_axis(i, axis + 1, format!("length_{}", axis + 1));
                }
            }
            if let Err(error) = open.save(&model, &inputs, to) {
                Export::new().save(&model, &inputs, to)?;
                println!("\nall lengths but the batch's are those of the example: {error}");
            }
        }
        "safetensors" => model.save(to)?,
        "keras" => shapes.iter().fold(Keras::new(), |keras, shape| keras.input(shape.clone())).save(&model, to)?,
        other => {
            let message = format!("expected a file of type .keras, .onnx or .safetensors to write, got .{other}");
            return Err(Error::value(message));
        }
    }
    println!("\n{to}:");
    let after = outputs(&open(to)?.0, &inputs)?;
    let mut far: Float = if before.len() == after.len() { 0.0 } else { Float::INFINITY };
    for (before, after) in before.iter().zip(&after) {
        let differences = before.iter().zip(after).map(|(a, b)| (a - b).abs() / a.abs().max(1.0));
        let most = differences.fold(0.0, |most, far| if far > most || far.is_nan() { far } else { most });
        far = if before.shape() == after.shape() { far.max(most) } else { Float::INFINITY };
    }
    println!("\n{from} -> {to}: the outputs of two examples differ by {far:.1e} at most");
    match far < 1e-4 {
        true => Ok(()),
        false => Err(Error::value(format!("the files give different outputs: {far}"))),
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.smoke {
        let folder = std::env::temp_dir().join(format!("gradus-convert-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let model = Sequential::new().add(Conv2d::new(4, 3).activation(Relu)).add(Flatten).add(Dense::new(3));
        model.predict(&ndarray::Array4::<f32>::ones((1, 6, 6, 2)))?;
        model.save(path("model.safetensors"))?;
        convert(&path("model.safetensors"), &path("model.keras"), &["6,6,2".into()])?;
        convert(&path("model.keras"), &path("model.onnx"), &[])?;
        for (from, to) in [("keras", "keras"), ("keras", "safetensors"), ("onnx", "onnx"), ("onnx", "safetensors")] {
            convert(&path(&format!("model.{from}")), &path(&format!("{from}.again.{to}")), &[])?;
        }
        // A model of nodes, whose shapes the file does not have.
        convert(&path("onnx.again.safetensors"), &path("last.onnx"), &["6,6,2".into()])?;
        return Ok(std::fs::remove_dir_all(&folder)?);
    }
    match (arguments.from, arguments.to) {
        (Some(from), Some(to)) => convert(&from, &to, &arguments.shape),
        _ => Err(Error::value("expected a file to read and a file to write; see --help")),
    }
}
