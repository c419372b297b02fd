//! A metric under another name.

use super::{Direction, Metric};
use crate::config::{config, delegates, described};
use crate::error::Result;
use crate::tensor::{Float, Tensor};

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

    fn name(&self) -> String {
        self.name.clone()
    }

    delegates! { self.metric:
        reset[&mut self]();
        set_default_threshold[&mut self](threshold: Option<Float>);
        update[&mut self](prediction: &Tensor, target: &Tensor) -> Result<()>;
        update_weighted[&mut self](prediction: &Tensor, target: &Tensor, weights: &Tensor) -> Result<()>;
        result[&self]() -> f64;
        direction[&self]() -> Option<Direction>;
        state[&self]() -> Option<Vec<f64>>;
        restore[&mut self](state: &[f64]) -> Result<()>;
    }
}
