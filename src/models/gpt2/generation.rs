//! Text, token by token.

use super::Gpt2;
use crate::autograd::{Layer, Tape};
use crate::error::{Error, Result};
use crate::layers::KeyValueCache;
use crate::models::Sampling;
use crate::random::Rng;
use crate::tensor::{Float, data, tensor};

/// The tokens that [`Gpt2::generate`] makes, without end; after an error there are no more.
#[derive(Debug)]
pub struct Generation<'a> {
    gpt: &'a Gpt2,
    sampling: Sampling,
    rng: Rng,
    /// The steps since the caches were empty; the last ones are not in there yet.
    ids: Vec<usize>,
    caches: Vec<KeyValueCache>,
    failed: bool,
}

impl<'a> Generation<'a> {
    pub(super) fn new(gpt: &'a Gpt2, prompt: &[usize], sampling: Sampling) -> Self {
        let rng = sampling.rng();
        Self { gpt, sampling, rng, ids: prompt.into(), caches: Vec::new(), failed: false }
    }

    fn step(&mut self) -> Result<usize> {
        let positions = self.gpt.config.positions;
        if self.ids.is_empty() {
            return Err(Error::value("expected a prompt of at least 1 token, got none; give one that begins texts"));
        }
        if self.ids.len() > positions || self.caches.is_empty() {
            let half = if self.ids.len() > positions { (positions / 2).max(1) } else { self.ids.len() };
            self.ids.drain(..self.ids.len() - half);
            self.caches = vec![KeyValueCache::new(); self.gpt.blocks.len()];
        }
        let known = self.caches.first().map_or(0, KeyValueCache::len);
        let new: Vec<Float> = self.ids[known..].iter().map(|id| *id as Float).collect();
        let ids = Tape::inference().examples(tensor(&[1, new.len()], new));
        let features = self.gpt.features(&ids, Some(&mut self.caches))?;
        let last = features.slice(1, ids.value.shape()[1] - 1..)?;
        let id = self.sampling.draw(data(&self.gpt.head.forward(&last)?.value), &mut self.rng)?;
        self.ids.push(id);
        Ok(id)
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<usize>;

    fn next(&mut self) -> Option<Result<usize>> {
        if self.failed {
            return None;
        }
        let next = self.step();
        self.failed = next.is_err();
        Some(next)
    }
}
