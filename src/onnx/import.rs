//! From a file to a program: what can be computed once is, weights become parameters, kernels get the layout of layers, and
//! activations go into the operation before them.

use std::collections::{HashMap, HashSet};

use super::node::unsupported;
use super::operators::{self, Form, kernel_order};
use super::program::{Parameter, Program, Step, reads};
use super::run::{Budget, Call, Scope, label, no_value};
use super::value::{ElementType, Value};
use crate::autograd::Tape;
use crate::error::{Error, Result};
use crate::formats::onnx::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfo};
use crate::formats::onnx::tensors::{Files, decode};
use crate::tensor::{Float, Tensor, data};

/// Where operators have weights. In the weak places there may be other numbers too: a single one there is none.
const WEIGHTS: &[(&str, &[usize], bool)] = &[
    ("Conv", &[1, 2], true),
    ("ConvTranspose", &[1, 2], true),
    ("Gemm", &[1, 2], true),
    ("BatchNormalization", &[1, 2, 3, 4], true),
    ("InstanceNormalization", &[1, 2], true),
    ("GroupNormalization", &[1, 2], true),
    ("LayerNormalization", &[1, 2], true),
    ("RMSNormalization", &[1], true),
    ("LSTM", &[1, 2, 3], true),
    ("GRU", &[1, 2, 3], true),
    ("RNN", &[1, 2, 3], true),
    ("PRelu", &[1], true),
    ("MatMul", &[0, 1, 2], false),
    ("Einsum", &[0, 1, 2], false),
    ("Add", &[0, 1], false),
    ("Mul", &[0, 1], false),
    ("Gather", &[0], false),
    ("Concat", &[0, 1, 2, 3], false),
];

/// Operators that only put weights into other places.
const TRANSPARENT: &[&str] = &[
    "Identity",
    "Transpose",
    "Reshape",
    "Unsqueeze",
    "Squeeze",
    "Expand",
    "Slice",
    "Split",
    "Cast",
    "Flatten",
    "Tile",
];

/// Constants by name.
type Constants = HashMap<String, (Tensor, ElementType)>;

/// What is known while a graph is imported.
struct Import {
    opset: i64,
    nodes: Vec<NodeProto>,
    constants: Constants,
    /// The names of initializers in the file's order.
    names: Vec<String>,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    /// All names of values outside of graphs in nodes.
    given: HashSet<String>,
}

/// The program of a model, and the first values of its parameters in the layout that they have there.
pub fn program(model: ModelProto, files: &mut Files<'_>, fixed: &[(&str, Tensor)]) -> Result<(Program, Vec<Tensor>)> {
    if !model.functions.is_empty() {
        return Err(unsupported("functions of the model's own; export with them inlined"));
    }
    let opset = model.opset_import.iter().find(|set| set.domain.is_empty() || set.domain == "ai.onnx");
    let opset = opset.map_or(1, |set| set.version);
    let graph = model.graph.ok_or_else(|| Error::value("is not a valid ONNX model: it has no graph"))?;
    let mut import = Import::new(graph, opset, files, fixed)?;
    import.unpack_sequences();
    import.check()?;
    import.check_order()?;
    let mut weights = import.weights(false);
    import.fold(&weights)?;
    // Branches that are still there are chosen when the model runs.
    weights.extend(import.weights(true));
    let nodes = std::mem::take(&mut import.nodes);
    let steps = import.fused(nodes, &weights);
    import.finish(steps, weights)
}

impl Import {
    fn new(graph: GraphProto, opset: i64, files: &mut Files<'_>, fixed: &[(&str, Tensor)]) -> Result<Self> {
        let GraphProto { mut node, initializer, input, output, .. } = graph;
        let (mut constants, mut names) = (Constants::new(), Vec::new());
        for mut proto in initializer {
            files.bring(&mut proto)?;
            names.push(proto.name.clone());
            if constants.insert(proto.name.clone(), decode(&proto)?).is_some() {
                return Err(given_twice(&proto.name));
            }
        }
        for attribute in node.iter_mut().flat_map(|node| &mut node.attribute) {
            attribute.t.iter_mut().try_for_each(|proto| files.bring(proto))?;
        }
        for (name, value) in fixed {
            let Some(info) = input.iter().find(|info| info.name == *name) else {
                let names: Vec<&str> = input.iter().map(|info| info.name.as_str()).collect();
                return Err(Error::value(format!("has no input `{name}`; its inputs are `{}`", names.join("`, `"))));
            };
            constants.insert((*name).into(), (value.clone(), super::program::kind_of(info)?));
        }
        // Early versions listed initializers among the inputs.
        let inputs = input.into_iter().filter(|info| !constants.contains_key(&info.name)).collect();
        Ok(Self { opset, nodes: node, constants, names, inputs, outputs: output, given: HashSet::new() })
    }

