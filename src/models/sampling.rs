//! How the next token is drawn.

use rand::{RngExt, SeedableRng};

use crate::config::settings;
use crate::error::{Error, Result};
use crate::order::descending;
use crate::random::Rng;
use crate::tensor::Float;

settings! {
    /// How the next token is drawn from scores (logits) of all tokens: by the softmax of the scores divided by the temperature,
    /// among the `top_k` greatest, and of those among the fewest that have the share `top_p` of the probability.
    ///
    /// # Defaults
    /// temperature 1, all tokens, seed 0
    /// # Errors
    /// when drawing: a temperature below 0 or not finite, a `top_k` of 0, a `top_p` outside of 0 to 1, scores that are not
    /// numbers
    /// # Example
    /// ```
    /// use gradus::{models::Sampling, rand::SeedableRng, Rng};
    /// let sampling = Sampling::new().temperature(0.8).top_k(40).top_p(0.95).seed(1);
    /// let id = sampling.draw(&[0.1, 3.0, -1.0], &mut Rng::seed_from_u64(1))?;
    /// assert!(id < 3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Fan et al. 2018 (top-k), Holtzman et al. 2020 (top-p); Hugging Face `GenerationConfig`
    #[doc(alias = "GenerationConfig")]
    #[derive(Clone, Debug)]
    pub struct Sampling {
        /// What scores are divided by: below 1 likely tokens become likelier.
        temperature: [Float] = 1.0,
        /// Among how many tokens of the greatest scores is drawn.
        top_k: [option usize] = None,
        /// The share of the probability: drawn is among the fewest tokens that have it together.
        #[doc(alias = "nucleus")]
        top_p: [option Float] = None,
        /// The seed of the random numbers.
        seed: [u64] = 0,
    }
}

impl Sampling {
    /// Creates the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Always draws the token of the greatest score, the first of equal ones: a temperature of 0.
    pub fn greedy() -> Self {
        Self::new().temperature(0.0)
    }

    /// Random numbers from the beginning.
    pub(super) fn rng(&self) -> Rng {
        Rng::seed_from_u64(self.seed)
    }

    fn check(&self, scores: &[Float]) -> Result<()> {
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(Error::value(format!("Sampling: expected a temperature from 0 on, got {}", self.temperature)));
        }
        if self.top_k == Some(0) {
            return Err(Error::value("Sampling: expected a `top_k` of at least 1, got 0"));
        }
        if let Some(share) = self.top_p.filter(|share| !(*share > 0.0 && *share <= 1.0)) {
            return Err(Error::value(format!("Sampling: expected a `top_p` above 0 and at most 1, got {share}")));
        }
        // A score of minus infinity forbids a token.
        let odd = scores.iter().position(|score| score.is_nan() || *score == Float::INFINITY);
        if let Some(id) = odd {
            return Err(Error::value(format!(
                "Sampling: expected scores that are numbers, got {} for token {id}",
                scores[id]
            )));
        }
        if scores.iter().all(|score| *score == Float::NEG_INFINITY) {
            return Err(Error::value(format!(
                "Sampling: expected a token that may come, got {} that may not",
                scores.len()
            )));
        }
        Ok(())
    }

    /// Returns the id of a token, by the scores of all.
    ///
    /// # Errors
    /// settings out of range; scores that are not numbers, or none
    pub fn draw(&self, scores: &[Float], rng: &mut Rng) -> Result<usize> {
        self.check(scores)?;
        let greatest = |best: usize, id: usize| if scores[id] > scores[best] { id } else { best };
        let best = (0..scores.len()).fold(0, greatest);
        if self.temperature == 0.0 {
            return Ok(best);
        }
        let most = f64::from(scores[best]);
        let weigh = |id: usize| (id, ((f64::from(scores[id]) - most) / f64::from(self.temperature)).exp());
        // By score, since small weights may all be 0.
        let is_cut = self.top_k.is_some() || self.top_p.is_some();
        let ids = if is_cut { descending(scores.iter().copied()) } else { (0..scores.len()).collect() };
        let mut tokens: Vec<(usize, f64)> = ids.into_iter().map(weigh).collect();
        tokens.truncate(self.top_k.unwrap_or(usize::MAX));
        if let Some(share) = self.top_p {
            let wanted = f64::from(share) * sum(&tokens);
            let mut before = 0.0;
            let enough = tokens.iter().position(|(_, weight)| {
                before += weight;
                before >= wanted
            });
            tokens.truncate(enough.map_or(tokens.len(), |last| last + 1));
        }
        let mut left = rng.random::<f64>() * sum(&tokens);
        let drawn = tokens.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        Ok(drawn.map_or(best, |(id, _)| *id))
    }
}

