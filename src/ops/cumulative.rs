//! Sums of all that came before.

use super::{lines, rearranged, resolve};
use crate::autograd::{Dependence, InputGrads, Op, Var};
use crate::buffers::buffer;
use crate::error::Result;
use crate::tensor::{Float, Tensor, data, tensor};

impl Var {
    /// Returns the sum of each number and all before it along an axis. Negative axes count from the end.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let x = Tape::inference().input(ndarray::arr1(&[1.0, 2.0, 3.0]));
    /// assert_eq!(x.cumsum(0)?.value().as_slice().unwrap(), [1.0, 3.0, 6.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// An axis out of range.
    pub fn cumsum(&self, axis: isize) -> Result<Self> {
        Ok(self.tape().apply(CumulativeSum { axis: resolve("cumsum", axis, self.value.shape())? }, &[self]))
    }
}

/// `y[i] = Σ x[..=i]`
struct CumulativeSum {
    axis: usize,
}

impl CumulativeSum {
    /// Sums in `f64`, from the front or from the back.
    fn sums(&self, x: &Tensor, from_the_back: bool) -> Tensor {
        let (starts, step, len) = lines(x.shape(), self.axis);
        let (x_data, mut y) = (data(x), buffer(x.len()));
        for start in starts {
            let mut sum = 0.0_f64;
            for i in 0..len {
                let place = start + step * if from_the_back { len - 1 - i } else { i };
                sum += f64::from(x_data[place]);
                y[place] = sum as Float;
            }
        }
        tensor(x.shape(), y)
    }
}

impl Op for CumulativeSum {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        self.sums(inputs[0], false)
    }

    /// `dx[i] = Σ dy[i..]`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || self.sums(dy, true));
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        rearranged(inputs, self.axis != 0)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use crate::autograd::Tape;

    #[test]
    fn along_each_axis() {
        let tape = Tape::training();
        let x = tape.variable(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        assert_eq!(x.cumsum(0).unwrap().value().as_slice().unwrap(), [1.0, 2.0, 3.0, 5.0, 7.0, 9.0]);
        let y = x.cumsum(-1).unwrap();
        assert_eq!(y.value().as_slice().unwrap(), [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]);
        assert_eq!(y.sum().backward().unwrap().of(&x).unwrap().as_slice().unwrap(), [3.0, 2.0, 1.0, 3.0, 2.0, 1.0]);
    }
}
