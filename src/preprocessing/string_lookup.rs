//! Strings as numbers.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// Numbers for strings, and strings for numbers.
///
/// # Defaults
/// a string that is not in the vocabulary is an error
/// # Example
/// ```
/// use gradus::preprocessing::StringLookup;
/// let colours = StringLookup::adapt(["red", "blue", "red", "green"]);
/// assert_eq!(colours.vocabulary(), ["red", "green", "blue"]);
/// assert_eq!(colours.lookup("green")?, 1);
/// assert_eq!(colours.unknown("[UNK]").lookup("pink")?, 0);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `StringLookup`
#[derive(Clone, Debug)]
#[must_use]
pub struct StringLookup {
    vocabulary: Vec<String>,
    numbers: HashMap<String, usize>,
    unknown: Option<usize>,
}

impl StringLookup {
    /// Creates a lookup in which the strings of this vocabulary have the numbers from 0 on; one that occurs again has
    /// its first number.
    pub fn new<S: AsRef<str>>(vocabulary: impl IntoIterator<Item = S>) -> Self {
        let mut lookup = Self { vocabulary: Vec::new(), numbers: HashMap::new(), unknown: None };
        for string in vocabulary {
            let number = lookup.vocabulary.len();
            lookup.numbers.entry(string.as_ref().into()).or_insert(number);
            lookup.vocabulary.push(string.as_ref().into());
        }
        lookup
    }

    /// Creates a lookup of these values, the most frequent first, and of equally frequent ones the last in the
    /// alphabet, as in Keras.
    pub fn adapt<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for value in values {
            match counts.get_mut(value.as_ref()) {
                Some(count) => *count += 1,
                None => _ = counts.insert(value.as_ref().into(), 1),
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        by_frequency(&mut counts, |count| *count);
        Self::new(counts.into_iter().map(|(value, _)| value))
    }

    /// Creates a lookup of these values, in the order of the alphabet.
    pub fn sorted<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        let mut values: Vec<String> = values.into_iter().map(|value| value.as_ref().into()).collect();
        values.sort_unstable();
        values.dedup();
        Self::new(values)
    }

    /// Puts this string before the vocabulary, with number 0, for all strings that the vocabulary does not have.
    #[doc(alias = "oov_token")]
    pub fn unknown(self, token: &str) -> Self {
        let before = usize::from(self.unknown == Some(0));
        let vocabulary = self.vocabulary.into_iter().skip(before);
        Self { unknown: Some(0), ..Self::new(std::iter::once(token.to_string()).chain(vocabulary)) }
    }

    /// Which number stands for strings that the vocabulary does not have.
    pub(super) fn unknown_at(mut self, number: usize) -> Self {
        self.unknown = Some(number);
        self
    }

    /// Returns the number of a string.
    ///
    /// # Errors
    /// a string that the vocabulary does not have, unless there is an [`unknown`](Self::unknown) one
    pub fn lookup(&self, string: &str) -> Result<usize> {
        self.numbers.get(string).copied().or(self.unknown).ok_or_else(|| {
            let known = self.vocabulary.iter().take(5).map(|known| format!("`{known}`")).collect::<Vec<_>>();
            let more = if self.vocabulary.len() > 5 { ", ..." } else { "" };
            Error::value(format!(
                "StringLookup: expected one of the {} strings {}{more}, got `{string}`; call `unknown` to allow others",
                self.vocabulary.len(),
                known.join(", ")
            ))
        })
    }

    /// Returns the string of a number.
    pub fn string(&self, number: usize) -> Option<&str> {
        self.vocabulary.get(number).map(String::as_str)
    }

    /// Returns all strings, by number.
    pub fn vocabulary(&self) -> &[String] {
        &self.vocabulary
    }
}

/// Puts the most frequent strings first, and of equally frequent ones the last in the alphabet, as Keras does.
pub(super) fn by_frequency<C>(strings: &mut [(String, C)], count: impl Fn(&C) -> usize) {
    strings.sort_unstable_by(|(a, a_count), (b, b_count)| count(b_count).cmp(&count(a_count)).then_with(|| b.cmp(a)));
}
