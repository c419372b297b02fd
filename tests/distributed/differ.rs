//! What differs between ranks, or fails on one, is an error on all.

use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::callbacks::TimeLimit;
use gradus::data::Batch;
use gradus::distributed::Distributed;
use gradus::prelude::*;

use super::cases::{labels, random};
use super::group::on_ranks;

/// What makes a program of a rank.
struct Program {
    units: usize,
    seed: u64,
    data: u64,
    rate: Float,
    batch: usize,
}

const SAME: Program = Program { units: 4, seed: 1, data: 1, rate: 0.1, batch: 32 };

fn fit(program: &Program, ranks: Distributed) -> Result<()> {
    let network = Sequential::new().add(Dense::new(program.units).activation(Relu)).add(Dense::new(3));
    let mut model = network.compile(Adam::new(program.rate), SparseCrossEntropy::from_logits());
    model = model.seed(program.seed).distributed(ranks);
    let fit = Fit::epochs(2).batch_size(program.batch).progress(false);
    model.fit(&(random(&[64, 5], program.data), labels(&[64], 3)), fit).map(drop)
}

/// The message on all of three ranks, of which the last one differs.
fn message(other: Program) -> String {
    let errors =
        on_ranks(3, |ranks| fit(if ranks.rank() == 2 { &other } else { &SAME }, ranks).unwrap_err().to_string());
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    errors[0].clone()
}

#[test]
fn what_differs_is_named() {
    let head = "fit: the ranks differ:\n";
    let tail = "start all ranks with the same program, data and seed";
    let seed = message(Program { seed: 7, ..SAME });
    assert!(seed.starts_with(head) && seed.ends_with(tail), "{seed}");
    assert!(seed.contains("\n  seed: 1 on rank 0, 7 on rank 2\n"), "{seed}");
    let data = message(Program { data: 2, ..SAME });
    assert!(data.contains("\n  data: checksum ") && data.contains("of 64 examples on rank 2"), "{data}");
    assert!(!data.contains("model:"), "{data}");
    let model = message(Program { units: 5, ..SAME });
    assert!(model.contains("\n  model: ") && model.contains("on rank 2"), "{model}");
    let rate = message(Program { rate: 0.2, ..SAME });
    assert!(rate.contains("0.2") && rate.contains("on rank 2"), "{rate}");
    let batch = message(Program { batch: 16, ..SAME });
    assert_eq!(batch, format!("{head}  batch size: 32 on rank 0, 16 on rank 2\n{tail}"));
}

fn small(ranks: Distributed) -> Trainer<Dense> {
    Dense::new(3).compile(Sgd::new(0.1), SparseCrossEntropy::from_logits()).distributed(ranks)
}

#[test]
fn weights_that_differ_are_found_before_the_first_step_and_after_each_epoch() {
    let errors = on_ranks(2, |ranks| {
        let rank = ranks.rank();
        let mut model = small(ranks);
        let (x, y) = (random(&[64, 5], 1), labels(&[64], 3));
        model.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap();
        let meddle = move |run: &mut Run<'_>| {
            run.parameters[0].1.modify(|weights| weights[0] += rank as Float);
            Ok(())
        };
        let meddling = Fit::epochs(2).progress(false).callback(LambdaCallback::new().on_batch_end(meddle));
        let later = model.fit(&(&x, &y), meddling).unwrap_err().to_string();
        let before = model.fit(&(&x, &y), Fit::epochs(1).progress(false)).unwrap_err().to_string();
        [later, before]
    });
    assert_eq!(errors[0], errors[1]);
    assert!(errors[0].iter().all(|error| error.contains("weights: checksum ")), "{:?}", errors[0]);
}

#[test]
fn an_error_on_one_rank_is_an_error_on_all() {
    let errors = on_ranks(3, |ranks| {
        let rank = ranks.rank();
        let reads = AtomicUsize::new(0);
        let break_off = |batch: Batch| match (rank, reads.fetch_add(1, Ordering::Relaxed)) {
            (1, 6..) => Err(Error::Value("the disk is gone".into())),
            _ => Ok(batch),
        };
        let data = (random(&[96, 5], 1), labels(&[96], 3)).map(break_off);
        small(ranks).fit(&data, Fit::epochs(3).progress(false)).unwrap_err().to_string()
    });
    assert_eq!(errors[1], "the disk is gone");
    assert_eq!([&errors[0], &errors[2]], ["rank 1 failed: the disk is gone"; 2]);
}

#[test]
fn a_callback_that_fails_on_the_first_rank_ends_all() {
    let errors = on_ranks(2, |ranks| {
        let fit = Fit::epochs(1).progress(false).callback(CsvLog::new("no/such/folder/log.csv"));
        small(ranks).fit(&(random(&[64, 5], 1), labels(&[64], 3)), fit).unwrap_err().to_string()
    });
    assert!(errors[0].contains("no/such"), "{errors:?}");
    assert_eq!(errors[1], format!("rank 0 failed: {}", errors[0]));
}

#[test]
fn calls_that_do_not_match_are_an_error() {
    let errors = on_ranks(2, |ranks| {
        let is_first = ranks.is_first();
        let mut model = small(ranks);
        let data = (random(&[64, 5], 1), labels(&[64], 3));
        match is_first {
            true => model.evaluate(&data).unwrap_err().to_string(),
            false => model.save("never written").unwrap_err().to_string(),
        }
    });
    assert!(errors[0].starts_with("rank 0 is at `evaluate`, and rank 1 at `save`"), "{errors:?}");
    assert!(errors[1].starts_with("rank 1 is at `save`, and rank 0 at `evaluate`"), "{errors:?}");
}

#[test]
fn the_first_rank_alone_writes_and_decides_when_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let calls = on_ranks(3, |ranks| {
        let rank = ranks.rank();
        let file = |name: &str| folder.path().join(format!("{name}{rank}"));
        let mut model = small(ranks);
        let mut batches = 0;
        let count = LambdaCallback::new().on_batch_end(|_| {
            batches += 1;
            Ok(())
        });
        // The clocks of the others go another way.
        let limit = TimeLimit::new(std::time::Duration::from_secs(if rank == 0 { 600 } else { 0 }));
        let fit = Fit::epochs(2).progress(false).callback(limit).callback(count);
        let fit = fit.callback(CsvLog::new(file("log"))).callback(Checkpoint::every(1, file("weights")));
        let fit = fit.callback(Backup::new(file("backup")).keep(true));
        model.fit(&(random(&[64, 5], 1), labels(&[64], 3)), fit).unwrap();
        model.save(file("model")).unwrap();
        batches
    });
    assert_eq!(calls, [4, 4, 4]);
    let mut files: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["backup0", "log0", "model0", "weights0"]);
}
