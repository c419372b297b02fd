//! The one error type: who, what came, what was expected, how to fix it.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Shorthand for `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with a user's data, files or settings.
///
/// `Display` is the message, with the path of the layer, output or setting before it. `Debug` is the message too, followed by its
/// [sources](std::error::Error::source), so that a `main` that returns an error prints text for people.
///
/// A message does not repeat its source: only a [file](Self::File) has one of its own, the error of the operating system.
///
/// ```
/// use std::io::ErrorKind;
/// use gradus::prelude::*;
///
/// match gradus::open("absent.safetensors") {
///     Err(Error::File { path, source: Some(source), .. }) if source.kind() == ErrorKind::NotFound => {
///         println!("There is no {} yet: train first", path.display());
///     }
///     other => panic!("{:?}", other.err()),
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error inside a layer; containers prepend their names, so `path` leads from the model to the layer.
    #[error(transparent)]
    Layer(Located),
    /// An error in the loss of one of several outputs.
    #[error(transparent)]
    Output(Located),
    /// A setting in a description that cannot be written or read.
    #[error(transparent)]
    Setting(Located),
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
        /// The operating system's error, where it refused.
        source: Option<std::io::Error>,
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
        "the gradient of `{name}` is not finite, though the loss is; the weights are as they were before that step: look for \
         a square root, logarithm or division at 0 in a layer or loss, or lower the learning rate"
    )]
    GradientNotFinite {
        /// Path of the first such parameter.
        name: String,
    },
    /// A step that would leave a weight or the optimizer's memory of it infinite or not a number; nothing was changed.
    #[error(
        "the step of `{name}` was not made: {reason}; all weights are as they were before that batch: bring the data to a \
         smaller range, lower the learning rate, or bound the gradients with `Clip`"
    )]
    StepNotFinite {
        /// Path of the first such parameter.
        name: String,
        /// What would not be finite, and why.
        reason: String,
    },
    /// An error from elsewhere: of the standard library, of another crate, of the program itself. Its message and its
    /// [source](std::error::Error::source) are those of this one; match it by `downcast_ref`.
    #[error(transparent)]
    Other(Foreign),
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

/// Where an error happened, and the error.
///
/// Its message holds that of the error inside, so that its [source](std::error::Error::source) is the source of the error inside.
#[derive(Debug)]
#[non_exhaustive]
pub struct Located {
    place: &'static str,
    /// Path of the layer, such as `head.dense_1`, or of the setting, such as `layers.dense_1.units`; name of the output.
    pub path: String,
    /// What went wrong there.
    pub error: Box<Error>,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.place, self.path, self.error)
    }
}

impl std::error::Error for Located {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Located {
    fn new(place: &'static str, path: &str, error: Error) -> Self {
        Self { place, path: path.into(), error: Box::new(error) }
    }

    /// The place of another error.
    pub(crate) fn map(mut self, change: impl FnOnce(Error) -> Error) -> Self {
        *self.error = change(*self.error);
        self
    }

    /// The same error, with a name put before its path.
    fn prefixed(mut self, name: &str) -> Self {
        self.path = format!("{name}.{}", self.path);
        self
    }
}

/// An error of any type.
type Foreign = Box<dyn std::error::Error + Send + Sync>;

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
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

    /// Creates an [`Error::Other`] from an error of another crate or of your own, or from a message. `?` alone does for
    /// [`std::io::Error`] and other errors of the standard library.
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// fn setting(text: &str) -> Result<f32> {
    ///     let json: serde_json::Value = serde_json::from_str(text).map_err(Error::other)?;
    ///     Ok(json["rate"].to_string().parse()?)
    /// }
    ///
    /// assert_eq!(setting(r#"{"rate": 0.5}"#)?, 0.5);
    /// let Err(Error::Other(error)) = setting("{") else { panic!() };
    /// assert!(error.is::<serde_json::Error>());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// Creates an error about a file from a message or from another error. A [`std::io::Error`] becomes its source.
    pub fn file(path: impl AsRef<Path>, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::file_at(path.as_ref().into(), reason.into())
    }

    fn file_at(path: PathBuf, reason: Box<dyn std::error::Error + Send + Sync>) -> Self {
        match reason.downcast::<std::io::Error>() {
            Ok(error) => match reason_of(&error) {
                Some(reason) => Self::File { path, reason: reason.into(), source: Some(*error) },
                None => Self::File { path, reason: error.to_string(), source: None },
            },
            Err(other) => Self::File { path, reason: other.to_string(), source: None },
        }
    }

    /// An error of the operating system about a file, after what could not be done with it.
    pub(crate) fn io(path: impl AsRef<Path>, what: &str, error: std::io::Error) -> Self {
        let mut error = Self::file(path, error);
        if let Self::File { reason, .. } = &mut error {
            *reason = format!("{what}: {reason}");
        }
        error
    }

    /// The same error, with the name of an output before it.
    pub(crate) fn at_output(self, output: &str) -> Self {
        Self::Output(Located::new("output", output, self))
    }

    /// The same error, with the name of a setting put before its path.
    pub(crate) fn at_setting(self, name: &str) -> Self {
        match self {
            Self::Setting(located) => Self::Setting(located.prefixed(name)),
            other => Self::Setting(Located::new("setting", name, other)),
        }
    }

    /// Returns the same error, with the name of a layer put before its path. Containers call this.
    #[must_use]
    pub fn within(self, layer: &str) -> Self {
        match self {
            Self::Layer(located) => Self::Layer(located.prefixed(layer)),
            other => Self::Layer(Located::new("layer", layer, other)),
        }
    }
}

/// What a user has to know of an error of the operating system; none for a message that a program wrote itself.
fn reason_of(error: &std::io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::NotFound => "no such file or folder",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::AlreadyExists => "exists already",
        ErrorKind::IsADirectory => "expected a file, got a folder",
        ErrorKind::NotADirectory => "expected a folder, got a file",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::UnexpectedEof => "ends too early",
        _ if error.raw_os_error().is_some() => "the operating system refuses",
        _ => return None,
    })
}
