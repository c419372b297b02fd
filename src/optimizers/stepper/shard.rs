//! The optimizer's memory, divided among processes that train together.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use super::job::{Job, Memory, Plan};
use super::{Stepper, each, trainable};
use crate::autograd::{Param, ParamId};
use crate::buffers::buffer;
use crate::distributed::{Distributed, Message, Reader};
use crate::error::{Error, Result};
use crate::formats::Snapshot;
use crate::kernels::elementwise::PIECE;
use crate::optimizers::State;
use crate::tensor::{Float, data, recycle, tensor};

/// Each number's optimizer is at work on one rank alone, which sends the weights to the others. All else that a step does is done on every
/// rank, with whole gradients.
pub(super) struct Shard {
    ranks: Distributed,
    /// The rank that updates a parameter, or none where each updates a piece of it.
    owners: HashMap<ParamId, Option<usize>>,
    /// How many numbers each rank has to update of whole parameters.
    loads: Vec<usize>,
}

impl Shard {
    /// Divides each new parameter that is large among all ranks if the optimizer looks at each number alone, and gives others to the rank
    /// that has least, the largest first. What is given stays, also while a parameter is frozen.
    pub(super) fn assign(&mut self, parameters: &[(String, Param)], is_elementwise: bool) {
        let params = trainable(parameters).map(|(_, param)| param);
        let mut new: Vec<&Param> = params.filter(|param| !self.owners.contains_key(&param.id())).collect();
        new.sort_by_key(|param| Reverse(len(param)));
        for param in new {
            if is_elementwise && len(param) >= PIECE * self.loads.len() {
                self.owners.insert(param.id(), None);
                continue;
            }
            let least = (0..self.loads.len()).min_by_key(|rank| self.loads[*rank]).unwrap_or(0);
            if self.owners.insert(param.id(), Some(least)).is_none() {
                self.loads[least] += len(param);
            }
        }
    }

    /// The numbers of a parameter that a rank updates. Divisions lie where kernels divide among threads, so that the bits are the same.
    fn range(&self, param: &Param, rank: usize) -> Range<usize> {
        let len = len(param);
        match self.owners.get(&param.id()) {
            Some(None) => {
                let pieces = self.ranks.share(rank, len.div_ceil(PIECE));
                pieces.start * PIECE..len.min(pieces.end * PIECE)
            }
            Some(Some(owner)) if *owner == rank => 0..len,
            _ => 0..0,
        }
    }

    /// The numbers of a parameter that this rank updates.
    pub(super) fn own(&self, param: &Param) -> Range<usize> {
        self.range(param, self.ranks.rank())
    }

    /// Drops what a file has brought of others' memory.
    pub(super) fn forget(&self, parameters: &[(String, Param)], memories: &mut HashMap<ParamId, Memory>) {
        for (_, param) in parameters {
            let (own, len) = (self.own(param), len(param));
            let Some(memory) = memories.get_mut(&param.id()).filter(|_| self.owners.contains_key(&param.id())) else {
                continue;
            };
            if own.is_empty() {
                (memory.state, memory.is_large) = (State::default(), false);
            } else if own.len() < len {
                let whole = memory.state.slots.iter_mut().filter(|slot| slot.len() == len);
                whole.for_each(|slot| *slot = slot[own.clone()].to_vec());
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

    /// Sends the weights from those that have updated them to the others: in each round one parameter or piece of every rank.
    fn spread(&self, params: &[&Param]) -> Result<()> {
        let list = |rank| {
            let ranges = params.iter().map(|param| (*param, self.range(param, rank)));
            ranges.filter(|(_, range)| !range.is_empty()).collect()
        };
        let lists: Vec<Vec<(&Param, Range<usize>)>> = (0..self.ranks.size()).map(list).collect();
        for round in 0..lists.iter().map(Vec::len).max().unwrap_or(0) {
            let sent = |rank: usize| lists[rank].get(round);
            let mut end = 0;
            let mut from = Vec::new();
            for rank in 0..lists.len() {
                let len = sent(rank).map_or(0, |(_, range)| range.len());
                from.push(end..end + len);
                end += len;
            }
            let mut receive = buffer(end);
            // Dropped before weights are written, which would copy them otherwise.
            {
                let own = sent(self.ranks.rank()).and_then(|(param, range)| Some((param.value()?, range.clone())));
                let send: &[Float] = own.as_ref().map_or(&[], |(weights, range)| &data(weights)[range.clone()]);
                self.ranks.group().exchange(send, &vec![0..send.len(); lists.len()], &mut receive, &from)?;
            }
            for (rank, from) in from.into_iter().enumerate() {
                if let Some((param, range)) = sent(rank).filter(|_| rank != self.ranks.rank()) {
                    param.train(|weights| weights[range.clone()].copy_from_slice(&receive[from]));
                }
            }
            recycle(tensor(&[end], receive));
        }
        Ok(())
    }

    /// Sends the memory of all ranks to the first one, which gets that of all parameters that others have a part in.
    fn collect(
        &self,
        parameters: &[(String, Param)],
        memories: &HashMap<ParamId, Memory>,
    ) -> Result<HashMap<ParamId, Vec<Vec<Float>>>> {
        let own = |param: &Param| memories.get(&param.id()).filter(|_| !self.own(param).is_empty());
        let mut message = Message::default();
        for (_, param) in parameters {
            let slots = own(param).map_or(&[][..], |memory| &memory.state.slots);
            message.count(slots.len());
            slots.iter().for_each(|slot| message.count(slot.len()));
        }
        let messages = self.ranks.agree("the optimizer's memory", Ok(message.into_bytes()))?;
        let nothing = vec![0..0; messages.len()];
        let mut all: HashMap<ParamId, Vec<Vec<Float>>> = HashMap::new();
        for (rank, bytes) in messages.iter().enumerate().skip(1) {
            let mut reader = Reader::new(bytes);
            for (_, param) in parameters {
                for slot in 0..reader.count()? {
                    let len = reader.count()?;
                    let mut receive = vec![0.0; if self.ranks.is_first() { len } else { 0 }];
                    let is_sender = rank == self.ranks.rank();
                    let send = own(param).and_then(|memory| memory.state.slots.get(slot)).filter(|_| is_sender);
                    let send: &[Float] = send.map_or(&[], Vec::as_slice);
                    let (mut to, mut from) = (nothing.clone(), nothing.clone());
                    (to[0], from[rank]) = (0..send.len(), 0..receive.len());
                    self.ranks.group().exchange(send, &to, &mut receive, &from)?;
                    // The pieces of a parameter follow each other as the ranks do, this one's first.
                    let first = || own(param).map_or_else(Vec::new, |memory| memory.state.slots.clone());
                    let slots = all.entry(param.id()).or_insert_with(first);
                    slots.resize_with(slots.len().max(slot + 1), Vec::new);
                    slots[slot].append(&mut receive);
                }
            }
        }
        Ok(all)
    }
}

/// How many numbers a parameter has.
fn len(param: &Param) -> usize {
    param.shape().unwrap_or_default().iter().product()
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
