//! Connectionist temporal classification: labels without times.

use super::items::{items, standard};
use super::probabilities::LogProbabilities;
use super::{Each, Loss, per_example};
use crate::autograd::{Origin, Var};
use crate::config::described;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data};

described! {
    /// Connectionist temporal classification: minus the logarithm of the probability that a sequence of steps spells the
    /// labels, over all ways to place them, with repeats and blanks between.
    ///
    /// Predictions are logits, or logarithms of probabilities, for which the result is the same; a `Softmax` at the end of the
    /// model is looked through. The [mask](Var::mask) of the prediction says how long each sequence is; without one, all steps
    /// count. Labels are padded at their end by numbers below 0 or by the blank, which is not a label.
    ///
    /// # Shapes
    /// predictions `[batch, time, classes]`, targets `[batch, labels]`
    /// # Defaults
    /// the blank is class 0
    /// # Errors
    /// other shapes; labels that are not classes, or stand after padding; more labels (and blanks between equal ones) than
    /// steps; a mask with padding before a real step
    /// # Example
    /// ```
    /// use gradus::losses::Ctc;
    /// use gradus::prelude::*;
    /// // Two steps that both say "1" or nothing, with even odds: three of the four ways spell one 1.
    /// let y = Tape::training().input(ndarray::arr3(&[[[0.0, 0.0], [0.0, 0.0]]]));
    /// let labels = ndarray::arr2(&[[1, -1]]).into_tensor();
    /// assert!((Ctc::default().loss(&y, &labels)?.item() - 0.2877).abs() < 1e-4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Graves et al. 2006; Keras `CTC`, PyTorch `CTCLoss` (whose mean divides by the labels' number, too)
    #[doc(alias = "CTCLoss")]
    #[derive(Clone, Copy)]
    pub struct Ctc {
        /// The class that stands for no label.
        blank: [usize] = 0,
    }
}

impl Ctc {
    /// The labels of an example, without the padding.
    fn labels(&self, example: usize, target: &[Float], classes: usize) -> Result<Vec<usize>> {
        let is_padding = |label: &Float| *label < 0.0 || *label == self.blank as Float;
        let count = target.iter().position(is_padding).unwrap_or(target.len());
        if let Some(late) = target[count..].iter().find(|label| !is_padding(label)) {
            return Err(Error::value(format!(
                "Ctc: expected labels padded at their end, got {late} after padding in example {example}: {target:?}"
            )));
        }
        if let Some(bad) = target[..count].iter().find(|label| label.fract() != 0.0 || **label >= classes as Float) {
            return Err(Error::value(format!(
                "Ctc: expected whole labels 0..{classes} ({classes} excluded) other than the blank {}, got {bad} in \
                 example {example}",
                self.blank
            )));
        }
        Ok(target[..count].iter().map(|label| *label as usize).collect())
    }
}

impl Loss for Ctc {
    per_example!();

    fn each(&self, prediction: &Var, target: &Tensor) -> Result<Each> {
        let [batch, time, classes] = *prediction.value.shape() else {
            let shape = prediction.value.shape();
            return Err(Error::shape(format!("Ctc: expected predictions [batch, time, classes], got {shape:?}")));
        };
        if prediction.value.is_empty() || target.ndim() != 2 || target.shape()[0] != batch {
            return Err(Error::shape(format!(
                "Ctc: expected targets [batch, labels] for predictions of at least one number, got {:?} and {:?}",
                target.shape(),
                prediction.value.shape()
            )));
        }
        if self.blank >= classes {
            return Err(Error::value(format!("Ctc: expected a blank among {classes} classes, got {}", self.blank)));
        }
        let (target, width) = (standard(target), target.shape()[1]);
        let mut examples = Vec::with_capacity(batch);
        for i in 0..batch {
            let labels = self.labels(i, &data(&target)[i * width..(i + 1) * width], classes)?;
            let steps = match prediction.mask.as_deref() {
                Some(mask) => length(i, &data(mask)[i * time..(i + 1) * time])?,
                None => time,
            };
            let needed = labels.len() + labels.windows(2).filter(|pair| pair[0] == pair[1]).count();
            if needed > steps {
                return Err(Error::value(format!(
                    "Ctc: expected at least {needed} steps for the {} labels of example {i} (equal neighbours need a \
                     blank between), got {steps}; leave such examples out, or make fewer steps into one",
                    labels.len()
                )));
            }
            examples.push((labels, steps));
        }
        let x = match prediction.origin.as_deref() {
            Some(Origin::Softmax(logits)) => logits.clone(),
            _ => prediction.clone(),
        };
        let blank = self.blank;
        items("Ctc", &prediction.clone().without_mask(), &x.without_mask(), &[batch], move |i, x, slope| {
            let (labels, steps) = &examples[i];
            let (x, slope) = (&x[..steps * classes], {
                slope[steps * classes..].fill(0.0);
                &mut slope[..steps * classes]
            });
            spelled(x, classes, labels, blank, slope)
        })
    }
}

