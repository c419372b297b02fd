//! Models of ONNX files (feature `onnx`).
//!
//! [`Onnx::open`] makes a [`Layer`] of a file that PyTorch, TensorFlow, Keras or scikit-learn has written: it predicts, trains, and is
//! frozen, saved and copied like any other. The operators that are known are listed in [the guide](crate::guide::exchange); one that is not is
//! an error when the file is opened.
//!
//! - Floating point tensors that feed products, convolutions, normalisations, recurrences, sums and products of numbers are parameters
//!   under the names that the file has for them. What depends on no input is computed once. A table of positions that is added is a
//!   parameter too: [freeze](crate::Model::freeze_matching) what is not to be trained.
//! - Inputs and outputs are laid out as in the file: images of PyTorch have their channels first. Between two convolutions they have
//!   them last, and the kernels lie as those of [`Conv2d`](crate::layers::Conv2d) do, so no layer is surrounded by transpositions.
//! - On a tape of training, `BatchNormalization` uses the batch and follows it with ONNX's momentum, and `Dropout` drops, whatever
//!   mode the file was exported in; in inference neither does. Frozen they always infer.
//! - Whole numbers are exact up to 2^24, as everywhere here.

mod export;
mod import;
mod node;
mod operators;
mod program;
mod run;
mod value;

pub use export::Export;

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use prost::Message;

use self::program::{Machine, Program};
use crate::autograd::ParamList;
use crate::autograd::Var;
use crate::config::{Config, Described, Reader, Registry, Setting, Value};
use crate::error::{Error, Result};
use crate::formats::Bytes;
use crate::formats::onnx::proto::{Dimension, Length, ModelProto, ValueInfo};
use crate::formats::onnx::tensors::Files;
use crate::layers::{Layer, Vars};
use crate::tensor::Tensor;

/// A model that was read from an ONNX file.
///
/// `X` and `Y` are what it takes and gives: a [`Var`] for one input or output, a tuple, or a `Vec<Var>` of any number.
///
/// ```no_run
/// use gradus::prelude::*;
/// use gradus::onnx::Onnx;
/// let model = Onnx::<Var, Var>::open("resnet18.onnx")?;
/// println!("{model}");
/// let mut trainer = model.compile(Sgd::new(0.01), SparseCrossEntropy::from_logits());
/// # let (images, labels) = (ndarray::Array4::<f32>::zeros((8, 3, 224, 224)), ndarray::Array1::<f32>::zeros(8));
/// trainer.fit(&(images, labels), Fit::epochs(1))?;
/// trainer.model.save("tuned.safetensors")?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Onnx<X = Vec<Var>, Y = Vec<Var>> {
    machine: Machine,
    arrangement: PhantomData<fn(X) -> Y>,
}

