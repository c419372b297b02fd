//! State that layers change in a pass, such as moving statistics.

use gradus::initializers::RandomNormal;
use gradus::layers::SpectralNorm;
use gradus::ndarray::{Array2, arr2};
use gradus::prelude::*;

fn value(model: &impl Layer, path: &str) -> Vec<Float> {
    let parameters = model.parameters();
    let (_, param) = parameters.iter().find(|(known, _)| known == path).unwrap();
    param.value().unwrap().iter().copied().collect()
}

fn set(model: &impl Layer, path: &str, to: Vec<Float>) {
    let parameters = model.parameters();
    let (_, param) = parameters.iter().find(|(known, _)| known == path).unwrap();
    param.set(gradus::ndarray::Array1::from(to)).unwrap();
}

/// Means 1 and 20, variances 1 and 100, with momentum 0.5 from 0 and 1.
#[test]
fn batch_norm_used_twice_in_a_pass_follows_both_batches() {
    let layer = BatchNorm::new().momentum(0.5);
    let tape = Tape::training();
    layer.forward(&tape.input(arr2(&[[0.0], [2.0]]))).unwrap();
    layer.forward(&tape.input(arr2(&[[10.0], [30.0]]))).unwrap();
    assert_eq!(value(&layer, "moving_mean"), [0.0], "the update is postponed");
    tape.commit().unwrap();
    assert_eq!(value(&layer, "moving_mean"), [10.25]);
    assert_eq!(value(&layer, "moving_variance"), [50.5]);
}

#[test]
fn spectral_norm_used_twice_in_a_pass_iterates_as_in_two_passes() {
    let layer = || {
        let layer = SpectralNorm::new(Dense::new(3).kernel_initializer(RandomNormal::default()));
        layer.forward(&Tape::inference().input(Array2::<Float>::ones((1, 5)))).unwrap();
        set(&layer, "spectral_u", vec![0.0, 0.6, 0.8]);
        layer
    };
    let x = Array2::<Float>::ones((1, 5));
    let (twice, apart) = (layer(), layer());
    let tape = Tape::training();
    twice.forward(&tape.input(&x)).unwrap();
    twice.forward(&tape.input(&x)).unwrap();
    tape.commit().unwrap();
    for _ in 0..2 {
        let tape = Tape::training();
        apart.forward(&tape.input(&x)).unwrap();
        tape.commit().unwrap();
    }
    assert_eq!(value(&twice, "spectral_u"), value(&apart, "spectral_u"));
    assert_eq!(value(&twice, "spectral_v"), value(&apart, "spectral_v"));
}

/// Runs one layer on both halves of the features.
struct Both(BatchNorm);

impl Layer for Both {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(self.0.forward(&x.slice(1, ..1)?)? + self.0.forward(&x.slice(1, 1..)?)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("norm", &self.0);
    }
}

#[test]
fn fit_follows_both_uses_of_a_shared_layer() {
    let mut trainer = Both(BatchNorm::new().momentum(0.5)).compile(Sgd::new(0.0), MeanSquaredError);
    let (x, y) = (arr2(&[[0.0, 10.0], [2.0, 30.0]]), arr2(&[[0.0], [0.0]]));
    trainer.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap();
    assert_eq!(value(&trainer.model, "norm.moving_mean"), [10.25]);
}

#[test]
fn a_frozen_statistic_keeps_its_bits_beside_one_that_follows() {
    let layer = BatchNorm::new().momentum(0.5);
    layer.freeze_matching("moving_variance").unwrap();
    let tape = Tape::training();
    layer.forward(&tape.input(arr2(&[[0.0], [20.0]]))).unwrap();
    tape.commit().unwrap();
    assert_eq!(value(&layer, "moving_mean"), [5.0]);
    assert_eq!(value(&layer, "moving_variance"), [1.0]);
}
