//! A diffusion model (Ho, Jain & Abbeel 2020) that draws the digit that it is asked for.
//!
//! An image `x` becomes `cos(πt/2) x + sin(πt/2) noise` as `t` goes from 0 to 1. The network learns the velocity of this way
//! (Salimans & Ho 2022); sampling walks it back from noise in a few straight steps (Song, Meng & Ermon 2021).

use gradus::layers::{PixelShuffle, PixelUnshuffle};
use gradus::ndarray::{Array1, Array2};
use gradus::optimizers::MovingAverage;
use gradus::optimizers::schedules::CosineDecay;
use gradus::prelude::*;
use rand::RngExt;

const BATCH: usize = 128;
/// Channels at 14 x 14 and at 7 x 7 places.
const FINE: usize = 32;
const COARSE: usize = 64;
/// The length of what is known about time and class.
const ABOUT: usize = 128;

/// `x + convolutions(x)`, where the second one also sees time and class.
struct Block {
    first: Sequential,
    about: Dense,
    second: Sequential,
}

impl Block {
    fn new(channels: usize) -> Self {
        let half = || {
            let conv = Conv2d::new(channels, 3).padding(Padding::Same);
            Sequential::new().add(GroupNorm::new(8)).add(Silu).add(conv)
        };
        Self { first: half(), about: Dense::new(channels), second: half() }
    }

    fn forward(&self, x: &Var, about: &Var) -> Result<Var> {
        let about = self.about.forward(about)?.insert_axis(1)?.insert_axis(1)?;
        Ok(x + self.second.forward(&(self.first.forward(x)? + about))?)
    }

    fn params<'a>(&'a self, name: &str, list: &mut ParamList<'a>) {
        list.nest(&format!("{name}_first"), &self.first);
        list.nest(&format!("{name}_about"), &self.about);
        list.nest(&format!("{name}_second"), &self.second);
    }
}

