//! Kernels that pass their input on.

use super::Initializer;
use crate::config::{config, described};
use crate::random::Rng;
use crate::tensor::{Float, Tensor, tensor};

described! {
    /// The identity matrix times `gain`, over the last two axes; of a convolution's kernel only the middle of the receptive
    /// field, so that it passes its input on with padding [`Same`](crate::layers::Padding::Same).
    ///
    /// ```
    /// use gradus::initializers::Identity;
    /// use gradus::prelude::*;
    /// let layer = Dense::new(2).kernel_initializer(Identity::default());
    /// let y = layer.forward(&Tape::inference().input(ndarray::arr2(&[[3.0, 5.0]])))?;
    /// assert_eq!(y.value().as_slice().unwrap(), [3.0, 5.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// Keras `Identity`; PyTorch `dirac_` for convolutions.
    #[derive(Clone, Copy)]
    pub struct Identity {
        /// The factor.
        gain: [Float] = 1.0,
    }
}

impl Initializer for Identity {
    config!();

    fn sample(&self, shape: &[usize], _: &mut Rng) -> Tensor {
        let mut values = vec![0.0; shape.iter().product()];
        let columns = shape.last().copied().unwrap_or(1);
        let (field, rows) = match shape {
            [field @ .., rows, _] => (field, *rows),
            _ => (&[][..], 1),
        };
        // The middle of an even axis is where padding `Same` has it.
        let middle = field.iter().fold(0, |place, len| place * len + len.saturating_sub(1) / 2);
        for i in 0..rows.min(columns) {
            if let Some(value) = values.get_mut((middle * rows + i) * columns + i) {
                *value = self.gain;
            }
        }
        tensor(shape, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::{Layer, Tape};
    use crate::layers::{Conv2d, Padding};

    #[test]
    fn a_convolution_passes_its_input_on() {
        for size in [1, 2, 3, 4] {
            let layer = Conv2d::new(2, size).padding(Padding::Same).kernel_initializer(Identity { gain: 2.0 });
            let x = ndarray::Array4::from_shape_fn((1, 3, 4, 2), |(_, i, j, c)| (i * 8 + j * 2 + c) as Float);
            let y = layer.forward(&Tape::inference().input(&x)).unwrap();
            assert_eq!(*y.value(), (x * 2.0).into_dyn(), "kernel of {size}");
        }
    }
}
