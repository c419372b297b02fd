//! Axes, indices and shapes that operations of arrays refuse.

use gradus::PadMode;
use gradus::ndarray::{ArrayD, arr1, arr2};
use gradus::prelude::*;

use super::message;

fn ones(tape: &Tape, shape: &[usize]) -> Var {
    tape.input(ArrayD::<Float>::ones(shape))
}

#[test]
fn indices_out_of_range_or_not_whole() {
    let tape = Tape::inference();
    let x = ones(&tape, &[2, 3]);
    for (index, text) in [(3.0, "3"), (-4.0, "-4"), (0.5, "0.5"), (Float::NAN, "NaN"), (Float::INFINITY, "inf")] {
        let places = tape.constant(arr1(&[0.0, index]));
        assert_eq!(
            message(x.take(&places, 1)),
            format!("take: expected whole indices in -3..3 for axis 1 of shape [2, 3], got {text}")
        );
        assert!(message(places.one_hot(3)).starts_with("one_hot: expected whole indices in -3..3"));
    }
    assert_eq!(
        message(ones(&tape, &[0]).take(&tape.constant(0.0), 0)),
        "take: expected whole indices in 0..0 for axis 0 of shape [0], got 0"
    );
}

#[test]
fn whole_numbers_that_would_be_rounded() {
    let (ids, classes) = (arr2(&[[1_i64], [16_777_217]]), arr1(&[0, 1]));
    let expected = "expected whole numbers that f32 holds exactly, got 16777217, which would become 16777216; number ids from 0 \
                    on, or convert the array by `mapv(|x| x as f32)` where numbers may be rounded";
    let mut model = Dense::new(2).compile(Sgd::new(0.0), SparseCrossEntropy::from_logits());
    let fit = || Fit::epochs(1).progress(false);
    assert_eq!(message(model.fit(&(&ids, &classes), fit())), format!("inputs: {expected}"));
    assert_eq!(message(model.evaluate(&(&ids, &classes))), format!("inputs: {expected}"));
    assert_eq!(message(model.predict(&ids)), format!("predict: {expected}"));
    assert_eq!(message((&ids, &classes).batches(1).collect::<Result<Vec<_>>>()), format!("inputs: {expected}"));
    let large = arr1(&[0_u32, u32::MAX]);
    let text = message(model.fit(&(&arr2(&[[1.0], [2.0]]), &large), fit()));
    assert!(
        text.starts_with("targets: expected") && text.contains("got 4294967295, which would become 4294967300"),
        "{text}"
    );
    let weights = arr1(&[1, -16_777_217]);
    assert!(message(model.fit(&(&arr2(&[[1.0], [2.0]]), &classes, &weights), fit())).starts_with("weights: expected"));
    assert!(message(model.predict(&vec![ids.clone()])).ends_with(expected));
    // What is exact, and what was converted by whoever knows.
    assert_eq!(model.predict(&arr2(&[[1_i64 << 40], [-16_777_216]])).unwrap().shape(), [2, 2]);
    assert_eq!(model.predict(&ids.mapv(|x| x as f32)).unwrap().shape(), [2, 2]);
    assert_eq!(model.predict(&arr2(&[[u8::MAX]])).unwrap().shape(), [1, 2]);
}

