//! What an optimizer is given, and what it remembers.

use crate::kernels::{
    elementwise::{PIECE, largest},
    parallel,
};
use crate::tensor::Float;

/// What an optimizer is given for a step of one parameter.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The number of the step, counted from 1; 0 asks rules that correct for a start from 0 not to.
    pub number: u32,
    /// The learning rate: that of the optimizer or its schedule, times that of the parameter's group.
    pub rate: Float,
    /// The parameter's path in the model.
    pub path: &'a str,
    /// The parameter's shape.
    pub shape: &'a [usize],
}

impl Step<'_> {
    /// Creates the step of this number at this rate, for a parameter without path and shape.
    pub fn new(number: u32, rate: Float) -> Self {
        Self { number, rate, path: "", shape: &[] }
    }

    /// The rate that corrects two means for their start from 0: `rate · √(1-β₂ᵗ) / (1-β₁ᵗ)`.
    pub(super) fn corrected_rate(&self, beta_1: Float, beta_2: Float) -> Float {
        let correction = |beta| super::correction(beta, self.number);
        (f64::from(self.rate) * correction(beta_2).sqrt() / correction(beta_1)) as Float
    }
}

/// What an optimizer remembers of one parameter: slots of numbers, zero before their first use.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) slots: Vec<Vec<Float>>,
    /// The largest magnitude of the weights that [`State::elementwise`] has left.
    pub(super) largest: Option<Float>,
}

impl State {
    /// Returns the first `N` slots, each of `len` numbers: as many as the parameter has.
    pub fn slots<const N: usize>(&mut self, len: usize) -> [&mut [Float]; N] {
        self.slots_of([len; N])
    }

    /// Returns the first `N` slots, of a length each.
    pub fn slots_of<const N: usize>(&mut self, lengths: [usize; N]) -> [&mut [Float]; N] {
        self.slots.resize_with(self.slots.len().max(N), Vec::new);
        let mut slots = self.slots.iter_mut().zip(lengths);
        std::array::from_fn(|_| match slots.next() {
            Some((slot, len)) => {
                slot.resize(len, 0.0);
                slot.as_mut_slice()
            }
            None => &mut [],
        })
    }

    /// Calls `rule` with pieces of the weights, of their gradients and of the first `N` slots, on all threads: for rules that look at
    /// each number alone.
    ///
    /// ```
    /// use gradus::optimizers::{State, Step};
    /// use gradus::prelude::*;
    ///
    /// /// Moves each weight by the mean of its gradients so far.
    /// struct MeanDescent;
    ///
    /// impl Optimizer for MeanDescent {
    ///     fn update(&self, step: &Step<'_>, weights: &mut [Float], grads: &[Float], state: &mut State) {
    ///         state.elementwise(weights, grads, |weights, grads, [mean]| {
    ///             for ((w, g), mean) in weights.iter_mut().zip(grads).zip(mean) {
    ///                 *mean += (g - *mean) / step.number as Float;
    ///                 *w -= 0.1 * *mean;
    ///             }
    ///         });
    ///     }
    /// }
    ///
    /// let (mut weights, mut state) = ([1.0, 1.0], State::default());
    /// MeanDescent.update(&Step::new(1, 1.0), &mut weights, &[2.0, 0.0], &mut state);
    /// MeanDescent.update(&Step::new(2, 1.0), &mut weights, &[4.0, 0.0], &mut state);
    /// assert_eq!(weights, [0.5, 1.0]);
    /// ```
    pub fn elementwise<const N: usize>(
        &mut self,
        weights: &mut [Float],
        grads: &[Float],
        rule: impl Fn(&mut [Float], &[Float], [&mut [Float]; N]) + Sync,
    ) {
        let mut slots = self.slots(weights.len()).map(|slot| slot.chunks_mut(PIECE));
        let pieces = weights.chunks_mut(PIECE).zip(grads.chunks(PIECE));
        let mut pieces: Vec<_> = pieces
            .map(|(weights, grads)| (weights, grads, slots.each_mut().map(|slot| slot.next().unwrap_or_default()), 0.0))
            .collect();
        parallel::for_each(&mut pieces, |(weights, grads, slots, size)| {
            rule(weights, grads, slots.each_mut().map(|slot| &mut **slot));
            // Here the piece is still in the cache.
            *size = largest(weights);
        });
        self.largest = Some(pieces.iter().fold(0.0, |all: Float, (.., size)| all.max(*size)));
    }

    /// Whether no slot was used yet.
    pub fn is_new(&self) -> bool {
        self.slots.is_empty()
    }
}
