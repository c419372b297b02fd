//! Texts as numbers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ndarray::Array2;

use super::string_lookup::by_frequency;
use super::{PaddedSequences, StringLookup};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// Texts as sequences of word numbers, or as one vector each, by a vocabulary that is fitted on texts.
///
/// Words have numbers by their frequency, from 2 on; 0 is padding, and 1, `[UNK]`, any word that is not in the
/// vocabulary. Vectors have no place for padding: they begin with `[UNK]`.
///
/// # Defaults
/// lower case without ASCII punctuation, split at white space, single words, all words, sequences as long as the longest of a batch
/// # Errors
/// use before [`adapt`](Self::adapt); n-grams of 0 words; room for no word
/// # Example
/// ```
/// use gradus::preprocessing::TextVectorization;
/// let texts = ["The cat sat.", "The dog!"];
/// let mut words = TextVectorization::new();
/// words.adapt(texts)?;
/// assert_eq!(words.vocabulary(), ["", "[UNK]", "the", "sat", "dog", "cat"]);
/// assert_eq!(words.sequences(["the black cat"])?.sequences(), [[2, 1, 5]]);
/// let words = words.output_sequence_length(2);
/// assert_eq!(words.sequences(["the black cat"])?.batch(&[0])?, gradus::ndarray::array![[2.0, 1.0]].into_dyn());
/// assert_eq!(words.count(["the cat, the dog"])?.row(0).to_vec(), [0.0, 2.0, 0.0, 1.0, 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `TextVectorization`
#[derive(Clone)]
#[doc(alias = "Tokenizer")]
#[must_use]
pub struct TextVectorization {
    max_tokens: Option<usize>,
    ngrams: usize,
    output_sequence_length: Option<usize>,
    standardize: Arc<dyn Fn(&str) -> String + Send + Sync>,
    split: Arc<Split>,
    lookup: StringLookup,
    /// The inverse document frequency of each word, `[UNK]` first.
    idf: Vec<f64>,
}

impl std::fmt::Debug for TextVectorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextVectorization")
            .field("max_tokens", &self.max_tokens)
            .field("ngrams", &self.ngrams)
            .field("output_sequence_length", &self.output_sequence_length)
            .field("lookup", &self.lookup)
            .finish_non_exhaustive()
    }
}

type Split = dyn Fn(&str) -> Vec<String> + Send + Sync;

/// Padding and `[UNK]`.
const SPECIAL: usize = 2;

impl TextVectorization {
    /// Creates the layer with the defaults.
    pub fn new() -> Self {
        Self {
            max_tokens: None,
            ngrams: 1,
            output_sequence_length: None,
            standardize: Arc::new(lower_and_strip_punctuation),
            split: Arc::new(|text| text.split_whitespace().map(String::from).collect()),
            lookup: StringLookup::new([""; 0]),
            idf: Vec::new(),
        }
    }

    /// Keeps the most frequent words only: this many with padding and `[UNK]`, which count.
    pub fn max_tokens(mut self, count: usize) -> Self {
        self.max_tokens = Some(count);
        self
    }

    /// Makes words also of up to this many neighbours, joined by spaces; they follow the single words.
    pub fn ngrams(mut self, most: usize) -> Self {
        self.ngrams = most;
        self
    }

    /// Sets the length to which [`sequences`](Self::sequences) are padded and cut, at least 1, instead of that of the longest of a batch.
    pub fn output_sequence_length(mut self, length: usize) -> Self {
        self.output_sequence_length = Some(length);
        self
    }

    /// Sets what is done to a text first.
    pub fn standardize(mut self, function: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.standardize = Arc::new(function);
        self
    }

    /// Sets how a text becomes words; `|text| text.chars().map(String::from).collect()` makes characters of it.
    pub fn split(mut self, function: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.split = Arc::new(function);
        self
    }

    fn words(&self, text: &str) -> Vec<String> {
        let mut words = (self.split)(&(self.standardize)(text));
        if self.ngrams < 2 {
            return words;
        }
        let single = words.clone();
        for n in 2..=self.ngrams {
            words.extend(single.windows(n).map(|window| window.join(" ")));
        }
        words
    }

