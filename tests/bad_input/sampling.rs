//! Inputs and settings that resizing, sampling and folding cannot work with.

use gradus::layers::*;
use gradus::prelude::*;

use super::message;

fn zeros(shape: &[usize]) -> Var {
    Tape::training().variable(Tensor::zeros(shape))
}

fn at(layer: impl Layer, shape: &[usize]) -> String {
    message(layer.forward(&zeros(shape)))
}

/// Two inputs on one tape.
fn both(layer: impl Layer<(Var, Var)>, shapes: [&[usize]; 2]) -> String {
    let tape = Tape::training();
    message(layer.forward(&shapes.map(|shape| tape.variable(Tensor::zeros(shape))).into()))
}

#[test]
fn resizing() {
    let image = &[1, 4, 4, 2];
    assert_eq!(at(Resize2d::new([0, 3]), image), "expected a length of at least 1 in both directions, got [0, 3]");
    for (factors, text) in [([0.1, 1.0], "[0.1, 1.0]"), ([f64::NAN, 1.0], "[NaN, 1.0]"), ([-1.0, 1.0], "[-1.0, 1.0]")] {
        assert_eq!(
            at(Resize2d::by(factors), image),
            format!("expected factors above 0 that leave at least one cell, got {text} for input [1, 4, 4, 2]")
        );
    }
    assert!(at(Resize2d::by([1e300, 1.0]), image).starts_with("expected fewer than 2^36 numbers in the output"));
    assert_eq!(at(Resize2d::new(3), &[1, 0, 4, 2]), "expected an input with cells, got [1, 0, 4, 2]");
    let nearest = "with an interpolation that is not Nearest";
    assert_eq!(at(Resize2d::new(3).align_corners(true), image), format!("expected aligned corners {nearest}"));
    assert_eq!(at(Resize2d::new(3).antialias(true), image), format!("expected antialiasing {nearest}"));
    let linear = Resize2d::new(3).interpolation(Interpolation::Linear);
    assert_eq!(
        at(linear.align_corners(true).antialias(true), image),
        "expected aligned corners or antialiasing, got both"
    );
}

#[test]
fn places() {
    let image: &[usize] = &[2, 4, 4, 3];
    let wanted = "expected places [2, lengths.., 2] for image [2, 4, 4, 3], got ";
    for places in [&[2, 5, 5, 3][..], &[1, 5, 5, 2], &[2, 5, 2]] {
        assert_eq!(both(GridSample2d::new(), [image, places]), format!("{wanted}{places:?}"));
    }
    assert_eq!(
        both(GridSample2d::new().interpolation(Interpolation::Lanczos3), [image, &[2, 5, 5, 2]]),
        "expected the interpolation Nearest, Linear or Cubic, got Lanczos3"
    );
    for shape in [[2, 0, 4, 3], [2, 4, 4, 0]] {
        assert_eq!(
            both(GridSample2d::new(), [&shape, &[2, 5, 5, 2]]),
            format!("expected an input with cells and channels, got {shape:?}")
        );
    }
    assert_eq!(at(AffineGrid2d::new(3), &[2, 3, 3]), "expected maps [batch, 2, 3], got [2, 3, 3]");
    assert_eq!(
        at(AffineGrid2d::new([3, 0]), &[2, 2, 3]),
        "expected a length of at least 1 in both directions, got [3, 0]"
    );
}

#[test]
fn windows() {
    assert_eq!(
        at(Fold1d::new(3, 2), &[1, 3, 4]),
        "expected windows at the positions [2], with 2 cells of some channels each, got input [1, 3, 4]"
    );
    assert!(at(Fold1d::new(3, 2), &[1, 2, 5]).contains("with 2 cells of some channels each, got input [1, 2, 5]"));
    assert!(at(Unfold1d::new(9), &[1, 3, 4]).starts_with("a window of [9] does not fit into a sequence of [3]"));
    assert!(at(Unfold1d::new(usize::MAX / 2).padding(Padding::Same), &[1, 3, 4]).starts_with("expected"));
    assert_eq!(
        both(MaxUnpool1d::new(2), [&[1, 3, 2], &[1, 2, 2]]),
        "expected an index for each of the maxima [1, 3, 2], got indices [1, 2, 2]"
    );
    assert!(
        both(MaxUnpool1d::new(2).padding(Padding::Same), [&[1, 3, 2], &[1, 3, 2]])
            .starts_with("expected padding Valid or Explicit, or lengths set by `output_size`, got Same")
    );
    let tape = Tape::training();
    let (y, far) = (tape.variable(Tensor::zeros(&[1, 1, 1][..])), tape.constant(ndarray::arr3(&[[[2.0]]])));
    assert!(message(MaxUnpool1d::new(2).forward(&(y, far))).starts_with("scatter: "));
}

#[test]
fn tables_of_angles() {
    let x = zeros(&[2, 3, 4]);
    let table = x.tape().constant(Tensor::zeros(&[3, 4][..]));
    assert_eq!(
        message(RotaryEmbedding::new().forward_with(&x, &table, &table)),
        "expected cosines and sines of shape [3, 2] or [2, 3, 2], got [3, 4] and [3, 4]"
    );
}

#[test]
fn masks_without_a_step() {
    let x = zeros(&[1, 2, 3]).with_mask(ndarray::arr2(&[[0, 0]])).unwrap();
    assert_eq!(
        message(BatchNorm::new().forward(&x)),
        "expected at least one step that the mask does not leave out, got none"
    );
}

#[test]
fn bits() {
    let (x, half) = (zeros(&[2]), 0.5);
    assert_eq!(
        message((&x + half).bitwise_and(&x)),
        "bitwise_and: expected whole numbers from -16777216 to 16777216, got 0.5"
    );
    assert_eq!(message(x.left_shift(&(&x - 1.0))), "left_shift: expected whole numbers from 0 to 63, got -1");
}

/// Nothing panics where there is nothing.
#[test]
fn empty_inputs() {
    let run = |layer: &dyn Fn(&Var) -> Result<Var>, shape: &[usize]| {
        if let Ok(y) = layer(&zeros(shape)) {
            let _ = y.sum().backward();
        }
    };
    for shape in [[0, 4, 4, 2], [2, 0, 4, 2], [2, 4, 4, 0]] {
        run(&|x| Resize2d::new(3).forward(x), &shape);
        run(&|x| Resize2d::by([0.5, 2.0]).interpolation(Interpolation::Cubic).forward(x), &shape);
        run(&|x| Unfold2d::new(2).forward(x), &shape);
        run(&|x| Fold2d::new(5, 2).forward(x), &shape);
        run(&|x| MaxUnpool2d::new(2).forward(&MaxPool2d::new(2).forward_with_indices(x)?), &shape);
        run(&|x| GridSample2d::new().forward(&(x.clone(), x.clone())), &shape);
        run(&|x| RotaryEmbedding::new().forward_with(x, &x.cos(), &x.sin()), &shape);
    }
    run(&|x| AffineGrid2d::new(3).forward(x), &[0, 2, 3]);
}
