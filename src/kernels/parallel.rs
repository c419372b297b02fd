//! Threads, and the handling of denormal numbers on them.

use super::helpers::Helpers;
use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

thread_local! {
    static IS_SERIAL: Cell<bool> = const { Cell::new(false) };
    /// The threads in place of the crate's own.
    static LENT: RefCell<Option<Arc<Helpers>>> = const { RefCell::new(None) };
}

/// Flushes denormal numbers to zero on this thread while it lives: they slow arithmetic down a hundred times.
pub struct FlushDenormals {
    before: Control,
    /// The setting belongs to a thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl FlushDenormals {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let before = control();
        if before | FLUSH != before {
            set_control(before | FLUSH);
        }
        Self { before, _not_send: std::marker::PhantomData }
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        if self.before | FLUSH != self.before {
            set_control(self.before);
        }
    }
}

/// How many threads there are for what is called here.
pub fn threads() -> usize {
    if IS_SERIAL.get() {
        return 1;
    }
    let lent = LENT.with_borrow(Clone::clone);
    lent.as_deref().or_else(|| own_threads()).map_or(1, |helpers| (helpers.count() + 1).min(limit()))
}

/// Whoever calls from a smaller pool of their own wants no more threads than that has.
fn limit() -> usize {
    rayon::current_thread_index().map_or(usize::MAX, |_| rayon::current_num_threads())
}

/// Calls `work` on fixed chunks of `0..len`, on all threads; the results are in the order of the chunks.
pub fn map_chunks<R: Send>(len: usize, chunk: usize, work: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let chunk = chunk.max(1);
    let mut chunks: Vec<(usize, Option<R>)> = (0..len.div_ceil(chunk)).map(|i| (i * chunk, None)).collect();
    for_each(&mut chunks, |(start, result)| *result = Some(work(*start..len.min(*start + chunk))));
    chunks.into_iter().filter_map(|(_, result)| result).collect()
}

/// Calls `work` on each item, on all threads.
pub fn for_each<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) {
    struct First<T>(*mut T);
    // SAFETY: each item is handed to one call, so that items only move between threads.
    unsafe impl<T: Send> Sync for First<T> {}
    impl<T> First<T> {
        /// # Safety
        /// The place is within the slice, and nobody else has its item.
        #[allow(clippy::mut_from_ref)]
        unsafe fn item(&self, i: usize) -> &mut T {
            unsafe { &mut *self.0.add(i) }
        }
    }
    let count = items.len();
    let first = First(items.as_mut_ptr());
    // SAFETY: `spread` calls with each number below the slice's length once.
    spread(count, &|i| work(unsafe { first.item(i) }));
}

/// Calls `work` once with each number below `count`, on all threads. It takes a `dyn` function because a copy for each caller
/// makes a fifth of the crate's code.
fn spread(count: usize, work: &(dyn Fn(usize) + Sync)) {
    let alone = count <= 1 || IS_SERIAL.get();
    let lent = if alone { None } else { LENT.with_borrow(Clone::clone) };
    let pool = if alone { None } else { lent.as_deref().or_else(|| own_threads()) };
    let Some(pool) = pool else { return serial(|| (0..count).for_each(work)) };
    let helpers = pool.count().min(limit() - 1).min(count - 1);
    let queue = Queue::new(count, helpers + 1);
    #[cfg(test)]
    let emulates = super::simd::EMULATES_AVX512.get();
    pool.call(helpers, &|thread| {
        let _serial = Serial::new();
        #[cfg(test)]
        super::simd::EMULATES_AVX512.set(emulates);
        queue.each(thread, work);
    });
}

/// Numbers to be worked on by several threads. Each begins with a range of its own, the same whenever there are as many numbers, so that it
/// finds in its core's cache what it has left there; then it helps the others.
struct Queue(Vec<Share>);

/// On a cache line of its own, since a thread writes to it for each number.
#[repr(align(64))]
struct Share {
    next: AtomicUsize,
    end: usize,
}

impl Queue {
    fn new(count: usize, threads: usize) -> Self {
        let start = |i: usize| count * i / threads;
        Self((0..threads).map(|i| Share { next: AtomicUsize::new(start(i)), end: start(i + 1) }).collect())
    }

    fn each(&self, thread: usize, work: &(dyn Fn(usize) + Sync)) {
        let first = thread % self.0.len();
        for range in self.0[first..].iter().chain(&self.0[..first]) {
            loop {
                let i = range.next.fetch_add(1, Ordering::Relaxed);
                if i >= range.end {
                    break;
                }
                work(i);
            }
        }
    }
}

