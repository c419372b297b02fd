//! What is reported of gradients.

use gradus::callbacks::GradientFlow;
use gradus::ndarray::Array2;
use gradus::prelude::*;

fn data() -> (Array2<Float>, Array2<Float>) {
    let x = Array2::from_shape_fn((32, 3), |(i, j)| ((i * 5 + j * 3) as Float * 0.7).sin());
    let y = Array2::from_shape_fn((32, 1), |(i, _)| 3.0 * x[[i, 0]] - x[[i, 1]]);
    (x, y)
}

#[test]
fn norms_and_ratios_are_those_by_hand() {
    let (x, y) = data();
    let make = || Sequential::new().add(Dense::new(4).activation(Tanh)).add(Dense::new(1));
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("flow.csv");
    let mut flow = GradientFlow::new().csv(&csv);
    let mut fitted = make().compile(Sgd::new(0.1).clip(Clip::Value(1e-3)), MeanSquaredError).seed(2);
    let fit = Fit::epochs(2).batch_size(32).shuffle(false).progress(false).callback(&mut flow);
    fitted.fit(&(&x, &y), fit).unwrap();

    // The second step by hand, from the weights after the first.
    let mut first = make().compile(Sgd::new(0.1).clip(Clip::Value(1e-3)), MeanSquaredError).seed(2);
    first.fit(&(&x, &y), Fit::epochs(1).batch_size(32).shuffle(false).progress(false)).unwrap();
    let tape = Tape::training();
    let loss = MeanSquaredError.loss(&first.model.forward(&tape.input(&x)).unwrap(), &(&y).into_tensor()).unwrap();
    let gradients = loss.backward().unwrap();
    let norm = |x: &Tensor| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    for ((path, after), ((_, before), flow)) in
        fitted.model.parameters().iter().zip(first.model.parameters().iter().zip(flow.parameters()))
    {
        let (before, after) = (before.value().unwrap(), after.value().unwrap());
        let gradient =
            norm(gradients.get(&first.model.parameters().iter().find(|(p, _)| p == path).unwrap().1).unwrap());
        assert_eq!((flow.path.as_str(), flow.steps), (path.as_str(), 1));
        approx::assert_relative_eq!(flow.gradient, gradient, max_relative = 1e-5);
        assert!(flow.gradient > 1e-3, "before clipping");
        let ratio = norm(&(&after - &before).into_shared()) / norm(&before);
        approx::assert_relative_eq!(flow.update_ratio, ratio, max_relative = 1e-5);
    }

    let text = std::fs::read_to_string(csv).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "epoch,parameter,gradient,greatest_gradient,update_ratio,dead,units");
    assert_eq!(lines.len(), 1 + 2 * 4);
    assert!(lines[5].starts_with("2,dense.kernel,") && lines[5].ends_with(",0,4"), "{}", lines[5]);
    let table = flow.to_string();
    assert_eq!(table.lines().count(), 5);
    assert!(table.starts_with("parameter") && table.contains("dense_1.bias") && table.contains("0/4"), "{table}");
}

#[test]
fn dead_units_are_those_that_never_spoke() {
    let (x, y) = data();
    // Two of four units have a bias so low that they are 0 for all examples.
    let mut flow = GradientFlow::new();
    let mut model = Sequential::new()
        .add(Dense::new(4).activation(Relu).bias_initializer(Two))
        .add(Dense::new(1))
        .compile(Adam::default(), MeanSquaredError);
    // A penalty moves them, but does not wake them.
    model.evaluate(&(&x, &y)).unwrap();
    model.model.regularize("dense.kernel", L2(0.1)).unwrap();
    model.fit(&(&x, &y), Fit::epochs(3).batch_size(8).progress(false).callback(&mut flow)).unwrap();
    let [kernel, bias, next, _] = flow.parameters() else { panic!("{flow}") };
    assert_eq!((kernel.dead, kernel.units, bias.dead, bias.units), (2, 4, 2, 4));
    assert_eq!((next.dead, next.units, next.steps), (0, 1, 4));
}

struct Two;

impl Initializer for Two {
    fn sample(&self, _: &[usize], _: &mut gradus::Rng) -> Tensor {
        ndarray::arr1(&[0.0, -100.0, 0.5, -100.0]).into_tensor()
    }
}

#[test]
fn watching_changes_no_bit_and_accumulated_batches_count_once() {
    let (x, y) = data();
    let train = |flow: Option<&mut GradientFlow>| {
        let mut model =
            Dense::new(1).compile(Adam::new(0.1).accumulate(2).clip(Clip::GlobalNorm(0.1)), MeanSquaredError);
        let fit = Fit::epochs(3).batch_size(8).progress(false);
        model.fit(&(&x, &y), flow.map_or(Fit::epochs(0), |flow| fit.callback(flow))).unwrap();
        if model.stepper().steps() == 0 {
            model.fit(&(&x, &y), Fit::epochs(3).batch_size(8).progress(false)).unwrap();
        }
        model.model.kernel().value().unwrap()
    };
    let mut flow = GradientFlow::new();
    assert_eq!(train(Some(&mut flow)), train(None));
    assert_eq!(flow.parameters()[0].steps, 2);
}
