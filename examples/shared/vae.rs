//! A variational autoencoder (Kingma & Welling 2014): 784 pixels, 400 hidden units, a code of 20 numbers.

use gradus::ndarray::Array2;
use gradus::prelude::*;

pub const CODE: usize = 20;

pub struct Vae {
    encoder: Dense,
    mean: Dense,
    log_variance: Dense,
    decoder: Sequential,
}

impl Vae {
    pub fn new() -> Self {
        let decoder = Sequential::new().add(Dense::new(400).activation(Relu)).add(Dense::new(784));
        let encoder = Dense::new(400).activation(Relu);
        Self { encoder, mean: Dense::new(CODE), log_variance: Dense::new(CODE), decoder }
    }

    /// The mean and the logarithm of the variance of the codes that images may have.
    fn encode(&self, x: &Var) -> Result<(Var, Var)> {
        let hidden = self.encoder.forward(x)?;
        Ok((self.mean.forward(&hidden)?, self.log_variance.forward(&hidden)?))
    }

    /// The means of the codes of images `[batch, 784]`.
    pub fn codes(&self, images: &Array2<Float>) -> Result<Tensor> {
        Ok(self.encode(&Tape::inference().input(images))?.0.value().clone())
    }

    /// Images `[batch, 28, 28, 1]` for codes `[batch, 20]`.
    pub fn decode(&self, codes: impl IntoTensor) -> Result<Tensor> {
        let pixels = self.decoder.forward(&Tape::inference().input(codes))?.sigmoid();
        Ok(pixels.reshape_examples(&[28, 28, 1])?.value().clone())
    }
}

/// From images to the logits of their reconstruction. What a code says beyond a normal distribution is a part of the loss, in the same
/// unit as the other part, which is a mean over pixels.
impl Layer for Vae {
    fn forward(&self, x: &Var) -> Result<Var> {
        let (mean, log_variance) = self.encode(x)?;
        let divergence = (mean.square() + log_variance.exp() - &log_variance - 1.0).sum_axes(&[1])? * 0.5;
        x.tape().add_loss(&(divergence.mean() * (1.0 / 784.0)));
        self.decoder.forward(&(&mean + (log_variance * 0.5).exp() * mean.normal_like()))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("encoder", &self.encoder);
        list.nest("mean", &self.mean);
        list.nest("log_variance", &self.log_variance);
        list.nest("decoder", &self.decoder);
    }
}

/// Trains, and returns the model with the mean of BCE + KL of each new image.
pub fn train(train: &Array2<Float>, test: &Array2<Float>, epochs: usize, seed: u64) -> Result<(Vae, f64)> {
    let mut model = Vae::new().compile(Adam::new(1e-3), BinaryCrossEntropy::from_logits()).seed(seed);
    model.fit(&(train, train), Fit::epochs(epochs).batch_size(128).validation(&(test, test)))?;
    let bound = 784.0 * model.evaluate(&(test, test))?["loss"];
    Ok((model.model, bound))
}
