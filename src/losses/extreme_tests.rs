//! Every loss where a prediction is infinite, huge, or a probability of 0 or 1: values and gradients are the limits.
//!
//! PyTorch 2.15 and Keras 3 give the same numbers where they give any; they give NaN for most infinite predictions, by `0 · ∞`.

use super::*;
use crate::autograd::Tape;
use crate::tensor::{Float, IntoTensor, data, tensor};

const INF: Float = Float::INFINITY;

/// The loss of one row, and its gradient.
fn of_row(loss: &dyn Loss, x: &[Float], target: &[Float]) -> Result<(Float, Vec<Float>)> {
    let x = Tape::training().variable(tensor(&[1, x.len()], x.to_vec()));
    let value = loss.loss(&x, &tensor(&[1, target.len()], target.to_vec()))?;
    Ok((value.item(), data(value.backward()?.of(&x).unwrap()).to_vec()))
}

fn near(got: Float, want: Float) -> bool {
    got == want || (got - want).abs() <= 2e-6 * want.abs()
}

fn check(name: &str, loss: &dyn Loss, [x, target]: [&[Float]; 2], want: Float, gradient: &[Float]) {
    let (value, slope) = of_row(loss, x, target).unwrap();
    let right = near(value, want) && slope.iter().zip(gradient).all(|(got, want)| near(*got, *want));
    assert!(right, "{name} of {x:?} for {target:?}: {value} {slope:?}, expected {want} {gradient:?}");
}

#[test]
fn impossible_classes() {
    let rows: [([Float; 3], Float, [Float; 3]); 5] = [
        ([-INF, 0.0, 0.0], std::f64::consts::LN_2 as Float, [0.0, -0.5, 0.5]),
        ([0.0, -INF, 0.0], INF, [0.5, -1.0, 0.5]),
        ([0.0, INF, 0.0], 0.0, [0.0, 0.0, 0.0]),
        ([INF, 0.0, -INF], INF, [1.0, -1.0, 0.0]),
        ([3e38, -3e38, 0.0], INF, [1.0, -1.0, 0.0]),
    ];
    for (x, want, gradient) in rows {
        check("CrossEntropy", &CrossEntropy::from_logits(), [&x, &[0.0, 1.0, 0.0]], want, &gradient);
        check("SparseCrossEntropy", &SparseCrossEntropy::from_logits(), [&x, &[1.0]], want, &gradient);
    }
    // Far out, but near each other: ln(1 + exp(-10)).
    let (far, slopes) = of_row(&SparseCrossEntropy::from_logits(), &[10_000.0, 9_990.0], &[0.0]).unwrap();
    assert!((far - 4.539_89e-5).abs() < 1e-7 && (slopes[0] + 4.539_787e-5).abs() < 1e-7, "{far} {slopes:?}");
    let smooth = CrossEntropy::from_logits().label_smoothing(0.1);
    let slopes = [-1.0 / 30.0, -13.0 / 30.0, 14.0 / 30.0];
    check("CrossEntropy", &smooth, [&[-INF, 0.0, 0.0], &[0.0, 1.0, 0.0]], INF, &slopes);
    let focal = CategoricalFocalCrossEntropy::from_logits();
    for low in [-INF, -3e38, -1000.0] {
        check("focal", &focal, [&[low, 0.0, 0.0], &[0.0, 1.0, 0.0]], 0.043_321_7, &[0.0, -0.074_571_7, 0.074_571_7]);
    }
    check("focal", &focal, [&[0.0, -INF, 0.0], &[0.0, 1.0, 0.0]], INF, &[0.125, -0.25, 0.125]);
    check("focal", &focal, [&[0.0, INF, 0.0], &[0.0, 1.0, 0.0]], 0.0, &[0.0; 3]);
    let hinge = [&[-INF, 2.0, 1.5], &[0.0, 1.0, 0.0]].map(|x: &[Float; 3]| &x[..]);
    check("CategoricalHinge", &CategoricalHinge, hinge, 0.5, &[0.0, -1.0, 1.0]);
    let distillation = Distillation::new(1.0);
    check("Distillation", &distillation, [&[INF, 0.0], &[0.0, 0.0]], INF, &[0.5, -0.5]);
}

