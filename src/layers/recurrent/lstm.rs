//! Long short-term memory.

use std::sync::Arc;

use super::core::{Core, pointwise, recurrent};
use super::op::{Backward, Forward, Sizes, Step};
use super::{Recurrent, StepOptions};
use crate::activations::{Activation, Pointwise, Sigmoid, Tanh};
use crate::autograd::{Noise, Param, ParamList, Var};
use crate::buffers::Loan;
use crate::config::Config;
use crate::error::Result;
use crate::initializers::{Initializer, Orthogonal, XavierUniform, Zeros};
use crate::layers::{Layer, Vars};
use crate::tensor::Float;

recurrent! {
    /// Long short-term memory: a cell `c ← f c + i g` that gates protect, and an output `h ← o tanh(c)`.
    ///
    /// `i`, `f` and `o` are sigmoids and `g` the tanh of `x · kernel + h · recurrent + bias`, each of its own columns, in the
    /// order i, f, g, o (Keras writes c for g; PyTorch has the same order and two biases that are added).
    ///
    /// # Shapes
    /// input `[batch, time, features]`, output `[batch, units]` or, with `return_sequences`, `[batch, time, units]`; state `(h, c)` of
    /// `[batch, units]` each; kernel `[features, 4 · units]`, recurrent kernel `[units, 4 · units]`, bias `[4 · units]`
    /// # Defaults
    /// tanh and sigmoid, with a bias, last output only, forwards, no dropout; kernel Xavier uniform, recurrent kernel orthogonal,
    /// bias zeros, and ones for the forget gate
    /// # Errors
    /// an input that is not a sequence; a last axis that differs from the one that the kernel was made for; 0 units; a
    /// dropout rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let classifier = Sequential::new()
    ///     .add(Embedding::new(1000, 16).mask_zero(true))
    ///     .add(Lstm::new(8))
    ///     .add(Dense::new(1).activation(Sigmoid));
    /// let y = classifier.forward(&Tape::inference().input(ndarray::arr2(&[[5, 17, 3], [8, 0, 0]])))?;
    /// assert_eq!(y.shape(), [2, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000 for the forget gate, Jozefowicz et al. 2015 for its bias;
    /// Keras `LSTM`, PyTorch `LSTM`
    pub struct Lstm -> (Var, Var) {
        /// What makes the gates, as [`activation`](Self::activation).
        recurrent_activation: [dyn Activation] = Sigmoid,
        /// Whether the bias of the forget gate starts at 1, whatever the others do.
        unit_forget_bias: [bool] = true,
    }
}

impl Lstm {
    fn form(&self) -> (usize, usize, bool) {
        (4, 0, self.unit_forget_bias)
    }

    fn step(&self) -> Result<Gates> {
        Ok(Gates { activation: pointwise(&*self.activation)?, recurrent: pointwise(&*self.recurrent_activation)? })
    }
}

/// `c = f c₀ + i g`, `h = o t`, `t = tanh(c)`
struct Gates {
    activation: Arc<dyn Pointwise>,
    recurrent: Arc<dyn Pointwise>,
}

/// The four gates of a row.
fn split(row: &[Float]) -> [&[Float]; 4] {
    let u = row.len() / 4;
    [&row[..u], &row[u..2 * u], &row[2 * u..3 * u], &row[3 * u..]]
}

impl Step for Gates {
    fn sizes(&self) -> Sizes {
        Sizes { gates: 4, states: 2, kept: 0 }
    }

