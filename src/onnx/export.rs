//! From a model to a file: its forward pass is traced twice, with batches of different lengths, so that what differs is the batch. Axes that
//! are to be open too are shorter in the second pass; a third one checks what was made of both.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use ndarray::Axis;
use prost::Message;

use super::Onnx;
use super::import::encode;
use super::value::ElementType;
use crate::autograd::{Layer, OnnxAttribute, OnnxNode, ParamList, Tape, Traced, Var, Vars};
use crate::data::Inputs;
use crate::error::{Error, Result};
use crate::files::write_file;
use crate::formats::onnx::proto::{
    Attribute, Dimension, GraphProto, Length, ModelProto, NodeProto, OperatorSet, Shape, TensorProto, TensorType, Type,
    ValueInfo,
};
use crate::tensor::{Tensor, data, tensor};

/// The lengths of the batches.
const BATCHES: [usize; 3] = [2, 3, 4];

/// Operators of each number alone, and of two numbers in the same place: the order of axes does not matter to them.
const ONE: &[&str] = &[
    "Relu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Mish",
    "Selu",
    "HardSwish",
    "HardSigmoid",
    "LeakyRelu",
    "Elu",
    "Celu",
    "Clip",
    "Exp",
    "Log",
    "Sqrt",
    "Abs",
    "Neg",
    "Erf",
    "Reciprocal",
    "Cast",
    "Identity",
];
const TWO: &[&str] = &["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"];

/// Writes models as ONNX files that other frameworks and onnxruntime read.
///
/// The forward pass is traced in inference mode: what a layer computes by operations on [`Var`] is in the file, whatever type the layer
/// is of. Weights have their paths as names. The first axis of inputs and outputs is the batch, of any length; other lengths are those
/// of the example, except where [`Export::dynamic_axis`] leaves them open. Convolutions and pools, which have their channels last here and
/// first there, are surrounded by transpositions, of which those between neighbours cancel. The file is read back and compared with the
/// model before it is written.
///
/// ```
/// use gradus::prelude::*;
/// use gradus::onnx::{Export, Onnx};
/// let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(3));
/// let x = ndarray::arr2(&[[1.0, 2.0]]);
/// let y = model.predict(&x)?;
/// let bytes = Export::new().to_bytes(&model, &x)?;
/// let difference = &Onnx::<Var, Var>::from_bytes(&bytes)?.predict(&x)? - &y;
/// assert!(difference.iter().all(|x| x.abs() < 1e-6));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Export {
    opset: i64,
    inputs: Vec<String>,
    outputs: Vec<String>,
    axes: Vec<(usize, usize, String)>,
}

impl Default for Export {
    fn default() -> Self {
        Self { opset: 18, inputs: Vec::new(), outputs: Vec::new(), axes: Vec::new() }
    }
}

impl Export {
    /// Creates an export of version 18 of the operators.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the version of the operators, 18 to 22. The default is 18.
    pub fn opset(self, opset: i64) -> Self {
        Self { opset, ..self }
    }

