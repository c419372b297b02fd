//! Descriptions: written, read, printed, refused.

mod kinds;
mod models;
mod trainer;
mod training;
mod whole;

use gradus::config::{Config, Described, Reader, Registry};
use gradus::layers::{ActivityRegularization, Concatenate, Merge, Parallel, RotaryEmbedding, SpectralNorm};
use gradus::prelude::*;

/// Adds a learned bottleneck to its input.
struct Adapter {
    down: Dense,
    up: Dense,
}

impl Layer for Adapter {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(x + self.up.forward(&self.down.forward(x)?)?)
    }
    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("down", &self.down);
        list.nest("up", &self.up);
    }
    fn config(&self) -> Config {
        Config::new(Self::KIND).with("down", &self.down).with("up", &self.up)
    }
}

impl Described for Adapter {
    const KIND: &'static str = "Adapter";
    fn from_config(from: &Reader<'_>) -> Result<Self> {
        Ok(Self { down: from.get("down")?, up: from.get("up")? })
    }
}

fn network() -> Sequential {
    Sequential::new()
        .add(Flatten)
        .add(Dense::new(3).use_bias(false).kernel_initializer(HeNormal).activation(LeakyRelu::new(0.1)))
        .add(Adapter { down: Dense::new(2).activation(Relu), up: Dense::new(3) })
        .add(Residual::new(Sequential::new().add(Dense::new(3))).activation(Relu))
}

fn registry() -> Registry {
    Registry::default().layer::<Adapter, Var, Var>()
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn a_model_is_written_and_read_back() {
    let text = network().config().to_json().unwrap();
    let config = Config::from_json(&text).unwrap();
    assert_eq!(config, network().config());
    let twin: Box<dyn Layer> = registry().make(&config).unwrap();
    assert_eq!(twin.config(), config);
    let x = Tape::inference().seed(7).input(ndarray::Array3::<f32>::ones((2, 2, 2)));
    let y = Tape::inference().seed(7).input(ndarray::Array3::<f32>::ones((2, 2, 2)));
    assert_eq!(network().forward(&x).unwrap().value(), twin.forward(&y).unwrap().value());
}

#[test]
fn a_model_is_printed_a_line_for_each_layer() {
    let lines = "Sequential
    flatten: Flatten
    dense: Dense(units: 3, activation: LeakyRelu(negative_slope: 0.1), use_bias: false, kernel_initializer: HeNormal)
    adapter: Adapter(down: Dense(units: 2, activation: Relu), up: Dense(units: 3))
    residual: Residual(activation: Relu)
        body: Sequential
            dense: Dense(units: 3)";
    assert_eq!(format!("{:?}", network()), lines);
}

#[test]
fn what_cannot_be_described_is_named_by_path() {
    let model = Sequential::new().add(Dense::new(3).activation(|x: &Var| x.abs()));
    assert!(format!("{model:?}").contains("Dense(units: 3, activation: Lambda(..))"));
    assert_eq!(
        message(model.config().to_json()),
        "setting `layers.dense.activation`: `Lambda` cannot be described: a closure has no name; make it a type that \
         implements `Described`"
    );
}

#[test]
fn wrong_descriptions_are_errors_by_path() {
    let text = network().config().to_json().unwrap();
    let read = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        let config = Config::from_json(&text.replacen(from, to, 1))?;
        registry().make::<Box<dyn Layer>>(&config)
    };
    assert_eq!(
        message(read("\"units\":3", "\"units\":\"three\"")),
        "setting `layers.dense.units`: expected a whole number (usize), got \"three\""
    );
    assert_eq!(
        message(read("use_bias", "use_bais")),
        "setting `layers.dense`: `Dense` has no setting `use_bais`; it has [\"units\", \"activation\", \"use_bias\", \
         \"kernel_initializer\", \"bias_initializer\"]"
    );
    assert_eq!(
        message(Registry::default().make::<Box<dyn Layer>>(&network().config())),
        "setting `layers.adapter`: unknown kind `Adapter`; if it is a type of your own, implement `Described` for it and add it \
         to the `Registry`"
    );
    assert_eq!(
        message(read("\"body\"", "\"b\"")),
        "setting `layers.residual`: `Residual` has no setting `b`; it has [\"body\", \"shortcut\", \"activation\"]"
    );
}

