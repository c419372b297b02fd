//! Goes on with a run that was stopped.

use std::path::PathBuf;

use super::{Callback, Run};
use crate::config::settings;
use crate::error::{Error, Result};

settings! {
    /// Keeps everything that is needed to resume a run in a file, and resumes from that file if it exists: a run that was
    /// killed and started again ends with the same bits as one that was not.
    ///
    /// The file has weights and statistics, what is frozen, the optimizer's memory and schedule, epoch and batch, the losses
    /// and metrics gathered in the epoch, the history, and the memory of callbacks. The order of examples, dropout and
    /// augmentation follow from the number of batches. Only wall-clock times differ. It is written under a temporary name
    /// and renamed, so that it is whole at any moment.
    ///
    /// The program that resumes must be the one that was stopped: the same model, data, optimizer and callbacks.
    /// A difference that shows is an error; one in the settings of the optimizer, layers or callbacks does not show. More
    /// epochs are allowed. [`LambdaCallback`](super::LambdaCallback) has no state that could be kept, and
    /// [`TimeLimit`](super::TimeLimit) starts over; a run that it stops can be resumed.
    ///
    /// # Defaults
    /// written after each epoch; deleted at the end of the run
    /// # Errors
    /// a file that cannot be read or written, or is of another run; a folder that does not exist; 0 batches; in the middle
    /// of an epoch, a metric without a [state](crate::metrics::Metric::state)
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
    #[derive(Debug)]
    pub struct Backup(
        /// Creates the callback with this file.
        path: [into PathBuf],
    ) {
        /// After how many batches of an epoch, each time, it is written in addition to the ends of epochs.
        #[doc(alias = "save_freq")]
        every: [option usize] = None,
        /// Whether the file stays at the end of the run; a later run then begins with its result.
        #[doc(alias = "delete_checkpoint")]
        keep: [bool] = false,
    }
}

impl Callback for Backup {
    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.every == Some(0) {
            return Err(Error::value("Backup: expected at least 1 batch between files, got 0; 100 is usual"));
        }
        crate::files::check_folder(&self.path)?;
        crate::files::remove_leftovers(&self.path);
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
        if self.keep || run.interrupted || run.rank > 0 || !self.path.exists() {
            return Ok(());
        }
        std::fs::remove_file(&self.path).map_err(|error| Error::io(&self.path, "cannot be deleted", error))
    }
}
