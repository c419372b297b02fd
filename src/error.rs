//! The one error type: who, what came, what was expected, how to fix it.

use std::path::{Path, PathBuf};

/// Shorthand for `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whatever a user's data, files or settings can get wrong.
///
/// Its `Debug` is its message, so that a `main` that returns it prints what a person can read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error inside a layer; containers prepend their names, so `path` leads from the model to the layer.
    #[error("layer `{path}`: {source}")]
    Layer {
        /// Path of the layer, such as `head.dense_1`.
        path: String,
        /// What went wrong there.
        source: Box<Error>,
    },
    /// An error in the loss of one of several outputs.
    #[error("output `{output}`: {source}")]
    Output {
        /// Name of the output.
        output: String,
        /// What went wrong there.
        source: Box<Error>,
    },
    /// A setting in a description that cannot be written or read.
    #[error("setting `{path}`: {source}")]
    Setting {
        /// Path of the setting, such as `layers.dense_1.units`.
        path: String,
        /// What went wrong there.
        source: Box<Error>,
    },
    /// A shape that does not fit.
    #[error("{0}")]
    Shape(String),
    /// A setting or a value out of its range: a rate, a batch size, a label.
    #[error("{0}")]
    Value(String),
    /// A file that is absent, unreadable, corrupt or cannot be written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and how to fix it.
        reason: String,
    },
    /// Names or shapes of stored parameters that do not match those of the model, all at once.
    #[error("{0}")]
    Parameters(String),
    /// A mean over items of which none counts: all are padding, ignored, or of class weight 0.
    #[error("{0}")]
    NothingCounts(String),
    /// Trainable parameters that the loss does not reach.
    #[error(
        "no gradient for the trainable parameters {}; the loss does not depend on them: use them in `forward`, or freeze them",
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    MissingGradient {
        /// Paths of the parameters.
        names: Vec<String>,
    },
    /// Gradients that are not finite, from a loss that is; nothing was changed.
    #[error(
        "the gradient of `{name}` is not finite, though the loss is; the weights are as they were before that step: look \
         for a square root, logarithm or division at 0 in a layer or loss, or lower the learning rate"
    )]
    GradientNotFinite {
        /// Path of the first such parameter.
        name: String,
    },
    /// A step that would leave a weight or the optimizer's memory of it infinite or not a number; nothing was changed.
    #[error(
        "the step of `{name}` was not made: {reason}; all weights are as they were before that batch: bring the data to a smaller \
         range, lower the learning rate, or bound the gradients with `Clip`"
    )]
    StepNotFinite {
        /// Path of the first such parameter.
        name: String,
        /// What would not be finite, and why.
        reason: String,
    },
    /// An error from elsewhere: of the standard library, of another crate, of the program itself. It is the
    /// [source](std::error::Error::source) of this one.
    #[error("{0}")]
    Other(#[source] Foreign),
    /// A loss of training that is not a number any more; the weights are those from before the step.
    #[error(
        "the loss became {loss} in epoch {epoch}, batch {batch}; the weights are as they were before that batch: {advice}"
    )]
    NotFinite {
        /// The loss: NaN or infinite.
        loss: f64,
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batch within the epoch, counted from 1.
        batch: usize,
        /// What to do: which example is not finite, if one is.
        advice: String,
    },
    /// A loss of validation that is not a number; the weights are those after the epoch.
    #[error("the validation loss became {loss} in epoch {epoch}; the weights are those after that epoch: {advice}")]
    ValidationNotFinite {
        /// The loss: NaN or infinite.
        loss: f64,
        /// Epoch, counted from 1.
        epoch: usize,
        /// What to do: which example is not finite, if one is.
        advice: String,
    },
}

/// An error of any type.
type Foreign = Box<dyn std::error::Error + Send + Sync>;

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let cause = error.to_string();
            if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
            source = error.source();
        }
        f.write_str(&text)
    }
}

/// Conversions for `?` in a `main`, a [`Dataset`](crate::data::Dataset) or a callback that returns [`Result`]; for errors of other types there is
/// [`Error::other`].
macro_rules! from {
    ($($error:ty)+) => {
        $(
            impl From<$error> for Error {
                fn from(error: $error) -> Self {
                    Self::other(error)
                }
            }
        )+
    };
}
from! {
    std::io::Error
    std::num::ParseIntError
    std::num::ParseFloatError
    std::str::Utf8Error
    std::string::FromUtf8Error
    std::time::SystemTimeError
    std::env::VarError
    std::fmt::Error
    ndarray::ShapeError
    Foreign
}

impl Error {
    /// Creates a shape error with this message.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::Shape(message.into())
    }

    /// Creates a value error with this message.
    pub fn value(message: impl Into<String>) -> Self {
        Self::Value(message.into())
    }

    /// Creates an error from one from elsewhere, such as another crate, which stays the
    /// [source](std::error::Error::source) of this one; or a message. `?` alone does for [`std::io::Error`] and other
    /// errors of the standard library.
    ///
    /// ```
    /// use std::error::Error as _;
    /// use gradus::prelude::*;
    ///
    /// fn setting(text: &str) -> Result<f32> {
    ///     let json: serde_json::Value = serde_json::from_str(text).map_err(Error::other)?;
    ///     Ok(json["rate"].to_string().parse()?)
    /// }
    ///
    /// assert_eq!(setting(r#"{"rate": 0.5}"#)?, 0.5);
    /// let error = setting("{").unwrap_err();
    /// assert!(error.source().unwrap().is::<serde_json::Error>());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// Creates an error about a file.
    pub fn file(path: impl AsRef<Path>, reason: impl std::fmt::Display) -> Self {
        Self::File { path: path.as_ref().into(), reason: reason.to_string() }
    }

    /// The same error, with the name of an output before it.
    pub(crate) fn at_output(self, output: &str) -> Self {
        Self::Output { output: output.into(), source: Box::new(self) }
    }

    /// The same error, with the name of a setting put before its path.
    pub(crate) fn at_setting(self, name: &str) -> Self {
        match self {
            Self::Setting { path, source } => Self::Setting { path: format!("{name}.{path}"), source },
            other => Self::Setting { path: name.into(), source: Box::new(other) },
        }
    }

    /// Returns the same error, with the name of a layer put before its path. Containers call this.
    pub fn within(self, layer: &str) -> Self {
        match self {
            Self::Layer { path, source } => Self::Layer { path: format!("{layer}.{path}"), source },
            other => Self::Layer { path: layer.into(), source: Box::new(other) },
        }
    }
}
