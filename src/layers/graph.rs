//! Layers joined by name, with several inputs and outputs.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use super::{Layer, Vars};
use crate::autograd::{ParamList, TraceRow, Var};
use crate::config::{Config, Declared, Described, Reader};
use crate::error::{Error, Result};
use crate::sealed::Sealed;

/// Layers joined by name: several inputs and outputs, branches, shared layers.
///
/// Each layer is declared after those whose outputs it takes. A layer that takes or gives several variables takes them
/// in the order of the names, and gives them as `name.0`, `name.1` (a graph inside gives `name.output`). Mistakes in the
/// names are reported by the first forward.
///
/// It takes and gives lists; [`Graph::typed`] says which variables they are.
///
/// # Shapes
/// those of its layers
/// # Errors
/// a name that is unknown or taken twice; no outputs; another number of inputs; those of its layers, with the layer's
/// name before them
/// # Example
/// ```
/// use gradus::layers::Concatenate;
/// use gradus::losses::Losses;
/// use gradus::prelude::*;
/// let model = Graph::new(["left", "right"])
///     .add("features", Dense::new(8).activation(Relu), "left")
///     .share("right_features", "features", "right")
///     .add("both", Concatenate::default(), ["features", "right_features"])
///     .add("digit", Dense::new(10).activation(Softmax), "both")
///     .add("is_even", Dense::new(1).activation(Sigmoid), "both")
///     .outputs(["digit", "is_even"]);
///
/// let (left, right) = (ndarray::Array2::<f32>::ones((6, 4)), ndarray::Array2::<f32>::zeros((6, 4)));
/// let (digits, even) = (ndarray::array![1, 2, 3, 4, 5, 6], ndarray::array![0, 1, 0, 1, 0, 1]);
/// let losses = Losses::new()
///     .output("digit", SparseCrossEntropy::default())
///     .weighted_output("is_even", 0.2, BinaryCrossEntropy::default());
/// let mut model = model.compile(Adam::default(), losses).metric_of("digit", Accuracy::default());
/// let history = model.fit(&((&left, &right), (&digits, &even)), Fit::epochs(1).progress(false))?;
/// assert!(history.last().unwrap().get("digit_accuracy").is_some());
/// assert_eq!(model.predict(&(&left, &right))?[1].shape(), [6, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras' functional API (`Model(inputs, outputs)`)
#[doc(alias = "Model")]
#[doc(alias = "functional")]
#[must_use]
pub struct Graph<X = Vec<Var>, Y = Vec<Var>> {
    inputs: usize,
    /// Names of the inputs, then of all that the nodes give.
    values: Vec<String>,
    layers: Vec<(String, Box<ListLayer>)>,
    nodes: Vec<Node>,
    outputs: Vec<usize>,
    /// The first mistake in the names.
    mistake: Option<String>,
    arrangement: PhantomData<fn(X) -> Y>,
}

pub(super) type ListLayer = dyn Layer<Vec<Var>, Vec<Var>>;

struct Node {
    name: String,
    layer: usize,
    from: Vec<usize>,
    /// Where among the values its own are.
    gives: Range<usize>,
}

/// A name or several.
pub trait Names: Sealed {
    /// The names in order.
    fn names(self) -> Vec<String>;
}

impl Names for &str {
    fn names(self) -> Vec<String> {
        vec![self.into()]
    }
}

impl<const N: usize> Names for [&str; N] {
    fn names(self) -> Vec<String> {
        self.map(String::from).into()
    }
}

impl Names for Vec<String> {
    fn names(self) -> Vec<String> {
        self
    }
}

impl Graph {
    /// Creates a graph with inputs of these names, in this order.
    pub fn new(inputs: impl Names) -> Self {
        let values = inputs.names();
        let repeated = values.iter().enumerate().find(|(i, name)| values[..*i].contains(name));
        Self {
            inputs: values.len(),
            mistake: repeated.map(|(_, name)| format!("the name `{name}` is given twice; give another")),
            values,
            layers: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            arrangement: PhantomData,
        }
    }
}

