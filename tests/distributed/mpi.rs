//! Processes under `mpirun`; `.ci/mpi` runs these tests.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gradus::distributed::Distributed;
use gradus::prelude::Float;
use gradus::rand::{RngExt, SeedableRng};

use super::cases::{CASES, run};

/// The folder in which the ranks of this test leave their results, and what they are to do.
const FOLDER: &str = "GRADUS_TEST_RANKS";
const TASK: &str = "GRADUS_TEST_TASK";

/// How a task begins that divides the optimizer's memory.
const SHARDED: &str = "sharded ";

/// A rank.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (folder, task) = (Path::new(&folder), std::env::var(TASK).unwrap());
    let ranks = gradus::distributed::mpi().unwrap();
    fs::write(folder.join(format!("process.{}", ranks.rank())), std::process::id().to_string()).unwrap();
    if task == "ends" && ranks.rank() == 1 {
        return;
    }
    if task == "fails" && ranks.rank() == 1 {
        panic!("rank 1 has no data");
    }
    if task == "costs" {
        return costs(&ranks);
    }
    let (ranks, task) = match task.strip_prefix(SHARDED) {
        Some(task) => (ranks.shard_optimizer(), task),
        None => (ranks, task.as_str()),
    };
    let name = if CASES.contains(&task) { task } else { "cnn" };
    let result = run(name, ranks.clone(), Some(folder));
    if let (Err(error), true) = (&result, ranks.is_first()) {
        fs::write(folder.join("error"), error.to_string()).unwrap();
    }
    let outcome = format!("{:?}", result.unwrap());
    fs::write(folder.join(format!("outcome.{}", ranks.rank())), outcome).unwrap();
}

/// Prints what the two calls cost that a step makes: [`ProcessGroup::gather`] of its figures, and the exchanges of a sum.
fn costs(ranks: &Distributed) {
    let (group, size, rank) = (ranks.group(), ranks.size(), ranks.rank());
    let seconds = |calls: u32, call: &mut dyn FnMut()| {
        call();
        let began = Instant::now();
        (0..calls).for_each(|_| call());
        began.elapsed().as_secs_f64() / f64::from(calls)
    };
    let gather = seconds(2000, &mut || drop(group.gather(&[0; 200]).unwrap()));
    if rank == 0 {
        println!("{size} ranks, gather of 200 bytes: {:.1} us", gather * 1e6);
    }
    for numbers in [1 << 10, 1 << 17, 1 << 20, 20_000_000_usize] {
        let segment = |rank: usize| numbers * rank / size..numbers * (rank + 1) / size;
        let (all, own): (Vec<_>, _) = ((0..size).map(segment).collect(), segment(rank).len());
        let (mut send, mut receive) = (vec![1.0; numbers], vec![0.0; own * size]);
        let from: Vec<_> = (0..size).map(|rank| own * rank..own * (rank + 1)).collect();
        let sum = seconds(if numbers > 1 << 20 { 10 } else { 100 }, &mut || {
            group.exchange(&send, &all, &mut receive, &from).unwrap();
            group.exchange(&receive[..own], &vec![0..own; size], &mut send, &all).unwrap();
        });
        if rank == 0 {
            let bytes = 2.0 * (size - 1) as f64 / size as f64 * (numbers * size_of::<Float>()) as f64;
            println!("sum of {numbers} numbers: {:.1} us, {:.2} GB/s sent by each rank", sum * 1e6, bytes / sum / 1e9);
        }
    }
}

fn start(ranks: usize, task: &str, folder: &Path) -> Child {
    start_on(false, ranks, task, folder)
}

