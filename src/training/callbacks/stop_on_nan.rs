//! Ends a run whose loss is not a number any more.

use super::{Callback, Run};
use crate::error::Result;

/// Ends the run quietly when a batch's loss is NaN or infinite; the weights are those from before that batch. The same where
/// a validation's loss is, after the epoch. Without it, `fit` returns [`Error::NotFinite`](crate::Error::NotFinite) or
/// [`Error::ValidationNotFinite`](crate::Error::ValidationNotFinite).
///
/// ```
/// use gradus::callbacks::StopOnNan;
/// use gradus::prelude::*;
/// let fit = Fit::epochs(10).callback(StopOnNan);
/// ```
///
/// Keras `TerminateOnNaN`
#[doc(alias = "TerminateOnNaN")]
#[derive(Clone, Copy, Debug, Default)]
pub struct StopOnNan;

impl Callback for StopOnNan {
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        run.stop |= !run.batch_loss.is_finite();
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        run.stop |= run.logs.get("val_loss").is_some_and(|loss| !loss.is_finite());
        Ok(())
    }
}