    /// Fits the vocabulary on texts: the most frequent word first, and of equally frequent ones the last in the alphabet, as
    /// in Keras.
    ///
    /// # Errors
    /// n-grams of 0 words; room for no word
    pub fn adapt<S: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = S>) -> Result<()> {
        if self.ngrams == 0 {
            return Err(Error::value("TextVectorization: expected n-grams of at least 1 word, got 0"));
        }
        let room = match self.max_tokens {
            Some(most) if most <= SPECIAL => {
                return Err(Error::value(format!(
                    "TextVectorization: expected room for at least 3 tokens, padding and `[UNK]` included, got {most}"
                )));
            }
            most => most.map_or(usize::MAX, |most| most - SPECIAL),
        };
        // How often, and in how many texts.
        let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
        let mut documents = 0;
        for text in texts {
            documents += 1;
            let mut seen = HashSet::new();
            for word in self.words(text.as_ref()) {
                let count = counts.entry(word.clone()).or_default();
                count.0 += 1;
                count.1 += usize::from(seen.insert(word));
            }
        }
        // An empty word would be taken for padding.
        counts.remove("");
        counts.remove("[UNK]");
        let mut counts: Vec<(String, (usize, usize))> = counts.into_iter().collect();
        by_frequency(&mut counts, |(count, _)| *count);
        counts.truncate(room);
        let idf = |count: usize| libm::log(1.0 + documents as f64 / (1.0 + count as f64));
        let known: Vec<f64> = counts.iter().map(|(_, (_, texts))| idf(*texts)).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        self.idf = std::iter::once(mean).chain(known).collect();
        self.set(counts.into_iter().map(|(word, _)| word));
        Ok(())
    }

    /// Takes a vocabulary that was fitted before, as [`vocabulary`](Self::vocabulary) gives it or without the first two.
    /// It has no weights for [`tf_idf`](Self::tf_idf).
    pub fn set_vocabulary<S: Into<String>>(&mut self, words: impl IntoIterator<Item = S>) {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        self.set(words.into_iter().filter(|word| !word.is_empty() && word != "[UNK]"));
        self.idf.clear();
    }

    fn set(&mut self, words: impl Iterator<Item = String>) {
        self.lookup = StringLookup::new(["".to_string(), "[UNK]".into()].into_iter().chain(words)).unknown_at(1);
    }

    /// Returns the words by number: padding, `[UNK]`, and the others. Empty before [`adapt`](Self::adapt).
    pub fn vocabulary(&self) -> &[String] {
        self.lookup.vocabulary()
    }

    fn numbers(&self, text: &str) -> Result<Vec<u32>> {
        if self.vocabulary().is_empty() {
            return Err(Error::value("TextVectorization: expected a vocabulary; call `adapt` with texts first"));
        }
        // A word that a custom split left empty is none.
        let words = self.words(text).into_iter().filter(|word| !word.is_empty());
        words.map(|word| self.lookup.lookup(&word).map(|number| number as u32)).collect()
    }

    /// Returns the word numbers of each text.
    ///
    /// # Errors
    /// no vocabulary yet
    pub fn sequences<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> Result<PaddedSequences> {
        let numbers = texts.into_iter().map(|text| self.numbers(text.as_ref())).collect::<Result<_>>()?;
        let sequences = PaddedSequences::new(numbers)?;
        Ok(match self.output_sequence_length {
            Some(length) => sequences.length(length),
            None => sequences,
        })
    }

    /// Returns how often each word occurs in each text, `[texts, words]`.
    ///
    /// # Errors
    /// no vocabulary yet
    pub fn count<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> Result<Array2<Float>> {
        let rows: Vec<Vec<u32>> = texts.into_iter().map(|text| self.numbers(text.as_ref())).collect::<Result<_>>()?;
        let mut counts = Array2::zeros((rows.len(), self.vocabulary().len().saturating_sub(1)));
        for (row, numbers) in rows.iter().enumerate() {
            numbers.iter().for_each(|number| counts[(row, *number as usize - 1)] += 1.0);
        }
        Ok(counts)
    }

    /// Whether each word occurs in each text, 1 or 0, `[texts, words]`.
    ///
    /// # Errors
    /// no vocabulary yet
    pub fn multi_hot<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> Result<Array2<Float>> {
        Ok(self.count(texts)?.mapv_into(|count| count.min(1.0)))
    }

    /// Returns how often each word occurs in each text, times `ln(1 + texts / (1 + texts with the word))` of the texts
    /// that the vocabulary was fitted on, `[texts, words]`.
    ///
    /// # Errors
    /// no vocabulary yet, or one that was set
    pub fn tf_idf<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> Result<Array2<Float>> {
        let mut counts = self.count(texts)?;
        if self.idf.is_empty() {
            return Err(Error::value(
                "TextVectorization: expected weights for `tf_idf`; call `adapt` with texts first",
            ));
        }
        for (mut column, idf) in counts.columns_mut().into_iter().zip(&self.idf) {
            column.mapv_inplace(|count| count * *idf as Float);
        }
        Ok(counts)
    }
}

impl Default for TextVectorization {
    fn default() -> Self {
        Self::new()
    }
}

fn lower_and_strip_punctuation(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect()
}
