//! Scaled dot product attention, by blocks of queries, so that no matrix of all scores is ever held.

use std::ops::Range;

use super::elementwise::add_assign;
use super::gemm::{Matrix, gemm};
use super::scratch::with_scratch;
use super::simd::vectorized;
use super::{math, parallel, sums};
use crate::float::Float;

/// Scores of a block of queries, about: with them it stays in the second cache.
const BLOCK: usize = 1 << 17;
/// Tasks whose gradients of scores are held at a time, where a bias wants them.
const WAVE: usize = 16;

/// Lengths of the arrays, which are `[batch, time, heads, size]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    pub batch: usize,
    pub heads: usize,
    /// Each serves `heads / key_heads` neighbouring heads of the queries.
    pub key_heads: usize,
    pub queries: usize,
    pub keys: usize,
    pub size: usize,
    pub value_size: usize,
}

/// An array that is repeated over the scores, `[batch, heads, queries, keys]`.
#[derive(Clone, Copy, Debug)]
pub struct Broadcast<'a> {
    data: &'a [Float],
    /// From one element to the next along each axis: 0 along those that it is repeated over.
    steps: [usize; 4],
}

impl<'a> Broadcast<'a> {
    /// An array whose lengths are those of the scores or 1.
    pub fn new(data: &'a [Float], shape: [usize; 4]) -> Self {
        let mut steps = [0; 4];
        let mut step = 1;
        for axis in (0..4).rev() {
            steps[axis] = if shape[axis] == 1 { 0 } else { step };
            step *= shape[axis];
        }
        assert_eq!(step, data.len(), "an array of another length than its shape says");
        Self { data, steps }
    }

    fn place(&self, [batch, head, query]: [usize; 3]) -> usize {
        batch * self.steps[0] + head * self.steps[1] + query * self.steps[2]
    }

    /// What lies over `keys` scores of a query: that many numbers, or one for all.
    fn row(&self, place: [usize; 3], keys: usize) -> &'a [Float] {
        &self.data[self.place(place)..][..if self.steps[3] == 0 { 1.min(keys) } else { keys }]
    }
}

/// An attention with its inputs.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    pub sizes: Sizes,
    pub query: &'a [Float],
    pub key: &'a [Float],
    pub value: &'a [Float],
    pub scale: Float,
    /// If causal: query `i` sees the keys up to this plus `i`.
    pub causal: Option<usize>,
    pub soft_cap: Option<Float>,
    /// Whether the bias is under the cap.
    pub caps_bias: bool,
    pub bias: Option<Broadcast<'a>>,
    /// 0 hides a key.
    pub masks: [Option<Broadcast<'a>>; 2],
    /// Rate and seed.
    pub dropout: Option<(Float, u64)>,
}

