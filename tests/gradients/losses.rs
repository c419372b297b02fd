//! A row for each loss and each kind of prediction that it knows.

use gradus::losses::Distillation;
use gradus::prelude::*;
use ndarray::{arr1, arr2};

use super::{Forward, Function, function, numbers};

pub(crate) fn table() -> Vec<Function> {
    let mut rows = Vec::new();
    let scores = numbers(&[3, 4]);
    let probabilities = arr2(&[[0.1, 0.2, 0.3, 0.4], [0.25, 0.35, 0.15, 0.25], [0.5, 0.2, 0.2, 0.1]]).into_tensor();
    let answers = arr1(&[0.2, 0.7, 0.45, 0.9]).into_tensor();
    let mut add = |name: &str, x: &Tensor, f: Forward| {
        rows.push(function(name, std::slice::from_ref(x), f));
    };
    macro_rules! row {
        ($name:expr, $x:expr, $loss:expr, $target:expr, $before:expr) => {
            let target = $target;
            add($name, &$x, Box::new(move |x| $loss.loss(&$before(&x[0]), &target)));
        };
    }
    let same = |x: &Var| x.clone();
    let targets = numbers(&[4, 3]).into_shape_with_order(vec![3, 4]).unwrap().mapv(|x| 0.5 - x).into_shared();
    row!("MeanSquaredError", scores, MeanSquaredError, targets.clone(), same);
    row!("MeanAbsoluteError", scores, MeanAbsoluteError, targets.mapv(|t| t + 0.4567).into_shared(), same);
    row!("MeanSquaredError trailing axis", numbers(&[4, 1]), MeanSquaredError, numbers(&[4]), |x: &Var| x * 2.0);

    let soft = arr2(&[[0.0, 1.0, 0.0, 0.0], [0.2, 0.3, 0.1, 0.4], [0.5, 0.0, 0.5, 0.0]]).into_tensor();
    row!("CrossEntropy after Softmax", scores, CrossEntropy::default(), soft.clone(), |x| Softmax.apply(x));
    row!("CrossEntropy after LogSoftmax", scores, CrossEntropy::default(), soft.clone(), |x| LogSoftmax.apply(x));
    row!("CrossEntropy of probabilities", probabilities, CrossEntropy::default(), soft.clone(), same);
    row!("CrossEntropy of logits", scores, CrossEntropy::from_logits(), soft.clone(), same);
    let heavy = soft.mapv(|share| 3.0 * share).into_shared();
    row!("CrossEntropy of logits with weights", scores, CrossEntropy::from_logits(), heavy, same);

    let classes = || arr1(&[2.0, 0.0, 3.0]).into_tensor();
    row!("SparseCrossEntropy after Softmax", scores, SparseCrossEntropy::default(), classes(), |x| Softmax.apply(x));
    row!("SparseCrossEntropy after LogSoftmax", scores, SparseCrossEntropy::default(), classes(), |x| {
        LogSoftmax.apply(x)
    });
    row!("SparseCrossEntropy of probabilities", probabilities, SparseCrossEntropy::default(), classes(), same);
    row!("SparseCrossEntropy of logits", scores, SparseCrossEntropy::from_logits(), classes(), same);
    let steps = arr2(&[[2.0, 0.0], [1.0, 1.0]]).into_tensor();
    row!("SparseCrossEntropy of sequences", numbers(&[2, 2, 3]), SparseCrossEntropy::default(), steps, |x| {
        Softmax.apply(x)
    });

    let logits = scores.mapv(|x| 1.0 - 2.0 * x).into_shared();
    row!("Distillation", scores, Distillation::new(3.0), logits, same);

    let yes = || arr1(&[1.0, 0.0, 0.0, 0.7]).into_tensor();
    row!("BinaryCrossEntropy after Sigmoid", numbers(&[4]), BinaryCrossEntropy::default(), yes(), |x| {
        Sigmoid.apply(x)
    });
    row!("BinaryCrossEntropy of probabilities", answers, BinaryCrossEntropy::default(), yes(), same);
    row!("BinaryCrossEntropy of logits", numbers(&[4]), BinaryCrossEntropy::from_logits(), yes(), same);
    rows
}
