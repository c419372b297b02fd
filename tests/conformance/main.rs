//! Runs gradus on the cases of a fixture, and compares with what another framework gave.
//!
//! The error of a tensor is `max|got - expected| / max|expected|`, and `max|got|` where all that is expected is 0. It
//! must not exceed 1e-5, except where a check states its own bound (training runs, random samples).

#![cfg(not(float64))]

mod attention;
mod build;
mod convolution;
mod data;
mod fixture;
mod keras;
mod losses;
mod metrics;
mod normalisation;
mod optimizers;
mod pytorch;
mod random;
mod recurrent;
mod run;
mod sampling;
mod scikit_learn;
mod structure;
mod transformers;
mod tuning;

use std::collections::BTreeMap;

use fixture::{Case, Fixture};

/// The bound of outputs, gradients, losses and optimizer steps.
const TOLERANCE: f64 = 1e-5;

/// A number that was compared: what, its error, the greatest error allowed.
struct Check {
    what: String,
    error: f64,
    bound: f64,
}

impl Check {
    fn new(what: impl Into<String>, got: &[f32], shape: &[usize], case: &Case) -> Self {
        let what = what.into();
        let error = match case.shape(&what) {
            Some(expected) if expected == shape => error(got, case.numbers(&what)),
            _ => f64::INFINITY,
        };
        Self { what, error, bound: TOLERANCE }
    }

    fn within(mut self, bound: f64) -> Self {
        self.bound = bound;
        self
    }
}

/// The definition above; infinite where a number is not finite or the lengths differ.
fn error(got: &[f32], expected: &[f32]) -> f64 {
    let finite = got.iter().chain(expected).all(|x| x.is_finite());
    if got.len() != expected.len() || !finite {
        return f64::INFINITY;
    }
    let max = |x: f64, y: f64| x.max(y.abs());
    let scale = expected.iter().map(|x| f64::from(*x)).fold(0.0, max);
    let difference = got.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)).fold(0.0, max);
    if scale > 0.0 { difference / scale } else { difference }
}

/// Greatest error of a family of cases in units of its bound.
#[derive(Default)]
struct Family {
    cases: usize,
    checks: usize,
    worst: f64,
    bound: f64,
    what: String,
}

/// Compares all cases of `tests/fixtures/<name>.safetensors`, prints a table and fails with all failures at once.
///
/// `counts` are the numbers of cases of each kind, so that none gets lost; `parity` names, for rows of the table of
/// differences between the frameworks, the cases that prove it.
pub fn check(name: &str, counts: &[(&str, usize)], parity: &[(&str, &[&str])]) {
    let fixture = Fixture::read(name);
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    let (mut failures, mut differences) = (Vec::new(), 0);
    for case in &fixture.cases {
        *found.entry(case.kind()).or_default() += 1;
        let family = families.entry(case.name.split('.').next().unwrap_or_default()).or_default();
        family.cases += 1;
        let checks = match run::run(case) {
            Ok(checks) => checks,
            Err(reason) => {
                failures.push(format!("{}: {reason}", case.name));
                continue;
            }
        };
        assert!(!checks.is_empty(), "{}: nothing was compared", case.name);
        for Check { what, error, bound } in checks {
            family.checks += 1;
            if let Some(reason) = case.differs(&what) {
                differences += 1;
                if error <= 10.0 * bound {
                    failures.push(format!("{} {what}: agrees ({error:.1e}), but should not: {reason}", case.name));
                }
                continue;
            }
            if error > bound {
                failures.push(format!("{} {what}: error {error:.2e}, allowed {bound:.1e}", case.name));
            }
            if family.what.is_empty() || error / bound > family.worst / family.bound {
                (family.worst, family.bound, family.what) = (error, bound, format!("{} {what}", case.name));
            }
        }
    }
    println!("{} {}", fixture.framework, fixture.versions);
    println!("{:<22} {:>5} {:>6} {:>8} {:>8}  worst", "family", "cases", "checks", "error", "allowed");
    for (name, Family { cases, checks, worst, bound, what }) in &families {
        println!("{name:<22} {cases:>5} {checks:>6} {worst:>8.1e} {bound:>8.1e}  {what}");
    }
    println!("{} cases, {differences} tensors that differ as they should", fixture.cases.len());
    for (row, cases) in parity {
        for case in *cases {
            assert!(fixture.cases.iter().any(|known| known.name == *case), "`{row}` names no case `{case}`");
        }
    }
    assert_eq!(found, counts.iter().copied().collect(), "number of cases of each kind");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
