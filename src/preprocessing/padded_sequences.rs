//! Sequences of unequal length.

use crate::buffers::zeros;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, in_memory, tensor};

/// Sequences of token numbers, padded with 0 when their batch is made: to the longest of the batch, or to a fixed length.
/// An `Embedding` that masks zeros then tells the layers after it what is padding.
///
/// The trainer reads batches in parts where it can, and a part is padded to the longest of the part.
///
/// # Shapes
/// batches `[batch, time]`, `time` at least 1
/// # Defaults
/// padded at the end, to the longest of the batch
/// # Errors
/// numbers that `Float` does not hold exactly, 2²⁴ and above
/// # Example
/// ```
/// use gradus::{data::Inputs, preprocessing::PaddedSequences};
/// let sequences = PaddedSequences::new(vec![vec![1, 2, 3], vec![4], vec![5, 6]])?;
/// assert_eq!(sequences.gather(&[1, 2])?[0], gradus::ndarray::array![[4.0, 0.0], [5.0, 6.0]].into_dyn());
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `pad_sequences`, PyTorch `pad_sequence`
#[derive(Clone, Debug)]
#[doc(alias = "pad_sequences")]
#[must_use]
pub struct PaddedSequences {
    sequences: Vec<Vec<u32>>,
    length: Option<usize>,
    left: bool,
}

impl PaddedSequences {
    /// Creates the sequences of these numbers.
    ///
    /// # Errors
    /// numbers of 2²⁴ and above
    pub fn new(sequences: Vec<Vec<u32>>) -> Result<Self> {
        if let Some(token) = sequences.iter().flatten().find(|token| **token >= 1 << 24) {
            return Err(Error::value(format!("PaddedSequences: expected token numbers below 16777216, got {token}")));
        }
        Ok(Self { sequences, length: None, left: false })
    }

    /// Pads to this length, at least 1, and cuts what is longer.
    #[doc(alias = "maxlen")]
    pub fn length(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// Sets whether sequences are padded and cut at their beginning instead of their end.
    pub fn left(mut self, yes: bool) -> Self {
        self.left = yes;
        self
    }

    /// Returns the sequences, without padding.
    pub fn sequences(&self) -> &[Vec<u32>] {
        &self.sequences
    }

    /// Returns these sequences as an array `[batch, time]`.
    ///
    /// # Errors
    /// numbers of sequences that there are not; a length whose batch does not fit into memory
    pub fn batch(&self, indices: &[usize]) -> Result<Tensor> {
        let count = self.sequences.len();
        if let Some(i) = indices.iter().find(|i| **i >= count) {
            return Err(Error::value(format!("PaddedSequences: expected numbers of sequences below {count}, got {i}")));
        }
        let longest = || indices.iter().map(|i| self.sequences[*i].len()).max().unwrap_or(0);
        let time = self.length.unwrap_or_else(longest).max(1);
        let Some(len) = in_memory(&[time, indices.len()]) else {
            let count = indices.len();
            return Err(Error::value(format!(
                "PaddedSequences: {count} sequences of length {time} do not fit into memory"
            )));
        };
        let mut out = zeros(len);
        for (row, index) in out.chunks_mut(time).zip(indices) {
            let sequence = &self.sequences[*index];
            let kept = sequence.len().min(time);
            let (row, sequence) = match self.left {
                true => (&mut row[time - kept..], &sequence[sequence.len() - kept..]),
                false => (&mut row[..kept], &sequence[..kept]),
            };
            row.iter_mut().zip(sequence).for_each(|(out, token)| *out = *token as Float);
        }
        Ok(tensor(&[indices.len(), time], out))
    }
}
