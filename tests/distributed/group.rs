//! A group of threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use gradus::distributed::{Distributed, ProcessGroup};
use gradus::prelude::*;

type Sent = (Vec<u8>, Vec<Float>);

struct Threads {
    rank: usize,
    to: Vec<Sender<Sent>>,
    from: Vec<Mutex<Receiver<Sent>>>,
}

impl Threads {
    fn send(&self, rank: usize, sent: Sent) -> Result<()> {
        self.to[rank].send(sent).map_err(|_| Error::Value(format!("rank {rank} has ended")))
    }

    fn receive(&self, rank: usize) -> Result<Sent> {
        let received = self.from[rank].lock().unwrap().recv_timeout(Duration::from_secs(60));
        received.map_err(|error| Error::Value(format!("rank {rank}: {error}")))
    }
}

impl ProcessGroup for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        (0..self.size()).try_for_each(|rank| self.send(rank, (bytes.to_vec(), Vec::new())))?;
        (0..self.size()).map(|rank| Ok(self.receive(rank)?.0)).collect()
    }

    fn exchange(
        &self,
        send: &[Float],
        to: &[Range<usize>],
        receive: &mut [Float],
        from: &[Range<usize>],
    ) -> Result<()> {
        to.iter()
            .enumerate()
            .try_for_each(|(rank, range)| self.send(rank, (Vec::new(), send[range.clone()].to_vec())))?;
        from.iter().enumerate().try_for_each(|(rank, range)| {
            receive[range.clone()].copy_from_slice(&self.receive(rank)?.1);
            Ok(())
        })
    }
}

/// Runs a program on this many ranks, and returns the result of each.
pub fn on_ranks<R: Send>(size: usize, program: impl Fn(Distributed) -> R + Sync) -> Vec<R> {
    let mut to: Vec<Vec<Sender<Sent>>> = vec![Vec::new(); size];
    let mut groups = Vec::new();
    for rank in 0..size {
        let mut from = Vec::new();
        for sender in &mut to {
            let (send, receive) = channel();
            sender.push(send);
            from.push(Mutex::new(receive));
        }
        groups.push((rank, from));
    }
    let program = &program;
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for ((rank, from), to) in groups.into_iter().zip(to) {
            threads.push(scope.spawn(move || program(Distributed::from(Threads { rank, to, from }))));
        }
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
