//! Products with a gradient that is mostly zero: ReLU zeroes half of it, max pooling three quarters of the rest.

use crate::float::Float;
use crate::kernels::simd::{Kernel, Lanes};
use std::cell::Cell;

/// A gradient that is not zero, and where the row starts that it is multiplied with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Term {
    pub row: u32,
    pub value: Float,
}

/// Lists of terms, `stride` apart.
#[derive(Default)]
pub struct Lists {
    pub terms: Vec<Term>,
    /// The length of each list, and where its row starts in the result.
    pub heads: Vec<(u32, u32)>,
    pub stride: usize,
}

thread_local! {
    static FREE: Cell<Lists> = Cell::default();
}

impl Lists {
    /// Lends `heads.len()` empty lists for at most `stride` terms each.
    pub fn with<R>(stride: usize, heads: impl Iterator<Item = usize>, work: impl FnOnce(&mut Lists) -> R) -> R {
        let mut lists = FREE.take();
        lists.heads.clear();
        lists.heads.extend(heads.map(|row| (0, u32::try_from(row).expect("larger blocks of images are dense"))));
        lists.stride = stride;
        if lists.terms.len() < stride * lists.heads.len() {
            lists.terms.resize(stride * lists.heads.len(), Term::default());
        }
        let result = work(&mut lists);
        FREE.set(lists);
        result
    }
}

/// For each list and segment `s`: `C[list.c + s.1 + j] += Σ over terms of value * B[row + s.0 + j]`, `j < columns`.
pub struct SparseProduct<'a> {
    pub lists: &'a Lists,
    pub segments: &'a [(usize, usize)],
    pub b: &'a [Float],
    pub c: &'a mut [Float],
    pub columns: usize,
}

impl Kernel for SparseProduct<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        const MOST: usize = 12;
        let (b_reach, c_reach) = self.segments.iter().fold((0, 0), |m, s| (m.0.max(s.0), m.1.max(s.1)));
        let Lists { terms, heads, stride } = self.lists;
        let list = |i: usize| (heads[i].1 as usize, &terms[i * stride..][..heads[i].0 as usize]);
        for i in 0..heads.len() {
            let (c_row, terms) = list(i);
            let b_row = terms.iter().fold(0, |furthest, term| furthest.max(term.row)) as usize;
            assert!(b_row + b_reach + self.columns <= self.b.len(), "B is too short for its rows");
            assert!(c_row + c_reach + self.columns <= self.c.len(), "C is too short for its rows");
        }
        for &(b_start, c_start) in self.segments {
            for i in 0..heads.len() {
                let (c_row, terms) = list(i);
                for column in (0..self.columns).step_by(MOST * L::WIDTH) {
                    let columns = (self.columns - column).min(MOST * L::WIDTH);
                    let b = unsafe { self.b.as_ptr().add(b_start + column) };
                    let c = unsafe { self.c.as_mut_ptr().add(c_row + c_start + column) };
                    macro_rules! choose {
                        ($($v:literal)*) => { match columns.div_ceil(L::WIDTH) {
                            $($v => for terms in terms.chunks(TERMS) {
                                unsafe { accumulate::<L, $v>(terms, b, c, columns) }
                            },)*
                            _ => unreachable!(),
                        } };
                    }
                    choose!(1 2 3 4 5 6 7 8 9 10 11 12);
                }
            }
        }
    }
}

/// Terms of a sum before it is added to `C`: sums of sums lose less than one long sum.
const TERMS: usize = 512;

/// One row of `C`, `V` registers long, of which the last may be partly used.
#[inline(always)]
unsafe fn accumulate<L: Lanes, const V: usize>(terms: &[Term], b: *const Float, c: *mut Float, columns: usize) {
    unsafe {
        let (rest, one) = (columns - (V - 1) * L::WIDTH, L::splat(1.0));
        if rest == L::WIDTH {
            let mut sum = [L::splat(0.0); V];
            for term in terms {
                let (factor, b) = (L::splat(term.value), b.add(term.row as usize));
                for v in 0..V {
                    sum[v] = factor.mul_add(L::load(b.add(v * L::WIDTH)), sum[v]);
                }
            }
            for v in 0..V {
                let c = c.add(v * L::WIDTH);
                one.mul_add(sum[v], L::load(c)).store(c);
            }
        } else {
            let mask = L::mask(rest);
            let load = |p: *const Float, v: usize| {
                if v + 1 == V { L::load_part(p.add(v * L::WIDTH), mask) } else { L::load(p.add(v * L::WIDTH)) }
            };
            let mut sum = [L::splat(0.0); V];
            for term in terms {
                let (factor, b) = (L::splat(term.value), b.add(term.row as usize));
                for v in 0..V {
                    sum[v] = factor.mul_add(load(b, v), sum[v]);
                }
            }
            for v in 0..V {
                sum[v] = one.mul_add(sum[v], load(c, v));
            }
            for v in 0..V - 1 {
                sum[v].store(c.add(v * L::WIDTH));
            }
            sum[V - 1].store_part(c.add((V - 1) * L::WIDTH), mask);
        }
    }
}
