//! Searches on functions whose best is known.

use gradus::callbacks::Watched;
use gradus::metrics::Direction;
use gradus::prelude::*;
use gradus::search::{Results, Search, Space};
use gradus::training::Logs;

/// Least at `x = 3`, and less for more epochs.
fn bowl(trial: &gradus::search::Trial) -> Result<f64> {
    Ok(f64::from(trial.real("x")? - 3.0).powi(2) + 1.0 / trial.budget() as f64)
}

fn space() -> Space {
    Space::new().range("x", 0.0, 6.0).list("word", ["a", "b, \"c\"\nd"])
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn a_grid_has_all_combinations() {
    let space = Space::new().range("x", 0.0, 6.0).integers("n", 1, 2).list("word", ["a", "b"]);
    let results = Search::grid(space, 3).run(bowl).unwrap();
    let trials: Vec<String> = results.records().iter().map(|record| record.trial().to_string()).collect();
    assert_eq!(trials.len(), 3 * 2 * 2);
    assert_eq!(trials[0], "x = 0, n = 1, word = a");
    assert_eq!(trials[1], "x = 0, n = 1, word = b");
    assert_eq!(trials[11], "x = 6, n = 2, word = b");
    assert_eq!(results.best().unwrap().trial().to_string(), "x = 3, n = 1, word = a");
}

#[test]
fn random_values_stay_in_their_ranges_and_follow_the_seed() {
    let space =
        || Space::new().log_range("rate", 1e-4, 1e-1).integers("n", -1, 1).list("k", [1, 2]).range("x", 0.0, 6.0);
    let rates = |seed, trials| -> Vec<Float> {
        let results = Search::random(space(), trials).seed(seed).run(|_| Ok(0.0)).unwrap();
        results.records().iter().map(|record| record.trial().real("rate").unwrap()).collect()
    };
    let all = rates(1, 300);
    assert_eq!((&all[..20], rates(2, 20) == all[..20]), (&rates(1, 20)[..], false));
    assert!(all.iter().all(|rate| (1e-4..=1e-1).contains(rate)));
    let low = all.iter().filter(|rate| **rate < 1e-3).count();
    assert!((70..130).contains(&low), "a third of the draws in each decade, got {low}");
    let results = Search::random(space(), 200).run(bowl).unwrap();
    for n in ["-1", "0", "1"] {
        let count =
            results.records().iter().filter(|record| record.trial().to_string().contains(&format!("n = {n},"))).count();
        assert!((40..95).contains(&count), "{count} of 200 have n = {n}");
    }
    let seeds: std::collections::HashSet<u64> = results.records().iter().map(|record| record.trial().seed()).collect();
    assert_eq!(seeds.len(), 200);
}

#[test]
fn halving_goes_on_with_the_best() {
    let results = Search::random(space(), 20).epochs(9).halving(3).run(bowl).unwrap();
    let count = |budget| results.records().iter().filter(|record| record.trial().budget() == budget).count();
    assert_eq!([count(1), count(3), count(9)], [20, 6, 2]);
    let mut distances: Vec<Float> =
        results.records()[..20].iter().map(|record| (record.trial().real("x").unwrap() - 3.0).abs()).collect();
    distances.sort_by(Float::total_cmp);
    assert_eq!((results.best().unwrap().trial().real("x").unwrap() - 3.0).abs(), distances[0]);
    // A figure that grows is best at its greatest.
    let inverse = Search::random(space(), 20)
        .epochs(9)
        .halving(3)
        .watch(Watched::new("accuracy").direction(Direction::Higher))
        .run(|trial| bowl(trial).map(|x| -x))
        .unwrap();
    assert_eq!(inverse.best().unwrap().trial(), results.best().unwrap().trial());
}

/// Fails where `x` is low, and gives no number where it is high.
fn failing(trial: &gradus::search::Trial) -> Result<Logs> {
    let x = f64::from(trial.real("x")?);
    if x < 1.0 {
        return Err(Error::value("too low, \"really\",\nso far"));
    }
    let mut logs = Logs::default();
    logs.set("val_loss", if x > 5.0 { f64::NAN } else { (x - 3.0).abs() });
    if x > 2.0 {
        logs.set("late", 0.1 + 0.2);
    }
    Ok(logs)
}

#[test]
fn failures_are_recorded_and_do_not_go_on() {
    let results = Search::random(space(), 30).epochs(9).halving(3).run(failing).unwrap();
    let failures: Vec<&str> = results.records().iter().filter_map(|record| record.failure()).collect();
    assert!(failures.contains(&"too low, \"really\",\nso far") && failures.contains(&"`val_loss` is NaN"));
    assert!(results.records()[30..].iter().all(|record| record.failure().is_none()));
    let none = Search::random(space(), 9).epochs(9).halving(3).run(|_| Err::<f64, _>(Error::value("no"))).unwrap();
    assert!(none.best().is_none() && none.records().len() == 9);
}

#[test]
fn a_stopped_search_ends_with_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let run = |file: &str, stop_after: usize| -> (usize, std::thread::Result<Results>) {
        let mut runs = 0;
        let search = Search::random(space(), 30).epochs(9).halving(3).seed(4).file(folder.path().join(file));
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let work = |trial: &gradus::search::Trial| {
                assert!(runs < stop_after, "stopped on purpose");
                runs += 1;
                failing(trial)
            };
            search.run(work).unwrap()
        }));
        (runs, stopped)
    };
    let text = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    let (all, results) = run("whole.csv", usize::MAX);
    assert_eq!(text("whole.csv"), results.unwrap().to_string());
    for stop_after in [1, 7, 34] {
        assert!(run("stopped.csv", stop_after).1.is_err());
        let (rest, results) = run("stopped.csv", usize::MAX);
        assert_eq!((rest, text("stopped.csv")), (all - stop_after, text("whole.csv")));
        assert_eq!(results.unwrap().best().unwrap().logs()["late"], 0.1 + 0.2);
        std::fs::remove_file(folder.path().join("stopped.csv")).unwrap();
    }
    // A random search that does not halve may grow.
    let grown = |trials| Search::random(space(), trials).file(folder.path().join("grown.csv")).run(bowl).unwrap();
    assert_eq!((grown(5).records(), grown(8).records().len()), (&grown(8).records()[..5], 8));
}

