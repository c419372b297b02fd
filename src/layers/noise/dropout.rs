//! Dropout.

use super::{check_rate, coins, multiply, noise_layer};

noise_layer! {
    /// In training, sets each number to 0 with probability `rate` and divides the others by `1 - rate`; else the identity.
    ///
    /// # Shapes
    /// input and output alike, any
    /// # Errors
    /// a rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let x = ndarray::Array2::<f32>::ones((2, 3));
    /// let y = Dropout::new(0.5).forward(&Tape::training().input(&x))?;
    /// assert!(y.value().iter().all(|y| *y == 0.0 || *y == 2.0));
    /// let y = Dropout::new(0.5).forward(&Tape::inference().input(&x))?;
    /// assert_eq!(*y.value(), x.into_dyn());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Srivastava et al. 2014; Keras `Dropout`
    pub struct Dropout(
        /// The share of the numbers that is dropped.
        rate: [Float]
    );
    check check_rate(layer.rate);
    |layer, x| multiply(x, coins(x.tape(), x.value.len(), layer.rate, [1.0 / (1.0 - layer.rate), 0.0]))
}
