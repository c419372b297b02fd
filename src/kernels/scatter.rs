//! Rows that are added up at places, such as the gradient of an embedding.

use super::elementwise::add_assign;
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
        Self { places, sums, often }
    }

    /// `to[places[i]] += rows[i]`, for rows of `len` numbers.
    pub fn add(&self, to: &mut [Float], rows: &[Float], len: usize) {
        let mut wide = vec![0.0_f64; self.often.len() * len];
        for (place, row) in self.places.iter().zip(rows.chunks_exact(len.max(1))) {
            if *place == NOWHERE {
                continue;
            }
            match self.sums.get(*place).copied().flatten() {
                None => add_assign(&mut to[place * len..][..len], row),
                Some(i) => wide[i * len..][..len].iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x)),
            }
        }
        for (place, wide) in self.often.iter().zip(wide.chunks_exact(len.max(1))) {
            let to = &mut to[place * len..][..len];
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
