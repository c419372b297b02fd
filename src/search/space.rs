//! What settings there are to choose from.

use rand::{RngExt, SeedableRng};

use super::{Trial, Value, table};
use crate::error::{Error, Result};
use crate::random::Rng;

/// Named settings, each with the values that it may have.
///
/// # Errors
/// none when it is made; [`Search::run`](super::Search::run) refuses a setting without a name or twice, a list without
/// values, and a range that does not go up or, if logarithmic, is not positive
/// # Example
/// ```
/// use gradus::search::Space;
/// let space = Space::new()
///     .log_range("rate", 1e-4, 1e-1)
///     .range("dropout", 0.0, 0.5)
///     .integers("layers", 1, 4)
///     .list("units", [32, 64, 128])
///     .list("optimizer", ["adam", "sgd"]);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Space {
    settings: Vec<(String, Values)>,
}

/// The values of a setting.
#[derive(Clone, Debug)]
enum Values {
    List(Vec<Value>),
    Range(f64, f64),
    LogRange(f64, f64),
    Integers(i64, i64),
}

impl Space {
    /// Creates a space without settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a setting that has one of these values, numbers or words.
    #[doc(alias = "choice")]
    pub fn list<V: Into<Value>>(self, name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        self.add(name.into(), Values::List(values.into_iter().map(Into::into).collect()))
    }

    /// Adds a setting from `low` to `high`.
    #[doc(alias = "uniform")]
    pub fn range(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.add(name.into(), Values::Range(low, high))
    }

    /// Adds a setting from `low` to `high` whose logarithm is drawn evenly, such as a learning rate.
    #[doc(alias = "loguniform")]
    pub fn log_range(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.add(name.into(), Values::LogRange(low, high))
    }

    /// Adds a whole number from `low` to `high`, both among them.
    pub fn integers(self, name: impl Into<String>, low: i64, high: i64) -> Self {
        self.add(name.into(), Values::Integers(low, high))
    }

    fn add(mut self, name: String, values: Values) -> Self {
        self.settings.push((name, values));
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a setting is drawn evenly by its logarithm.
    #[cfg(feature = "plot")]
    pub(crate) fn is_logarithmic(&self, name: &str) -> bool {
        self.settings.iter().any(|(known, values)| known == name && matches!(values, Values::LogRange(..)))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.settings.is_empty() {
            return Err(Error::value(
                "search: expected a space with at least one setting, got none; add a `range` or `list`",
            ));
        }
        for (i, (name, values)) in self.settings.iter().enumerate() {
            if name.is_empty() || table::OWN.contains(&name.as_str()) || self.names().take(i).any(|other| other == name)
            {
                let own = table::OWN.join("`, `");
                return Err(Error::value(format!(
                    "search: expected a name of its own for each setting, other than `{own}`, got `{name}`"
                )));
            }
            values.check(name)?;
        }
        Ok(())
    }

    /// How many combinations a grid has; `None` if they are too many to count.
    pub(super) fn grid_len(&self, points: usize) -> Result<Option<usize>> {
        if points == 0 {
            return Err(Error::value("search: expected at least 1 point in a range of the grid, got 0"));
        }
        Ok(self.settings.iter().try_fold(1, |all: usize, (_, values)| all.checked_mul(values.grid_len(points))))
    }

    /// All combinations, the last setting changing fastest.
    pub(super) fn grid(&self, points: usize, count: usize, seed: u64) -> Vec<Trial> {
        let mut rng = Rng::seed_from_u64(seed);
        let trial = |number: usize| {
            let mut rest = number;
            let mut value = |(name, values): &(String, Values)| {
                let len = values.grid_len(points);
                let place = rest % len;
                rest /= len;
                (name.clone(), values.grid_value(place, len))
            };
            let mut values: Vec<_> = self.settings.iter().rev().map(&mut value).collect();
            values.reverse();
            Trial::new(number + 1, rng.random(), values)
        };
        (0..count).map(trial).collect()
    }

    /// Random combinations; fewer of them are the first of more.
    pub(super) fn random(&self, count: usize, seed: u64) -> Vec<Trial> {
        let mut rng = Rng::seed_from_u64(seed);
        let trial = |number: usize| {
            let seed = rng.random();
            let values = self.settings.iter().map(|(name, values)| (name.clone(), values.draw(&mut rng))).collect();
            Trial::new(number + 1, seed, values)
        };
        (0..count).map(trial).collect()
    }
}

impl Values {
    fn check(&self, name: &str) -> Result<()> {
        let fail = |expected: &str, got: String| {
            Err(Error::value(format!("search: expected {expected} for `{name}`, got {got}")))
        };
        match self {
            Self::List(list) if list.is_empty() => fail("at least one value", "an empty list".into()),
            Self::List(list)
                if list.iter().any(|value| matches!(value, Value::Number(number) if !number.is_finite())) =>
            {
                fail("finite numbers", format!("{list:?}"))
            }
            Self::Range(low, high) if !(low < high && (high - low).is_finite()) => {
                fail("a range from low to high", format!("{low} to {high}"))
            }
            Self::LogRange(low, high) if !(*low > 0.0 && low < high && high.is_finite()) => {
                fail("a range from low to high above 0, since it is logarithmic,", format!("{low} to {high}"))
            }
            // Beyond, not every whole number is a `f64`.
            Self::Integers(low, high) if low > high || low.unsigned_abs().max(high.unsigned_abs()) > 1 << 53 => {
                fail("whole numbers from low to high, at most 2^53,", format!("{low} to {high}"))
            }
            _ => Ok(()),
        }
    }

    fn grid_len(&self, points: usize) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Integers(low, high) => points.min(high.abs_diff(*low) as usize + 1),
            _ => points,
        }
    }

    /// One of `len` values, evenly spaced; the middle if there is but one.
    fn grid_value(&self, place: usize, len: usize) -> Value {
        let share = if len > 1 { place as f64 / (len - 1) as f64 } else { 0.5 };
        match self {
            Self::List(list) => list[place].clone(),
            _ => self.at(share),
        }
    }

    fn draw(&self, rng: &mut Rng) -> Value {
        match self {
            Self::List(list) => list[rng.random_range(0..list.len())].clone(),
            Self::Integers(low, high) => Value::Number(rng.random_range(*low..=*high) as f64),
            _ => self.at(rng.random()),
        }
    }

    /// The value at a share of the way from the low end to the high one.
    fn at(&self, share: f64) -> Value {
        Value::Number(match self {
            Self::List(_) => f64::NAN,
            Self::Range(low, high) => low + share * (high - low),
            // By `libm`, whose digits are the same on every machine.
            Self::LogRange(low, high) => (low * libm::pow(high / low, share)).clamp(*low, *high),
            Self::Integers(low, high) => (*low as f64 + share * (*high - *low) as f64).round(),
        })
    }
}
