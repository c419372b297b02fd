//! Values of another initializer, but for a few.

use std::ops::Range;
use std::sync::Arc;

use super::{Initializer, Rng};
use crate::tensor::{Float, Tensor};

/// The values that `all` gives, but for those in a range (in row-major order), which are all `value`.
pub(crate) struct Except {
    pub all: Arc<dyn Initializer>,
    pub range: Option<Range<usize>>,
    pub value: Float,
}

impl Initializer for Except {
    fn sample(&self, shape: &[usize], rng: &mut Rng) -> Tensor {
        let mut sample = self.all.sample(shape, rng);
        let part = self.range.clone().and_then(|range| sample.as_slice_mut()?.get_mut(range));
        part.into_iter().for_each(|part| part.fill(self.value));
        sample
    }
}
