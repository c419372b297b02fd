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

    /// Each rank adds up a segment of all numbers, and gets the others' (a reduce-scatter and an all-gather).
    fn exchange_sums(&self, parameters: &[&Param], trees: Vec<Tree<Tensor>>, parts: usize) -> Result<Vec<Tensor>> {
        let shapes: Vec<Vec<usize>> = parameters.iter().map(|param| param.shape().unwrap_or_default()).collect();
        let len: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        let ranks = 0..self.size();
        let segments: Vec<Range<usize>> = ranks.clone().map(|rank| self.share(rank, len)).collect();
        let own = segments[self.rank()].len();
        let nodes = |rank| Tree::of_leaves(self.share(rank, parts).start, self.share(rank, parts).map(drop), |_, _| ());
        let others: Vec<Tree<()>> = ranks.clone().map(nodes).collect();
        let rounds = others.iter().map(|tree| tree.nodes.len()).max().unwrap_or(0);
        let mut numbers = buffer(len);
        let mut received = Vec::new();
        for round in 0..rounds {
            let is_sent = round < others[self.rank()].nodes.len();
            if is_sent {
                flatten(trees.iter().map(|tree| &tree.nodes[round].sum), &mut numbers);
            }
            let to: Vec<_> = segments.iter().map(|segment| if is_sent { segment.clone() } else { 0..0 }).collect();
            let mut from = Vec::new();
            let mut places = Vec::new();
            for tree in &others {
                let start = places.len() * own;
                let node = tree.nodes.get(round);
                from.push(start..start + if node.is_some() { own } else { 0 });
                places.extend(node.map(|node| (node.first, node.level)));
            }
            let mut receive = buffer(places.len() * own);
            self.group.exchange(&numbers, &to, &mut receive, &from)?;
            received.push((places, receive));
        }
        let mut nodes: Vec<Node<&mut [Float]>> = Vec::new();
        for (places, receive) in &mut received {
            let sums = receive.chunks_mut(own.max(1));
            nodes.extend(places.iter().zip(sums).map(|((first, level), sum)| Node {
                first: *first,
                level: *level,
                sum,
            }));
        }
        nodes.sort_by_key(|node| node.first);
        let mut tree = Tree::of(nodes, add_slices);
        tree.close(add_slices);
        let sum: &[Float] = tree.nodes.pop().map_or(&[], |node| node.sum);
        let to = vec![0..own; self.size()];
        self.group.exchange(sum, &to, &mut numbers, &segments)?;
        for tensor in trees.into_iter().flat_map(|tree| tree.nodes) {
            recycle(tensor.sum);
        }
        let sums = unflatten(&shapes, &numbers);
        for buffer in received.into_iter().map(|(_, receive)| receive).chain([numbers]) {
            recycle(tensor(&[buffer.len()], buffer));
        }
        Ok(sums)
    }
}

fn flatten<'t>(tensors: impl Iterator<Item = &'t Tensor>, numbers: &mut [Float]) {
    let mut start = 0;
    for tensor in tensors {
        numbers[start..start + tensor.len()].copy_from_slice(data(tensor));
        start += tensor.len();
    }
}

fn unflatten(shapes: &[Vec<usize>], mut numbers: &[Float]) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for shape in shapes {
        let (own, rest) = numbers.split_at(shape.iter().product());
        let mut copy = buffer(own.len());
        copy.copy_from_slice(own);
        tensors.push(tensor(shape, copy));
        numbers = rest;
    }
    tensors
}
