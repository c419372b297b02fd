//! Networks for sequences, and products of matrices, on gradus. `PROGRAM TASK BLOCKS`, for a task of [`TASKS`].

use gradus::models::{Bert, BertConfig, Gpt2, Gpt2Config};
use gradus::ndarray::{Array1, Array2};
use gradus::prelude::*;
use gradus::layers::LearnedPositions;

use super::protocol::{seconds, threads};

pub const TASKS: [&str; 6] = ["lstm", "encoder", "minilm", "gpt", "embedding", "matmul"];

/// Token numbers in no order.
fn tokens(sequences: usize, steps: usize, words: u32) -> Array2<u32> {
    let mut state = 1_u32;
    Array2::from_shape_simple_fn((sequences, steps), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % words
    })
}

/// Runs of `work` a second, by the median of `repeats` after `warm_up`, or with CPU time, whose ticks are long, by their mean.
fn rate(warm_up: usize, repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut moments = Vec::new();
    for run in 0..warm_up + repeats {
        work()?;
        if run + 1 >= warm_up {
            moments.push(seconds());
        }
    }
    Ok(1.0 / super::networks::step(&moments))
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

/// Billions of multiplications and additions a second, in products of two square matrices.
fn matmul(blocks: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads()).build().expect("threads");
    let rate = |side: usize, faster: usize| -> Result<f64> {
        let tape = Tape::inference();
        let input = |seed| tape.input(tokens(side, side, 1000).mapv(|x| (x + seed) as f32 / 1000.0 - 0.5));
        let (a, b) = (input(0), input(7));
        let times_a_second = rate(2 * faster, blocks * faster, || a.matmul(&b).map(|_| ()))?;
        Ok(2.0 * (side as f64).powi(3) / 1e9 * times_a_second)
    };
    let (large, small) = pool.install(|| Ok::<_, gradus::Error>((rate(2048, 1)?, rate(256, 200)?)))?;
    println!("{{\"giga_per_s_2048\": {large}, \"giga_per_s_256\": {small}}}");
    Ok(())
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
    if task == "matmul" {
        return matmul(blocks);
    }
    if task == "gpt" {
        let sizes = Gpt2Config {
            vocabulary: 65,
            positions: 256,
            layers: 6,
            heads: 6,
            size: 384,
            dropout: 0.0,
            ..Gpt2Config::default()
        };
        let (x, y) = (tokens(32, 256, 65), tokens(32, 256, 2).mapv(|y| y as u8));
        let mut model =
            Gpt2::new(&sizes).compile(AdamW::new(1e-4), SparseCrossEntropy::from_logits()).threads(threads());
        let blocks_per_s = rate(1, blocks, || model.fit(&(&x, &y), fit(8)).map(|_| ()))?;
        println!("{{\"train_per_s\": {}}}", 32.0 * blocks_per_s);
        return Ok(());
    }
    if task == "embedding" {
        let (x, y) = (tokens(2048, 64, 20_000), classes(2048));
        let model = Sequential::new().add(Embedding::new(20_000, 64)).add(GlobalAvgPool1d).add(Dense::new(2));
        let mut model = model.compile(AdamW::new(1e-4), SparseCrossEntropy::from_logits()).threads(threads());
        let blocks_per_s = rate(1, blocks, || model.fit(&(&x, &y), fit(512)).map(|_| ()))?;
        println!("{{\"train_per_s\": {}}}", 2048.0 * blocks_per_s);
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
