//! More places around what is there.

use super::take::{FILL, checked_size};
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::tensor::Float;

/// What [`Var::pad`] puts around.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PadMode {
    /// This number.
    Constant(Float),
    /// What is at the edge, again and again. PyTorch says `replicate`.
    Edge,
    /// A mirror image about the edge, without what is at the edge itself: `c b | a b c | b a`.
    Reflect,
    /// A mirror image with what is at the edge: `b a | a b c | c b`.
    Symmetric,
    /// What is at the other end: `b c | a b c | a b`. PyTorch says `circular`.
    Wrap,
}

impl PadMode {
    /// The place that is at `at` of an axis of this length.
    fn source(self, at: isize, len: isize) -> usize {
        let place = match self {
            _ if (0..len).contains(&at) => at,
            Self::Constant(_) => return FILL,
            Self::Edge => at.clamp(0, len - 1),
            Self::Reflect => (len - 1) - ((len - 1) - at.rem_euclid((2 * (len - 1)).max(1))).abs(),
            Self::Symmetric => {
                let at = at.rem_euclid(2 * len);
                at.min(2 * len - 1 - at)
            }
            Self::Wrap => at.rem_euclid(len),
        };
        place as usize
    }
}

impl Var {
    /// Adds this many places before and after each axis: `[[before, after], ...]`, a pair for each.
    ///
    /// ```
    /// use gradus::PadMode;
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[1.0, 2.0, 3.0]));
    /// let padded = |mode| Ok::<_, Error>(x.pad(&[[2, 1]], mode)?.value().iter().copied().collect::<Vec<_>>());
    /// assert_eq!(padded(PadMode::Constant(0.0))?, [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]);
    /// assert_eq!(padded(PadMode::Edge)?, [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
    /// assert_eq!(padded(PadMode::Reflect)?, [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    /// assert_eq!(padded(PadMode::Symmetric)?, [2.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
    /// assert_eq!(padded(PadMode::Wrap)?, [2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Not a pair for each axis; more places than the axis has to repeat from (one less for [`PadMode::Reflect`], any
    /// number for a constant and the edge); a result too large for any memory.
    pub fn pad(&self, padding: &[[usize; 2]], mode: PadMode) -> Result<Self> {
        let fail = |reason: String| Err(Error::shape(format!("pad: expected {reason}, got {padding:?}")));
        if padding.len() != self.value.shape().len() {
            return fail(format!("a pair [before, after] for each axis of shape {:?}", self.value.shape()));
        }
        let pairs = || self.value.shape().iter().zip(padding).map(|(len, [before, after])| (*len, *before, *after));
        checked_size("pad", &pairs().map(|(len, b, a)| len.saturating_add(b).saturating_add(a)).collect::<Vec<_>>())?;
        for (axis, (len, before, after)) in pairs().enumerate() {
            let most = match mode {
                PadMode::Constant(_) => usize::MAX,
                PadMode::Edge if len > 0 => usize::MAX,
                PadMode::Reflect => len.saturating_sub(1),
                PadMode::Edge | PadMode::Symmetric | PadMode::Wrap => len,
            };
            if before.max(after) > most {
                return fail(format!(
                    "at most {most} places on either side of axis {axis} of shape {:?}",
                    self.value.shape()
                ));
            }
        }
        let fill = if let PadMode::Constant(fill) = mode { fill } else { 0.0 };
        let padded = pairs().enumerate().filter(|(_, (_, before, after))| before + after > 0);
        Ok(padded.fold(self.clone(), |x, (axis, (len, before, after))| {
            let places = -(before as isize)..(len + after) as isize;
            x.pick(axis, places.map(|at| mode.source(at, len as isize)).collect(), fill)
        }))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::PadMode;
    use crate::autograd::Tape;

    #[test]
    fn gradients_add_up_where_numbers_were_repeated() {
        let tape = Tape::training();
        let x = tape.variable(arr2(&[[1.0, 2.0, 3.0]]));
        for (mode, want) in [
            (PadMode::Constant(7.0), [1.0, 1.0, 1.0]),
            (PadMode::Edge, [3.0, 1.0, 2.0]),
            (PadMode::Reflect, [1.0, 3.0, 2.0]),
            (PadMode::Symmetric, [2.0, 2.0, 2.0]),
            (PadMode::Wrap, [2.0, 2.0, 2.0]),
        ] {
            let y = x.pad(&[[0, 0], [2, 1]], mode).unwrap();
            assert_eq!(y.sum().backward().unwrap().of(&x).unwrap().as_slice().unwrap(), want, "{mode:?}");
        }
    }
}