/// How many steps are real.
fn length(example: usize, mask: &[Float]) -> Result<usize> {
    let steps = mask.iter().take_while(|step| **step != 0.0).count();
    if mask[steps..].iter().any(|step| *step != 0.0) {
        return Err(Error::value(format!(
            "Ctc: expected masks with the padding at the end, got padding before a real step in example {example}"
        )));
    }
    Ok(steps)
}

/// `ln(exp(a) + exp(b))`
fn add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// Minus the logarithm of the probability of the labels, and its slope by the logits: `softmax(x)` less the share of the
/// ways that are in this class at this step. All in logarithms, from the front (`alpha`) and from the back (`beta`).
fn spelled(x: &[Float], classes: usize, labels: &[usize], blank: usize, slope: &mut [Float]) -> f64 {
    let states = 2 * labels.len() + 1;
    let class = |state: usize| if state % 2 == 1 { labels[state / 2] } else { blank };
    // A label may follow another one without a blank if it differs.
    let skips = |state: usize| state % 2 == 1 && state > 1 && labels[state / 2] != labels[state / 2 - 1];
    let steps = x.len() / classes;
    let rows: Vec<_> = x.chunks(classes).map(LogProbabilities::new).collect();
    let log_p = |step: usize, class: usize| rows[step].of(x[step * classes + class]);
    let impossible = f64::NEG_INFINITY;
    let mut alpha = vec![impossible; (steps + 1) * states];
    // Before the first step all is at its start; a step may then enter the first blank or the first label.
    for step in 0..steps {
        let (before, now) = alpha.split_at_mut((step + 1) * states);
        let before = &before[step * states..];
        for state in 0..states {
            let ways = if step == 0 {
                if state < 2 { 0.0 } else { impossible }
            } else {
                let stayed = add(before[state], if state > 0 { before[state - 1] } else { impossible });
                if skips(state) { add(stayed, before[state - 2]) } else { stayed }
            };
            now[state] = ways + log_p(step, class(state));
        }
    }
    let last = &alpha[steps * states..];
    let total = match (steps, states) {
        (0, _) => 0.0,
        (_, 1) => last[0],
        _ => add(last[states - 1], last[states - 2]),
    };
    let mut beta = vec![impossible; states];
    let mut shares = vec![impossible; classes];
    for step in (0..steps).rev() {
        beta = if step + 1 == steps {
            (0..states).map(|state| if state + 2 >= states { 0.0 } else { impossible }).collect()
        } else {
            let ahead: Vec<f64> = (0..states).map(|state| beta[state] + log_p(step + 1, class(state))).collect();
            let ways = |state: usize| {
                let stayed = add(ahead[state], ahead.get(state + 1).copied().unwrap_or(impossible));
                if state + 2 < states && skips(state + 2) { add(stayed, ahead[state + 2]) } else { stayed }
            };
            (0..states).map(ways).collect()
        };
        shares.fill(impossible);
        for state in 0..states {
            let share = &mut shares[class(state)];
            *share = add(*share, alpha[(step + 1) * states + state] + beta[state]);
        }
        for (k, slope) in slope[step * classes..(step + 1) * classes].iter_mut().enumerate() {
            *slope = (log_p(step, k).exp() - (shares[k] - total).exp()) as Float;
        }
    }
    -total
}
