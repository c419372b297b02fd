//! The optimizer's memory, divided among processes that train together.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::job::{Job, Memory, Plan};
use super::{Stepper, each, trainable};
use crate::autograd::{Param, ParamId};
use crate::buffers::buffer;
use crate::distributed::{Distributed, Message, Reader};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::optimizers::State;
use crate::tensor::{Float, data, recycle, tensor};

/// Each parameter's optimizer is at work on one rank alone, which sends the weights to the others.
///
/// Whole parameters are divided, since rules such as Muon and Adafactor look at all numbers of one. All else that a step does is done on
/// every rank, with whole gradients.
pub(super) struct Shard {
    ranks: Distributed,
    owners: HashMap<ParamId, usize>,
    /// How many numbers each rank has to update.
    loads: Vec<usize>,
}

impl Shard {
    /// Gives each new parameter to the rank that has least, the largest first. What is given stays, also while a parameter is frozen.
    pub(super) fn assign(&mut self, parameters: &[(String, Param)]) {
        let len = |param: &Param| param.shape().unwrap_or_default().iter().product::<usize>();
        let params = trainable(parameters).map(|(_, param)| param);
        let mut new: Vec<&Param> = params.filter(|param| !self.owners.contains_key(&param.id())).collect();
        new.sort_by_key(|param| Reverse(len(param)));
        for param in new {
            let least = (0..self.loads.len()).min_by_key(|rank| self.loads[*rank]).unwrap_or(0);
            if self.owners.insert(param.id(), least).is_none() {
                self.loads[least] += len(param);
            }
        }
    }

    pub(super) fn is_own(&self, param: &Param) -> bool {
        self.owners.get(&param.id()) == Some(&self.ranks.rank())
    }

    /// Drops what a file has brought of others' memory.
    pub(super) fn forget(&self, memories: &mut HashMap<ParamId, Memory>) {
        for (id, memory) in memories {
            if self.owners.get(id).is_some_and(|owner| *owner != self.ranks.rank()) {
                (memory.state, memory.is_large) = (State::default(), false);
            }
        }
    }

    /// Changes the weights of all parameters or, where one would not stay finite on some rank, of none.
    pub(super) fn change_all(&self, jobs: &mut [Job<'_>], plan: &Plan<'_>, error: Option<Error>) -> Option<Error> {
        const WHO: &str = "the step of each rank's own parameters";
        let is_safe = jobs.iter().all(|job| job.is_safe);
        let own = error.as_ref().map_or_else(|| Ok(vec![u8::from(is_safe)]), |error| Err(error.to_string()));
        let are_safe = match (self.ranks.agree(WHO, own), error) {
            (Ok(ranks), None) => ranks,
            (Err(other), own) => return own.or(Some(other)),
            (Ok(_), own) => return own,
        };
        let is_safe = are_safe.iter().all(|is_safe| *is_safe == [1]);
        each(jobs, |job| job.change(plan, is_safe));
        let sent = self.spread(&jobs.iter().map(|job| job.param).collect::<Vec<_>>());
        each(jobs, |job| job.finish(plan, is_safe));
        let own = jobs.iter_mut().find_map(|job| job.error.take()).or(sent.err());
        let error = self.ranks.all(WHO, own.map_or(Ok(()), Err)).err();
        if error.is_some() {
            jobs.iter_mut().for_each(Job::take_back);
        }
        error
    }

    /// Sends the weights of each parameter from its owner to the others: in each round one of every rank.
    fn spread(&self, params: &[&Param]) -> Result<()> {
        let mut lists: Vec<Vec<&Param>> = vec![Vec::new(); self.ranks.size()];
        for param in params {
            lists[self.owners.get(&param.id()).copied().unwrap_or(0)].push(param);
        }
        for round in 0..lists.iter().map(Vec::len).max().unwrap_or(0) {
            let mut end = 0;
            let mut from = Vec::new();
            for list in &lists {
                let shape = list.get(round).and_then(|param| param.shape()).unwrap_or_default();
                let len = if list.len() > round { shape.iter().product::<usize>() } else { 0 };
                from.push(end..end + len);
                end += len;
            }
            let own = lists[self.ranks.rank()].get(round).and_then(|param| param.value());
            let send: &[Float] = own.as_ref().map_or(&[], data);
            let mut receive = buffer(end);
            self.ranks.group().exchange(send, &vec![0..send.len(); lists.len()], &mut receive, &from)?;
            for (list, range) in lists.iter().zip(from) {
                if let Some(param) = list.get(round).filter(|param| !self.is_own(param)) {
                    param.train(|weights| weights.copy_from_slice(&receive[range]));
                }
            }
            recycle(tensor(&[end], receive));
        }
        Ok(())
    }

    /// Sends the memory of all ranks to the first one, which gets that of others' parameters.
    fn collect(
        &self,
        parameters: &[(String, Param)],
        memories: &HashMap<ParamId, Memory>,
    ) -> Result<HashMap<ParamId, Vec<Vec<Float>>>> {
        let own = |param: &Param| memories.get(&param.id()).filter(|_| self.is_own(param));
        let mut message = Message::default();
        for (_, param) in parameters {
            let slots = own(param).map_or(&[][..], |memory| &memory.state.slots);
            message.count(slots.len());
            slots.iter().for_each(|slot| message.count(slot.len()));
        }
        let messages = self.ranks.agree("the optimizer's memory", Ok(message.into_bytes()))?;
        let nothing = vec![0..0; messages.len()];
        let mut all = HashMap::new();
        for (rank, bytes) in messages.iter().enumerate().skip(1) {
            let mut reader = Reader::new(bytes);
            for (_, param) in parameters {
                let mut slots = Vec::new();
                for slot in 0..reader.count()? {
                    let len = reader.count()?;
                    let mut receive = vec![0.0; if self.ranks.is_first() { len } else { 0 }];
                    let is_sender = rank == self.ranks.rank();
                    let send = own(param).and_then(|memory| memory.state.slots.get(slot)).filter(|_| is_sender);
                    let send: &[Float] = send.map_or(&[], Vec::as_slice);
                    let (mut to, mut from) = (nothing.clone(), nothing.clone());
                    (to[0], from[rank]) = (0..send.len(), 0..receive.len());
                    self.ranks.group().exchange(send, &to, &mut receive, &from)?;
                    slots.push(receive);
                }
                if self.ranks.is_first() && !slots.is_empty() {
                    all.insert(param.id(), slots);
                }
            }
        }
        Ok(all)
    }
}

impl Stepper {
    /// Divides the optimizer's memory among ranks from now on, if they are to. What is divided stays so.
    pub(crate) fn join(&mut self, ranks: &Distributed) {
        if self.shard.is_none() && ranks.shards_optimizer() && ranks.size() > 1 {
            let loads = vec![0; ranks.size()];
            self.shard = Some(Shard { ranks: ranks.clone(), owners: HashMap::new(), loads });
        }
    }

    /// [`Stepper::snapshot`] with all ranks' memory on the first one; all must call it.
    pub(crate) fn whole_snapshot(&self, parameters: &[(String, Param)]) -> Result<Snapshot> {
        let others = self.shard.as_ref().map(|shard| shard.collect(parameters, &self.memories)).transpose()?;
        Ok(self.snapshot_with(parameters, &others.unwrap_or_default()))
    }
}
