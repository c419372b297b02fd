//! Training in several processes: the bits of one, whatever their number. Threads stand for processes here, and in `mpi.rs` there are
//! processes, which `.ci/mpi` starts.

mod bits;
mod cases;
mod differ;
mod group;
mod loops;
#[cfg(feature = "mpi")]
mod mpi;
