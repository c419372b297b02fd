//! Memory that a training loop uses again, so that it allocates in its first step only.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::tensor::{Float, Tensor, tensor};

/// Buffers below this length are left to the allocator.
const SMALLEST_KEPT: usize = 1024;
/// A pool keeps at most this many numbers; beyond it everything is let go, so that changing shapes do not pile up.
const MOST_KEPT: usize = 64 << 20;
/// A thread keeps this many buffers of a length to itself; further ones go to the shared pool.
const OWN: usize = 8;

#[derive(Default)]
struct Pool {
    free: Option<HashMap<usize, Vec<Vec<Float>>>>,
    kept: usize,
}

impl Pool {
    const fn new() -> Self {
        Self { free: None, kept: 0 }
    }

    fn take(&mut self, len: usize) -> Option<Vec<Float>> {
        let found = self.free.as_mut()?.get_mut(&len)?.pop()?;
        self.kept -= len;
        Some(found)
    }

    fn put(&mut self, buffer: Vec<Float>) {
        if self.kept + buffer.len() > MOST_KEPT {
            *self = Self::new();
        }
        if buffer.len() <= MOST_KEPT {
            self.kept += buffer.len();
            self.free.get_or_insert_default().entry(buffer.len()).or_default().push(buffer);
        }
    }

    fn is_full(&self, len: usize) -> bool {
        self.free.as_ref().and_then(|free| free.get(&len)).is_some_and(|list| list.len() >= OWN)
    }
}

thread_local! {
    static OWN_POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
}
/// Carries buffers back from the thread that consumes gradients to those that make them.
static SHARED_POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// A buffer of `len` numbers with arbitrary contents.
pub(crate) fn buffer(len: usize) -> Vec<Float> {
    if len < SMALLEST_KEPT {
        return vec![0.0; len];
    }
    OWN_POOL
        .with_borrow_mut(|pool| pool.take(len))
        .or_else(|| SHARED_POOL.lock().ok()?.take(len))
        .unwrap_or_else(|| vec![0.0; len])
}

/// A buffer of zeros.
pub(crate) fn zeros(len: usize) -> Vec<Float> {
    let mut buffer = buffer(len);
    buffer.fill(0.0);
    buffer
}

/// Keeps the memory of a tensor for [`buffer`] if nobody else holds it.
pub(crate) fn recycle(tensor: Tensor) {
    if tensor.len() < SMALLEST_KEPT {
        return;
    }
    let Ok(owned) = tensor.try_into_owned_nocopy() else { return };
    let (buffer, _) = owned.into_raw_vec_and_offset();
    // While a thread ends its pool is gone: the buffer is then freed like any other.
    let _ = OWN_POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        match pool.is_full(buffer.len()) {
            false => pool.put(buffer),
            true => {
                if let Ok(mut shared) = SHARED_POOL.lock() {
                    shared.put(buffer)
                }
            }
        }
    });
}

/// A tensor whose memory goes back to [`buffer`] when its last holder is gone.
#[derive(Clone, Debug)]
pub(crate) struct Pooled(Option<Tensor>);

impl From<Tensor> for Pooled {
    fn from(tensor: Tensor) -> Self {
        Self(Some(tensor))
    }
}

impl Deref for Pooled {
    type Target = Tensor;
    fn deref(&self) -> &Tensor {
        self.0.as_ref().expect("emptied in drop only")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(tensor) = self.0.take() {
            recycle(tensor);
        }
    }
}

/// Numbers of an operation's own whose memory goes back to [`buffer`] when they are gone.
pub(crate) struct Loan(Vec<Float>);

impl Loan {
    /// With arbitrary contents.
    pub fn new(len: usize) -> Self {
        Self(buffer(len))
    }
}

impl Deref for Loan {
    type Target = [Float];
    fn deref(&self) -> &[Float] {
        &self.0
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [Float] {
        &mut self.0
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        recycle(tensor(&[numbers.len()], numbers));
    }
}
