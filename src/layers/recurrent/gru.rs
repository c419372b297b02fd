//! Gated recurrent units.

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
use crate::kernels::elementwise::{add_assign, add_row};
use crate::layers::{Layer, Vars};
use crate::tensor::Float;

recurrent! {
    /// Gated recurrent units: `h ← z h + (1 - z) g`, where `g` is a new state and `z` says how much of the old one stays.
    ///
    /// `z` and `r` are sigmoids of `x · kernel + h · recurrent + bias`, each of its own columns. The state enters `g` through `r`, by
    /// default after the product, `g = tanh(x · kernel + b₀ + r (h · recurrent + b₁))`, which has a bias for each part and is
    /// PyTorch's form; with `reset_after(false)` before it, `g = tanh(x · kernel + b + (r h) · recurrent)`. Columns are in Keras'
    /// order z, r, g (PyTorch's is r, z, n).
    ///
    /// # Shapes
    /// input `[batch, time, features]`, output `[batch, units]` or, with `return_sequences`, `[batch, time, units]`; state `[batch,
    /// units]`; kernel `[features, 3 · units]`, recurrent kernel `[units, 3 · units]`, bias `[2, 3 · units]`, or `[3 · units]` with
    /// `reset_after(false)`
    /// # Defaults
    /// tanh and sigmoid, reset after the product, with a bias, last output only, forwards, no dropout; kernel Xavier uniform,
    /// recurrent kernel orthogonal, bias zeros
    /// # Errors
    /// an input that is not a sequence; a last axis that differs from the one that the kernel was made for; 0 units; a
    /// dropout rate outside of 0 to 1 (1 excluded)
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Gru::new(4).return_sequences(true);
    /// let y = layer.forward(&Tape::inference().input(ndarray::Array3::<f32>::ones((2, 5, 3))))?;
    /// assert_eq!(y.shape(), [2, 5, 4]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Cho et al. 2014; Keras `GRU`, PyTorch `GRU`
    pub struct Gru -> Var {
        /// What makes the gates, as [`activation`](Self::activation).
        recurrent_activation: [dyn Activation] = Sigmoid,
        /// Whether the reset gate acts after the product with the recurrent kernel.
        reset_after: [bool] = true,
    }
}

impl Gru {
    fn form(&self) -> (usize, usize, bool) {
        (3, if self.reset_after { 2 } else { 0 }, false)
    }

    fn step(&self) -> Result<Gates> {
        let (activation, recurrent) = (pointwise(&*self.activation)?, pointwise(&*self.recurrent_activation)?);
        Ok(Gates { activation, recurrent, reset_after: self.reset_after })
    }
}

/// `h = z h₀ + (1 - z) g`; keeps the state's part of `g` before the reset, or the state after it
struct Gates {
    activation: Arc<dyn Pointwise>,
    recurrent: Arc<dyn Pointwise>,
    reset_after: bool,
}

impl Step for Gates {
    fn sizes(&self) -> Sizes {
        Sizes { gates: 3, states: 1, kept: 1 }
    }

