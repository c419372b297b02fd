//! What a stepper is, without its memory.

use super::{Clip, Stepper};
use crate::config::{Config, Described, Reader, described};
use crate::error::{Error, Result};
use crate::optimizers::{Optimizer, Schedule};
use crate::tensor::Float;

impl Stepper {
    /// Returns what makes another one like it, without its memory.
    pub fn config(&self) -> Config {
        self.describe()
    }

    fn describe(&self) -> Config {
        let bound = |name| self.clip.and_then(|clip| (clip.name() == name).then_some(clip.bound()));
        let config = Config::new(Self::KIND)
            .with("optimizer", &self.optimizer)
            .with_default("schedule", &self.schedule.as_ref().map(|schedule| schedule.config()), &None)
            .with_default("groups", &self.groups.0, &Vec::new())
            .with_default("clipvalue", &bound("clipvalue"), &None)
            .with_default("clipnorm", &bound("clipnorm"), &None)
            .with_default("global_clipnorm", &bound("global_clipnorm"), &None)
            .with_default("weight_decay", &self.weight_decay, &None)
            .with_default("gradient_accumulation_steps", &self.accumulate, &1)
            .with_default("average", &self.average, &None)
            .with_default("lookahead", &self.lookahead, &None);
        // No hook can be made from a description yet.
        let hooks: Vec<Config> = self.hooks.iter().map(|hook| hook.config()).collect();
        if hooks.is_empty() { config } else { config.with("hooks", &hooks) }
    }
}

impl Described for Stepper {
    const KIND: &'static str = "Stepper";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&[
            "optimizer",
            "schedule",
            "groups",
            "clipvalue",
            "clipnorm",
            "global_clipnorm",
            "weight_decay",
            "gradient_accumulation_steps",
            "average",
            "lookahead",
        ])?;
        let mut stepper = Self::new(from.get::<Box<dyn Optimizer>>("optimizer")?);
        if let Some(schedule) = from.get_or::<Option<Box<dyn Schedule>>>("schedule", None)? {
            stepper = stepper.schedule(schedule);
        }
        for (pattern, group) in from.get_or("groups", Vec::new())? {
            stepper.groups.add(pattern, group);
        }
        for clip in [Clip::Value, Clip::Norm, Clip::GlobalNorm] {
            let name = clip(1.0).name();
            let Some(bound) = from.get_or::<Option<Float>>(name, None)? else { continue };
            if stepper.clip.is_some() {
                return Err(Error::value("expected one bound of gradients, got several").at_setting(name));
            }
            stepper.clip = Some(clip(bound));
        }
        stepper.weight_decay = from.get_or("weight_decay", None)?;
        stepper.accumulate = from.get_or("gradient_accumulation_steps", 1)?;
        stepper.average = from.get_or("average", None)?;
        stepper.lookahead = from.get_or("lookahead", None)?;
        stepper.check_settings()?;
        Ok(stepper)
    }
}

/// The description, and how far it has come.
impl std::fmt::Debug for Stepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.describe())
    }
}

described!(@setting Stepper);
