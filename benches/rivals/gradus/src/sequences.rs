//! The LSTM, the encoder of Transformers and MiniLM on gradus. `PROGRAM lstm|encoder|minilm BLOCKS`.

use std::time::Instant;

use gradus::models::{Bert, BertConfig};
use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;

use super::protocol::threads;

/// Token numbers in no order.
fn tokens(sequences: usize, steps: usize, words: u32) -> Array2<u32> {
    let mut state = 1_u32;
    Array2::from_shape_simple_fn((sequences, steps), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % words
    })
}

/// Runs of `work` a second, from the median of `repeats` after `warm_up`.
fn rate(warm_up: usize, repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut seconds = Vec::new();
    for _ in 0..warm_up + repeats {
        let clock = Instant::now();
        work()?;
        seconds.push(clock.elapsed().as_secs_f64());
    }
    let seconds = &mut seconds[warm_up..];
    seconds.sort_by(f64::total_cmp);
    Ok(1.0 / seconds[seconds.len() / 2])
}

/// The first step of each sequence.
struct First;

impl Layer for First {
    fn forward(&self, x: &Var) -> Result<Var> {
        x.index_axis(1, 0)
    }
}

fn encoder() -> Sequential {
    let body = Sequential::new().add(Embedding::new(30_522, 512)).add(LearnedPositions::new(512)).add(LayerNorm::new());
    (0..4).fold(body, |body, _| body.add(TransformerEncoder::new(512, 8, 2048).activation(Gelu)))
}

/// Prints the figures of a task, each the median of so many blocks.
pub fn measure(task: &str) -> Result<()> {
    let blocks = std::env::args().nth(2).and_then(|blocks| blocks.parse().ok()).unwrap_or(4);
    let classes = |count: usize| Array1::from_shape_fn(count, |i| (i % 2) as u8);
    let fit = |batch: usize| Fit::epochs(1).batch_size(batch).progress(false);
    if task == "lstm" {
        let (x, y) = (tokens(320, 200, 10_000), classes(320));
        let model = Sequential::new().add(Embedding::new(10_000, 128)).add(Lstm::new(128));
        let model = model.add(Dense::new(1).activation(Sigmoid));
        let mut model = model.compile(Adam::default(), BinaryCrossEntropy::default()).threads(threads());
        let blocks_per_s = rate(1, blocks, || model.fit(&(&x, &y), fit(32)).map(|_| ()))?;
        println!("{{\"train_per_s\": {}}}", 320.0 * blocks_per_s);
        return Ok(());
    }
    if task == "minilm" {
        let (x, y) = (tokens(80, 64, 30_521) + 1, classes(80));
        let sizes = BertConfig { size: 384, layers: 6, heads: 12, hidden: 1536, ..BertConfig::default() };
        let model = Sequential::new().add(Bert::new(&sizes)).add(GlobalAvgPool1d).add(Dense::new(2));
        let optimizer = AdamW::new(5e-5).weight_decay(0.01).clip(Clip::GlobalNorm(1.0));
        let mut model = model.compile(optimizer, SparseCrossEntropy::from_logits()).threads(threads());
        let blocks_per_s = rate(1, blocks, || model.fit(&(&x, &y), fit(16)).map(|_| ()))?;
        println!("{{\"train_per_s\": {}}}", 80.0 * blocks_per_s);
        return Ok(());
    }
    let (body, one) = (encoder(), tokens(8, 128, 30_522));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads()).build().expect("threads");
    let forward = || pool.install(|| body.forward(&Tape::inference().input(&one)).map(|_| ()));
    let forward_per_s = 8.0 * rate(2, 4 * blocks, forward)?;
    let (x, y) = (tokens(64, 128, 30_522), classes(64));
    let model = body.add(First).add(Dense::new(2).activation(Softmax));
    let mut model = model.compile(AdamW::new(1e-4), SparseCrossEntropy::default()).threads(threads());
    let train_per_s = 64.0 * rate(1, blocks, || model.fit(&(&x, &y), fit(8)).map(|_| ()))?;
    println!("{{\"forward_per_s\": {forward_per_s}, \"train_per_s\": {train_per_s}}}");
    Ok(())
}
