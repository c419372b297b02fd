//! Losses that are no numbers, and parameters that no gradient reaches.

use gradus::callbacks::StopOnNan;
use gradus::prelude::*;

use super::{bits, classifier, compiled, examples, message, quiet};

#[test]
fn a_loss_that_is_no_number_is_an_error_and_takes_no_step() {
    let (mut x, y) = examples();
    x[[9, 2]] = Float::NAN;
    let in_order = || Fit::epochs(3).batch_size(4).shuffle(false).progress(false);

    // Two batches are sound, the third is not: the weights are those of two steps.
    let mut model = compiled();
    assert_eq!(
        message(model.fit(&(&x, &y), in_order())),
        "the loss became NaN in epoch 1, batch 3; the weights are as they were before that batch: example 9 has NaN in its \
         inputs, in column 2 (all counted from 0); correct that example or leave it out"
    );
    let (sound_x, sound_y) = (x.slice(ndarray::s![..8, ..]), y.slice(ndarray::s![..8]));
    let mut sound = compiled();
    sound.fit(&(&sound_x, &sound_y), Fit::epochs(1).batch_size(4).shuffle(false).progress(false)).unwrap();
    assert_eq!(bits(&model.model), bits(&sound.model));

    // With the callback the run ends there, quietly.
    let mut stopped = compiled();
    let history = stopped.fit(&(&x, &y), in_order().callback(StopOnNan)).unwrap();
    assert_eq!(history.len(), 1);
    assert!(history.last().unwrap()["loss"].is_finite());
    assert_eq!(bits(&stopped.model), bits(&sound.model));
}

#[test]
fn an_infinite_loss_too() {
    let (x, y) = examples();
    let infinite = |p: &Var, _: &Tensor| Ok(p.mean() * Float::INFINITY);
    let mut model = classifier().compile(Sgd::default(), infinite);
    assert!(message(model.fit(&(&x, &y), quiet())).starts_with("the loss became inf in epoch 1, batch 1;"));
}

/// Lists a parameter that its forward leaves out.
struct Forgetful {
    dense: Dense,
    forgotten: Param,
}

impl Layer for Forgetful {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.forgotten.on(x, &[3])?;
        self.dense.forward(x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("dense", &self.dense);
        list.add("forgotten", &self.forgotten);
    }
}

fn forgetful() -> Trainer<Sequential> {
    let layer = Forgetful { dense: Dense::new(4), forgotten: Param::new(Zeros) };
    Sequential::new()
        .add(layer)
        .add(Dense::new(3).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
}

#[test]
fn a_trainable_parameter_without_a_gradient() {
    let mut model = forgetful();
    model.predict(&examples().0).unwrap();
    let before = bits(&model.model);
    assert_eq!(
        message(model.fit(&examples(), quiet())),
        "no gradient for the trainable parameters `forgetful.forgotten`; the loss does not depend on them: use them \
         in `forward`, or freeze them"
    );
    assert_eq!(bits(&model.model), before);
    model.model.freeze_matching("forgetful.forgotten").unwrap();
    model.fit(&examples(), quiet()).unwrap();
}

#[test]
fn detached_parameters_are_all_named() {
    let mut model = Sequential::new()
        .add(Dense::new(4))
        .add(|x: &Var| x.detach())
        .add(Dense::new(3).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default());
    assert_eq!(
        message(model.fit(&examples(), quiet())),
        "no gradient for the trainable parameters `dense.kernel`, `dense.bias`; the loss does not depend on them: use \
         them in `forward`, or freeze them"
    );
}

#[test]
fn a_loss_that_forgets_the_model() {
    let mut model = classifier().compile(Adam::default(), |p: &Var, _: &Tensor| Ok(p.tape().constant(1.0)));
    assert!(
        message(model.fit(&examples(), quiet())).starts_with("no gradient for the trainable parameters `dense.kern")
    );
}

/// Fails where it is told to.
struct Failing(&'static str);

impl Callback for Failing {
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if run.batch == 2 { Err(Error::value(self.0)) } else { Ok(()) }
    }
}

#[test]
fn an_error_of_a_callback_ends_the_run() {
    assert_eq!(message(compiled().fit(&examples(), quiet().callback(Failing("enough")))), "enough");
}
