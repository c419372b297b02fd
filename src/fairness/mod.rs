//! Whether a model treats groups of people alike, and what to do if it does not.
//!
//! A figure by group is a [`ByGroup`], of any metric. Three criteria have names of their own: [`demographic_parity`] (all groups are
//! selected equally often), [`equal_opportunity`] (those who deserve it are found equally often), [`equalized_odds`] (and those who do
//! not are selected wrongly equally often). Against a gap there is [`reweighing`] before training, and [`GroupThresholds`] after it.
//!
//! ```
//! use gradus::fairness::{ByGroup, demographic_parity};
//! use gradus::prelude::*;
//!
//! let scores = ndarray::arr1(&[0.9, 0.8, 0.2, 0.6, 0.3, 0.1]).into_tensor();
//! let targets = ndarray::arr1(&[1, 1, 0, 1, 1, 0]).into_tensor();
//! let groups = ["a", "a", "a", "b", "b", "b"];
//! let accuracy = ByGroup::new(&mut Accuracy::default(), &scores, &targets, &groups)?;
//! assert!((accuracy.difference() - 1.0 / 3.0).abs() < 1e-9);
//! let selected = demographic_parity(&scores, &groups)?;
//! assert!((selected.ratio() - 0.5).abs() < 1e-9);
//! println!("{selected}");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! No figure proves a model fair: the criteria contradict each other where groups differ, and which one fits is not a question of
//! numbers (Kleinberg et al. 2016).
//!
//! # Reference
//! fairlearn; Hardt, Price & Srebro 2016

mod by_group;
mod reweighing;
mod thresholds;

pub use by_group::{Bootstrap, ByGroup, EqualizedOdds, Group, demographic_parity, equal_opportunity, equalized_odds};
pub use reweighing::reweighing;
pub use thresholds::{Criterion, GroupThresholds};

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// The examples of each group, in the order of the groups' names.
fn members<G: ToString>(who: &str, groups: &[G], count: usize) -> Result<BTreeMap<String, Vec<usize>>> {
    if groups.len() != count || count == 0 {
        return Err(Error::shape(format!(
            "{who}: expected a group for each of the examples, and at least one, got {} groups and {count} examples",
            groups.len()
        )));
    }
    let mut members: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, group) in groups.iter().enumerate() {
        members.entry(group.to_string()).or_default().push(i);
    }
    Ok(members)
}