    fn products(&self) -> &'static [usize] {
        &[4]
    }

    fn onnx(&self) -> Option<super::onnx::Operator> {
        let [gates, own] =
            [&self.recurrent, &self.activation].map(|function| crate::activations::onnx::operator(&**function));
        Some(("LSTM", &[0, 3, 1, 2], vec![gates?, own?, own?], false))
    }

    fn forward(&self, at: Forward<'_>) {
        let u = at.units;
        at.kernels[0].product(at.input.len() / u, at.input, at.gates, [u, 4 * u], true);
        let [h, c] = at.after;
        for (row, (gates, c)) in at.gates.chunks_exact_mut(4 * u).zip(c.chunks_exact_mut(u)).enumerate() {
            self.recurrent.forward(&mut gates[..2 * u]);
            self.activation.forward(&mut gates[2 * u..3 * u]);
            self.recurrent.forward(&mut gates[3 * u..]);
            let [i, f, g, _] = split(gates);
            let before = &at.before[1][row * u..][..u];
            for (k, c) in c.iter_mut().enumerate() {
                *c = f[k] * before[k] + i[k] * g[k];
            }
        }
        h.copy_from_slice(c);
        self.activation.forward(h);
        for (gates, h) in at.gates.chunks_exact(4 * u).zip(h.chunks_exact_mut(u)) {
            h.iter_mut().zip(split(gates)[3]).for_each(|(h, o)| *h *= o);
        }
    }

    /// `do = t dh`, `dc += o t' dh`, `di = g dc`, `df = c₀ dc`, `dg = i dc`, `dc₀ = f dc`, each gate times its slope;
    /// `dh₀ = dz · recurrentᵀ`
    fn backward(&self, at: Backward<'_>) {
        let u = at.units;
        let [dh, dc] = at.states;
        let mut t = Loan::new(dh.len());
        t.copy_from_slice(at.after[1]);
        self.activation.forward(&mut t);
        // First `o dh`, then that times the slope at `t`.
        let mut dt = Loan::new(dh.len());
        let rows = at.gates.chunks_exact(4 * u).zip(dt.chunks_exact_mut(u)).zip(dh.chunks_exact(u));
        rows.for_each(|((gates, dt), dh)| {
            dt.iter_mut().zip(split(gates)[3]).zip(dh).for_each(|((dt, o), dh)| *dt = o * dh);
        });
        self.activation.backward(&t, &mut dt);
        let rows = at.gates.chunks_exact(4 * u).zip(at.dz.chunks_exact_mut(4 * u)).enumerate();
        for (row, (gates, dz)) in rows {
            let own = row * u..(row + 1) * u;
            let (before, t, dt, dh) = (&at.before[1][own.clone()], &t[own.clone()], &dt[own.clone()], &dh[own.clone()]);
            let dc = &mut dc[own];
            let [i, f, g, _] = split(gates);
            let (di, rest) = dz.split_at_mut(u);
            let (df, rest) = rest.split_at_mut(u);
            let (dg, d_o) = rest.split_at_mut(u);
            for k in 0..u {
                let d = dc[k] + dt[k];
                di[k] = g[k] * d;
                df[k] = before[k] * d;
                dg[k] = i[k] * d;
                d_o[k] = t[k] * dh[k];
                dc[k] = f[k] * d;
            }
            self.recurrent.backward(&gates[..2 * u], &mut dz[..2 * u]);
            self.activation.backward(&gates[2 * u..3 * u], &mut dz[2 * u..3 * u]);
            self.recurrent.backward(&gates[3 * u..], &mut dz[3 * u..]);
        }
        dh.fill(0.0);
        at.kernels[0].product(at.input.len() / u, at.dz, at.dinput, [4 * u, u], false);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, arr1};

    use super::*;
    use crate::autograd::Tape;
    use crate::tensor::data;

    #[test]
    fn bias_of_the_forget_gate_starts_at_one() {
        let layer = Lstm::new(2);
        layer.forward(&Tape::inference().input(Array3::<Float>::ones((1, 1, 1)))).unwrap();
        assert_eq!(data(&layer.bias().unwrap().value().unwrap()), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn ten_thousand_steps_go_back() {
        let tape = Tape::training();
        let x = tape.variable(Array3::<Float>::from_elem((2, 10_000, 1), 0.1));
        let y = Lstm::new(2).forward(&x).unwrap();
        let gradients = (y * tape.constant(arr1(&[1.0, 2.0]))).sum().backward().unwrap();
        assert!(data(gradients.of(&x).unwrap()).iter().all(|dx| dx.is_finite()));
    }
}
