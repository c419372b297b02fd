//! Rows for the losses beyond squares and cross-entropies, for the options of all, and for weights and masks.

use gradus::losses::*;
use gradus::prelude::*;
use ndarray::{arr1, arr2, arr3};

use super::{Function, function, numbers, positive};

/// `f` of the losses: their mean, or a mean of some kind.
fn row(
    name: &str,
    x: &Tensor,
    target: Tensor,
    loss: impl Loss + 'static,
    before: impl Fn(&Var) -> Result<Var> + 'static,
) -> Function {
    function(name, std::slice::from_ref(x), move |x| loss.loss(&before(&x[0])?, &target))
}

fn same(x: &Var) -> Result<Var> {
    Ok(x.clone())
}

fn softmax(x: &Var) -> Result<Var> {
    Ok(Softmax.apply(x))
}

fn sigmoid(x: &Var) -> Result<Var> {
    Ok(Sigmoid.apply(x))
}

/// Numbers in another order than those of `numbers`, and none like them.
fn others(shape: &[usize]) -> Tensor {
    let len: usize = shape.iter().product();
    let number = |i: usize| ((i * 31 + 5) % len) as Float / len as Float * 2.7 - 1.277;
    Tensor::from_shape_vec(shape, (0..len).map(number).collect()).unwrap()
}

pub(crate) fn table() -> Vec<Function> {
    [errors(), answers(), classes(), embeddings_and_areas(), sequences(), weighed()].into_iter().flatten().collect()
}

fn errors() -> Vec<Function> {
    let (x, t) = (numbers(&[3, 4]), others(&[3, 4]));
    let (p, u) = (positive(&[3, 4]), others(&[3, 4]).mapv(|x| x + 1.5).into_shared());
    let counts = arr2(&[[0.0, 1.0, 2.0, 5.0], [3.0, 0.0, 1.0, 1.0], [2.0, 2.0, 7.0, 0.0]]).into_tensor();
    let both = ndarray::concatenate![ndarray::Axis(1), x.view(), p.view()].into_tensor();
    vec![
        row("MeanAbsolutePercentageError", &x, t.clone(), MeanAbsolutePercentageError, same),
        row("MeanSquaredLogarithmicError", &p, u, MeanSquaredLogarithmicError, same),
        row("LogCosh", &x, t.clone(), LogCosh, same),
        row("Huber", &x, t.clone(), Huber::default(), same),
        row("Huber of delta 0.3", &x, t.clone(), Huber::new(0.3), same),
        row("SmoothL1", &x, t.clone(), SmoothL1::default(), same),
        row("SmoothL1 of beta 0.4", &x, t.clone(), SmoothL1::new(0.4), same),
        row("SmoothL1 of beta 0", &x, t.clone(), SmoothL1::new(0.0), same),
        row("Poisson", &p, counts.clone(), Poisson::default(), same),
        row("Poisson of logarithms", &x, counts, Poisson::from_log(), same),
        row("GaussianNll", &both, t.clone(), GaussianNll::default(), same),
        row("GaussianNll full", &both, t.clone(), GaussianNll::default().full(true), same),
        row("GaussianNll of one number", &positive(&[4, 2]), others(&[4]), GaussianNll::default(), same),
        row("Quantile", &both, t.clone(), Quantile::new([0.1, 0.7]), same),
        row("Quantile of one level", &x, t.clone(), Quantile::new([0.9]), same),
        row("CosineSimilarity", &x, t, CosineSimilarity, same),
        row("CosineSimilarity of sequences", &numbers(&[2, 3, 4]), others(&[2, 3, 4]), CosineSimilarity, same),
    ]
}

