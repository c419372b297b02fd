//! The likeliest sequences of tokens, by a search that keeps a few.

use ndarray::Axis;

use crate::config::settings;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

settings! {
    /// Finds likely sequences of tokens: at each step every sequence that is kept goes on with every token, and the `beams` likeliest of these
    /// are kept. A sequence that comes to the token `end` among them is put aside with its score, `ln p / length^penalty`, and the search
    /// stops when none that is still open can get a better score than the worst of `beams` such ones.
    ///
    /// # Defaults
    /// at most 128 new tokens; a length penalty of 1: the score is the mean of the logarithms, so that long sequences are not at a disadvantage
    /// # Errors
    /// 0 beams or 0 tokens at most; a penalty that is not finite; scores that are not `[sequences, vocabulary]`, of another vocabulary than before, or
    /// not numbers; what the closure returns
    /// # Example
    /// ```
    /// use gradus::models::BeamSearch;
    /// use gradus::prelude::*;
    /// // Token 0 ends; after each token the next one is likely, and after 3 the end.
    /// let likely = |sequences: &[Vec<usize>]| {
    ///     let score = |(row, token): (usize, usize)| if token == (sequences[row].last().unwrap() + 1) % 4 { 3.0 } else { 0.0 };
    ///     Ok(ndarray::Array2::from_shape_fn((sequences.len(), 4), score).into_tensor())
    /// };
    /// let found = BeamSearch::new(2, 0).search(&[1], likely)?;
    /// assert_eq!(found[0].ids, [2, 3, 0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Sutskever, Vinyals & Le 2014; Hugging Face `generate(num_beams=...)`, whose `early_stopping` is `False` here
    #[derive(Clone, Copy, Debug)]
    pub struct BeamSearch(
        /// Creates a search that keeps this many sequences, which `end` ends.
        beams: [usize],
        end: [usize],
    ) {
        /// How many tokens a sequence may get.
        max_length: [usize] = 128,
        /// The power of the length that divides the logarithm of the probability: 0 favours short sequences, above 1 long ones.
        length_penalty: [Float] = 1.0,
    }
}

/// A sequence that [`BeamSearch`] has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// The tokens behind those that the search started from, with that which ends them if it came.
    pub ids: Vec<usize>,
    /// The logarithm of the probability of all of them, divided by a power of their number.
    pub score: f64,
}

/// A sequence that has not come to its end.
#[derive(Clone)]
struct Open {
    ids: Vec<usize>,
    log_probability: f64,
}

impl BeamSearch {
    /// Returns up to `beams` sequences, the one of the best score first. `scores` returns logits of the next token `[sequences, vocabulary]`
    /// for sequences of equal length, each of which begins with `start`; minus infinity forbids a token.
    pub fn search(
        &self,
        start: &[usize],
        mut scores: impl FnMut(&[Vec<usize>]) -> Result<Tensor>,
    ) -> Result<Vec<Hypothesis>> {
        if self.beams == 0 || self.max_length == 0 || !self.length_penalty.is_finite() {
            return Err(Error::value(format!(
                "BeamSearch: expected at least 1 beam, 1 token at most and a finite length penalty, got {}, {} and {}",
                self.beams, self.max_length, self.length_penalty
            )));
        }
        let mut open = vec![Open { ids: start.into(), log_probability: 0.0 }];
        let mut found: Vec<Hypothesis> = Vec::new();
        for length in 1..=self.max_length {
            let sequences: Vec<Vec<usize>> = open.iter().map(|beam| beam.ids.clone()).collect();
            let candidates = self.candidates(&open, &scores(&sequences)?)?;
            let mut next = Vec::new();
            for (rank, (beam, token, log_probability)) in candidates.into_iter().enumerate() {
                let ids = [&open[beam].ids[..], &[token]].concat();
                if token != self.end {
                    next.push(Open { ids, log_probability });
                } else if rank < self.beams {
                    self.keep(&mut found, &ids[start.len()..], log_probability);
                }
                if next.len() == self.beams {
                    break;
                }
            }
            open = next;
            let best = open.first().map(|beam| self.score(beam.log_probability, length));
            let worst = found.get(self.beams - 1).map(|hypothesis| hypothesis.score);
            if best.is_none_or(|best| worst.is_some_and(|worst| worst >= best)) {
                return Ok(found);
            }
        }
        for beam in &open {
            self.keep(&mut found, &beam.ids[start.len()..], beam.log_probability);
        }
        Ok(found)
    }

    fn score(&self, log_probability: f64, length: usize) -> f64 {
        log_probability / (length as f64).powf(f64::from(self.length_penalty))
    }

    /// Puts a sequence aside, among the best.
    fn keep(&self, found: &mut Vec<Hypothesis>, ids: &[usize], log_probability: f64) {
        found.push(Hypothesis { ids: ids.into(), score: self.score(log_probability, ids.len()) });
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(self.beams);
    }

    /// The likeliest continuations: the beam, the token, and the logarithm of the probability. There are enough that `beams` of them do not
    /// end.
    fn candidates(&self, open: &[Open], scores: &Tensor) -> Result<Vec<(usize, usize, f64)>> {
        let shape = scores.shape();
        if shape.len() != 2 || shape[0] != open.len() || shape[1] <= self.end {
            return Err(Error::shape(format!(
                "BeamSearch: expected scores [{}, vocabulary] of a vocabulary that has the token {}, got {shape:?}",
                open.len(),
                self.end
            )));
        }
        let mut all = Vec::new();
        for (beam, row) in scores.axis_iter(Axis(0)).enumerate() {
            let greatest = row.iter().fold(f64::NEG_INFINITY, |most, score| most.max(f64::from(*score)));
            let sum: f64 = row.iter().map(|score| (f64::from(*score) - greatest).exp()).sum();
            if !sum.is_finite() {
                return Err(Error::value("BeamSearch: expected scores that are numbers, got NaN or infinite ones"));
            }
            let shift = open[beam].log_probability - greatest - sum.ln();
            // A score of minus infinity forbids a token.
            let possible = row.iter().enumerate().filter(|(_, score)| **score > Float::NEG_INFINITY);
            all.extend(possible.map(|(token, score)| (beam, token, f64::from(*score) + shift)));
        }
        let count = self.beams.saturating_mul(2).min(all.len());
        // Of equal ones the first.
        let better =
            |a: &(usize, usize, f64), b: &(usize, usize, f64)| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1)));
        all.select_nth_unstable_by(count - 1, better);
        all.truncate(count);
        all.sort_by(better);
        Ok(all)
    }
}
