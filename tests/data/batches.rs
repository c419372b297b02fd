//! Loops written by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::data::augment::RandomTranslation;
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
    let data = images(6).augment(1, RandomTranslation::new(0.5, 0.5));
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

/// The bits of a network after two epochs.
fn trained(fit: Fit<'_>, data: &dyn Dataset, threads: usize) -> Vec<u64> {
    let mut model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(8).activation(Relu))
        .add(Dropout::new(0.2))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .threads(threads);
    model.fit(data, fit.batch_size(24).progress(false)).unwrap();
    let values = model.model.parameters().into_iter().flat_map(|(_, param)| param.value().unwrap().into_iter());
    values.map(|x| f64::from(x).to_bits()).collect()
}

#[test]
fn reading_ahead_changes_no_bits() {
    let (train, _) = mnist::load("examples/data/mnist").unwrap();
    let data = train.take(100).augment(1, RandomTranslation::new(0.1, 0.1));
    let plain = trained(Fit::epochs(2), &data, 2);
    for ahead in [1, 3, usize::MAX] {
        assert_eq!(trained(Fit::epochs(2).prefetch(ahead), &data, 1), plain, "{ahead}");
    }
    let stopped = |fit: Fit<'_>| {
        let stop = LambdaCallback::new().on_batch_end(|run| {
            run.stop = run.batch == 2;
            Ok(())
        });
        trained(fit.callback(stop), &data, 2)
    };
    assert_eq!(stopped(Fit::epochs(1).prefetch(1)), stopped(Fit::epochs(1)));
}

#[test]
fn errors_of_reading_ahead_arrive() {
    let fit = |data: &dyn Dataset| {
        let mut model = Dense::new(1).compile(Sgd::default(), MeanSquaredError);
        model.fit(data, Fit::epochs(1).batch_size(4).prefetch(2).progress(false)).unwrap_err().to_string()
    };
    let (x, y) = (ndarray::Array2::<f32>::zeros((12, 2)), ndarray::Array2::<f32>::zeros((12, 1)));
    let data = (&x, &y);
    let broken = data.map(|batch| if batch.len() == 4 { Err(Error::value("unreadable")) } else { Ok(batch) });
    assert_eq!(fit(&broken), "unreadable");
    let short = data.map(|mut batch| {
        let rows = if batch.len() == 4 { 3 } else { batch.len() };
        batch.targets[0] = batch.targets[0].slice(ndarray::s![..rows, ..]).into_dyn().to_shared();
        Ok(batch)
    });
    let expected = "expected 4 examples in the first axis of a batch's targets, as many as were asked for, got [3, 1]";
    assert_eq!(fit(&short), expected);
}
