//! Texts as ids of tokens, through `tokenizers`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::{EncodeInput, Encoding, PostProcessor, TruncationParams};

use super::config::read;
use super::tokenizer_file;
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
/// a file that cannot be read or is not a tokenizer; texts of unequal length where there is no padding token
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
#[derive(Debug)]
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
    /// The token behind shorter texts, if the file says which.
    padding: Option<u32>,
    lowercase: bool,
}

impl Tokenizer {
    /// Opens the `tokenizer.json` of a folder. Where that has a `sentence_bert_config.json`, texts are cut after as many tokens as it
    /// says (`max_seq_length`), and in small letters if it says so (`do_lower_case`).
    ///
    /// # Errors
    /// those of [`Tokenizer::open`], for either file
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let tokenizer = Self::open(folder.as_ref().join("tokenizer.json"))?;
        let path = folder.as_ref().join("sentence_bert_config.json");
        if path.exists() { tokenizer.for_sentences(&path) } else { Ok(tokenizer) }
    }

    /// Opens a file such as `tokenizer.json`.
    ///
    /// # Errors
    /// a file that cannot be read or is not a tokenizer; one that contradicts itself, such as a post-processor that adds a token
    /// that is not in the vocabulary
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let bytes = read(&path)?;
        let fail = |reason: String| Error::file(&path, format!("is not a valid tokenizer of Hugging Face: {reason}"));
        let file: Value = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        tokenizer_file::check(&file).map_err(fail)?;
        let opened = guarded(|| tokenizers::Tokenizer::from_bytes(&bytes).map_err(|error| error.to_string()));
        let mut inner = opened.map_err(fail)?;
        for (id, name) in tokenizer_file::added(&file["post_processor"]) {
            if u32::try_from(id).ok().and_then(|id| inner.id_to_token(id)).is_none() {
                return Err(fail(format!("its post-processor adds the token `{name}` of id {id}, which there is not")));
            }
        }
        // Texts are padded here, however long the file would make them.
        let padding = inner.get_padding().map(|padding| padding.pad_id);
        inner.with_padding(None);
        let tokenizer = Self { inner, padding, lowercase: false, path: path.clone() };
        match tokenizer.inner.get_truncation().map(|cut| cut.max_length) {
            Some(length) => tokenizer.cut(length).map_err(|error| fail(error.to_string())),
            None => Ok(tokenizer),
        }
    }

    fn for_sentences(self, path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::file(path, reason);
        let json: Value =
            serde_json::from_slice(&read(path)?).map_err(|error| fail(format!("is not JSON: {error}")))?;
        let lowercase = json["do_lower_case"].as_bool().unwrap_or(false);
        let tokenizer = Self { lowercase, ..self };
        match &json["max_seq_length"] {
            Value::Null => Ok(tokenizer),
            length => match length.as_u64().and_then(|length| usize::try_from(length).ok()) {
                Some(length) => tokenizer.cut(length).map_err(|error| fail(format!("`max_seq_length`: {error}"))),
                None => {
                    Err(fail(format!("expected `max_seq_length` to be a whole number from 1 on or null, got {length}")))
                }
            },
        }
    }

    /// Cuts texts after this many tokens, including those that begin and end them.
    ///
    /// # Errors
    /// a length that leaves no token of a pair of texts
    pub fn max_length(self, length: usize) -> Result<Self> {
        self.cut(length)
    }

    /// Cuts texts as the file does, but after this many tokens.
    fn cut(mut self, length: usize) -> Result<Self> {
        let added = self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(true));
        if length < added + 2 {
            return Err(Error::value(format!("expected a length of at least {}, got {length}", added + 2)));
        }
        // What is cut off is not kept, with or without a stride.
        let cut = self.inner.get_truncation().cloned().unwrap_or_default();
        let cut = TruncationParams { max_length: length, stride: 0, ..cut };
        self.inner.with_truncation(Some(cut)).map_err(|error| Error::file(&self.path, error))?;
        Ok(self)
    }

    /// Returns the number of tokens.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Returns the ids of texts, `[texts, time]`, with the tokens that begin and end them.
    ///
    /// # Errors
    /// texts of unequal length where there is no padding token
    pub fn encode<T: AsRef<str>>(&self, texts: &[T]) -> Result<Tensor> {
        let all = self.encodings(texts.iter().map(|text| self.text(text.as_ref()).into()).collect())?;
        let time = longest(&all);
        self.padded(&all, &[all.len(), time], |encoding, i| [encoding.get_ids()[i]])
    }

    /// Returns ids and token types of pairs of texts, `[pairs, time, 2]`: type 0 for the first text of each and 1 for
    /// the second.
    ///
    /// # Errors
    /// pairs of unequal length where there is no padding token
    pub fn encode_pairs<T: AsRef<str>, U: AsRef<str>>(&self, pairs: &[(T, U)]) -> Result<Tensor> {
        let mut texts = Vec::with_capacity(pairs.len());
        for (one, other) in pairs {
            texts.push((self.text(one.as_ref()), self.text(other.as_ref())).into());
        }
        let all = self.encodings(texts)?;
        let time = longest(&all);
        self.padded(&all, &[all.len(), time, 2], |encoding, i| [encoding.get_ids()[i], encoding.get_type_ids()[i]])
    }

    /// Returns the ids of one text, without tokens that begin and end it.
    ///
    /// # Errors
    /// a text that the tokenizer refuses
    pub fn ids(&self, text: &str) -> Result<Vec<usize>> {
        let text = self.text(text);
        let encoding = guarded(|| self.inner.encode(text, false).map_err(|error| error.to_string()));
        let encoding = encoding.map_err(|error| self.fail(error))?;
        Ok(real(&encoding).map(|i| encoding.get_ids()[i] as usize).collect())
    }

    /// Returns the text of ids, without tokens that begin, end and pad texts.
    ///
    /// # Errors
    /// an id that there is not
    pub fn decode(&self, ids: &[usize]) -> Result<String> {
        let known = |id: &usize| u32::try_from(*id).ok().filter(|id| self.inner.id_to_token(*id).is_some());
        let ids = ids.iter().map(|id| known(id).ok_or_else(|| self.fail(format!("there is no token {id}"))));
        let ids: Vec<u32> = ids.collect::<Result<_>>()?;
        guarded(|| self.inner.decode(&ids, true).map_err(|error| error.to_string())).map_err(|error| self.fail(error))
    }

    fn fail(&self, error: impl std::fmt::Display) -> Error {
        Error::file(&self.path, error.to_string())
    }

    fn encodings(&self, texts: Vec<EncodeInput>) -> Result<Vec<Encoding>> {
        guarded(|| self.inner.encode_batch(texts, true).map_err(|error| error.to_string()))
            .map_err(|error| self.fail(error))
    }

    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.lowercase { text.to_lowercase().into() } else { text.into() }
    }

    fn padding_id(&self) -> Option<u32> {
        let named = || ["[PAD]", "<pad>"].iter().find_map(|token| self.inner.token_to_id(token));
        self.padding.or_else(named)
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

/// What work of the crate `tokenizers` gives, or that it panicked: it does where a file contradicts itself in a way that nobody
/// has thought of.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let panicked = |_| Err("the crate `tokenizers` panics at it; export the tokenizer again".into());
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

/// The places of the tokens that are not padding, which some files want up to a fixed length.
fn real(encoding: &Encoding) -> impl Iterator<Item = usize> {
    encoding.get_attention_mask().iter().enumerate().filter(|(_, real)| **real == 1).map(|(i, _)| i)
}

fn longest(all: &[Encoding]) -> usize {
    all.iter().map(|encoding| real(encoding).count()).max().unwrap_or(0)
}
