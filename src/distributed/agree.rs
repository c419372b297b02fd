//! What the ranks must have in common, and how an error on one of them ends all.

use super::{Distributed, Message, Reader};
use crate::autograd::Param;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// How a message begins.
const GOES_ON: usize = 0;
const FAILED: usize = 1;
const ENDED: usize = 2;

/// Up to this many numbers of a dataset are compared; of a larger one examples at equal distances.
const COMPARED: usize = 1 << 26;

impl Distributed {
    /// Gives the result of something to all ranks, and returns those of all. An error of one is an error on all.
    pub(crate) fn agree(&self, who: &str, own: Result<Vec<u8>, String>) -> Result<Vec<Vec<u8>>> {
        if self.size() == 1 {
            return own.map(|bytes| vec![bytes]).map_err(Error::Value);
        }
        let mut message = Message::default();
        message.count(if own.is_ok() { GOES_ON } else { FAILED });
        message.text(who);
        let mut bytes = message.into_bytes();
        let head = bytes.len();
        match &own {
            Ok(own) => bytes.extend(own),
            Err(error) => bytes.extend(error.as_bytes()),
        }
        let messages = self.group.gather(&bytes)?;
        for (rank, bytes) in messages.iter().enumerate().filter(|(rank, _)| *rank != self.rank()) {
            let mut reader = Reader::new(bytes);
            let (state, place) = (reader.count()?, reader.text()?);
            if state == ENDED {
                return Err(Error::value(format!(
                    "{who}: rank {rank} has ended its program, by an error or early, while rank {} waits for it; look at what it printed",
                    self.rank()
                )));
            }
            if state == FAILED && own.is_ok() {
                let text = String::from_utf8_lossy(reader.rest());
                return Err(Error::value(format!("rank {rank} failed: {text}")));
            }
            if place != who && own.is_ok() {
                return Err(Error::value(format!(
                    "rank {} is at `{who}`, and rank {rank} at `{place}`; all ranks must call the same methods in the same order: let \
                     conditions such as `is_first` hold for printing and saving alone",
                    self.rank()
                )));
            }
        }
        own.map_err(Error::Value)?;
        Ok(messages.into_iter().map(|message| message.get(head..).unwrap_or_default().to_vec()).collect())
    }

    /// Returns an error on all ranks if this failed on one; otherwise what it gave.
    pub(crate) fn all<R>(&self, who: &str, own: Result<R>) -> Result<R> {
        let message = own.as_ref().map(|_| Vec::new()).map_err(ToString::to_string);
        let others = self.agree(who, message);
        let own = own?;
        others.map(|_| own)
    }

    /// Compares facts by name with those of the first rank.
    pub(crate) fn compare(&self, who: &str, facts: &[(&str, String)]) -> Result<()> {
        let mut message = Message::default();
        facts.iter().for_each(|(_, fact)| message.text(fact));
        let messages = self.agree(who, Ok(message.into_bytes()))?;
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            facts.iter().map(|_| reader.text()).collect::<Result<Vec<String>>>()
        };
        let first = read(&messages[0])?;
        for (rank, bytes) in messages.iter().enumerate() {
            let mut differences = Vec::new();
            for ((name, _), (first, other)) in facts.iter().zip(first.iter().zip(read(bytes)?)) {
                if *first != other {
                    let [first, other] = difference(first, &other);
                    differences.push(format!("{name}: {first} on rank 0, {other} on rank {rank}"));
                }
            }
            if !differences.is_empty() {
                return Err(Error::value(format!(
                    "{who}: the ranks differ:\n  {}\nstart all ranks with the same program, data and seed",
                    differences.join("\n  ")
                )));
            }
        }
        Ok(())
    }
}

/// Says to the others that this process ends, and waits until all do.
#[cfg(feature = "mpi")]
pub(super) fn leave(group: &dyn super::ProcessGroup) {
    let mut message = Message::default();
    message.count(ENDED);
    message.text("the end");
    let bytes = message.into_bytes();
    while group.gather(&bytes).is_ok_and(|messages| messages.iter().any(|message| *message != bytes)) {}
}

/// Two texts from shortly before where they begin to differ.
fn difference(a: &str, b: &str) -> [String; 2] {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let start = if a.len().max(b.len()) > 60 { same.saturating_sub(20) } else { 0 };
    [a, b].map(|text| {
        let shown: String = text.chars().skip(start).take(60).collect();
        if start > 0 { format!("...{shown}") } else { shown }
    })
}

/// A number that tells lists of numbers apart (FNV-1a, a word at a time).
struct Checksum(u64);

impl Checksum {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
    }

    fn tensor(&mut self, tensor: &Tensor) {
        tensor.shape().iter().for_each(|axis| self.add(*axis as u64));
        #[allow(clippy::useless_conversion)]
        tensor.iter().for_each(|x| self.add(x.to_bits().into()));
    }
}

/// The checksum of the values of parameters.
pub(crate) fn parameters_checksum(parameters: &[(String, Param)]) -> String {
    let mut checksum = Checksum::new();
    parameters.iter().filter_map(|(_, param)| param.value()).for_each(|value| checksum.tensor(&value));
    format!("checksum {:016x}", checksum.0)
}

/// The checksum of a dataset: of all its examples, or of those that stand for a large one.
pub(crate) fn data_checksum(dataset: &dyn Dataset) -> Result<String> {
    let first = dataset.batch(&[0])?;
    let numbers: usize = first.inputs.iter().chain(&first.targets).map(|tensor| tensor.len()).sum();
    let step = dataset.len().div_ceil((COMPARED / numbers.max(1)).max(1));
    let examples: Vec<usize> = (0..dataset.len()).step_by(step).collect();
    let mut checksum = Checksum::new();
    for part in examples.chunks(256) {
        let batch = dataset.batch(part)?;
        batch.inputs.iter().chain(&batch.targets).chain(&batch.weights).for_each(|tensor| checksum.tensor(tensor));
    }
    Ok(format!("checksum {:016x} of {} examples", checksum.0, examples.len()))
}
