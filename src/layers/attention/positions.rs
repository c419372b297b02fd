//! What tells a network the place of each step of a sequence, added to it.

use crate::autograd::{Param, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, XavierUniform};
use crate::layers::Layer;
use crate::tensor::{Float, tensor};

fn lengths(x: &Var) -> Result<[usize; 2]> {
    match *x.value.shape() {
        [_, time, features] => Ok([time, features]),
        _ => Err(Error::shape(format!("expected an input [batch, time, features], got {:?}", x.value.shape()))),
    }
}

described! {
    /// Adds waves of growing length: `sin(time / base^(2i / features))` to feature `2i`, the cosine to feature `2i + 1`.
    ///
    /// # Shapes
    /// input and output `[batch, time, features]`
    /// # Defaults
    /// base 10,000
    /// # Errors
    /// an input of other than three axes; a base that is not above 0
    /// # Example
    /// ```
    /// use gradus::layers::SinusoidalPositions;
    /// use gradus::prelude::*;
    /// let y = SinusoidalPositions::new().forward(&Tape::inference().input(ndarray::Array3::<f32>::zeros((1, 2, 4))))?;
    /// assert_eq!(y.value()[[0, 1, 0]], 1_f32.sin());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Vaswani et al. 2017; Keras Hub `SinePositionEncoding`, which gives the waves alone
    #[doc(alias = "SinePositionEncoding")]
    #[doc(alias = "PositionalEncoding")]
    #[derive(Clone, Copy)]
    pub struct SinusoidalPositions {
        /// The longest wave, divided by `2π`.
        base: [Float] = 10_000.0,
    }
}

impl Layer for SinusoidalPositions {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        let [time, features] = lengths(x)?;
        let mut waves = Vec::with_capacity(time * features);
        let speeds = speeds(self.base, features)?;
        for step in 0..time {
            waves.extend((0..features).map(|i| {
                let angle = step as f64 * speeds[i / 2];
                if i % 2 == 0 { angle.sin() as Float } else { angle.cos() as Float }
            }));
        }
        Ok(x + x.tape().constant(tensor(&[time, features], waves)))
    }
}

/// `base^(-2i / features)` for each pair of features.
pub(super) fn speeds(base: Float, features: usize) -> Result<Vec<f64>> {
    if !(base > 0.0 && base.is_finite()) {
        return Err(Error::value(format!("expected a base above 0, got {base}")));
    }
    let pairs = features.div_ceil(2);
    Ok((0..pairs).map(|i| f64::from(base).powf(-2.0 * i as f64 / features as f64)).collect())
}

described! {
    /// Adds a learned row to each step: the one of its place.
    ///
    /// # Shapes
    /// input and output `[batch, time, features]`; table `[length, features]`, of which a shorter sequence takes the first
    /// rows
    /// # Defaults
    /// table Xavier uniform
    /// # Errors
    /// an input of other than three axes; a sequence that is longer than the table; other features than the table was
    /// made for; a length of 0
    /// # Example
    /// ```
    /// use gradus::layers::LearnedPositions;
    /// use gradus::prelude::*;
    /// let layer = LearnedPositions::new(512);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::zeros((8, 128, 64))))?;
    /// assert_eq!(y.shape(), [8, 128, 64]);
    /// assert_eq!(layer.parameters()[0].1.shape().unwrap(), [512, 64]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Gehring et al. 2017; Keras Hub `PositionEmbedding`
    #[doc(alias = "PositionEmbedding")]
    pub struct LearnedPositions(
        /// How many steps a sequence may have.
        length: [usize],
    ) {}
    params {
        table: initializer = XavierUniform,
    }
}

impl LearnedPositions {
    /// Returns the table, `[length, features]`.
    pub fn table(&self) -> &Param {
        self.table.shaped(&[Some(self.length), None])
    }

    /// Runs the forward pass for steps of which `start` came before.
    ///
    /// # Errors
    /// those of the layer
    pub fn forward_from(&self, x: &Var, start: usize) -> Result<Var> {
        let [time, features] = lengths(x)?;
        if self.length == 0 || features == 0 {
            return Err(Error::value(format!(
                "expected a table of at least 1 row and 1 feature, got {} rows and input {:?}",
                self.length,
                x.value.shape()
            )));
        }
        if time > self.length.saturating_sub(start) {
            let before = if start > 0 { format!(" after {start} steps") } else { String::new() };
            return Err(Error::shape(format!(
                "expected at most {} steps, for which there are positions, got input {:?}{before}; cut the sequences, or make \
                 the table longer",
                self.length,
                x.value.shape()
            )));
        }
        Ok(x + self.table.on(x, &[self.length, features])?.slice(0, start..start + time)?)
    }
}

impl Layer for LearnedPositions {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.forward_from(x, 0)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("table", self.table());
    }
}
