//! Threads that help the one which computes.

use std::any::Any;
use std::collections::VecDeque;
use std::hint::spin_loop;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long a thread looks for what it waits for before it sleeps: to be woken takes about as long, and the parts of a network follow each
/// other faster.
const PATIENCE: Duration = Duration::from_micros(200);

/// Looks until it is so, or for as long as patience lasts.
fn look_for(is_so: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..64 {
            if is_so() {
                return true;
            }
            spin_loop();
        }
        if start.elapsed() > PATIENCE {
            return false;
        }
        // Whoever wants this core may be the one that is waited for.
        thread::yield_now();
    }
}

/// Threads that work for whoever calls, and end when nobody holds them any more.
#[derive(Debug)]
pub struct Helpers {
    count: usize,
    requests: Arc<Requests>,
}

impl Helpers {
    pub fn new(count: usize) -> io::Result<Self> {
        let helpers = Self { count, requests: Arc::default() };
        for i in 0..count {
            let requests = helpers.requests.clone();
            thread::Builder::new().name(format!("gradus-{i}")).spawn(move || requests.serve(i + 1))?;
        }
        Ok(helpers)
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Calls `share` with 0 on this thread, and with numbers of their own on as many `helpers` as are free; it returns when all are done.
    pub fn call(&self, helpers: usize, share: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the lifetime is forgotten, since threads outlive the call. A helper calls `share` only between entering and leaving,
        // nobody enters after `close`, and `close`, which runs on panics too, waits for those inside.
        let share: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(share) };
        let door =
            Arc::new(Door { share, state: AtomicUsize::new(0), caller: thread::current(), panic: Mutex::default() });
        self.requests.push(&door, helpers);
        struct Close<'a>(&'a Requests, &'a Arc<Door>);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.1.close();
                self.0.withdraw(self.1);
            }
        }
        let close = Close(&self.requests, &door);
        share(0);
        drop(close);
        let panic = lock(&door.panic).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        lock(&self.requests.open).has_ended = true;
        self.requests.wake.notify_all();
    }
}

/// Work that helpers are wanted for.
#[derive(Debug, Default)]
struct Requests {
    open: Mutex<Open>,
    /// How many doors are open.
    count: AtomicUsize,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    doors: VecDeque<Arc<Door>>,
    asleep: usize,
    has_ended: bool,
}

impl Requests {
    fn push(&self, door: &Arc<Door>, helpers: usize) {
        let mut open = lock(&self.open);
        open.doors.extend(std::iter::repeat_n(door, helpers).cloned());
        self.count.store(open.doors.len(), Ordering::Release);
        for _ in 0..open.asleep.min(helpers) {
            self.wake.notify_one();
        }
    }

    /// Forgets those that no helper was free for, or they would pile up while all helpers are at other work.
    fn withdraw(&self, door: &Arc<Door>) {
        if self.count.load(Ordering::Acquire) > 0 {
            let mut open = lock(&self.open);
            open.doors.retain(|other| !Arc::ptr_eq(other, door));
            self.count.store(open.doors.len(), Ordering::Release);
        }
    }

    /// The next work; nothing if there will be none.
    fn next(&self) -> Option<Arc<Door>> {
        look_for(|| self.count.load(Ordering::Acquire) > 0);
        let mut open = lock(&self.open);
        loop {
            if let Some(door) = open.doors.pop_front() {
                self.count.store(open.doors.len(), Ordering::Release);
                return Some(door);
            }
            if open.has_ended {
                return None;
            }
            open.asleep += 1;
            open = self.wake.wait(open).unwrap_or_else(PoisonError::into_inner);
            open.asleep -= 1;
        }
    }

    fn serve(&self, number: usize) {
        while let Some(door) = self.next() {
            door.help(number);
        }
    }
}

/// Counts the helpers at work, and lets nobody in who comes when all is done.
struct Door {
    share: &'static (dyn Fn(usize) + Sync),
    /// How many helpers are inside, and [`CLOSED`].
    state: AtomicUsize,
    caller: Thread,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

const CLOSED: usize = 1 << (usize::BITS - 1);

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Door {
    fn help(&self, number: usize) {
        let enter = |state| (state & CLOSED == 0).then_some(state + 1);
        if self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).is_err() {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.share)(number))) {
            lock(&self.panic).get_or_insert(panic);
        }
        if self.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.caller.unpark();
        }
    }

    fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::Acquire);
        let is_empty = || self.state.load(Ordering::Acquire) == CLOSED;
        if !look_for(is_empty) {
            while !is_empty() {
                thread::park();
            }
        }
    }
}

/// Nothing is left half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_work_for_callers_and_end_with_them() {
        let helpers = Helpers::new(3).unwrap();
        let sum = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                let call = || (0..100).for_each(|_| helpers.call(3, &|_| _ = sum.fetch_add(1, Ordering::Relaxed)));
                scope.spawn(call);
            }
        });
        // A caller works itself; helpers that come late are not let in, and not waited for.
        assert!((400..=1600).contains(&sum.into_inner()));
        assert_eq!(lock(&helpers.requests.open).doors.len(), 0);
        let requests = Arc::downgrade(&helpers.requests);
        drop(helpers);
        let start = Instant::now();
        while requests.strong_count() > 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "a thread has not ended");
            thread::yield_now();
        }
    }
}
