//! The processes that `mpirun` has started.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use ferrompi::{Communicator, Mpi, ThreadLevel};

use super::agree::leave;
use super::{Distributed, ProcessGroup};
use crate::error::{Error, Result};
use crate::tensor::Float;

/// All processes of a run of MPI.
#[derive(Clone)]
struct World(std::sync::Arc<Communicator>);

/// Ends MPI when the thread ends that has started it.
struct Session {
    world: World,
    _mpi: Mpi,
}

impl Drop for Session {
    fn drop(&mut self) {
        leave(&self.world);
    }
}

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// Returns the processes that `mpirun` has started, or this one alone; feature `mpi`. Call it in `main`: when the thread ends that has
/// called it first, the process waits for the others to end as well.
///
/// ```no_run
/// use gradus::prelude::*;
/// let ranks = gradus::distributed::mpi()?;
/// let mut model = Dense::new(1).compile(Adam::default(), MeanSquaredError).distributed(ranks.clone());
/// if ranks.is_first() {
///     println!("{} ranks", ranks.size());
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// MPI cannot be started, or was started by others
pub fn mpi() -> Result<Distributed> {
    static WORLD: Mutex<Option<World>> = Mutex::new(None);
    let mut known = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(world) = &*known {
        return Ok(world.clone().into());
    }
    let mpi = Mpi::init_thread(ThreadLevel::Serialized).map_err(fail)?;
    if mpi.thread_level() < ThreadLevel::Serialized {
        return Err(Error::value(
            "MPI: this library allows calls from one thread alone; install one built with threads",
        ));
    }
    let world = World(std::sync::Arc::new(mpi.world()));
    *known = Some(world.clone());
    SESSION.set(Some(Session { world: world.clone(), _mpi: mpi }));
    Ok(world.into())
}

fn fail(error: ferrompi::Error) -> Error {
    Error::value(format!("MPI: {error}"))
}

fn count(count: usize) -> Result<i32> {
    let refused = |_| Error::value(format!("MPI: expected a message of less than 2^31 items, got {count}"));
    count.try_into().map_err(refused)
}

/// Lengths and starts, as MPI wants them.
fn layout(ranges: &[Range<usize>]) -> Result<(Vec<i32>, Vec<i32>)> {
    let counts = ranges.iter().map(|range| count(range.len())).collect::<Result<_>>()?;
    Ok((counts, ranges.iter().map(|range| count(range.start)).collect::<Result<_>>()?))
}

impl ProcessGroup for World {
    fn rank(&self) -> usize {
        self.0.rank() as usize
    }

    fn size(&self) -> usize {
        self.0.size() as usize
    }

    fn gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut lengths = vec![0; self.size()];
        self.0.allgather(&[count(bytes.len())?], &mut lengths).map_err(fail)?;
        let mut ranges = Vec::new();
        let mut end = 0;
        for len in lengths {
            ranges.push(end..end + len as usize);
            end += len as usize;
        }
        let mut all = vec![0; end];
        let (counts, starts) = layout(&ranges)?;
        self.0.allgatherv(bytes, &mut all, &counts, &starts).map_err(fail)?;
        Ok(ranges.into_iter().map(|range| all[range].to_vec()).collect())
    }

    fn exchange(
        &self,
        send: &[Float],
        to: &[Range<usize>],
        receive: &mut [Float],
        from: &[Range<usize>],
    ) -> Result<()> {
        let ((sends, to), (receives, from)) = (layout(to)?, layout(from)?);
        self.0.alltoallv(send, &sends, &to, receive, &receives, &from).map_err(fail)
    }
}
