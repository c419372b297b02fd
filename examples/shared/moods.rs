//! Sentences from film reviews, and whether they are good.

use std::path::Path;

use gradus::{Error, Result};

/// Sentences with their ratings, of which only the sign counts; a few of its own to see that all of it works.
pub fn read(path: &Path, smoke: bool) -> Result<Vec<(String, bool)>> {
    if smoke {
        let (moods, films) = (["wonderful", "moving", "dull", "terrible"], ["film", "story", "plot", "cast"]);
        let pairs = moods.iter().enumerate().flat_map(|(i, mood)| films.map(|film| (i, *mood, film)));
        let sentences = pairs.map(|(i, mood, film)| (format!("What a {mood} {film} this is!"), i < 2));
        let sentences: Vec<_> = sentences.collect();
        return Ok((0..20).flat_map(|_| sentences.clone()).collect());
    }
    let bytes = std::fs::read(path).map_err(|error| {
        Error::file(path, format!("{error}; the head of this example says where to get it, `--smoke` needs none"))
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().map(|(number, line)| {
        let mut columns = line.splitn(3, '\t').skip(1);
        match (columns.next().and_then(|rating| rating.trim().parse::<f64>().ok()), columns.next()) {
            (Some(rating), Some(sentence)) => Ok((sentence.to_string(), rating > 0.0)),
            _ => Err(Error::file(path, format!("line {}: expected a number, a rating and a text", number + 1))),
        }
    });
    lines.collect()
}
