//! Einstein's summation.

use super::take::checked_size;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::order::order;

/// A variable whose axes have names.
struct Named {
    axes: Vec<char>,
    var: Var,
}

impl Var {
    /// Computes sums of products by Einstein's convention: `equation` names the axes of each variable, then those of
    /// the result. What is not named after `->` is summed over; without `->` the result has the names that come once,
    /// in alphabetical order. A name that comes twice in one variable takes its diagonal; `...` stands for any axes.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let a = tape.input(ndarray::Array3::<f32>::ones((2, 3, 4)));
    /// let b = tape.input(ndarray::Array3::<f32>::ones((2, 4, 5)));
    /// let y = Var::einsum("bij,bjk->bik", &[&a, &b])?;
    /// assert_eq!(y.shape(), [2, 3, 5]);
    /// assert_eq!(y.value()[[0, 0, 0]], 4.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An equation that is not of this form, or names other numbers of variables or axes; axes of one name and
    /// different lengths.
    pub fn einsum(equation: &str, vars: &[&Self]) -> Result<Self> {
        let fail = |reason: String| Error::shape(format!("einsum: `{equation}` {reason}"));
        let plain: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = plain.split_once("->").map_or((&*plain, None), |(left, right)| (left, Some(right)));
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != vars.len() {
            return Err(fail(format!("is for {} variables, got {}", terms.len(), vars.len())));
        }
        // How many axes the dots of each term stand for.
        let dots: Vec<usize> = terms
            .iter()
            .zip(vars)
            .map(|(term, var)| match term.contains("...") {
                true => var.value.shape().len().saturating_sub(term.replacen("...", "", 1).chars().count()),
                false => 0,
            })
            .collect();
        let most = dots.iter().copied().max().unwrap_or(0);
        let names: Vec<Vec<char>> = terms.iter().zip(&dots).map(|(term, dots)| axes_of(term, *dots)).collect();
        let result = right.map_or_else(|| named_once(&names), |right| axes_of(right, most));
        let all = [&names.concat()[..], &result].concat();
        let dot = all.iter().find(|name| !name.is_ascii_alphanumeric());
        let written = plain.replacen("->", "", 1);
        let odd = written.chars().find(|c| !c.is_ascii_alphabetic() && !matches!(c, ',' | '.')).or(dot.copied());
        if let Some(odd) = odd {
            return Err(fail(format!("has `{odd}`; expected letters, `...`, commas and one `->`")));
        }
        let unknown = |name: &char| !names.iter().any(|axes| axes.contains(name));
        let odd = result.iter().enumerate().find(|(i, name)| result[..*i].contains(name) || unknown(name));
        if let Some((_, odd)) = odd {
            return Err(fail(format!("has `{odd}` in its result twice, or on that side alone")));
        }
        let mut lengths: Vec<(char, usize)> = Vec::new();
        for (names, var) in names.iter().zip(vars) {
            if names.len() != var.value.shape().len() {
                return Err(fail(format!("names {} axes for shape {:?}", names.len(), var.value.shape())));
            }
            for (name, len) in names.iter().zip(var.value.shape()) {
                match lengths.iter().find(|(known, _)| known == name) {
                    Some((_, known)) if known != len => {
                        return Err(fail(format!("gives axis `{name}` the lengths {known} and {len}")));
                    }
                    Some(_) => {}
                    None => lengths.push((*name, *len)),
                }
            }
        }
        let mut rest = names.into_iter().zip(vars).map(|(axes, var)| Named { axes, var: (*var).clone() }.diagonal());
        let mut product = rest.next().expect("as many as there are names, which is one at least")?;
        let mut waiting: Vec<Named> = rest.collect::<Result<_>>()?;
        while !waiting.is_empty() {
            let next = waiting.remove(0);
            let mut kept = result.clone();
            waiting.iter().for_each(|named| kept.extend(&named.axes));
            product = product.sum_others(&[&kept[..], &next.axes].concat())?;
            let next = next.sum_others(&[&kept[..], &product.axes].concat())?;
            product = product.times(next, &kept)?;
        }
        product.sum_others(&result)?.arranged(&result)
    }
}

/// The names of a term's axes. Dots become digits, counted from the last axis that they stand for.
fn axes_of(term: &str, dots: usize) -> Vec<char> {
    let (before, after) = term.split_once("...").unwrap_or((term, ""));
    let digits = (0..dots).rev().map(|digit| char::from_digit(digit as u32, 10).unwrap_or('?'));
    before.chars().chain(digits.filter(|_| term.contains("..."))).chain(after.chars()).collect()
}

/// What comes once among all names, in alphabetical order, after what dots stand for.
fn named_once(names: &[Vec<char>]) -> Vec<char> {
    let all = names.concat();
    let count = |name: &char| all.iter().filter(|other| *other == name).count();
    // The highest digit is the first axis.
    let key = |name: char| if name.is_ascii_digit() { '9' as u32 - name as u32 } else { name as u32 };
    let order = order(all.len(), &|a, b| key(all[a]).cmp(&key(all[b])));
    let in_order = order.into_iter().map(|place| all[place]);
    let mut once: Vec<char> = in_order.filter(|name| name.is_ascii_digit() || count(name) == 1).collect();
    once.dedup();
    once
}