    /// Sets the names of the inputs. The default is `input`, or `input_0`, `input_1`, ...
    pub fn input_names(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { inputs: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the names of the outputs. The default is the model's names of several outputs, or `output`.
    pub fn output_names(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { outputs: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Leaves the length of an axis of an input open, as that of the batch is: such as axis 1 of the first input, 0, for sequences of any
    /// length. Axes of one name have the same length. The model is traced with shorter lengths than the example's, which must be
    /// 3 or more for the first name, 5 for the second, and so on.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// use gradus::onnx::{Export, Onnx};
    /// let model = Sequential::new().add(Lstm::new(4).return_sequences(true)).add(Dense::new(2));
    /// let bytes = Export::new().dynamic_axis(0, 1, "time").to_bytes(&model, &ndarray::Array3::<f32>::ones((1, 5, 3)))?;
    /// let longer = ndarray::Array3::<f32>::ones((2, 9, 3));
    /// assert_eq!(Onnx::<Var, Var>::from_bytes(&bytes)?.predict(&longer)?.shape(), [2, 9, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dynamic_axis(mut self, input: usize, axis: usize, name: impl Into<String>) -> Self {
        self.axes.push((input, axis, name.into()));
        self
    }

    /// Writes a model to a file; `example` is what [`predict`](crate::Model::predict) takes, and one example is enough.
    ///
    /// # Errors
    /// as those of [`Export::to_bytes`]; a file that cannot be written
    pub fn save<X: Vars, Y: Vars>(
        &self,
        model: &(impl Layer<X, Y> + ?Sized),
        example: &impl Inputs,
        path: impl AsRef<Path>,
    ) -> Result<()> {
        write_file(path.as_ref(), &self.to_bytes(model, example)?)
    }

    /// Returns the bytes of a model's file.
    ///
    /// # Errors
    /// an operation that ONNX has no form for; a forward pass that reads numbers (`value`, `item`), of which a trace would show one case
    /// only, or makes constants of them; a batch that is not the first axis; lengths that follow from those of open axes other than by a
    /// factor and a sum; a version of the operators that is not written
    pub fn to_bytes<X: Vars, Y: Vars>(
        &self,
        model: &(impl Layer<X, Y> + ?Sized),
        example: &impl Inputs,
    ) -> Result<Vec<u8>> {
        if !(18..=22).contains(&self.opset) {
            return Err(Error::value(format!("expected a version of ONNX's operators in 18..=22, got {}", self.opset)));
        }
        let count = example.lengths().into_iter().min().filter(|count| *count > 0);
        let count = count.ok_or_else(|| Error::value("export: expected at least one example, got none"))?;
        let mut passes = Vec::new();
        for (i, batch) in BATCHES.into_iter().enumerate().take(if self.axes.is_empty() { 2 } else { 3 }) {
            let rows: Vec<usize> = (0..batch).map(|i| i % count).collect();
            let pass = Pass::of(model, self.shortened(example.gather(&rows)?, i)?);
            passes.push(pass.map_err(|error| if i == 0 { error } else { self.not_open(&error) })?);
        }
        let names: Vec<String> = model.config().output_names();
        let bytes = Writer::new(self, &passes, ParamList::of(model).into_vec())?.write(&passes, &names)?;
        check(&bytes, &passes).map_err(|error| self.not_open(&error))?;
        Ok(bytes)
    }

    fn not_open(&self, error: &Error) -> Error {
        let names: Vec<&str> = self.axes.iter().map(|(.., name)| name.as_str()).collect();
        let text = error.to_string();
        match text.strip_prefix("export: ").unwrap_or(&text) {
            text if names.is_empty() => Error::value(format!("export: {text}")),
            text => Error::value(format!("export: not with other lengths of `{}`: {text}", names.join("`, `"))),
        }
    }

    /// The inputs of a pass: open axes are shorter in later ones, each by another length, so that it can be told from the others.
    fn shortened(&self, mut inputs: Vec<Tensor>, pass: usize) -> Result<Vec<Tensor>> {
        for (input, axis, name) in &self.axes {
            let step = 1 + self.axes.iter().position(|(.., other)| other == name).unwrap_or(0);
            let least = 1 + (BATCHES.len() - 1) * step;
            let len = inputs.get(*input).and_then(|tensor| tensor.shape().get(*axis)).copied();
            let Some(len) = len.filter(|len| *axis > 0 && *len >= least) else {
                let shapes: Vec<&[usize]> = inputs.iter().map(Tensor::shape).collect();
                return Err(Error::value(format!(
                    "export: expected an axis after the first of length {least} or more as `{name}`, got axis {axis} of input {input} of \
                     {shapes:?}"
                )));
            };
            let tensor = inputs[*input].slice_axis(Axis(*axis), (..len - pass * step).into());
            inputs[*input] = tensor.as_standard_layout().into_owned().into_shared();
        }
        Ok(inputs)
    }
}

/// One traced forward pass.
struct Pass {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    operations: Vec<Traced>,
}

impl Pass {
    fn of<X: Vars, Y: Vars>(model: &(impl Layer<X, Y> + ?Sized), inputs: Vec<Tensor>) -> Result<Self> {
        let tape = Tape::inference();
        let vars: Vec<Var> = inputs.iter().map(|input| tape.examples(input.clone())).collect();
        let inputs = vars.iter().map(|var| (*var.value).clone()).collect();
        tape.start_export();
        let y = model.forward(&X::from_list("the model", vars)?)?.to_list();
        let (operations, read) = tape.take_export();
        if read {
            return Err(Error::value(
                "export: the forward pass reads numbers that depend on the input (`value`, `item`, `mask`), so that a trace shows one \
                 case only; compute with operations on `Var`, such as `select`",
            ));
        }
        Ok(Self { inputs, outputs: y.into_iter().map(|y| (*y.value).clone()).collect(), operations })
    }
}

impl Pass {
    /// Which operations the outputs need: a penalty on an activity is another path.
    fn needed(&self) -> Vec<bool> {
        let mut wanted: HashSet<Key> = self.outputs.iter().map(key).collect();
        let (mut needed, mut masks) = (vec![false; self.operations.len()], HashSet::new());
        for (operation, needed) in self.operations.iter().zip(&mut needed).rev() {
            let is_mask = operation.name == "mask" && masks.contains(&operation.output.as_ptr());
            *needed = is_mask || wanted.contains(&key(&operation.output));
            if *needed {
                wanted.extend(operation.inputs.iter().map(|(input, _)| key(input)));
                // A mask is taken in other shapes too.
                masks.extend(operation.inputs.iter().map(|(input, _)| input.as_ptr()));
                for node in operation.form.iter().flat_map(|(nodes, _)| nodes) {
                    if let OnnxNode::Mask(mask) = node {
                        masks.insert(mask.as_ptr());
                    }
                }
            }
        }
        needed
    }
}

/// What holds the same numbers in the same shape: memory that lives as long as the trace.
type Key = (usize, Vec<usize>);

fn key(tensor: &Tensor) -> Key {
    (tensor.as_ptr() as usize, tensor.shape().to_vec())
}

/// A value of the file, and the order of its axes in which it is wanted.
#[derive(Clone)]
enum View {
    Name(String, Vec<usize>),
    /// A parameter, by its path.
    Weight(String, Tensor, Vec<usize>),
    /// Whole numbers in both passes.
    Ints(Vec<i64>, Vec<i64>),
    Absent,
}

impl View {
    fn plain(name: String) -> Self {
        Self::Name(name, Vec::new())
    }

    /// The order of axes; empty if it is that of the value.
    fn order(&self) -> &[usize] {
        match self {
            Self::Name(_, order) | Self::Weight(_, _, order) => order,
            _ => &[],
        }
    }

    fn permuted(&self, axes: &[usize]) -> Self {
        let own = self.order();
        let mut order: Vec<usize> = axes.iter().map(|axis| own.get(*axis).copied().unwrap_or(*axis)).collect();
        if order.iter().enumerate().all(|(i, axis)| i == *axis) {
            order.clear();
        }
        match self {
            Self::Name(name, _) => Self::Name(name.clone(), order),
            Self::Weight(path, value, _) => Self::Weight(path.clone(), value.clone(), order),
            other => other.clone(),
        }
    }
}

/// An axis whose length is open: its name, where it is, and how long it is in the two passes.
struct Open {
    name: String,
    input: usize,
    axis: usize,
    lengths: [i64; 2],
}

/// A number that follows from open lengths: the product of some of them, times a factor, and what is added to that.
struct Grown {
    places: Vec<usize>,
    factor: i64,
    rest: i64,
}

/// The file as far as it is written.
struct Writer {
    opset: i64,
    /// The batch first.
    open: Vec<Open>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    values: HashMap<Key, View>,
    /// Names of what was written in some order of its axes.
    written: BTreeMap<(String, Vec<usize>), String>,
}

fn attribute(name: &str, value: &OnnxAttribute) -> Attribute {
    let mut attribute = Attribute { name: name.into(), ..Attribute::default() };
    match value {
        OnnxAttribute::Float(number) => (attribute.f, attribute.r#type) = (*number, 1),
        OnnxAttribute::Int(number) => (attribute.i, attribute.r#type) = (*number, 2),
        OnnxAttribute::Text(text) => (attribute.s, attribute.r#type) = (text.as_bytes().into(), 3),
        OnnxAttribute::Ints(numbers) => (attribute.ints, attribute.r#type) = (numbers.clone(), 7),
        OnnxAttribute::Texts(texts) => {
            (attribute.strings, attribute.r#type) = (texts.iter().map(|text| text.as_bytes().into()).collect(), 8);
        }
    }
    attribute
}

impl Writer {
    fn new(export: &Export, passes: &[Pass], parameters: Vec<(String, crate::autograd::Param)>) -> Result<Self> {
        let default = |count: usize, name: &str| match count {
            1 => vec![name.to_owned()],
            _ => (0..count).map(|i| format!("{name}_{i}")).collect(),
        };
        let count = passes[0].inputs.len();
        let inputs = if export.inputs.is_empty() { default(count, "input") } else { export.inputs.clone() };
        if inputs.len() != count {
            return Err(Error::value(format!("export: expected {count} names of inputs, got {}", inputs.len())));
        }
        let mut values = HashMap::new();
        for (path, param) in parameters {
            if let Some(value) = param.value() {
                values.insert(key(&value), View::Weight(path, value, Vec::new()));
            }
        }
        for (name, input) in inputs.iter().zip(&passes[0].inputs) {
            values.insert(key(input), View::plain(name.clone()));
        }
        let mut open: Vec<Open> = Vec::new();
        for (input, axis, name) in [(0, 0, "batch".to_owned())].iter().chain(&export.axes) {
            let lengths = [0, 1].map(|pass| passes[pass].inputs[*input].shape()[*axis] as i64);
            match open.iter().find(|known| known.name == *name) {
                Some(known) if known.lengths == lengths => {}
                Some(known) => {
                    let (known, len) = (known.lengths[0], lengths[0]);
                    return Err(Error::value(format!(
                        "export: axes of the name `{name}` have the lengths {known} and {len}"
                    )));
                }
                None => open.push(Open { name: name.clone(), input: *input, axis: *axis, lengths }),
            }
        }
        let outputs = export.outputs.clone();
        let (nodes, initializers, written) = (Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self { opset: export.opset, open, inputs, outputs, nodes, initializers, values, written })
    }

    /// Adds a node and returns the name of its first output.
    fn node(&mut self, op: &str, inputs: Vec<String>, outputs: usize, attributes: Vec<Attribute>) -> String {
        let name = format!("{}_{}", op.to_lowercase(), self.nodes.len());
        let output = (0..outputs).map(|i| if i == 0 { name.clone() } else { format!("{name}.{i}") }).collect();
        let node = NodeProto {
            input: inputs,
            output,
            op_type: op.into(),
            attribute: attributes,
            name: name.clone(),
            ..NodeProto::default()
        };
        self.nodes.push(node);
        name
    }

    fn numbers(&mut self, name: &str, value: &Tensor) -> String {
        let name = if name.is_empty() { format!("constant_{}", self.initializers.len()) } else { name.into() };
        #[allow(clippy::unnecessary_cast)] // Not with `float64`.
        let raw_data = value.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
        let dims = value.shape().iter().map(|len| *len as i64).collect();
        self.initializers.push(TensorProto {
            name: name.clone(),
            dims,
            data_type: 1,
            raw_data,
            ..TensorProto::default()
        });
        name
    }

    fn ints(&mut self, numbers: &[i64]) -> String {
        let name = format!("ints{numbers:?}").replace(' ', "");
        if !self.initializers.iter().any(|known| known.name == name) {
            let dims = vec![numbers.len() as i64];
            let raw_data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            self.initializers.push(TensorProto {
                name: name.clone(),
                dims,
                data_type: 7,
                raw_data,
                ..TensorProto::default()
            });
        }
        name
    }

    /// The name of a view whose axes are in its order.
    fn name(&mut self, view: &View, op: &str) -> Result<String> {
        let (base, order) = match view {
            View::Absent => return Ok(String::new()),
            View::Ints(first, second) => return self.lengths(first, second, op),
            View::Name(name, order) if order.is_empty() => return Ok(name.clone()),
            View::Name(name, order) | View::Weight(name, _, order) => (name.clone(), order.clone()),
        };
        if let Some(known) = self.written.get(&(base.clone(), order.clone())) {
            return Ok(known.clone());
        }
        let name = match view {
            View::Weight(path, value, _) => {
                let is_first = !self.written.keys().any(|(known, _)| known == path);
                let name = if is_first { path.clone() } else { format!("{path}.{order:?}").replace(' ', "") };
                match order.is_empty() {
                    true => self.numbers(&name, value),
                    false => self.numbers(&name, &value.clone().permuted_axes(&order[..])),
                }
            }
            _ => {
                let axes = OnnxAttribute::Ints(order.iter().map(|axis| *axis as i64).collect());
                self.node("Transpose", vec![base.clone()], 1, vec![attribute("perm", &axes)])
            }
        };
        self.written.insert((base, order), name.clone());
        Ok(name)
    }

    /// How a number follows from the lengths that are open.
    fn grown(&self, first: i64, second: i64) -> Option<Grown> {
        let mut found = None;
        for set in 1_usize..1 << self.open.len().min(8) {
            let places: Vec<usize> = (0..self.open.len()).filter(|i| set >> i & 1 == 1).collect();
            let [small, large] = [0, 1].map(|pass| places.iter().map(|i| self.open[*i].lengths[pass]).product::<i64>());
            let factor = (second - first).checked_div(large - small).unwrap_or(0);
            if factor < 1 || factor * (large - small) != second - first {
                continue;
            }
            let grown = Grown { rest: first - factor * small, places, factor };
            if grown.rest == 0 {
                return Some(grown);
            }
            // Nothing is added to a batch.
            if found.is_none() && grown.places[0] != 0 {
                found = Some(grown);
            }
        }
        found
    }

    /// Whole numbers, of which those that differ between the passes follow from the lengths that are open.
    fn lengths(&mut self, first: &[i64], second: &[i64], op: &str) -> Result<String> {
        if first == second {
            return Ok(self.ints(first));
        }
        let mut grown = Vec::new();
        for (a, b) in first.iter().zip(second) {
            grown.push((a != b).then(|| self.grown(*a, *b)));
        }
        if first.len() != second.len() || grown.iter().any(|grown| matches!(grown, Some(None))) {
            let names: Vec<&str> = self.open.iter().map(|open| open.name.as_str()).collect();
            return Err(Error::value(format!(
                "export: `{op}` has the numbers {first:?} in one pass and {second:?} in another, which do not follow from the length of `{}`",
                names.join("`, `")
            )));
        }
        let differing: Vec<usize> = (0..first.len()).filter(|i| first[*i] != second[*i]).collect();
        if let (&[place], "Reshape") = (&differing[..], op) {
            let mut open = first.to_vec();
            open[place] = -1;
            return Ok(self.ints(&open));
        }
        let mut parts = Vec::new();
        for (number, grown) in first.iter().zip(grown) {
            parts.push(match grown.flatten() {
                None => self.ints(&[*number]),
                Some(grown) => self.computed_length(&grown),
            });
        }
        match &parts[..] {
            [only] => Ok(only.clone()),
            _ => Ok(self.node("Concat", parts, 1, vec![attribute("axis", &OnnxAttribute::Int(0))])),
        }
    }

    fn computed_length(&mut self, grown: &Grown) -> String {
        let mut name = self.length(grown.places[0]);
        for place in &grown.places[1..] {
            let other = self.length(*place);
            name = self.node("Mul", vec![name, other], 1, Vec::new());
        }
        for (op, number, nothing) in [("Mul", grown.factor, 1), ("Add", grown.rest, 0)] {
            if number != nothing {
                let number = self.ints(&[number]);
                name = self.node(op, vec![name, number], 1, Vec::new());
            }
        }
        name
    }

    /// The length of an open axis.
    fn length(&mut self, place: usize) -> String {
        let Open { name, input, axis, .. } = &self.open[place];
        let key = (format!("length of {name}"), Vec::new());
        if let Some(known) = self.written.get(&key) {
            return known.clone();
        }
        let [start, end] =
            [("start", *axis), ("end", axis + 1)].map(|(name, axis)| attribute(name, &OnnxAttribute::Int(axis as i64)));
        let name = self.node("Shape", vec![self.inputs[*input].clone()], 1, vec![start, end]);
        self.written.insert(key, name.clone());
        name
    }

    /// A tensor that no operation before has given: a parameter, or a constant.
    fn known(&mut self, [first, second]: [&Tensor; 2], is_constant: bool, op: &str) -> Result<View> {
        if let Some(view) = self.values.get(&key(first)) {
            return Ok(view.clone());
        }
        if let Some(view) = self.reshaped([first, second])? {
            return Ok(view);
        }
        if !is_constant {
            return Err(Error::value(format!(
                "export: `{op}` takes numbers that no operation made of the input: put constants on the tape by `Tape::constant`, and \
                 compute masks by operations on `Var`"
            )));
        }
        let view = if first == second {
            View::plain(self.numbers("", first))
        } else {
            let number = first.first().copied().unwrap_or(0.0);
            if first.iter().chain(second).any(|x| *x != number) {
                return Err(Error::value(format!(
                    "export: `{op}` takes a constant that differs with the lengths of the input"
                )));
            }
            let whole = |tensor: &Tensor| tensor.shape().iter().map(|len| *len as i64).collect::<Vec<_>>();
            let shape = self.lengths(&whole(first), &whole(second), op)?;
            let fill = encode("", &tensor(&[1], vec![number]), ElementType::FLOAT);
            let fill = Attribute { name: "value".into(), t: Some(fill), r#type: 4, ..Attribute::default() };
            View::plain(self.node("ConstantOfShape", vec![shape], 1, vec![fill]))
        };
        self.values.insert(key(first), view.clone());
        Ok(view)
    }

    /// A tensor that has the numbers of a known one in another shape, as a mask in the shape of what it is multiplied with.
    fn reshaped(&mut self, [first, second]: [&Tensor; 2]) -> Result<Option<View>> {
        let (place, shape) = key(first);
        let is_same = |(at, other): &&Key| *at == place && other.iter().product::<usize>() == first.len();
        let Some(known) = self.values.keys().find(is_same).filter(|_| !first.is_empty()).cloned() else {
            return Ok(None);
        };
        let base = self.name(&self.values[&known].clone(), "Reshape")?;
        let whole = |tensor: &Tensor| tensor.shape().iter().map(|len| *len as i64).collect::<Vec<_>>();
        let lengths = self.lengths(&whole(first), &whole(second), "Reshape")?;
        let view = View::plain(self.node("Reshape", vec![base, lengths], 1, Vec::new()));
        self.values.insert((place, shape), view.clone());
        Ok(Some(view))
    }

    /// Adds the nodes of one operation, as both passes have it.
    fn operation(&mut self, [first, second]: [&Traced; 2]) -> Result<()> {
        if self.values.contains_key(&key(&first.output)) {
            return Ok(());
        }
        let op = short(first.name);
        let (Some((nodes, output)), Some((others, _))) = (&first.form, &second.form) else {
            return Err(Error::value(format!(
                "export: the operation `{op}` has no form in ONNX (or not with this mask); write it with operations on `Var`, or give it \
                 one by `Op::onnx`"
            )));
        };
        let mut local: HashMap<String, View> = HashMap::new();
        for (i, ((a, is_constant), (b, _))) in first.inputs.iter().zip(&second.inputs).enumerate() {
            let view = self.known([a, b], *is_constant, op)?;
            local.insert(format!("in{i}"), view);
        }
        for (i, both) in nodes.iter().zip(others).enumerate() {
            match both {
                (OnnxNode::Ints(a), OnnxNode::Ints(b)) => {
                    _ = local.insert(format!("n{i}"), View::Ints(a.clone(), b.clone()))
                }
                (OnnxNode::Numbers(a), OnnxNode::Numbers(b)) => {
                    let view = self.known([a, b], true, op)?;
                    local.insert(format!("n{i}"), view);
                }
                (OnnxNode::Mask(a), OnnxNode::Mask(b)) => {
                    let view = self.known([a, b], false, op)?;
                    local.insert(format!("n{i}"), view);
                }
                (
                    OnnxNode::Node { op: name, inputs, outputs, attributes },
                    OnnxNode::Node { attributes: other, .. },
                ) => {
                    if attributes != other {
                        return Err(Error::value(format!("export: `{op}` depends on the lengths of the input")));
                    }
                    let of = |input: &String| {
                        if input.is_empty() { View::Absent } else { local.get(input).cloned().unwrap_or(View::Absent) }
                    };
                    let inputs: Vec<View> = inputs.iter().map(of).collect();
                    let views = self.computed(name, &inputs, *outputs, attributes)?;
                    for (place, view) in views.into_iter().enumerate() {
                        local.insert(if place == 0 { format!("n{i}") } else { format!("n{i}.{place}") }, view);
                    }
                }
                _ => return Err(Error::value(format!("export: `{op}` is another operation for another batch"))),
            }
        }
        let view = local.get(output).cloned().unwrap_or(View::Absent);
        self.values.insert(key(&first.output), view);
        Ok(())
    }

    /// The outputs of a node; a transposition waits until somebody needs it.
    fn computed(
        &mut self,
        op: &str,
        inputs: &[View],
        outputs: usize,
        attributes: &[(&str, OnnxAttribute)],
    ) -> Result<Vec<View>> {
        if let ("Transpose", [(_, OnnxAttribute::Ints(axes))]) = (op, attributes) {
            let axes: Vec<usize> = axes.iter().map(|axis| *axis as usize).collect();
            return Ok(vec![inputs[0].permuted(&axes)]);
        }
        let order = inputs.first().map_or(Vec::new(), |view| view.order().to_vec());
        let is_moved = matches!(inputs.first(), Some(View::Name(..))) && !order.is_empty();
        let same = |view: &View| matches!(view, View::Name(..)) && view.order() == order;
        let passes = is_moved && (ONE.contains(&op) || TWO.contains(&op) && inputs.len() == 2 && same(&inputs[1]));
        let mut names = Vec::new();
        for input in inputs {
            names.push(match input {
                View::Name(base, own) if passes && *own == order => base.clone(),
                other => self.name(other, op)?,
            });
        }
        let attributes = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        let name = self.node(op, names, outputs, attributes);
        let order = if passes { order } else { Vec::new() };
        let rest = (1..outputs).map(|i| View::plain(format!("{name}.{i}")));
        Ok([View::Name(name.clone(), order)].into_iter().chain(rest).collect())
    }

    fn write(mut self, passes: &[Pass], names: &[String]) -> Result<Vec<u8>> {
        let [first, second, ..] = passes else { return Err(Error::value("export: expected two passes")) };
        if first.operations.len() != second.operations.len() {
            return Err(Error::value("export: the forward pass applies other operations to a batch of another length"));
        }
        let needed = first.needed();
        for ((a, b), _) in first.operations.iter().zip(&second.operations).zip(needed).filter(|(_, needed)| *needed) {
            self.operation([a, b])?;
        }
        let count = first.outputs.len();
        let default =
            if names.len() == count { names.to_vec() } else { (0..count).map(|i| format!("output_{i}")).collect() };
        let default = if count == 1 { vec!["output".into()] } else { default };
        let outputs = if self.outputs.len() == count { self.outputs.clone() } else { default };
        for ((a, b), output) in first.outputs.iter().zip(&second.outputs).zip(&outputs) {
            let view = self.known([a, b], false, "the output")?;
            let name = self.name(&view, "the output")?;
            self.nodes.push(NodeProto {
                input: vec![name],
                output: vec![output.clone()],
                op_type: "Identity".into(),
                ..NodeProto::default()
            });
        }
        let whole = self.whole_inputs();
        let info = |(name, [a, b]): (&String, [&Tensor; 2])| self.info(name, a, b, whole.contains(name));
        let input =
            self.inputs.iter().zip(first.inputs.iter().zip(&second.inputs).map(|(a, b)| [a, b])).map(info).collect();
        let output =
            outputs.iter().zip(first.outputs.iter().zip(&second.outputs).map(|(a, b)| [a, b])).map(info).collect();
        let graph =
            GraphProto { node: self.nodes, name: "gradus".into(), initializer: self.initializers, input, output };
        let opset_import = vec![OperatorSet { domain: String::new(), version: self.opset }];
        let model = ModelProto {
            ir_version: 8,
            producer_name: "gradus".into(),
            graph: Some(graph),
            opset_import,
            ..ModelProto::default()
        };
        Ok(model.encode_to_vec())
    }

    /// Inputs that are only read as whole numbers are of that type, as others expect ids to be.
    fn whole_inputs(&mut self) -> Vec<String> {
        let is_cast =
            |node: &NodeProto| node.op_type == "Cast" && node.attribute.iter().any(|attribute| attribute.i == 7);
        let mut whole = Vec::new();
        for input in &self.inputs {
            let mut readers = self.nodes.iter().filter(|node| node.input.contains(input)).peekable();
            if readers.peek().is_some() && readers.all(|node| is_cast(node) || node.op_type == "Shape") {
                whole.push(input.clone());
            }
        }
        let (casts, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.nodes)
            .into_iter()
            .partition(|node| is_cast(node) && whole.contains(&node.input[0]));
        self.nodes = rest;
        for name in self.nodes.iter_mut().flat_map(|node| &mut node.input) {
            if let Some(cast) = casts.iter().find(|cast| cast.output[0] == *name) {
                *name = cast.input[0].clone();
            }
        }
        whole
    }

    /// The type and shape of an input or output.
    fn info(&self, name: &str, first: &Tensor, second: &Tensor, is_whole: bool) -> ValueInfo {
        let length = |(a, b): (&usize, &usize)| {
            let (a, b) = (*a as i64, *b as i64);
            if a == b {
                return Dimension { length: Some(Length::Known(a)) };
            }
            let named = self.grown(a, b).filter(|grown| (grown.factor, grown.rest) == (1, 0));
            let name = named.map(|Grown { places, .. }| {
                let names: Vec<&str> = places.iter().map(|place| self.open[*place].name.as_str()).collect();
                names.join("*")
            });
            Dimension { length: name.map(Length::Named) }
        };
        let dim = first.shape().iter().zip(second.shape()).map(length).collect();
        let tensor = TensorType { elem_type: if is_whole { 7 } else { 1 }, shape: Some(Shape { dim }) };
        ValueInfo { name: name.into(), r#type: Some(Type { tensor: Some(tensor), ..Type::default() }) }
    }
}

fn short(name: &str) -> &str {
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit("::").next().unwrap_or(plain)
}

/// Reads the file back and compares its outputs with the model's.
fn check(bytes: &[u8], passes: &[Pass]) -> Result<()> {
    let onnx = Onnx::<Vec<Var>, Vec<Var>>::from_bytes(bytes)?;
    for pass in passes {
        let tape = Tape::inference();
        let inputs: Vec<Var> = pass.inputs.iter().map(|input| tape.examples(input.clone())).collect();
        let outputs = onnx.forward(&inputs)?;
        for (got, want) in outputs.iter().zip(&pass.outputs) {
            let largest = data(want).iter().fold(1.0, |largest: crate::tensor::Float, x| largest.max(x.abs()));
            let near = got.value.shape() == want.shape()
                && data(&got.value)
                    .iter()
                    .zip(data(want))
                    .all(|(a, b)| a == b || (a - b).abs() <= 1e-3 * largest || a.is_nan() && b.is_nan());
            if !near {
                return Err(Error::value(
                    "export: the outputs of the file differ from those of the model; does the forward pass depend on more than its input?",
                ));
            }
        }
    }
    Ok(())
}