/// Calls both, on two threads if there are.
pub fn both(mut a: impl FnMut() + Send, mut b: impl FnMut() + Send) {
    let mut work: [&mut (dyn FnMut() + Send); 2] = [&mut a, &mut b];
    for_each(&mut work, |work| work());
}

/// Creates the helpers of a thread that computes on this many threads, itself among them; none if it computes alone.
pub fn helpers(threads: usize) -> io::Result<Option<Arc<Helpers>>> {
    let helpers = threads.saturating_sub(1);
    if helpers == 0 { Ok(None) } else { Helpers::new(helpers).map(|helpers| Some(Arc::new(helpers))) }
}

/// The crate's own threads. Not rayon's: who waits there takes up whatever else lies there, of the user's too, and if that wants a
/// lock that the waiting one holds, both wait for ever.
fn own_threads() -> Option<&'static Helpers> {
    static OWN: OnceLock<Option<Arc<Helpers>>> = OnceLock::new();
    let wanted = || std::env::var("RAYON_NUM_THREADS").ok()?.parse().ok().filter(|threads| *threads > 0);
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
    OWN.get_or_init(|| helpers(wanted().unwrap_or_else(cores)).ok().flatten()).as_deref()
}

/// Calls `work` with these helpers in place of the crate's own threads.
pub fn on<R>(helpers: &Arc<Helpers>, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<Helpers>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LENT.set(self.0.take());
        }
    }
    let _restore = Restore(LENT.replace(Some(helpers.clone())));
    work()
}

/// Calls `work` on this many threads.
#[cfg(test)]
pub fn on_threads<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    match helpers(threads).unwrap() {
        Some(helpers) => on(&helpers, work),
        None => serial(work),
    }
}

/// Calls `work` with denormal numbers flushed to zero, and keeps whatever it calls on this thread.
pub fn serial<R>(work: impl FnOnce() -> R) -> R {
    let _serial = Serial::new();
    work()
}

/// While it lives, denormal numbers are flushed to zero, and whatever is called stays on this thread.
struct Serial {
    before: bool,
    _flush: FlushDenormals,
}

impl Serial {
    fn new() -> Self {
        Self { before: IS_SERIAL.replace(true), _flush: FlushDenormals::new() }
    }
}

impl Drop for Serial {
    fn drop(&mut self) {
        IS_SERIAL.set(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
type Control = u32;
#[cfg(not(target_arch = "x86_64"))]
type Control = u64;

/// Results (bit 15) and operands (bit 6) count as zero.
#[cfg(target_arch = "x86_64")]
const FLUSH: Control = 1 << 15 | 1 << 6;
#[cfg(target_arch = "aarch64")]
const FLUSH: Control = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: Control = 0;

#[cfg(target_arch = "x86_64")]
fn control() -> Control {
    let mut control = 0;
    // SAFETY: reads the control register of the vector unit.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut control, options(nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "x86_64")]
fn set_control(control: Control) {
    // SAFETY: differs from the value that was read in two documented bits.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &control, options(nostack, preserves_flags)) };
}

#[cfg(target_arch = "aarch64")]
fn control() -> Control {
    let control;
    // SAFETY: reads the control register of the floating-point unit.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "aarch64")]
fn set_control(control: Control) {
    // SAFETY: differs from the value that was read in one documented bit.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) control, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> Control {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_: Control) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::Float;
    use std::panic::catch_unwind;

    /// Not inlined: the compiler does not know that the control register matters, and would move the division.
    #[inline(never)]
    fn half_of_smallest() -> Float {
        std::hint::black_box(Float::MIN_POSITIVE) / std::hint::black_box(2.0)
    }

    #[test]
    fn denormals_are_flushed_and_the_setting_comes_back() {
        assert!(half_of_smallest() > 0.0);
        let results = map_chunks(8, 1, |_| half_of_smallest());
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            assert_eq!(results, [0.0; 8]);
        }
        assert!(half_of_smallest() > 0.0);
        assert!(std::panic::catch_unwind(|| serial(|| panic!("on purpose"))).is_err());
        assert!(half_of_smallest() > 0.0 && !IS_SERIAL.get());
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller() {
        for bad in [0, 7] {
            let work = || map_chunks(8, 1, |range| assert_ne!(range.start, bad, "on purpose"));
            assert!(catch_unwind(work).is_err());
        }
        assert_eq!(map_chunks(8, 1, |range| range.start), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn chunks_are_fixed_in_order_and_not_nested() {
        let ranges = map_chunks(7, 3, |range| {
            let thread = std::thread::current().id();
            map_chunks(4, 1, |_| assert_eq!(std::thread::current().id(), thread));
            range
        });
        assert_eq!(ranges, [0..3, 3..6, 6..7]);
        assert!(map_chunks(0, 3, |range| range).is_empty());
    }
}
