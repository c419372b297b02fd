//! Descriptions: written, read, printed, refused.

use gradus::config::{Config, Described, Reader, Registry};
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
