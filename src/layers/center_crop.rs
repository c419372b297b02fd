//! The middle of images.

use super::Layer;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};

described! {
    /// Cuts the middle out of images.
    ///
    /// # Shapes
    /// input `[batch, height, width, channels]`, output of the height and width of the layer
    /// # Errors
    /// an input of other than four axes, or of fewer pixels (Keras' makes these larger; [`Resize2d`](super::Resize2d) before it
    /// does that)
    /// # Example
    /// ```
    /// use gradus::layers::CenterCrop;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::Array4::<f32>::ones((2, 9, 7, 3)));
    /// assert_eq!(CenterCrop::new(4, 5).forward(&x)?.shape(), [2, 4, 5, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `CenterCrop`
    #[derive(Clone, Copy)]
    pub struct CenterCrop(
        /// The height of what is left.
        height: [usize],
        /// The width of what is left.
        width: [usize],
    ) {}
}

impl Layer for CenterCrop {
    fn forward(&self, x: &Var) -> Result<Var> {
        let Self { height, width } = *self;
        match *x.value.shape() {
            [_, h, w, _] if (1..=h).contains(&height) && (1..=w).contains(&width) => {
                let (top, left) = ((h - height) / 2, (w - width) / 2);
                x.slice(1, top..top + height)?.slice(2, left..left + width)
            }
            ref other => Err(Error::shape(format!(
                "expected images [batch, height, width, channels] of at least {height} times {width} pixels, got {other:?}"
            ))),
        }
    }

    config!();
}
