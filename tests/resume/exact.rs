//! Wherever a run is stopped, going on gives the bits of a run that was not.

use gradus::saving::Snapshot;

use super::cases::{CASES, How, backup_in, schedule};
use super::message;

#[test]
fn a_run_stopped_anywhere_ends_in_the_same_bits() {
    for (name, case) in CASES {
        let whole = case(&How::default()).unwrap();
        for every in [None, Some(1), Some(5)] {
            for dies in [0, 4, 6, 11] {
                let folder = tempfile::tempdir().unwrap();
                let how = How { every, ..backup_in(folder.path()) };
                // Stopped twice.
                for dies_after in [dies, 7] {
                    let error = message(case(&How { dies_after: Some(dies_after), ..how.clone() }));
                    assert_eq!(error, "killed", "{name}");
                }
                assert_eq!(case(&how).unwrap(), whole, "{name}, back-ups after {every:?}, stopped after {dies}");
                assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the end deletes it");
            }
        }
    }
}

#[test]
fn a_kept_back_up_is_the_end_of_the_run() {
    for (name, case) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let how = How { keep: true, every: Some(3), ..backup_in(folder.path()) };
        let whole = case(&how).unwrap();
        let again = case(&How { dies_after: Some(0), ..how.clone() }).unwrap();
        // Nothing was trained, so that no log was written.
        assert_eq!((again.weights, again.history), (whole.weights, whole.history), "{name}");
    }
}

#[test]
fn more_epochs_than_before() {
    let folder = tempfile::tempdir().unwrap();
    let how = How { keep: true, ..backup_in(folder.path()) };
    schedule(&how).unwrap();
    let longer = How { more_epochs: 3, ..how };
    assert_eq!(schedule(&longer).unwrap(), schedule(&How { more_epochs: 3, ..How::default() }).unwrap());
}

#[test]
fn a_snapshot_keeps_every_bit_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let mut state = Snapshot::of([("zebra", -0.0), ("ape", f64::INFINITY)]);
    state.texts.push(("a \"text\"".into(), "with\nlines, ümlauts".into()));
    state.numbers.push(("none".into(), Vec::new()));
    state.tensors.push(("empty".into(), gradus::Tensor::zeros(vec![0, 3])));
    state.tensors.push(("scalar".into(), gradus::Tensor::ones(vec![])));
    state.nest("inner", state.clone());
    state.save(&path).unwrap();
    assert_eq!(Snapshot::load(&path).unwrap(), state);
    assert_eq!(state.part("inner").part("inner"), Snapshot::default());

    // Cut off anywhere, it is no snapshot.
    let bytes = std::fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        assert!(Snapshot::load(&path).is_err());
    }
}
