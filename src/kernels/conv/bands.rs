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
    let ([depth, height, width], input) = (shape.out(), shape.input_len());
    let (rows, line) = (height / pool[0], width / pool[1] * shape.filters);
    let work = (shape.output_len() * shape.taps() * shape.group_channels()).max(1);
    let threads = parallel::threads();
    let share = if threads > 1 { (images * work / (PIECES * threads)).max(WORK) } else { images * work };
    let cached = CACHED / (shape.padded()[2] * shape.channels * shape.stride[1] * pool[0]).max(1);
    // An even number: Winograd's tiles are of 2 x 2.
    let lines = (rows * share).div_ceil(work).min(cached.max(LINES)).next_multiple_of(2);
    let mut pieces = Vec::new();
    if lines < rows && depth == 1 && shape.size[0] == 1 && shape.every_line_reads() {
        for image in 0..images {
            for first in (0..rows).step_by(lines) {
                let end = rows.min(first + lines);
                let (shape, x) = shape.band(first * pool[0]..end * pool[0]);
                pieces.push(Band { shape, x: image * input + x.start..image * input + x.end, y: (end - first) * line });
            }
        }
        return pieces;
    }
    let most = if depth * rows * (width / pool[1]) < PIXELS { IMAGES } else { 1 };
    let count = (share / work).clamp(1, most);
    for first in (0..images).step_by(count) {
        let end = images.min(first + count);
        pieces.push(Band { shape: *shape, x: first * input..end * input, y: (end - first) * depth * rows * line });
    }
    pieces
}

impl ConvShape {
    /// Whether no line of the output lies in the padding altogether.
    fn every_line_reads(&self) -> bool {
        self.padding[1].iter().all(|padding| *padding <= (self.kernel[1] - 1) * self.dilation[1])
    }

    /// The convolution that gives some lines of an image, and what it reads of the input.
    fn band(&self, lines: Range<usize>) -> (Self, Range<usize>) {
        let ([_, height, width], [top, _]) = (self.size, self.padding[1]);
        let reach = (self.kernel[1] - 1) * self.dilation[1] + 1;
        let (start, end) = (lines.start * self.stride[1], (lines.end - 1) * self.stride[1] + reach);
        let above = top.min(end).saturating_sub(start);
        let below = end.saturating_sub((top + height).max(start));
        let rows = start.max(top) - top..end.min(top + height) - top;
        let mut band = Self { size: [1, rows.len(), width], ..*self };
        band.padding[1] = [above, below];
        (band, rows.start * width * self.channels..rows.end * width * self.channels)
    }
}
