//! Momentum made orthogonal.

use super::adam::check_moments;
use super::{Adam, Optimizer, State, Step, check_at_least_0, check_factor, learning_rate, setters};
use crate::autograd::glob;
use crate::error::{Error, Result};
use crate::kernels::{
    elementwise::{add_scaled, scale, sum_of_squares},
    gemm::{Matrix, gemm},
};
use crate::tensor::Float;

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
/// use gradus::prelude::*;
/// let model = Sequential::new().add(Dense::new(8).activation(Relu)).add(Dense::new(1));
/// let model = model.compile(Muon::new(1e-3).exclude("dense_1.*"), MeanSquaredError::default());
/// ```
#[derive(Clone, Debug)]
pub struct Muon {
    /// Learning rate, 0.001.
    pub learning_rate: Float,
    /// Share of the momentum that survives a step, 0.95.
    pub momentum: Float,
    /// Whether to look ahead, yes.
    pub nesterov: bool,
    /// Steps of Newton and Schulz, 5.
    pub newton_schulz_steps: u32,
    /// Their coefficients `a`, `b`, `c`: 3.4445, -4.7750, 2.0315.
    pub coefficients: [Float; 3],
    /// Root mean square of a matrix's step at rate 1, 0.2; `None` leaves its singular values near 1.
    pub rms_rate: Option<Float>,
    /// Share of a weight that it loses, times the rate, in a step; 0.004.
    pub weight_decay: Float,
    /// The rule for parameters that are not matrices. Its rate is a factor of Muon's, 1.
    pub adam: Adam,
    excluded: Vec<String>,
}

impl Muon {
    /// Creates the optimizer with this learning rate and Keras' defaults for the rest.
    pub fn new(learning_rate: Float) -> Self {
        Self {
            learning_rate,
            momentum: 0.95,
            nesterov: true,
            newton_schulz_steps: 5,
            coefficients: [3.4445, -4.7750, 2.0315],
            rms_rate: Some(0.2),
            weight_decay: 0.004,
            adam: Adam::new(1.0),
            excluded: Vec::new(),
        }
    }

    /// Updates the parameters whose path matches as Adam does; `*` stands for any run of characters.
    #[doc(alias = "exclude_layers")]
    pub fn exclude(mut self, pattern: impl Into<String>) -> Self {
        self.excluded.push(pattern.into());
        self
    }

    setters! {
        /// Sets the share of the momentum that survives a step.
        momentum: Float;
        /// Sets whether to look ahead.
        nesterov: bool;
        /// Sets the number of steps of Newton and Schulz.
        newton_schulz_steps: u32;
        /// Sets the root mean square of a matrix's step at rate 1.
        rms_rate: Option<Float>;
        /// Sets the share of a weight that it loses, times the rate, in a step.
        weight_decay: Float;
        /// Sets the rule for parameters that are not matrices; its rate is a factor of Muon's.
        adam: Adam;
    }
}

impl Default for Muon {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Optimizer for Muon {
    fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
        let excluded = || self.excluded.iter().any(|pattern| glob(pattern, step.path));
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
            change = transposed(&change, columns);
        }
        self.orthogonalize(&mut change, rows.min(columns), rows.max(columns));
        if rows > columns {
            change = transposed(&change, rows);
        }
        let length = self.rms_rate.map_or(1.0, |rms| rms * (rows.max(columns) as Float).sqrt());
        add_scaled(weights, -step.rate * length, &change);
    }

    learning_rate!();

    fn default_weight_decay(&self) -> Float {
        self.weight_decay
    }

    fn patterns(&self) -> &[String] {
        &self.excluded
    }

    fn check(&self) -> Result<()> {
        let Adam { beta_1, beta_2, epsilon, .. } = self.adam;
        check_moments("Muon", self.learning_rate, beta_1, beta_2, epsilon)?;
        super::check_rate("Muon's Adam", self.adam.learning_rate)?;
        check_factor("Muon", "momentum", self.momentum)?;
        check_at_least_0("Muon", "an rms_rate", self.rms_rate.unwrap_or(0.0), "0.2 is usual")?;
        check_at_least_0("Muon", "a weight decay", self.weight_decay, "0.004 is usual")?;
        if self.newton_schulz_steps > 100 || self.coefficients.iter().any(|x| !x.is_finite()) {
            let (steps, coefficients) = (self.newton_schulz_steps, self.coefficients);
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
        for _ in 0..self.newton_schulz_steps {
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

/// The transpose of a row-major matrix of this many columns.
fn transposed(x: &[Float], columns: usize) -> Vec<Float> {
    (0..columns).flat_map(|column| x.iter().skip(column).step_by(columns).copied()).collect()
}