impl<X: Vars, Y: Vars> Graph<X, Y> {
    /// Adds a layer that takes what the names `from` give, under a name of its own, in which dots become underscores.
    pub fn add<A: Vars, B: Vars>(mut self, name: &str, layer: impl Layer<A, B>, from: impl Names) -> Self {
        let name = name.replace('.', "_");
        let gives = match (B::COUNT, layer.config().output_names()) {
            (Some(1), _) => vec![name.clone()],
            (count, names) if names.is_empty() => (0..count.unwrap_or(0)).map(|i| format!("{name}.{i}")).collect(),
            (_, names) => names.iter().map(|output| format!("{name}.{output}")).collect(),
        };
        self.layers.push((name.clone(), Box::new(Listed(Box::new(layer)))));
        let layer = self.layers.len() - 1;
        self.node(name, layer, from.names(), gives)
    }

    /// Runs the layer of the name `layer` once more, with its own parameters, on what the names `from` give.
    pub fn share(self, name: &str, layer: &str, from: impl Names) -> Self {
        let name = name.replace('.', "_");
        let Some(known) = self.nodes.iter().find(|node| node.name == layer) else {
            return self.wrong(format!("`{name}` shares the layer `{layer}`, which is not declared before it"));
        };
        let renamed = |value: &String| format!("{name}{}", &value[known.name.len()..]);
        let gives = self.values[known.gives.clone()].iter().map(renamed).collect();
        let layer = known.layer;
        self.node(name, layer, from.names(), gives)
    }

    /// Sets what the graph gives, in this order.
    pub fn outputs(mut self, names: impl Names) -> Self {
        for name in names.names() {
            match self.values.iter().position(|value| *value == name) {
                Some(value) => self.outputs.push(value),
                None => self = self.unknown("the outputs", &name),
            }
        }
        self
    }

    /// Returns the same graph, which takes `A` and gives `B`: `typed::<Var, Var>()` fits into a
    /// [`Sequential`](super::Sequential).
    pub fn typed<A: Vars, B: Vars>(self) -> Graph<A, B> {
        let Self { inputs, values, layers, nodes, outputs, mistake, .. } = self;
        Graph { inputs, values, layers, nodes, outputs, mistake, arrangement: PhantomData }
    }

    /// Returns the layer of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Layer<Vec<Var>, Vec<Var>>> {
        self.layers.iter().find(|(known, _)| known == name).map(|(_, layer)| layer.as_ref())
    }

    fn node(mut self, name: String, layer: usize, from: Vec<String>, gives: Vec<String>) -> Self {
        if self.nodes.iter().any(|node| node.name == name) || self.values.contains(&name) {
            return self.wrong(format!("the name `{name}` is given twice; give another"));
        }
        let mut places = Vec::with_capacity(from.len());
        for input in &from {
            match self.values.iter().position(|value| value == input) {
                Some(place) => places.push(place),
                None => return self.unknown(&format!("`{name}`"), input),
            }
        }
        let first = self.values.len();
        self.values.extend(gives);
        self.nodes.push(Node { name, layer, from: places, gives: first..self.values.len() });
        self
    }

    fn unknown(self, who: &str, name: &str) -> Self {
        let known = self.values.join("`, `");
        self.wrong(format!("{who}: nothing before gives `{name}`; there are `{known}`"))
    }

    fn wrong(mut self, mistake: String) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }

    fn run(&self, inputs: Vec<Var>) -> Result<Vec<Var>> {
        if let Some(mistake) = &self.mistake {
            return Err(Error::value(format!("the graph is wrong: {mistake}")));
        }
        if self.outputs.is_empty() {
            return Err(Error::value("the graph has no outputs; name them by `outputs`"));
        }
        let names = || self.values[..self.inputs].join("`, `");
        if inputs.len() != self.inputs || inputs.is_empty() {
            return Err(Error::shape(format!("expected the inputs `{}`, got {} inputs", names(), inputs.len())));
        }
        let tape = inputs[0].tape().clone();
        for (name, x) in self.values.iter().zip(&inputs) {
            tape.trace(tape.trace_mark(), || TraceRow::new(name, "Input", std::slice::from_ref(x)));
        }
        // A value is let go after its last reader.
        let mut last = vec![0; self.values.len()];
        for (i, node) in self.nodes.iter().enumerate() {
            node.from.iter().for_each(|place| last[*place] = i);
        }
        self.outputs.iter().for_each(|place| last[*place] = usize::MAX);
        let mut values: Vec<Option<Var>> = inputs.into_iter().map(Some).collect();
        for (i, node) in self.nodes.iter().enumerate() {
            let (_, layer) = &self.layers[node.layer];
            let take = |place: &usize| values[*place].clone().expect("kept until its last reader");
            let from: Vec<Var> = node.from.iter().map(take).collect();
            let mark = tape.trace_mark();
            let given = tape.within(&node.name, || layer.forward(&from))?;
            if given.len() != node.gives.len() {
                let (want, got) = (node.gives.len(), given.len());
                return Err(Error::shape(format!("expected {want} outputs, got {got}")).within(&node.name));
            }
            tape.trace(mark, || {
                let mut row = TraceRow::new(&node.name, layer.config().kind(), &given);
                row.from = node.from.iter().map(|place| self.values[*place].clone()).collect();
                row
            });
            values.extend(given.into_iter().map(Some));
            node.from.iter().filter(|place| last[**place] == i).for_each(|place| values[*place] = None);
        }
        Ok(self.outputs.iter().map(|place| values[*place].clone().expect("outputs are kept")).collect())
    }
}

