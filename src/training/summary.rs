//! Keras' table of a model.

use std::fmt;

use crate::autograd::{Layer, Param, ParamList, Tape, Vars};
use crate::error::{Error, Result};
use crate::tensor::{Tensor, in_memory};

/// The table that [`summary`] makes: layer, output shape, parameters, and their totals. Print it with `{}`.
#[derive(Clone, Debug)]
pub struct Summary {
    kind: String,
    rows: Vec<Row>,
    trainable: usize,
    frozen: usize,
    adapters: usize,
    state: usize,
}

#[derive(Clone, Debug)]
struct Row {
    layer: String,
    shape: String,
    parameters: usize,
    adapters: usize,
    frozen: Frozen,
    from: String,
}

/// Returns the table of a model for inputs of these shapes (one for each input, without the batch axis). Creates the
/// parameters that are not yet there, as a trainer with this seed does.
///
/// # Errors
/// shapes that do not fit the model
/// # Example
/// ```
/// use gradus::training::summary;
/// use gradus::prelude::*;
/// let model = Sequential::new().add(Dense::new(64).activation(Relu)).add(Dense::new(10));
/// let table = summary(&model, &[&[784]], 0)?;
/// assert_eq!(table.total(), 784 * 64 + 64 + 64 * 10 + 10);
/// println!("{table}");
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn summary<X: Vars, Y: Vars>(
    model: &(impl Layer<X, Y> + ?Sized),
    input_shapes: &[&[usize]],
    seed: u64,
) -> Result<Summary> {
    let tape = Tape::inference().seed(seed);
    tape.start_trace();
    if let Some(shape) = input_shapes.iter().find(|shape| in_memory(shape).is_none()) {
        return Err(Error::value(format!(
            "summary: no memory holds an input of shape {shape:?}; give smaller lengths"
        )));
    }
    let inputs = input_shapes.iter().map(|shape| Tensor::zeros([&[1], *shape].concat()));
    let outputs = model.forward(&super::pass::input(&tape, inputs.collect())?)?.to_list();
    let list = ParamList::of(model);
    let noises = list.noises();
    let parameters = list.into_vec();
    let size = |param: &Param| param.value().map_or(0, |value| value.len());
    let row = |prefix: &str, layer: String, shape: String, from: String| {
        let own: Vec<_> = parameters.iter().filter(|(path, _)| path.starts_with(prefix)).collect();
        let is_adapter = |path: &str| path.ends_with(".lora_a") || path.ends_with(".lora_b");
        let (adapters, own): (Vec<_>, Vec<_>) = own.into_iter().partition(|(path, _)| is_adapter(path));
        let mut frozen: Vec<bool> = own.iter().map(|(_, param)| param.is_frozen()).collect();
        if frozen.is_empty() {
            let noises = noises.iter().filter(|(path, _)| path.starts_with(prefix));
            frozen.extend(noises.map(|(_, noise)| noise.is_frozen()));
        }
        let sum = |all: &[&(String, Param)]| all.iter().map(|(_, param)| size(param)).sum::<usize>();
        let (adapters, parameters) = (sum(&adapters), sum(&own));
        Row { layer, shape, parameters: parameters + adapters, adapters, frozen: Frozen::of(&frozen), from }
    };
    let mut rows: Vec<Row> = Vec::new();
    for traced in tape.take_trace() {
        let prefix = format!("{}.", traced.name);
        let shapes = shapes_text(traced.shapes.iter().map(Vec::as_slice));
        rows.push(row(&prefix, format!("{} ({})", traced.name, traced.kind), shapes, traced.from.join(", ")));
    }
    if rows.is_empty() {
        rows.push(row(
            "",
            model.config().kind().into(),
            shapes_text(outputs.iter().map(|var| var.value.shape())),
            String::new(),
        ));
    }
    let count = |keep: &dyn Fn(&Param) -> bool| parameters.iter().filter(|(_, p)| keep(p)).map(|(_, p)| size(p)).sum();
    Ok(Summary {
        kind: model.config().kind().into(),
        adapters: rows.iter().map(|row| row.adapters).sum(),
        rows,
        trainable: count(&Param::is_trainable),
        frozen: count(&|param| !param.is_state() && param.is_frozen()),
        state: count(&Param::is_state),
    })
}

