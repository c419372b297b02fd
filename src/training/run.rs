//! A run in progress, of `fit` or of a loop of one's own.

use std::time::Instant;

use super::pass::Parts;
use super::{History, Logs};
use crate::autograd::{Noise, Param};
use crate::config::Config;
use crate::distributed::{Distributed, parameters_checksum};
use crate::error::{Error, Result};
use crate::losses::OutputWeights;
use crate::metrics::{Figures, Metrics};
use crate::optimizers::Stepper;
use crate::saving::Structure;
use crate::training::callbacks::{Callback, KnownFigures, Optimizers, Request, Run};

/// What to do about a loss that is not finite, where the data is not known.
const ADVICE: &str = "lower the learning rate, or look for values in the data that are not finite";

/// Where a run is, and who watches it.
pub(super) struct RunState<'a> {
    pub callbacks: Vec<Box<dyn Callback + 'a>>,
    pub parameters: Vec<(String, Param)>,
    pub noises: Vec<(String, Noise)>,
    pub epoch: usize,
    pub epochs: usize,
    pub batch: usize,
    pub batches: usize,
    pub examples: usize,
    pub figures: Figures,
    pub known: KnownFigures,
    /// What the classes of the outputs weigh.
    pub class_weights: OutputWeights,
    pub logs: Logs,
    pub history: History,
    pub batch_loss: f64,
    /// The processes that train together.
    pub ranks: Option<Distributed>,
    /// Into what parts batches are divided.
    pub parts: Parts,
    /// What the model is, and what trains it, where that is known.
    pub described: Option<(Structure, Config)>,
    /// What a back-up must have in common with this run.
    pub identity: Vec<(&'static str, String)>,
    /// Whether an epoch has begun and not ended.
    pub is_in_epoch: bool,
    /// Whether a callback has stopped the run at the end of an epoch: for good.
    pub is_finished: bool,
    pub stop: bool,
    /// Whether the epoch was begun in another process.
    pub(super) is_resumed: bool,
    pub(super) started: Instant,
    /// What the epoch took in another process.
    pub(super) seconds_before: f64,
    pub(super) seconds: f64,
}

/// What a run works with and leaves to others.
pub(super) struct Tools<'t> {
    pub steppers: &'t mut [Stepper],
    pub metrics: &'t mut Metrics,
}