/// A small U-Net (Ronneberger, Fischer & Brox 2015).
pub struct Denoiser {
    time: Sequential,
    class: Embedding,
    blocks: [Block; 4],
    parts: [(&'static str, Sequential); 5],
}

impl Denoiser {
    pub fn new() -> Self {
        let conv = |channels, size: usize| Conv2d::new(channels, size).padding(Padding::Same);
        let alone = |conv: Conv2d| Sequential::new().add(conv);
        Self {
            time: Sequential::new().add(Dense::new(ABOUT).activation(Silu)).add(Dense::new(ABOUT)),
            class: Embedding::new(10, ABOUT),
            blocks: [FINE, COARSE, COARSE, FINE].map(Block::new),
            parts: [
                ("enter", Sequential::new().add(PixelUnshuffle::new(2)).add(conv(FINE, 3))),
                ("down", alone(conv(COARSE, 3).strides(2))),
                ("up", alone(conv(FINE, 3)).add(UpSample2d::new(2))),
                ("join", alone(conv(FINE, 1))),
                ("leave", Sequential::new().add(GroupNorm::new(8)).add(Silu).add(conv(4, 3)).add(PixelShuffle::new(2))),
            ],
        }
    }
}

/// The velocity of images `[batch, 28, 28, 1]` at times `[batch]`, of classes `[batch]`.
impl Layer<(Var, Var, Var)> for Denoiser {
    fn forward(&self, (x, time, class): &(Var, Var, Var)) -> Result<Var> {
        let [enter, down, up, join, leave] = &self.parts;
        let speeds = Array1::from_shape_fn(32, |i| (1000.0 as Float).powf(i as Float / 31.0));
        let angle = time.insert_axis(-1)? * x.tape().constant(speeds);
        let about = self.time.forward(&Var::concat(&[&angle.sin(), &angle.cos()], -1)?)? + self.class.forward(class)?;
        let about = Silu.forward(&about)?;
        let fine = self.blocks[0].forward(&enter.1.forward(x)?, &about)?;
        let mut coarse = down.1.forward(&fine)?;
        for block in &self.blocks[1..3] {
            coarse = block.forward(&coarse, &about)?;
        }
        let both = Var::concat(&[&up.1.forward(&coarse)?, &fine], -1)?;
        leave.1.forward(&self.blocks[3].forward(&join.1.forward(&both)?, &about)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("time", &self.time);
        list.nest("class", &self.class);
        for (block, name) in self.blocks.iter().zip(["fine_in", "coarse_1", "coarse_2", "fine_out"]) {
            block.params(name, list);
        }
        for (name, part) in &self.parts {
            list.nest(name, part);
        }
    }
}

/// How much of the image and how much noise there is at a time.
fn mixture(time: Float) -> [Float; 2] {
    let angle = time * std::f64::consts::FRAC_PI_2 as Float;
    [angle.cos(), angle.sin()]
}

/// The mean squared error of velocities at random times.
fn loss(model: &Denoiser, tape: &Tape, images: &Tensor, labels: &Tensor) -> Result<Var> {
    let x = tape.input(images).reshape_examples(&[28, 28, 1])? * 2.0 - 1.0;
    let times = tape.random(|rng| Array1::from_shape_fn(images.shape()[0], |_| rng.random::<Float>()));
    let of = |part: usize| tape.input(times.mapv(|t| mixture(t)[part])).reshape_examples(&[1, 1, 1]);
    let (keep, add, noise) = (of(0)?, of(1)?, x.normal_like());
    let input = (&keep * &x + &add * &noise, tape.input(&times), tape.input(labels));
    Ok((model.forward(&input)? - (keep * noise - add * x)).square().mean())
}

/// Trains on images `[count, 784]` with their labels. The model that is returned has the average of its weights.
pub fn train(images: &Array2<Float>, labels: &Array1<u8>, epochs: usize, seed: u64) -> Result<Denoiser> {
    let model = Denoiser::new();
    let data = (images, labels);
    let batches = images.nrows().div_ceil(BATCH);
    let steps = (epochs * batches) as u32;
    let adam = Stepper::new(Adam::default()).schedule(CosineDecay::new(2e-3, steps).warm_up(steps / 50 + 1));
    let average = MovingAverage::new(if steps > 2000 { 0.999 } else { 0.9 });
    let mut run = Loop::new(epochs, batches).seed(seed).model("denoiser", &model, adam.average(average));
    while run.next_epoch()? {
        let mut images = data.batches(BATCH).shuffle(seed).epoch(run.epoch() as u64);
        while let Some(batch) = run.next_of(&mut images)? {
            let error = run.step_in_parts("denoiser", &batch, |tape, part| {
                loss(&model, tape, &part.inputs[0], &part.targets[0])
            })?;
            run.end_batch(batch.len(), &[("loss", error)])?;
        }
        println!("  epoch {}: squared error {:.4}", run.epoch(), run.logs().get("loss").unwrap_or(f64::NAN));
    }
    drop(run);
    Ok(model)
}

/// Images `[classes, 28, 28, 1]` of these classes, from 0 to 1, in this many steps.
pub fn sample(model: &Denoiser, classes: &Array1<Float>, steps: usize, seed: u64) -> Result<Tensor> {
    let count = classes.len();
    let mut x = Tape::inference().seed(seed).normal(&[count, 28, 28, 1]).value().clone();
    for step in (1..=steps).rev() {
        let tape = Tape::inference();
        let [now, then] = [step, step - 1].map(|step| step as Float / steps as Float);
        let ([keep, add], [keep_then, add_then]) = (mixture(now), mixture(then));
        let noisy = tape.input(&x);
        let velocity =
            model.forward(&(noisy.clone(), tape.input(Array1::from_elem(count, now)), tape.input(classes)))?;
        let image = (&noisy * keep - &velocity * add).clip(-1.0, 1.0);
        let noise = &noisy * add + &velocity * keep;
        x = (image * keep_then + noise * add_then).value().clone();
    }
    Ok(x.mapv(|pixel| (0.5 * pixel + 0.5).clamp(0.0, 1.0)).into_shared())
}
