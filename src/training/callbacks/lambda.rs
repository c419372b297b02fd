//! A callback made of closures.

use super::{Callback, Run};
use crate::error::Result;

type Hook<'a> = Option<Box<dyn FnMut(&mut Run<'_>) -> Result<()> + 'a>>;

/// A callback made of closures.
///
/// # Example
/// ```
/// use gradus::prelude::*;
/// let mut losses = Vec::new();
/// let keep = LambdaCallback::new().on_batch_end(|run| {
///     losses.push(run.batch_loss);
///     Ok(())
/// });
/// let (x, y) = (ndarray::Array2::<f32>::ones((8, 2)), ndarray::Array1::<f32>::zeros(8));
/// let mut model = Dense::new(1).compile(Sgd::default(), MeanSquaredError::default());
/// model.fit(&(&x, &y), Fit::epochs(3).batch_size(4).progress(false).callback(keep))?;
/// assert_eq!(losses.len(), 6);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `LambdaCallback`
#[derive(Default)]
#[must_use]
pub struct LambdaCallback<'a> {
    on_train_begin: Hook<'a>,
    on_epoch_begin: Hook<'a>,
    on_batch_end: Hook<'a>,
    on_epoch_end: Hook<'a>,
    on_train_end: Hook<'a>,
}

impl std::fmt::Debug for LambdaCallback<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LambdaCallback").finish_non_exhaustive()
    }
}

impl LambdaCallback<'_> {
    /// Creates a callback that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
}

macro_rules! hooks {
    ($($hook:ident $when:literal)*) => {
        impl<'a> LambdaCallback<'a> {
            $(
                #[doc = concat!("Sets what happens ", $when, ".")]
                pub fn $hook(mut self, hook: impl FnMut(&mut Run<'_>) -> Result<()> + 'a) -> Self {
                    self.$hook = Some(Box::new(hook));
                    self
                }
            )*
        }

        impl Callback for LambdaCallback<'_> {
            $(
                fn $hook(&mut self, run: &mut Run<'_>) -> Result<()> {
                    self.$hook.as_mut().map_or(Ok(()), |hook| hook(run))
                }
            )*
        }
    };
}
hooks! {
    on_train_begin "before the first epoch"
    on_epoch_begin "before each epoch"
    on_batch_end "after each batch"
    on_epoch_end "after each epoch"
    on_train_end "after the last epoch"
}
