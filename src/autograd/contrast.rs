//! Passes of examples together with their baselines, whose backward sweep carries contributions to the difference.

use super::{Dependence, InputGrads, Op};
use crate::tensor::{Float, Tensor, data, empty, tensor};

/// How an operation hands contributions to the difference from a baseline back to its input, for
/// [`deep_lift`](crate::explain::deep_lift).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContributionRule {
    /// By its gradient, which is exact for linear operations.
    #[default]
    Gradient,
    /// Number by number: `Δy / Δx` takes the place of the gradient.
    Rescale,
    /// A maximum: the difference goes to where the maximum of the example, or of the baseline, was.
    Maximum,
    /// [`Rescale`](Self::Rescale), less the mean over the example, since a softmax does not see what is added to all.
    Softmax,
}

/// Below this a difference counts as none, and the gradient takes its place.
const NONE: Float = 1e-10;

/// An operation on examples and, after them, as many baselines, which hands back contributions.
pub(super) struct Contrast {
    op: Box<dyn Op>,
    rule: ContributionRule,
    x: Tensor,
    y: Tensor,
}

impl Contrast {
    /// The operation itself where its gradient is the rule.
    pub(super) fn of(op: Box<dyn Op>) -> Box<dyn Op> {
        match op.contribution_rule() {
            ContributionRule::Gradient => op,
            rule => Box::new(Self { op, rule, x: empty(), y: empty() }),
        }
    }

    /// The gradient of the operation's first input.
    fn gradient(&self, dy: &Tensor) -> Tensor {
        let mut grads = [None];
        self.op.backward(dy, &mut InputGrads { inputs: &[Some(0)], shapes: &[None], grads: &mut grads, odd: None });
        grads[0].take().unwrap_or_else(|| Tensor::zeros(self.x.raw_dim()))
    }

    /// `dy` times how much the maximum of both is above the baseline's, and how much it is below the example's, each put where the
    /// maximum was; the sum of both.
    fn unpooled(&self, dy: &[Float]) -> Vec<Float> {
        let (ours, theirs) = halves(data(&self.y));
        let mut differences = Vec::with_capacity(2 * ours.len());
        differences.extend(ours.iter().zip(theirs).zip(dy).map(|((y, base), dy)| dy * (y.max(*base) - base)));
        differences.extend(ours.iter().zip(theirs).zip(dy).map(|((y, base), dy)| dy * (y - y.max(*base))));
        let unpooled = self.gradient(&tensor(self.y.shape(), differences));
        let (ours, theirs) = halves(data(&unpooled));
        ours.iter().zip(theirs).map(|(a, b)| a + b).collect()
    }
}

fn halves(x: &[Float]) -> (&[Float], &[Float]) {
    x.split_at(x.len() / 2)
}

impl Op for Contrast {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.y = super::op::standard(self.op.forward(inputs));
        self.x = inputs[0].clone();
        self.y.clone()
    }

    /// `dx = dy Δy / Δx`, the same for examples and baselines
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || {
            let plain = self.gradient(dy);
            let ((x, base), (dy, _)) = (halves(data(&self.x)), halves(data(dy)));
            let contributions: Vec<Float> = match self.rule {
                ContributionRule::Maximum => self.unpooled(dy),
                _ => {
                    let (y, base) = halves(data(&self.y));
                    y.iter().zip(base).zip(dy).map(|((y, base), dy)| dy * (y - base)).collect()
                }
            };
            let mut found = Vec::with_capacity(2 * x.len());
            for (i, plain) in halves(data(&plain)).0.iter().enumerate() {
                let difference = x[i] - base[i];
                found.push(if difference.abs() < NONE { *plain } else { contributions[i] / difference });
            }
            if self.rule == ContributionRule::Softmax {
                let examples = self.x.shape().first().map_or(1, |both| both / 2).max(1);
                for example in found.chunks_mut((x.len() / examples).max(1)) {
                    let mean = example.iter().sum::<Float>() / example.len() as Float;
                    example.iter_mut().for_each(|number| *number -= mean);
                }
            }
            found.extend_from_within(..);
            tensor(self.x.shape(), found)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        self.op.dependence(inputs)
    }

    fn keeps_steps(&self) -> bool {
        self.op.keeps_steps()
    }
}
