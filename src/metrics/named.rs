//! A metric under another name.

use super::{Direction, Metric, forwards};
use crate::config::{config, described};

described! {
    /// A metric under another name: what [`Metric::named`] gives.
    pub struct Named(
        /// The name in logs.
        name: [into String],
        /// The metric.
        metric: [dyn Metric],
    ) {}
}

impl Metric for Named {
    config!();

    forwards!(|own| own.metric);

    fn name(&self) -> String {
        self.name.clone()
    }

    fn result(&self) -> f64 {
        self.metric.result()
    }

    fn direction(&self) -> Option<Direction> {
        self.metric.direction()
    }
}
