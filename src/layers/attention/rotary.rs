//! Rotary position embedding.

use super::positions::speeds;
use crate::autograd::{Dependence, InputGrads, OnnxAttribute, OnnxForm, Op, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::layers::Layer;
use crate::tensor::{Float, Tensor, data, tensor};

described! {
    /// Turns pairs of features by an angle that grows with time, so that products of queries and keys depend on how far
    /// apart they are: pair `i` by `time · base^(-2i / size)`.
    ///
    /// # Shapes
    /// input and output `[batch, time, ..., size]`; axes between, such as heads, are turned alike
    /// # Defaults
    /// base 10,000; all features; pairs of one feature of the first and one of the second half, as in Llama and GPT-NeoX
    /// # Errors
    /// an input of fewer than three axes; a size to turn that is odd, 0 or more than the last axis; a base that is not above 0
    /// # Example
    /// ```
    /// use gradus::layers::RotaryEmbedding;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::array![[[1.0, 0.0], [1.0, 0.0]]]);
    /// let y = RotaryEmbedding::new().forward(&x)?;
    /// assert_eq!(y.value().as_slice().unwrap(), [1.0, 0.0, 1_f32.cos(), 1_f32.sin()]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Su et al. 2021; Keras Hub `RotaryEmbedding`
    #[doc(alias = "RoPE")]
    #[derive(Clone, Copy, PartialEq)]
    pub struct RotaryEmbedding {
        /// What makes the slowest pair slow: pair `i` turns by `time · base^(-2i / size)`.
        base: [Float] = 10_000.0,
        /// Whether pairs are neighbours, as in GPT-J and the paper.
        interleaved: [bool] = false,
        /// How many of the first features are turned; all without a setting.
        size: [option usize] = None,
    }
}

impl RotaryEmbedding {
    /// Runs [`Layer::forward`] for steps of which the first is number `start` of its sequence.
    ///
    /// # Errors
    /// those of the layer
    pub fn forward_from(&self, x: &Var, start: usize) -> Result<Var> {
        let op = self.rotate(x)?;
        let speeds = speeds(self.base, op.size)?;
        let mut turns = Vec::new();
        for i in 0..x.value.shape()[1] {
            for speed in &speeds {
                let angle = (start as f64 + i as f64) * speed;
                turns.push([angle.cos() as Float, angle.sin() as Float]);
            }
        }
        Ok(x.tape().apply(Rotate { turns, ..op }, &[x]))
    }

    /// Runs [`Layer::forward`] with given cosines and sines of the angles, for positions and speeds of other kinds:
    /// each `[time, size / 2]`, or `[batch, time, size / 2]` if examples differ. No gradient flows into them.
    ///
    /// ```
    /// use gradus::layers::RotaryEmbedding;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = tape.input(ndarray::array![[[1.0, 0.0]], [[1.0, 0.0]]]);
    /// // As for the steps 0 and 2.
    /// let angles = tape.input(ndarray::array![[[0.0]], [[2.0]]]);
    /// let y = RotaryEmbedding::new().forward_with(&x, &angles.cos(), &angles.sin())?;
    /// assert!((y.value()[[1, 0, 1]] - 2_f32.sin()).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of the layer; tables of other shapes
    #[doc(alias = "apply_rotary_pos_emb")]
    pub fn forward_with(&self, x: &Var, cos: &Var, sin: &Var) -> Result<Var> {
        let op = self.rotate(x)?;
        let all = [x.value.shape()[0], x.value.shape()[1], op.size / 2];
        if cos.value.shape() != sin.value.shape() || cos.value.shape() != all && cos.value.shape() != &all[1..] {
            return Err(Error::shape(format!(
                "expected cosines and sines of shape {:?} or {all:?}, got {:?} and {:?}",
                &all[1..],
                cos.value.shape(),
                sin.value.shape()
            )));
        }
        let turns = data(&cos.value).iter().zip(data(&sin.value)).map(|(cos, sin)| [*cos, *sin]).collect();
        let [cos, sin] = [cos, sin].map(|table| table.detach().without_mask());
        Ok(x.tape().apply(Rotate { turns, by_example: cos.value.shape().len() == 3, ..op }, &[x, &cos, &sin]))
    }

    /// The operation on `x`, with no angles yet.
    fn rotate(&self, x: &Var) -> Result<Rotate> {
        let &[batch, time, .., last] = x.value.shape() else {
            return Err(Error::shape(format!("expected an input [batch, time, ..., size], got {:?}", x.value.shape())));
        };
        let size = self.size.unwrap_or(last);
        if !size.is_multiple_of(2) || size == 0 || size > last {
            return Err(Error::shape(format!(
                "expected to turn an even number of features, at least 2 and at most those of the last axis, got {size} \
                 for input {:?}",
                x.value.shape()
            )));
        }
        let between = x.value.len() / (batch * time * last).max(1);
        let step = (between * last).max(1);
        Ok(Rotate { turns: Vec::new(), by_example: false, size, last, step, time, interleaved: self.interleaved })
    }
}

impl Layer for RotaryEmbedding {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.forward_from(x, 0)
    }
}