fn sum(tokens: &[(usize, f64)]) -> f64 {
    tokens.iter().map(|(_, weight)| weight).sum()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// How often each of four tokens comes, of which the third is the likeliest: weights 2, 1, 4, 1.
    fn counts(sampling: Sampling) -> [usize; 4] {
        let scores = [2.0, 1.0, 4.0, 1.0].map(|weight: Float| weight.ln() + 7.0);
        let (mut rng, mut counts) = (Rng::seed_from_u64(3), [0; 4]);
        (0..8000).for_each(|_| counts[sampling.draw(&scores, &mut rng).unwrap()] += 1);
        counts
    }

    fn near(counts: [usize; 4], weights: [f64; 4]) {
        let total: f64 = weights.iter().sum();
        for (count, weight) in counts.iter().zip(weights) {
            let want = 8000.0 * weight / total;
            assert!((*count as f64 - want).abs() <= 5.0 * want.sqrt(), "{counts:?} {weights:?}");
        }
    }

    #[test]
    fn draws_as_often_as_the_softmax_says() {
        near(counts(Sampling::new()), [2.0, 1.0, 4.0, 1.0]);
        near(counts(Sampling::new().temperature(0.5)), [4.0, 1.0, 16.0, 1.0]);
        near(counts(Sampling::new().top_k(2)), [2.0, 0.0, 4.0, 0.0]);
        // The first of equal scores is among the three.
        near(counts(Sampling::new().top_k(3)), [2.0, 1.0, 4.0, 0.0]);
        // 4/8 is not enough, 6/8 is.
        near(counts(Sampling::new().top_p(0.6)), [2.0, 0.0, 4.0, 0.0]);
        near(counts(Sampling::new().top_p(0.4)), [0.0, 0.0, 1.0, 0.0]);
        // Of the two that are left the third has 4/6.
        near(counts(Sampling::new().top_k(2).top_p(0.6)), [0.0, 0.0, 1.0, 0.0]);
        near(counts(Sampling::greedy()), [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn extremes_and_bad_settings() {
        let mut rng = Rng::seed_from_u64(0);
        let forbidden = [Float::NEG_INFINITY, -1e30, 1e30];
        assert_eq!(Sampling::new().draw(&forbidden, &mut rng).unwrap(), 2);
        assert_eq!(Sampling::new().temperature(1e-30).draw(&[1.0, 1.5], &mut rng).unwrap(), 1);
        let mut message =
            |sampling: Sampling, scores: &[Float]| sampling.draw(scores, &mut rng).unwrap_err().to_string();
        for (sampling, text) in [
            (Sampling::new().temperature(-1.0), "Sampling: expected a temperature from 0 on, got -1"),
            (Sampling::new().temperature(Float::NAN), "Sampling: expected a temperature from 0 on, got NaN"),
            (Sampling::new().top_k(0), "Sampling: expected a `top_k` of at least 1, got 0"),
            (Sampling::new().top_p(0.0), "Sampling: expected a `top_p` above 0 and at most 1, got 0"),
            (Sampling::new().top_p(1.5), "Sampling: expected a `top_p` above 0 and at most 1, got 1.5"),
        ] {
            assert_eq!(message(sampling, &[0.0]), text);
        }
        assert_eq!(message(Sampling::new(), &[]), "Sampling: expected a token that may come, got 0 that may not");
        assert_eq!(
            message(Sampling::greedy(), &[0.0, Float::NAN]),
            "Sampling: expected scores that are numbers, got NaN for token 1"
        );
    }
}
