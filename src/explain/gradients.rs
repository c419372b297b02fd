//! Attributions by gradients.

use ndarray::{Axis, Slice};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::Explained;
use crate::autograd::{Layer, Tape};
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::{Float, Tensor, tensor};

/// Returns how steep the output is in each number of the input: `|dy/dx|`.
///
/// # Errors
/// a class that the model does not have; those of the model
/// # Reference
/// Simonyan et al. 2014; captum's `Saliency`
pub fn saliency(model: &(impl Layer + ?Sized), x: &Tensor, classes: &[usize]) -> Result<Tensor> {
    Ok(Explained { model, classes }.gradient(x)?.mapv(Float::abs).into_shared())
}

/// Returns `x dy/dx`.
///
/// # Errors
/// those of [`saliency`]
/// # Reference
/// captum's `InputXGradient`
pub fn input_x_gradient(model: &(impl Layer + ?Sized), x: &Tensor, classes: &[usize]) -> Result<Tensor> {
    Ok((x * &Explained { model, classes }.gradient(x)?).into_shared())
}

/// What [`integrated_gradients`] and [`deep_lift`] find.
#[derive(Clone, Debug, PartialEq)]
pub struct Integrated {
    /// The attributions, of the shape of the input.
    pub attributions: Tensor,
    /// For each example, the sum of its attributions less the difference between its output and the baseline's: how far the integral is
    /// from exact, which more steps make smaller.
    pub delta: Vec<Float>,
}

/// Returns the integral of the gradient on the straight way from a baseline to the input, times the way: attributions that sum to
/// how much the output differs from the baseline's. The baseline (black, silence, zeros) has the shape of `x`. The integral is
/// Gauss and Legendre's over `steps` points; 50 is usual.
///
/// # Errors
/// those of [`saliency`]; a baseline of another shape; no steps
/// # Reference
/// Sundararajan, Taly & Yan 2017; captum's `IntegratedGradients`
pub fn integrated_gradients(
    model: &(impl Layer + ?Sized),
    x: &Tensor,
    baseline: &Tensor,
    classes: &[usize],
    steps: usize,
) -> Result<Integrated> {
    check_baseline("integrated_gradients", x, baseline)?;
    if steps == 0 || steps > 10_000 {
        return Err(Error::value(format!("integrated_gradients: expected 1 to 10000 steps, got {steps}")));
    }
    let explained = Explained { model, classes };
    let way = x - baseline;
    let mut sum = vec![0.0_f64; x.len()];
    for (place, weight) in gauss_legendre(steps) {
        let at = (baseline + &(&way * place as Float)).into_shared();
        for (sum, gradient) in sum.iter_mut().zip(&explained.gradient(&at)?) {
            *sum += weight * f64::from(*gradient);
        }
    }
    let attributions: Vec<Float> = sum.iter().zip(&way).map(|(sum, way)| (sum * f64::from(*way)) as Float).collect();
    let attributions = tensor(x.shape(), attributions);
    Ok(Integrated { delta: explained.delta(&attributions, x, baseline)?, attributions })
}

/// Returns what each number of the input contributes to the output's difference from the baseline's, in one backward sweep: DeepLIFT by the
/// rescale rule. Through what is linear contributions go by its weights; through an activation `f` by
///
/// ```text
/// (f(z) - f(z₀)) / (z - z₀)      z, z₀: its inputs for the example and for the baseline
/// ```
///
/// in place of `f'(z)`, so that units which are saturated, whose gradient is 0, count. Max pooling hands a difference to where the
/// maximum was, and a softmax the rest after the mean over the example. Other operations, such as products of two values that both
/// depend on the input (attention, gated recurrence), go by their gradients: [`Integrated::delta`] shows how much is lost by that.
///
/// ```
/// use gradus::explain::deep_lift;
/// use gradus::prelude::*;
/// let model = Sequential::new().add(Dense::new(1).kernel_initializer(Ones).activation(Sigmoid));
/// let (x, baseline) = (ndarray::arr2(&[[30.0, 10.0]]).into_tensor(), Tensor::zeros([1, 2].as_slice()));
/// let found = deep_lift(&model, &x, &baseline, &[0])?;
/// // Where the gradient is 0, the sigmoid is still 0.5 above that of the baseline.
/// assert!((found.attributions[[0, 0]] - 0.375).abs() < 1e-5 && found.delta[0].abs() < 1e-5);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// those of [`saliency`]; a baseline of another shape
/// # Reference
/// Shrikumar, Greenside & Kundaje 2017; captum's `DeepLift` (given a single example, whose softmax is its mean over the whole batch)
#[doc(alias = "deeplift")]
pub fn deep_lift(
    model: &(impl Layer + ?Sized),
    x: &Tensor,
    baseline: &Tensor,
    classes: &[usize],
) -> Result<Integrated> {
    check_baseline("deep_lift", x, baseline)?;
    let explained = Explained { model, classes };
    let both = ndarray::concatenate(Axis(0), &[x.view(), baseline.view()]).map_err(|_| no_batch(x))?;
    let twice = [classes, classes].concat();
    let multipliers =
        Explained { model, classes: &twice }.gradient_on(Tape::inference().contrasting(), &both.into_shared())?;
    let multipliers = multipliers.slice_axis(Axis(0), Slice::from(..x.shape()[0]));
    let attributions = (&multipliers * &(x - baseline)).into_shared();
    Ok(Integrated { delta: explained.delta(&attributions, x, baseline)?, attributions })
}

