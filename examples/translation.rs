//! Translates captions of photos from German into English, by a Transformer that begins with nothing but 29,000 pairs of sentences.
//!
//! `cargo run --release --features plot,tokenizers --example translation -- --data FOLDER`, where the folder has Multi30k, a sentence a line:
//! `train.de.gz`, `train.en.gz`, `val.*` and `test_2016_flickr.*`, gzipped or not. `--from en --to de` goes the other way.
//!
//! The subwords are learnt from both languages, so that one table of vectors serves encoder, decoder and output. The known PyTorch tutorial
//! (Trevett's seq2seq) reaches 36.5 BLEU by this measure with words of 9 million parameters, in lower case, and a recurrent network 28.1.

#[path = "shared/translator.rs"]
mod translator;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use gradus::data::{Batch, text};
use gradus::metrics::Bleu;
use gradus::models::{BeamSearch, Tokenizer};
use gradus::ndarray::Array2;
use gradus::optimizers::MovingAverage;
use gradus::optimizers::schedules::CosineDecay;
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use translator::{BEGIN, END, PADDING, Sizes, Translator, learn_subwords};

/// Learns to translate captions.
#[derive(Parser)]
struct Args {
    /// Folder with Multi30k; without it, sentences are made up.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Language of the sources.
    #[arg(long, default_value = "de")]
    from: String,
    /// Language of the targets.
    #[arg(long, default_value = "en")]
    to: String,
    /// Passes over the training set.
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Pairs in a step.
    #[arg(long, default_value_t = 128)]
    batch: usize,
    /// Greatest learning rate.
    #[arg(long, default_value_t = 1e-3)]
    rate: Float,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the subwords, the model and the picture.
    #[arg(long, value_name = "DIR", default_value = "target/translation")]
    out: PathBuf,
    /// Trained before: translator.safetensors of the same folder `--out`, which is tested as it is.
    #[arg(long)]
    trained: bool,
    /// Only measures how fast this many steps are, on the batches of `benches/rivals/python/translation_pytorch.py`.
    #[arg(long, value_name = "STEPS")]
    measure: Option<usize>,
    /// Made-up sentences and a tiny network, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// Sentences and their translations.
type Pairs = Vec<(String, String)>;

/// The loss on the validation set after each epoch.
type Curve = Vec<(usize, f64)>;

fn read(folder: &Path, set: &str, args: &Args) -> Result<Pairs> {
    let lines = |language: &str| {
        let path = folder.join(format!("{set}.{language}"));
        text::lines(if path.exists() { path } else { path.with_extension(format!("{language}.gz")) })
    };
    let (sources, targets) = (lines(&args.from)?, lines(&args.to)?);
    if sources.len() != targets.len() {
        let (sources, targets) = (sources.len(), targets.len());
        return Err(Error::value(format!("{set}: {sources} sources, but {targets} targets")));
    }
    Ok(sources.into_iter().zip(targets).collect())
}

/// Numbers in words, in two languages of which one puts the ones first.
fn invent(count: u32, offset: u32) -> Pairs {
    let (ones, tens) = (["one", "two", "three", "four", "five"], ["twenty", "thirty", "forty", "fifty"]);
    let (eins, zehn) = (["ein", "zwei", "drei", "vier", "fünf"], ["zwanzig", "dreißig", "vierzig", "fünfzig"]);
    let numbers = (0..count).map(|i| (7 * i + offset) as usize);
    numbers
        .map(|i| {
            (
                format!("{} und {} Hunde .", eins[i % 5], zehn[i / 5 % 4]),
                format!("{} {} dogs .", tens[i / 5 % 4], ones[i % 5]),
            )
        })
        .collect()
}

/// Pairs of ids, without the tokens that begin and end them.
fn encode(pairs: &Pairs, subwords: &Tokenizer) -> Result<Vec<[Vec<usize>; 2]>> {
    pairs.iter().map(|(source, target)| Ok([subwords.ids(source)?, subwords.ids(target)?])).collect()
}

/// Rows of ids, the shorter ones padded.
fn padded(rows: &[Vec<usize>]) -> Tensor {
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let id = |(row, place): (usize, usize)| *rows[row].get(place).unwrap_or(&PADDING) as Float;
    Array2::from_shape_fn((rows.len(), longest), id).into_tensor()
}

/// A batch: the source, the target with its beginning, and the target with its end, which is to be said.
fn batch(pairs: &[[Vec<usize>; 2]], chosen: &[usize]) -> Batch {
    let of = |make: &dyn Fn(&[Vec<usize>; 2]) -> Vec<usize>| {
        padded(&chosen.iter().map(|i| make(&pairs[*i])).collect::<Vec<_>>())
    };
    let inputs = vec![of(&|pair| [&pair[0][..], &[END]].concat()), of(&|pair| [&[BEGIN], &pair[1][..]].concat())];
    Batch::new(inputs, vec![of(&|pair| [&pair[1][..], &[END]].concat())])
}

/// Batches of pairs of like lengths, in random order.
fn batches(pairs: &[[Vec<usize>; 2]], size: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|i| (pairs[*i][1].len(), pairs[*i][0].len()));
    let mut batches: Vec<Vec<usize>> = order.chunks(size).map(<[usize]>::to_vec).collect();
    batches.shuffle(rng);
    batches
}

