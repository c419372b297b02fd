//! A metric under another name.

use super::{Direction, Metric};
use crate::error::Result;
use crate::tensor::{Float, Tensor};

/// A metric under another name: what [`Metric::named`] gives.
#[derive(Clone, Debug)]
pub struct Named<M> {
    name: String,
    metric: M,
}

impl<M> Named<M> {
    pub(super) fn new(name: String, metric: M) -> Self {
        Self { name, metric }
    }
}

impl<M: Metric> Metric for Named<M> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn reset(&mut self) {
        self.metric.reset();
    }

    fn set_default_threshold(&mut self, threshold: Option<Float>) {
        self.metric.set_default_threshold(threshold);
    }

    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        self.metric.update(prediction, target)
    }

    fn update_weighted(&mut self, prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()> {
        self.metric.update_weighted(prediction, target, weights)
    }

    fn result(&self) -> f64 {
        self.metric.result()
    }

    fn direction(&self) -> Option<Direction> {
        self.metric.direction()
    }

    fn state(&self) -> Option<Vec<f64>> {
        self.metric.state()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.metric.restore(state)
    }
}