    /// PyTorch's newer exporter splits into a sequence and takes parts of equal length out of it: each is a slice.
    fn unpack_sequences(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        let takes = |name: &String| {
            let mut readers = nodes.iter().filter(|node| reads(node).contains(&name.as_str()));
            readers.all(|node| node.op_type == "SequenceAt") && self.outputs.iter().all(|info| info.name != *name)
        };
        let is_number =
            |node: &NodeProto| node.attribute.iter().any(|a| a.t.as_ref().is_some_and(|t| t.dims.is_empty()));
        let constants = nodes.iter().filter(|node| node.op_type == "Constant" && is_number(node));
        let mut numbers: HashSet<String> = constants.flat_map(|node| node.output.iter().cloned()).collect();
        numbers.extend(self.constants.iter().filter(|(_, (value, _))| value.ndim() == 0).map(|(name, _)| name.clone()));
        let (mut sequences, mut unpacked) = (HashMap::new(), Vec::new());
        for node in &nodes {
            match (&*node.op_type, &node.input[..], &node.output[..]) {
                ("SplitToSequence", [x, size], [sequence]) if numbers.contains(size) && takes(sequence) => {
                    let axis =
                        node.attribute.iter().find(|attribute| attribute.name == "axis").map_or(0, |axis| axis.i);
                    sequences.insert(sequence, (x, size, axis));
                }
                ("SequenceAt", [sequence, at], [part]) if sequences.contains_key(sequence) => {
                    let (x, size, axis) = sequences[sequence];
                    let [start, end, axes] = ["start", "end", "axis"].map(|what| format!("{part}.{what}"));
                    self.constants
                        .insert(axes.clone(), (ndarray::arr1(&[axis as Float]).into_dyn().into(), ElementType::INT64));
                    unpacked.push(plain("Mul", [at, size], &start));
                    unpacked.push(plain("Add", [&start, size], &end));
                    unpacked.push(plain("Slice", [x, &start, &end, &axes], part));
                }
                _ => unpacked.push(node.clone()),
            }
        }
        self.nodes = unpacked;
    }

    /// Names all nodes that cannot be computed at once.
    fn check(&self) -> Result<()> {
        if self.outputs.is_empty() {
            return Err(Error::value("is not a valid ONNX model: it has no outputs"));
        }
        for info in self.inputs.iter().chain(&self.outputs) {
            let Some(kind) = &info.r#type else { continue };
            if kind.sequence.is_some() {
                return Err(unsupported("sequence type"));
            }
            if kind.optional.is_some() {
                return Err(unsupported("optional type"));
            }
            super::program::kind_of(info)?;
        }
        let mut missing: Vec<(String, Error)> = Vec::new();
        for node in self.nodes.iter().filter(|node| !matches!(&*node.op_type, "If" | "Loop")) {
            if let Err(error) = operators::form(&node.op_type, &node.domain)
                && missing.iter().all(|(op, _)| *op != node.op_type)
            {
                missing.push((node.op_type.clone(), error));
            }
        }
        match &missing[..] {
            [] => Ok(()),
            [_] => Err(missing.remove(0).1),
            all => {
                let all: Vec<String> = all.iter().map(|(op, error)| format!("`{op}` {error}")).collect();
                Err(Error::value(format!("has operators that are not supported: {}", all.join("; "))))
            }
        }
    }

