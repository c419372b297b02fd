//! A metric of each group.

use std::fmt;

use rand::{RngExt, SeedableRng};

use super::members;
use crate::error::{Error, Result};
use crate::metrics::{FalsePositiveRate, Metric, Recall, SelectionRate};
use crate::random::Rng;
use crate::tensor::{Tensor, rows};

/// A group of examples and its figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What the group is called.
    pub name: String,
    /// How many examples it has.
    pub count: usize,
    /// The metric over them.
    pub value: f64,
}

/// How the interval of a figure is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// How many times examples are drawn; 1,000 by default.
    pub samples: usize,
    /// The share of the drawn figures that the interval holds; 0.95 by default.
    pub level: f64,
    /// The seed of the drawings.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { samples: 1000, level: 0.95, seed: 0 }
    }
}

/// A metric over all examples, and over those of each group.
///
/// Prints itself as a table.
///
/// # Reference
/// fairlearn's `MetricFrame`
#[doc(alias = "MetricFrame")]
#[derive(Clone, Debug, PartialEq)]
pub struct ByGroup {
    metric: String,
    overall: f64,
    groups: Vec<Group>,
}

impl ByGroup {
    /// Computes a metric of each group. `groups` has the name, or the number, of each example's group. The metric is reset before
    /// and after.
    ///
    /// # Errors
    /// a group missing or too many; predictions and targets that the metric refuses
    pub fn new<G: ToString>(
        metric: &mut dyn Metric,
        predictions: &Tensor,
        targets: &Tensor,
        groups: &[G],
    ) -> Result<Self> {
        let members = members("ByGroup", groups, predictions.shape().first().copied().unwrap_or(0))?;
        let all: Vec<usize> = (0..groups.len()).collect();
        let overall = figure(metric, predictions, targets, &all)?;
        let mut groups = Vec::with_capacity(members.len());
        for (name, members) in members {
            let value = figure(metric, predictions, targets, &members)?;
            groups.push(Group { name, count: members.len(), value });
        }
        Ok(Self { metric: metric.name(), overall, groups })
    }

    /// Returns the metric over all examples.
    pub fn overall(&self) -> f64 {
        self.overall
    }

    /// Returns the groups in the order of their names.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns the figure of a group, if there is one of this name.
    pub fn get(&self, group: impl ToString) -> Option<f64> {
        let name = group.to_string();
        self.groups.iter().find(|group| group.name == name).map(|group| group.value)
    }

    /// Returns the largest figure minus the smallest: 0 if all groups are alike.
    pub fn difference(&self) -> f64 {
        let [least, greatest] = self.range();
        greatest - least
    }

    /// Returns the smallest figure divided by the largest: 1 if all groups are alike, NaN if all figures are 0.
    pub fn ratio(&self) -> f64 {
        let [least, greatest] = self.range();
        least / greatest
    }

    /// Returns the largest distance of a group's figure from that over all examples.
    pub fn difference_to_overall(&self) -> f64 {
        self.groups.iter().map(|group| (group.value - self.overall).abs()).fold(0.0, f64::max)
    }

    /// Returns the smallest ratio between a group's figure and that over all examples, whichever of the two is larger.
    pub fn ratio_to_overall(&self) -> f64 {
        let ratio = |group: &Group| {
            let ratio = group.value / self.overall;
            if ratio > 1.0 { 1.0 / ratio } else { ratio }
        };
        self.groups.iter().map(ratio).reduce(f64::min).unwrap_or(f64::NAN)
    }

    /// Returns the interval that holds the middle of a number over many drawings of as many examples with repetition: the percentile
    /// bootstrap. The number is any of these figures, such as `ByGroup::difference`. Drawings in which a group has no example left are
    /// drawn again, up to a hundred for each sample.
    ///
    /// ```
    /// use gradus::{fairness::{Bootstrap, ByGroup}, prelude::*};
    /// let scores = ndarray::Array1::from_shape_fn(200, |i| (i % 10) as f32 / 10.0).into_tensor();
    /// let targets = ndarray::Array1::from_shape_fn(200, |i| u8::from(i % 10 > 3 + i / 100)).into_tensor();
    /// let groups: Vec<usize> = (0..200).map(|i| i / 100).collect();
    /// let mut accuracy = Accuracy::default();
    /// let [low, high] =
    ///     ByGroup::interval(&mut accuracy, &scores, &targets, &groups, ByGroup::difference, Bootstrap::default())?;
    /// assert!(low < 0.1 && high > 0.1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of [`ByGroup::new`]; no samples; a level that is not between 0 and 1; groups so small that nearly all drawings miss one
    /// # Reference
    /// Efron & Tibshirani 1993, chapter 13
    pub fn interval<G: ToString>(
        metric: &mut dyn Metric,
        predictions: &Tensor,
        targets: &Tensor,
        groups: &[G],
        number: impl Fn(&Self) -> f64,
        bootstrap: Bootstrap,
    ) -> Result<[f64; 2]> {
        let Bootstrap { samples, level, seed } = bootstrap;
        if samples == 0 || !(level > 0.0 && level < 1.0) {
            return Err(Error::value(format!(
                "ByGroup::interval: expected at least one sample and a level between 0 and 1, got {samples} and {level}"
            )));
        }
        let whole = Self::new(metric, predictions, targets, groups)?;
        let mut rng = Rng::seed_from_u64(seed);
        let mut numbers = Vec::with_capacity(samples);
        for drawings in 0_usize.. {
            if numbers.len() == samples {
                break;
            }
            if drawings / 100 >= samples {
                return Err(whole.too_small());
            }
            let drawn_rows: Vec<usize> = (0..groups.len()).map(|_| rng.random_range(0..groups.len())).collect();
            let drawn: Vec<String> = drawn_rows.iter().map(|row| groups[*row].to_string()).collect();
            if whole.groups.iter().all(|group| drawn.contains(&group.name)) {
                let [predictions, targets] = [predictions, targets].map(|all| rows(all, 1, &drawn_rows));
                numbers.push(number(&Self::new(metric, &predictions, &targets, &drawn)?));
            }
        }
        numbers.sort_by(f64::total_cmp);
        Ok([(1.0 - level) / 2.0, (1.0 + level) / 2.0].map(|share| quantile(&numbers, share)))
    }

