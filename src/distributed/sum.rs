//! The sum of the gradients of the parts of a batch over all ranks, in a fixed order.

use std::ops::Range;

use super::Distributed;
use crate::autograd::{Gradients, Param};
use crate::buffers::{buffer, zeros};
use crate::error::Result;
use crate::kernels::elementwise::add_assign;
use crate::kernels::parallel;
use crate::tensor::{Float, Tensor, add_into, data, recycle, tensor};

/// A sum as nodes of the binary tree over parts: one is of the parts `first .. first + 2^level`. Whoever adds up which of them, on
/// whatever rank, the sum is the same to the bit.
struct Tree<T> {
    nodes: Vec<Node<T>>,
}

struct Node<T> {
    first: usize,
    level: u32,
    sum: T,
}

impl<T> Tree<T> {
    /// The sum of nodes in order, as far as it can be made of them.
    fn of(nodes: impl IntoIterator<Item = Node<T>>, mut add: impl FnMut(T, T) -> T) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        for mut node in nodes {
            while let Some(left) =
                tree.nodes.pop_if(|left| left.level == node.level && (left.first >> left.level) & 1 == 0)
            {
                node = Node { first: left.first, level: left.level + 1, sum: add(left.sum, node.sum) };
            }
            tree.nodes.push(node);
        }
        tree
    }

    /// The sum of numbered leaves.
    fn of_leaves(first: usize, leaves: impl IntoIterator<Item = T>, add: impl FnMut(T, T) -> T) -> Self {
        let nodes = leaves.into_iter().enumerate().map(|(i, sum)| Node { first: first + i, level: 0, sum });
        Self::of(nodes, add)
    }

    /// Adds up what is left, once there are no more parts.
    fn close(&mut self, mut add: impl FnMut(T, T) -> T) {
        while self.nodes.len() > 1
            && let (Some(right), Some(left)) = (self.nodes.pop(), self.nodes.pop())
        {
            self.nodes.push(Node { sum: add(left.sum, right.sum), ..left });
        }
    }
}

fn add_tensors(sum: Tensor, other: Tensor) -> Tensor {
    let sum = add_into(sum, &other);
    recycle(other);
    sum
}

/// Adds on all threads, with denormal numbers as 0 as everywhere.
fn add_slices<'a>(sum: &'a mut [Float], other: &'a mut [Float]) -> &'a mut [Float] {
    const CHUNK: usize = 1 << 16;
    let mut chunks: Vec<_> = sum.chunks_mut(CHUNK).zip(other.chunks(CHUNK)).collect();
    parallel::for_each(&mut chunks, |(sum, other)| add_assign(sum, other));
    sum
}

impl Distributed {
    /// The sum of the gradients of all parts of a batch, of which `own` are this rank's: of each parameter that some part has a gradient of.
    pub(crate) fn sum(&self, parameters: &[&Param], own: Result<Vec<Gradients>>, parts: usize) -> Result<Gradients> {
        let has = |param: &&Param| u8::from(own.iter().flatten().any(|gradients| gradients.get(param).is_some()));
        let present = match &own {
            Ok(_) => Ok(parameters.iter().map(has).collect()),
            Err(error) => Err(error.to_string()),
        };
        let present = self.agree("the step", present);
        let (mut own, present) = (own?, present?);
        let is_present = |i: &usize| present.iter().any(|rank| rank.get(*i) == Some(&1));
        let parameters: Vec<&Param> = (0..parameters.len()).filter(is_present).map(|i| parameters[i]).collect();

        let share = self.share(self.rank(), parts);
        let mut columns: Vec<(Vec<Tensor>, Tree<Tensor>)> = Vec::new();
        for param in &parameters {
            let shape = param.shape().unwrap_or_default();
            let zero = || tensor(&shape, zeros(shape.iter().product()));
            let gradients = own.iter_mut().map(|part| part.take(param.id()).unwrap_or_else(zero)).collect();
            columns.push((gradients, Tree { nodes: Vec::new() }));
        }
        parallel::for_each(&mut columns, |(gradients, tree)| {
            *tree = Tree::of_leaves(share.start, std::mem::take(gradients), add_tensors);
            if self.size() == 1 {
                tree.close(add_tensors);
            }
        });
        let trees: Vec<Tree<Tensor>> = columns.into_iter().map(|(_, tree)| tree).collect();
        let sums = match self.size() {
            1 => trees.into_iter().flat_map(|tree| tree.nodes).map(|node| node.sum).collect(),
            _ => self.exchange_sums(&parameters, trees, parts)?,
        };
        Ok(Gradients::of_parameters(parameters.iter().map(|param| param.id()).zip(sums)))
    }

