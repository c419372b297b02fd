//! Texts as ids of tokens, through `tokenizers`.

use std::path::{Path, PathBuf};

use tokenizers::{EncodeInput, Encoding, PostProcessor, TruncationParams};

use super::config::read;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, tensor};

/// Cuts texts into tokens, as a `tokenizer.json` of Hugging Face says.
///
/// # Shapes
/// [`Tokenizer::encode`] gives ids `[texts, time]`, [`Tokenizer::encode_pairs`] ids and token types `[pairs, time, 2]`; shorter
/// ones are padded, so that a [`Bert`](super::Bert) takes them
/// # Defaults
/// cut where the file says so; padded up to the longest text, with the file's padding token, or else `[PAD]` or `<pad>`
/// # Errors
/// a file that cannot be read or is no tokenizer; texts of unequal length where there is no padding token
/// # Example
/// ```no_run
/// use gradus::{models::*, prelude::*};
/// let bert = Bert::from_folder("all-MiniLM-L6-v2")?.for_sentence_embedding();
/// let tokenizer = Tokenizer::from_folder("all-MiniLM-L6-v2")?;
/// let ids = tokenizer.encode(&["A man eats.", "A person is having a meal."])?;
/// let vectors = bert.forward(&Tape::inference().input(ids))?;
/// println!("{}", (vectors.index_axis(0, 0)? * vectors.index_axis(0, 1)?).sum().item());
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// <https://docs.rs/tokenizers>
#[doc(alias = "BertTokenizer")]
#[doc(alias = "AutoTokenizer")]
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// That of a folder with a `tokenizer.json`.
    ///
    /// # Errors
    /// a file that cannot be read or is no tokenizer
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        Self::open(folder.as_ref().join("tokenizer.json"))
    }

    /// That of a file such as `tokenizer.json`.
    ///
    /// # Errors
    /// a file that cannot be read or is no tokenizer
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let inner = tokenizers::Tokenizer::from_bytes(read(&path)?)
            .map_err(|error| Error::file(&path, format!("is no tokenizer of Hugging Face: {error}")))?;
        Ok(Self { path, inner })
    }

    /// Cuts texts after so many tokens, those counted that begin and end them.
    ///
    /// # Errors
    /// a length that leaves no token of a pair of texts
    pub fn max_length(mut self, length: usize) -> Result<Self> {
        let added = self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(true));
        if length < added + 2 {
            return Err(Error::value(format!("expected a length of at least {}, got {length}", added + 2)));
        }
        let cut = TruncationParams { max_length: length, ..TruncationParams::default() };
        self.inner.with_truncation(Some(cut)).map_err(|error| Error::file(&self.path, error))?;
        Ok(self)
    }

    /// How many tokens there are.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The ids of texts, `[texts, time]`, with the tokens that begin and end them.
    ///
    /// # Errors
    /// texts of unequal length where there is no padding token
    pub fn encode<T: AsRef<str>>(&self, texts: &[T]) -> Result<Tensor> {
        let all = self.encodings(texts.iter().map(|text| text.as_ref().into()))?;
        let time = longest(&all);
        self.padded(&all, &[all.len(), time], |encoding, i| [encoding.get_ids()[i]])
    }

    /// Ids and token types of pairs of texts, `[pairs, time, 2]`: type 0 for the first text of each and 1 for the second.
    ///
    /// # Errors
    /// pairs of unequal length where there is no padding token
    pub fn encode_pairs<T: AsRef<str>, U: AsRef<str>>(&self, pairs: &[(T, U)]) -> Result<Tensor> {
        let all = self.encodings(pairs.iter().map(|(one, other)| (one.as_ref(), other.as_ref()).into()))?;
        let time = longest(&all);
        self.padded(&all, &[all.len(), time, 2], |encoding, i| [encoding.get_ids()[i], encoding.get_type_ids()[i]])
    }

    /// The ids of one text, without tokens that begin and end it.
    ///
    /// # Errors
    /// a text that the tokenizer refuses
    pub fn ids(&self, text: &str) -> Result<Vec<usize>> {
        let encoding = self.inner.encode(text, false).map_err(|error| self.fail(error))?;
        Ok(real(&encoding).map(|i| encoding.get_ids()[i] as usize).collect())
    }

    /// The text of ids, without tokens that begin, end and pad texts.
    ///
    /// # Errors
    /// an id that there is not
    pub fn decode(&self, ids: &[usize]) -> Result<String> {
        let known = |id: &usize| u32::try_from(*id).ok().filter(|id| self.inner.id_to_token(*id).is_some());
        let ids = ids.iter().map(|id| known(id).ok_or_else(|| self.fail(format!("there is no token {id}"))));
        let ids: Vec<u32> = ids.collect::<Result<_>>()?;
        self.inner.decode(&ids, true).map_err(|error| self.fail(error))
    }

    fn fail(&self, error: impl std::fmt::Display) -> Error {
        Error::file(&self.path, error)
    }

    fn encodings<'t>(&self, texts: impl Iterator<Item = EncodeInput<'t>>) -> Result<Vec<Encoding>> {
        self.inner.encode_batch(texts.collect(), true).map_err(|error| self.fail(error))
    }

    fn padding_id(&self) -> Option<u32> {
        let named = || ["[PAD]", "<pad>"].iter().find_map(|token| self.inner.token_to_id(token));
        self.inner.get_padding().map(|padding| padding.pad_id).or_else(named)
    }

    /// The numbers of each token, and those of a padding token with type 0 behind shorter texts.
    fn padded<const N: usize>(
        &self,
        all: &[Encoding],
        shape: &[usize],
        of: impl Fn(&Encoding, usize) -> [u32; N],
    ) -> Result<Tensor> {
        let mut numbers: Vec<Float> = Vec::with_capacity(shape.iter().product());
        for encoding in all {
            let before = numbers.len();
            numbers.extend(real(encoding).flat_map(|i| of(encoding, i)).map(|id| id as Float));
            for _ in (numbers.len() - before) / N..shape[1] {
                let padding = self.padding_id().ok_or_else(|| {
                    self.fail("has no padding token, which texts of unequal length need; encode them one by one")
                })?;
                let mut padding = Some(padding as Float);
                numbers.extend([0.0; N].map(|zero| padding.take().unwrap_or(zero)));
            }
        }
        Ok(tensor(shape, numbers))
    }
}

/// The places of the tokens that are no padding, which some files want up to a fixed length.
fn real(encoding: &Encoding) -> impl Iterator<Item = usize> {
    encoding.get_attention_mask().iter().enumerate().filter(|(_, real)| **real == 1).map(|(i, _)| i)
}

fn longest(all: &[Encoding]) -> usize {
    all.iter().map(|encoding| real(encoding).count()).max().unwrap_or(0)
}
