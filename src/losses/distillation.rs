//! How far a student is from its teacher.

use std::ops::Bound;

use super::probabilities::{ScoreKind, scores};
use super::{Each, KlDivergence, Loss, check_same_shape, check_setting, check_targets, per_example};
use crate::activations::{Activation, Softmax};
use crate::autograd::{Tape, Var};
use crate::config::described;
use crate::error::Result;
use crate::tensor::{Float, Tensor};

described! {
    /// Divergence of a student's softened answers from those of its teacher: `T² · KL(softmax(target / T), softmax(y / T))`.
    ///
    /// Targets are the teacher's logits. The square keeps the gradients as large as they are without a temperature, so that the
    /// loss can be added to one on labels, as [`Distilled`](crate::layers::Distilled) does.
    ///
    /// # Shapes
    /// predictions and targets `[batch, ..., classes]`, logits both
    /// # Defaults
    /// temperature 2
    /// # Errors
    /// other shapes; a temperature that is not above 0; targets that are not finite; predictions out of a `Softmax`
    /// # Example
    /// ```
    /// use gradus::losses::Distillation;
    /// use gradus::prelude::*;
    /// let student = Tape::training().input(ndarray::arr2(&[[2.0, 0.0]]));
    /// let teacher = ndarray::arr2(&[[0.0, 2.0]]).into_dyn().into_shared();
    /// assert!((Distillation::new(2.0).loss(&student, &teacher)?.item() - 1.8485).abs() < 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Hinton, Vinyals & Dean 2015
    #[derive(Clone, Copy)]
    pub struct Distillation(
        /// What the logits are divided by: the higher, the more the answers say of the classes that are wrong.
        temperature: [Float] = 2.0,
    ) {}
}

impl Loss for Distillation {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let (who, temperature) = ("Distillation", self.temperature);
        check_setting(who, "a temperature", temperature, (Bound::Excluded(0.0), Bound::Unbounded))?;
        check_same_shape(who, prediction, target)?;
        check_targets(who, target, "finite logits as targets", Float::is_finite)?;
        let (logits, _) = scores(who, prediction, ScoreKind::Logits, false)?;
        let teacher = Softmax.apply(&(Tape::inference().input(target) * (1.0 / temperature)));
        // Known as a softmax, so that it is computed from its input, infinite ones too.
        let student = Softmax.apply(&(logits * (1.0 / temperature)));
        Ok(KlDivergence.each(&student, &teacher.value)?.scaled(temperature * temperature))
    }
}