#[test]
fn impossible_classes_after_a_softmax() {
    let x = Tape::training().variable(ndarray::arr2(&[[-INF, 0.0, 1.0]]));
    let y = x.log_softmax(-1).unwrap();
    let target = ndarray::arr2(&[[0.0, 0.5, 0.5]]).into_tensor();
    for loss in [KlDivergence.loss(&y, &target), KlDivergence.loss(&x.softmax(-1).unwrap(), &target)] {
        let loss = loss.unwrap();
        assert!(near(loss.item(), 0.120_114_51), "{}", loss.item());
        let gradient = data(loss.backward().unwrap().of(&x).unwrap()).to_vec();
        assert!(gradient.iter().zip([0.0, -0.231_058_58, 0.231_058_58]).all(|(got, want)| near(*got, want)));
    }
    // The label may be spelled in the other step.
    let x = Tape::training().variable(ndarray::arr3(&[[[0.0, 0.0, -INF], [0.0, 0.0, 0.0]]]));
    let loss = Ctc::default().loss(&x, &ndarray::arr2(&[[2.0]]).into_tensor()).unwrap();
    assert!(near(loss.item(), 1.791_759_5));
    let third = 1.0 / 3.0;
    let want = [-0.5, 0.5, 0.0, third, third, -2.0 * third];
    assert!(data(loss.backward().unwrap().of(&x).unwrap()).iter().zip(want).all(|(got, want)| near(*got, want)));
}

#[test]
fn single_numbers_far_out() {
    let answers = BinaryCrossEntropy::from_logits();
    let focal = BinaryFocalCrossEntropy::from_logits();
    for far in [3e38, INF] {
        for loss in [&answers as &dyn Loss, &focal] {
            check("binary", loss, [&[far], &[1.0]], 0.0, &[0.0]);
            check("binary", loss, [&[far], &[0.0]], far, &[1.0]);
            check("binary", loss, [&[-far], &[0.0]], 0.0, &[0.0]);
            check("binary", loss, [&[-far], &[1.0]], far, &[-1.0]);
        }
        for target in [0.0, 1.0] {
            check("Poisson", &Poisson::default(), [&[far], &[target]], far, &[1.0]);
            check("Poisson", &Poisson::from_log(), [&[far], &[target]], INF, &[INF]);
            let low = if target == 0.0 { 0.0 } else { far };
            check("Poisson", &Poisson::from_log(), [&[-far], &[target]], low, &[-target]);
            for (loss, name) in
                [(&LogCosh as &dyn Loss, "LogCosh"), (&Huber::new(1.0), "Huber"), (&MeanAbsoluteError, "MAE")]
            {
                check(name, loss, [&[far], &[target]], far, &[1.0]);
                check(name, loss, [&[-far], &[target]], far, &[-1.0]);
            }
        }
        check("Hinge", &Hinge, [&[far], &[1.0]], 0.0, &[0.0]);
        check("Hinge", &Hinge, [&[far], &[0.0]], far, &[1.0]);
        check("SquaredHinge", &SquaredHinge, [&[-far], &[1.0]], INF, &[-INF]);
        check("MeanSquaredError", &MeanSquaredError, [&[far], &[1.0]], INF, &[INF]);
        let variance = GaussianNll::default();
        check("GaussianNll", &variance, [&[far, 1.0], &[0.0]], INF, &[far, -INF]);
        // In the direction of the first axis.
        let angle = of_row(&CosineSimilarity, &[-far, 1.0], &[3.0, 4.0]).unwrap();
        assert!(near(angle.0, 0.6) && angle.1.iter().all(|slope| slope.abs() < 1e-38), "{angle:?}");
    }
    check("MSLE", &MeanSquaredLogarithmicError, [&[INF], &[1.0]], INF, &[0.0]);
    check("MSLE", &MeanSquaredLogarithmicError, [&[3e38], &[1.0]], 7_727.060_5, &[5.860_246_8e-37]);
    let angle = of_row(&CosineSimilarity, &[3e38, 1e38], &[3.0, 1.0]).unwrap();
    assert!(near(angle.0, -1.0) && angle.1.iter().all(|slope| slope.abs() < 1e-38), "{angle:?}");
}

