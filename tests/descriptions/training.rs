//! Descriptions of losses, metrics, optimizers and schedules.

use gradus::config::{Config, Described, Registry, Setting};
use gradus::losses::BinaryFocalCrossEntropy;
use gradus::metrics::MeanLoss;
use gradus::metrics::{Averaging, Curve};
use gradus::optimizers::schedules::{CosineDecay, ExponentialDecay, Schedule};
use gradus::optimizers::{Adafactor, Adagrad, Group};
use gradus::optimizers::{Lookahead, MovingAverage};
use gradus::prelude::*;

use crate::message;

fn written(config: &Config) -> Config {
    Config::from_json(&config.to_json().unwrap()).unwrap()
}

/// Keras' names, and what is printed: the settings that differ from their defaults.
#[test]
fn settings_have_the_names_of_keras() {
    let of = |config: Config| {
        let names: Vec<String> = config.settings().map(|(name, _)| name.to_owned()).collect();
        names.join(" ")
    };
    let sparse = SparseCrossEntropy::from_logits().ignore_class(-1);
    assert_eq!(of(sparse.config()), "from_logits from_log_probabilities label_smoothing class_weights ignore_class");
    assert_eq!(format!("{sparse:?}"), "SparseCrossEntropy(from_logits: true, ignore_class: -1)");
    let focal = BinaryFocalCrossEntropy::default();
    assert_eq!(of(focal.config()), "from_logits gamma apply_class_balancing alpha label_smoothing");
    assert_eq!(of(Huber::default().config()), "delta");
    assert_eq!(of(Adam::default().config()), "learning_rate beta_1 beta_2 epsilon amsgrad");
    assert_eq!(format!("{:?}", Adam::new(0.1).amsgrad(true)), "Adam(learning_rate: 0.1, amsgrad: true)");
    assert_eq!(of(AdamW::default().config()), "learning_rate weight_decay beta_1 beta_2 epsilon amsgrad");
    assert_eq!(of(Adagrad::default().config()), "learning_rate initial_accumulator_value epsilon epsilon_in_root");
    assert_eq!(of(Adafactor::default().config()), "learning_rate beta_2_decay epsilon_1 epsilon_2 clip_threshold");
    assert_eq!(of(CosineDecay::new(0.1, 10).config()), "initial_learning_rate decay_steps alpha");
    let exponential = ExponentialDecay::new(0.1, 10, 0.5).staircase(true);
    assert_eq!(of(exponential.config()), "initial_learning_rate decay_steps decay_rate staircase");
    assert_eq!(
        format!("{exponential:?}"),
        "ExponentialDecay(initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.5, staircase: true)"
    );
    assert_eq!(of(TopKAccuracy::new(3).config()), "k");
    assert_eq!(of(FBeta::new(2.0).config()), "beta average threshold multi_label");
}

/// A metric has the settings that it was described with, and gathers the same.
#[test]
fn metrics_are_read_back() {
    let scores = ndarray::arr2(&[[0.9, 0.2, 0.6], [0.4, 0.8, 0.3], [0.7, 0.6, 0.1]]).into_tensor();
    let labels = ndarray::arr2(&[[1, 0, 1], [1, 1, 0], [0, 1, 0]]).into_tensor();
    let metrics: Vec<Box<dyn Metric>> = vec![
        Box::new(Accuracy::default().threshold(0.5).multi_label(true)),
        Box::new(Precision::default().average(Averaging::Macro).threshold(0.65).multi_label(true)),
        Box::new(Auc::default().curve(Curve::PrecisionRecall).multi_label(true).named("area")),
        Box::new(MeanLoss::new("huber", Huber::new(0.5))),
    ];
    for mut metric in metrics {
        let config = written(&metric.config());
        let mut twin: Box<dyn Metric> = Registry::default().make(&config).unwrap();
        assert_eq!((twin.config(), twin.name()), (metric.config(), metric.name()));
        metric.update(&scores, &labels).unwrap();
        twin.update(&scores, &labels).unwrap();
        assert_eq!(twin.result(), metric.result(), "{}", metric.name());
        // The state of one is that of the other.
        let mut resumed: Box<dyn Metric> = Registry::default().make(&config).unwrap();
        resumed.restore(&twin.state().unwrap()).unwrap();
        assert_eq!(resumed.result(), metric.result());
    }
}

