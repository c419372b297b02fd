//! Settings of some of the parameters.

use std::collections::HashMap;

use crate::autograd::{Param, ParamId, matching};
use crate::config::described;
use crate::error::Result;
use crate::optimizers::check_at_least_0;
use crate::tensor::Float;

described! {
    /// Settings of the parameters whose path matches a pattern; see [`Stepper::group`](super::Stepper::group).
    ///
    /// ```
    /// use gradus::optimizers::Group;
    /// use gradus::prelude::*;
    /// let optimizer = AdamW::new(1e-3)
    ///     .group("*", Group::new().rate(0.1))
    ///     .group("*bias", Group::new().weight_decay(0.0));
    /// let model = Dense::new(1).compile(optimizer, MeanSquaredError::default());
    /// ```
    #[doc(alias = "param_groups")]
    #[derive(Clone, Copy)]
    pub struct Group {
        /// The factor of the learning rate.
        rate: [option Float] = None,
        /// The weight decay.
        weight_decay: [option Float] = None,
    }
}

/// Patterns with their settings, in the order of their adding.
#[derive(Default)]
pub(super) struct Groups(pub(super) Vec<(String, Group)>);

impl Groups {
    pub(super) fn add(&mut self, pattern: String, group: Group) {
        self.0.push((pattern, group));
    }

    pub(super) fn check(&self) -> Result<()> {
        for (pattern, group) in &self.0 {
            let who = format!("the group `{pattern}`");
            check_at_least_0(&who, "a factor of the rate", group.rate.unwrap_or(1.0), "1 changes nothing")?;
            check_at_least_0(&who, "a weight decay", group.weight_decay.unwrap_or(0.0), "0 stands for none")?;
        }
        Ok(())
    }

    /// Factor of the rate and weight decay of each parameter.
    pub(super) fn settings(&self, parameters: &[(String, Param)], weight_decay: Float) -> Result<Settings> {
        let mut settings = Settings { usual: (1.0, weight_decay), own: HashMap::new() };
        for (pattern, group) in &self.0 {
            for param in matching(parameters, pattern)? {
                let (rate, decay) = settings.of(param.id());
                let new = (group.rate.unwrap_or(rate), group.weight_decay.unwrap_or(decay));
                settings.own.insert(param.id(), new);
            }
        }
        Ok(settings)
    }
}

/// Factor of the rate and weight decay, of most parameters and of those with their own.
pub(super) struct Settings {
    usual: (Float, Float),
    own: HashMap<ParamId, (Float, Float)>,
}

impl Settings {
    pub(super) fn of(&self, id: ParamId) -> (Float, Float) {
        self.own.get(&id).copied().unwrap_or(self.usual)
    }
}
