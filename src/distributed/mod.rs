//! Training by several processes at once, on one machine or many: [`Distributed`].
//!
//! With the feature `mpi`, one line makes a program run under `mpirun -n 4 program`, and alone as before:
//!
//! ```
//! # #[cfg(feature = "mpi")]
//! # fn program() -> gradus::Result<()> {
//! use gradus::prelude::*;
//! let mut model = Dense::new(1).compile(Adam::default(), MeanSquaredError).distributed(gradus::distributed::mpi()?);
//! # Ok(())
//! # }
//! ```
//!
//! Each process, a *rank*, runs the whole program with a copy of the model, and computes its share of the parts of each batch. The parts are
//! the same however many ranks there are, and their gradients are added up along a tree that depends on nothing but the number of parts: so
//! the bits are the same for 1, 2, 4 or 8 ranks. [The guide](crate::guide::distributed) says what is divided and what is not.

mod agree;
mod message;
#[cfg(feature = "mpi")]
mod mpi;
mod sum;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use agree::{data_checksum, parameters_checksum};
pub(crate) use message::{Message, Reader};
#[cfg(feature = "mpi")]
pub use mpi::mpi;

use crate::error::Result;
use crate::tensor::Float;

/// Processes that run the same program and talk to each other: MPI's, or some of your own.
///
/// All of them make the same calls in the same order; each waits for the others.
pub trait ProcessGroup: Send + Sync {
    /// Returns the number of this process, from 0.
    fn rank(&self) -> usize;

    /// Returns how many processes there are.
    fn size(&self) -> usize;

    /// Gives bytes to all, and returns those of each rank, in order.
    ///
    /// # Errors
    /// A connection that fails.
    fn gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>>;

    /// Sends `send[to[rank]]` to each rank, and puts what comes from each into `receive[from[rank]]`. Ranges to send may overlap.
    ///
    /// # Errors
    /// A connection that fails.
    fn exchange(&self, send: &[Float], to: &[Range<usize>], receive: &mut [Float], from: &[Range<usize>])
    -> Result<()>;
}

/// The processes that train together, for [`Trainer::distributed`](crate::Trainer::distributed) and
/// [`Loop::distributed`](crate::training::Loop::distributed). Clones are the same processes.
///
/// # Defaults
/// batches in at most 8 parts, the optimizer's memory whole on each rank
#[derive(Clone)]
#[must_use]
pub struct Distributed {
    group: Arc<dyn ProcessGroup>,
    parts: usize,
    shards_optimizer: bool,
}

impl std::fmt::Debug for Distributed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rank, size) = (self.rank(), self.size());
        f.debug_struct("Distributed").field("rank", &rank).field("size", &size).field("parts", &self.parts).finish()
    }
}

impl<G: ProcessGroup + 'static> From<G> for Distributed {
    fn from(group: G) -> Self {
        Self { group: Arc::new(group), parts: 8, shards_optimizer: false }
    }
}

impl Distributed {
    /// Sets into how many parts a batch is divided at most, each of at least eight examples: more ranks than parts have nothing to do. The
    /// bits depend on it, and not on the number of ranks.
    pub fn parts(mut self, parts: usize) -> Self {
        self.parts = parts.max(1);
        self
    }

    /// Divides the optimizer's memory among the ranks: each holds about an `n`-th of it, makes the optimizer's update with that and sends
    /// the weights to the others. The bits stay the same. Parameters of at least 32,768 numbers a rank are cut into pieces if the rule looks
    /// at each number alone ([`Optimizer::is_elementwise`](crate::optimizers::Optimizer::is_elementwise)); others, and all of Muon, LAMB and
    /// Adafactor, are divided as wholes.
    ///
    /// For Adam that is 2(1 - 1/n) numbers less for each weight. Sums of [accumulated](crate::optimizers::Stepper::accumulate) gradients,
    /// averages and slow weights stay whole on each rank. Files that [`Trainer::save`](crate::Trainer::save) and
    /// [`Backup`](crate::callbacks::Backup) write are whole and are opened by any number of ranks, with division or without;
    /// [`Stepper::state`](crate::optimizers::Stepper::state) returns what this rank has.
    ///
    /// Rajbhandari et al. 2020 (ZeRO, stage 1).
    ///
    /// ```
    /// # #[cfg(feature = "mpi")]
    /// # fn program() -> gradus::Result<()> {
    /// use gradus::prelude::*;
    /// let ranks = gradus::distributed::mpi()?.shard_optimizer();
    /// let mut model = Dense::new(1).compile(Adam::default(), MeanSquaredError).distributed(ranks);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "ZeRO")]
    #[doc(alias = "ZeroRedundancyOptimizer")]
    pub fn shard_optimizer(mut self) -> Self {
        self.shards_optimizer = true;
        self
    }

    pub(crate) fn shards_optimizer(&self) -> bool {
        self.shards_optimizer
    }

    /// Returns the number of this process, from 0.
    pub fn rank(&self) -> usize {
        self.group.rank()
    }

    /// Returns how many processes there are.
    pub fn size(&self) -> usize {
        self.group.size()
    }

    /// Returns whether this process is the one that prints and saves.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Returns the group, to exchange numbers of your own: on all ranks in the same order, as everything.
    pub fn group(&self) -> &dyn ProcessGroup {
        self.group.as_ref()
    }

    pub(crate) fn most_parts(&self) -> usize {
        self.parts
    }

    /// Returns which of this many pieces of work belong to a rank.
    pub(crate) fn share(&self, rank: usize, pieces: usize) -> Range<usize> {
        pieces * rank / self.size()..pieces * (rank + 1) / self.size()
    }

    /// Whether a piece of work is this rank's.
    pub(crate) fn is_own(&self, piece: usize, pieces: usize) -> bool {
        self.share(self.rank(), pieces).contains(&piece)
    }

    /// Divides pieces of work among the ranks: `run` does those of this rank, and all ranks get what all have made, in order.
    pub(crate) fn divide<R: Piece>(
        &self,
        who: &str,
        pieces: usize,
        run: impl FnOnce(Range<usize>) -> Result<Vec<R>>,
    ) -> Result<Vec<R>> {
        let own = run(self.share(self.rank(), pieces));
        if self.size() == 1 {
            return own;
        }
        let message = own.as_ref().map(|own| {
            let mut message = Message::default();
            own.iter().for_each(|piece| piece.write(&mut message));
            message
        });
        let messages = self.agree(who, message.map(Message::into_bytes).map_err(ToString::to_string));
        let mut own = own?.into_iter();
        let mut all = Vec::with_capacity(pieces);
        for (rank, bytes) in messages?.iter().enumerate() {
            let mut reader = Reader::new(bytes);
            for _ in self.share(rank, pieces) {
                let own = if rank == self.rank() { own.next() } else { None };
                all.push(own.map_or_else(|| R::read(&mut reader), Ok)?);
            }
        }
        Ok(all)
    }
}

/// The result of a piece of work, which other ranks get to see.
pub(crate) trait Piece: Sized {
    /// Writes what others need of it.
    fn write(&self, message: &mut Message);

    /// Reads what [`Piece::write`] has written.
    fn read(reader: &mut Reader<'_>) -> Result<Self>;
}