    /// Refuses values that no node before gives, as in a circle, and values that are given twice.
    fn check_order(&mut self) -> Result<()> {
        let mut known: HashSet<&str> = self.constants.keys().map(String::as_str).collect();
        for info in &self.inputs {
            if !known.insert(&info.name) {
                return Err(given_twice(&info.name));
            }
        }
        for node in &self.nodes {
            check_node(node, &mut known).map_err(|error| error.within(&label(node)))?;
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                if !known.insert(name) {
                    return Err(given_twice(name).within(&label(node)));
                }
            }
        }
        if let Some(info) = self.outputs.iter().find(|info| !known.contains(info.name.as_str())) {
            return Err(no_value(&info.name));
        }
        self.given = known.into_iter().map(str::to_owned).collect();
        Ok(())
    }

    /// All that depends on an input.
    fn live(&self) -> HashSet<&str> {
        let mut live: HashSet<&str> = self.inputs.iter().map(|info| info.name.as_str()).collect();
        for node in &self.nodes {
            if reads(node).iter().any(|name| live.contains(name)) {
                live.extend(node.output.iter().map(String::as_str));
            }
        }
        live
    }

    /// The names of constants that are weights: they meet what depends on an input in a place for weights.
    fn weights(&self, in_branches: bool) -> HashSet<String> {
        let live = self.live();
        let (mut strong, mut weak) = (HashSet::new(), HashSet::new());
        let products: HashSet<&str> = self
            .nodes
            .iter()
            .filter(|node| node.op_type == "MatMul")
            .flat_map(|node| &node.output)
            .map(|name| &**name)
            .collect();
        for outer in self.nodes.iter().rev() {
            let is_live = outer.output.iter().any(|name| live.contains(name.as_str()));
            for node in with_inner(outer, in_branches).into_iter().rev().filter(|_| is_live) {
                // What a loop carries from step to step, such as the weights of TensorFlow's recurrent layers.
                let state = node.input.iter().skip(2).filter(|name| node.op_type == "Loop" && self.varies(name));
                strong.extend(state.map(String::as_str));
                let place = WEIGHTS.iter().find(|(op, ..)| *op == node.op_type);
                if let Some((op, places, is_strong)) = place {
                    let is_bias = *op == "Add" && node.input.iter().any(|name| products.contains(name.as_str()));
                    let found = places.iter().filter_map(|place| node.input.get(*place)).map(String::as_str);
                    if *is_strong || is_bias { strong.extend(found) } else { weak.extend(found) }
                }
                for set in [&mut strong, &mut weak] {
                    pass_on(node, set);
                    // Outside of graphs in nodes it is computed once.
                    if node.op_type == "Concat" && !std::ptr::eq(node, outer) && gives(node, set) {
                        set.extend(node.input.iter().map(String::as_str));
                    }
                }
            }
            if !is_live {
                pass_on(outer, &mut strong);
                pass_on(outer, &mut weak);
            }
        }
        let is_weight = |(name, (value, kind)): &(&String, &(Tensor, ElementType))| {
            matches!(kind.0, 1 | 10 | 11 | 16)
                && (strong.contains(name.as_str()) && value.ndim() > 0
                    || weak.contains(name.as_str()) && is_trained(value))
        };
        self.constants.iter().filter(is_weight).map(|(name, _)| name.clone()).collect()
    }

    /// Whether a constant is a matrix or more of numbers that differ.
    fn varies(&self, name: &str) -> bool {
        let numbers = self.constants.get(name).map(|(value, _)| value).filter(|value| value.ndim() > 1);
        numbers.is_some_and(|numbers| numbers.iter().any(|number| Some(number) != numbers.first()))
    }

    /// Computes what depends on no input and no weight, and takes the branches that are known.
    fn fold(&mut self, weights: &HashSet<String>) -> Result<()> {
        let mut pending: Vec<NodeProto> = std::mem::take(&mut self.nodes).into_iter().rev().collect();
        let (mut kept, mut branches) = (Vec::new(), 0);
        let tape = Tape::inference();
        let counts = || self.constants.values().map(|(value, _)| value.len());
        let budget = Budget::of_import(counts().sum(), counts().max().unwrap_or(0));
        while let Some(node) = pending.pop() {
            if let Some(nodes) = self.branch(&node)?.filter(|_| branches < 1000) {
                branches += 1;
                pending.extend(nodes.into_iter().rev());
                continue;
            }
            // Vectors of the same numbers are one initializer in some files, and a name for each.
            let is_copy = node.op_type == "Identity"
                && self.constants.get(&node.input[..].concat()).is_some_and(|(value, _)| value.ndim() < 2);
            let names = reads(&node);
            let is_known = |name: &&str| self.constants.contains_key(*name) && (is_copy || !weights.contains(*name));
            if !names.iter().all(is_known) || node.op_type == "Dropout" {
                kept.push(node);
                continue;
            }
            match self.computed(&node, &names, &budget, &tape) {
                Ok(found) => self.constants.extend(found),
                // What is too large to be computed before anybody asks for it is computed when the model runs.
                Err(_) if budget.is_exceeded() => kept.push(node),
                Err(error) => return Err(error),
            }
        }
        self.nodes = kept;
        Ok(())
    }

    /// The outputs of a node all of whose inputs are constants.
    fn computed(
        &self,
        node: &NodeProto,
        names: &[&str],
        budget: &Budget,
        tape: &Tape,
    ) -> Result<Vec<(String, (Tensor, ElementType))>> {
        let mut scope = Scope::new();
        for (name, (value, kind)) in names.iter().filter_map(|name| self.constants.get_key_value(*name)) {
            scope.insert(name, Value::new(tape.constant(value), *kind));
        }
        Call { node, then: None, dropout: None, kept: None, opset: self.opset, depth: 0, budget }
            .run(&mut scope, tape)?;
        let mut found = Vec::new();
        for name in &node.output {
            if let Some(value) = scope.get(name.as_str()) {
                let var = value.var()?;
                budget.keep(var.value.len())?;
                found.push((name.clone(), ((*var.value).clone(), value.kind)));
            }
        }
        Ok(found)
    }

    /// The nodes of the branch that a condition which is known takes.
    fn branch(&mut self, node: &NodeProto) -> Result<Option<Vec<NodeProto>>> {
        if node.op_type != "If" {
            return Ok(None);
        }
        let condition =
            node.input.first().and_then(|name| self.constants.get(name)).and_then(|(value, _)| value.first().copied());
        let Some(condition) = condition else { return Ok(None) };
        let name = if condition != 0.0 { "then_branch" } else { "else_branch" };
        let graph =
            node.attribute.iter().find(|attribute| attribute.name == name).and_then(|attribute| attribute.g.clone());
        let graph = graph.ok_or_else(|| Error::value(format!("expected a graph `{name}`, got none")))?;
        let outputs = graph.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
        let inner: Vec<String> = graph.initializer.iter().map(|proto| &proto.name).chain(outputs).cloned().collect();
        // Two branches may have values of one name.
        if inner.iter().any(|name| self.given.contains(name)) {
            return Ok(None);
        }
        self.given.extend(inner);
        for proto in &graph.initializer {
            self.names.push(proto.name.clone());
            self.constants.insert(proto.name.clone(), decode(proto)?);
        }
        let mut nodes = graph.node;
        for (inner, outer) in graph.output.iter().zip(&node.output) {
            nodes.push(plain("Identity", [&inner.name], outer));
        }
        Ok(Some(nodes))
    }

    /// How often each value is read.
    fn readers(&self, nodes: &[NodeProto]) -> HashMap<String, usize> {
        let mut readers = HashMap::new();
        let outputs = self.outputs.iter().map(|info| info.name.as_str());
        for name in nodes.iter().flat_map(reads).chain(outputs) {
            *readers.entry(name.to_owned()).or_insert(0) += 1;
        }
        readers
    }

    /// Products with the vectors that are added to them, and operations with the activations after them, in one step.
    fn fused(&self, nodes: Vec<NodeProto>, weights: &HashSet<String>) -> Vec<Step> {
        let readers = self.readers(&nodes);
        let mut steps: Vec<Step> = Vec::new();
        // Steps by the only output that they have.
        let mut made: HashMap<String, usize> = HashMap::new();
        for node in nodes {
            let producer = node.input.iter().enumerate().find_map(|(place, name)| {
                let step = made.get(name).filter(|step| readers.get(name) == Some(&1) && steps[**step].then.is_none());
                step.map(|step| (place, *step))
            });
            if let Some((place, at)) = producer {
                let step = &mut steps[at];
                let op = &*step.node.op_type;
                let bias = node.input.get(1 - place.min(1));
                let is_vector = |name: &&String| self.constants.get(*name).is_some_and(|(value, _)| value.ndim() == 1);
                let bias = bias.filter(|name| node.op_type == "Add" && weights.contains(*name)).filter(is_vector);
                if op == "MatMul"
                    && step.node.input.len() == 2
                    && let Some(bias) = bias
                {
                    step.node.input.push(bias.clone());
                    step.node.output = node.output;
                    made.insert(step.node.output.concat(), at);
                    continue;
                }
                let is_activation = matches!(operators::form(&node.op_type, &node.domain), Ok(Form::Activation(_)));
                if is_activation && matches!(op, "Conv" | "ConvTranspose" | "Gemm" | "MatMul") {
                    step.then = Some(node);
                    continue;
                }
            }
            if let [only] = &node.output[..] {
                made.insert(only.clone(), steps.len());
            }
            steps.push(Step { node, then: None, last: Vec::new() });
        }
        steps
    }

    fn finish(mut self, mut steps: Vec<Step>, weights: HashSet<String>) -> Result<(Program, Vec<Tensor>)> {
        release(&mut steps, &self.outputs);
        let read: HashSet<&str> = steps
            .iter()
            .flat_map(|step| reads(&step.node))
            .chain(self.outputs.iter().map(|info| info.name.as_str()))
            .collect();
        let listed: HashSet<&String> = self.names.iter().collect();
        let mut others: Vec<&String> = weights.iter().filter(|name| !listed.contains(name)).collect();
        others.sort_unstable();
        let mut seen = HashSet::new();
        let ordered = self.names.iter().filter(|name| weights.contains(*name)).chain(others);
        let uses = Uses::of(&steps);
        let (mut parameters, mut values) = (Vec::new(), Vec::new());
        for name in ordered.filter(|name| read.contains(name.as_str()) && seen.insert(name.as_str())) {
            let Some((value, _)) = self.constants.get(name) else { continue };
            let order = uses.order(name, value.ndim());
            let value = value.clone().permuted_axes(&order[..]).as_standard_layout().into_owned().into_shared();
            parameters.push(Parameter {
                name: name.clone(),
                shape: value.shape().iter().map(|len| *len as i64).collect(),
                order: order.iter().map(|axis| *axis as i64).collect(),
                is_state: uses.is_state(name),
            });
            values.push(value);
        }
        self.constants.retain(|name, _| read.contains(name.as_str()) && !weights.contains(name));
        let mut constants: Vec<TensorProto> =
            self.constants.iter().map(|(name, (value, kind))| encode(name, value, *kind)).collect();
        constants.sort_by(|a, b| a.name.cmp(&b.name));
        let Self { opset, inputs, outputs, .. } = self;
        Ok((Program { opset, inputs, outputs, steps, constants, parameters }, values))
    }
}

