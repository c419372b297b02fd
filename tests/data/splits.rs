//! Splits are disjoint, complete and stratified.

use gradus::data::{k_fold, oversample, stratified_k_fold, stratified_split, undersample};
use gradus::prelude::*;
use proptest::prelude::*;

use super::{numbered, order};

fn sorted(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers
}

fn count(classes: &[usize], of: &[usize], class: usize) -> usize {
    of.iter().filter(|i| classes[**i] == class).count()
}

proptest! {
    #[test]
    fn a_split_has_everything_once(len in 0_usize..200, share in 0.0..=1.0, seed: u64) {
        let (first, second) = numbered(len).shuffle(seed).split(share).unwrap();
        prop_assert_eq!(first.len(), (len as f64 * share).round() as usize);
        prop_assert_eq!(sorted([order(&first), order(&second)].concat()), (0..len).collect::<Vec<_>>());
    }

    #[test]
    fn a_stratified_split_has_each_class_in_both(
        classes in prop::collection::vec(0_usize..5, 0..200), share in 0.0..=1.0, seed: u64,
    ) {
        let (first, second) = stratified_split(&classes, share, seed).unwrap();
        prop_assert_eq!(sorted([&first[..], &second[..]].concat()), (0..classes.len()).collect::<Vec<_>>());
        for class in 0..5 {
            let all = classes.iter().filter(|c| **c == class).count();
            let expected = (all as f64 * share).round() as usize;
            prop_assert_eq!(count(&classes, &first, class), expected);
        }
    }

    #[test]
    fn folds_are_disjoint_complete_and_stratified(
        classes in prop::collection::vec(0_usize..4, 2..120), k in 2_usize..8, seed: u64,
    ) {
        let k = k.min(classes.len());
        let folds = stratified_k_fold(&classes, k, seed).unwrap();
        prop_assert_eq!(folds.len(), k);
        prop_assert_eq!(&folds, &stratified_k_fold(&classes, k, seed).unwrap());
        let held_out: Vec<usize> = folds.iter().flat_map(|(_, held_out)| held_out.clone()).collect();
        prop_assert_eq!(sorted(held_out), (0..classes.len()).collect::<Vec<_>>());
        for (train, held_out) in &folds {
            let both = sorted([&train[..], &held_out[..]].concat());
            prop_assert_eq!(both, (0..classes.len()).collect::<Vec<_>>());
            prop_assert!((classes.len() / k..=classes.len().div_ceil(k)).contains(&held_out.len()));
            for class in 0..4 {
                let all = classes.iter().filter(|c| **c == class).count();
                prop_assert!((all / k..=all.div_ceil(k)).contains(&count(&classes, held_out, class)));
            }
        }
    }

    #[test]
    fn balanced_classes_are_of_one_size(classes in prop::collection::vec(0_usize..5, 0..100), seed: u64) {
        let sizes = |chosen: &[usize]| {
            let mut sizes: Vec<usize> = (0..5).map(|class| count(&classes, chosen, class)).filter(|n| *n > 0).collect();
            sizes.dedup();
            sizes.len()
        };
        let (over, under) = (oversample(&classes, seed), undersample(&classes, seed));
        prop_assert!(sizes(&over) <= 1 && sizes(&under) <= 1);
        // None is lost by the one, and none is there twice in the other.
        let mut present = sorted(over);
        present.dedup();
        prop_assert_eq!(present, (0..classes.len()).collect::<Vec<_>>());
        let under = sorted(under);
        prop_assert!(under.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn folds_of_a_dataset() {
    let folds = numbered(10).k_fold(3, 1).unwrap();
    let indices = k_fold(10, 3, 1).unwrap();
    for ((train, held_out), (train_indices, held_out_indices)) in folds.iter().zip(&indices) {
        assert_eq!((&order(train), &order(held_out)), (train_indices, held_out_indices));
    }
    let digits = super::images(30).stratified_k_fold(5, 2).unwrap();
    assert!(digits.iter().all(|(_, held_out)| held_out.classes().unwrap().iter().sum::<usize>() == 6));
}

/// Identities as classes: memory for all numbers below would not fit.
#[test]
fn numbers_of_classes_may_be_large() {
    let classes = [usize::MAX, 7, usize::MAX, usize::MAX, 7, 7];
    assert_eq!(gradus::data::oversample(&classes, 1).len(), 6);
    assert_eq!(gradus::data::undersample(&classes[..3], 1).len(), 2);
    let (train, test) = gradus::data::stratified_split(&classes, 2.0 / 3.0, 1).unwrap();
    assert_eq!((train.len(), test.len()), (4, 2));
    for (_, part) in gradus::data::stratified_k_fold(&classes, 3, 1).unwrap() {
        assert_eq!(part.iter().filter(|i| classes[**i] == 7).count(), 1);
    }
}
