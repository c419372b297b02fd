//! Agreement of translations with references.

use std::collections::HashMap;
use std::hash::Hash;

use super::tokenize::tokenize_13a;
use crate::error::{Error, Result};

/// BLEU of a corpus, from 0 to 100 (Papineni et al. 2002): the geometric mean of how many runs of 1 to 4 tokens are found in
/// the references, less a penalty for brevity.
///
/// Strings are split as by sacreBLEU's tokenizer `13a`; [`Bleu::add_tokens`] takes tokens of any kind. Precisions of 0 are
/// smoothed exponentially, as there.
///
/// ```
/// use gradus::metrics::Bleu;
/// use gradus::prelude::*;
/// let mut bleu = Bleu::default();
/// bleu.add("The cat sat on the mat.", &["The cat sat on a mat.", "There is a cat on the mat."])?;
/// assert!((bleu.result() - 79.53).abs() < 0.01);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// Post 2018, sacreBLEU's `corpus_bleu`.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Bleu {
    lowercase: bool,
    found: [usize; ORDER],
    all: [usize; ORDER],
    length: usize,
    reference_length: usize,
    sentences: usize,
}

/// The longest run of tokens.
const ORDER: usize = 4;

impl Bleu {
    /// Sets whether capitals count as small letters.
    pub fn lowercase(mut self, yes: bool) -> Self {
        self.lowercase = yes;
        self
    }

    /// Forgets what was gathered.
    pub fn reset(&mut self) {
        *self = Self { lowercase: self.lowercase, ..Self::default() };
    }

    /// Takes in a translation with its references.
    ///
    /// # Errors
    /// no references
    pub fn add(&mut self, translation: &str, references: &[&str]) -> Result<()> {
        let split = |text: &&str| {
            if self.lowercase { tokenize_13a(&text.to_lowercase()) } else { tokenize_13a(text) }
        };
        let (translation, references) = (split(&translation), references.iter().map(split).collect::<Vec<_>>());
        self.add_tokens(&translation, &references.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Takes in a translation with its references, as tokens.
    ///
    /// # Errors
    /// no references
    pub fn add_tokens<T: Eq + Hash>(&mut self, translation: &[T], references: &[&[T]]) -> Result<()> {
        let distance = |reference: &&&[T]| (reference.len().abs_diff(translation.len()), reference.len());
        let Some(nearest) = references.iter().min_by_key(distance) else {
            return Err(Error::value("Bleu: expected at least one reference for each translation, got none"));
        };
        self.sentences += 1;
        self.length += translation.len();
        self.reference_length += nearest.len();
        for order in 1..=ORDER {
            let mut most: HashMap<&[T], usize> = HashMap::new();
            for reference in references {
                for (run, count) in runs(reference, order) {
                    let most = most.entry(run).or_default();
                    *most = (*most).max(count);
                }
            }
            for (run, count) in runs(translation, order) {
                self.all[order - 1] += count;
                self.found[order - 1] += count.min(most.get(run).copied().unwrap_or(0));
            }
        }
        Ok(())
    }

    /// Returns the figure over all sentences since the last reset; NaN before any.
    pub fn result(&self) -> f64 {
        if self.sentences == 0 {
            return f64::NAN;
        }
        if self.found == [0; ORDER] || self.all.contains(&0) {
            return 0.0;
        }
        let (length, reference) = (self.length as f64, self.reference_length as f64);
        let brevity = if length < reference { (1.0 - reference / length).exp() } else { 1.0 };
        let mut smoothing = 1.0;
        let logarithms = self.found.iter().zip(self.all).map(|(found, all)| match found {
            0 => {
                smoothing *= 2.0;
                (100.0 / (smoothing * all as f64)).ln()
            }
            _ => (100.0 * *found as f64 / all as f64).ln(),
        });
        brevity * (logarithms.sum::<f64>() / ORDER as f64).exp()
    }
}

/// How often each run of tokens occurs.
fn runs<T: Eq + Hash>(tokens: &[T], order: usize) -> HashMap<&[T], usize> {
    let mut counts = HashMap::new();
    tokens.windows(order).for_each(|run| *counts.entry(run).or_default() += 1);
    counts
}
