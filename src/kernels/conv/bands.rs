//! Pieces of a batch: images, or bands of their lines, which are convolutions of smaller images.

use super::ConvShape;
use crate::kernels::parallel;
use std::ops::Range;

/// Multiplications that are worth a thread of their own.
const WORK: usize = 1 << 21;
/// Pieces for each thread, so that one that ends early finds more.
const PIECES: usize = 4;
/// Numbers of the input, which stay in the second cache with what else there is; but not fewer lines than some.
const CACHED: usize = 1 << 16;
const LINES: usize = 4;
/// Images that are worked on at a time where outputs have fewer pixels than this; one where they have more.
const PIXELS: usize = 64;
const IMAGES: usize = 8;

/// Some images, or some lines of one, as a convolution of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    pub shape: ConvShape,
    /// What it reads of the batch.
    pub x: Range<usize>,
    /// How long its output is; the outputs of pieces follow each other.
    pub y: usize,
}

/// Divides a batch of `images`, whose outputs are pooled by windows of `pool`. An output has the same bits in any piece,
/// so that the number of threads may be counted in.
///
/// ```text
/// x  +---------+       y  +-------+
///    | 1       |          | 1     |   a band of the output needs its lines of the input, and
///    |.1.and.2.|    =>    |.......|   one or more of its neighbour's; the first has the padding
///    |.1.and.2.|          | 2     |   above, the last that below
///    | 2       |          +-------+
///    +---------+
/// ```
pub fn pieces(shape: &ConvShape, pool: [usize; 2], images: usize) -> Vec<Band> {
    let ([depth, height, width], input, axis) = (shape.out(), shape.input_len(), shape.banded_axis());
    let [rows, line] = match axis {
        1 => [height / pool[0], width / pool[1] * shape.filters],
        _ => [width / pool[1], shape.filters],
    };
    let work = (shape.output_len() * shape.taps() * shape.group_channels()).max(1);
    let threads = parallel::threads();
    let share = if threads > 1 { (images * work / (PIECES * threads)).max(WORK) } else { images * work };
    let cached = CACHED / (shape.line(axis) * shape.stride[axis] * pool[axis - 1]).max(1);
    // An even number: Winograd's tiles are of 2 x 2.
    let lines = (rows * share).div_ceil(work).min(cached.max(LINES)).next_multiple_of(2);
    let mut pieces = Vec::new();
    if lines < rows && depth == 1 && shape.size[0] == 1 && shape.every_line_reads(axis) {
        for image in 0..images {
            for first in (0..rows).step_by(lines) {
                let end = rows.min(first + lines);
                let (shape, x) = shape.band(axis, first * pool[axis - 1]..end * pool[axis - 1]);
                pieces.push(Band { shape, x: image * input + x.start..image * input + x.end, y: (end - first) * line });
            }
        }
        return pieces;
    }
    let most = if depth * rows * line < PIXELS * shape.filters { IMAGES } else { 1 };
    let count = (share / work).clamp(1, most);
    for first in (0..images).step_by(count) {
        let end = images.min(first + count);
        pieces.push(Band { shape: *shape, x: first * input..end * input, y: (end - first) * depth * rows * line });
    }
    pieces
}

impl ConvShape {
    /// The axis that bands divide: an image's lines, or the steps of a sequence.
    fn banded_axis(&self) -> usize {
        if self.padded()[1] == 1 { 2 } else { 1 }
    }

    /// Numbers from one place of a padded image along an axis to the next.
    fn line(&self, axis: usize) -> usize {
        self.padded()[axis + 1..].iter().product::<usize>() * self.channels
    }

    /// Whether no line of the output lies in the padding altogether.
    fn every_line_reads(&self, axis: usize) -> bool {
        self.padding[axis].iter().all(|padding| *padding <= (self.kernel[axis] - 1) * self.dilation[axis])
    }

    /// The convolution that gives some lines of an image, and what it reads of the input.
    fn band(&self, axis: usize, lines: Range<usize>) -> (Self, Range<usize>) {
        let (len, [top, _]) = (self.size[axis], self.padding[axis]);
        let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
        let (start, end) = (lines.start * self.stride[axis], (lines.end - 1) * self.stride[axis] + reach);
        let above = top.min(end).saturating_sub(start);
        let below = end.saturating_sub((top + len).max(start));
        let rows = start.max(top) - top..end.min(top + len) - top;
        let line = self.size[axis + 1..].iter().product::<usize>() * self.channels;
        let mut band = *self;
        (band.size[axis], band.padding[axis]) = (rows.len(), [above, below]);
        (band, rows.start * line..rows.end * line)
    }
}