impl Attention<'_> {
    /// Keeps the logarithm of each query's sum of exponentials: infinity where it sees no key.
    pub fn forward(&self, out: &mut [Float], log_sums: &mut [Float]) {
        let Sizes { batch, heads, queries, value_size, .. } = self.sizes;
        log_sums.fill(Float::INFINITY);
        with_scratch(out.len(), |by_heads| {
            let parts = by_heads.chunks_mut((queries * value_size).max(1)).zip(log_sums.chunks_mut(queries.max(1)));
            let mut parts: Vec<_> = parts.enumerate().collect();
            parallel::for_each(&mut parts, |(i, (out, log_sums))| {
                for rows in self.blocks() {
                    let out = &mut out[rows.start * value_size..rows.end * value_size];
                    self.block(*i / heads, *i % heads, rows.clone(), out, &mut log_sums[rows]);
                }
            });
            behind_time(by_heads, [batch, heads, queries, value_size], out);
        });
    }

    fn block(&self, batch: usize, head: usize, rows: Range<usize>, out: &mut [Float], log_sums: &mut [Float]) {
        let keys = self.seen(&rows);
        with_scratch(rows.len() * keys, |p| {
            self.scores(batch, head, rows.clone(), keys, p, None);
            for ((row, p), log_sum) in rows.clone().zip(p.chunks_exact_mut(keys.max(1))).zip(log_sums) {
                soften(p, log_sum);
                self.drop(p, [batch, head, row]);
            }
            gemm([rows.len(), keys, self.sizes.value_size], Matrix::new(p, keys), self.values(batch, head), false, out);
        });
    }

    /// Gradients of query, key and value, and of the bias where there is one to fill.
    pub fn backward(
        &self,
        log_sums: &[Float],
        dy: &[Float],
        [dq, dk, dv]: [&mut [Float]; 3],
        mut d_bias: Option<&mut [Float]>,
    ) {
        let Sizes { batch, heads, key_heads, queries, keys, size, value_size } = self.sizes;
        let group = heads / key_heads;
        if let Some(d_bias) = d_bias.as_deref_mut() {
            d_bias.fill(0.0);
        }
        with_scratch(dq.len() + dk.len() + dv.len(), |by_heads| {
            let (q_heads, rest) = by_heads.split_at_mut(dq.len());
            let (k_heads, v_heads) = rest.split_at_mut(dk.len());
            k_heads.fill(0.0);
            v_heads.fill(0.0);
            let mut tasks: Vec<Task<'_>> = Vec::with_capacity(batch * key_heads);
            let (mut q_parts, mut k_parts) =
                (q_heads.chunks_mut((group * queries * size).max(1)), k_heads.chunks_mut((keys * size).max(1)));
            let mut v_parts = v_heads.chunks_mut((keys * value_size).max(1));
            for number in 0..batch * key_heads {
                let (dq, dk) = (q_parts.next().unwrap_or_default(), k_parts.next().unwrap_or_default());
                tasks.push(Task { number, dq, dk, dv: v_parts.next().unwrap_or_default(), scores: Vec::new() });
            }
            let wave = if d_bias.is_some() { WAVE } else { usize::MAX };
            for tasks in tasks.chunks_mut(wave) {
                parallel::for_each(tasks, |task| {
                    if wave == WAVE {
                        task.scores = vec![0.0; group * queries * keys];
                    }
                    self.task(log_sums, dy, task);
                });
                let Some((d_bias, bias)) = d_bias.as_deref_mut().zip(self.bias) else { continue };
                for task in tasks {
                    for (row, ds) in std::mem::take(&mut task.scores).chunks_exact(keys.max(1)).enumerate() {
                        let head = task.number % key_heads * group + row / queries;
                        let to = &mut d_bias[bias.place([task.number / key_heads, head, row % queries])..];
                        if bias.steps[3] == 0 { to[0] += sums::sum(ds) } else { add_assign(&mut to[..keys], ds) }
                    }
                }
            }
            behind_time(q_heads, [batch, heads, queries, size], dq);
            behind_time(k_heads, [batch, key_heads, keys, size], dk);
            behind_time(v_heads, [batch, key_heads, keys, value_size], dv);
        });
    }

    /// What one head of the keys gives.
    fn task(&self, log_sums: &[Float], dy: &[Float], task: &mut Task<'_>) {
        let Sizes { heads, key_heads, queries, size, value_size, .. } = self.sizes;
        let group = heads / key_heads;
        let batch = task.number / key_heads;
        for (i, dq) in task.dq.chunks_mut((queries * size).max(1)).enumerate() {
            let head = task.number % key_heads * group + i;
            for rows in self.blocks() {
                let keys = self.seen(&rows);
                let len = rows.len() * keys;
                let dy = matrix(dy, [batch, queries, heads, value_size], rows.start, head);
                let extra = [self.soft_cap.is_some(), self.dropout.is_some()].map(|is| len * usize::from(is));
                with_scratch(2 * len + extra[0] + extra[1], |scratch| {
                    let (p, rest) = scratch.split_at_mut(len);
                    let (ds, rest) = rest.split_at_mut(len);
                    let (slopes, kept) = rest.split_at_mut(extra[0]);
                    self.scores(batch, head, rows.clone(), keys, p, Some(slopes));
                    let log_sums = &log_sums[(batch * heads + head) * queries..];
                    for (row, p) in rows.clone().zip(p.chunks_exact_mut(keys.max(1))) {
                        exponentials(p, log_sums[row]);
                    }
                    gemm([rows.len(), value_size, keys], dy, transposed(self.values(batch, head)), false, ds);
                    kept.copy_from_slice(&p[..extra[1]]);
                    for (i, row) in rows.clone().enumerate().filter(|_| extra[1] > 0) {
                        self.drop(&mut kept[i * keys..(i + 1) * keys], [batch, head, row]);
                        self.drop(&mut ds[i * keys..(i + 1) * keys], [batch, head, row]);
                    }
                    let kept = if extra[1] > 0 { &*kept } else { &*p };
                    let dv = &mut task.dv[..keys * value_size];
                    gemm([keys, rows.len(), value_size], Matrix::transposed(kept, keys), dy, true, dv);
                    for (p, ds) in p.chunks_exact(keys.max(1)).zip(ds.chunks_exact_mut(keys.max(1))) {
                        softened(p, ds);
                    }
                    if !slopes.is_empty() && self.caps_bias {
                        times(ds, slopes);
                    }
                    if !task.scores.is_empty() {
                        let to = task.scores.chunks_exact_mut(self.sizes.keys).skip(i * queries + rows.start);
                        to.zip(ds.chunks_exact(keys.max(1))).for_each(|(to, ds)| to[..keys].copy_from_slice(ds));
                    }
                    if !slopes.is_empty() && !self.caps_bias {
                        times(ds, slopes);
                    }
                    scale(ds, self.scale);
                    let dq = &mut dq[rows.start * size..rows.end * size];
                    gemm([rows.len(), keys, size], Matrix::new(ds, keys), self.keys(batch, head), false, dq);
                    let query = matrix(self.query, [batch, queries, heads, size], rows.start, head);
                    let dk = &mut task.dk[..keys * size];
                    gemm([keys, rows.len(), size], Matrix::transposed(ds, keys), query, true, dk);
                });
            }
        }
    }

    /// The queries, a block at a time: of a size that depends on nothing but the lengths.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let Sizes { queries, keys, .. } = self.sizes;
        let rows = (BLOCK / keys.max(1)).clamp(16, 128);
        (0..queries).step_by(rows).map(move |row| row..queries.min(row + rows))
    }

    /// How many keys the last of some queries sees at most.
    fn seen(&self, rows: &Range<usize>) -> usize {
        self.causal.map_or(self.sizes.keys, |first| self.sizes.keys.min(first.saturating_add(rows.end)))
    }

    fn keys(&self, batch: usize, head: usize) -> Matrix<'_> {
        let Sizes { heads, key_heads, keys, size, .. } = self.sizes;
        matrix(self.key, [batch, keys, key_heads, size], 0, head * key_heads / heads)
    }

    fn values(&self, batch: usize, head: usize) -> Matrix<'_> {
        let Sizes { heads, key_heads, keys, value_size, .. } = self.sizes;
        matrix(self.value, [batch, keys, key_heads, value_size], 0, head * key_heads / heads)
    }

    /// The scores of some queries and the first `keys` keys, -∞ where a key is hidden; `slopes` are those of the cap.
    fn scores(
        &self,
        batch: usize,
        head: usize,
        rows: Range<usize>,
        keys: usize,
        x: &mut [Float],
        slopes: Option<&mut [Float]>,
    ) {
        let Sizes { heads, queries, size, .. } = self.sizes;
        let query = matrix(self.query, [batch, queries, heads, size], rows.start, head);
        gemm([rows.len(), size, keys], query, transposed(self.keys(batch, head)), false, x);
        scale(x, self.scale);
        let biases = |x: &mut [Float]| {
            for (row, x) in rows.clone().zip(x.chunks_exact_mut(keys.max(1))) {
                match self.bias.map(|bias| bias.row([batch, head, row], keys)) {
                    Some([bias]) => x.iter_mut().for_each(|x| *x += bias),
                    Some(bias) => add_assign(x, bias),
                    None => {}
                }
            }
        };
        if self.caps_bias {
            biases(x);
        }
        if let Some(most) = self.soft_cap {
            cap(x, most);
            if let Some(slopes) = slopes {
                slopes.copy_from_slice(x);
                cap_slopes(slopes, most);
            }
        }
        if !self.caps_bias {
            biases(x);
        }
        for (row, x) in rows.zip(x.chunks_exact_mut(keys.max(1))) {
            let place = [batch, head, row];
            for mask in self.masks.iter().flatten() {
                match mask.row(place, keys) {
                    [mask] if *mask == 0.0 => x.fill(Float::NEG_INFINITY),
                    [_] => {}
                    mask => hide(x, mask),
                }
            }
            if let Some(first) = self.causal {
                x[keys.min(first.saturating_add(row + 1))..].fill(Float::NEG_INFINITY);
            }
        }
    }

    /// Sets some of a query's numbers to 0, always the same ones, and makes up for them.
    fn drop(&self, x: &mut [Float], [batch, head, row]: [usize; 3]) {
        let Some((rate, seed)) = self.dropout else { return };
        let number = (batch * self.sizes.heads + head) * self.sizes.queries + row;
        // SplitMix64's finalizer.
        let mut z = seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        drop_some(x, (z >> 32) as u32, (f64::from(rate) * 4_294_967_296.0) as u32, 1.0 / (1.0 - rate));
    }
}

