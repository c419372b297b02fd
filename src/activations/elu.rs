//! The exponential linear unit.

use super::hard::between;
use super::pointwise::{activation, from_value};
use crate::config::described;
use crate::kernels::math;
use crate::tensor::Float;

described! {
    /// Exponential linear unit: `y = x` for positive `x`, else `y = alpha (exp(x) - 1)`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let y = Elu::default().apply(&Tape::inference().input(ndarray::arr1(&[-1000.0, 0.0, 1000.0])));
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 0.0, 1000.0]);
    /// ```
    ///
    /// Clevert, Unterthiner & Hochreiter 2016.
    #[derive(Clone, Copy)]
    pub struct Elu(
        /// What negative numbers approach, with the other sign.
        alpha: [Float] = 1.0,
    ) {}
}

activation! {
    Elu,
    fn value(self, x) {
        let below = self.alpha * math::exp_m1(between(Float::NEG_INFINITY, x, 0.0));
        if x > 0.0 { x } else { below }
    }
    fn slope(self, x) {
        let below = self.alpha * math::exp(between(Float::NEG_INFINITY, x, 0.0));
        if x > 0.0 { 1.0 } else { below }
    }
    fn by_value(self) { false }
    // A negative alpha gives positive values on both sides, which then do not tell their own slope.
    fn recurrent(self) {
        (self.alpha >= 0.0).then(|| from_value(*self, |elu, y| if y > 0.0 { 1.0 } else { y + elu.alpha }))
    }
}

#[cfg(all(test, not(float64)))]
mod tests {
    use crate::activations::{Activation, Celu, Elu, Selu, Softsign};
    use crate::autograd::{Layer, Tape};
    use crate::layers::{Conv1d, Dense};

    /// PyTorch's slopes in double precision, where the values are at their end.
    #[test]
    fn slopes_far_out_are_small_and_not_0() {
        let far = |activation: &dyn Activation, x: f32, want: f64| {
            let x = Tape::training().variable(ndarray::arr1(&[x]));
            let slope = f64::from(activation.apply(&x).backward().unwrap().of(&x).unwrap()[0]);
            assert!((slope - want).abs() < 3e-7 * want, "{slope:e}, not {want:e}");
        };
        far(&Elu::default(), -30.0, 9.357622968840175e-14);
        far(&Elu::new(0.5), -30.0, 4.678811484420087e-14);
        far(&Selu, -30.0, 1.6451630773416182e-13);
        far(&Celu::default(), -30.0, 9.357622968840175e-14);
        far(&Celu::new(2.0), -60.0, 9.357622968840175e-14);
        far(&Softsign, 1e8, 9.99999980000001e-17);
        far(&Softsign, -1e8, 9.99999980000001e-17);
    }

    #[test]
    fn layers_do_not_lose_the_slope() {
        let dense = Dense::new(1).activation(Elu::default());
        let conv = Conv1d::new(1, 1).activation(Elu::default());
        let tape = Tape::training();
        let flat = tape.variable(ndarray::arr2(&[[-30.0]]));
        let wide = tape.variable(ndarray::arr3(&[[[-30.0]]]));
        dense.forward(&flat).unwrap();
        conv.forward(&wide).unwrap();
        dense.kernel().set(ndarray::arr2(&[[1.0]])).unwrap();
        conv.kernel().set(ndarray::arr3(&[[[1.0]]])).unwrap();
        for (y, x) in [(dense.forward(&flat).unwrap(), &flat), (conv.forward(&wide).unwrap(), &wide)] {
            let slope = y.sum().backward().unwrap().of(x).unwrap().iter().sum::<f32>();
            assert!((slope / 9.357_623e-14 - 1.0).abs() < 3e-7, "{slope:e}");
        }
    }
}