#[test]
fn axes_out_of_range() {
    let tape = Tape::inference();
    let x = ones(&tape, &[2, 3]);
    let places = tape.constant(0.0);
    let axis = "expected an axis in -2..2 for shape [2, 3], got axis 2; negative axes count from the end";
    for (name, error) in [
        ("take", message(x.take(&places, 2))),
        ("flip", message(x.flip(2))),
        ("roll", message(x.roll(1, 2))),
        ("repeat", message(x.repeat(2, 2))),
        ("cumsum", message(x.cumsum(2))),
        ("argmax", message(x.argmax(2))),
        ("argmin", message(x.argmin(2))),
        ("top_k", message(x.top_k(1, 2))),
        ("split", message(x.split(&[1, 1], 2))),
        ("take_along_axis", message(x.take_along_axis(&x, 2))),
        ("scatter", message(x.scatter(&x, &x, 2))),
        ("prod_axes", message(x.prod_axes(&[2]))),
        ("norm_axes", message(x.norm_axes(&[2]))),
        ("log_sum_exp_axes", message(x.log_sum_exp_axes(&[2]))),
    ] {
        assert_eq!(error, format!("{name}: {axis}"));
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let tape = Tape::inference();
    let (x, y) = (ones(&tape, &[2, 3]), ones(&tape, &[2, 2]));
    let broadcast =
        "expected shapes that broadcast, got [2, 3] and [2, 2]; aligned at the last axis, lengths must be equal or 1";
    for (name, error) in [
        ("pow", message(x.pow(&y))),
        ("remainder", message(x.remainder(&y))),
        ("fmod", message(x.fmod(&y))),
        ("equal", message(x.equal(&y))),
        ("less", message(x.less(&y))),
    ] {
        assert_eq!(error, format!("{name}: {broadcast}"));
    }
    assert_eq!(
        message(x.take_along_axis(&y, 0)),
        "take_along_axis: expected indices whose shape differs from [2, 3] along axis 0 only, got [2, 2]"
    );
    assert_eq!(
        message(x.scatter_add(&y, &x, 1)),
        "scatter_add: expected an index for each of the updates [2, 3], got [2, 2]"
    );
    assert_eq!(message(x.top_k(4, 1)), "top_k: expected at least 4 places along axis 1, got shape [2, 3]");
    assert_eq!(
        message(ones(&tape, &[2, 0]).argmax(1)),
        "argmax: expected at least 1 places along axis 1, got shape [2, 0]"
    );
    assert_eq!(message(ones(&tape, &[2]).tril(0)), "tril: expected at least two axes, got shape [2]");
    assert_eq!(
        message(x.split(&[1, 1], 1)),
        "split: expected lengths that add up to the 3 places along axis 1 of shape [2, 3], got [1, 1]"
    );
    assert!(message(x.split(&[usize::MAX, 2], 1)).starts_with("split: expected lengths that add up to"));
}

#[test]
fn padding() {
    let x = ones(&Tape::inference(), &[2, 3]);
    let pad = |after, mode| message(x.pad(&[[0, 0], [0, after]], mode));
    assert_eq!(
        message(x.pad(&[[1, 1]], PadMode::Edge)),
        "pad: expected a pair [before, after] for each axis of shape [2, 3], got [[1, 1]]"
    );
    assert_eq!(
        pad(3, PadMode::Reflect),
        "pad: expected at most 2 places on either side of axis 1 of shape [2, 3], got [[0, 0], [0, 3]]"
    );
    assert!(pad(4, PadMode::Wrap).starts_with("pad: expected at most 3 places on either side"));
    assert!(pad(usize::MAX, PadMode::Constant(0.0)).starts_with("pad: expected a result that fits into memory"));
}

#[test]
fn sizes_beyond_memory() {
    let tape = Tape::inference();
    let x = ones(&tape, &[2, 3]);
    for error in [message(x.tile(&[usize::MAX, 2])), message(x.repeat(usize::MAX, 0)), message(x.one_hot(usize::MAX))] {
        assert!(error.contains("expected a result that fits into memory, got shape"), "{error}");
    }
}

#[test]
fn einsum() {
    let tape = Tape::inference();
    let (x, y) = (ones(&tape, &[2, 3]), ones(&tape, &[2, 2]));
    for (equation, vars, want) in [
        ("ij,jk->ik", vec![&x], "is for 2 variables, got 1"),
        ("ijk->i", vec![&x], "names 3 axes for shape [2, 3]"),
        ("ij,jk->ik", vec![&x, &y], "gives axis `j` the lengths 3 and 2"),
        ("ij->ik", vec![&x], "has `k` in its result twice, or on that side alone"),
        ("ij->ii", vec![&x], "has `i` in its result twice, or on that side alone"),
        ("i1->i", vec![&x], "has `1`; expected letters, `...`, commas and one `->`"),
        ("..ij", vec![&x], "has `.`; expected letters, `...`, commas and one `->`"),
    ] {
        assert_eq!(message(Var::einsum(equation, &vars)), format!("einsum: `{equation}` {want}"));
    }
    assert_eq!(message(Var::einsum("", &[])), "einsum: `` is for 1 variables, got 0");
}