#[test]
fn distances_far_out() {
    let of = |loss: &dyn Loss, x: [[Float; 2]; 2], target: Float| {
        let x = Tape::training().variable(ndarray::arr3(&[x]));
        let loss = loss.loss(&x, &ndarray::arr1(&[target]).into_tensor()).unwrap();
        (loss.item(), data(loss.backward().unwrap().of(&x).unwrap()).to_vec())
    };
    let apart = [[INF, 0.0], [0.0, 1.0]];
    assert_eq!(of(&Contrastive::default(), apart, 0.0), (0.0, vec![0.0; 4]));
    assert_eq!(of(&Contrastive::default(), apart, 1.0), (INF, vec![INF, -2.0, -INF, 2.0]));
    let x = Tape::training().variable(ndarray::arr3(&[[[0.0, 0.0], [INF, 0.0], [0.0, 2.0]]]));
    let loss = Triplet::default().loss(&x, &ndarray::arr1(&[0.0]).into_tensor()).unwrap();
    assert_eq!(loss.item(), INF);
    let gradient = data(loss.backward().unwrap().of(&x).unwrap()).to_vec();
    assert!(gradient.iter().zip([-1.0, 1.0, 1.0, 0.0, 0.0, -1.0]).all(|(got, want)| (got - want).abs() < 2e-6));
}

#[test]
fn certain_probabilities() {
    for (loss, name) in [
        (&CrossEntropy::default() as &dyn Loss, "CrossEntropy"),
        (&CategoricalFocalCrossEntropy::default().alpha(1.0), "focal"),
    ] {
        check(name, loss, [&[1.0, 0.0], &[0.0, 1.0]], 16.118_095, &[0.0, 0.0]);
    }
    check("SparseCrossEntropy", &SparseCrossEntropy::default(), [&[1.0, 0.0], &[1.0]], 16.118_095, &[0.0, 0.0]);
    check("BinaryCrossEntropy", &BinaryCrossEntropy::default(), [&[0.0], &[1.0]], 16.118_095, &[0.0]);
    check("focal", &BinaryFocalCrossEntropy::default(), [&[0.0], &[1.0]], 16.118_095, &[-32.236_19]);
    check("Poisson", &Poisson::default(), [&[0.0], &[0.0]], 0.0, &[1.0]);
    for loss in [&Dice::default() as &dyn Loss, &Tversky::default()] {
        assert!(of_row(loss, &[INF, 0.0], &[1.0, 0.0]).unwrap_err().to_string().contains("expected probabilities"));
    }
}

/// Where exactly one number is out of the usual, all else is a number.
#[test]
fn no_loss_is_silently_not_a_number() {
    let losses: Vec<(&str, Box<dyn Loss>)> = vec![
        ("MeanSquaredError", Box::new(MeanSquaredError)),
        ("MeanSquaredLogarithmicError", Box::new(MeanSquaredLogarithmicError)),
        ("MeanAbsoluteError", Box::new(MeanAbsoluteError)),
        ("MeanAbsolutePercentageError", Box::new(MeanAbsolutePercentageError)),
        ("Huber", Box::new(Huber::default())),
        ("SmoothL1", Box::new(SmoothL1::default())),
        ("SmoothL1 0", Box::new(SmoothL1::new(0.0))),
        ("LogCosh", Box::new(LogCosh)),
        ("Quantile", Box::new(Quantile::new([0.3]))),
        ("Hinge", Box::new(Hinge)),
        ("SquaredHinge", Box::new(SquaredHinge)),
        ("CategoricalHinge", Box::new(CategoricalHinge)),
        ("Poisson", Box::new(Poisson::default())),
        ("Poisson from_log", Box::new(Poisson::from_log())),
        ("CosineSimilarity", Box::new(CosineSimilarity)),
        ("Dice", Box::new(Dice::default())),
        ("Tversky", Box::new(Tversky::default())),
        ("BinaryCrossEntropy", Box::new(BinaryCrossEntropy::default())),
        ("BinaryCrossEntropy from_logits", Box::new(BinaryCrossEntropy::from_logits().label_smoothing(0.1))),
        ("BinaryFocalCrossEntropy", Box::new(BinaryFocalCrossEntropy::default())),
        (
            "BinaryFocalCrossEntropy from_logits",
            Box::new(BinaryFocalCrossEntropy::from_logits().gamma(0.5).apply_class_balancing(true)),
        ),
        ("CrossEntropy", Box::new(CrossEntropy::default())),
        ("CrossEntropy from_logits", Box::new(CrossEntropy::from_logits())),
        ("CrossEntropy from_logits smooth", Box::new(CrossEntropy::from_logits().label_smoothing(0.1))),
        ("CrossEntropy from_log_probabilities", Box::new(CrossEntropy::from_log_probabilities())),
        ("CategoricalFocalCrossEntropy", Box::new(CategoricalFocalCrossEntropy::default())),
        ("focal from_logits", Box::new(CategoricalFocalCrossEntropy::from_logits().gamma(0.5))),
        ("focal from_logits smooth", Box::new(CategoricalFocalCrossEntropy::from_logits().label_smoothing(0.1))),
        ("focal from_logits gamma 0", Box::new(CategoricalFocalCrossEntropy::from_logits().gamma(0.0))),
        ("KlDivergence", Box::new(KlDivergence)),
        ("Distillation", Box::new(Distillation::default())),
    ];
    let mut seen = 0;
    for (name, loss) in &losses {
        for far in [INF, -INF, 3e38, -3e38, 1e20, -1e20, 1e4, -1e4, 0.0, 1.0] {
            for place in 0..3 {
                for class in 0..3 {
                    let mut x = if far == 0.0 || far == 1.0 { [(1.0 - far) / 2.0; 3] } else { [0.5, 0.25, 0.25] };
                    x[place] = far;
                    let mut target = [0.0; 3];
                    target[class] = 1.0;
                    // Predictions that the loss refuses are errors.
                    let Ok((value, gradient)) = of_row(&**loss, &x, &target) else { continue };
                    seen += 1;
                    let is_number = !value.is_nan() && gradient.iter().all(|slope| !slope.is_nan());
                    assert!(is_number, "{name} of {x:?} for {target:?}: {value}, {gradient:?}");
                }
            }
        }
    }
    assert!(seen > 1500, "{seen} cases only");
}

