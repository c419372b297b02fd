//! Figures by group, against fairlearn's on random labels.

use std::fs;

use gradus::fairness::{
    Bootstrap, ByGroup, Criterion, GroupThresholds, demographic_parity, equal_opportunity, equalized_odds, reweighing,
};
use gradus::prelude::*;
use ndarray::arr1;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
}

fn tensor(value: &Value) -> Tensor {
    arr1(&numbers(value)).into_tensor()
}

#[test]
fn figures_are_those_of_fairlearn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fairness_fairlearn.json");
    let cases: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 40);
    let mut compared = 0;
    for case in cases {
        let groups: Vec<u64> = case["groups"].as_array().unwrap().iter().map(|g| g.as_u64().unwrap()).collect();
        let (target, decision) = (tensor(&case["target"]), tensor(&case["decision"]));
        let accuracy = ByGroup::new(&mut Accuracy::default(), &decision, &target, &groups).unwrap();
        let parity = demographic_parity(&decision, &groups).unwrap();
        let opportunity = equal_opportunity(&decision, &target, &groups).unwrap();
        let odds = equalized_odds(&decision, &target, &groups).unwrap();
        let of_groups: Vec<f64> = accuracy.groups().iter().map(|group| group.value).collect();
        for (ours, theirs) in of_groups.iter().zip(numbers(&case["figures"]["accuracy_by_group"])) {
            assert!((ours - theirs).abs() < 1e-9);
        }
        for (name, ours) in [
            ("accuracy_difference", accuracy.difference()),
            ("accuracy_difference_to_overall", accuracy.difference_to_overall()),
            ("accuracy_ratio", accuracy.ratio()),
            ("accuracy_ratio_to_overall", accuracy.ratio_to_overall()),
            ("demographic_parity_difference", parity.difference()),
            ("demographic_parity_ratio", parity.ratio()),
            ("equal_opportunity_difference", opportunity.difference()),
            ("equal_opportunity_ratio", opportunity.ratio()),
            ("equalized_odds_difference", odds.difference()),
            ("equalized_odds_ratio", odds.ratio()),
        ] {
            match case["figures"][name].as_f64() {
                Some(theirs) => assert!((ours - theirs).abs() < 1e-9, "{name}: {ours} and {theirs}"),
                None => assert!(ours.is_nan(), "{name}: {ours}"),
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 400);
}

/// With the weights, the rate of class 1 is the same in each group.
#[test]
fn reweighed_groups_have_the_same_rate() {
    let groups: Vec<usize> = (0..60).map(|i| i % 3).collect();
    let targets = ndarray::Array1::from_shape_fn(60, |i| u8::from(i % 7 < 1 + 2 * (i % 3)));
    let weights = reweighing(targets.clone(), &groups).unwrap();
    let mut rates = Vec::new();
    for group in 0..3 {
        let rows: Vec<usize> = (0..60).filter(|i| groups[*i] == group).collect();
        let all: Float = rows.iter().map(|i| weights[[*i]]).sum();
        rates.push(rows.iter().filter(|i| targets[**i] == 1).map(|i| weights[[*i]]).sum::<Float>() / all);
    }
    let overall = targets.iter().map(|t| Float::from(*t)).sum::<Float>() / 60.0;
    assert!(rates.iter().all(|rate| (rate - overall).abs() < 1e-6), "{rates:?} and {overall}");
}

/// On scores that favour one group, a threshold for each closes the gap that one threshold leaves.
#[test]
fn thresholds_close_the_gap() {
    let count = 2000;
    let groups: Vec<&str> = (0..count).map(|i| if i % 2 == 0 { "a" } else { "b" }).collect();
    let targets = ndarray::Array1::from_shape_fn(count, |i| u8::from(i * 7919 % 1000 < 400));
    let scores = ndarray::Array1::from_shape_fn(count, |i| {
        let noise = (i * 104_729 % 1009) as f64 / 1009.0;
        0.3 * noise + 0.35 * f64::from(targets[i]) + if i % 2 == 0 { 0.25 } else { 0.0 }
    });
    let (scores, targets) = (scores.into_tensor(), targets.into_tensor());
    assert!(demographic_parity(&scores, &groups).unwrap().difference() > 0.2);
    let parity = GroupThresholds::new(Criterion::DemographicParity, &scores, &targets, &groups).unwrap();
    let decisions = parity.decide(&scores, &groups).unwrap();
    assert!(demographic_parity(&decisions, &groups).unwrap().difference() < 0.002);
    let opportunity = GroupThresholds::new(Criterion::EqualOpportunity, &scores, &targets, &groups).unwrap();
    let decisions = opportunity.decide(&scores, &groups).unwrap();
    assert!(equal_opportunity(&decisions, &targets, &groups).unwrap().difference() < 0.005);
    let mut accuracy = Accuracy::default();
    accuracy.update(&decisions, &targets).unwrap();
    assert!(accuracy.result() > 0.95, "{}", accuracy.result());
}

#[test]
fn mistakes_are_named() {
    let (scores, targets) = (arr1(&[0.2, 0.7]).into_tensor(), arr1(&[0, 1]).into_tensor());
    let error = demographic_parity(&scores, &["a"]).unwrap_err().to_string();
    assert!(
        error.contains("expected a group for each of the examples, and at least one, got 1 groups and 2"),
        "{error}"
    );
    let thresholds = GroupThresholds::new(Criterion::DemographicParity, &scores, &targets, &["a", "a"]).unwrap();
    let error = thresholds.decide(&scores, &["a", "c"]).unwrap_err().to_string();
    assert!(error.contains("there is no group `c`; there are [\"a\"]"), "{error}");
    let error =
        GroupThresholds::new(Criterion::EqualOpportunity, &scores, &targets, &["a", "b"]).unwrap_err().to_string();
    assert!(error.contains("the group `a` has no example of class 1"), "{error}");
    // Hardly any drawing of 20 examples has all of 20 groups.
    let (scores, names) = (Tensor::zeros(vec![20]), (0..20).collect::<Vec<_>>());
    let all = ByGroup::interval(
        &mut Accuracy::default(),
        &scores,
        &scores,
        &names,
        ByGroup::difference,
        Bootstrap::default(),
    );
    let error = all.unwrap_err().to_string();
    assert!(error.contains("nearly all drawings miss one of the 20 groups, of which `0` has 1 examples"), "{error}");
}

#[test]
fn figures_that_are_all_0_have_no_ratio() {
    let zeros = ndarray::arr1(&[0, 0, 0]).into_tensor();
    let found = demographic_parity(&zeros, &["a", "b", "b"]).unwrap();
    assert_eq!((found.difference(), found.difference_to_overall()), (0.0, 0.0));
    assert!(found.ratio().is_nan() && found.ratio_to_overall().is_nan(), "as in fairlearn");
    // Of one class there is no correlation, in any group.
    let found = ByGroup::new(&mut gradus::metrics::Pearson::default(), &zeros, &zeros, &["a", "b", "b"]).unwrap();
    assert!(found.difference().is_nan() && found.ratio().is_nan(), "{found}");
}