fn no_batch(x: &Tensor) -> Error {
    Error::shape(format!("deep_lift: expected a batch, got the shape {:?}", x.shape()))
}

pub(super) fn check_baseline(who: &str, x: &Tensor, baseline: &Tensor) -> Result<()> {
    if x.shape() == baseline.shape() {
        return Ok(());
    }
    let (x, baseline) = (x.shape(), baseline.shape());
    Err(Error::shape(format!("{who}: expected a baseline of the input's shape {x:?}, got {baseline:?}")))
}

/// Points between 0 and 1 and their weights: the roots of Legendre's polynomial, by Newton's method.
fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let n = count as f64;
    let root = |i: usize| {
        let mut z = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut value, mut before) = (1.0, 0.0);
            for j in 0..count {
                let j = j as f64;
                (value, before) = (((2.0 * j + 1.0) * z * value - j * before) / (j + 1.0), value);
            }
            slope = n * (z * value - before) / (z * z - 1.0);
            let step = value / slope;
            z -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        ((1.0 - z) / 2.0, 1.0 / ((1.0 - z * z) * slope * slope))
    };
    (0..count).map(root).collect()
}

/// Returns the mean of attributions over noisy inputs, which takes out what the gradient does at a single point.
///
/// ```
/// use gradus::explain::{noise, saliency, smooth_grad};
/// use gradus::prelude::*;
/// let model = Dense::new(2);
/// let x = ndarray::arr2(&[[1.0, 2.0]]).into_tensor();
/// let smooth = smooth_grad(|x| saliency(&model, x, &[1]), &x, noise(&x, 0.1, 20, 1))?;
/// let plain = saliency(&model, &x, &[1])?; // a straight line is as steep everywhere
/// assert!(smooth.iter().zip(&plain).all(|(smooth, plain)| (smooth - plain).abs() < 1e-6));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// those of the attribution; no noise
/// # Reference
/// Smilkov et al. 2017; captum's `NoiseTunnel`
pub fn smooth_grad(
    attribution: impl Fn(&Tensor) -> Result<Tensor>,
    x: &Tensor,
    noise: impl IntoIterator<Item = Tensor>,
) -> Result<Tensor> {
    let (mut sum, mut count) = (vec![0.0_f64; x.len()], 0.0);
    for noise in noise {
        check_baseline("smooth_grad", x, &noise)?;
        let found = attribution(&(x + &noise).into_shared())?;
        sum.iter_mut().zip(&found).for_each(|(sum, found)| *sum += f64::from(*found));
        count += 1.0;
    }
    if count == 0.0 {
        return Err(Error::value("smooth_grad: expected noise, got none; make some by `noise`"));
    }
    Ok(tensor(x.shape(), sum.into_iter().map(|sum| (sum / count) as Float).collect()))
}

/// Returns `samples` tensors of the shape of `x` of normal numbers with this standard deviation, which the seed decides.
pub fn noise(x: &Tensor, stddev: Float, samples: usize, seed: u64) -> impl Iterator<Item = Tensor> + use<> {
    let (shape, len, mut rng) = (x.shape().to_vec(), x.len(), Rng::seed_from_u64(seed));
    (0..samples).map(move |_| {
        let numbers = (0..len).map(|_| {
            let normal: Float = StandardNormal.sample(&mut rng);
            stddev * normal
        });
        tensor(&shape, numbers.collect())
    })
}