#[test]
fn what_does_not_count_may_be_anything() {
    let x = Tape::training().variable(ndarray::arr3(&[[[INF], [2.0]]]));
    let masked = x.clone().with_mask(ndarray::arr2(&[[0, 1]])).unwrap();
    let target = ndarray::arr2(&[[0.0, 0.0]]).into_tensor();
    let loss = MeanSquaredError.loss(&masked, &target).unwrap();
    assert_eq!(loss.item(), 4.0);
    assert_eq!(data(loss.backward().unwrap().of(&x).unwrap()), [0.0, 4.0]);
    let each = MeanSquaredError.each(&x, &target).unwrap();
    let weighed = each.weigh(&ndarray::arr2(&[[0.0, 3.0]]).into_tensor()).unwrap().sum();
    assert_eq!(weighed.item(), 12.0);
    assert_eq!(data(weighed.backward().unwrap().of(&x).unwrap()), [0.0, 12.0]);
}

/// PyTorch in double precision: all slopes add up to 0, since the shares add up to 1.
#[test]
fn smoothing_spreads_exactly_what_it_takes() {
    for classes in [1_000, 50_257] {
        let mut x = vec![0.0; classes];
        x[3] = 40.0;
        let mut one_hot = vec![0.0; classes];
        one_hot[7] = 1.0;
        let even = 0.1 / classes as f64;
        for (loss, target) in [
            (Box::new(SparseCrossEntropy::from_logits().label_smoothing(0.1)) as Box<dyn Loss>, vec![7.0]),
            (Box::new(CrossEntropy::from_logits().label_smoothing(0.1)), one_hot),
        ] {
            let (value, slope) = of_row(&*loss, &x, &target).unwrap();
            let slope: Vec<f64> = slope.iter().map(|slope| f64::from(*slope)).collect();
            for (slope, want) in [(slope[3], 1.0 - even), (slope[7], -0.9 - even), (slope[0], -even)] {
                assert!(
                    (slope - want).abs() < 1.2e-7 * want.abs(),
                    "{classes} classes: a slope of {slope}, not {want}"
                );
            }
            let want = 40.0 * (1.0 - even);
            assert!((f64::from(value) - want).abs() < 1.2e-7 * want, "{classes} classes: {value}, not {want}");
            let rest: f64 = slope.iter().sum();
            assert!(rest.abs() < 1e-7, "{classes} classes: slopes add up to {rest}");
        }
    }
}
