//! Norms far from zero and of numbers whose squares overflow, against the same formula in double precision.

use super::*;
use crate::autograd::Tape;
use crate::layers::Layer;
use crate::tensor::{data, tensor};

/// `(x - mean) / √(variance + ε)` and its gradient for `dy`, in double precision.
fn truth(x: &[f32], dy: &[f32], epsilon: f64, is_centered: bool) -> [Vec<f64>; 2] {
    let n = x.len() as f64;
    let mean = if is_centered { x.iter().map(|x| f64::from(*x)).sum::<f64>() / n } else { 0.0 };
    let deviations: Vec<f64> = x.iter().map(|x| f64::from(*x) - mean).collect();
    let root = (deviations.iter().map(|d| d * d).sum::<f64>() / n + epsilon).sqrt();
    let y: Vec<f64> = deviations.iter().map(|d| d / root).collect();
    let slope = dy.iter().map(|dy| f64::from(*dy)).sum::<f64>() / n * f64::from(u8::from(is_centered));
    let along = dy.iter().zip(&y).map(|(dy, y)| f64::from(*dy) * y).sum::<f64>() / n;
    let dx = dy.iter().zip(&y).map(|(dy, y)| (f64::from(*dy) - slope - y * along) / root).collect();
    [y, dx]
}

/// The greatest errors of values and, relatively to the greatest, of gradients. All numbers of `x` have moments in common.
fn errors(
    layer: &dyn Fn(&Var) -> Result<Var>,
    shape: &[usize],
    x: &[f32],
    epsilon: f64,
    is_centered: bool,
) -> [f64; 2] {
    let dy: Vec<f32> = (0..x.len()).map(|i| (i * 7 % 5) as f32 - 1.5).collect();
    let tape = Tape::training();
    let input = tape.variable(tensor(shape, x.to_vec()));
    let y = layer(&input).unwrap();
    let sum = (&y * &tape.input(tensor(shape, dy.clone()))).sum();
    let dx = data(sum.backward().unwrap().of(&input).unwrap()).to_vec();
    let [want, slopes] = truth(x, &dy, epsilon, is_centered);
    let greatest = |x: &mut dyn Iterator<Item = f64>| x.fold(0.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) });
    let of_y = greatest(&mut data(y.value()).iter().zip(&want).map(|(y, want)| (f64::from(*y) - want).abs()));
    let scale = greatest(&mut slopes.iter().map(|slope| slope.abs()));
    // What is below the least normal number is 0.
    let scale = scale.max(3e-32);
    let of_dx = greatest(&mut dx.iter().zip(&slopes).map(|(dx, want)| (f64::from(*dx) - want).abs() / scale));
    [of_y, of_dx]
}

/// Name, layer, shape of its input, epsilon, and whether the mean is subtracted.
type Case = (&'static str, Box<dyn Layer>, Vec<usize>, f64, bool);

fn check(x: &[f32], bound: f64) {
    let n = x.len();
    let cases: [Case; 6] = [
        ("LayerNorm", Box::new(LayerNorm::new().epsilon(1e-5)), vec![1, n], 1e-5, true),
        ("GroupNorm", Box::new(GroupNorm::new(1).epsilon(1e-5)), vec![1, n / 2, 2], 1e-5, true),
        ("InstanceNorm", Box::new(InstanceNorm::new()), vec![1, n, 1], 1e-5, true),
        ("BatchNorm", Box::new(BatchNorm::new().epsilon(1e-5)), vec![n, 1], 1e-5, true),
        ("RmsNorm", Box::new(RmsNorm::new()), vec![1, n], 1e-6, false),
        ("UnitNorm", Box::new(UnitNorm::new()), vec![1, n], 0.0, false),
    ];
    for (name, layer, shape, epsilon, is_centered) in cases {
        // A length is not divided by the count.
        let factor = if name == "UnitNorm" { (n as f32).sqrt() } else { 1.0 };
        let scaled = |input: &Var| Ok(layer.forward(input)? * factor);
        let [of_y, of_dx] = errors(&scaled, &shape, x, epsilon, is_centered);
        assert!(of_y < bound && of_dx < bound, "{name} of {:?}..: off by {of_y:e}, its gradient by {of_dx:e}", &x[..2]);
    }
}

/// PyTorch is off by 1.0e-2 at 1000, and by 1.6e-5 at 100.
#[test]
fn numbers_far_from_zero() {
    for center in [1000.0, -100.0, 0.0, 65_536.0] {
        check(&(0..16).map(|i| center + i as f32 * 1e-3).collect::<Vec<_>>(), 3e-6);
    }
    let many: Vec<f32> = (0..3000).map(|i| 1000.0 + (i * 37 % 101) as f32 * 1e-2).collect();
    check(&many, 3e-6);
}

#[test]
fn numbers_whose_squares_overflow() {
    for size in [1.8e19, 1e20, 1e30, 3.4e38] {
        check(&(0..16).map(|i| size * ((i * 5 % 16) as f32 / 7.5 - 1.0)).collect::<Vec<_>>(), 3e-6);
    }
}

#[test]
fn equal_numbers_become_0() {
    for x in [1000.1, -1e10, 2e19, 3e38] {
        let rows = Tape::inference().input(tensor(&[1, 700], vec![x; 700]));
        let x = Tape::inference().input(tensor(&[1, 700, 1], vec![x; 700]));
        for y in [LayerNorm::new().forward(&rows), InstanceNorm::new().forward(&x), GroupNorm::new(1).forward(&x)] {
            assert!(y.unwrap().value().iter().all(|y| *y == 0.0));
        }
    }
}
