//! A student with its teacher.

use super::{Layer, Vars};
use crate::autograd::{Dependence, ParamList, Tape, Var};
use crate::config::{Config, Described, Reader};
use crate::error::{Error, Result};
use crate::losses::{Distillation, Loss};
use crate::tensor::Float;

/// A student that also learns to answer as its teacher does: in training it adds `alpha ·` [`Distillation`] to the loss.
///
/// Outputs, parameters and paths are the student's, so that a file of its parameters is one of the student alone; in
/// inference the teacher does nothing. The teacher computes as in inference and is never changed. Both give logits.
///
/// The loss of training is `loss + alpha · T² · KL`. Hinton's mean of both, `(1 - alpha) · loss + alpha · T² · KL`, has
/// `Losses::new().weighted_output("", 1.0 - alpha, loss)` as the loss.
///
/// # Shapes
/// those of the student; the teacher takes and gives the same
/// # Defaults
/// temperature 2, alpha 1
/// # Errors
/// those of both; a teacher whose answers have another shape; a temperature that is not above 0
/// # Example
/// ```
/// use gradus::layers::Distilled;
/// use gradus::losses::Losses;
/// use gradus::prelude::*;
/// # let teacher = Sequential::new().add(Dense::new(32).activation(Relu)).add(Dense::new(3));
/// let student = Sequential::new().add(Dense::new(4).activation(Relu)).add(Dense::new(3));
/// let loss = Losses::new().weighted_output("", 0.5, SparseCrossEntropy::from_logits());
/// let mut model = Distilled::new(student, teacher).temperature(3.0).alpha(0.5).compile(Adam::default(), loss);
/// # let x = ndarray::Array2::<Float>::ones((4, 2));
/// # model.fit(&(&x, &ndarray::arr1(&[0, 1, 2, 0])), Fit::epochs(1).progress(false))?;
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Hinton, Vinyals & Dean 2015
#[doc(alias = "knowledge distillation")]
#[doc(alias = "Distiller")]
#[derive(Debug)]
#[must_use]
pub struct Distilled<S, T> {
    /// What learns.
    pub student: S,
    /// What it learns from.
    pub teacher: T,
    temperature: Float,
    alpha: Float,
}

impl<S, T> Distilled<S, T> {
    /// Creates a student of this teacher.
    pub fn new(student: S, teacher: T) -> Self {
        Self { student, teacher, temperature: 2.0, alpha: 1.0 }
    }

    /// Sets what the logits of both are divided by.
    pub fn temperature(mut self, temperature: Float) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets how much the teacher's answers count.
    pub fn alpha(mut self, alpha: Float) -> Self {
        self.alpha = alpha;
        self
    }
}

impl<X: Vars, S: Layer<X>, T: Layer<X>> Layer<X> for Distilled<S, T> {
    fn forward(&self, x: &X) -> Result<Var> {
        let y = self.student.forward(x).map_err(|error| error.within("student"))?;
        if !(self.alpha >= 0.0 && self.alpha.is_finite()) {
            return Err(Error::value(format!("Distilled: expected an alpha of at least 0, got {}", self.alpha)));
        }
        if y.tape().is_training() {
            let apart = Tape::inference();
            let moved = |x: &Var| apart.examples((*x.value).clone()).with_mask_of(x);
            let inputs = X::from_list("the teacher", x.to_list().iter().map(moved).collect())?;
            let teacher = self.teacher.forward(&inputs).map_err(|error| error.within("teacher"))?;
            let mut loss = Distillation::new(self.temperature).loss(&y, &teacher.value)? * self.alpha;
            if teacher.dependence != Dependence::PerExample {
                loss.dependence = Dependence::AcrossBatch;
            }
            y.tape().add_loss(&loss);
        }
        Ok(y)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.student);
        list.beside("teacher", &self.teacher);
    }

    fn config(&self) -> Config {
        Config::new("Distilled")
            .with_part("student", self.student.config())
            .with_part("teacher", self.teacher.config())
            .with_default("temperature", &self.temperature, &2.0)
            .with_default("alpha", &self.alpha, &1.0)
    }
}

impl Described for Distilled<Box<dyn Layer>, Box<dyn Layer>> {
    const KIND: &'static str = "Distilled";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["student", "teacher", "temperature", "alpha"])?;
        let (temperature, alpha) = (from.get_or("temperature", 2.0)?, from.get_or("alpha", 1.0)?);
        Ok(Self { student: from.get("student")?, teacher: from.get("teacher")?, temperature, alpha })
    }
}
