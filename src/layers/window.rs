//! The geometry that convolution and pooling share: windows sliding over height and width.

use crate::error::{Error, Result};

/// How zeros (or nothing, for pooling) are put around the image before the window slides over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// None: the window stays inside.
    #[default]
    Valid,
    /// So much that the output has `⌈input / stride⌉` positions; what is odd goes to the end, as in Keras.
    Same,
    /// This much: `[[top, bottom], [left, right]]`.
    Explicit([[usize; 2]; 2]),
}

impl Padding {
    /// The same padding on all four sides.
    pub fn all(pixels: usize) -> Self {
        Self::Explicit([[pixels; 2]; 2])
    }
}

/// A size in two directions: one number for both, or `[height, width]`, or `(height, width)`.
pub trait Size2 {
    /// Height and width.
    fn pair(self) -> [usize; 2];
}

impl Size2 for usize {
    fn pair(self) -> [usize; 2] {
        [self; 2]
    }
}

impl Size2 for [usize; 2] {
    fn pair(self) -> [usize; 2] {
        self
    }
}

impl Size2 for (usize, usize) {
    fn pair(self) -> [usize; 2] {
        [self.0, self.1]
    }
}

/// A window and how it slides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub size: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub padding: Padding,
}

impl Window {
    /// Padding at top, bottom, left and right for an image of this height and width, and the number of positions.
    ///
    /// # Errors
    /// a size, stride or dilation of 0; a window larger than the padded image
    pub fn place(&self, image: [usize; 2]) -> Result<([[usize; 2]; 2], [usize; 2])> {
        for (name, value) in [("size", self.size), ("stride", self.stride), ("dilation", self.dilation)] {
            if value.contains(&0) {
                return Err(Error::value(format!("expected a {name} of at least 1 in both directions, got {value:?}")));
            }
        }
        let mut padding = [[0; 2]; 2];
        let mut positions = [0; 2];
        for axis in 0..2 {
            let reach = (self.size[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1);
            padding[axis] = match self.padding {
                Padding::Valid => [0, 0],
                Padding::Explicit(pixels) => pixels[axis],
                Padding::Same => {
                    let wanted = image[axis].div_ceil(self.stride[axis]);
                    let covered = wanted.saturating_sub(1).saturating_mul(self.stride[axis]).saturating_add(reach);
                    let missing = covered.saturating_sub(image[axis]);
                    [missing / 2, missing - missing / 2]
                }
            };
            let padded = image[axis].saturating_add(padding[axis][0]).saturating_add(padding[axis][1]);
            if reach > padded || image[axis] == 0 {
                let dilated =
                    if self.dilation == [1, 1] { String::new() } else { format!(", dilation {:?}", self.dilation) };
                return Err(Error::shape(format!(
                    "a window of {:?}{dilated} does not fit into an image of {image:?} with padding {:?}; use a smaller \
                     window, `Padding::Same`, or fewer pooling layers before it",
                    self.size, self.padding
                )));
            }
            positions[axis] = (padded - reach) / self.stride[axis] + 1;
        }
        Ok((padding, positions))
    }
}

/// The axes of a batch of images.
pub(super) fn image_axes(shape: &[usize]) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(shape).map_err(|_| {
        let hint = match shape.len() {
            3 => "; add a channel axis with `Reshape`, or a batch axis",
            2 => "; give it its axes back with `Reshape`",
            _ => "",
        };
        Error::shape(format!("expected an input [batch, height, width, channels], got {shape:?}{hint}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_puts_the_odd_pixel_at_the_end() {
        let window = Window { size: [3, 2], stride: [2, 1], dilation: [1, 1], padding: Padding::Same };
        assert_eq!(window.place([4, 5]).unwrap(), ([[0, 1], [0, 1]], [2, 5]));
        assert_eq!(window.place([5, 5]).unwrap(), ([[1, 1], [0, 1]], [3, 5]));
    }
}