fn answers() -> Vec<Function> {
    let (x, p) = (numbers(&[3, 2]), numbers(&[3, 2]).mapv(|x| 0.5 + x / 4.0).into_shared());
    let hard = || arr2(&[[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]).into_tensor();
    let soft = || arr2(&[[0.9, 0.2], [0.4, 0.0], [1.0, 0.7]]).into_tensor();
    let signs = || arr2(&[[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]).into_tensor();
    let smooth = || BinaryCrossEntropy::default().label_smoothing(0.2);
    let weighed = || BinaryCrossEntropy::from_logits().positive_weight(3.0);
    let focal = BinaryFocalCrossEntropy::default;
    vec![
        row("BinaryCrossEntropy smoothed", &p, hard(), smooth(), same),
        row("BinaryCrossEntropy smoothed after Sigmoid", &x, hard(), smooth(), sigmoid),
        row("BinaryCrossEntropy with a positive weight", &x, soft(), weighed(), same),
        row("BinaryCrossEntropy with all options", &p, soft(), smooth().positive_weight(0.5), same),
        row("BinaryFocalCrossEntropy", &p, hard(), focal(), same),
        row("BinaryFocalCrossEntropy after Sigmoid", &x, hard(), focal(), sigmoid),
        row("BinaryFocalCrossEntropy of logits", &x, soft(), BinaryFocalCrossEntropy::from_logits().gamma(0.5), same),
        row(
            "BinaryFocalCrossEntropy balanced",
            &p,
            soft(),
            focal().apply_class_balancing(true).label_smoothing(0.1),
            same,
        ),
        row("BinaryFocalCrossEntropy of gamma 0", &x, hard(), focal().gamma(0.0), sigmoid),
        row("Hinge", &x, signs(), Hinge, same),
        row("Hinge of zeros and ones", &x, hard(), Hinge, same),
        row("SquaredHinge", &x, signs(), SquaredHinge, same),
    ]
}

fn classes() -> Vec<Function> {
    let x = numbers(&[3, 4]);
    let p = arr2(&[[0.1, 0.2, 0.3, 0.4], [0.25, 0.35, 0.15, 0.25], [0.5, 0.2, 0.2, 0.1]]).into_tensor();
    let soft = || arr2(&[[0.0, 1.0, 0.0, 0.0], [0.2, 0.3, 0.1, 0.4], [0.5, 0.0, 0.5, 0.0]]).into_tensor();
    let number = || arr1(&[2.0, -1.0, 3.0]).into_tensor();
    let weights = [0.5, 1.0, 2.0, 3.0];
    let sparse = || SparseCrossEntropy::from_logits().ignore_class(-1);
    let of_p = || SparseCrossEntropy::default().ignore_class(-1).class_weights(weights);
    let focal = CategoricalFocalCrossEntropy::default;
    let smooth = || CrossEntropy::default().label_smoothing(0.1).class_weights(weights);
    let log_p = || p.mapv(|p| p.ln()).into_shared();
    vec![
        row("CrossEntropy smoothed", &x, soft(), CrossEntropy::from_logits().label_smoothing(0.3), same),
        row("CrossEntropy with class weights", &x, soft(), CrossEntropy::from_logits().class_weights(weights), same),
        row("CrossEntropy with all options", &p, soft(), smooth(), same),
        row("CrossEntropy with all options after Softmax", &x, soft(), smooth(), softmax),
        row("CrossEntropy of logarithms", &log_p(), soft(), CrossEntropy::from_log_probabilities(), same),
        row("SparseCrossEntropy that ignores", &x, number(), sparse(), same),
        row("SparseCrossEntropy smoothed", &x, number(), sparse().label_smoothing(0.2), same),
        row("SparseCrossEntropy with class weights", &x, number(), sparse().class_weights(weights), same),
        row("SparseCrossEntropy with all options", &p, number(), of_p().label_smoothing(0.2), same),
        row("SparseCrossEntropy with all options after Softmax", &x, number(), of_p().label_smoothing(0.2), softmax),
        row(
            "SparseCrossEntropy of logarithms",
            &log_p(),
            number(),
            SparseCrossEntropy::from_log_probabilities().ignore_class(-1),
            same,
        ),
        row("CategoricalFocalCrossEntropy", &p, soft(), focal(), same),
        row("CategoricalFocalCrossEntropy after Softmax", &x, soft(), focal(), softmax),
        row(
            "CategoricalFocalCrossEntropy of logits",
            &x,
            soft(),
            CategoricalFocalCrossEntropy::from_logits().gamma(0.7).alpha(2.0),
            same,
        ),
        row("CategoricalFocalCrossEntropy smoothed", &p, soft(), focal().label_smoothing(0.1).gamma(3.0), same),
        row("CategoricalHinge", &x, soft(), CategoricalHinge, same),
        row("KlDivergence", &p, soft(), KlDivergence, same),
        row("KlDivergence after Softmax", &x, soft(), KlDivergence, softmax),
        row("KlDivergence after LogSoftmax", &x, soft(), KlDivergence, |x| Ok(LogSoftmax.apply(x))),
    ]
}

fn embeddings_and_areas() -> Vec<Function> {
    let (triplets, pairs) = (numbers(&[4, 3, 2]), numbers(&[4, 2, 3]));
    let alike = || arr1(&[1.0, 0.0, 0.0, 0.3]).into_tensor();
    let p = positive(&[2, 3, 4]).mapv(|p| p / 2.5).into_shared();
    let areas = || numbers(&[2, 3, 4]).mapv(|x| Float::from(u8::from(x > 0.2))).into_shared();
    vec![
        row("Triplet", &triplets, numbers(&[4]), Triplet::default(), same),
        row("Triplet with a margin of 0.2", &triplets, numbers(&[4]), Triplet::new(0.2), same),
        row("Triplet swapped", &triplets, numbers(&[4]), Triplet::default().swap(true), same),
        function("Triplet of three variables", &[numbers(&[3, 2]), others(&[3, 2]), positive(&[3, 2])], |x| {
            Triplet::new(4.0).of(&x[0], &x[1], &x[2])?.mean()
        }),
        row("Contrastive", &pairs, alike(), Contrastive::default(), same),
        row("Contrastive with a margin of 3", &pairs, alike(), Contrastive::new(3.0), same),
        row("Dice", &p, areas(), Dice::default(), same),
        row("Dice of each example", &p, areas(), Dice::default().per_example(true), same),
        row("Tversky", &p, areas(), Tversky::new(0.7, 0.2), same),
        row("Tversky of each example", &p, areas(), Tversky::new(0.3, 0.9).per_example(true), same),
    ]
}

fn sequences() -> Vec<Function> {
    let x = numbers(&[2, 5, 4]);
    let labels = || arr2(&[[1.0, 1.0, 3.0], [2.0, -1.0, -1.0]]).into_tensor();
    let mask = arr2(&[[1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0]]);
    let long = arr2(&[[1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0, 0.0]]);
    vec![
        row("Ctc", &x, labels(), Ctc::default(), same),
        row("Ctc after Softmax", &x, labels(), Ctc::default(), softmax),
        row("Ctc after LogSoftmax", &x, labels(), Ctc::default(), |x| Ok(LogSoftmax.apply(x))),
        row("Ctc with lengths", &x, labels(), Ctc::default(), move |x| x.clone().with_mask(&mask)),
        row(
            "Ctc with the last class blank",
            &x,
            arr2(&[[0.0, 2.0], [3.0, 3.0]]).into_tensor(),
            Ctc::default().blank(3),
            same,
        ),
        row(
            "SparseCrossEntropy with a mask",
            &x,
            numbers(&[2, 5]).mapv(|x| x.abs().round()).into_shared(),
            SparseCrossEntropy::default(),
            {
                let long = long.clone();
                move |x| x.softmax(-1)?.with_mask(&long)
            },
        ),
        row("MeanSquaredError with a mask", &numbers(&[2, 5, 1]), others(&[2, 5]), MeanSquaredError, move |x| {
            x.clone().with_mask(&long)
        }),
    ]
}

fn weighed() -> Vec<Function> {
    let weights = || arr1(&[0.5, 2.0]).into_tensor();
    let steps = || arr2(&[[0.5, 2.0, 1.0], [0.0, 1.0, 3.0]]).into_tensor();
    let mask = arr3(&[[[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]]).into_shape_with_order((2, 3)).unwrap();
    let (x, t) = (numbers(&[2, 3, 4]), others(&[2, 3, 4]));
    let target = t.clone();
    let masked = t.clone();
    vec![
        function("MeanSquaredError with weights of examples", std::slice::from_ref(&x), move |x| {
            MeanSquaredError.each(&x[0], &t)?.weigh(&weights())?.mean()
        }),
        function("MeanAbsoluteError with weights of steps, summed", std::slice::from_ref(&x), move |x| {
            Ok(MeanAbsoluteError.each(&x[0], &target)?.weigh(&steps())?.sum())
        }),
        function("LogCosh with weights and a mask", &[x], move |x| {
            let x = x[0].clone().with_mask(&mask)?;
            LogCosh.each(&x, &masked)?.weigh(&arr1(&[0.5, 2.0]).into_tensor())?.mean()
        }),
    ]
}
