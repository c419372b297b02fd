//! The numbers of `tests/fixtures/networks.py`: a hash of a tensor's name and of the place in it.

use gradus::ndarray::{ArcArray, IxDyn};
use gradus::{Float, Tensor};

/// Numbers from 0 to 1, without 1.
pub fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> + use<> {
    let seed = name.bytes().fold(0x811C_9DC5_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |place| {
        let mut h = place.wrapping_mul(0x9E37_79B9).wrapping_add(seed);
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from((h ^ (h >> 16)) >> 8) / f64::from(1 << 24)
    })
}

/// A tensor of PyTorch's file.
pub fn weights(name: &str, shape: &[usize]) -> Tensor {
    let fan_in: usize = shape.iter().skip(1).product();
    let (factor, start) = match shape.len() {
        0 | 1 if name.ends_with("weight") || name.ends_with("running_var") => (1.0, 0.5),
        0 | 1 => (0.2, -0.1),
        _ => {
            let bound = (6.0 / fan_in as f64).sqrt();
            (2.0 * bound, -bound)
        }
    };
    made(name, shape, |u| start + factor * u)
}

/// Inputs, and weights of outputs.
pub fn signal(name: &str, shape: &[usize]) -> Tensor {
    made(name, shape, |u| (2.0 * u - 1.0) * 3.0_f64.sqrt())
}

fn made(name: &str, shape: &[usize], number: impl Fn(f64) -> f64) -> Tensor {
    let numbers = uniform(name, shape.iter().product()).map(|u| Float::from(number(u) as f32)).collect();
    ArcArray::from_shape_vec(IxDyn(shape), numbers).expect("as many numbers as the shape says")
}

/// Norm, greatest number, and numbers at places that depend on the name.
pub fn digest(name: &str, tensor: &Tensor) -> Vec<f64> {
    let numbers: Vec<f64> = tensor.iter().map(|x| f64::from(*x)).collect();
    let norm = numbers.iter().map(|x| x * x).sum::<f64>().sqrt();
    let greatest = numbers.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    let places = uniform(&format!("{name}/places"), 4).map(|u| numbers[(u * numbers.len() as f64) as usize]);
    [norm, greatest].into_iter().chain(places).collect()
}