/// The gradients that one head of the keys of one example gives.
struct Task<'a> {
    number: usize,
    dq: &'a mut [Float],
    dk: &'a mut [Float],
    dv: &'a mut [Float],
    /// Gradients of its scores, where the bias wants them.
    scores: Vec<Float>,
}

/// The matrix `[time, size]` of an example and a head, from some time on.
fn matrix(data: &[Float], [batch, time, heads, size]: [usize; 4], from: usize, head: usize) -> Matrix<'_> {
    let start = ((batch * time + from) * heads + head) * size;
    Matrix { data: data.get(start..).unwrap_or_default(), strides: [heads * size, 1] }
}

fn transposed(matrix: Matrix<'_>) -> Matrix<'_> {
    Matrix { strides: [matrix.strides[1], matrix.strides[0]], ..matrix }
}

/// From `[batch, heads, time, size]` to `[batch, time, heads, size]`.
fn behind_time(from: &[Float], [_, heads, time, size]: [usize; 4], to: &mut [Float]) {
    let len = (heads * time * size).max(1);
    let mut parts: Vec<_> = to.chunks_mut(len).zip(from.chunks(len)).collect();
    parallel::for_each(&mut parts, |(to, from)| {
        for (i, to) in to.chunks_exact_mut(size).enumerate() {
            to.copy_from_slice(&from[(i % heads * time + i / heads) * size..][..size]);
        }
    });
}

vectorized! {
    fn scale(x: &mut [Float], factor: Float) {
        x.iter_mut().for_each(|x| *x *= factor);
    }
}

vectorized! {
    fn times(x: &mut [Float], factors: &[Float]) {
        x.iter_mut().zip(factors).for_each(|(x, factor)| *x *= factor);
    }
}

vectorized! {
    /// `x = most tanh(x / most)`
    fn cap(x: &mut [Float], most: Float) {
        x.iter_mut().for_each(|x| *x = most * math::tanh(*x / most));
    }
}

vectorized! {
    /// The slopes of the cap at what gave `y`.
    fn cap_slopes(y: &mut [Float], most: Float) {
        y.iter_mut().for_each(|y| *y = 1.0 - (*y / most) * (*y / most));
    }
}

vectorized! {
    fn hide(x: &mut [Float], mask: &[Float]) {
        x.iter_mut().zip(mask).for_each(|(x, mask)| *x = if *mask == 0.0 { Float::NEG_INFINITY } else { *x });
    }
}

vectorized! {
    /// `x = exp(x) / Σ exp(x)`, and the logarithm of that sum; zeros and infinity where all are -∞.
    fn soften(x: &mut [Float], log_sum: &mut Float) {
        let max = sums::max(x);
        let max = if max == Float::NEG_INFINITY { 0.0 } else { max };
        x.iter_mut().for_each(|x| *x = math::exp(*x - max));
        let sum = sums::sum(x);
        *log_sum = if sum == 0.0 { Float::INFINITY } else { max + sum.ln() };
        let factor = if sum == 0.0 { 0.0 } else { 1.0 / sum };
        x.iter_mut().for_each(|x| *x *= factor);
    }
}

vectorized! {
    fn exponentials(x: &mut [Float], log_sum: Float) {
        x.iter_mut().for_each(|x| *x = math::exp(*x - log_sum));
    }
}

vectorized! {
    /// `dx = p (dp - Σ p dp)`, in the place of `dp`
    fn softened(p: &[Float], dp: &mut [Float]) {
        let along = sums::dot(p, dp);
        dp.iter_mut().zip(p).for_each(|(dp, p)| *dp = p * (*dp - along));
    }
}

vectorized! {
    fn drop_some(x: &mut [Float], seed: u32, least: u32, factor: Float) {
        for (i, x) in x.iter_mut().enumerate() {
            // Wellons' hash of 32 bits.
            let mut hash = (i as u32).wrapping_mul(0x9E37_79B9) ^ seed;
            hash = (hash ^ (hash >> 16)).wrapping_mul(0x7FEB_352D);
            hash = (hash ^ (hash >> 15)).wrapping_mul(0x846C_A68B);
            hash ^= hash >> 16;
            *x = if hash < least { 0.0 } else { *x * factor };
        }
    }
}