/// A node without attributes.
fn plain<const N: usize>(op: &str, inputs: [&String; N], output: &str) -> NodeProto {
    let (input, output) = (inputs.map(String::clone).into(), vec![output.to_owned()]);
    NodeProto { input, output, op_type: op.into(), ..NodeProto::default() }
}

/// What is a weight behind a node that puts numbers into other places is one before it.
fn pass_on<'n>(node: &'n NodeProto, weights: &mut HashSet<&'n str>) {
    if let Some(data) = node.input.first().filter(|_| TRANSPARENT.contains(&&*node.op_type) && gives(node, weights)) {
        weights.insert(data);
    }
}

fn gives(node: &NodeProto, weights: &HashSet<&str>) -> bool {
    node.output.iter().any(|name| weights.contains(name.as_str()))
}

/// A node, and all in its graphs: the body of a loop, and branches of which it is not known which is taken.
fn with_inner(node: &NodeProto, in_branches: bool) -> Vec<&NodeProto> {
    let mut all = vec![node];
    if node.op_type != "Loop" && !in_branches {
        return all;
    }
    let mut next = 0;
    while let Some(node) = all.get(next).copied() {
        all.extend(node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()).flat_map(|graph| &graph.node));
        next += 1;
    }
    all
}

/// Whether numbers beside others look like weights, and not like a mask or a single setting.
fn is_trained(value: &Tensor) -> bool {
    let numbers = data(value);
    let is_plain = numbers.iter().all(|x| x.is_finite() && x.abs() < 1e6);
    let is_mask = value.ndim() > 1
        && numbers.iter().all(|x| *x == 0.0 || *x == 1.0)
        && numbers.contains(&0.0)
        && numbers.contains(&1.0);
    numbers.len() > 1 && is_plain && !is_mask
}