/// The sum of the losses of all subwords of a batch.
fn loss(model: &Translator, tape: &Tape, batch: &Batch, smoothing: Float) -> Result<Var> {
    let y = model.forward(&(tape.input(&batch.inputs[0]), tape.input(&batch.inputs[1])))?;
    let loss = SparseCrossEntropy::from_logits().label_smoothing(smoothing).ignore_class(PADDING as i64);
    Ok(loss.each(&y, &batch.targets[0])?.sum())
}

fn count(batch: &Batch) -> Float {
    batch.targets[0].iter().filter(|id| **id != PADDING as Float).count() as Float
}

/// Trains; says after each epoch how many nats a subword of the validation set costs.
fn train(model: &Translator, known: &[[Vec<usize>; 2]], held_out: &[[Vec<usize>; 2]], args: &Args) -> Result<Curve> {
    let steps = known.len().div_ceil(args.batch);
    let all_steps = (args.epochs * steps) as u32;
    let schedule = CosineDecay::new(args.rate, all_steps).warm_up((all_steps / 10).min(400));
    let adam = AdamW::new(args.rate).betas(0.9, 0.98).epsilon(1e-9).weight_decay(0.01);
    // Averaging the weights of the last hundreds of steps stands for averaging checkpoints.
    let average = MovingAverage::new(if args.smoke { 0.9 } else { 0.995 });
    let adam = Stepper::new(adam).clip(Clip::GlobalNorm(1.0)).schedule(schedule).average(average);
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let mut curve = Vec::new();
    let mut run = Loop::new(args.epochs, steps).seed(args.seed).model("translator", model, adam);
    while run.next_epoch()? {
        let (start, mut subwords) = (Instant::now(), 0.0);
        let mut order = batches(known, args.batch, &mut rng).into_iter().map(|chosen| Ok(batch(known, &chosen)));
        while let Some(batch) = run.next_of(&mut order)? {
            let count = count(&batch);
            // Each subword weighs the same, in whatever part of the batch it is.
            let nats = run.step_in_parts("translator", &batch, |tape, part| {
                let examples = batch.len() as Float / part.len() as Float;
                Ok(loss(model, tape, &part, 0.1)? * (examples / count))
            })?;
            run.end_batch(batch.len(), &[("loss", nats)])?;
            subwords += count;
        }
        let seconds = start.elapsed().as_secs_f64();
        // From the last batch to the next epoch the model has its average weights.
        let (mut sum, mut all) = (0.0, 0.0);
        for chosen in batches(held_out, 100, &mut ChaCha8Rng::seed_from_u64(0)) {
            let batch = batch(held_out, &chosen);
            (sum, all) = (sum + loss(model, &Tape::inference(), &batch, 0.0)?.item(), all + count(&batch));
        }
        model.save(args.out.join("translator.safetensors"))?;
        let nats = f64::from(sum / all);
        println!("epoch {}: {nats:.3} nats a subword, {:.0} subwords/s", run.epoch(), f64::from(subwords) / seconds);
        curve.push((run.epoch(), nats));
    }
    Ok(curve)
}

