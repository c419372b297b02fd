//! Event files for TensorBoard.

mod events;

pub use events::EventWriter;

use std::path::PathBuf;

use super::{Callback, Run};
use crate::config::settings;
use crate::error::Result;
use crate::formats::Snapshot;
use crate::tensor::data;

settings! {
    /// Writes event files that TensorBoard shows: the figures of each epoch, and histograms of the weights and gradients.
    ///
    /// Figures of training are in the folder `train`, those of validation in `validation`, under the tags `epoch_loss`,
    /// `epoch_accuracy`, ..., so that TensorBoard draws both into one picture; weights are in `train` under their paths, and the
    /// gradients of an epoch's last step under `gradients/` and their paths.
    /// [`EventWriter`] writes anything else: images, texts, figures of your own.
    ///
    /// # Defaults
    /// no histograms, figures once an epoch
    /// # Errors
    /// a folder or file that cannot be written
    /// # Example
    /// ```no_run
    /// use gradus::callbacks::TensorBoard;
    /// use gradus::prelude::*;
    /// let fit = Fit::epochs(10).callback(TensorBoard::new("target/logs").histograms(1).figures_every(100));
    /// ```
    /// Then `tensorboard --logdir target/logs`.
    /// # Reference
    /// Keras `TensorBoard`
    #[derive(Debug)]
    pub struct TensorBoard(
        /// Creates the callback, which writes into this folder.
        folder: [into PathBuf],
    ) {
        /// After how many epochs histograms of the weights are written, 0 for never.
        histograms: [usize] = 0,
        /// After how many epochs histograms of the gradients are written, 0 for never; they cost a copy in each step.
        gradients: [usize] = 0,
        /// After how many batches the batch's loss and the learning rate are written, 0 for never.
        figures_every: [usize] = 0,
    }
    private {
        writers: Option<Writers> = None,
        steps: i64 = 0,
    }
}

#[derive(Debug)]
struct Writers {
    training: EventWriter,
    /// Made when there is something to write.
    validation: Option<EventWriter>,
}

impl Callback for TensorBoard {
    fn is_for_first_rank(&self) -> bool {
        true
    }

    fn on_train_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        if self.gradients > 0 {
            run.optimizer.watch(true);
        }
        self.steps = 0;
        self.writers = Some(Writers { training: EventWriter::new(self.folder.join("train"))?, validation: None });
        Ok(())
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.steps += 1;
        let is_due = self.figures_every > 0 && self.steps % self.figures_every as i64 == 0;
        let Some(writers) = self.writers.as_mut().filter(|_| is_due) else { return Ok(()) };
        writers.training.scalar("batch_loss", self.steps, run.batch_loss)?;
        match run.optimizer.learning_rate() {
            Some(rate) => writers.training.scalar("learning_rate", self.steps, f64::from(rate)),
            None => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        let Some(writers) = &mut self.writers else { return Ok(()) };
        let epoch = run.epoch as i64;
        for (name, figure) in run.logs.iter() {
            let Some(name) = name.strip_prefix("val_") else {
                writers.training.scalar(&format!("epoch_{name}"), epoch, figure)?;
                continue;
            };
            let writer = match &mut writers.validation {
                Some(writer) => writer,
                none => none.insert(EventWriter::new(self.folder.join("validation"))?),
            };
            writer.scalar(&format!("epoch_{name}"), epoch, figure)?;
        }
        if self.histograms > 0 && run.epoch.is_multiple_of(self.histograms) {
            for (path, param) in run.parameters {
                if let Some(value) = param.value() {
                    writers.training.histogram(path, epoch, data(&value))?;
                }
            }
        }
        if self.gradients > 0 && run.epoch.is_multiple_of(self.gradients) {
            for change in run.optimizer.changes() {
                let tag = format!("gradients/{}", change.path);
                writers.training.histogram(&tag, epoch, data(&change.gradient))?;
            }
        }
        writers.training.flush()?;
        writers.validation.as_mut().map_or(Ok(()), EventWriter::flush)
    }

    fn state(&self) -> Snapshot {
        Snapshot::of([("steps", self.steps as f64)])
    }

    fn restore(&mut self, state: &Snapshot) -> Result<()> {
        self.steps = i64::from(state.count("steps")?);
        Ok(())
    }
}
