//! Dropout of whole channels.

use super::{check_rate, coins, multiply, noise_layer};
use crate::autograd::Var;
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, recycle, tensor};

macro_rules! spatial {
    ($($name:ident $what:literal $shape:literal $ones:expr, $alias:literal;)*) => {
        $(
            noise_layer! {
                #[doc = concat!("In training, sets each channel of each example to 0 with probability `rate`, over all of its ", $what, ",")]
                /// and divides the others by `1 - rate`; else the identity.
                ///
                /// # Shapes
                #[doc = concat!("input and output `", $shape, "`")]
                /// # Errors
                /// an input of other axes; a rate outside of 0 to 1 (1 excluded)
                /// # Example
                /// ```
                /// use gradus::{layers::*, prelude::*};
                #[doc = concat!("let x = Tape::training().input(ndarray::", $ones, ");")]
                #[doc = concat!("let y = ", stringify!($name), "::new(0.5).forward(&x)?;")]
                /// let y = y.value().as_slice().unwrap();
                /// assert!((0..3).all(|c| y[c] == y[c + 3] && (y[c] == 0.0 || y[c] == 2.0)));
                /// # Ok::<(), gradus::Error>(())
                /// ```
                /// # Reference
                #[doc = concat!("Tompson et al. 2015; Keras `", $alias, "`")]
                #[doc(alias = $alias)]
                pub struct $name(
                    /// The share of the channels that is dropped.
                    rate: [Float]
                );
                check check(x, layer.rate, $shape);
                |layer, x| without_channels(x, layer.rate)
            }
        )*
    };
}

spatial! {
    SpatialDropout1d "steps" "[batch, time, channels]" "Array3::<f32>::ones((1, 2, 3))", "SpatialDropout1D";
    SpatialDropout2d "pixels" "[batch, height, width, channels]" "Array4::<f32>::ones((1, 2, 1, 3))", "SpatialDropout2D";
    SpatialDropout3d "voxels" "[batch, depth, height, width, channels]" "Array5::<f32>::ones((1, 1, 2, 1, 3))", "SpatialDropout3D";
}

fn check(x: &Var, rate: Float, shape: &str) -> Result<()> {
    check_rate(rate)?;
    if x.value.shape().len() != shape.split(", ").count() {
        return Err(Error::shape(format!("expected an input {shape}, got {:?}", x.value.shape())));
    }
    Ok(())
}

fn without_channels(x: &Var, rate: Float) -> Var {
    let (examples, channels) = (x.value.shape()[0], x.value.shape()[x.value.shape().len() - 1]);
    let kept = coins(x.tape(), examples * channels, rate, [1.0 / (1.0 - rate), 0.0]);
    let mut factors = buffer(x.value.len());
    let example: usize = x.value.shape()[1..].iter().product();
    for (factors, kept) in factors.chunks_exact_mut(example.max(1)).zip(kept.chunks_exact(channels.max(1))) {
        factors.chunks_exact_mut(channels).for_each(|factors| factors.copy_from_slice(kept));
    }
    recycle(tensor(&[examples, channels], kept));
    multiply(x, factors)
}
