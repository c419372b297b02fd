//! Draws schedules of the learning rate, and trains by one of them.
//!
//! `cargo run --release --features plot --example schedules`

use std::path::Path;

use clap::Parser;
use gradus::optimizers::Group;
use gradus::optimizers::schedules::{CosineDecay, CosineDecayRestarts, Noam, OneCycle, PolynomialDecay, StepDecay};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;

/// Draws schedules of the learning rate, and trains by one of them.
#[derive(Parser)]
struct Args {
    /// Steps to draw, and to train for.
    #[arg(long, default_value_t = 1000)]
    steps: u32,
    /// Few steps, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let steps = if args.smoke { args.steps.min(200) } else { args.steps };
    let (tenth, rest) = (steps / 10, steps - steps / 10);

    let curves = [
        ("cosine after a warm-up", CosineDecay::new(0.1, rest).warm_up(tenth).curve(steps)),
        ("restarts", CosineDecayRestarts::new(0.1, tenth).m_mul(0.8).curve(steps)),
        ("one cycle", OneCycle::new(0.1, steps).curve(steps)),
        ("steps", StepDecay::new(0.1, 2 * tenth.max(1), 0.5).curve(steps)),
        ("polynomial", PolynomialDecay::new(0.1, steps).end_learning_rate(0.0).power(2.0).curve(steps)),
        ("Noam", Noam::new(64, 2 * tenth.max(1)).curve(steps)),
    ];
    let path = Path::new("target/schedules.svg");
    println!("{} shows {} schedules.", path.display(), curves.len());
    let draw = |panel: Panel, (name, rates): (&str, Vec<Float>)| panel.line(name, rates.into_iter().enumerate());
    let panel = curves.into_iter().fold(Panel::new("Step", "Rate"), draw);
    Figure::new("Schedules of the learning rate").panel(panel).save(path)?;

    let x = ndarray::Array2::from_shape_fn((64, 1), |(i, _)| i as Float / 32.0 - 1.0);
    let y = x.mapv(|x| (3.0 * x).sin());
    let optimizer = AdamW::default()
        .schedule(CosineDecay::new(0.02, rest).warm_up(tenth))
        .group("*.bias", Group::new().weight_decay(0.0))
        .clip(Clip::GlobalNorm(1.0));
    let mut model =
        Sequential::new().add(Dense::new(32).activation(Tanh)).add(Dense::new(1)).compile(optimizer, MeanSquaredError);
    let history = model.fit(&(&x, &y), Fit::epochs(steps as usize).batch_size(64).progress(false))?;
    println!("A sine, learned by the first of them: loss {:.5}", history.last().map_or(f64::NAN, |logs| logs["loss"]));
    Ok(())
}
