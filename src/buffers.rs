//! Memory that a training loop uses again, so that it allocates in its first step only.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::float::Float;

/// Buffers below this length are left to the allocator.
pub(crate) const SMALLEST_KEPT: usize = 1024;
/// A thread keeps this many buffers of a length to itself; further ones go to the shared pool.
const OWN: usize = 3;
/// How often buffers are looked through for such as nobody has asked for.
const TICK: Duration = Duration::from_secs(1);
/// A buffer that nobody has asked for in this many ticks is given back.
const IDLE: u32 = 2;

/// Free buffers, the shortest first and the last used last among those of a length.
#[derive(Default)]
struct Pool(Vec<Free>);

struct Free {
    buffer: Vec<Float>,
    since: u32,
}

impl Free {
    fn len(&self) -> usize {
        self.buffer.capacity()
    }
}

impl Pool {
    const fn new() -> Self {
        Self(Vec::new())
    }

    /// The shortest buffer that is long enough, unless more than half of it would lie idle.
    fn take(&mut self, len: usize) -> Option<Vec<Float>> {
        let first = self.0.partition_point(|free| free.len() < len);
        let found = self.0.get(first).map(Free::len).filter(|found| *found <= 2 * len)?;
        let mut buffer = self.0.remove(self.end_of(found) - 1).buffer;
        buffer.resize(len, 0.0);
        Some(buffer)
    }

    /// The place after the buffers of a length.
    fn end_of(&self, len: usize) -> usize {
        self.0.partition_point(|free| free.len() <= len)
    }

    fn put(&mut self, buffer: Vec<Float>) {
        let end = self.end_of(buffer.capacity());
        self.0.insert(end, Free { buffer, since: NOW.load(Ordering::Relaxed) });
    }

    fn is_full(&self, len: usize) -> bool {
        self.end_of(len) - self.0.partition_point(|free| free.len() < len) >= OWN
    }

    /// A buffer that could have served if it were longer: its place is taken by the one that is made now, so that lengths that
    /// differ from call to call do not pile up.
    fn replaced(&mut self, len: usize) -> Option<Vec<Float>> {
        let place = self.0.partition_point(|free| free.len() < len).checked_sub(1)?;
        (2 * self.0[place].len() > len).then(|| self.0.remove(place).buffer)
    }

    fn take_idle(&mut self, now: u32) -> Vec<Free> {
        self.0.extract_if(.., |free| now.wrapping_sub(free.since) >= IDLE).collect()
    }
}

fn locked(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static OWN_POOL: Arc<Mutex<Pool>> = {
        let pool = Arc::default();
        POOLS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&pool));
        pool
    };
}
/// Carries buffers back from the thread that consumes gradients to those that make them.
static SHARED_POOL: Mutex<Pool> = Mutex::new(Pool::new());
/// The pools of all threads: a thread that has nothing to do cannot look through its own.
static POOLS: Mutex<Vec<Weak<Mutex<Pool>>>> = Mutex::new(Vec::new());
/// Ticks since the first buffer was kept.
static NOW: AtomicU32 = AtomicU32::new(0);
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// Starts the thread that gives idle buffers back, unless it runs. It ends when there are no more.
fn watch() {
    if IS_WATCHED.load(Ordering::Relaxed) || IS_WATCHED.swap(true, Ordering::SeqCst) {
        return;
    }
    let watch = || {
        loop {
            std::thread::sleep(TICK);
            let now = NOW.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if give_back(now) {
                IS_WATCHED.store(false, Ordering::SeqCst);
                // Somebody may have kept a buffer just before.
                if give_back(now) || IS_WATCHED.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
    };
    // Where there are no threads, buffers stay.
    let _ = std::thread::Builder::new().name("gradus-buffers".into()).spawn(watch);
}

/// Gives back what is idle; returns whether nothing is left.
fn give_back(now: u32) -> bool {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.retain(|pool| pool.strong_count() > 0);
    let all: Vec<Arc<Mutex<Pool>>> = pools.iter().filter_map(Weak::upgrade).collect();
    drop(pools);
    let mut is_empty = true;
    for pool in all.iter().map(|pool| &**pool).chain([&SHARED_POOL]) {
        let mut pool = locked(pool);
        let idle = pool.take_idle(now);
        is_empty &= pool.0.is_empty();
        drop(pool);
        // The system takes its time with large ones: not under the lock.
        drop(idle);
    }
    is_empty
}

/// A buffer of `len` numbers with arbitrary contents.
pub(crate) fn buffer(len: usize) -> Vec<Float> {
    if len < SMALLEST_KEPT {
        return vec![0.0; len];
    }
    let own = |find: fn(&mut Pool, usize) -> Option<Vec<Float>>| {
        OWN_POOL.try_with(|pool| find(&mut locked(pool), len)).ok().flatten()
    };
    own(Pool::take).or_else(|| locked(&SHARED_POOL).take(len)).unwrap_or_else(|| {
        drop(own(Pool::replaced).or_else(|| locked(&SHARED_POOL).replaced(len)));
        vec![0.0; len]
    })
}

/// A buffer of zeros.
pub(crate) fn zeros(len: usize) -> Vec<Float> {
    let mut buffer = buffer(len);
    buffer.fill(0.0);
    buffer
}

/// Keeps memory for [`buffer`].
pub(crate) fn keep(buffer: Vec<Float>) {
    // While a thread ends its pool is gone: the buffer is then freed like any other.
    let _ = OWN_POOL.try_with(|pool| {
        let mut pool = locked(pool);
        if pool.is_full(buffer.capacity()) {
            drop(pool);
            locked(&SHARED_POOL).put(buffer);
        } else {
            pool.put(buffer);
        }
        watch();
    });
}

/// Numbers of an operation's own whose memory goes back to [`buffer`] when they are gone.
pub(crate) struct Loan(Vec<Float>);

impl Loan {
    /// With arbitrary contents.
    pub fn new(len: usize) -> Self {
        Self(buffer(len))
    }

    /// With these.
    pub fn copy(numbers: &[Float]) -> Self {
        let mut copy = Self::new(numbers.len());
        copy.copy_from_slice(numbers);
        copy
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
        if numbers.len() >= SMALLEST_KEPT {
            keep(numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pool: &Pool) -> usize {
        pool.0.iter().map(Free::len).sum()
    }

    #[test]
    fn lengths_that_differ_from_call_to_call_do_not_pile_up() {
        let mut pool = Pool::new();
        for call in 0..1000 {
            let len = 10_000 + call * 7919 % 50_000;
            let buffers: Vec<Vec<Float>> = (0..3)
                .map(|_| {
                    pool.take(len).unwrap_or_else(|| {
                        pool.replaced(len);
                        vec![0.0; len]
                    })
                })
                .collect();
            assert!(buffers.iter().all(|buffer| buffer.len() == len));
            buffers.into_iter().for_each(|buffer| pool.put(buffer));
            assert!(kept(&pool) <= 2 * 3 * 60_000, "{} after {call} calls", kept(&pool));
        }
        // The same lengths again and again are served from what is there.
        assert!(pool.take(50_000).is_some() && pool.take(50_000).is_some());
    }

    #[test]
    fn what_is_idle_is_given_back_also_on_a_thread_that_does_nothing() {
        let thread = std::thread::spawn(|| {
            keep(buffer(5000));
            let own = || OWN_POOL.with(|pool| kept(&locked(pool)));
            assert!(own() >= 5000);
            (0..100).any(|_| {
                std::thread::sleep(TICK / 10);
                own() == 0
            })
        });
        assert!(thread.join().unwrap());
    }
}