#[test]
fn a_graph_shows_its_links_and_is_read_back() {
    let graph = || {
        Graph::new(["left", "right"])
            .add("features", Dense::new(8).activation(Relu), "left")
            .share("right_features", "features", "right")
            .add("both", Concatenate::default(), ["features", "right_features"])
            .add("digit", Dense::new(10).activation(Softmax), "both")
            .outputs(["digit", "both"])
    };
    assert_eq!(
        graph().to_string(),
        "Graph(left, right) -> (digit, both)
    features(left): Dense(units: 8, activation: Relu)
    right_features(right): the layer `features`
    both(features, right_features): Concatenate
    digit(both): Dense(units: 10, activation: Softmax)"
    );
    let config = Config::from_json(&graph().config().to_json().unwrap()).unwrap();
    let twin: Box<dyn Layer<Vec<Var>, Vec<Var>>> = Registry::default().make(&config).unwrap();
    assert_eq!(twin.config(), graph().config());
    let inputs = || {
        let tape = Tape::inference().seed(3);
        vec![tape.input(ndarray::arr2(&[[1.0, 2.0]])), tape.input(ndarray::arr2(&[[3.0, 4.0]]))]
    };
    assert_eq!(graph().forward(&inputs()).unwrap()[0].value(), twin.forward(&inputs()).unwrap()[0].value());
}

#[test]
fn layers_around_layers_are_read_back() {
    let model = Sequential::new()
        .add(Embedding::new(10, 4).padding_index(1).mask_zero(true))
        .add(Bidirectional::new(|| Lstm::new(3).return_sequences(true)).merge(Merge::Sum))
        .add(MultiHeadAttention::new(1, 3).causal(true).rotary(RotaryEmbedding::new().size(2)))
        .add(Parallel::new().add(Dense::new(2)).add(Gru::new(2).reset_after(false).return_sequences(true)));
    let config = Config::from_json(&model.config().to_json().unwrap()).unwrap();
    let twin: Box<dyn Layer> = Registry::default().make(&config).unwrap();
    assert_eq!(twin.config(), model.config());
    let ids = || Tape::inference().seed(5).input(ndarray::arr2(&[[1, 4, 0], [2, 0, 0]]));
    assert_eq!(model.forward(&ids()).unwrap().value(), twin.forward(&ids()).unwrap().value());
}

#[test]
fn blocks_and_wrappers_are_read_back() {
    let model = Sequential::new()
        .add(TransformerEncoder::new(4, 2, 8).activation(Gelu).pre_norm(true).dropout(0.25).epsilon(1e-4))
        .add(LayerNorm::new().axes([-1]).epsilon(1e-5))
        .add(TimeDistributed::new(SpectralNorm::new(Dense::new(3)).power_iterations(2)))
        .add(ActivityRegularization::new(L1(0.5)))
        .add(BatchNorm::new().momentum(0.5).center(false));
    let config = Config::from_json(&model.config().to_json().unwrap()).unwrap();
    let twin: Box<dyn Layer> = Registry::default().make(&config).unwrap();
    assert_eq!(twin.config(), model.config());
    let x = || {
        Tape::inference().seed(5).input(ndarray::Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i + 2 * j + k) as Float))
    };
    assert_eq!(model.forward(&x()).unwrap().value(), twin.forward(&x()).unwrap().value());
}

#[test]
fn what_a_registry_makes_goes_where_its_like_go() {
    use gradus::constraints::{Constraint, NonNegative};
    use gradus::regularizers::{L2, Regularizer};
    use std::sync::Arc;

    let registry = Registry::default();
    let bound: Arc<dyn Constraint> = registry.make(&NonNegative.config()).unwrap();
    let penalty: Arc<dyn Regularizer> = registry.make(&L2(0.1).config()).unwrap();
    let layer = Dense::new(1);
    layer.constrain("bias", bound).unwrap();
    layer.regularize("kernel", penalty).unwrap();
    let x = || Tape::training().input(ndarray::arr2(&[[0.0]]));
    layer.forward(&x()).unwrap();
    layer.kernel().set(ndarray::arr2(&[[5.0]])).unwrap();
    let gradients = layer.forward(&x()).unwrap().sum().backward().unwrap();
    Stepper::new(Sgd::new(1.0)).step(&layer, gradients).unwrap();
    // The penalty's slope is 1; the bias would be -1.
    let first = |param: &Param| param.value().unwrap().iter().next().copied();
    assert_eq!((first(layer.kernel()), first(layer.bias().unwrap())), (Some(4.0), Some(0.0)));
}