type Hook = fn(&mut dyn Callback, &mut Run<'_>) -> Result<()>;

impl<'a> RunState<'a> {
    pub fn new(epochs: usize, batches: usize) -> Self {
        Self {
            callbacks: Vec::new(),
            parameters: Vec::new(),
            noises: Vec::new(),
            epoch: 0,
            epochs,
            batch: 0,
            batches,
            examples: 0,
            figures: Figures::default(),
            known: KnownFigures::default(),
            class_weights: OutputWeights::default(),
            logs: Logs::default(),
            history: History::default(),
            batch_loss: f64::NAN,
            ranks: None,
            parts: Parts::WHOLE,
            described: None,
            identity: Vec::new(),
            is_in_epoch: false,
            is_finished: false,
            stop: false,
            is_resumed: false,
            started: Instant::now(),
            seconds_before: 0.0,
            seconds: 0.0,
        }
    }

    /// Before the first epoch.
    pub fn begin(&mut self, tools: &mut Tools<'_>) -> Result<()> {
        tools.steppers.iter_mut().for_each(|stepper| stepper.watch(false));
        for request in self.call(tools, |callback, run| callback.on_train_begin(run))? {
            match request {
                Request::Resume(path) => self.resume(&path, tools)?,
                request => self.fulfil(vec![request], tools)?,
            }
        }
        self.compare_ranks()
    }

    /// Ranks whose weights differ, by hardware that rounds otherwise or by what a callback does, would train another model each.
    fn compare_ranks(&self) -> Result<()> {
        let Some(ranks) = &self.ranks else { return Ok(()) };
        let place = format!("epoch {}, batch {}", self.epoch, self.batch);
        ranks.compare("fit", &[("place in the run", place), ("weights", parameters_checksum(&self.parameters))])
    }

    /// Begins the next epoch, or continues the present one; `false` at the end of the run.
    pub fn next_epoch(&mut self, tools: &mut Tools<'_>) -> Result<bool> {
        self.started = Instant::now();
        if std::mem::take(&mut self.is_resumed) && self.is_in_epoch {
            return Ok(true);
        }
        if self.epoch >= self.epochs || self.stop {
            return Ok(false);
        }
        self.epoch += 1;
        (self.batch, self.examples, self.logs, self.figures) = (0, 0, Logs::default(), self.figures.empty());
        (self.seconds, self.seconds_before, self.is_in_epoch) = (0.0, 0.0, true);
        tools.metrics.reset();
        tools.steppers.iter_mut().for_each(|stepper| stepper.show_averages(&self.parameters, false));
        let requests = self.call(tools, |callback, run| callback.on_epoch_begin(run))?;
        self.fulfil(requests, tools)?;
        Ok(true)
    }

    /// Whether another batch is due in this epoch.
    pub fn has_batch(&self) -> bool {
        self.batch < self.batches && !self.stop
    }

    /// After a batch whose figures were taken in.
    pub fn end_batch(&mut self, loss: f64, examples: usize, tools: &mut Tools<'_>) -> Result<()> {
        self.batch += 1;
        self.examples += examples;
        self.batch_loss = loss;
        self.seconds = self.seconds_before + self.started.elapsed().as_secs_f64();
        self.gather(tools);
        let requests = self.call(tools, |callback, run| callback.on_batch_end(run))?;
        if !loss.is_finite() {
            // The step was not made, so that there is nothing to go on with.
            let (epoch, batch) = (self.epoch, self.batch);
            let advice = ADVICE.into();
            return if self.stop { Ok(()) } else { Err(Error::NotFinite { loss, epoch, batch, advice }) };
        }
        self.fulfil(requests, tools)
    }

    /// After the last batch of an epoch, before validation.
    pub fn end_batches(&mut self, tools: &mut Tools<'_>) -> Result<()> {
        if self.epoch >= self.epochs || self.stop {
            self.flush(tools)?;
        }
        tools.steppers.iter_mut().for_each(|stepper| stepper.show_averages(&self.parameters, true));
        Ok(())
    }

    /// Makes the step of the batches that are too few for one: there will be no more.
    fn flush(&self, tools: &mut Tools<'_>) -> Result<()> {
        for stepper in tools.steppers.iter_mut() {
            stepper.show_averages(&self.parameters, false);
            stepper.flush_parameters(&self.parameters)?;
        }
        Ok(())
    }

    /// After an epoch, its validation included.
    pub fn end_epoch(&mut self, tools: &mut Tools<'_>) -> Result<()> {
        let was_stopped = std::mem::take(&mut self.stop);
        let requests = self.call(tools, |callback, run| callback.on_epoch_end(run))?;
        if let Some(loss) = self.logs.get("val_loss").filter(|loss| !loss.is_finite() && !self.stop) {
            let advice = ADVICE.into();
            return Err(Error::ValidationNotFinite { loss, epoch: self.epoch, advice });
        }
        self.is_finished = self.stop;
        self.stop |= was_stopped;
        self.is_in_epoch = false;
        self.history.push(self.logs.clone());
        self.compare_ranks()?;
        // Half an epoch is nothing to go on with.
        let requests = if self.batch < self.batches { Vec::new() } else { requests };
        self.fulfil(requests, tools)
    }

    /// After the last epoch.
    pub fn end(&mut self, tools: &mut Tools<'_>) -> Result<()> {
        if self.epoch > 0 {
            self.flush(tools)?;
            tools.steppers.iter_mut().for_each(|stepper| stepper.keep_averages(&self.parameters));
        }
        self.call(tools, |callback, run| callback.on_train_end(run)).map(|_| ())
    }

    /// The figures so far.
    pub fn gather(&mut self, tools: &Tools<'_>) {
        let mut logs = Logs::default();
        self.figures.for_each(|name, figure| logs.set(name, figure));
        tools.metrics.for_each(|name, figure| logs.set(name, figure));
        self.logs = logs;
    }

    fn fulfil(&self, requests: Vec<Request>, tools: &Tools<'_>) -> Result<()> {
        requests.into_iter().try_for_each(|request| match request {
            Request::BackUp(path) => {
                let memories = tools.steppers.iter().map(|stepper| stepper.whole_snapshot(&self.parameters));
                let memories = memories.collect::<Result<Vec<_>>>()?;
                match &self.ranks {
                    Some(ranks) if ranks.is_first() => ranks.all("fit", self.back_up(&path, tools, memories)),
                    Some(ranks) => ranks.all("fit", Ok(())),
                    None => self.back_up(&path, tools, memories),
                }
            }
            Request::Resume(path) => {
                Err(Error::file(path, "cannot resume in the middle of a run; call `Run::resume` in `on_train_begin`"))
            }
        })
    }

    fn call(&mut self, tools: &mut Tools<'_>, hook: Hook) -> Result<Vec<Request>> {
        let mut run = Run {
            epoch: self.epoch,
            epochs: self.epochs,
            batch: self.batch,
            batches: self.batches,
            examples: self.examples,
            seconds: self.seconds,
            batch_loss: self.batch_loss,
            logs: &mut self.logs,
            history: &self.history,
            parameters: &self.parameters,
            noises: &self.noises,
            optimizer: Optimizers { steppers: tools.steppers },
            rank: self.ranks.as_ref().map_or(0, Distributed::rank),
            stop: self.stop,
            interrupted: self.stop && !self.is_finished,
            known: &self.known,
            requests: Vec::new(),
        };
        let is_first = run.rank == 0;
        let mut called = self.callbacks.iter_mut().filter(|callback| is_first || !callback.is_for_first_rank());
        let ended = called.try_for_each(|callback| hook(callback.as_mut(), &mut run));
        self.stop = run.stop;
        let requests = run.requests;
        if let Some(ranks) = &self.ranks {
            // What ends a run by the clock must end it everywhere: the first rank decides.
            let own = ended.as_ref().map(|()| vec![u8::from(self.stop)]).map_err(ToString::to_string);
            let all = ranks.agree("fit", own);
            ended?;
            self.stop = all?[0] == [1];
            return Ok(requests);
        }
        ended.map(|()| requests)
    }
}