/// All that stands between gradients and weights.
#[test]
fn steppers_are_read_back() {
    let stepper = AdamW::new(0.1)
        .schedule(CosineDecay::new(0.1, 90).alpha(0.5).warm_up(10).start(0.01).then(200, 0.25).times(0.5))
        .group("*bias", Group::new().weight_decay(0.0))
        .clip(Clip::GlobalNorm(1.0))
        .accumulate(2)
        .average(MovingAverage::new(0.9).ema_overwrite_frequency(3))
        .lookahead(Lookahead::new(4, 0.25));
    let config = written(&stepper.config());
    let twin = Stepper::from_value(&gradus::config::Value::Config(config.clone()), &Registry::default()).unwrap();
    assert_eq!(twin.config(), stepper.config());
    assert_eq!(
        format!("{twin:?}"),
        "Stepper(optimizer: AdamW(learning_rate: 0.005), schedule: Product(one: Then(first: WarmUp(warmup_steps: 10, then: \
         CosineDecay(initial_learning_rate: 0.1, decay_steps: 90, alpha: 0.5), start: 0.01), steps: 200, next: \
         Constant(learning_rate: 0.25)), other: Constant(learning_rate: 0.5)), \
         global_clipnorm: 1, gradient_accumulation_steps: 2, average: MovingAverage(ema_momentum: 0.9, \
         ema_overwrite_frequency: 3), lookahead: Lookahead(steps: 4, rate: 0.25))\n    *bias: Group(weight_decay: 0)"
    );
}

#[test]
fn settings_are_checked_when_they_are_read() {
    let stepper = |text: &str| {
        let config = Config::from_json(text).unwrap();
        message(Stepper::from_value(&gradus::config::Value::Config(config), &Registry::default()))
    };
    let adam = |setting: &str| format!(r#"{{"class_name":"Adam","config":{{{setting}}}}}"#);
    let of = |settings: &str| format!(r#"{{"class_name":"Stepper","config":{{{settings}}}}}"#);
    let sound = adam("");
    assert_eq!(
        stepper(&of(&format!(r#""optimizer":{}"#, adam(r#""learning_rate":-1"#)))),
        "setting `optimizer`: Adam: expected a learning rate of at least 0, got -1; 0.001 is a usual start"
    );
    assert_eq!(
        stepper(&of(&format!(r#""optimizer":{}"#, adam(r#""beta_3":1"#)))),
        "setting `optimizer`: `Adam` has no setting `beta_3`; it has [\"learning_rate\", \"beta_1\", \"beta_2\", \
         \"epsilon\", \"amsgrad\"]"
    );
    let steps = r#"{"class_name":"CosineDecay","config":{"initial_learning_rate":1,"decay_steps":0}}"#;
    assert_eq!(
        stepper(&of(&format!(r#""optimizer":{sound},"schedule":{steps}"#))),
        "setting `schedule`: CosineDecay: expected at least 1 step, got 0"
    );
    assert_eq!(
        stepper(&of(&format!(r#""optimizer":{sound},"clipvalue":1,"clipnorm":1"#))),
        "setting `clipnorm`: expected one bound of gradients, got several"
    );
    assert_eq!(stepper(&of("")), "setting `optimizer`: the setting is missing in the description of `Stepper`");
}

/// A closure can be trained with, and refuses only to be described.
#[test]
fn closures_refuse_to_be_described() {
    let stepper = Sgd::new(0.1).schedule(|step: u32| 0.1 / (step + 1) as Float);
    assert_eq!(
        stepper.config().to_json().unwrap_err().to_string(),
        "setting `schedule`: `Lambda` cannot be described: a closure has no name; make it a type that implements `Described`"
    );
    let metric = MeanLoss::new("own", |y: &Var, _: &Tensor| Ok(y.mean()));
    assert!(message(metric.config().to_json()).starts_with("setting `loss`: `Lambda` cannot be described"));
    assert_eq!(Stepper::KIND, "Stepper");
}