/// The median speed of steps over 128 pairs of 16 subwords each.
fn measure(model: &Translator, steps: usize, seed: u64) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut ids = || Array2::from_shape_fn((128, 16), |_| rng.random_range(3..8000) as Float).into_tensor();
    let batch = Batch::new(vec![ids(), ids()], vec![ids()]);
    let adam = AdamW::new(1e-3).betas(0.9, 0.98).epsilon(1e-9).weight_decay(0.01);
    let adam = Stepper::new(adam).clip(Clip::GlobalNorm(1.0));
    let mut run = Loop::new(1, steps + 2).model("translator", model, adam);
    let mut taken = Vec::new();
    run.next_epoch()?;
    while run.next_batch().is_some() {
        let start = Instant::now();
        let nats = run.step_in_parts("translator", &batch, |tape, part| {
            Ok(loss(model, tape, &part, 0.1)? * (1.0 / (16 * part.len()) as Float))
        })?;
        taken.push(start.elapsed().as_secs_f64());
        run.end_batch(batch.len(), &[("loss", nats)])?;
    }
    // The first two make parameters and fill caches.
    taken.drain(..2);
    taken.sort_by(f64::total_cmp);
    println!("{:.0} subwords/s, {} parameters", 2048.0 / taken[taken.len() / 2], model.parameter_count());
    Ok(())
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    std::fs::create_dir_all(&args.out).map_err(|error| Error::file(&args.out, error))?;
    let sizes = if args.smoke {
        Sizes { vocabulary: 300, width: 32, heads: 2, hidden: 64, layers: 1 }
    } else {
        Sizes::default()
    };
    let [known, held_out, test] = match &args.data {
        Some(folder) => {
            [read(folder, "train", &args)?, read(folder, "val", &args)?, read(folder, "test_2016_flickr", &args)?]
        }
        None => [invent(400, 1), invent(20, 3), invent(20, 5)],
    };
    if args.smoke {
        (args.epochs, args.rate, args.batch) = (6, 5e-3, 32);
    }
    let subwords = learn_subwords(&known, sizes.vocabulary, &args.out.join("subwords.json"))?;
    let model = Translator::new(&sizes);
    if let Some(steps) = args.measure {
        return measure(&model, steps, args.seed);
    }
    let curve = match args.trained {
        true => model.load(args.out.join("translator.safetensors")).map(|()| Curve::new())?,
        false => train(&model, &encode(&known, &subwords)?, &encode(&held_out, &subwords)?, &args)?,
    };
    println!("{} parameters, {} subwords", model.parameter_count(), subwords.vocabulary());

    for beams in [1, 5] {
        let start = Instant::now();
        let search = BeamSearch::new(beams, END).max_length(80);
        let mut bleu = Bleu::default().lowercase(true);
        for (number, (source, target)) in test.iter().enumerate() {
            let translation = subwords.decode(&model.translate(&subwords.ids(source)?, &search)?)?;
            bleu.add(translation.trim(), &[target])?;
            if beams == 5 && number < 5 {
                println!("\n{source}\n{translation}\n{target}");
            }
        }
        println!(
            "\nbeam {beams}: BLEU {:.2} (case:lc, tok:13a, smooth:exp), {:.0} s",
            bleu.result(),
            start.elapsed().as_secs_f64()
        );
    }
    let panel = Panel::new("Epoch", "Nats a subword, validation").line("", curve);
    Figure::new(format!("Translation, {} to {}", args.from, args.to))
        .panel(panel)
        .save(args.out.join("translation.svg"))
}
