//! Inputs on another scale.

use super::Layer;
use crate::autograd::Var;
use crate::config::{Registry, Setting, Value, config, described};
use crate::error::Result;
use crate::tensor::{Float, tensor};

/// A number, or one for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct PerChannel(Vec<Float>);

impl From<Float> for PerChannel {
    fn from(number: Float) -> Self {
        Self(vec![number])
    }
}

impl From<Vec<Float>> for PerChannel {
    fn from(numbers: Vec<Float>) -> Self {
        Self(numbers)
    }
}

impl<const N: usize> From<[Float; N]> for PerChannel {
    fn from(numbers: [Float; N]) -> Self {
        Self(numbers.into())
    }
}

impl Setting for PerChannel {
    fn to_value(&self) -> Value {
        if let [number] = self.0[..] { number.to_value() } else { self.0.to_value() }
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        match value {
            Value::List(_) => Setting::from_value(value, registry).map(Self),
            number => Float::from_value(number, registry).map(Self::from),
        }
    }
}

impl PerChannel {
    fn on(&self, x: &Var) -> Var {
        match self.0[..] {
            [number] => x.tape().constant(number),
            _ => x.tape().constant(tensor(&[self.0.len()], self.0.clone())),
        }
    }
}

described! {
    /// Brings inputs to another scale: `y = scale · x + offset`, such as the pixels of images from 0 to 255 to 0 to 1.
    ///
    /// # Shapes
    /// input and output alike, `[batch, ..., channels]`
    /// # Defaults
    /// no offset
    /// # Errors
    /// another number of channels than the scale or the offset has
    /// # Example
    /// ```
    /// use gradus::layers::Rescaling;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr2(&[[0.0, 255.0]]));
    /// let y = Rescaling::new(1.0 / 127.5).offset(-1.0).forward(&x)?;
    /// assert_eq!(y.value().as_slice().unwrap(), [-1.0, 1.0]);
    /// assert_eq!(Rescaling::new([1.0, 0.1]).forward(&x)?.value().as_slice().unwrap(), [0.0, 25.5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Rescaling`
    #[derive(Clone)]
    pub struct Rescaling(
        /// The factor: a number, or one for each channel.
        scale: [into PerChannel],
    ) {
        /// What is added then: a number, or one for each channel.
        offset: [into PerChannel] = PerChannel(vec![0.0]),
    }
}

impl Layer for Rescaling {
    fn forward(&self, x: &Var) -> Result<Var> {
        let (scale, offset) = (self.scale.on(x), self.offset.on(x));
        super::merge::check_broadcast(x, &scale)?;
        super::merge::check_broadcast(x, &offset)?;
        Ok(x * scale + offset)
    }

    config!();
}