impl<X: Vars, Y: Vars> Layer<X, Y> for Graph<X, Y> {
    fn forward(&self, x: &X) -> Result<Y> {
        let given = self.run(x.to_list())?;
        let count = given.len();
        Y::take(&mut given.into_iter())
            .filter(|_| Y::COUNT.is_none_or(|want| want == count))
            .ok_or_else(|| Error::shape(format!("the graph gives {count} outputs; `typed` says another number")))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.layers.iter().for_each(|(name, layer)| list.nest(name, layer.as_ref()));
    }

    fn config(&self) -> Config {
        let nodes: Vec<(String, Config)> =
            self.nodes.iter().map(|node| (node.name.clone(), self.node_config(node))).collect();
        Config::new(Self::KIND)
            .with("inputs", &self.values[..self.inputs].to_vec())
            .with("layers", &nodes)
            .with("outputs", &self.outputs.iter().map(|place| self.values[*place].clone()).collect::<Vec<_>>())
    }
}

impl<X: Vars, Y: Vars> Graph<X, Y> {
    /// A layer with what it takes and gives; or the layer that it is once more.
    fn node_config(&self, node: &Node) -> Config {
        let name = |value: &usize| self.values[*value].clone();
        let from: Vec<String> = node.from.iter().map(name).collect();
        let (first, layer) = &self.layers[node.layer];
        if *first == node.name {
            let gives: Vec<String> = self.values[node.gives.clone()].to_vec();
            return Config::new("Node").with_part("layer", layer.config()).with("from", &from).with("gives", &gives);
        }
        Config::new("Shared").with("layer", first).with("from", &from)
    }

    /// Adds a node from its description.
    fn add_described(mut self, name: String, node: &Reader<'_>) -> Result<Self> {
        let from: Vec<String> = node.get("from")?;
        if node.config().kind() == "Shared" {
            node.only(&["layer", "from"])?;
            return Ok(self.share(&name, &node.get::<String>("layer")?, from));
        }
        node.only(&["layer", "from", "gives"])?;
        self.layers.push((name.clone(), node.get("layer")?));
        let layer = self.layers.len() - 1;
        Ok(self.node(name, layer, from, node.get("gives")?))
    }
}

