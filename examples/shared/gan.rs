//! A generative adversarial network (Goodfellow et al. 2014) of convolutions, as in Radford et al. 2016.

use gradus::layers::ConvTranspose2d;
use gradus::ndarray::Array2;
use gradus::optimizers::MovingAverage;
use gradus::prelude::*;

pub const NOISE: usize = 64;
const BATCH: usize = 128;

/// From noise `[batch, 64]` to images `[batch, 28, 28, 1]`.
fn generator() -> Sequential {
    Sequential::new()
        .add(Dense::new(7 * 7 * 64).use_bias(false))
        .add(BatchNorm::new())
        .add(Relu)
        .add(Reshape::new([7, 7, 64]))
        .add(ConvTranspose2d::new(32, 4).strides(2).padding(Padding::Same).use_bias(false))
        .add(BatchNorm::new())
        .add(Relu)
        .add(ConvTranspose2d::new(1, 4).strides(2).padding(Padding::Same).activation(Sigmoid))
}

/// From images to a logit that is high for real ones.
fn discriminator() -> Sequential {
    let conv = |filters| Conv2d::new(filters, 4).strides(2).padding(Padding::Same).activation(LeakyRelu::new(0.2));
    Sequential::new().add(conv(32)).add(conv(64)).add(Flatten).add(Dropout::new(0.3)).add(Dense::new(1))
}

/// Trains both against each other; the generator that is returned has the average of its weights over the last thousand steps or so. The
/// discriminator is to say 0.9 of real images (Salimans et al. 2016), so that it stays unsure.
pub fn train(images: &Array2<Float>, epochs: usize, seed: u64) -> Result<Sequential> {
    let (generator, discriminator) = (generator(), discriminator());
    let adam = || Stepper::new(Adam::new(5e-4).betas(0.5, 0.999));
    let loss = BinaryCrossEntropy::from_logits();
    let data = (images, images);
    let batches = images.nrows().div_ceil(BATCH);
    let mut run = Loop::new(epochs, batches)
        .seed(seed)
        .model("generator", &generator, adam().average(MovingAverage::new(0.999)))
        .model("discriminator", &discriminator, adam());
    while run.next_epoch()? {
        let mut images = data.batches(BATCH).shuffle(seed).epoch(run.epoch() as u64);
        while let Some(batch) = run.next_of(&mut images)? {
            let tape = run.tape();
            let count = batch.len();
            let (yes, no) = (Tensor::ones([count, 1].as_slice()), Tensor::zeros([count, 1].as_slice()));
            let real = tape.input(&batch.inputs[0]).reshape_examples(&[28, 28, 1])?;
            let forged = generator.forward(&tape.normal(&[count, NOISE]))?;
            let judged = loss.loss(&discriminator.forward(&real)?, &(&yes * 0.9).into_shared())?
                + loss.loss(&discriminator.forward(&forged.detach())?, &no)?;
            run.step("discriminator", judged.backward()?)?;
            // The tape goes on: the generator meets the discriminator as it is now.
            let fooled = loss.loss(&discriminator.forward(&forged)?, &yes)?;
            run.step("generator", fooled.backward()?)?;
            tape.commit()?;
            run.end_batch(count, &[("discriminator_loss", judged.item()), ("generator_loss", fooled.item())])?;
        }
        println!("  epoch {}", run.epoch());
    }
    drop(run);
    // Batch normalisation remembers what the weights of each step made, which is not what their average makes.
    for step in 0..400 {
        let tape = Tape::training().seed(seed * 1000 + step);
        generator.forward(&tape.normal(&[BATCH, NOISE]))?;
        tape.commit()?;
    }
    Ok(generator)
}

/// Images `[count, 28, 28, 1]`.
pub fn sample(generator: &Sequential, count: usize, seed: u64) -> Result<Tensor> {
    let tape = Tape::inference().seed(seed);
    Ok(generator.forward(&tape.normal(&[count, NOISE]))?.value().clone())
}
