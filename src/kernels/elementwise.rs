//! placeholder
use crate::Float;
pub(crate) fn add_assign(dst: &mut [Float], src: &[Float]) {
    dst.iter_mut().zip(src).for_each(|(a, b)| *a += b)
}
pub(crate) fn relu(x: &mut [Float]) {
    x.iter_mut().for_each(|x| *x = if *x > 0.0 || x.is_nan() { *x } else { 0.0 })
}
pub(crate) fn relu_backward(y: &[Float], dy: &mut [Float]) {
    dy.iter_mut().zip(y).for_each(|(d, y)| {
        if !(*y > 0.0) {
            *d = 0.0
        }
    })
}
#[allow(clippy::too_many_arguments)]
pub(crate) fn adam(
    w: &mut [Float],
    g: &[Float],
    m: &mut [Float],
    v: &mut [Float],
    rate: Float,
    b1: Float,
    b2: Float,
    eps: Float,
) {
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m += (g - *m) * (1.0 - b1);
        *v += (g * g - *v) * (1.0 - b2);
        *w -= rate * *m / (v.sqrt() + eps);
    }
}