impl<X: Vars, Y: Vars> Described for Graph<X, Y> {
    const KIND: &'static str = "Graph";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["inputs", "layers", "outputs"])?;
        let mut graph = Graph::new(from.get::<Vec<String>>("inputs")?).typed::<X, Y>();
        for (name, node) in from.get::<Vec<(String, Config)>>("layers")? {
            let added = graph.add_described(name.clone(), &from.nested(&node));
            graph = added.map_err(|error| error.at_setting(&name).at_setting("layers"))?;
        }
        graph = graph.outputs(from.get::<Vec<String>>("outputs")?);
        match &graph.mistake {
            Some(mistake) => Err(Error::value(format!("the graph is wrong: {mistake}"))),
            None => Ok(graph),
        }
    }
}

impl<X: Vars, Y: Vars> Declared for Graph<X, Y> {
    fn description(&self) -> Config {
        self.config()
    }
}

/// A line for each layer, with what it takes.
impl<X: Vars, Y: Vars> fmt::Display for Graph<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            |values: &[usize]| values.iter().map(|value| self.values[*value].as_str()).collect::<Vec<_>>().join(", ");
        write!(f, "Graph({}) -> ({})", self.values[..self.inputs].join(", "), names(&self.outputs))?;
        for node in &self.nodes {
            let (first, layer) = &self.layers[node.layer];
            let what = if *first == node.name { layer.config().to_string() } else { format!("the layer `{first}`") };
            write!(f, "\n    {}({}): {}", node.name, names(&node.from), what.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

impl<X: Vars, Y: Vars> fmt::Debug for Graph<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Makes a layer that takes `A` and gives `B` as one of lists.
pub(super) fn listed<A: Vars, B: Vars>(from: &Reader<'_>) -> Result<Box<ListLayer>> {
    Ok(Box::new(Listed(from.make::<Box<dyn Layer<A, B>>>()?)))
}

/// A layer that takes and gives lists of variables.
struct Listed<A, B>(Box<dyn Layer<A, B>>);

impl<A: Vars, B: Vars> Layer<Vec<Var>, Vec<Var>> for Listed<A, B> {
    fn forward(&self, x: &Vec<Var>) -> Result<Vec<Var>> {
        Ok(self.0.forward(&A::from_list("this layer", x.clone())?)?.to_list())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.0.params(list);
    }

    fn config(&self) -> Config {
        self.0.config()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;
    use crate::layers::{Add, Dense};
    use crate::model::Model;

    fn message(graph: Graph) -> String {
        let x = Tape::inference().input(ndarray::arr2(&[[1.0, 2.0]]));
        graph.forward(&vec![x]).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_in_names_are_told() {
        let graph = || Graph::new("x").add("dense", Dense::new(2), "x");
        assert_eq!(message(graph()), "the graph has no outputs; name them by `outputs`");
        assert_eq!(
            message(graph().add("sum", Add, ["dense", "y"]).outputs("sum")),
            "the graph is wrong: `sum`: nothing before gives `y`; there are `x`, `dense`"
        );
        assert_eq!(
            message(graph().add("dense", Dense::new(2), "x").outputs("dense")),
            "the graph is wrong: the name `dense` is given twice; give another"
        );
        assert_eq!(
            message(graph().share("other", "dens", "x").outputs("other")),
            "the graph is wrong: `other` shares the layer `dens`, which is not declared before it"
        );
        assert_eq!(message(graph().add("two", Dense::new(2), ["x", "dense"]).outputs("two")), {
            "layer `two`: this layer takes 1 inputs, but got 2"
        });
    }

    #[test]
    fn a_shared_layer_has_its_parameters_once() {
        let graph = Graph::new(["a", "b"])
            .add("dense", Dense::new(2), "a")
            .share("again", "dense", "b")
            .share("third", "again", "dense")
            .add("sum", Add, ["dense", "again", "third"])
            .outputs("sum")
            .typed::<(Var, Var), Var>();
        let tape = Tape::inference();
        let x = tape.input(ndarray::arr2(&[[1.0, 2.0]]));
        let y = graph.forward(&(x.clone(), x)).unwrap();
        assert_eq!(y.shape(), [1, 2]);
        let paths: Vec<String> = graph.parameters().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["dense.kernel", "dense.bias"]);
    }
}