impl<X: Vars, Y: Vars> Onnx<X, Y> {
    /// Opens a file. Tensors in files beside it (`.onnx.data`) are read too, if they are in the same folder or below.
    ///
    /// # Errors
    /// a file that cannot be read, or is not a valid model; operators and types that are not supported; another number of inputs or outputs
    /// than `X` and `Y` have
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &[])
    }

    /// Opens a file some of whose inputs always have the same values, such as a sampling rate: these are no inputs of the model then,
    /// and of branches that they decide only the one that is taken is there.
    ///
    /// ```no_run
    /// use gradus::prelude::*;
    /// use gradus::onnx::Onnx;
    /// // Of the inputs `input`, `state` and `sr`, the first two are left.
    /// let model = Onnx::<(Var, Var), (Var, Var)>::open_with("silero_vad.onnx", &[("sr", Tensor::from_elem(vec![], 16_000.0))])?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// as those of [`Onnx::open`]; a name that no input has
    pub fn open_with(path: impl AsRef<Path>, fixed: &[(&str, Tensor)]) -> Result<Self> {
        let path = path.as_ref();
        let bytes = Bytes::open(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::read(bytes.as_ref(), Files::beside(Some(folder)), fixed).map_err(|error| Error::file(path, error))
    }

    /// Reads a model from the bytes of a file.
    ///
    /// # Errors
    /// as those of [`Onnx::open`]; tensors in other files
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, Files::beside(None), &[])
    }

    fn read(bytes: &[u8], mut files: Files<'_>, fixed: &[(&str, Tensor)]) -> Result<Self> {
        let model =
            ModelProto::decode(bytes).map_err(|error| Error::value(format!("is not a valid ONNX model: {error}")))?;
        let (program, values) = import::program(model, &mut files, fixed)?;
        let model = Self::of(program)?;
        for (weight, value) in model.machine.weights.iter().zip(values) {
            weight.param.put(value)?;
        }
        Ok(model)
    }

    fn of(program: Program) -> Result<Self> {
        let fits = |count: Option<usize>, own: usize| count.is_none_or(|count| count == own);
        let (inputs, outputs) = (program.inputs.len(), program.outputs.len());
        if !fits(X::COUNT, inputs) || !fits(Y::COUNT, outputs) {
            return Err(Error::value(format!(
                "the model has {inputs} inputs and {outputs} outputs; say so by the type, such as `Onnx<Var, Var>` for one each or \
                 `Onnx` for any number"
            )));
        }
        Ok(Self { machine: Machine::new(program)?, arrangement: PhantomData })
    }

    /// Returns the lengths of one example of each input, without the batch, in order; `None` is a length that is open.
    pub fn input_shapes(&self) -> Vec<Vec<Option<usize>>> {
        let of = |info: &ValueInfo| {
            let shape = info.r#type.as_ref()?.tensor.as_ref()?.shape.as_ref()?;
            let length = |dimension: &Dimension| match dimension.length {
                Some(Length::Known(len)) => usize::try_from(len).ok(),
                _ => None,
            };
            Some(shape.dim.iter().skip(1).map(length).collect())
        };
        self.machine.program.inputs.iter().map(|info| of(info).unwrap_or_default()).collect()
    }

    /// Returns the names of the inputs, in order.
    pub fn input_names(&self) -> Vec<String> {
        self.machine.program.inputs.iter().map(|info| info.name.clone()).collect()
    }
}

impl<X: Vars, Y: Vars> Layer<X, Y> for Onnx<X, Y> {
    fn forward(&self, x: &X) -> Result<Y> {
        Y::from_list("the model", self.machine.run(&x.to_list())?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.machine.weights.iter().for_each(|weight| list.add(&weight.name, &weight.param));
        let mut dropouts: Vec<_> = self.machine.dropouts.iter().collect();
        dropouts.sort_by_key(|(place, _)| **place);
        dropouts.into_iter().for_each(|(_, (name, dropout))| list.nest(name, dropout));
    }

    fn config(&self) -> Config {
        let program = &self.machine.program;
        let config = Config::new(Self::KIND).with("program", &to_text(&program.encode_to_vec()));
        match &program.outputs[..] {
            [_] => config,
            outputs => config.with("outputs", &outputs.iter().map(|info| info.name.clone()).collect::<Vec<_>>()),
        }
    }
}

impl<X: Vars, Y: Vars> Described for Onnx<X, Y> {
    const KIND: &'static str = "Onnx";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["program", "outputs"])?;
        let bytes = from_text(&from.get::<String>("program")?);
        let program = bytes.and_then(|bytes| Program::decode(&*bytes).ok());
        Self::of(program.ok_or_else(|| Error::value("expected a program of an ONNX model, got another text"))?)
    }
}

impl<X: Vars, Y: Vars> Setting for Onnx<X, Y> {
    fn to_value(&self) -> Value {
        Value::Config(self.config())
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        value.described(registry)
    }
}

/// A line for each node, with what it takes.
impl<X, Y> fmt::Display for Onnx<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program { inputs, outputs, steps, .. } = &self.machine.program;
        let names = |infos: &[ValueInfo]| infos.iter().map(|info| info.name.as_str()).collect::<Vec<_>>().join(", ");
        write!(f, "Onnx({}) -> ({})", names(inputs), names(outputs))?;
        for step in steps {
            let given = step.then.as_ref().unwrap_or(&step.node).output.join(", ");
            let then = step.then.as_ref().map_or(String::new(), |then| format!(" + {}", then.op_type));
            write!(f, "\n    {given} = {}{then}({})", step.node.op_type, step.node.input.join(", "))?;
        }
        Ok(())
    }
}

impl<X, Y> fmt::Debug for Onnx<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

pub(crate) fn register(registry: Registry) -> Registry {
    registry.layer::<Onnx<Var, Var>, Var, Var>().layer::<Onnx, Vec<Var>, Vec<Var>>()
}

/// Bytes as a text, two digits each.
fn to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_text(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair.first()?)? * 16 + digit(pair.get(1)?)?) as u8)).collect()
}
