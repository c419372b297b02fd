//! Recurrent layers of your own.

use super::{Recurrent, StepOptions, masked};
use crate::autograd::{ParamList, Var};
use crate::config::{Config, Described, Reader};
use crate::error::{Error, Result};
use crate::layers::{Layer, Vars};
use crate::tensor::{Float, data, tensor};

/// One step of a recurrent layer: [`Rnn`] takes it along a sequence.
///
/// ```
/// use gradus::layers::{Cell, Recurrent, Rnn};
/// use gradus::prelude::*;
///
/// /// `h ← (1 - a) h + a x`, with one learned `a` for each feature.
/// struct Smoothing { share: Param }
///
/// impl Cell for Smoothing {
///     type State = Var;
///     fn initial_state(&self, x: &Var) -> Result<Var> { Ok(x * 0.0) }
///     fn step(&self, x: &Var, h: &Var) -> Result<(Var, Var)> {
///         let share = Sigmoid.apply(&self.share.on(x, &x.shape()[1..])?);
///         let h = h + share * (x - h);
///         Ok((h.clone(), h))
///     }
///     fn params<'a>(&'a self, list: &mut ParamList<'a>) { list.add("share", &self.share); }
/// }
///
/// let smooth = Rnn::new(Smoothing { share: Param::new(Zeros) }).return_sequences(true);
/// let x = Tape::inference().input(ndarray::arr3(&[[[4.0], [0.0], [8.0]]]));
/// assert_eq!(smooth.forward(&x)?.value().as_slice().unwrap(), [2.0, 1.0, 4.5]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Cell: Send + Sync + 'static {
    /// What goes from step to step: a variable whose axis 0 counts the examples, or a tuple of such.
    type State: Vars;

    /// The state before the first step, whose input is `x`, `[batch, ...]`.
    fn initial_state(&self, x: &Var) -> Result<Self::State>;

    /// The output and the new state.
    fn step(&self, x: &Var, state: &Self::State) -> Result<(Var, Self::State)>;

    /// Lists the parameters, as [`Layer::params`] does. The default lists none.
    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        let _ = list;
    }

    /// Returns what makes another one like it. The default is that of a type which cannot be described. A cell that is
    /// [`Described`] is registered by `registry.layer::<Rnn<MyCell>, Var, Var>()`.
    fn config(&self) -> Config {
        Config::of_unknown::<Self>()
    }
}

/// Takes a [`Cell`] along a sequence, step by step on the tape.
///
/// # Shapes
/// input `[batch, time, ...]`; output what the cell puts out, `[batch, ...]`, or with `return_sequences` `[batch, time, ...]`
/// # Defaults
/// last output only, forwards
/// # Errors
/// an input of fewer than two axes or without a step; those of the cell
/// # Example
/// see [`Cell`]
/// # Reference
/// Keras `RNN`
#[derive(Debug)]
pub struct Rnn<C> {
    cell: C,
    options: StepOptions,
}

impl<C: Cell> Rnn<C> {
    /// Creates a layer that runs this cell over a sequence.
    pub fn new(cell: C) -> Self {
        Self { cell, options: StepOptions::default() }
    }

    /// Returns the cell.
    pub fn cell(&self) -> &C {
        &self.cell
    }
}

impl<C: Cell> Layer for Rnn<C> {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(self.forward_from(x, None)?.0)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.cell.params(list);
    }

    fn config(&self) -> Config {
        let (cell, options) = (self.cell.config(), self.options);
        Config::new(cell.kind().to_owned())
            .with_part("cell", cell)
            .with_default("return_sequences", &options.return_sequences, &false)
            .with_default("go_backwards", &options.go_backwards, &false)
            .with_default("zero_output_for_mask", &options.zero_output_for_mask, &false)
    }
}

/// The kind is that of the cell, so that layers with different cells are different kinds.
impl<C: Cell + Described> Described for Rnn<C> {
    const KIND: &'static str = C::KIND;

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["cell", "return_sequences", "go_backwards", "zero_output_for_mask"])?;
        let options = StepOptions {
            return_sequences: from.get_or("return_sequences", false)?,
            go_backwards: from.get_or("go_backwards", false)?,
            zero_output_for_mask: from.get_or("zero_output_for_mask", false)?,
        };
        Ok(Self { cell: from.part("cell")?, options })
    }
}

impl<C: Cell> Recurrent for Rnn<C> {
    type State = C::State;

