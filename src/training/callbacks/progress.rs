//! Shows how a run goes.

use super::{Callback, Run};
use crate::error::Result;

/// Shows rate, loss, metrics and time left: a bar where that is a terminal (feature `progress`), and a line an
/// epoch everywhere, both on standard error. `fit` adds it unless [`Fit::progress`](crate::Fit::progress) says otherwise.
///
/// ```
/// use gradus::callbacks::Progress;
/// use gradus::prelude::*;
/// let fit = Fit::epochs(3).progress(false).callback(Progress::default());
/// ```
#[derive(Debug, Default)]
pub struct Progress {
    #[cfg(feature = "progress")]
    bar: Option<indicatif::ProgressBar>,
}

/// The figures as `loss 0.1234 accuracy 0.9876`.
fn figures(run: &Run<'_>) -> String {
    run.logs.iter().map(|(name, figure)| format!(" {name} {figure:.4}")).collect()
}

#[cfg(feature = "progress")]
impl Progress {
    fn begin(&mut self, run: &Run<'_>) {
        let template = "Epoch {prefix} {wide_bar} {pos}/{len} batches, {msg}, {eta} left";
        let style = indicatif::ProgressStyle::with_template(template);
        let bar = indicatif::ProgressBar::new(run.batches as u64).with_prefix(format!("{}/{}", run.epoch, run.epochs));
        // A bar in indicatif's own style is better than none.
        self.bar = Some(style.map_or(bar.clone(), |style| bar.with_style(style)));
    }

    fn advance(&mut self, run: &Run<'_>) {
        // An epoch that is resumed does not begin again.
        if self.bar.is_none() {
            self.begin(run);
        }
        if let Some(bar) = self.bar.as_ref().filter(|bar| !bar.is_hidden()) {
            bar.set_position(run.batch as u64);
            if run.batch % 16 == 1 {
                bar.set_message(format!("{:.0} examples/s{}", run.examples as f64 / run.seconds, figures(run)));
            }
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(not(feature = "progress"))]
impl Progress {
    fn begin(&mut self, _: &Run<'_>) {}

    fn advance(&mut self, _: &Run<'_>) {}

    fn finish(&mut self) {}
}

impl Callback for Progress {
    fn is_for_first_rank(&self) -> bool {
        true
    }

    fn on_epoch_begin(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.begin(run);
        Ok(())
    }

    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.advance(run);
        Ok(())
    }

    fn on_epoch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.finish();
        let rate = run.examples as f64 / run.seconds;
        eprintln!("Epoch {}/{} {:.1} s, {rate:.0} examples/s,{}", run.epoch, run.epochs, run.seconds, figures(run));
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Run<'_>) -> Result<()> {
        self.finish();
        Ok(())
    }
}
