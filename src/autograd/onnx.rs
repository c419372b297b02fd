//! What an operation is in ONNX.

use crate::tensor::{Float, Tensor, tensor};

/// A setting of an ONNX node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OnnxAttribute {
    /// A whole number.
    Int(i64),
    /// A list of whole numbers.
    Ints(Vec<i64>),
    /// A number.
    Float(f32),
    /// A text.
    Text(&'static str),
    /// A list of texts.
    Texts(Vec<&'static str>),
}

impl OnnxAttribute {
    /// A number in single precision, which files have.
    #[allow(clippy::unnecessary_cast)] // Not with `float64`.
    pub(crate) fn number(number: Float) -> Self {
        Self::Float(number as f32)
    }
}

/// A node as an operation wants it, or a constant.
#[derive(Clone, Debug)]
pub(crate) enum OnnxNode {
    Node { op: &'static str, inputs: Vec<String>, outputs: usize, attributes: Vec<(&'static str, OnnxAttribute)> },
    Ints(Vec<i64>),
    Numbers(Tensor),
    Mask(Tensor),
}

/// The ONNX nodes that an operation is: [`Op::onnx`](crate::Op::onnx) writes them.
///
/// A model is traced twice, with batches of different lengths. Whole numbers that grow with the batch, in the lists of
/// [`OnnxForm::ints`], follow the batch of the file's input.
#[derive(Debug)]
pub struct OnnxForm {
    shapes: Vec<Vec<usize>>,
    output: Vec<usize>,
    pub(crate) nodes: Vec<OnnxNode>,
}

impl OnnxForm {
    pub(crate) fn new(inputs: &[&Tensor], output: &Tensor) -> Self {
        let shapes = inputs.iter().map(|input| input.shape().to_vec()).collect();
        Self { shapes, output: output.shape().to_vec(), nodes: Vec::new() }
    }

    /// Returns the name of an input of the operation.
    pub fn input(&self, i: usize) -> String {
        format!("in{i}")
    }

    /// Returns the number of inputs.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether the operation has no inputs.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Returns the shape of an input in this pass.
    pub fn shape(&self, i: usize) -> &[usize] {
        &self.shapes[i]
    }

    /// Returns the shape of the value in this pass.
    pub fn output_shape(&self) -> &[usize] {
        &self.output
    }

    /// Adds a node and returns the name of its output.
    pub fn node(&mut self, op: &'static str, inputs: &[&str], attributes: &[(&'static str, OnnxAttribute)]) -> String {
        self.outputs(op, inputs, attributes, 1)
    }

    /// Adds a node of several outputs and returns the name of the first; the others follow it by `.1`, `.2`, ...
    pub fn outputs(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, OnnxAttribute)],
        outputs: usize,
    ) -> String {
        let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
        self.push(OnnxNode::Node { op, inputs, outputs, attributes: attributes.to_vec() })
    }

    /// Adds a list of whole numbers, such as a shape, and returns its name.
    pub fn ints<'a>(&mut self, numbers: impl IntoIterator<Item = &'a usize>) -> String {
        self.signed(numbers.into_iter().map(|number| *number as i64).collect())
    }

    fn signed(&mut self, numbers: Vec<i64>) -> String {
        self.push(OnnxNode::Ints(numbers))
    }

    /// Adds the other order along an axis, whatever its length is.
    pub(crate) fn reverse(&mut self, x: &str, axis: usize) -> String {
        let [last, end, axis] = [-1, i64::MIN, axis as i64].map(|number| self.signed(vec![number]));
        self.node("Slice", &[x, &last, &end, &axis, &last], &[])
    }

    /// Adds a number and returns its name.
    pub fn number(&mut self, number: Float) -> String {
        self.push(OnnxNode::Numbers(tensor(&[], vec![number])))
    }

    /// Adds numbers that do not depend on the input, and returns their name.
    pub fn numbers(&mut self, numbers: Tensor) -> String {
        self.push(OnnxNode::Numbers(numbers))
    }

    /// Adds a mask that [`Tape::note_mask`](crate::Tape) knows, and returns its name.
    pub(crate) fn mask(&mut self, mask: &Tensor) -> String {
        self.push(OnnxNode::Mask(mask.clone()))
    }

    /// Adds a question of which the answer is a mask: zeros and ones.
    pub(crate) fn differs(&mut self, x: &str, y: &str) -> String {
        let same = self.node("Equal", &[x, y], &[]);
        let differs = self.node("Not", &[&same], &[]);
        self.node("Cast", &[&differs], &[("to", OnnxAttribute::Int(1))])
    }

    /// Adds a transposition.
    pub(crate) fn permute(&mut self, x: &str, axes: impl IntoIterator<Item = usize>) -> String {
        let axes = axes.into_iter().map(|axis| axis as i64).collect();
        self.node("Transpose", &[x], &[("perm", OnnxAttribute::Ints(axes))])
    }

    /// Adds a node over two inputs, the operation's first ones.
    pub(crate) fn pair(&mut self, op: &'static str) -> Option<String> {
        Some(self.node(op, &["in0", "in1"], &[]))
    }

    /// Adds a node that changes the shape.
    pub(crate) fn reshape(&mut self, x: &str, shape: &[usize]) -> String {
        // Few readers know the attribute, and only an axis without cells needs it.
        let keeps_zeros = [("allowzero", OnnxAttribute::Int(1))];
        let attributes = if shape.contains(&0) { &keeps_zeros[..] } else { &[] };
        let shape = self.ints(shape);
        self.node("Reshape", &[x, &shape], attributes)
    }

    fn push(&mut self, node: OnnxNode) -> String {
        self.nodes.push(node);
        format!("n{}", self.nodes.len() - 1)
    }
}

/// An operation of a pass that is traced for a file of ONNX.
pub(crate) struct Traced {
    /// The type of the operation.
    pub name: &'static str,
    /// The inputs, and whether each is the same for every batch.
    pub inputs: Vec<(Tensor, bool)>,
    pub output: Tensor,
    /// Its nodes, and the name of the one that gives its value; `None` if it has no form.
    pub form: Option<(Vec<OnnxNode>, String)>,
}
