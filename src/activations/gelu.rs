//! The Gaussian error linear unit.

use super::pointwise::activation;
use crate::config::described;
use crate::kernels::math;
use crate::tensor::Float;

described! {
    /// Gaussian error linear unit: `y = x Φ(x)` with the normal distribution `Φ`, exact.
    ///
    /// The default of Keras 3 and PyTorch, and what BERT was trained with. [`Gelu::tanh`] is the approximation that GPT-2
    /// was trained with.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[1.0]));
    /// assert!((Gelu.apply(&x).item() - 0.841_344_75).abs() < 1e-7);
    /// assert!((Gelu::tanh().apply(&x).item() - 0.841_191_99).abs() < 1e-7);
    /// ```
    ///
    /// Hendrycks & Gimpel 2016.
    pub struct Gelu;
}

impl Gelu {
    /// Creates the approximation by a hyperbolic tangent.
    pub fn tanh() -> GeluTanh {
        GeluTanh
    }
}

activation! {
    Gelu,
    fn value(self, x) { x * math::normal(x).0 }
    fn slope(self, x) {
        let (below, density) = math::normal(x);
        below + x * density
    }
    fn by_value(self) { false }
}

described! {
    /// Gaussian error linear unit, approximated: `y = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let model = Dense::new(8).activation(Gelu::tanh());
    /// ```
    ///
    /// Hendrycks & Gimpel 2016.
    pub struct GeluTanh;
}

const CUBE: Float = 0.044715;
const SCALE: Float = 0.797_884_560_802_865_4;

activation! {
    GeluTanh,
    // (1 + tanh(z)) / 2 is sigmoid(2 z), whose digits do not cancel on the left.
    fn value(self, x) { x * math::sigmoid(2.0 * SCALE * (x + CUBE * x * x * x)) }
    fn slope(self, x) {
        let s = math::sigmoid(2.0 * SCALE * (x + CUBE * x * x * x));
        let inner = SCALE * (1.0 + 3.0 * CUBE * x * x);
        // Far out `s (1 - s)` is 0 and `inner` may be infinite.
        let bend = if s * (1.0 - s) == 0.0 { 0.0 } else { 2.0 * x * s * (1.0 - s) * inner };
        s + bend
    }
    fn by_value(self) { false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::Activation;
    use crate::autograd::Tape;

    #[test]
    fn agrees_with_numbers_of_another_library() {
        // From a double-precision `erfc`: x Φ(x).
        let table: [(Float, f64); 5] = [
            (-6.0, -5.919525870226207e-9),
            (-1.0, -0.158655253931457051),
            (0.0, 0.0),
            (0.5, 0.3457312306370065),
            (3.0, 2.9959503059051096),
        ];
        let x = Tape::inference().input(ndarray::Array1::from_iter(table.iter().map(|row| row.0)));
        for (y, (x, want)) in Gelu.apply(&x).value().iter().zip(table) {
            let error = (f64::from(*y) - want).abs();
            // Far on the left the value changes by x² times as much as x does.
            let rounding = 2.0 * f64::from(Float::EPSILON * (1.0 + x * x));
            assert!(error <= rounding * want.abs(), "gelu({x}) = {y}, not {want}");
        }
    }

    /// The approximation in double precision, whose `1 + tanh` is what `f32` would lose.
    #[cfg(not(float64))]
    #[test]
    fn the_approximation_keeps_its_digits_on_the_left() {
        let tape = Tape::training();
        let x = tape.variable(ndarray::arr1(&[-4.0, -5.0, -6.0]));
        let y = GeluTanh.apply(&x);
        let grads = y.sum().backward().unwrap();
        let slopes = grads.of(&x).unwrap();
        let want = [
            (-7.024594819227126e-5, -3.3512319712218684e-4),
            (-2.2917961972623857e-7, -1.5463619879596227e-6),
            (-8.43964897967453e-11, -7.709976012836329e-10),
        ];
        for (i, (value, slope)) in want.into_iter().enumerate() {
            for (got, want) in [(y.value()[i], value), (slopes[i], slope)] {
                assert!((f64::from(got) / want - 1.0).abs() < 6e-6, "{got:e}, not {want:e}");
            }
        }
    }

    #[test]
    fn stays_finite_far_out() {
        let tape = Tape::training();
        let x = tape.variable(ndarray::arr1(&[-1000.0, -1e30, 1e30]));
        for y in [Gelu.apply(&x), GeluTanh.apply(&x)] {
            assert_eq!(y.value().as_slice().unwrap(), [0.0, 0.0, 1e30]);
            assert_eq!(y.sum().backward().unwrap().of(&x).unwrap().as_slice().unwrap(), [0.0, 0.0, 1.0]);
        }
    }
}
