//! Layers that carry a state from one time step to the next. [`Recurrent`] is the trait.

mod bidirectional;
mod core;
mod gru;
mod lstm;
mod onnx;
mod op;
mod part;
mod rnn;
mod simple_rnn;
mod with_state;

pub use bidirectional::{Bidirectional, Merge};
pub use gru::Gru;
pub use lstm::Lstm;
pub use rnn::{Cell, Rnn};
pub use simple_rnn::SimpleRnn;
pub use with_state::WithState;

use self::with_state::OfList;
use super::graph::{ListLayer, listed};
use super::{Layer, Vars};
use crate::autograd::Var;
use crate::config::{Config, Described, Reader, Registry, Value};
use crate::error::{Error, Result};
use crate::tensor::data;

/// In which order a recurrent layer takes its steps, and what it puts out. All are `false` by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// Whether the output has every step, `[batch, time, units]`, or the last one only, `[batch, units]`.
    pub return_sequences: bool,
    /// Whether steps go from the last to the first. The output is in the order of the steps, as in Keras.
    pub go_backwards: bool,
    /// Whether a sequence of outputs is 0 at padded steps, as that of PyTorch's packed sequences; else it repeats the one
    /// before. Without `return_sequences` it changes nothing: the last output is that of the last real step, whatever
    /// padding follows. So says Keras' documentation ("only used when `return_sequences` is `True`"), so do PyTorch's packed
    /// sequences and Keras' GPU kernels; Keras' plain loop gives 0 for every sequence that ends in padding, which loses it.
    pub zero_output_for_mask: bool,
}

/// A layer that carries a state from one time step to the next: [`SimpleRnn`], [`Lstm`], [`Gru`], [`Rnn`] around a cell
/// of your own, [`Bidirectional`] around any of them.
///
/// All obey the [mask](Var::mask) of their input as in Keras: at a padded step the state stays, and the output repeats the one
/// before it (zeros before the first real step). With `return_sequences` the mask is kept with the output.
///
/// ```
/// use gradus::prelude::*;
/// let stacked = Sequential::new()
///     .add(Lstm::new(8).return_sequences(true))
///     .add(Gru::new(4).go_backwards(true));
/// let y = stacked.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 5, 3))))?;
/// assert_eq!(y.shape(), [2, 4]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Recurrent: Layer {
    /// What is carried: one variable `[batch, units]`, or a tuple of them.
    type State: Vars;

    /// The output for `x`, and the state after the last step; from this state, or from zeros.
    ///
    /// # Errors
    /// those of the layer; a state of another shape than `[batch, units]`
    fn forward_from(&self, x: &Var, state: Option<&Self::State>) -> Result<(Var, Self::State)>;

    /// How the layer takes its steps.
    fn options(&self) -> StepOptions;

    /// Changes how the layer takes its steps.
    fn set_options(&mut self, options: StepOptions);

    /// Sets whether the output has every step. See [`StepOptions`].
    #[must_use]
    fn return_sequences(mut self, yes: bool) -> Self
    where
        Self: Sized,
    {
        self.set_options(StepOptions { return_sequences: yes, ..self.options() });
        self
    }

    /// Sets whether steps go from the last to the first. See [`StepOptions`].
    #[must_use]
    fn go_backwards(mut self, yes: bool) -> Self
    where
        Self: Sized,
    {
        self.set_options(StepOptions { go_backwards: yes, ..self.options() });
        self
    }

    /// Sets whether a sequence of outputs is 0 at padded steps; the last output alone never is. See [`StepOptions`].
    #[must_use]
    fn zero_output_for_mask(mut self, yes: bool) -> Self
    where
        Self: Sized,
    {
        self.set_options(StepOptions { zero_output_for_mask: yes, ..self.options() });
        self
    }

    /// This layer with the state as a second input and output. See [`WithState`].
    #[doc(alias = "return_state")]
    fn with_state(self) -> WithState<Self>
    where
        Self: Sized,
    {
        WithState(self)
    }
}

/// Adds the layers around a recurrent one: which type they are follows from what is inside.
pub(super) fn register(mut registry: Registry) -> Registry {
    macro_rules! around {
        ($wrapper:ident, $inside:literal, $family:ty: $($layer:ty),+) => {
            registry.insert(stringify!($wrapper), |from| {
                let inside = from.get::<Config>($inside)?;
                $(if inside.kind() == <$layer as Described>::KIND {
                    return Ok(Box::new(<$wrapper<$layer>>::from_config(from)?) as Box<$family>);
                })+
                Err(no_recurrence(&inside))
            });
        };
    }
    around!(Bidirectional, "forward", dyn Layer: SimpleRnn, Lstm, Gru);
    around!(WithState, "layer", dyn Layer<(Var, Var), (Var, Var)>: SimpleRnn, Gru);
    around!(WithState, "layer", dyn Layer<(Var, (Var, Var)), (Var, (Var, Var))>: Lstm);
    // A graph takes layers of any arrangement.
    registry.insert("Bidirectional", listed::<Var, Var>);
    registry.insert("WithState", in_a_graph);
    registry
}

fn no_recurrence(inside: &Config) -> Error {
    Error::value(format!("expected a recurrent layer of this crate inside, got `{}`", inside.kind()))
}

/// A layer with its state, by what is inside.
fn in_a_graph(from: &Reader<'_>) -> Result<Box<ListLayer>> {
    let inside = from.get::<Config>("layer")?;
    let both = match inside.get("forward") {
        Some(Value::Config(forward)) if inside.kind() == "Bidirectional" => forward.kind(),
        _ => "",
    };
    Ok(match (inside.kind(), both) {
        ("SimpleRnn", _) => Box::new(OfList::<SimpleRnn>::from_config(from)?),
        ("Gru", _) => Box::new(OfList::<Gru>::from_config(from)?),
        ("Lstm", _) => Box::new(OfList::<Lstm>::from_config(from)?),
        (_, "SimpleRnn") => Box::new(OfList::<Bidirectional<SimpleRnn>>::from_config(from)?),
        (_, "Gru") => Box::new(OfList::<Bidirectional<Gru>>::from_config(from)?),
        (_, "Lstm") => Box::new(OfList::<Bidirectional<Lstm>>::from_config(from)?),
        _ => return Err(no_recurrence(&inside)),
    })
}

/// Batch, time and features of a sequence.
fn sequence(x: &Var) -> Result<[usize; 3]> {
    let hint = match x.value.shape() {
        &[batch, time, features] if time > 0 && features > 0 => return Ok([batch, time, features]),
        [_, _, _] => "there must be at least one step of one feature",
        [_, _] => {
            "numbers take a last axis of length 1 (`Reshape`), ids an `Embedding` before the layer, and a recurrent layer before \
             it `return_sequences(true)`"
        }
        _ => "bring the axes after the second into one with `TimeDistributed::new(Flatten)`",
    };
    Err(Error::shape(format!("expected a sequence [batch, time, features], got {:?}; {hint}", x.value.shape())))
}

/// The output in the order of the steps, with the mask that belongs to it.
fn masked(y: Var, x: &Var, options: StepOptions) -> Var {
    let Some(mask) = x.mask.as_deref().filter(|_| options.return_sequences) else { return y.without_mask() };
    if !options.go_backwards {
        return y.with_mask_of(x);
    }
    let time = mask.shape()[1].max(1);
    let mut flipped = data(mask).to_vec();
    flipped.chunks_mut(time).for_each(<[_]>::reverse);
    let flipped = crate::tensor::tensor(mask.shape(), flipped);
    y.tape().note_mask(&[mask], &flipped, |form| form.reverse("in0", 1));
    y.masked(flipped)
}
