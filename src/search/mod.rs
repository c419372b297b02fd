//! A search for good settings: grids, random draws, successive halving; seeded, resumable, with its table and picture.
//!
//! ```
//! use gradus::prelude::*;
//! use gradus::search::{Search, Space};
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("search.csv");
//! let x = ndarray::Array2::from_shape_fn((64, 1), |(i, _)| i as f32 / 32.0 - 1.0);
//! let y = x.mapv(|x| (3.0 * x).sin());
//! let space = Space::new().log_range("rate", 1e-4, 1e-1).list("units", [4, 16]);
//! let results = Search::random(space, 9).epochs(9).halving(3).seed(1).file(&file).run(|trial| {
//!     let mut model = Sequential::new()
//!         .add(Dense::new(trial.integer("units")?).activation(Tanh))
//!         .add(Dense::new(1))
//!         .compile(Adam::new(trial.real("rate")?), MeanSquaredError)
//!         .seed(trial.seed());
//!     let fit = Fit::epochs(trial.budget()).validation_split(0.25).progress(false);
//!     model.fit(&(&x, &y), fit)
//! })?;
//! // 9 trials of 1 epoch, the best 3 of them for 3 epochs, the best of these for 9.
//! assert_eq!(results.records().len(), 9 + 3 + 1);
//! println!("{}", results.best().expect("a trial that did not fail").trial());
//! # Ok::<(), gradus::Error>(())
//! ```

mod outcome;
mod results;
mod space;
mod table;
mod trial;
mod value;

pub use outcome::Outcome;
pub use results::{Record, Results};
pub use space::Space;
pub use trial::Trial;
pub use value::Value;

use std::path::PathBuf;

use crate::config::settings;
use crate::error::{Error, Result};
use crate::training::callbacks::Watched;

settings! {
    /// Tries settings of a [`Space`], and finds the best by one figure.
    ///
    /// With [`halving`](Search::halving) all settings are tried for few epochs, and the best of them again for more. A
    /// trial that fails is recorded with its message, and the search continues.
    ///
    /// With a [`file`](Search::file), the table is written after each trial. The same search with the same file continues where
    /// it was stopped, and ends with the same table; one with more random trials continues too, unless it halves.
    ///
    /// # Defaults
    /// 10 epochs, no halving, watches `val_loss`, seed 0, no file
    /// # Errors
    /// a space without settings, or with such as make no sense; no trials or more than 100,000; 0 epochs; a factor below 2; a
    /// a watched figure whose [direction](Watched) is not known; a file that cannot be written, or is another search's; a trial that does not give the watched figure
    /// # Example
    /// see [the module](crate::search)
    /// # Reference
    /// Bergstra & Bengio 2012 for random search; Jamieson & Talwalkar 2016 for successive halving
    #[doc(alias = "KerasTuner")]
    #[derive(Debug)]
    pub struct Search private (space: [Space], draw: [Draw]) {
        /// For how many epochs a trial may train; the most, if the search halves.
        epochs: [usize] = 10,
        /// Tries all settings for few epochs, and continues with the best: each time one in `factor`, for `factor` times
        /// the epochs. 3 is usual.
        #[doc(alias = "Hyperband")]
        halving: [option usize] = None,
        /// Which figure counts. Where trials give a mere number, this is its name. Of a figure that is not a loss, say which
        /// way it gets better: `Watched::new("val_accuracy").direction(Direction::Higher)`.
        #[doc(alias = "objective")]
        watch: [into Watched] = Watched::new("val_loss"),
        /// The seed of random settings and of [`Trial::seed`].
        seed: [u64] = 0,
        /// Keeps the table in this CSV file, and resumes from what is in there.
        file: [some PathBuf] = None,
    }
}

/// Where settings come from.
#[derive(Debug)]
enum Draw {
    Grid { points: usize },
    Random { trials: usize },
}

/// The most trials of a search.
const MOST: usize = 100_000;

impl Search {
    /// Creates a search that tries all combinations: each value of a list, and this many points of a range, its ends
    /// among them.
    pub fn grid(space: Space, points: usize) -> Self {
        Self::declared(space, Draw::Grid { points })
    }

    /// Creates a search that tries this many random combinations.
    pub fn random(space: Space, trials: usize) -> Self {
        Self::declared(space, Draw::Random { trials })
    }

    /// Runs the trials, one after another: `work` trains for [`Trial::budget`] epochs, and gives the figure that counts, all
    /// [`Logs`](crate::training::Logs), or the [`History`](crate::training::History), whose last epoch counts.
    ///
    /// # Errors
    /// those of [`Search`]
    pub fn run<O: Outcome>(&self, mut work: impl FnMut(&Trial) -> Result<O>) -> Result<Results> {
        let trials = self.trials()?;
        let mut results = Results::new(self.space.clone(), &self.watch)?;
        self.file.as_ref().map_or(Ok(()), crate::files::check_folder)?;
        let stored = self.file.as_ref().map_or(Ok(Vec::new()), |file| table::read(file, &self.space))?;
        let mut stored = stored.into_iter();
        let mut going: Vec<usize> = (0..trials.len()).collect();
        for (places, budget) in self.rounds(trials.len())? {
            going.truncate(places);
            going.sort_unstable();
            for number in going.iter().copied() {
                let trial = trials[number].clone().for_epochs(budget);
                if let Some(row) = stored.next() {
                    results.push(row.record(trial, &self.watch)?);
                    continue;
                }
                let record = match work(&trial) {
                    Ok(outcome) => Record::new(trial, outcome.logs(self.watch.name()), &self.watch)?,
                    Err(error) => Record::failed(trial, &error),
                };
                results.push(record);
                if let Some(file) = &self.file {
                    crate::files::write_file(file, results.to_string().as_bytes())?;
                }
            }
            going = results.ranking(budget);
        }
        match stored.next() {
            Some(row) => Err(row.error("this search has no more trials")),
            None => Ok(results),
        }
    }

    /// All settings, numbered.
    fn trials(&self) -> Result<Vec<Trial>> {
        self.space.check()?;
        let count = match self.draw {
            Draw::Grid { points } => self.space.grid_len(points)?,
            Draw::Random { trials } => Some(trials),
        };
        let Some(count) = count.filter(|count| (1..=MOST).contains(count)) else {
            let got = count.map_or("more than can be counted".into(), |count| count.to_string());
            return Err(Error::value(format!("search: expected 1 to {MOST} trials, got {got}")));
        };
        Ok(match self.draw {
            Draw::Grid { points } => self.space.grid(points, count, self.seed),
            Draw::Random { .. } => self.space.random(count, self.seed),
        })
    }

    /// How many trials each round has, and of how many epochs.
    fn rounds(&self, trials: usize) -> Result<Vec<(usize, usize)>> {
        if self.epochs == 0 {
            return Err(Error::value("search: expected at least 1 epoch, got 0"));
        }
        let Some(factor) = self.halving else { return Ok(vec![(trials, self.epochs)]) };
        if factor < 2 {
            return Err(Error::value(format!(
                "search: expected halving by a factor of at least 2, got {factor}; 3 is usual"
            )));
        }
        let last = trials.ilog(factor).min(self.epochs.ilog(factor));
        Ok((0..=last).map(|round| (trials / factor.pow(round), self.epochs / factor.pow(last - round))).collect())
    }
}