/// `(y₁, y₂) = (x₁ cos - x₂ sin, x₁ sin + x₂ cos)` for each pair
struct Rotate {
    /// Cosine and sine for each step and pair, of each example or of all.
    turns: Vec<[Float; 2]>,
    by_example: bool,
    size: usize,
    last: usize,
    /// Numbers of a step, whose rows are turned alike.
    step: usize,
    time: usize,
    interleaved: bool,
}

impl Rotate {
    /// `sign` is -1 to turn back.
    fn rotate(&self, x: &Tensor, sign: Float) -> Tensor {
        let (pairs, step) = (self.size / 2, self.step);
        let example = (self.time * step).max(1);
        let mut y = buffer(x.len());
        let turns = self.turns.chunks((self.time * pairs).max(1)).cycle();
        let mut parts: Vec<_> = y.chunks_mut(example).zip(data(x).chunks(example)).zip(turns).collect();
        parallel::for_each(&mut parts, |((y, x), turns)| {
            y.copy_from_slice(x);
            for (y, turns) in y.chunks_exact_mut(step).zip(turns.chunks_exact(pairs)) {
                for y in y.chunks_exact_mut(self.last) {
                    let turn = |a: &mut Float, b: &mut Float, [cos, sin]: &[Float; 2]| {
                        (*a, *b) = (*a * cos - *b * sin * sign, *a * sin * sign + *b * cos);
                    };
                    if self.interleaved {
                        let y = y[..self.size].chunks_exact_mut(2).zip(turns);
                        y.for_each(|(pair, angle)| {
                            let (a, b) = pair.split_at_mut(1);
                            turn(&mut a[0], &mut b[0], angle);
                        });
                    } else {
                        let (first, second) = y[..self.size].split_at_mut(pairs);
                        first.iter_mut().zip(second).zip(turns).for_each(|((a, b), angle)| turn(a, b, angle));
                    }
                }
            }
        });
        tensor(x.shape(), y)
    }
}

impl Op for Rotate {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.rotate(inputs[0], 1.0)
    }

    /// `dx` is `dy`, turned back.
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.rotate(dy, -1.0));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        let (x, tables) = (inputs[0], &inputs[1..]);
        let shared = if self.by_example { Dependence::PerExample } else { Dependence::Constant };
        match tables.iter().all(|table| *table == shared) && (x == Dependence::PerExample || !self.by_example) {
            true => Dependence::per_example(&inputs[..1]),
            false => Dependence::across_batch(inputs),
        }
    }

    /// `y = x cos + swapped(x) sin`, where features of a pair change places, and one of them its sign
    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        if form.len() > 1 {
            return None;
        }
        let pairs = self.size / 2;
        let mut swapped: Vec<usize> = (0..self.last).collect();
        let mut both = [vec![1.0; self.time * self.last], vec![0.0; self.time * self.last]];
        for pair in 0..pairs {
            let [a, b] = if self.interleaved { [2 * pair, 2 * pair + 1] } else { [pair, pairs + pair] };
            (swapped[a], swapped[b]) = (b, a);
            for time in 0..self.time {
                let ([cos, sin], row) = (self.turns[time * pairs + pair], time * self.last);
                (both[0][row + a], both[0][row + b]) = (cos, cos);
                (both[1][row + a], both[1][row + b]) = (-sin, sin);
            }
        }
        let mut shape = vec![1; form.shape(0).len() - 1];
        shape[0] = self.time;
        *shape.last_mut()? = self.last;
        let [cos, sin] = both.map(|numbers| form.numbers(tensor(&shape, numbers)));
        let places = form.ints(&swapped);
        let swapped = form.node("Gather", &["in0", &places], &[("axis", OnnxAttribute::Int(-1))]);
        let [straight, across] = [("in0", &cos), (&swapped, &sin)].map(|(x, by)| form.node("Mul", &[x, by], &[]));
        Some(form.node("Add", &[&straight, &across], &[]))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::autograd::Tape;

    #[test]
    fn heads_are_turned_alike_and_the_rest_is_left_alone() {
        let x = Tape::inference().input(Array4::<Float>::ones((1, 2, 3, 5)));
        let y = RotaryEmbedding::new().size(4).forward(&x).unwrap();
        assert_eq!(y.value().slice(ndarray::s![0, 1, 0, ..]), y.value().slice(ndarray::s![0, 1, 2, ..]));
        assert_eq!(y.value()[[0, 1, 0, 4]], 1.0);
        assert!(RotaryEmbedding::new().forward(&x).is_err() && RotaryEmbedding::new().size(6).forward(&x).is_err());
    }
}
