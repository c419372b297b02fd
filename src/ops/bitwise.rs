//! Bits of whole numbers, in two's complement, without a gradient.

use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::tensor::{Float, data};

/// Whole numbers up to this size are exact.
const MOST: Float = if cfg!(float64) { (1_u64 << 53) as Float } else { (1 << 24) as Float };

impl Var {
    /// Returns the bits that both numbers have, broadcast. The numbers are whole, and negative ones are in two's
    /// complement.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let (a, b) = (tape.input(ndarray::arr1(&[6, -1])), tape.input(ndarray::arr1(&[3, 5])));
    /// assert_eq!(a.bitwise_and(&b)?.value().as_slice().unwrap(), [2.0, 5.0]);
    /// assert_eq!(a.bitwise_xor(&b)?.value().as_slice().unwrap(), [5.0, -6.0]);
    /// assert_eq!(b.left_shift(&tape.constant(2.0))?.value().as_slice().unwrap(), [12.0, 20.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes that do not broadcast; a number that is not whole, or beyond ±2^24, up to which all are exact.
    pub fn bitwise_and(&self, other: &Self) -> Result<Self> {
        self.bitwise("bitwise_and", other, |a, b| (a as i64 & b as i64) as Float)
    }

    /// Returns the bits that one of the numbers has, or both, broadcast.
    ///
    /// # Errors
    /// Those of [`Var::bitwise_and`].
    pub fn bitwise_or(&self, other: &Self) -> Result<Self> {
        self.bitwise("bitwise_or", other, |a, b| (a as i64 | b as i64) as Float)
    }

    /// Returns the bits that one of the numbers has and the other has not, broadcast.
    ///
    /// # Errors
    /// Those of [`Var::bitwise_and`].
    pub fn bitwise_xor(&self, other: &Self) -> Result<Self> {
        self.bitwise("bitwise_xor", other, |a, b| (a as i64 ^ b as i64) as Float)
    }

    /// Returns the number with all its bits turned over: `-1 - x`.
    ///
    /// # Errors
    /// Those of [`Var::bitwise_and`].
    #[doc(alias = "bitwise_invert")]
    pub fn bitwise_not(&self) -> Result<Self> {
        whole("bitwise_not", self, -MOST..=MOST)?;
        Ok(-1.0 - self.detach())
    }

    /// Moves the bits by this many places to the left, broadcast: `x · 2^places`.
    ///
    /// # Errors
    /// Those of [`Var::bitwise_and`]; places below 0 or above 63; a result beyond ±2^24.
    #[doc(alias = "bitwise_left_shift")]
    pub fn left_shift(&self, places: &Self) -> Result<Self> {
        whole("left_shift", places, 0.0..=63.0)?;
        let y = self.bitwise("left_shift", places, |x, places| x * places.exp2())?;
        whole("left_shift", &y, -MOST..=MOST)?;
        Ok(y)
    }

    /// Moves the bits by this many places to the right, broadcast: `⌊x / 2^places⌋`.
    ///
    /// # Errors
    /// Those of [`Var::bitwise_and`]; places below 0 or above 63.
    #[doc(alias = "bitwise_right_shift")]
    pub fn right_shift(&self, places: &Self) -> Result<Self> {
        whole("right_shift", places, 0.0..=63.0)?;
        self.bitwise("right_shift", places, |x, places| (x as i64 >> places as u32) as Float)
    }

    fn bitwise(&self, who: &str, other: &Self, f: fn(Float, Float) -> Float) -> Result<Self> {
        whole(who, self, -MOST..=MOST)?;
        whole(who, other, -MOST..=MOST)?;
        self.compare(who, None, other, f)
    }
}

fn whole(who: &str, x: &Var, range: std::ops::RangeInclusive<Float>) -> Result<()> {
    match data(&x.value).iter().find(|x| x.fract() != 0.0 || !range.contains(x)) {
        None => Ok(()),
        Some(other) => Err(Error::value(format!(
            "{who}: expected whole numbers from {} to {}, got {other}",
            range.start(),
            range.end()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use crate::autograd::Tape;

    #[test]
    fn shifts_and_refuses_what_has_no_bits() {
        let tape = Tape::inference();
        let x = tape.input(arr1(&[12.0, -5.0, 0.0]));
        let two = tape.constant(2.0);
        assert_eq!(x.right_shift(&two).unwrap().value().as_slice().unwrap(), [3.0, -2.0, 0.0]);
        assert_eq!(x.bitwise_not().unwrap().value().as_slice().unwrap(), [-13.0, 4.0, -1.0]);
        assert_eq!(x.bitwise_or(&two).unwrap().value().as_slice().unwrap(), [14.0, -5.0, 2.0]);
        for wrong in [0.5, -1.0, 64.0, crate::tensor::Float::NAN] {
            assert!(x.left_shift(&tape.constant(wrong)).is_err(), "{wrong}");
        }
        assert!(x.left_shift(&tape.constant(60.0)).is_err() && tape.constant(1e30).bitwise_not().is_err());
    }
}
