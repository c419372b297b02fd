//! Ratings of films, with what is known of people and films: MovieLens 100k as RecBole lays it out.

use std::path::Path;

use gradus::ndarray::{self, Array2, Axis, s};
use gradus::{Error, Float, Result};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A rating.
#[derive(Clone, Copy)]
pub struct Rating {
    pub user: usize,
    pub item: usize,
    pub stars: Float,
    pub time: u64,
}

/// All that is known of people and films; a row for each.
pub struct Films {
    pub ratings: Vec<Rating>,
    pub titles: Vec<String>,
    pub people: Array2<Float>,
    pub films: Array2<Float>,
}

impl Films {
    /// All ratings but the last one of each person, and these.
    pub fn last_of_each(&self) -> (Vec<Rating>, Vec<Rating>) {
        let mut last: Vec<Option<Rating>> = vec![None; self.people.nrows()];
        for rating in &self.ratings {
            let own = &mut last[rating.user];
            if own.is_none_or(|own| rating.time >= own.time) {
                *own = Some(*rating);
            }
        }
        let is_last = |rating: &&Rating| last[rating.user].is_some_and(|own| own.item == rating.item);
        let known = self.ratings.iter().filter(|rating| !is_last(rating)).copied().collect();
        (known, last.into_iter().flatten().collect())
    }
}

/// Columns of 0 and 1 for words, divided so that rows with several count as much as those with one.
fn words(rows: &[Vec<&str>]) -> Array2<Float> {
    let mut all: Vec<&str> = rows.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    Array2::from_shape_fn((rows.len(), all.len()), |(row, column)| {
        let own = &rows[row];
        if own.contains(&all[column]) { 1.0 / (own.len() as Float).sqrt() } else { 0.0 }
    })
}

/// The columns of a file of RecBole, without its head, in the order of its first column.
fn columns(path: &Path) -> Result<Vec<Vec<String>>> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let row = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<String>>();
    let rows: Vec<Vec<String>> = text.lines().skip(1).map(row).collect();
    match rows.iter().all(|row| row.len() >= 4) {
        true => Ok(rows),
        false => Err(Error::file(path, "expected four columns or more, separated by tabs")),
    }
}

fn number(path: &Path, text: &str) -> Result<Float> {
    text.trim().parse().map_err(|_| Error::file(path, format!("expected a number, got `{text}`")))
}

/// Reads `ml-100k.inter`, `.item` and `.user` of a folder.
pub fn read(folder: &Path) -> Result<Films> {
    let path = |ending: &str| folder.join(format!("ml-100k.{ending}"));
    let (mut people, mut films) = (columns(&path("user"))?, columns(&path("item"))?);
    for rows in [&mut people, &mut films] {
        rows.sort_by_key(|row| row[0].parse::<usize>().unwrap_or(usize::MAX));
    }
    let mut ratings = Vec::new();
    for row in columns(&path("inter"))? {
        let place = |column: usize| number(&path("inter"), &row[column]).map(|id| id as usize - 1);
        let time = row[3].trim().parse().unwrap_or(0);
        ratings.push(Rating { user: place(0)?, item: place(1)?, stars: number(&path("inter"), &row[2])?, time });
    }
    let scaled = |rows: &[Vec<String>], column: usize, middle: Float, width: Float| {
        let number = |row: &Vec<String>| row[column].trim().parse().unwrap_or(middle);
        Array2::from_shape_fn((rows.len(), 1), |(row, _)| (number(&rows[row]) - middle) / width)
    };
    let join = |parts: &[&Array2<Float>]| {
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(1), &views).map_err(|error| Error::shape(error.to_string()))
    };
    let person: Vec<Vec<&str>> = people.iter().map(|row| vec![row[2].as_str(), row[3].as_str()]).collect();
    let genres: Vec<Vec<&str>> = films.iter().map(|row| row[3].split(' ').collect()).collect();
    let ones = Array2::ones((films.len(), 1));
    Ok(Films {
        ratings,
        titles: films.iter().map(|row| format!("{} ({})", row[1], row[2])).collect(),
        people: join(&[&scaled(&people, 1, 33.0, 12.0), &words(&person)])?,
        films: join(&[&scaled(&films, 2, 1990.0, 10.0), &ones, &words(&genres)])?,
    })
}

/// People of two tastes and films of two kinds.
pub fn invent() -> Films {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut ratings = Vec::new();
    for user in 0..80 {
        for item in 0..60 {
            if rng.random_bool(0.4) {
                let stars = if user % 2 == item % 2 { rng.random_range(3..=5) } else { rng.random_range(1..=3) };
                ratings.push(Rating { user, item, stars: stars as Float, time: rng.random_range(0..1000) });
            }
        }
    }
    let ones = |rows: usize| Array2::ones((rows, 1));
    let titles = (0..60).map(|item| format!("Film {item}, kind {}", item % 2)).collect();
    Films { ratings, titles, people: ones(80), films: ones(60) }
}

/// Ratings as rows for each person: stars above the mean, and where there are any.
pub struct Table {
    pub mean: Float,
    pub stars: Array2<Float>,
    pub known: Array2<Float>,
    /// Known films and their stars, each divided by the root of how many there are.
    pub history: Array2<Float>,
}

impl Table {
    pub fn new(all: &Films, ratings: &[Rating]) -> Self {
        let shape = (all.people.nrows(), all.films.nrows());
        let mean = ratings.iter().map(|rating| rating.stars).sum::<Float>() / ratings.len() as Float;
        let (mut stars, mut known) = (Array2::zeros(shape), Array2::zeros(shape));
        for rating in ratings {
            stars[[rating.user, rating.item]] = rating.stars - mean;
            known[[rating.user, rating.item]] = 1.0;
        }
        let mut history = Array2::zeros((shape.0, 2 * shape.1));
        history.slice_mut(s![.., ..shape.1]).assign(&known);
        history.slice_mut(s![.., shape.1..]).assign(&stars);
        for (mut row, known) in history.outer_iter_mut().zip(known.outer_iter()) {
            row /= known.sum().max(1.0).sqrt();
        }
        Self { mean, stars, known, history }
    }
}
