//! Numbers, texts and tensors as bytes, from rank to rank.

use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, in_memory, tensor};

/// Bytes to send.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.0.extend((count as u64).to_le_bytes());
    }

    pub(crate) fn number(&mut self, number: f64) {
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    pub(crate) fn tensors<'t>(&mut self, tensors: impl ExactSizeIterator<Item = &'t Tensor>) {
        self.count(tensors.len());
        for tensor in tensors {
            self.count(tensor.ndim());
            tensor.shape().iter().for_each(|axis| self.count(*axis));
            self.0.reserve(tensor.len() * size_of::<Float>());
            tensor.iter().for_each(|x| self.0.extend(x.to_le_bytes()));
        }
    }
}

/// What is left to read of a message.
pub(crate) struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    pub(crate) fn new(bytes: &'m [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'m [u8] {
        self.0
    }

    fn bytes(&mut self, len: usize) -> Result<&'m [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(incomplete)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(crate) fn count(&mut self) -> Result<usize> {
        Ok(u64::from_le_bytes(self.array()?) as usize)
    }

    pub(crate) fn number(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        let len = self.count()?;
        Ok(String::from_utf8_lossy(self.bytes(len)?).into_owned())
    }

    pub(crate) fn tensors(&mut self) -> Result<Vec<Tensor>> {
        let count = self.count()?;
        let mut tensors = Vec::new();
        for _ in 0..count {
            let axes = self.count()?;
            let shape = (0..axes).map(|_| self.count()).collect::<Result<Vec<usize>>>()?;
            let len = in_memory(&shape).ok_or_else(incomplete)?.saturating_mul(size_of::<Float>());
            let bytes = self.bytes(len)?;
            let (numbers, _) = bytes.as_chunks();
            tensors.push(tensor(&shape, numbers.iter().map(|number| Float::from_le_bytes(*number)).collect()));
        }
        Ok(tensors)
    }
}

fn incomplete() -> Error {
    Error::value("a message of another rank is incomplete; start the same program on all ranks")
}
