//! placeholder
pub(crate) struct FlushDenormals;
impl FlushDenormals {
    pub(crate) fn new() -> Self {
        Self
    }
}
impl Drop for FlushDenormals {
    fn drop(&mut self) {}
}
pub(crate) fn for_each<T: Send>(items: &mut [T], f: impl Fn(&mut T) + Send + Sync) {
    use rayon::prelude::*;
    if rayon::current_num_threads() == 1 { items.iter_mut().for_each(f) } else { items.par_iter_mut().for_each(f) }
}
pub(crate) fn map_chunks<R: Send>(n: usize, chunk: usize, f: impl Fn(std::ops::Range<usize>) -> R + Sync) -> Vec<R> {
    use rayon::prelude::*;
    let parts = n.div_ceil(chunk.max(1));
    let one = |i: usize| f(i * chunk..((i + 1) * chunk).min(n));
    if parts <= 1 || rayon::current_num_threads() == 1 {
        (0..parts).map(one).collect()
    } else {
        (0..parts).into_par_iter().map(one).collect()
    }
}
pub(crate) fn serial<R>(f: impl FnOnce() -> R) -> R {
    f()
}
