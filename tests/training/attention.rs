//! Attention over long sequences: the numbers of the same made of small operations, without their memory.

use gradus::layers::{AttentionOptions, scaled_dot_product_attention};
use gradus::prelude::*;

fn numbers(tape: &Tape, shape: &[usize], seed: usize) -> Var {
    let number = |i: usize| ((i * 7919 + seed * 31) % 1009) as Float / 504.0 - 1.0;
    let numbers = (0..shape.iter().product()).map(number).collect();
    tape.variable(Tensor::from_shape_vec(shape, numbers).unwrap())
}

/// By products of matrices and a softmax, the scores of hidden keys moved far down.
fn composed(query: &Var, key: &Var, value: &Var, hidden: &Var) -> Result<Var> {
    let group = query.shape()[2] / key.shape()[2];
    let by_heads = |x: &Var, times: usize| -> Result<Var> {
        let x = x.permute(&[0, 2, 1, 3])?;
        let [batch, heads, time, size] = [x.shape()[0], x.shape()[1], x.shape()[2], x.shape()[3]];
        x.insert_axis(2)?.broadcast_to(&[batch, heads, times, time, size])?.reshape(&[batch, heads * times, time, size])
    };
    let (q, k, v) = (by_heads(query, 1)?, by_heads(key, group)?, by_heads(value, group)?);
    let scores = q.matmul(&k.transpose()?)? / (query.shape()[3] as Float).sqrt() - hidden * 1e9;
    scores.softmax(-1)?.matmul(&v)?.permute(&[0, 2, 1, 3])
}

#[test]
fn blocks_agree_with_small_operations() {
    for (queries, keys, heads, key_heads, causal) in
        [(300, 300, 2, 2, true), (257, 130, 4, 2, false), (1, 700, 1, 1, false), (130, 9000, 1, 1, false)]
    {
        let tape = Tape::training();
        let q = numbers(&tape, &[2, queries, heads, 8], 1);
        let k = numbers(&tape, &[2, keys, key_heads, 8], 2);
        let v = numbers(&tape, &[2, keys, key_heads, 5], 3);
        let dy = numbers(&tape, &[2, queries, heads, 5], 4).detach();
        let is_hidden = |query: usize, key: usize| (key % 7 == 3) || (causal && key > query);
        let hidden = ndarray::Array2::from_shape_fn((queries, keys), |(q, k)| u8::from(is_hidden(q, k)));
        let mask = ndarray::Array2::from_shape_fn((2, keys), |(_, k)| u8::from(k % 7 != 3));
        let padded = k.clone().with_mask(mask).unwrap();
        let ours = scaled_dot_product_attention(&q, &padded, &v, &AttentionOptions::new().causal(causal)).unwrap();
        let other = composed(&q, &k, &v, &tape.constant(hidden)).unwrap();
        let near = |a: &Tensor, b: &Tensor, what: &str| {
            let scale = b.iter().fold(0.0, |max: Float, x| max.max(x.abs()));
            let error = (a - b).iter().fold(0.0, |max: Float, x| max.max(x.abs())) / scale;
            assert!(error < 2e-5, "{what} of {queries} queries and {keys} keys: {error}");
        };
        near(ours.value(), other.value(), "values");
        let [ours, other] = [ours, other].map(|y| (y * &dy).sum().backward().unwrap());
        for (x, what) in [(&q, "dquery"), (&k, "dkey"), (&v, "dvalue")] {
            near(ours.of(x).unwrap(), other.of(x).unwrap(), what);
        }
    }
}

/// The most memory this process has had, in bytes.
#[cfg(target_os = "linux")]
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// The scores of 8192 queries and keys alone are 256 MB.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_square_of_the_time() {
    if !crate::alone("attention::memory_does_not_grow_with_the_square_of_the_time") {
        return;
    }
    let before = most_memory();
    let tape = Tape::training();
    let x = numbers(&tape, &[1, 8192, 1, 16], 1);
    let y = scaled_dot_product_attention(&x, &x, &x, &AttentionOptions::new().causal(true)).unwrap();
    assert!(y.mean().backward().unwrap().of(&x).unwrap().iter().all(|x| x.is_finite()));
    let grown = most_memory() - before;
    assert!(grown < 120 << 20, "{} MB", grown >> 20);
}