impl Named {
    /// With each name once: of two axes of one name their diagonal.
    fn diagonal(mut self) -> Result<Self> {
        while let Some((i, j)) =
            (0..self.axes.len()).flat_map(|j| (0..j).map(move |i| (i, j))).find(|(i, j)| self.axes[*i] == self.axes[*j])
        {
            let len = self.var.value.shape()[i];
            let mut order: Vec<usize> = (0..self.axes.len()).filter(|axis| *axis != i && *axis != j).collect();
            let mut shape: Vec<usize> = order.iter().map(|axis| self.var.value.shape()[*axis]).collect();
            shape.push(len * len);
            order.extend([i, j]);
            let diagonal = (0..len).map(|place| place * (len + 1)).collect();
            self.var = self.var.permute(&order)?.reshape(&shape)?.pick(order.len() - 2, diagonal, 0.0);
            let name = self.axes.remove(j);
            self.axes.remove(i);
            self.axes.push(name);
        }
        Ok(self)
    }

    /// Summed over the axes that are not `wanted`.
    fn sum_others(self, wanted: &[char]) -> Result<Self> {
        let (kept, summed): (Vec<_>, Vec<_>) =
            self.axes.iter().enumerate().partition(|(_, name)| wanted.contains(name));
        let summed: Vec<isize> = summed.into_iter().map(|(axis, _)| axis as isize).collect();
        let axes = kept.into_iter().map(|(_, name)| *name).collect();
        Ok(Self { axes, var: if summed.is_empty() { self.var } else { self.var.sum_axes(&summed)? } })
    }

    /// With the axes in this order.
    fn arranged(&self, names: &[char]) -> Result<Var> {
        let order: Vec<usize> =
            names.iter().filter_map(|name| self.axes.iter().position(|axis| axis == name)).collect();
        if order.iter().copied().eq(0..self.axes.len()) { Ok(self.var.clone()) } else { self.var.permute(&order) }
    }

    /// The product of matrices over the axes that both have and nothing needs any more; a matrix for each place of what both have
    /// and is kept.
    fn times(&self, other: Self, kept: &[char]) -> Result<Self> {
        let both = |name: &&char| other.axes.contains(name);
        let (shared, rows): (Vec<char>, Vec<char>) = self.axes.iter().partition(both);
        let (batch, inner): (Vec<char>, Vec<char>) = shared.iter().partition(|name| kept.contains(name));
        let columns: Vec<char> = other.axes.iter().copied().filter(|name| !self.axes.contains(name)).collect();
        let len = |named: &Self, names: &[char]| -> Vec<usize> {
            let axis = |name: &char| named.axes.iter().position(|axis| axis == name);
            names.iter().filter_map(axis).map(|axis| named.var.value.shape()[axis]).collect()
        };
        let size = |named: &Self, names: &[char]| len(named, names).iter().product::<usize>();
        let (batch_shape, row_shape) = (len(self, &batch), len(self, &rows));
        let shape = [&batch_shape[..], &row_shape, &len(&other, &columns)].concat();
        checked_size("einsum", &shape)?;
        // Without a batch the product leaves the axes of rows apart, of which the first may count examples.
        let row_shape = if batch.is_empty() { row_shape } else { vec![row_shape.iter().product()] };
        let left = [&batch_shape[..], &row_shape, &[size(self, &inner)]].concat();
        let right = [&batch_shape[..], &[size(&other, &inner), size(&other, &columns)]].concat();
        let left = self.arranged(&[&batch[..], &rows, &inner].concat())?.reshape(&left)?;
        let right = other.arranged(&[&batch[..], &inner, &columns].concat())?.reshape(&right)?;
        let product = left.matmul(&right)?;
        Ok(Self { axes: [batch, rows, columns].concat(), var: product.reshape(&shape)? })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use crate::autograd::{Tape, Var};
    use crate::tensor::Float;

    #[test]
    fn agrees_with_what_it_stands_for() {
        let tape = Tape::inference();
        let a = tape.input(Array3::from_shape_fn((2, 3, 3), |(i, j, k)| (i * 9 + j * 3 + k) as Float));
        let b = tape.input(Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as Float));
        let same = |equation: &str, vars: &[&Var], want: &Var| {
            let y = Var::einsum(equation, vars).unwrap();
            assert_eq!((y.shape(), y.value()), (want.shape(), want.value()), "{equation}");
        };
        same("bij -> bji", &[&a], &a.transpose().unwrap());
        same("bij->", &[&a], &a.sum());
        same("bij,jk", &[&a, &b], &a.matmul(&b).unwrap());
        same("bij,jk->kb", &[&a, &b], &a.matmul(&b).unwrap().sum_axes(&[1]).unwrap().transpose().unwrap());
        same("bij,bij->b", &[&a, &a], &a.square().sum_axes(&[1, 2]).unwrap());
        let diagonal = Var::einsum("bii->bi", &[&a]).unwrap();
        assert_eq!(diagonal.value().as_slice().unwrap(), [0.0, 4.0, 8.0, 9.0, 13.0, 17.0]);
        let chain = a.matmul(&b).unwrap().matmul(&b.transpose().unwrap()).unwrap();
        same("...ij,jk->...ik", &[&a, &b], &a.matmul(&b).unwrap());
        same("...ij->...ji", &[&a], &a.transpose().unwrap());
        same("bij,jk,lk->bil", &[&a, &b, &b], &chain);
    }
}