/// Where values are read: the step, and which of its inputs.
struct Uses<'s>(HashMap<&'s str, Vec<(&'s NodeProto, usize)>>);

impl<'s> Uses<'s> {
    fn of(steps: &'s [Step]) -> Self {
        let mut uses: HashMap<&str, Vec<_>> = HashMap::new();
        for Step { node, .. } in steps {
            for (place, name) in node.input.iter().enumerate() {
                uses.entry(name).or_default().push((node, place));
            }
        }
        Self(uses)
    }

    fn all(&self, name: &str) -> &[(&'s NodeProto, usize)] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether all readers take it as a statistic.
    fn is_state(&self, name: &str) -> bool {
        let uses = self.all(name);
        !uses.is_empty() && uses.iter().all(|(node, place)| node.op_type == "BatchNormalization" && *place >= 3)
    }

    /// The layout in which all readers of a weight want it.
    fn order(&self, name: &str, rank: usize) -> Vec<usize> {
        let plain: Vec<usize> = (0..rank).collect();
        let mut names = vec![name];
        let mut wanted: Option<Vec<usize>> = None;
        while let Some(name) = names.pop() {
            for (node, place) in self.all(name) {
                let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
                let order = match (&*node.op_type, place) {
                    ("Identity", _) => {
                        names.extend(node.output.iter().map(String::as_str));
                        continue;
                    }
                    ("Conv" | "ConvTranspose", 1) if rank > 2 => kernel_order(rank),
                    ("Gemm", 1) if attribute("transB").is_some_and(|flag| flag.i != 0) && rank == 2 => vec![1, 0],
                    ("Transpose", 0) => match attribute("perm") {
                        Some(perm) => perm.ints.iter().map(|axis| usize::try_from(*axis).unwrap_or(0)).collect(),
                        None => (0..rank).rev().collect(),
                    },
                    _ => plain.clone(),
                };
                if wanted.as_ref().is_some_and(|wanted| *wanted != order) {
                    return plain;
                }
                wanted = Some(order);
            }
        }
        let mut sorted = wanted.clone().unwrap_or_default();
        sorted.sort_unstable();
        wanted.filter(|_| sorted == plain).unwrap_or(plain)
    }
}

fn given_twice(name: &str) -> Error {
    Error::value(format!("is not a valid ONNX model: the value `{name}` is given twice"))
}

/// Refuses what a node and the graphs in it read before it is there.
fn check_node<'g>(node: &'g NodeProto, known: &mut HashSet<&'g str>) -> Result<()> {
    if let Some(name) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name.as_str())) {
        return Err(no_value(name));
    }
    for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
        let mut inner = Vec::new();
        let given = graph.initializer.iter().map(|proto| &proto.name).chain(graph.input.iter().map(|info| &info.name));
        inner.extend(given.map(String::as_str).filter(|name| known.insert(name)));
        for node in &graph.node {
            check_node(node, known)?;
            inner.extend(node.output.iter().map(String::as_str).filter(|name| known.insert(name)));
        }
        if let Some(info) = graph.output.iter().find(|info| !known.contains(info.name.as_str())) {
            return Err(no_value(&info.name));
        }
        for name in inner {
            known.remove(name);
        }
    }
    Ok(())
}