#[test]
fn files_of_others_are_refused_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.csv");
    let search = |seed| Search::random(Space::new().range("x", 0.0, 6.0), 3).seed(seed).file(&path);
    search(1).run(bowl).unwrap();
    let by_accuracy = || Watched::new("accuracy").direction(Direction::Higher);
    let good = std::fs::read(&path).unwrap();
    assert!(message(search(2).run(bowl)).contains("search.csv: row 2: expected 1, 10, "));
    assert!(message(search(2).run(bowl)).ends_with("choose another file, or the settings that it was made with"));
    let fewer = Search::random(Space::new().range("x", 0.0, 6.0), 2).seed(1).file(&path);
    assert!(message(fewer.run(bowl)).contains("row 4: this search has no more trials; choose another file"));
    assert!(message(search(1).watch(by_accuracy()).run(bowl)).contains("row 2: no figure named `accuracy` to watch"));
    let other = Search::random(Space::new().range("y", 0.0, 6.0), 3).file(&path).run(|_| Ok(0.0));
    assert!(message(other).contains(
        "expected the table of this search, with columns trial, epochs, y, figures, failure, got columns trial, epochs, x, \
         val_loss, failure; choose another file"
    ));
    assert_eq!(std::fs::read(&path).unwrap(), good);
    for bad in
        [&b""[..], b"trial", b"\xff\xfe", b"trial,epochs,x,failure\n1,2\n", b"trial,epochs,x,a,failure\n1,10,3,\"b"]
    {
        std::fs::write(&path, bad).unwrap();
        assert!(message(search(1).run(bowl)).contains("search.csv: "));
        assert_eq!(std::fs::read(&path).unwrap(), bad);
    }
    let nowhere = Search::random(space(), 1).file(folder.path().join("none/search.csv")).run(bowl);
    assert!(message(nowhere).contains("cannot be written"));
}