    fn too_small(&self) -> Error {
        let smallest = self.groups.iter().min_by_key(|group| group.count);
        let (name, count) = smallest.map_or(("", 0), |group| (&group.name, group.count));
        Error::value(format!(
            "ByGroup::interval: nearly all drawings miss one of the {} groups, of which `{name}` has {count} examples; join small groups, \
             or leave them out",
            self.groups.len()
        ))
    }

    fn range(&self) -> [f64; 2] {
        let values = || self.groups.iter().map(|group| group.value);
        [values().reduce(f64::min), values().reduce(f64::max)].map(|end| end.unwrap_or(f64::NAN))
    }
}

/// The number below which a share of sorted numbers lies, between neighbours if need be, as NumPy computes it.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The metric over some examples.
fn figure(metric: &mut dyn Metric, predictions: &Tensor, targets: &Tensor, chosen: &[usize]) -> Result<f64> {
    let count = predictions.shape().first();
    if targets.shape().first() != count {
        return Err(Error::shape(format!(
            "ByGroup: expected a target for each prediction, got predictions {:?} and targets {:?}",
            predictions.shape(),
            targets.shape()
        )));
    }
    metric.reset();
    metric.update(&rows(predictions, 1, chosen), &rows(targets, 1, chosen))?;
    let value = metric.result();
    metric.reset();
    Ok(value)
}

impl fmt::Display for ByGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.groups.iter().map(|group| group.name.chars().count()).max().unwrap_or(0).max("overall".len());
        let total: usize = self.groups.iter().map(|group| group.count).sum();
        writeln!(f, "{:width$}  {:>9}  {}", "group", "examples", self.metric)?;
        for Group { name, count, value } in &self.groups {
            writeln!(f, "{name:width$}  {count:>9}  {value:.4}")?;
        }
        write!(f, "{:width$}  {total:>9}  {:.4}", "overall", self.overall)
    }
}

/// Returns how often each group is selected: the share of its examples with a prediction above 0.5. Decisions of 0 and 1 are
/// predictions too.
///
/// # Errors
/// those of [`ByGroup::new`]
/// # Reference
/// fairlearn's `demographic_parity_difference` and `demographic_parity_ratio`
pub fn demographic_parity<G: ToString>(predictions: &Tensor, groups: &[G]) -> Result<ByGroup> {
    let targets = Tensor::zeros(predictions.shape());
    ByGroup::new(&mut SelectionRate::default().threshold(0.5), predictions, &targets, groups)
}

/// Returns which share of class 1 is found in each group, by predictions above 0.5.
///
/// # Errors
/// those of [`ByGroup::new`]
/// # Reference
/// Hardt, Price & Srebro 2016; fairlearn's `equal_opportunity_difference` and `equal_opportunity_ratio`
pub fn equal_opportunity<G: ToString>(predictions: &Tensor, targets: &Tensor, groups: &[G]) -> Result<ByGroup> {
    ByGroup::new(&mut Recall::default().threshold(0.5), predictions, targets, groups)
}

/// Both kinds of selection by group: of those in class 1, and of those in class 0.
#[derive(Clone, Debug, PartialEq)]
pub struct EqualizedOdds {
    /// The share of class 1 that is found.
    pub true_positive_rate: ByGroup,
    /// The share of class 0 that is taken for class 1.
    pub false_positive_rate: ByGroup,
}

impl EqualizedOdds {
    /// Returns the larger of both differences: 0 if all groups are alike.
    pub fn difference(&self) -> f64 {
        self.true_positive_rate.difference().max(self.false_positive_rate.difference())
    }

    /// Returns the smaller of both ratios: 1 if all groups are alike. One that is NaN, since all rates are 0, is left out.
    pub fn ratio(&self) -> f64 {
        self.true_positive_rate.ratio().min(self.false_positive_rate.ratio())
    }
}

/// Returns how often each group is selected rightly and wrongly, by predictions above 0.5.
///
/// # Errors
/// those of [`ByGroup::new`]
/// # Reference
/// Hardt, Price & Srebro 2016; fairlearn's `equalized_odds_difference` and `equalized_odds_ratio`
pub fn equalized_odds<G: ToString>(predictions: &Tensor, targets: &Tensor, groups: &[G]) -> Result<EqualizedOdds> {
    let mut wrong = FalsePositiveRate::default().threshold(0.5);
    Ok(EqualizedOdds {
        true_positive_rate: equal_opportunity(predictions, targets, groups)?,
        false_positive_rate: ByGroup::new(&mut wrong, predictions, targets, groups)?,
    })
}
