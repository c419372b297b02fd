//! Loops written by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::data::{Batch, from_fn};
use gradus::prelude::*;

use super::{bits, images, numbered, targets};

fn all(batches: impl Iterator<Item = Result<Batch>>) -> Vec<Vec<usize>> {
    batches.map(|batch| targets(&batch.unwrap())).collect()
}

#[test]
fn sizes_and_orders() {
    let data = numbered(7);
    assert_eq!(all(data.batches(3)), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    assert_eq!(all(data.batches(3).drop_last()), [[0, 1, 2], [3, 4, 5]]);
    assert_eq!(all(data.batches(100)).len(), 1);
    assert!(all(numbered(0).batches(3)).is_empty());
    assert!(all(data.batches(8).drop_last()).is_empty());
    let epoch = |seed, epoch| all(data.batches(3).shuffle(seed).epoch(epoch)).concat();
    assert_eq!(epoch(1, 0), epoch(1, 0));
    assert_ne!(epoch(1, 0), epoch(1, 1));
    assert_ne!(epoch(1, 0), epoch(2, 0));
    let mut sorted = epoch(1, 5);
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn only_an_epoch_augments() {
    let data = images(6).augment(1, RandomTranslation::new(0.5));
    let read = |batches: gradus::data::Batches<'_>| batches.map(|batch| bits(&batch.unwrap())).collect::<Vec<_>>();
    assert_eq!(read(data.batches(6)), read(images(6).batches(6)));
    assert_ne!(read(data.batches(6).epoch(0)), read(images(6).batches(6)));
    assert_ne!(read(data.batches(6).epoch(0)), read(data.batches(6).epoch(1)));
    let prefetched =
        data.batches(6).epoch(1).prefetch(2, |batches| batches.map(|batch| bits(&batch.unwrap())).collect::<Vec<_>>());
    assert_eq!(prefetched, read(data.batches(6).epoch(1)));
}

#[test]
fn prefetch_is_bounded_and_may_be_left() {
    let read = AtomicUsize::new(0);
    let data = from_fn(100, |i| {
        read.fetch_add(1, Ordering::SeqCst);
        Ok((ndarray::arr1(&[i as Float]), ndarray::arr0(i as Float)))
    });
    let first = data.batches(1).prefetch(3, |batches| {
        let first = targets(&batches.next().unwrap().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(100));
        first
    });
    assert_eq!(first, [0]);
    // The one that was taken, three that wait, and one in the hands of the thread.
    assert!(read.load(Ordering::SeqCst) <= 5, "{read:?}");
    let left = std::panic::catch_unwind(|| numbered(9).batches(1).prefetch(0, |_| panic!("on purpose")));
    assert!(left.is_err());
}

#[test]
fn an_error_comes_where_it_happens() {
    let data = from_fn(4, |i| {
        if i == 2 { Err(Error::value("the third is broken")) } else { Ok((ndarray::arr0(0.0), ndarray::arr0(0.0))) }
    });
    for ahead in [0, 2] {
        let results = data.batches(1).prefetch(ahead, |batches| batches.map(|batch| batch.is_ok()).collect::<Vec<_>>());
        assert_eq!(results, [true, true, false, true]);
    }
}