#[test]
fn spaces_and_settings_that_make_no_sense() {
    let run = |space: Space| message(Search::random(space, 3).run(|_| Ok(0.0)));
    let new = Space::new;
    assert_eq!(run(new()), "search: expected a space with at least one setting, got none; add a `range` or `list`");
    for name in ["", "trial", "failure", "x"] {
        let expected = format!(
            "search: expected a name of its own for each setting, other than `trial`, `epochs`, `failure`, got `{name}`"
        );
        assert_eq!(run(new().range("x", 0.0, 1.0).range(name, 0.0, 1.0)), expected);
    }
    assert_eq!(run(new().list("x", [0.0; 0])), "search: expected at least one value for `x`, got an empty list");
    assert_eq!(run(new().list("x", [f64::NAN])), "search: expected finite numbers for `x`, got [Number(NaN)]");
    for (low, high, text) in [(1.0, 1.0, "1 to 1"), (0.0, f64::INFINITY, "0 to inf"), (f64::NAN, 1.0, "NaN to 1")] {
        assert_eq!(
            run(new().range("x", low, high)),
            format!("search: expected a range from low to high for `x`, got {text}")
        );
    }
    assert_eq!(
        run(new().log_range("x", 0.0, 1.0)),
        "search: expected a range from low to high above 0, since it is logarithmic, for `x`, got 0 to 1"
    );
    for (low, high) in [(2, 1), (0, i64::MAX), (i64::MIN, 0)] {
        assert!(run(new().integers("x", low, high)).starts_with("search: expected whole numbers from low to high"));
    }
    let one = || new().range("x", 0.0, 1.0);
    assert_eq!(message(Search::random(one(), 0).run(|_| Ok(0.0))), "search: expected 1 to 100000 trials, got 0");
    assert_eq!(
        message(Search::random(one(), usize::MAX).run(|_| Ok(0.0))),
        format!("search: expected 1 to 100000 trials, got {}", usize::MAX)
    );
    assert_eq!(
        message(Search::grid(one().range("y", 0.0, 1.0), usize::MAX).run(|_| Ok(0.0))),
        "search: expected 1 to 100000 trials, got more than can be counted"
    );
    assert_eq!(
        message(Search::grid(one(), 0).run(|_| Ok(0.0))),
        "search: expected at least 1 point in a range of the grid, got 0"
    );
    assert_eq!(
        message(Search::random(one(), 3).epochs(0).run(|_| Ok(0.0))),
        "search: expected at least 1 epoch, got 0"
    );
    assert_eq!(
        message(Search::random(one(), 3).halving(1).run(|_| Ok(0.0))),
        "search: expected halving by a factor of at least 2, got 1; 3 is usual"
    );
    assert!(
        message(Search::random(one(), 3).run(|_| Ok(Logs::default())))
            .starts_with("no figure named `val_loss` to watch")
    );
    let asked = |work: fn(&gradus::search::Trial) -> Result<()>| {
        let mut text = String::new();
        let space = new().list("word", ["a"]).list("x", [0.5]);
        Search::random(space, 1)
            .run(|trial| {
                text = message(work(trial));
                Ok(0.0)
            })
            .unwrap();
        text
    };
    assert_eq!(asked(|trial| trial.real("word").map(|_| ())), "expected a number for `word`, got `a`; use `text`");
    assert_eq!(asked(|trial| trial.text("x").map(|_| ())), "expected a word for `x`, got 0.5; use `real`");
    assert_eq!(asked(|trial| trial.integer("x").map(|_| ())), "expected a whole number from 0 on for `x`, got 0.5");
    assert_eq!(
        asked(|trial| trial.real("y").map(|_| ())),
        "the space of the search has no setting `y`; there are: word, x"
    );
}

#[cfg(feature = "plot")]
#[test]
fn its_picture_has_a_panel_for_each_setting() {
    let space = Space::new().log_range("x", 1.0, 6.0).list("word", ["a", "b"]);
    let results = Search::random(space, 9).epochs(9).halving(3).run(bowl).unwrap();
    let text = gradus::plot::Figure::from(&results).svg().unwrap();
    for part in ["word", "1 epoch", "9 epochs", "val loss"] {
        assert!(text.contains(part), "{part}");
    }
}
