//! Global pooling.

use super::Layer;
use super::pool_op::{self, Pooling};
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::kernels::pool::Span;
use crate::tensor::{Float, reshaped};

/// One window over all of each axis.
fn everything(input: &[usize]) -> Result<Vec<Vec<Span>>> {
    if input.contains(&0) {
        return Err(Error::shape(format!("expected an input with pixels, got lengths {input:?}")));
    }
    Ok(input.iter().map(|len| vec![Span::of(0, *len)]).collect())
}

/// Pools over all of this many axes.
fn pool(pooling: Pooling, x: &Var, axes: usize) -> Result<Var> {
    let ([batch, time, _], Some(mask), Pooling::Average) = (x.value.shape(), x.mask.as_deref(), pooling) else {
        // Keras' maximum does not know masks.
        return pool_op::run(pooling, &x.clone().without_mask(), axes, false, &everything);
    };
    // Over the real steps of each sequence, 0 where there are none.
    let mask = x.tape().examples(reshaped(mask, &[*batch, *time, 1]));
    let (x, count) = (x.clone().without_mask(), mask.sum_axes(&[1])?);
    Ok((x * mask).sum_axes(&[1])? / count.clip(1.0, Float::MAX))
}

macro_rules! global_pools {
    ($($name:ident: $pooling:ident over $rank:literal, $what:literal, $axes:literal, $example:literal, $alias:literal;)*) => { $(
        described! {
            #[doc = concat!("The ", $what, ".")]
            ///
            /// # Shapes
            #[doc = concat!("input `[batch, ", $axes, ", channels]`, output `[batch, channels]`")]
            /// # Errors
            /// an input with another number of axes, or without pixels
            /// # Example
            /// ```
            /// use gradus::{layers::*, prelude::*};
            #[doc = concat!("let x = Tape::inference().input(ndarray::", $example, ");")]
            #[doc = concat!("let y = ", stringify!($name), ".forward(&x)?;")]
            /// assert_eq!((y.shape(), y.item()), (&[2, 5][..], 1.0));
            /// # Ok::<(), gradus::Error>(())
            /// ```
            /// # Reference
            #[doc = concat!("Lin et al. 2013; Keras `", $alias, "`")]
            #[doc(alias = $alias)]
            pub struct $name;
        }

        impl Layer for $name {
            fn forward(&self, x: &Var) -> Result<Var> {
                pool(Pooling::$pooling, x, $rank)
            }

            config!();
        }
    )* };
}

global_pools! {
    GlobalAvgPool1d: Average over 1, "mean of each channel over time, of its real steps only if there is a [mask](Var::mask)",
        "time", "Array3::<f32>::ones((2, 7, 5))", "GlobalAveragePooling1D";
    GlobalAvgPool2d: Average over 2, "mean of each channel over height and width",
        "height, width", "Array4::<f32>::ones((2, 7, 7, 5))", "GlobalAveragePooling2D";
    GlobalAvgPool3d: Average over 3, "mean of each channel over depth, height and width",
        "depth, height, width", "Array5::<f32>::ones((2, 4, 7, 7, 5))", "GlobalAveragePooling3D";
    GlobalMaxPool1d: Max over 1, "greatest number of each channel over time, of all steps, as in Keras, even if there is a [mask](Var::mask); its gradient goes to the first maximum",
        "time", "Array3::<f32>::ones((2, 7, 5))", "GlobalMaxPooling1D";
    GlobalMaxPool2d: Max over 2,
        "greatest number of each channel over height and width; its gradient goes to the first maximum",
        "height, width", "Array4::<f32>::ones((2, 7, 7, 5))", "GlobalMaxPooling2D";
    GlobalMaxPool3d: Max over 3,
        "greatest number of each channel over depth, height and width; its gradient goes to the first maximum",
        "depth, height, width", "Array5::<f32>::ones((2, 4, 7, 7, 5))", "GlobalMaxPooling3D";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;

    #[test]
    fn padding_does_not_count_in_a_mean() {
        let x = Tape::inference().input(ndarray::arr3(&[[[1.0], [3.0], [8.0]], [[5.0], [6.0], [7.0]]]));
        let x = x.with_mask(ndarray::arr2(&[[1, 1, 0], [0, 0, 0]])).unwrap();
        assert_eq!(GlobalAvgPool1d.forward(&x).unwrap().value().as_slice().unwrap(), [2.0, 0.0]);
    }

    #[test]
    fn a_maximum_is_of_all_steps_as_in_keras() {
        let x = Tape::inference().input(ndarray::arr3(&[[[-1.0], [-3.0], [8.0]], [[5.0], [6.0], [7.0]]]));
        let masked = x.with_mask(ndarray::arr2(&[[1, 1, 0], [0, 0, 0]])).unwrap();
        let y = GlobalMaxPool1d.forward(&masked).unwrap();
        assert_eq!(y.value().as_slice().unwrap(), [8.0, 7.0]);
        assert!(y.mask().is_none());
    }

    /// Where there are as many channels as there were steps.
    #[test]
    fn steps_that_are_gone_have_no_mask() {
        let x = Tape::inference().input(ndarray::Array3::<crate::tensor::Float>::ones((2, 3, 3)));
        let x = x.with_mask(ndarray::Array2::<crate::tensor::Float>::ones((2, 3))).unwrap();
        assert!(GlobalAvgPool1d.forward(&x).unwrap().mask().is_none());
    }
}
