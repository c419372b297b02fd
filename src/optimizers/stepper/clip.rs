//! Bounds of gradients.

use super::{GradientHook, StepGradients};
use crate::error::Result;
use crate::kernels::elementwise::scale;
use crate::optimizers::check_epsilon;
use crate::tensor::Float;

/// A bound of the gradients, after all of them are added up and before the optimizer sees them.
///
/// ```
/// use gradus::prelude::*;
/// let optimizer = Adam::default().clip(Clip::GlobalNorm(1.0));
/// let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Clip {
    /// Bounds each number, to both sides.
    #[doc(alias = "clipvalue")]
    Value(Float),
    /// Shortens the gradient of each parameter whose Euclidean norm is greater.
    #[doc(alias = "clipnorm")]
    Norm(Float),
    /// Shortens the gradients of all parameters alike if the norm of all of them together is greater.
    #[doc(alias = "clip_grad_norm_")]
    GlobalNorm(Float),
}

const SMALL: f64 = 1e-30;

impl Clip {
    pub(super) fn check(&self) -> Result<()> {
        match *self {
            Self::Value(bound) => check_epsilon("Clip", "a value", bound),
            Self::Norm(bound) => check_epsilon("Clip", "a norm", bound),
            Self::GlobalNorm(bound) => check_epsilon("Clip", "a global norm", bound),
        }
    }

    /// The name of the bound in Keras and in descriptions.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Value(_) => "clipvalue",
            Self::Norm(_) => "clipnorm",
            Self::GlobalNorm(_) => "global_clipnorm",
        }
    }

    pub(super) fn bound(self) -> Float {
        let (Self::Value(bound) | Self::Norm(bound) | Self::GlobalNorm(bound)) = self;
        bound
    }

    /// Bounds the gradient of one parameter, from its sum of squares and that of all.
    pub(super) fn apply(self, grads: &mut [Float], squares: f64, all_squares: f64) {
        let mut shorten = |bound: Float, squares: f64| {
            let mut factor = f64::from(bound) / squares.sqrt();
            // So small a factor has no digits: in two steps.
            if factor < SMALL {
                scale(grads, SMALL as Float);
                factor /= SMALL;
            }
            if factor < 1.0 {
                scale(grads, factor as Float);
            }
        };
        match self {
            Self::Norm(bound) => shorten(bound, squares),
            Self::GlobalNorm(bound) => shorten(bound, all_squares),
            Self::Value(bound) => grads.iter_mut().for_each(|g| *g = g.clamp(-bound, bound)),
        }
    }
}

impl GradientHook for Clip {
    fn step(&mut self, gradients: &mut StepGradients<'_, '_>) -> Result<()> {
        let squares = if matches!(self, Self::Value(_)) { Vec::new() } else { gradients.squares() };
        let all = squares.iter().sum();
        gradients.change(|i, _, grads| self.apply(grads, squares.get(i).copied().unwrap_or(0.0), all));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::elementwise::sum_of_squares;
    use crate::kernels::parallel::serial;

    #[test]
    fn huge_gradients_keep_their_direction() {
        let mut grads = [1.2e38, -1.6e38];
        serial(|| {
            let squares = sum_of_squares(&grads);
            Clip::Norm(0.5).apply(&mut grads, squares, squares);
        });
        assert!((grads[0] - 0.3).abs() < 1e-6 && (grads[1] + 0.4).abs() < 1e-6, "{grads:?}");
    }
}
