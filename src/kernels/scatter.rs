//! Rows that are added up at places, such as the gradient of an embedding.

use super::elementwise::{PIECE, add_assign};
use super::parallel;
use crate::float::Float;

/// Rows at one place that are added up in single precision.
const FEW: u32 = 64;
/// Stands for a row that has no place.
pub const NOWHERE: usize = usize::MAX;

/// Where rows go; those of places that many go to are added up in double precision.
pub struct Scatter<'a> {
    places: &'a [usize],
    /// For each place, which of the sums in double precision it has.
    sums: Vec<Option<usize>>,
    often: Vec<usize>,
    /// Where the places of each thread end: all of them get about as many rows.
    ends: Vec<usize>,
}

impl<'a> Scatter<'a> {
    /// To places below `count`, or [`NOWHERE`].
    pub fn new(places: &'a [usize], count: usize) -> Self {
        let mut counts = vec![0_u32; count];
        for place in places.iter().filter(|place| **place != NOWHERE) {
            counts[*place] += 1;
        }
        let often: Vec<usize> = (0..count).filter(|place| counts[*place] > FEW).collect();
        let mut sums = Vec::new();
        if !often.is_empty() {
            sums.resize(count, None);
            often.iter().enumerate().for_each(|(i, place)| sums[*place] = Some(i));
        }
        let (all, threads) = (places.len() + count, parallel::threads());
        let (mut ends, mut rows) = (Vec::new(), 0);
        for (place, count) in counts.iter().enumerate() {
            rows += *count as usize + 1;
            if rows * threads > all * (ends.len() + 1) {
                ends.push(place + 1);
            }
        }
        ends.push(count);
        Self { places, sums, often, ends }
    }

    /// `to[places[i]] += rows[i]`, for rows of `len` numbers. A place has the same terms in the same order on any number of threads.
    pub fn add(&self, to: &mut [Float], rows: &[Float], len: usize) {
        if rows.len() < PIECE {
            return self.add_some(0, to, rows, len);
        }
        let (mut parts, mut rest, mut first) = (Vec::new(), to, 0);
        for end in &self.ends {
            let (part, others) = rest.split_at_mut((end - first) * len);
            parts.push((first, part));
            (rest, first) = (others, *end);
        }
        parallel::for_each(&mut parts, |(first, to)| self.add_some(*first, to, rows, len));
    }

    /// Adds what goes to the places from `first` on that `to` holds.
    fn add_some(&self, first: usize, to: &mut [Float], rows: &[Float], len: usize) {
        let own = first..first + to.len() / len.max(1);
        let [skipped, end] = [own.start, own.end].map(|place| self.often.partition_point(|often| *often < place));
        let mut wide = vec![0.0_f64; (end - skipped) * len];
        for (place, row) in self.places.iter().zip(rows.chunks_exact(len.max(1))) {
            if !own.contains(place) {
                continue;
            }
            match self.sums.get(*place).copied().flatten() {
                None => add_assign(&mut to[(place - first) * len..][..len], row),
                Some(i) => {
                    let wide = &mut wide[(i - skipped) * len..][..len];
                    wide.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
                }
            }
        }
        for (place, wide) in self.often[skipped..end].iter().zip(wide.chunks_exact(len.max(1))) {
            let to = &mut to[(place - first) * len..][..len];
            to.iter_mut().zip(wide).for_each(|(to, sum)| *to = (f64::from(*to) + sum) as Float);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_add_up_at_their_places() {
        let mut places = vec![2, 0, NOWHERE, 2];
        places.extend(std::iter::repeat_n(3, 100_000));
        let rows: Vec<Float> = (0..places.len() * 2).map(|i| if i < 8 { i as Float } else { 0.1 }).collect();
        let mut to = vec![1.0; 8];
        Scatter::new(&places, 4).add(&mut to, &rows, 2);
        let expected = [3.0, 4.0, 1.0, 1.0, 7.0, 9.0, 10_001.0, 10_001.0];
        approx::assert_relative_eq!(&to[..], &expected[..], max_relative = 1e-7);
    }
}
