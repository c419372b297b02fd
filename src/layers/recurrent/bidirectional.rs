//! Both directions of a sequence.

use super::{Recurrent, StepOptions, masked};
use crate::autograd::{ParamList, Var};
use crate::config::{Config, Described, Reader, named};
use crate::error::{Error, Result};
use crate::layers::Layer;

/// How [`Bidirectional`] makes one output of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// Side by side along the last axis.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Multiply,
    /// Their mean.
    Average,
}

/// Two recurrent layers of one make, of which one takes the steps backwards.
///
/// With `return_sequences` the backward layer's output is turned round again, so that both outputs of a step stand at its place,
/// and both are 0 at padded steps, as in Keras. Options are set on either the inner layer or the whole.
///
/// # Shapes
/// those of the layer; the last axis of the output is twice as long with [`Merge::Concat`]; state: that of the forward and that
/// of the backward layer
/// # Defaults
/// outputs side by side
/// # Errors
/// those of the layer, with `forward` or `backward` before them
/// # Example
/// ```
/// use gradus::layers::Merge;
/// use gradus::prelude::*;
/// let layer = Bidirectional::new(|| Lstm::new(4).return_sequences(true)).merge(Merge::Sum);
/// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 5, 3))))?;
/// assert_eq!(y.shape(), [2, 5, 4]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Schuster & Paliwal 1997; Keras `Bidirectional`, PyTorch's `bidirectional`
#[derive(Debug)]
#[must_use]
pub struct Bidirectional<L> {
    forward: L,
    backward: L,
    options: StepOptions,
    merge: Merge,
}

impl<L: Recurrent> Bidirectional<L> {
    /// Creates the layer from two layers that `make` makes.
    pub fn new(make: impl Fn() -> L) -> Self {
        let (forward, backward) = (make(), make());
        let options = forward.options();
        let mut both = Self { forward, backward, options, merge: Merge::default() };
        both.set_options(options);
        both
    }

    /// Sets how the two outputs become one.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    fn merged(&self, x: &Var, forward: &Var, backward: Var) -> Result<Var> {
        let backward = if self.options.return_sequences { backward.flip(1)? } else { backward };
        let [one, other] = [forward, &backward].map(|y| y.value.shape());
        if self.merge != Merge::Concat && one != other {
            return Err(Error::shape(format!(
                "expected outputs of one shape in both directions, got {one:?} and {other:?}; give both layers the same units, or \
                 merge by `Merge::Concat`"
            )));
        }
        let y = match self.merge {
            Merge::Concat => Var::concat(&[forward, &backward], -1)?,
            Merge::Sum => forward + backward,
            Merge::Multiply => forward * backward,
            Merge::Average => (forward + backward) * 0.5,
        };
        Ok(masked(y, x, self.options))
    }
}

impl<L: Recurrent> Layer for Bidirectional<L> {
    fn forward(&self, x: &Var) -> Result<Var> {
        let forward = self.forward.forward(x).map_err(|error| error.within("forward"))?;
        let backward = self.backward.forward(x).map_err(|error| error.within("backward"))?;
        self.merged(x, &forward, backward)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("forward", &self.forward);
        list.nest("backward", &self.backward);
    }

    fn config(&self) -> Config {
        Config::new("Bidirectional")
            .with_part("forward", self.forward.config())
            .with_part("backward", self.backward.config())
            .with_default("merge_mode", &self.merge, &Merge::Concat)
    }
}

impl<L: Recurrent + Described> Described for Bidirectional<L> {
    const KIND: &'static str = "Bidirectional";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["forward", "backward", "merge_mode"])?;
        let (forward, backward): (L, L) = (from.part("forward")?, from.part("backward")?);
        // The forward layer has the options of the whole; those of both layers follow from them.
        let options = forward.options();
        let mut both = Self { forward, backward, options, merge: from.get_or("merge_mode", Merge::Concat)? };
        both.set_options(options);
        Ok(both)
    }
}

named!(Merge { Concat = "concat", Sum = "sum", Multiply = "mul", Average = "ave" });

impl<L: Recurrent> Recurrent for Bidirectional<L> {
    type State = (L::State, L::State);

    fn forward_from(&self, x: &Var, state: Option<&Self::State>) -> Result<(Var, Self::State)> {
        let (forward, ahead) =
            self.forward.forward_from(x, state.map(|state| &state.0)).map_err(|error| error.within("forward"))?;
        let (backward, back) =
            self.backward.forward_from(x, state.map(|state| &state.1)).map_err(|error| error.within("backward"))?;
        Ok((self.merged(x, &forward, backward)?, (ahead, back)))
    }

    fn options(&self) -> StepOptions {
        self.options
    }

    fn set_options(&mut self, options: StepOptions) {
        self.options = options;
        let zero_output_for_mask = options.zero_output_for_mask || options.return_sequences;
        self.forward.set_options(StepOptions { zero_output_for_mask, ..options });
        let go_backwards = !options.go_backwards;
        self.backward.set_options(StepOptions { zero_output_for_mask, go_backwards, ..options });
    }
}