    /// The sums over all ranks: of each large parameter by itself, since that needs no copy, and of the small ones together.
    fn exchange_sums(&self, parameters: &[&Param], trees: Vec<Tree<Tensor>>, parts: usize) -> Result<Vec<Tensor>> {
        const LARGE: usize = 1 << 16;
        let shapes: Vec<Vec<usize>> = parameters.iter().map(|param| param.shape().unwrap_or_default()).collect();
        let len = |i: usize| shapes[i].iter().product::<usize>();
        let (small, large): (Vec<usize>, Vec<usize>) = (0..shapes.len()).partition(|i| len(*i) < LARGE);
        let mut together = vec![Vec::new(); self.nodes(self.rank(), parts).len()];
        for i in &small {
            let nodes = together.iter_mut().zip(&trees[*i].nodes);
            nodes.for_each(|(numbers, node)| numbers.extend_from_slice(data(&node.sum)));
        }
        let nodes: Vec<&[Float]> = together.iter().map(Vec::as_slice).collect();
        let sum = self.reduce(&nodes, small.iter().map(|i| len(*i)).sum(), parts)?;
        let mut sums: Vec<Option<Tensor>> = vec![None; shapes.len()];
        let mut rest = &sum[..];
        for i in small {
            let (own, others) = rest.split_at(len(i));
            (sums[i], rest) = (Some(tensor(&shapes[i], own.to_vec())), others);
        }
        for i in large {
            let nodes: Vec<&[Float]> = trees[i].nodes.iter().map(|node| data(&node.sum)).collect();
            sums[i] = Some(tensor(&shapes[i], self.reduce(&nodes, len(i), parts)?));
        }
        trees.into_iter().flat_map(|tree| tree.nodes).for_each(|node| recycle(node.sum));
        Ok(sums.into_iter().flatten().collect())
    }

    /// The nodes that a rank adds up by itself.
    fn nodes(&self, rank: usize, parts: usize) -> Vec<Node<()>> {
        let share = self.share(rank, parts);
        Tree::of_leaves(share.start, share.map(drop), |_, _| ()).nodes
    }

    /// The sum of the nodes of all ranks: each completes it for a segment of all numbers, and gets the others' (a reduce-scatter and an
    /// all-gather).
    fn reduce(&self, own: &[&[Float]], len: usize, parts: usize) -> Result<Vec<Float>> {
        let segments: Vec<Range<usize>> = (0..self.size()).map(|rank| self.share(rank, len)).collect();
        let segment = segments[self.rank()].len();
        let ranks: Vec<Vec<Node<()>>> = (0..self.size()).map(|rank| self.nodes(rank, parts)).collect();
        let mut received = Vec::new();
        for round in 0..ranks.iter().map(Vec::len).max().unwrap_or(0) {
            let send = own.get(round).copied();
            let to: Vec<_> = segments.iter().map(|range| send.map_or(0..0, |_| range.clone())).collect();
            let mut from = Vec::new();
            let mut places = Vec::new();
            for nodes in &ranks {
                let start = places.len() * segment;
                places.extend(nodes.get(round).map(|node| (node.first, node.level)));
                from.push(start..places.len() * segment);
            }
            let mut receive = buffer(places.len() * segment);
            self.group.exchange(send.unwrap_or_default(), &to, &mut receive, &from)?;
            received.push((places, receive));
        }
        let mut nodes: Vec<Node<&mut [Float]>> = Vec::new();
        for (places, receive) in &mut received {
            let sums = receive.chunks_mut(segment.max(1));
            nodes.extend(places.iter().zip(sums).map(|(&(first, level), sum)| Node { first, level, sum }));
        }
        nodes.sort_by_key(|node| node.first);
        let mut tree = Tree::of(nodes, add_slices);
        tree.close(add_slices);
        let sum: &[Float] = tree.nodes.pop().map_or(&[], |node| node.sum);
        let mut all = buffer(len);
        self.group.exchange(sum, &vec![0..segment; self.size()], &mut all, &segments)?;
        received.into_iter().for_each(|(_, receive)| recycle(tensor(&[receive.len()], receive)));
        Ok(all)
    }
}
