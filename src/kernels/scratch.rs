//! Buffers that outlive a call, so that nothing is allocated in the steady state of a training loop.

use crate::buffers::Loan;
use crate::float::Float;
use std::cell::RefCell;

thread_local! {
    static FREE: RefCell<Vec<Vec<Float>>> = const { RefCell::new(Vec::new()) };
}

const CACHE_LINE: usize = 64 / size_of::<Float>();
/// What is longer comes from where all buffers come from, which gives back what is idle.
const LONGEST: usize = 1 << 14;

/// Lends `len` numbers of unspecified value, aligned to a cache line. Calls may be nested.
pub fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [Float]) -> R) -> R {
    let mut scratch = Scratch::new(len);
    let result = work(scratch.numbers(len));
    scratch.give_back();
    result
}

/// Not generic: all of it would be compiled for each caller.
enum Scratch {
    Short(Vec<Float>),
    Long(Loan),
}

impl Scratch {
    fn new(len: usize) -> Self {
        if len > LONGEST {
            return Self::Long(Loan::new(len + CACHE_LINE));
        }
        let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
        if buffer.len() < len + CACHE_LINE {
            buffer.resize(len + CACHE_LINE, 0.0);
        }
        Self::Short(buffer)
    }

    fn numbers(&mut self, len: usize) -> &mut [Float] {
        let buffer: &mut [Float] = match self {
            Self::Short(buffer) => buffer,
            Self::Long(buffer) => buffer,
        };
        let start = buffer.as_ptr().align_offset(64).min(CACHE_LINE);
        &mut buffer[start..start + len]
    }

    fn give_back(self) {
        if let Self::Short(buffer) = self {
            FREE.with_borrow_mut(|free| free.push(buffer));
        }
    }
}
