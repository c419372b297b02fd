//! Functions of arrays as layers.

use super::Layer;
use super::merge::check_broadcast;
use crate::autograd::Var;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Float;

described! {
    /// A function of arrays by its name in NumPy and Keras, so that a description can hold `x / 2.0` or a mean over some axes.
    ///
    /// Of two operands: `add`, `subtract`, `multiply`, `divide`, `maximum`, `minimum`, `power`, `matmul`. Of one: `negative`,
    /// `absolute`, `exp`, `log`, `sqrt`, `square`, `reciprocal`, `sin`, `cos`; over [`axes`](Self::axes): `mean`, `sum`, `max`,
    /// `min`, `expand_dims`, `squeeze`; `get_item` takes the part that [`slices`](Self::slices) name. In code the operations of
    /// [`Var`] are shorter.
    ///
    /// # Shapes
    /// those of the function; operands broadcast
    /// # Defaults
    /// every operand is an input; all axes; none is kept
    /// # Errors
    /// an unknown function; another number of inputs than there are operands; shapes that do not broadcast; an axis or a slice
    /// out of range
    /// # Example
    /// ```
    /// use gradus::layers::Operator;
    /// use gradus::prelude::*;
    /// let x = vec![Tape::inference().input(ndarray::arr2(&[[4.0, 2.0]]))];
    /// let half = Operator::new("divide").operands(vec![None, Some(2.0)]);
    /// assert_eq!(half.forward(&x)?.value().as_slice().unwrap(), [2.0, 1.0]);
    /// let mean = Operator::new("mean").axes(vec![-1]);
    /// assert_eq!(mean.forward(&x)?.value().as_slice().unwrap(), [3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `keras.ops`
    #[derive(Clone)]
    pub struct Operator(
        /// The name of the function.
        function: [into String],
    ) {
        /// The operands in order: nothing for the next input, or a number.
        operands: [Vec<Option<Float>>] = Vec::new(),
        /// The axes; none for all of them.
        axes: [Vec<isize>] = Vec::new(),
        /// Whether axes that a function joins stay, with length 1.
        keepdims: [bool] = false,
        /// For each axis from the first the place to take, or the first and the one after the last, where nothing means the
        /// end; negative ones count from the end. An empty list is a new axis of length 1.
        slices: [Vec<Vec<Option<isize>>>] = Vec::new(),
    }
}

impl Operator {
    /// The operands, as variables.
    fn given(&self, x: &[Var]) -> Result<Vec<Var>> {
        let inputs = self.operands.iter().filter(|operand| operand.is_none()).count();
        if x.is_empty() || !self.operands.is_empty() && inputs != x.len() {
            let expected = inputs.max(1);
            return Err(Error::shape(format!("expected {expected} inputs of `{}`, got {}", self.function, x.len())));
        }
        if self.operands.is_empty() {
            return Ok(x.to_vec());
        }
        let mut inputs = x.iter();
        let given = self.operands.iter().map(|operand| match operand {
            Some(number) => Some(x[0].tape().constant(*number)),
            None => inputs.next().cloned(),
        });
        Ok(given.flatten().collect())
    }

    fn of_one(&self, x: &Var) -> Result<Var> {
        let all: Vec<isize> = (0..x.value.shape().len() as isize).collect();
        let axes = if self.axes.is_empty() { &all } else { &self.axes };
        match (self.function.as_str(), self.keepdims) {
            ("negative", _) => Ok(-x),
            ("absolute", _) => Ok(x.abs()),
            ("exp", _) => Ok(x.exp()),
            ("log", _) => Ok(x.ln()),
            ("sqrt", _) => Ok(x.sqrt()),
            ("square", _) => Ok(x.square()),
            ("reciprocal", _) => Ok(x.recip()),
            ("sin", _) => Ok(x.sin()),
            ("cos", _) => Ok(x.cos()),
            ("mean", false) => x.mean_axes(axes),
            ("mean", true) => x.mean_axes_keep(axes),
            ("sum", false) => x.sum_axes(axes),
            ("sum", true) => x.sum_axes_keep(axes),
            ("max", false) => x.max_axes(axes),
            ("max", true) => x.max_axes_keep(axes),
            ("min", false) => x.min_axes(axes),
            ("min", true) => x.min_axes_keep(axes),
            ("expand_dims", _) => self.axes.iter().try_fold(x.clone(), |x, axis| x.insert_axis(*axis)),
            ("squeeze", _) => self.squeezed(x),
            ("get_item", _) => self.part(x),
            (other, _) => Err(Error::value(format!("expected a function of one operand, got `{other}`"))),
        }
    }

    fn squeezed(&self, x: &Var) -> Result<Var> {
        let rank = x.value.shape().len() as isize;
        let mut axes: Vec<isize> = self.axes.iter().map(|axis| if *axis < 0 { axis + rank } else { *axis }).collect();
        axes.sort_unstable();
        axes.iter().rev().try_fold(x.clone(), |x, axis| x.remove_axis(*axis))
    }

    fn part(&self, x: &Var) -> Result<Var> {
        let mut part = x.clone();
        let mut axis = 0;
        for slice in &self.slices {
            let len = part.value.shape().get(axis).copied().unwrap_or(0);
            let place = |index: isize| if index < 0 { (index + len as isize).max(0) } else { index } as usize;
            match slice[..] {
                [Some(index)] => part = part.index_axis(axis as isize, place(index))?,
                [] => {
                    part = part.insert_axis(axis as isize)?;
                    axis += 1;
                }
                [None, None] => axis += 1,
                [start, end] => {
                    let (start, end) = (start.map_or(0, place).min(len), end.map_or(len, place).min(len));
                    part = part.slice(axis as isize, start..end.max(start))?;
                    axis += 1;
                }
                _ => return Err(Error::value(format!("expected a slice of one or two places, got {slice:?}"))),
            }
        }
        Ok(part)
    }

    fn of_two(&self, a: &Var, b: &Var) -> Result<Var> {
        if self.function != "matmul" {
            check_broadcast(a, b)?;
        }
        match self.function.as_str() {
            "add" => Ok(a + b),
            "subtract" => Ok(a - b),
            "multiply" => Ok(a * b),
            "divide" => Ok(a / b),
            "maximum" => a.maximum(b),
            "minimum" => a.minimum(b),
            "power" => a.pow(b),
            "matmul" => a.matmul(b),
            other => Err(Error::value(format!("expected a function of two operands, got `{other}`"))),
        }
    }
}

impl Layer<Vec<Var>> for Operator {
    fn forward(&self, x: &Vec<Var>) -> Result<Var> {
        match &self.given(x)?[..] {
            [x] => self.of_one(x),
            [a, b] => self.of_two(a, b),
            other => {
                Err(Error::shape(format!("expected one or two operands of `{}`, got {}", self.function, other.len())))
            }
        }
    }

    config!();
}