/// Notes after which step each value is let go.
fn release(steps: &mut [Step], outputs: &[ValueInfo]) {
    let mut needed: HashSet<String> = outputs.iter().map(|info| info.name.clone()).collect();
    for step in steps.iter_mut().rev() {
        let names = reads(&step.node).into_iter().map(str::to_owned);
        let given = step.then.as_ref().unwrap_or(&step.node).output.clone();
        step.last = names.chain(given).filter(|name| needed.insert(name.clone())).collect();
    }
}

/// A tensor for the description of a model.
pub fn encode(name: &str, value: &Tensor, kind: ElementType) -> TensorProto {
    let dims = value.shape().iter().map(|len| *len as i64).collect();
    let mut proto = TensorProto { name: name.into(), dims, data_type: kind.0, ..TensorProto::default() };
    let numbers = data(value);
    match kind.0 {
        7 => proto.int64_data = numbers.iter().map(|x| *x as i64).collect(),
        11 => proto.double_data = numbers.iter().map(|x| f64::from(*x)).collect(),
        12 | 13 => proto.uint64_data = numbers.iter().map(|x| *x as u64).collect(),
        _ if kind.is_float() => {
            proto.data_type = ElementType::FLOAT.0;
            #[allow(clippy::unnecessary_cast)] // Not with `float64`.
            let floats = numbers.iter().map(|x| *x as f32);
            proto.float_data = floats.collect();
        }
        21.. => {
            proto.data_type = 6;
            proto.int32_data = numbers.iter().map(|x| *x as i32).collect();
        }
        _ => proto.int32_data = numbers.iter().map(|x| *x as i32).collect(),
    }
    proto
}