/// How much of a layer is frozen.
#[derive(Clone, Copy, Debug)]
enum Frozen {
    Nothing,
    Partly,
    All,
}

impl Frozen {
    fn of(parts: &[bool]) -> Self {
        match parts.iter().filter(|frozen| **frozen).count() {
            0 => Self::Nothing,
            count if count == parts.len() => Self::All,
            _ => Self::Partly,
        }
    }
}

impl Summary {
    /// Each layer, the shape that it gives, and the names of what it takes if that is not just the layer before.
    #[cfg(feature = "plot")]
    pub(crate) fn boxes(&self) -> impl Iterator<Item = (&str, &str, Vec<&str>)> {
        self.rows.iter().map(|row| {
            let from = row.from.split(", ").filter(|name| !name.is_empty());
            (row.layer.as_str(), row.shape.as_str(), from.collect())
        })
    }

    /// Returns the number of weights, frozen ones and statistics included.
    pub fn total(&self) -> usize {
        self.trainable + self.frozen + self.state
    }

    /// Returns the number of weights that training changes.
    pub fn trainable(&self) -> usize {
        self.trainable
    }

    /// Returns the number of frozen weights and of statistics.
    pub fn non_trainable(&self) -> usize {
        self.frozen + self.state
    }
}

fn shapes_text<'a>(shapes: impl Iterator<Item = &'a [usize]>) -> String {
    shapes.map(shape_text).collect::<Vec<_>>().join(", ")
}

fn shape_text(shape: &[usize]) -> String {
    let axes: Vec<String> = shape.iter().skip(1).map(usize::to_string).collect();
    format!("(None{}{})", if axes.is_empty() { "," } else { ", " }, axes.join(", "))
}

/// `93322` as `93,322`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where inputs come from is shown if it is not always the layer before.
        let columns = if self.rows.iter().any(|row| !row.from.is_empty()) { 4 } else { 3 };
        let cells: Vec<[String; 4]> = self
            .rows
            .iter()
            .map(|row| {
                let notes = match (row.frozen, row.adapters) {
                    (Frozen::Nothing, 0) => String::new(),
                    (Frozen::All, 0) => " (frozen)".into(),
                    (Frozen::Partly, 0) => " (partly frozen)".into(),
                    (_, adapters) => format!(" (frozen but {} in adapters)", thousands(adapters)),
                };
                let parameters = format!("{}{notes}", thousands(row.parameters));
                [row.layer.clone(), row.shape.clone(), parameters, row.from.clone()]
            })
            .collect();
        let head = ["Layer (type)", "Output shape", "Param #", "Connected to"].map(String::from);
        let width = |i: usize| cells.iter().chain([&head]).map(|row| row[i].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let rule = |left, middle, right, line: &str| {
            let bars: Vec<String> = widths.iter().map(|width| line.repeat(width + 2)).collect();
            format!("{left}{}{right}", bars.join(middle))
        };
        let line = |bar: &str, row: &[String; 4]| {
            let cell = |(i, width): (usize, &usize)| match i {
                2 => format!(" {:>width$} ", row[i]),
                _ => format!(" {:width$} ", row[i]),
            };
            let cells: Vec<String> = widths.iter().enumerate().map(cell).collect();
            format!("{bar}{}{bar}", cells.join(bar))
        };
        writeln!(f, "Model: {}", self.kind)?;
        writeln!(f, "{}", rule("┏", "┳", "┓", "━"))?;
        writeln!(f, "{}", line("┃", &head))?;
        writeln!(f, "{}", rule("┡", "╇", "┩", "━"))?;
        for row in &cells {
            writeln!(f, "{}", line("│", row))?;
        }
        writeln!(f, "{}", rule("└", "┴", "┘", "─"))?;
        let kilobytes = |numbers: usize| (numbers * size_of::<crate::tensor::Float>()) as f64 / 1024.0;
        for (name, numbers) in
            [("Total", self.total()), ("Trainable", self.trainable()), ("Non-trainable", self.non_trainable())]
        {
            writeln!(f, " {name} params: {} ({:.2} KB)", thousands(numbers), kilobytes(numbers))?;
        }
        if self.frozen > 0 {
            writeln!(f, " of them frozen: {}", thousands(self.frozen))?;
        }
        if self.adapters > 0 {
            writeln!(f, " in adapters: {}", thousands(self.adapters))?;
        }
        Ok(())
    }
}
