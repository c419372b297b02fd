//! Recurrent layers whose state goes in and out.

use super::Recurrent;
use crate::autograd::{ParamList, Var, Vars};
use crate::config::{Config, Described, Reader};
use crate::error::{Error, Result};
use crate::layers::Layer;

/// A recurrent layer that starts from a given state and gives the last one: `(y, state) = layer(x, state)`.
///
/// [`Recurrent::with_state`] makes it. For a single call without a model there is [`Recurrent::forward_from`].
///
/// # Shapes
/// input `(x, state)`, output `(y, state)`; the state is `h`, for [`Lstm`](super::Lstm) `(h, c)`, for
/// [`Bidirectional`](super::Bidirectional) a pair of states; each variable `[batch, units]`
/// # Errors
/// those of the layer; a state of another shape
/// # Example
/// ```
/// use gradus::layers::Recurrent;
/// use gradus::prelude::*;
/// let layer = Lstm::new(4).with_state();
/// let tape = Tape::inference();
/// let x = tape.input(ndarray::Array3::<f32>::ones((2, 5, 3)));
/// let zeros = || tape.input(ndarray::Array2::<f32>::zeros((2, 4)));
/// let (y, (h, c)) = layer.forward(&(x, (zeros(), zeros())))?;
/// assert_eq!((y.value(), c.shape()), (h.value(), &[2, 4][..]));
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `initial_state` and `return_state`, PyTorch `LSTM`
#[derive(Debug)]
pub struct WithState<L>(pub(super) L);

impl<L: Recurrent> Layer<(Var, L::State), (Var, L::State)> for WithState<L> {
    fn forward(&self, (x, state): &(Var, L::State)) -> Result<(Var, L::State)> {
        self.0.forward_from(x, Some(state))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.0);
    }

    fn config(&self) -> Config {
        Config::new("WithState").with_part("layer", self.0.config())
    }
}

impl<L: Recurrent + Described> Described for WithState<L> {
    const KIND: &'static str = "WithState";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["layer"])?;
        from.part("layer").map(Self)
    }
}

/// [`WithState`] in a graph that was described: takes a sequence, and perhaps all states before it, and gives the output and all states.
pub(super) struct OfList<L> {
    layer: L,
    /// Keras forgets the mask of a sequence where first states are given.
    ignores_mask: bool,
}

impl<L: Recurrent> Layer<Vec<Var>, Vec<Var>> for OfList<L> {
    fn forward(&self, x: &Vec<Var>) -> Result<Vec<Var>> {
        let Some((x, state)) = x.split_first() else {
            return Err(Error::shape("expected a sequence, and perhaps the state before it, got nothing"));
        };
        let state = match state {
            [] => None,
            state => Some(L::State::from_list("the state", state.to_vec())?),
        };
        let x = if self.ignores_mask { x.clone().without_mask() } else { x.clone() };
        let (y, state) = self.layer.forward_from(&x, state.as_ref())?;
        Ok([vec![y], state.to_list()].concat())
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.layer);
    }

    fn config(&self) -> Config {
        let config = Config::new("WithState").with_part("layer", self.layer.config());
        config.with_default("ignores_mask", &self.ignores_mask, &false)
    }
}

impl<L: Recurrent + Described> Described for OfList<L> {
    const KIND: &'static str = "WithState";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["layer", "ignores_mask"])?;
        Ok(Self { layer: from.part("layer")?, ignores_mask: from.get_or("ignores_mask", false)? })
    }
}
