//! A process that is killed with a signal at any moment, also while it writes, and started again, ends with the same bytes.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gradus::ndarray::{Array1, Array2};
use gradus::optimizers::MovingAverage;
use gradus::optimizers::schedules::CosineDecay;
use gradus::prelude::*;
use gradus::rand::{RngExt, SeedableRng};
use gradus::saving::Snapshot;

use super::cases::history_bits;

/// The folder in which a process of this test trains.
const FOLDER: &str = "GRADUS_TEST_RESUME";

/// Trains in a process of its own, with a back-up after each batch, and leaves weights, history and log.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let x = Array2::from_shape_fn((160, 32), |(i, j)| ((i * 7 + j * 13) as Float * 0.37).sin());
    let y = Array1::from_shape_fn(160, |i| usize::from(x[[i, 0]] > 0.0) + usize::from(x[[i, 1]] > 0.0));
    let mut model = Sequential::new()
        .add(Dense::new(256).activation(Relu))
        .add(BatchNorm::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(3).activation(Softmax))
        .compile(
            Adam::default().schedule(CosineDecay::new(0.01, 60)).average(MovingAverage::new(0.9)),
            SparseCrossEntropy::default(),
        )
        .metric(Accuracy::default())
        .seed(3)
        .threads(1);
    let fit = Fit::epochs(6)
        .batch_size(16)
        .validation_split(0.2)
        .progress(false)
        .callback(CsvLog::new(folder.join("log.csv")))
        .callback(EarlyStopping::new("val_loss").patience(4))
        .callback(Backup::new(folder.join("run.backup")).every(1));
    let history = model.fit(&(&x, &y), fit).unwrap();
    fs::write(folder.join("history"), format!("{:?}", history_bits(&history))).unwrap();
    // Last of all: whoever sees it sees the rest.
    model.save(folder.join("weights.safetensors")).unwrap();
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--test-threads", "1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

const RESULTS: [&str; 3] = ["weights.safetensors", "history", "log.csv"];

/// Whether a run left its results, even if it was killed before its process ended: another one would begin anew.
fn has_ended(folder: &Path) -> bool {
    folder.join(RESULTS[0]).exists()
}

fn results(folder: &Path) -> [Vec<u8>; 3] {
    RESULTS.map(|name| fs::read(folder.join(name)).unwrap())
}

fn is_writing(folder: &Path) -> bool {
    let is_temporary = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(".run.backup.") && name.ends_with(".tmp")
    };
    folder.read_dir().unwrap().flatten().any(is_temporary)
}

/// Kills runs at this many moments in all, and compares what they end with.
fn kill(times: usize) {
    let whole = tempfile::tempdir().unwrap();
    let began = Instant::now();
    assert!(start(whole.path()).wait().unwrap().success());
    let takes = began.elapsed();
    let expected = results(whole.path());

    let mut rng = gradus::Rng::seed_from_u64(1);
    let (mut kills, mut in_writing, mut resumed, mut runs) = (0, 0, 0, 0);
    // Chance decides whether a kill strikes while a file is written: such kills and back-ups are waited for.
    while kills < times || in_writing == 0 || resumed == 0 {
        assert!(began.elapsed() < Duration::from_secs(600), "{kills} {in_writing} {resumed}");
        let folder = tempfile::tempdir().unwrap();
        runs += 1;
        // At most a few kills a run, so that many of them end.
        for _ in 0..rng.random_range(1..4_u32) {
            let mut child = start(folder.path());
            std::thread::sleep(takes.mul_f64(rng.random_range(0.0..1.0)));
            if rng.random_range(0..2_u32) == 0 {
                // Half of them wait for a moment of writing.
                let waiting = Instant::now();
                while !is_writing(folder.path()) && waiting.elapsed() < takes {}
            }
            // On Unix this is SIGKILL.
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                break;
            }
            kills += 1;
            in_writing += usize::from(is_writing(folder.path()));
            let backup = folder.path().join("run.backup");
            if backup.exists() {
                resumed += 1;
                assert!(Snapshot::load(&backup).unwrap().count("epoch").unwrap() > 0);
            }
            if has_ended(folder.path()) {
                break;
            }
        }
        if !has_ended(folder.path()) {
            assert!(start(folder.path()).wait().unwrap().success());
        }
        for (name, (result, expected)) in RESULTS.iter().zip(results(folder.path()).iter().zip(&expected)) {
            assert!(result == expected, "{name} after {kills} kills");
        }
        assert!(!is_writing(folder.path()), "what a killed process left is deleted");
    }
    println!(
        "{kills} kills in {runs} runs of {takes:.2?}, {in_writing} of them while a file was written, {resumed} with a back-up, in {:.0?}",
        began.elapsed()
    );
}

#[test]
fn killed_runs_end_in_the_same_bytes() {
    kill(10);
}

#[test]
#[ignore = "takes a minute; .ci/run runs it"]
fn killed_50_times() {
    kill(50);
}
