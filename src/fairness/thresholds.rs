//! A threshold for each group.

use std::collections::BTreeMap;

use super::members;
use crate::config::named;
use crate::error::{Error, Result};
use crate::order::descending;
use crate::tensor::{Float, Tensor};

/// What groups shall have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Criterion {
    /// How often they are selected.
    #[default]
    DemographicParity,
    /// How often those of class 1 are selected.
    EqualOpportunity,
}

named!(Criterion { DemographicParity = "demographic_parity", EqualOpportunity = "equal_opportunity" });

/// A threshold for each group, chosen after training so that the groups are alike by a [`Criterion`] and as many decisions as
/// possible are right. Of the rates that can be reached, it takes the common one of the best accuracy.
///
/// ```
/// use gradus::fairness::{Criterion, GroupThresholds, demographic_parity};
/// use gradus::prelude::*;
/// let scores = ndarray::arr1(&[0.9, 0.8, 0.7, 0.2, 0.4, 0.3, 0.2, 0.1]).into_tensor();
/// let targets = ndarray::arr1(&[1, 1, 0, 0, 1, 1, 0, 0]).into_tensor();
/// let groups = ["a", "a", "a", "a", "b", "b", "b", "b"];
/// let thresholds = GroupThresholds::new(Criterion::DemographicParity, &scores, &targets, &groups)?;
/// let decisions = thresholds.decide(&scores, &groups)?;
/// assert_eq!(decisions, targets);
/// assert_eq!(demographic_parity(&decisions, &groups)?.difference(), 0.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// The thresholds are numbers: with few examples a group cannot be brought to every rate, and is brought to the nearest below.
///
/// # Reference
/// Hardt, Price & Srebro 2016, without its random decisions; fairlearn's `ThresholdOptimizer`
#[derive(Clone, Debug, PartialEq)]
pub struct GroupThresholds {
    thresholds: BTreeMap<String, Float>,
}

/// What a threshold brings a group: those selected, and those selected or left out rightly.
struct Cut {
    threshold: Float,
    rate: f64,
    right: usize,
}

impl GroupThresholds {
    /// Chooses a threshold for each group, by scores of examples with known answers: one score and one target of 0 or 1 each.
    ///
    /// # Errors
    /// shapes that differ; a group missing or too many; scores that are not numbers; targets other than 0 and 1; a group without
    /// class 1, for [`Criterion::EqualOpportunity`]
    pub fn new<G: ToString>(criterion: Criterion, scores: &Tensor, targets: &Tensor, groups: &[G]) -> Result<Self> {
        if scores.len() != targets.len() {
            return Err(Error::shape(format!(
                "GroupThresholds: expected a score and a target for each example, got scores {:?} and targets {:?}",
                scores.shape(),
                targets.shape()
            )));
        }
        let (scores, targets): (Vec<Float>, Vec<Float>) = scores.iter().zip(targets).unzip();
        if let Some(i) = (0..scores.len()).find(|i| scores[*i].is_nan() || ![0.0, 1.0].contains(&targets[*i])) {
            return Err(Error::value(format!(
                "GroupThresholds: expected scores that are numbers and targets of 0 and 1, got {} and {} for example {i}",
                scores[i], targets[i]
            )));
        }
        let mut cuts = BTreeMap::new();
        for (name, rows) in members("GroupThresholds", groups, scores.len())? {
            let pairs = rows.iter().map(|row| (scores[*row], targets[*row] == 1.0)).collect();
            let of_group = cuts_of(criterion, pairs).ok_or_else(|| {
                Error::value(format!("GroupThresholds: the group `{name}` has no example of class 1"))
            })?;
            cuts.insert(name, of_group);
        }
        let rates = cuts.values().flatten().map(|cut| cut.rate);
        let best = rates.max_by_key(|rate| cuts.values().map(|cuts| nearest(cuts, *rate).right).sum::<usize>());
        let rate = best.unwrap_or(0.0);
        let thresholds = cuts.iter().map(|(name, cuts)| (name.clone(), nearest(cuts, rate).threshold));
        Ok(Self { thresholds: thresholds.collect() })
    }

    /// Returns the threshold of a group, which a score must exceed.
    pub fn get(&self, group: impl ToString) -> Option<Float> {
        self.thresholds.get(&group.to_string()).copied()
    }

    /// Returns decisions of 0 and 1, in the shape of the scores.
    ///
    /// # Errors
    /// a group missing or too many, or one that was not there when the thresholds were chosen
    pub fn decide<G: ToString>(&self, scores: &Tensor, groups: &[G]) -> Result<Tensor> {
        let mut decisions = scores.to_owned();
        let mut numbers: Vec<&mut Float> = decisions.iter_mut().collect();
        for (name, rows) in members("GroupThresholds", groups, numbers.len())? {
            let Some(threshold) = self.thresholds.get(&name) else {
                let known: Vec<&String> = self.thresholds.keys().collect();
                return Err(Error::value(format!("GroupThresholds: there is no group `{name}`; there are {known:?}")));
            };
            for row in rows {
                *numbers[row] = Float::from(u8::from(*numbers[row] > *threshold));
            }
        }
        Ok(decisions.into_shared())
    }
}

/// All ways to divide a group by a threshold, from nobody selected to all; `None` if the criterion has no one to count.
fn cuts_of(criterion: Criterion, pairs: Vec<(Float, bool)>) -> Option<Vec<Cut>> {
    let order = descending(pairs.iter().map(|(score, _)| *score));
    let pairs: Vec<_> = order.into_iter().map(|place| pairs[place]).collect();
    let positives = pairs.iter().filter(|(_, positive)| *positive).count();
    let whole = match criterion {
        Criterion::DemographicParity => pairs.len(),
        Criterion::EqualOpportunity => positives,
    };
    if whole == 0 {
        return None;
    }
    let mut cuts = vec![Cut { threshold: Float::INFINITY, rate: 0.0, right: pairs.len() - positives }];
    let (mut selected, mut hits) = (0, 0);
    for (i, (score, positive)) in pairs.iter().enumerate() {
        selected += 1;
        hits += usize::from(*positive);
        let next = pairs.get(i + 1).map(|(next, _)| *next);
        // Equal scores cannot be divided.
        if next == Some(*score) {
            continue;
        }
        let threshold = next.map_or(Float::NEG_INFINITY, |next| next + (score - next) / 2.0);
        // Between two neighbours among numbers there is none.
        let threshold = if threshold < *score { threshold } else { next.unwrap_or(threshold) };
        let counted = if criterion == Criterion::DemographicParity { selected } else { hits };
        let right = hits + (pairs.len() - positives) - (selected - hits);
        cuts.push(Cut { threshold, rate: counted as f64 / whole as f64, right });
    }
    Some(cuts)
}

/// The cut of the greatest rate that is not above this one; of several the one with most right.
fn nearest(cuts: &[Cut], rate: f64) -> &Cut {
    let below = cuts.iter().filter(|cut| cut.rate <= rate);
    below.max_by(|a, b| a.rate.total_cmp(&b.rate).then(a.right.cmp(&b.right))).unwrap_or(&cuts[0])
}
