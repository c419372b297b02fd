//! Which tensor of a file is which of a model's.

use std::collections::{HashMap, HashSet};

use super::{Group, Translation};
use crate::autograd::{Listed, glob};
use crate::error::{Error, Result};
use crate::formats::Weights;

pub(super) struct Names<'w> {
    /// Which tensors hold which parameters.
    pub plan: Vec<Group>,
    /// The file's names by those that they have after the rules.
    present: HashMap<String, &'w str>,
    /// Names of the file that stand for the same tensor: the one that is read, and another.
    pub twins: Vec<(&'w str, &'w str)>,
    /// Of each rule whether the file has a name that it changes.
    used: Vec<bool>,
}

impl<'w> Names<'w> {
    pub fn new(translation: &Translation, listed: &[Listed], weights: &'w Weights) -> Result<Self> {
        if let Some(rule) = translation.transposed.iter().find(|rule| !weights.names().any(|name| glob(rule, name))) {
            return Err(Error::value(format!(
                "expected in `transposed` the name of a tensor of the file, got `{rule}`"
            )));
        }
        for alias in &translation.aliases {
            alias.check("alias")?;
        }
        let mut used = vec![false; translation.renames.len()];
        let mut targets = Vec::with_capacity(weights.len());
        for name in weights.names() {
            let mut target = translation.canonical(name);
            for (rule, used) in translation.renames.iter().zip(&mut used) {
                if let Some(next) = rule.forwards(&target) {
                    (target, *used) = (next, true);
                }
            }
            targets.push((name, target));
        }
        let there: HashSet<&str> = targets.iter().map(|(_, target)| target.as_str()).collect();
        // PyTorch packs the kernels of an attention, unless they take inputs of different lengths.
        let packed = |_: &str, whole: &str| {
            let apart = whole.strip_suffix("in_proj_weight").map(|attention| format!("{attention}q_proj_weight"));
            there.contains(whole) || apart.is_none_or(|apart| !there.contains(apart.as_str()))
        };
        let plan = translation.plan(listed, &packed, &|name| there.contains(name))?;
        let mut places: HashSet<&str> = HashSet::new();
        plan.iter().for_each(|group| places.extend(group.names.iter().map(String::as_str)));
        let mut names = Self { plan: Vec::new(), present: HashMap::new(), twins: Vec::new(), used };
        let mut second = Vec::new();
        for (name, target) in &targets {
            match Some(target)
                .filter(|target| !places.contains(target.as_str()))
                .and_then(|_| translation.other(name, &places))
            {
                Some(other) => second.push((*name, other)),
                None => names.add(target, name)?,
            }
        }
        // A tensor under its own name comes before those that stand for it.
        for (name, target) in second {
            match names.present.get(&target) {
                Some(first) => names.twins.push((first, name)),
                None => names.add(&target, name)?,
            }
        }
        Ok(Self { plan, ..names })
    }

    fn add(&mut self, target: &str, name: &'w str) -> Result<()> {
        match self.present.insert(target.into(), name) {
            None => Ok(()),
            Some(other) => Err(Error::value(format!(
                "expected rules that send each tensor to a place of its own, but `{other}` and `{name}` both go to `{target}`"
            ))),
        }
    }

    /// The file's name of a tensor that the table calls so.
    pub fn found(&self, name: &str) -> Option<&'w str> {
        self.present.get(name).copied()
    }

    /// The name that the file would have for a tensor that it lacks: by the rules that its other names follow.
    pub fn expected(&self, translation: &Translation, name: &str) -> String {
        let mut expected = name.to_owned();
        for (rule, used) in translation.renames.iter().zip(&self.used).rev() {
            if *used && let Some(before) = rule.backwards(&expected) {
                expected = before;
            }
        }
        expected
    }
}

impl Translation {
    /// The place in the model of a tensor of the file that stands for another one.
    fn other(&self, name: &str, places: &HashSet<&str>) -> Option<String> {
        let mut name = name.to_owned();
        for alias in &self.aliases {
            if let Some(other) = alias.forwards(&name) {
                let target = self.to_model(&other);
                if places.contains(target.as_str()) {
                    return Some(target);
                }
                name = other;
            }
        }
        None
    }
}