    fn forward_from(&self, x: &Var, state: Option<&C::State>) -> Result<(Var, C::State)> {
        let Some(time) = x.value.shape().get(1).copied().filter(|time| *time > 0) else {
            return Err(Error::shape(format!(
                "expected a sequence [batch, time, ...] of at least one step, got {:?}",
                x.value.shape()
            )));
        };
        let StepOptions { return_sequences, go_backwards, zero_output_for_mask } = self.options;
        let order = |step: usize| if go_backwards { time - 1 - step } else { step };
        let mut state = match state {
            Some(state) => state.to_list(),
            None => self.cell.initial_state(&x.index_axis(1, order(0))?)?.to_list(),
        };
        let mut outputs: Vec<Var> = Vec::new();
        for t in (0..time).map(order) {
            let before = C::State::from_list("the cell", state.clone())?;
            let (mut y, after) = self.cell.step(&x.index_axis(1, t)?, &before)?;
            let mut after = after.to_list();
            if let Some(mask) = x.mask.as_deref() {
                let column: Vec<_> = data(mask).iter().skip(t).step_by(time).copied().collect();
                let last = outputs.last().filter(|_| !(zero_output_for_mask && return_sequences)).cloned();
                y = where_real(&column, &y, &last.unwrap_or_else(|| x.tape().constant(0.0)))?;
                let both = after.iter().zip(&state);
                after = both.map(|(new, old)| where_real(&column, new, old)).collect::<Result<_>>()?;
            }
            if !return_sequences {
                outputs.clear();
            }
            outputs.push(y);
            state = after;
        }
        let state = C::State::from_list("the cell", state)?;
        let y = match &outputs[..] {
            [.., last] if !return_sequences => last.clone(),
            all => masked(Var::stack(&all.iter().collect::<Vec<_>>(), 1)?, x, self.options),
        };
        Ok((y, state))
    }

    fn options(&self) -> StepOptions {
        self.options
    }

    fn set_options(&mut self, options: StepOptions) {
        self.options = options;
    }
}

/// `new` where the mask of this step is 1, else `old`.
fn where_real(mask: &[Float], new: &Var, old: &Var) -> Result<Var> {
    let mut shape = vec![1; new.value.shape().len()];
    match new.value.shape().first() {
        Some(batch) if *batch == mask.len() => shape[0] = *batch,
        _ => {
            let (shape, batch) = (new.value.shape(), mask.len());
            return Err(Error::shape(format!(
                "the cell gave a value of shape {shape:?} for a batch of {batch} examples"
            )));
        }
    }
    new.tape().examples(tensor(&shape, mask.to_vec())).select(new, old)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, arr2};

    use super::*;
    use crate::activations::Linear;
    use crate::autograd::Tape;
    use crate::initializers::Ones;
    use crate::layers::SimpleRnn;

    /// `h ← h + x`
    struct Sum;

    impl Cell for Sum {
        type State = Var;
        fn initial_state(&self, x: &Var) -> Result<Var> {
            Ok(x * 0.0)
        }
        fn step(&self, x: &Var, h: &Var) -> Result<(Var, Var)> {
            Ok((h + x, h + x))
        }
    }

    #[test]
    fn padding_leaves_the_state_alone() {
        let x = Array3::from_shape_fn((2, 4, 1), |(i, t, _)| (10 * i + t) as Float);
        let x = Tape::inference().input(x).with_mask(arr2(&[[0, 1, 1, 0], [1, 0, 1, 1]])).unwrap();
        let all = Rnn::new(Sum).return_sequences(true);
        assert_eq!(data(all.forward(&x).unwrap().value()), [0.0, 1.0, 3.0, 3.0, 10.0, 10.0, 22.0, 35.0]);
        let back = Rnn::new(Sum).return_sequences(true).go_backwards(true);
        assert_eq!(data(back.forward(&x).unwrap().value()), [0.0, 2.0, 3.0, 3.0, 13.0, 25.0, 25.0, 35.0]);
        let (last, state) = Rnn::new(Sum).forward_from(&x, Some(&x.tape().input(arr2(&[[100.0], [0.0]])))).unwrap();
        assert_eq!((data(last.value()), data(state.value())), (&[103.0, 35.0][..], &[103.0, 35.0][..]));
    }

    #[test]
    fn zeros_for_padding_are_of_sequences_only() {
        let x = Array3::from_shape_fn((2, 3, 1), |(i, t, _)| (10 * i + t + 1) as Float);
        let x = Tape::inference().input(x).with_mask(arr2(&[[1, 1, 0], [1, 1, 1]])).unwrap();
        let last = Rnn::new(Sum).zero_output_for_mask(true);
        assert_eq!(data(last.forward(&x).unwrap().value()), [3.0, 36.0]);
        let all = last.return_sequences(true);
        assert_eq!(data(all.forward(&x).unwrap().value()), [1.0, 3.0, 0.0, 11.0, 23.0, 36.0]);
        let fused = SimpleRnn::new(1).activation(Linear).kernel_initializer(Ones).recurrent_initializer(Ones);
        assert_eq!(data(fused.zero_output_for_mask(true).forward(&x).unwrap().value()), [3.0, 36.0]);
    }

    #[test]
    fn ten_thousand_steps_take_linear_time_and_no_stack() {
        let steps = 10_000;
        let tape = Tape::training();
        let x = tape.variable(Array3::<Float>::ones((1, steps, 1)));
        let y = Rnn::new(Sum).forward(&x).unwrap();
        let gradients = y.sum().backward().unwrap();
        assert!(data(gradients.of(&x).unwrap()).iter().all(|dx| *dx == 1.0));
        assert_eq!(y.item(), steps as Float);
    }
}