    fn products(&self) -> &'static [usize] {
        if self.reset_after { &[3] } else { &[2, 1] }
    }

    fn is_separate(&self) -> bool {
        self.reset_after
    }

    fn onnx(&self) -> Option<super::onnx::Operator> {
        let [gates, own] =
            [&self.recurrent, &self.activation].map(|function| crate::activations::onnx::operator(&**function));
        Some(("GRU", &[0, 1, 2], vec![gates?, own?], self.reset_after))
    }

    fn forward(&self, at: Forward<'_>) {
        let u = at.units;
        let rows = at.input.len() / u;
        if self.reset_after {
            let mut inner = Loan::new(at.gates.len());
            at.kernels[0].product(rows, at.input, &mut inner, [u, 3 * u], false);
            at.recurrent_bias.iter().for_each(|bias| add_row(&mut inner, bias));
            let both = at.gates.chunks_exact_mut(3 * u).zip(inner.chunks_exact(3 * u));
            for ((gates, inner), kept) in both.zip(at.kept.chunks_exact_mut(u)) {
                add_assign(&mut gates[..2 * u], &inner[..2 * u]);
                self.recurrent.forward(&mut gates[..2 * u]);
                kept.copy_from_slice(&inner[2 * u..]);
                let (r, g) = gates[u..].split_at_mut(u);
                g.iter_mut().zip(r).zip(kept).for_each(|((g, r), inner)| *g += *r * *inner);
            }
        } else {
            at.kernels[0].product(rows, at.input, at.gates, [u, 3 * u], true);
            let both = at.gates.chunks_exact_mut(3 * u).zip(at.kept.chunks_exact_mut(u));
            for ((gates, kept), h) in both.zip(at.input.chunks_exact(u)) {
                self.recurrent.forward(&mut gates[..2 * u]);
                kept.iter_mut().zip(&gates[u..2 * u]).zip(h).for_each(|((kept, r), h)| *kept = r * h);
            }
            at.kernels[1].product(rows, at.kept, &mut at.gates[2 * u..], [u, 3 * u], true);
        }
        let [h, _] = at.after;
        let states = h.chunks_exact_mut(u).zip(at.before[0].chunks_exact(u));
        for (gates, (h, before)) in at.gates.chunks_exact_mut(3 * u).zip(states) {
            self.activation.forward(&mut gates[2 * u..]);
            let (z, g) = (&gates[..u], &gates[2 * u..]);
            for (k, h) in h.iter_mut().enumerate() {
                *h = z[k] * before[k] + (1.0 - z[k]) * g[k];
            }
        }
    }

    /// `dg = (1 - z) dh`, `dz = (h₀ - g) dh`, `dh₀ = z dh`, each gate times its slope; after the product `dr = inner dg` and
    /// `dinner = r dg`, before it `d(r h₀) = dg · recurrentᵀ` and `dr = h₀ d(r h₀)`
    fn backward(&self, at: Backward<'_>) {
        let u = at.units;
        let rows = at.input.len() / u;
        let [dh, _] = at.states;
        for (row, (gates, dz)) in at.gates.chunks_exact(3 * u).zip(at.dz.chunks_exact_mut(3 * u)).enumerate() {
            let own = row * u..(row + 1) * u;
            let (before, dh) = (&at.before[0][own.clone()], &mut dh[own]);
            let (z, g) = (&gates[..u], &gates[2 * u..]);
            for k in 0..u {
                dz[k] = (before[k] - g[k]) * dh[k];
                dz[2 * u + k] = (1.0 - z[k]) * dh[k];
                dh[k] *= z[k];
            }
            self.activation.backward(g, &mut dz[2 * u..]);
        }
        if self.reset_after {
            let both = at.dz.chunks_exact_mut(3 * u).zip(at.dr.chunks_exact_mut(3 * u));
            for (((dz, dr), gates), kept) in both.zip(at.gates.chunks_exact(3 * u)).zip(at.kept.chunks_exact(u)) {
                let (r, dg) = (&gates[u..2 * u], 2 * u);
                for k in 0..u {
                    dr[dg + k] = dz[dg + k] * r[k];
                    dz[u + k] = dz[dg + k] * kept[k];
                }
                self.recurrent.backward(&gates[..2 * u], &mut dz[..2 * u]);
                dr[..2 * u].copy_from_slice(&dz[..2 * u]);
            }
            at.kernels[0].product(rows, at.dr, at.dinput, [3 * u, u], false);
        } else {
            let mut reset = Loan::new(rows * u);
            at.kernels[1].product(rows, &at.dz[2 * u..], &mut reset, [3 * u, u], false);
            let states = at.input.chunks_exact(u).zip(reset.chunks_exact_mut(u));
            let both = at.gates.chunks_exact(3 * u).zip(at.dz.chunks_exact_mut(3 * u));
            for ((gates, dz), (h, reset)) in both.zip(states) {
                let r = &gates[u..2 * u];
                for k in 0..u {
                    dz[u + k] = reset[k] * h[k];
                    reset[k] *= r[k];
                }
                self.recurrent.backward(&gates[..2 * u], &mut dz[..2 * u]);
            }
            at.kernels[0].product(rows, at.dz, at.dinput, [3 * u, u], false);
            add_assign(at.dinput, &reset);
        }
    }
}
