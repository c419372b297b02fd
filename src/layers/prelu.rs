//! The rectifier that learns the slope on its left.

use super::Layer;
use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, Zeros};
use crate::ops::resolve;

described! {
    /// Parametric rectifier: `y = x` for positive `x`, else `y = alpha · x`, where alpha is learned.
    ///
    /// # Shapes
    /// input and output `[batch, ...]`; alpha has the shape of an example, with 1 for each shared axis
    /// # Defaults
    /// no shared axes, alpha zeros; PyTorch's layer shares all axes but the channels, or all, and begins with 0.25
    /// # Errors
    /// an input of fewer than two axes, or of another shape than before; a shared axis out of range, or axis 0
    /// # Example
    /// ```
    /// use gradus::initializers::Constant;
    /// use gradus::layers::PRelu;
    /// use gradus::prelude::*;
    /// let layer = PRelu::new().shared_axes([1, 2]).alpha_initializer(Constant(0.25));
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array4::<f32>::from_elem((1, 2, 2, 3), -4.0)))?;
    /// assert_eq!(y.value()[[0, 0, 0, 0]], -1.0);
    /// assert_eq!(layer.alpha().shape().unwrap(), [1, 1, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// He et al. 2015; Keras `PReLU`, PyTorch `PReLU`
    #[doc(alias = "PReLU")]
    pub struct PRelu {
        /// The axes along which slopes are the same, such as `[1, 2]` for a slope per channel of images.
        shared_axes: [into Vec<isize>] = Vec::new(),
    }
    params {
        alpha: alpha_initializer = Zeros,
    }
}

impl PRelu {
    /// Returns the slopes.
    pub fn alpha(&self) -> &Param {
        &self.alpha
    }
}

impl Layer for PRelu {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        if x.value.shape().len() < 2 {
            let shape = x.value.shape();
            return Err(Error::shape(format!("expected an input [batch, ...] of two or more axes, got {shape:?}")));
        }
        let mut shape = x.value.shape()[1..].to_vec();
        for axis in &self.shared_axes {
            match resolve("shared_axes", *axis, x.value.shape())? {
                0 => return Err(Error::value("expected shared axes after the batch, which is axis 0, got axis 0")),
                axis => shape[axis - 1] = 1,
            }
        }
        // Slopes from PyTorch lack the shared axes before the channels, and mean the same.
        let bare = |shape: &[usize]| shape.iter().copied().skip_while(|len| *len == 1).collect::<Vec<_>>();
        let known = self.alpha.shape().filter(|known| known.len() < shape.len() && bare(known) == bare(&shape));
        let alpha = self.alpha.on(x, &known.unwrap_or(shape))?;
        Ok(x.relu() - alpha * (-x).relu())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("alpha", &self.alpha);
    }
}
