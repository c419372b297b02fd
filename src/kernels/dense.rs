//! placeholder
use crate::Float;
use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};
fn view(r: usize, c: usize, x: &[Float]) -> ArrayView2<'_, Float> {
    ArrayView2::from_shape((r, c), x).unwrap()
}
pub(crate) fn forward(
    features: usize,
    units: usize,
    x: &[Float],
    kernel: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    activate: impl Fn(&mut [Float]) + Sync,
) {
    let rows = y.len() / units;
    let mut out = ArrayViewMut2::from_shape((rows, units), y).unwrap();
    general_mat_mul(1.0, &view(rows, features, x), &view(features, units, kernel), 0.0, &mut out);
    if let Some(b) = bias {
        for r in y.chunks_mut(units) {
            r.iter_mut().zip(b).for_each(|(a, b)| *a += b)
        }
    }
    activate(y);
}
pub(crate) fn backward_input(features: usize, units: usize, dz: &[Float], kernel: &[Float], dx: &mut [Float]) {
    let rows = dz.len() / units;
    general_mat_mul(
        1.0,
        &view(rows, units, dz),
        &view(features, units, kernel).t(),
        0.0,
        &mut ArrayViewMut2::from_shape((rows, features), dx).unwrap(),
    );
}
pub(crate) fn backward_kernel(features: usize, units: usize, x: &[Float], dz: &[Float], dw: &mut [Float]) {
    let rows = dz.len() / units;
    general_mat_mul(
        1.0,
        &view(rows, features, x).t(),
        &view(rows, units, dz),
        0.0,
        &mut ArrayViewMut2::from_shape((features, units), dw).unwrap(),
    );
}
