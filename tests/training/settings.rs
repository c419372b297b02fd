//! Settings whose order must not matter: the last word counts, and nothing is forgotten.

use gradus::initializers::Constant;
use gradus::ndarray::{Array2, Array3, Array4, arr1};
use gradus::prelude::*;
use gradus::preprocessing::StringLookup;
use gradus::saving::Weights;

fn paths(layer: &impl Layer) -> Vec<String> {
    layer.parameters().into_iter().map(|(path, _)| path).collect()
}

/// The numbers of a parameter after a pass.
fn first(layer: &impl Layer, x: &Var, path: &str) -> Vec<Float> {
    layer.forward(x).unwrap();
    let parameters = layer.parameters();
    let (_, param) = parameters.iter().find(|(known, _)| known == path).unwrap();
    param.value().unwrap().iter().copied().collect()
}

fn features() -> Var {
    Tape::inference().input(Array2::<Float>::ones((2, 3)))
}

fn sequence() -> Var {
    Tape::inference().input(Array3::<Float>::ones((2, 4, 8)))
}

fn image() -> Var {
    Tape::inference().input(Array4::<Float>::ones((1, 5, 5, 2)))
}

#[test]
fn a_bias_that_was_switched_off_stays_off_and_keeps_its_first_values() {
    assert_eq!(paths(&Dense::new(2).use_bias(false).bias_initializer(Ones)), ["kernel"]);
    let on = Dense::new(2).use_bias(false).bias_initializer(Ones).use_bias(true);
    assert_eq!(first(&on, &features(), "bias"), [1.0, 1.0]);
    let on = Dense::new(2).bias_initializer(Ones).use_bias(false).use_bias(true);
    assert_eq!(first(&on, &features(), "bias"), [1.0, 1.0]);

    assert_eq!(paths(&Conv2d::new(2, 3).use_bias(false).bias_initializer(Ones)), ["kernel"]);
    let on = Conv2d::new(2, 3).bias_initializer(Ones).use_bias(false).use_bias(true);
    assert_eq!(first(&on, &image(), "bias"), [1.0, 1.0]);
    assert_eq!(paths(&ConvTranspose2d::new(2, 3).use_bias(false).bias_initializer(Ones)), ["kernel"]);
    assert_eq!(paths(&DepthwiseConv2d::new(3).use_bias(false).bias_initializer(Ones)), ["kernel"]);
    let separable = SeparableConv2d::new(2, 3).use_bias(false).bias_initializer(Ones);
    assert_eq!(paths(&separable), ["depthwise_kernel", "pointwise_kernel"]);

    let recurrent = ["kernel", "recurrent_kernel"];
    assert_eq!(paths(&Lstm::new(2).use_bias(false).bias_initializer(Ones).unit_forget_bias(true)), recurrent);
    assert_eq!(paths(&Gru::new(2).use_bias(false).bias_initializer(Ones).reset_after(false)), recurrent);
    let on = SimpleRnn::new(2).bias_initializer(Ones).use_bias(false).use_bias(true);
    assert_eq!(first(&on, &sequence(), "bias"), [1.0, 1.0]);
}

#[test]
fn settings_of_a_parameter_survive_those_that_come_later() {
    let x = features();
    let layer = Dense::new(2);
    let kernel = layer.kernel().clone();
    kernel.freeze();
    let layer = layer.kernel_initializer(Ones).use_bias(false);
    assert_eq!(first(&layer, &x, "kernel"), [1.0; 6]);
    assert!(layer.kernel().is_frozen() && layer.kernel().id() == kernel.id());
    // What was set before is made anew.
    assert_eq!(first(&layer.kernel_initializer(Zeros), &x, "kernel"), [0.0; 6]);

    let depthwise = DepthwiseConv2d::new(3).depthwise_initializer(Ones).depth_multiplier(2);
    assert_eq!(first(&depthwise, &image(), "kernel"), [1.0; 36]);
    assert!(depthwise.parameters()[0].1.set(Array4::<Float>::ones((3, 3, 2, 2))).is_ok());
    let depthwise = DepthwiseConv2d::new(3).depth_multiplier(2).depthwise_initializer(Ones);
    assert!(depthwise.parameters()[0].1.set(Array4::<Float>::ones((3, 3, 2, 1))).is_err());

    let norm = LayerNorm::new().axes([-2, -1]).scale(false).center(false).scale(true);
    assert_eq!(paths(&norm), ["gamma"]);
    assert!(norm.parameters()[0].1.set(arr1(&[1.0])).is_err(), "there are two axes");

    let embedding = Embedding::new(3, 2);
    let head = embedding.output_layer();
    let embedding = embedding.embeddings_initializer(Ones).padding_index(1);
    assert_eq!(head.embeddings().id(), embedding.embeddings().id());
    let ids = Tape::inference().input(gradus::ndarray::arr2(&[[0, 1]]));
    assert_eq!(first(&embedding, &ids, "embeddings"), [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(paths(&head.use_bias(true).use_bias(false)), ["embeddings"]);
}

#[test]
fn attention_keeps_its_projections() {
    let own = || {
        let mut layer = MultiHeadAttention::new(2, 4);
        layer.query = Dense::new(8).kernel_initializer(Ones).bias_initializer(Constant(0.5));
        layer.output = Dense::new(6).kernel_initializer(Ones);
        layer
    };
    let layer = own().use_bias(false).causal(true);
    assert_eq!(paths(&layer), ["query.kernel", "key.kernel", "value.kernel", "output.kernel"]);
    assert_eq!(layer.forward(&sequence()).unwrap().shape(), [2, 4, 6]);
    assert_eq!(first(&layer, &sequence(), "query.kernel"), [1.0; 64]);
    assert_eq!(first(&own().use_bias(false).use_bias(true), &sequence(), "query.bias"), [0.5; 8]);
    // Sizes that come after other settings.
    let layer = own().use_bias(false).value_size(3).key_value_heads(1).output_size(5);
    assert_eq!(layer.forward(&sequence()).unwrap().shape(), [2, 4, 5]);
    assert_eq!(first(&layer, &sequence(), "query.kernel"), [1.0; 64]);
    assert_eq!(layer.parameters()[2].1.shape().unwrap(), [8, 3]);
    assert_eq!(paths(&layer), ["query.kernel", "key.kernel", "value.kernel", "output.kernel"]);
}

#[test]
fn a_pattern_holds_for_all_handles() {
    let param = Param::new(Zeros);
    let other = param.clone();
    let param = param.pattern(&[None, Some(2)]);
    assert!(other.set(Array2::<Float>::ones((3, 3))).is_err());
    assert!(param.set(Array2::<Float>::ones((3, 2))).is_ok());

    struct Shared(Param);
    impl Layer for Shared {
        fn forward(&self, x: &Var) -> Result<Var> {
            x.matmul(&self.0.on(x, &[x.shape()[1], 2])?)
        }
        fn params<'a>(&'a self, list: &mut ParamList<'a>) {
            list.add("kernel", &self.0);
        }
    }
    let kept = Param::new(Zeros);
    let layer = Shared(kept.clone().pattern(&[None, Some(2)]));
    let mut weights = Weights::new();
    weights.insert("kernel", Array2::<Float>::ones((3, 3)).into_tensor());
    assert!(gradus::saving::Translation::new().load(&layer, &weights).is_err());
}

#[test]
fn an_unknown_token_is_the_last_one_named() {
    let lookup = StringLookup::new(["a", "b"]).unknown("?").unknown("[UNK]");
    assert_eq!(lookup.vocabulary(), ["[UNK]", "a", "b"]);
}
