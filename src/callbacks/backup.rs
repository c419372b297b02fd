//! Goes on with a run that was stopped.

use std::path::PathBuf;

use super::{Callback, Run};
use crate::error::{Error, Result};

/// Keeps all that it takes to go on with a run in a file, and goes on from that file where it is there: a run that was
/// killed and started again ends with the same bits as one that was not.
///
/// The file has weights and statistics, what is frozen, the optimizer's memory and schedule, epoch and batch, the losses
/// and metrics gathered in the epoch, the history, and the memory of callbacks. The order of examples, dropout and
/// augmentation follow from the number of batches. Only wall-clock times differ. It is written under a temporary name
/// and renamed, so that it is whole at any moment.
///
/// The program that goes on must be the one that was stopped: the same model, data, optimizer and callbacks. What can be
/// told apart is an error; settings within optimizer, layers and callbacks cannot. More epochs than before are welcome.
/// [`LambdaCallback`](super::LambdaCallback) has no memory that could be kept, and [`TimeLimit`](super::TimeLimit) begins
/// anew; a run that it stops can be gone on with.
///
/// # Defaults
/// written after each epoch; deleted at the end of the run
/// # Errors
/// a file that cannot be read or written, or is of another run; a folder that does not exist; 0 batches; a metric that does not tell what it has
/// gathered ([`Metric::state`](crate::metrics::Metric::state)) amid an epoch
/// # Example
/// ```
/// use gradus::prelude::*;
/// # let folder = std::env::temp_dir().join("gradus-backup-example");
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("run.backup");
/// let (x, y) = (ndarray::Array2::<f32>::ones((8, 2)), ndarray::Array1::<f32>::zeros(8));
/// let train = |epochs| {
///     let mut model = Dense::new(1).compile(Adam::default(), MeanSquaredError).seed(1);
///     let backup = Backup::new(&path).every(100).keep(true);
///     let history = model.fit(&(&x, &y), Fit::epochs(epochs).progress(false).callback(backup))?;
///     Ok::<_, Error>((history, model.predict(&x)?))
/// };
/// train(2)?;
/// let resumed = train(5)?;
/// std::fs::remove_file(&path).unwrap();
/// assert_eq!(resumed, train(5)?);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `BackupAndRestore`
#[doc(alias = "BackupAndRestore")]
#[doc(alias = "resume")]
pub struct Backup {
    path: PathBuf,
    every: Option<usize>,
    keep: bool,
}

impl Backup {
    /// In this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), every: None, keep: false }
    }

    /// Sets after how many batches of an epoch, again and again, it is written, beside the ends of epochs.
    #[doc(alias = "save_freq")]
    pub fn every(mut self, batches: usize) -> Self {
        self.every = Some(batches);
        self
    }

    /// Sets whether the file stays at the end of the run; a later run then begins with its result.
    #[doc(alias = "delete_checkpoint")]
    pub fn keep(mut self, yes: bool) -> Self {
        self.keep = yes;
        self
    }
}

impl Callback for Backup {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.every == Some(0) {
            return Err(Error::value("Backup: expected at least 1 batch between files, got 0; 100 is usual"));
        }
        crate::saving::check_folder(&self.path)?;
        crate::saving::remove_leftovers(&self.path);
        if self.path.exists() {
            run.resume(&self.path);
        }
        Ok(())
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.every.is_some_and(|every| run.batch.is_multiple_of(every)) {
            run.back_up(&self.path);
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        run.back_up(&self.path);
        Ok(())
    }

    fn on_train_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.keep || run.interrupted || !self.path.exists() {
            return Ok(());
        }
        std::fs::remove_file(&self.path).map_err(|error| Error::file(&self.path, format!("cannot be deleted: {error}")))
    }
}