/// Starts ranks, on one machine or each on a machine of its own.
fn start_on(machines: bool, ranks: usize, task: &str, folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = match ranks {
        // A program that nobody has started with `mpirun`.
        0 => Command::new(program),
        _ if machines => {
            let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/distributed/machines"));
            command.arg(ranks.to_string()).arg(program);
            command
        }
        _ => {
            let mut mpirun = Command::new("mpirun");
            mpirun.args(["--oversubscribe", "-n", &ranks.to_string()]).arg(program);
            mpirun
        }
    };
    command.args(["--exact", "mpi::child", "--nocapture", "--test-threads", "1"]);
    command
        .env(FOLDER, folder)
        .env(TASK, task)
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn finish(ranks: usize, task: &str, folder: &Path) -> Output {
    start(ranks, task, folder).wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// The file of the model, and what the ranks have in common.
fn results(ranks: usize, task: &str, folder: &Path) -> (Vec<u8>, String) {
    let output = finish(ranks, task, folder);
    assert!(output.status.success(), "{task} on {ranks}: {}", text(&output));
    let read = |rank: usize| fs::read_to_string(folder.join(format!("outcome.{rank}"))).unwrap();
    (1..ranks).for_each(|rank| assert_eq!(read(rank), read(0), "{task}"));
    (fs::read(folder.join("model.safetensors")).unwrap(), read(0))
}

#[test]
#[ignore = "needs mpirun; `.ci/mpi` runs it"]
fn processes_give_the_same_bits() {
    for task in CASES {
        let one = results(0, task, tempfile::tempdir().unwrap().path());
        for ranks in [2, 4, 8] {
            assert_eq!(results(ranks, task, tempfile::tempdir().unwrap().path()), one, "{task} on {ranks}");
        }
        let sharded = results(3, &format!("{SHARDED}{task}"), tempfile::tempdir().unwrap().path());
        assert_eq!(sharded, one, "{task} with its optimizer's memory divided");
    }
}

#[test]
#[ignore = "needs mpirun; `.ci/mpi` runs it"]
fn a_rank_that_ends_early_or_fails_leaves_nobody_waiting() {
    for task in ["ends", "fails"] {
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let output = finish(2, task, folder.path());
        assert!(!output.status.success() && began.elapsed() < Duration::from_secs(10), "{}", text(&output));
        if task == "ends" {
            let error = fs::read_to_string(folder.path().join("error")).unwrap();
            assert!(error.starts_with("fit: rank 1 has ended its program"), "{error}");
        } else {
            assert!(text(&output).contains("rank 1 has no data"), "{}", text(&output));
        }
    }
}

/// How a rank is lost.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    /// Its process is killed.
    Killed,
    /// Its process is killed on a machine of its own.
    KilledApart,
    /// The link to its machine is cut.
    Cut,
}

impl Loss {
    /// Loses a rank, unless it has ended.
    fn happens(self, folder: &Path, rank: usize, process: &str) -> bool {
        if self == Self::Cut {
            return fs::write(folder.join("cut"), rank.to_string()).is_ok();
        }
        Command::new("kill").args(["-9", process]).status().unwrap().success()
    }

    /// What the others say: the rank, or its machine, whose rank the map of ranks says.
    fn message(self, rank: usize) -> String {
        if self == Self::Cut { format!("on node 10.9.0.{}", rank + 1) } else { format!("process rank {rank}") }
    }
}

/// Loses ranks at this many moments. The others must end, and name the rank; another number of them goes on, to the same end.
fn lose(times: usize, loss: Loss) {
    let whole = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let expected = results(2, "cnn", whole.path());
    let mut takes = began.elapsed();
    let mut slowest = Duration::ZERO;
    let mut rng = gradus::Rng::seed_from_u64(1);
    let (mut kills, mut resumed) = (0, 0);
    while kills < times || resumed == 0 {
        assert!(began.elapsed() < Duration::from_secs(20 + 20 * times as u64), "{kills} {resumed}");
        let folder = tempfile::tempdir().unwrap();
        let (ranks, victim) = (rng.random_range(2..4), rng.random_range(0..2_usize));
        // Every second run divides the optimizer's memory, and goes on without, or the other way round.
        let sharded = format!("{SHARDED}cnn");
        let tasks = if kills % 2 == 0 { ["cnn", &sharded] } else { [&sharded, "cnn"] };
        let child = start_on(loss != Loss::Killed, ranks, tasks[0], folder.path());
        let (started, moment) = (Instant::now(), takes.mul_f64(rng.random_range(0.2..1.0)));
        while started.elapsed() < moment && !folder.path().join("outcome.0").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let Ok(process) = fs::read_to_string(folder.path().join(format!("process.{victim}"))) else {
            child.wait_with_output().unwrap();
            continue;
        };
        if folder.path().join("outcome.0").exists() || !loss.happens(folder.path(), victim, &process) {
            child.wait_with_output().unwrap();
            // The machine is less busy than it was: this is what a run takes now.
            takes = started.elapsed();
            continue;
        }
        let killed = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
        slowest = slowest.max(killed.elapsed());
        if output.status.success() {
            continue;
        }
        kills += 1;
        assert!(text(&output).contains(&loss.message(victim)), "{}", text(&output));
        resumed += usize::from(folder.path().join("run.backup").exists());
        let again = rng.random_range(0..4);
        assert_eq!(results(again, tasks[1], folder.path()), expected, "{again} after {ranks}");
    }
    println!("{kills} ranks lost, {resumed} runs resumed; the others ended within {:.1} s", slowest.as_secs_f64());
}

#[test]
#[ignore = "needs mpirun; `.ci/mpi` runs it"]
fn a_run_whose_rank_is_killed_goes_on_with_another_number_of_ranks() {
    lose(4, Loss::Killed);
}

#[test]
#[ignore = "needs mpirun; a measurement, by hand"]
fn by_hand_what_a_reduction_costs() {
    for ranks in [2, 4] {
        println!("{}", text(&finish(ranks, "costs", tempfile::tempdir().unwrap().path())));
    }
}

#[test]
#[ignore = "needs mpirun and minutes; by hand"]
fn by_hand_a_run_is_killed_at_fifty_moments() {
    lose(50, Loss::Killed);
}

#[test]
#[ignore = "needs mpirun, `ip`, `unshare` and minutes; by hand"]
fn by_hand_a_rank_on_a_machine_of_its_own_is_killed() {
    lose(50, Loss::KilledApart);
}

#[test]
#[ignore = "needs mpirun, `ip`, `unshare` and minutes; by hand"]
fn by_hand_a_rank_on_a_machine_of_its_own_is_cut_off() {
    lose(50, Loss::Cut);
}
