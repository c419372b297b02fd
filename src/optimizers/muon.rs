//! Momentum made orthogonal.

use super::adam::check_moments;
use super::{Adam, Optimizer, State, Step, check_at_least_0, check_factor, learning_rate};
use crate::autograd::glob;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::kernels::{
    elementwise::{add_scaled, scale, sum_of_squares},
    gemm::{Matrix, gemm},
};
use crate::tensor::{Float, transposed};

described! {
    /// Momentum made orthogonal, for matrices: `m ← momentum · m + g`, then
    /// `w ← w - rate · 0.2 √max(rows, columns) · orthogonal(g + momentum · m)`, where five steps of Newton and Schulz,
    /// `x ← a x + (b A + c A²) x` with `A = x xᵀ`, take all singular values near 1. All other parameters, and those
    /// [`excluded`](Muon::exclude), are updated as [`Adam`] does. Weights decay as in [`AdamW`](super::AdamW).
    ///
    /// Embeddings and the last layer want to be excluded; Keras excludes what has `embedding` in its path, here nothing is
    /// excluded by itself.
    ///
    /// Jordan et al. 2024; Liu et al. 2025 for the factor 0.2 √max; Keras `Muon`.
    ///
    /// ```
    /// use gradus::optimizers::Muon;
    /// use gradus::prelude::*;
    /// let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(1));
    /// let model = model.compile(Muon::new(1e-3).exclude("dense_1.*"), MeanSquaredError::default());
    /// ```
    #[derive(Clone)]
    pub struct Muon(
        /// The learning rate.
        learning_rate: [Float] = 0.001,
    ) {
        /// The share of the momentum that survives a step.
        momentum: [Float] = 0.95,
        /// Whether to look ahead.
        nesterov: [bool] = true,
        /// The number of steps of Newton and Schulz.
        #[doc(alias = "newton_schulz_steps")]
        ns_steps: [u32] = 5,
        /// Their coefficients `a`, `b`, `c`; Keras' `muon_a`, `muon_b`, `muon_c`.
        coefficients: [[Float; 3]] = [3.4445, -4.7750, 2.0315],
        /// The root mean square of a matrix's step at rate 1; `None` leaves its singular values near 1.
        rms_rate: [Option<Float>] = Some(0.2),
        /// The share of a weight that it loses, times the rate, in a step.
        weight_decay: [Float] = 0.004,
        /// The rule for parameters that are not matrices. Its rate is a factor of Muon's, Keras' `adam_lr_ratio`.
        adam: [Adam] = Adam::new(1.0),
        /// Patterns of the paths of parameters that are updated as Adam does; `*` stands for any run of characters.
        exclude_layers: [into Vec<String>] = Vec::new(),
    }
}

impl Muon {
    /// Adds a pattern to [`exclude_layers`](Self::exclude_layers).
    #[must_use]
    pub fn exclude(mut self, pattern: impl Into<String>) -> Self {
        self.exclude_layers.push(pattern.into());
        self
    }
}

impl Optimizer for Muon {
    config!();

    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let excluded = || self.exclude_layers.iter().any(|pattern| glob(pattern, step.path));
        let (rows, columns) = match *step.shape {
            [rows, columns] if rows * columns == weights.len() && rows * columns > 0 && !excluded() => (rows, columns),
            _ => {
                let step = Step { rate: step.rate * self.adam.learning_rate, ..*step };
                return self.adam.update(&step, weights, grads, state);
            }
        };
        let [momentum] = state.slots(weights.len());
        for (m, g) in momentum.iter_mut().zip(grads) {
            *m = self.momentum * *m + g;
        }
        let ahead = |(m, g): (&Float, &Float)| if self.nesterov { g + self.momentum * m } else { *m };
        let mut change: Vec<Float> = momentum.iter().zip(grads).map(ahead).collect();
        if rows > columns {
            change = transposed(&change, rows, columns);
        }
        self.orthogonalize(&mut change, rows.min(columns), rows.max(columns));
        if rows > columns {
            change = transposed(&change, columns, rows);
        }
        let length = self.rms_rate.map_or(1.0, |rms| rms * (rows.max(columns) as Float).sqrt());
        add_scaled(weights, -step.rate * length, &change);
    }

    learning_rate!();

    fn default_weight_decay(&self) -> Float {
        self.weight_decay
    }

    fn patterns(&self) -> &[String] {
        &self.exclude_layers
    }

    fn check(&self) -> Result<()> {
        let Adam { beta_1, beta_2, epsilon, .. } = self.adam;
        check_moments("Muon", self.learning_rate, beta_1, beta_2, epsilon)?;
        super::check_rate("Muon's Adam", self.adam.learning_rate)?;
        check_factor("Muon", "momentum", self.momentum)?;
        check_at_least_0("Muon", "an rms_rate", self.rms_rate.unwrap_or(0.0), "0.2 is usual")?;
        check_at_least_0("Muon", "a weight decay", self.weight_decay, "0.004 is usual")?;
        if self.ns_steps > 100 || self.coefficients.iter().any(|x| !x.is_finite()) {
            let (steps, coefficients) = (self.ns_steps, self.coefficients);
            return Err(Error::value(format!(
                "Muon: expected at most 100 steps of Newton and Schulz with finite coefficients, got {steps} with \
                 {coefficients:?}; 5 with [3.4445, -4.775, 2.0315] are usual"
            )));
        }
        Ok(())
    }
}

impl Muon {
    /// Takes the singular values of a matrix, no higher than wide, near 1.
    fn orthogonalize(&self, x: &mut [Float], rows: usize, columns: usize) {
        let [a, b, c] = self.coefficients;
        scale(x, (1.0 / (sum_of_squares(x).sqrt() + 1e-7)) as Float);
        let [mut gram, mut squared] = [(); 2].map(|()| vec![0.0; rows * rows]);
        let mut before = x.to_vec();
        for _ in 0..self.ns_steps {
            before.copy_from_slice(x);
            let matrix = Matrix::new(&before, columns);
            gemm([rows, columns, rows], matrix, Matrix::transposed(&before, columns), false, &mut gram);
            gemm([rows, rows, rows], Matrix::new(&gram, rows), Matrix::new(&gram, rows), false, &mut squared);
            squared.iter_mut().zip(&gram).for_each(|(squared, gram)| *squared = b * gram + c * *squared);
            scale(x, a);
            gemm([rows, rows, columns], Matrix::new(&squared, rows), matrix, true, x);
        }
    }
}
