//! A GPT-2 that learns to write from nothing: letter by letter on Alice's Adventures in Wonderland, then, from the file that was
//! saved, on a play of Shakespeare's. It is measured on the last tenth of each text, beside tables of how often a letter comes,
//! and comes after another one.
//!
//! `cargo run --release --example gpt_from_scratch`

use std::path::{Path, PathBuf};

use clap::Parser;
use gradus::data::from_fn;
use gradus::models::{Gpt2, Gpt2Config, Sampling};
use gradus::ndarray::Array1;
use gradus::optimizers::schedules::{CosineDecay, Schedule};
use gradus::prelude::*;

/// ASCII: a token for each byte.
const TOKENS: usize = 128;

/// Learns to write like a novel, then like a play.
#[derive(Parser)]
struct Args {
    /// Folder with `alice.txt` and `as_you_like_it.txt`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Passes over the novel.
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// Passes over the play.
    #[arg(long, default_value_t = 3)]
    tuning_epochs: usize,
    /// Letters that the network sees at once.
    #[arg(long, default_value_t = 128)]
    context: usize,
    /// Threads that compute, 0 for all cores; the results do not depend on it.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for gpt.safetensors.
    #[arg(long, value_name = "DIR", default_value = "target/gpt_from_scratch")]
    out: PathBuf,
    /// A few lines and a tiny network, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// A text in two parts: to learn from and to be measured on.
struct Text {
    train: Vec<u8>,
    test: Vec<u8>,
}

impl Text {
    fn read(args: &Args, name: &str) -> Result<Self> {
        let here = Path::new("examples/data/texts");
        let folder = args.data.clone().unwrap_or_else(|| match here.is_dir() {
            true => here.into(),
            false => Path::new(env!("CARGO_MANIFEST_DIR")).join(here),
        });
        let path = folder.join(name);
        let mut train = std::fs::read(&path).map_err(|error| Error::file(&path, error))?;
        if args.smoke {
            train.truncate(3000);
        }
        if let Some(place) = train.iter().position(|byte| usize::from(*byte) >= TOKENS) {
            return Err(Error::file(&path, format!("expected ASCII text, got byte {} at {place}", train[place])));
        }
        let test = train.split_off(train.len() * 9 / 10);
        if test.len() <= args.context {
            return Err(Error::file(&path, format!("{} letters are too few", train.len() + test.len())));
        }
        Ok(Self { train, test })
    }

    /// Mean of `-ln p` over the held-out letters, by counts of letters (`order` 0) or of letters after others (1).
    fn by_counts(&self, order: usize) -> f64 {
        let row = |before: u8| usize::from(before) * order;
        let mut counts = vec![[0.1_f64; TOKENS]; TOKENS];
        self.train.windows(2).for_each(|pair| counts[row(pair[0])][usize::from(pair[1])] += 1.0);
        let loss = |pair: &[u8]| {
            let row = &counts[row(pair[0])];
            -(row[usize::from(pair[1])] / row.iter().sum::<f64>()).ln()
        };
        self.test.windows(2).map(loss).sum::<f64>() / (self.test.len() - 1) as f64
    }
}

/// Windows of the text that begin `stride` letters apart, each with the same letters one on as targets.
fn windows(text: &[u8], context: usize, stride: usize) -> impl Dataset {
    from_fn((text.len() - context - 1) / stride + 1, move |i| {
        let letters = |from: usize| text[from..from + context].iter().map(|byte| Float::from(*byte));
        Ok((Array1::from_iter(letters(i * stride)), Array1::from_iter(letters(i * stride + 1))))
    })
}

/// Trains on a text; the losses on its held-out part before and after.
fn train(gpt: Gpt2, text: &Text, epochs: usize, rate: Float, args: &Args) -> Result<(Gpt2, [f64; 2])> {
    let batch = 16;
    let data = windows(&text.train, args.context, args.context / 4);
    let held_out = windows(&text.test, args.context, args.context);
    let steps = (epochs * data.len().div_ceil(batch)) as u32;
    let optimizer = AdamW::new(rate).weight_decay(0.05).betas(0.9, 0.99);
    let optimizer = optimizer.clip(Clip::GlobalNorm(1.0)).schedule(CosineDecay::new(rate, steps).warm_up(steps / 20));
    let model = gpt.compile(optimizer, SparseCrossEntropy::from_logits());
    let mut model = model.seed(args.seed).threads(args.threads);
    let before = model.evaluate(&held_out)?["loss"];
    model.fit(&data, Fit::epochs(epochs).batch_size(batch).validation(&held_out))?;
    let after = model.evaluate(&held_out)?["loss"];
    Ok((model.model, [before, after]))
}

/// What the network writes after a beginning.
fn write(gpt: &Gpt2, beginning: &str, args: &Args) -> Result<String> {
    let prompt: Vec<usize> = beginning.bytes().map(usize::from).collect();
    let sampling = Sampling::new().temperature(0.7).top_p(0.95).seed(args.seed);
    let letters = gpt.generate(&prompt, sampling).take(if args.smoke { 40 } else { 400 });
    let letters: String = letters.map(|id| id.map(|id| char::from(id as u8))).collect::<Result<_>>()?;
    Ok(format!("{beginning}{letters}"))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.epochs, args.tuning_epochs, args.context) = (1, 1, 32);
    }
    let [layers, size] = if args.smoke { [1, 16] } else { [4, 128] };
    let config =
        Gpt2Config { vocabulary: TOKENS, positions: args.context, layers, heads: 4, size, ..Gpt2Config::default() };
    let (novel, play) = (Text::read(&args, "alice.txt")?, Text::read(&args, "as_you_like_it.txt")?);

    let (gpt, of_novel) = train(Gpt2::new(&config), &novel, args.epochs, 2e-3, &args)?;
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let path = args.out.join("gpt.safetensors");
    gpt.save(&path)?;
    println!("\n--- {} parameters, saved in {}; it writes:\n", gpt.parameter_count(), path.display());
    println!("{}\n---\n", write(&gpt, "Alice ", &args)?);

    // As in another program, which has nothing but the file.
    let gpt = Gpt2::new(&config);
    gpt.load(&path)?;
    let (gpt, of_play) = train(gpt, &play, args.tuning_epochs, 1e-3, &args)?;
    println!("\n--- tuned on the play it writes:\n\n{}\n---\n", write(&gpt, "ROSALIND\t", &args)?);

    println!("{:<44} {:>14} {:>14}", "on the held-out tenth: loss (perplexity)", "novel", "play");
    let row = |name: &str, losses: [f64; 2]| {
        let [novel, play] = losses.map(|loss| format!("{loss:.3} ({:.2})", loss.exp()));
        println!("{name:<44} {novel:>14} {play:>14}");
    };
    row("frequencies of letters (baseline)", [novel.by_counts(0), play.by_counts(0)]);
    row("frequencies after another letter (baseline)", [novel.by_counts(1), play.by_counts(1)]);
    row("GPT before it is trained, or tuned", [of_novel[0], of_play[0]]);
    row("GPT after it is trained, or tuned", [of_novel[1], of_play[1]]);
    Ok(())
}
