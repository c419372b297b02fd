//! Pooling of `[depth, height, width, channels]` by windows of any kind; an image has depth 1.

use super::simd::{Kernel, Lanes, dispatch, vectorized};
use crate::float::Float;

/// What a window covers of an axis: every `step`th cell of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub step: usize,
    /// Cells that a mean counts, padding included if it counts as zeros.
    pub count: usize,
}

impl Span {
    /// All cells of a range.
    pub fn of(start: usize, end: usize) -> Self {
        Self { start, end, step: 1, count: end - start }
    }

    #[inline(always)]
    fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Without `step_by`, which divides before it starts.
    #[inline(always)]
    fn each(self, mut visit: impl FnMut(usize)) {
        let mut cell = self.start;
        while cell < self.end {
            visit(cell);
            cell += self.step;
        }
    }
}

/// The sizes of a pooling, and what each position of the window covers of each axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolShape {
    pub size: [usize; 3],
    pub channels: usize,
    pub spans: [Vec<Span>; 3],
}

impl PoolShape {
    /// Numbers in an input image.
    pub fn input_len(&self) -> usize {
        self.size.iter().product::<usize>() * self.channels
    }

    /// Numbers in an output image.
    pub fn output_len(&self) -> usize {
        self.spans.iter().map(Vec::len).product::<usize>() * self.channels
    }

    /// Calls `visit(position, window)` for each position of the window, in order.
    #[inline(always)]
    fn each_window(&self, mut visit: impl FnMut(usize, [Span; 3])) {
        let [depths, rows, columns] = &self.spans;
        let mut position = 0;
        for &depth in depths {
            for &row in rows {
                for &column in columns {
                    visit(position, [depth, row, column]);
                    position += 1;
                }
            }
        }
    }

    /// Calls `visit(pixel)` for each pixel of a window, in order.
    #[inline(always)]
    fn each_pixel(&self, [depth, row, column]: [Span; 3], mut visit: impl FnMut(usize)) {
        let [_, height, width] = self.size;
        depth.each(|z| row.each(|y| column.each(|x| visit((z * height + y) * width + x))));
    }
}

/// One over what the sum over a window is divided by.
#[inline(always)]
fn factor(window: [Span; 3]) -> Float {
    let [depth, height, width] = window;
    1.0 / (depth.count * height.count * width.count).max(1) as Float
}

/// The maxima, and the pixels where they are, counted in row-major order: the first ones, and `u32::MAX` for a
/// window of padding only. Not a number wins over any number.
pub fn max_pool(shape: &PoolShape, x: &[Float], y: &mut [Float], argmax: &mut [u32]) {
    dispatch(MaxPool { shape, x, y, argmax });
}

struct MaxPool<'a> {
    shape: &'a PoolShape,
    x: &'a [Float],
    y: &'a mut [Float],
    argmax: &'a mut [u32],
}

impl Kernel for MaxPool<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let ([depths, rows, columns], channels) = (&self.shape.spans, self.shape.channels);
        let mut outputs = self.y.chunks_exact_mut(channels).zip(self.argmax.chunks_exact_mut(channels));
        // Plain loops: a closure would not be compiled for the instruction set.
        for depth in depths {
            for row in rows {
                for column in columns {
                    let Some((y, argmax)) = outputs.next() else { return };
                    let window = [*depth, *row, *column];
                    let chunks = y.chunks_mut(L::WIDTH).zip(argmax.chunks_mut(L::WIDTH)).enumerate();
                    for (i, (y, argmax)) in chunks {
                        // SAFETY: the caller has chosen the instruction set; a chunk has at most the lanes of a register.
                        unsafe { maxima::<L>(self.shape, self.x, window, i * L::WIDTH, y, argmax) };
                    }
                }
            }
        }
    }
}

/// The maxima of the channels of `y`, from `channel` on, over a window. Places are carried as the bits of numbers, which are only moved.
///
/// # Safety
/// the processor has the instructions of `L`; `y` and `argmax` are equally long, and not longer than a register
// `f64` has 64 bits.
#[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
#[inline(always)]
unsafe fn maxima<L: Lanes>(
    shape: &PoolShape,
    x: &[Float],
    [depth, row, column]: [Span; 3],
    channel: usize,
    y: &mut [Float],
    argmax: &mut [u32],
) {
    let [_, height, width] = shape.size;
    let start = (depth.start * height + row.start) * width + column.start;
    let empty = depth.is_empty() || row.is_empty() || column.is_empty();
    let bits = |place: u32| Float::from_bits(place.into());
    // SAFETY: loads and stores are of as many numbers as `y` has, within slices of that length.
    unsafe {
        let mask = L::mask(y.len());
        let mut best = L::splat(Float::NEG_INFINITY);
        let mut place = L::splat(bits(if empty { u32::MAX } else { start as u32 }));
        let mut z = depth.start;
        while z < depth.end {
            let mut line = row.start;
            while line < row.end {
                let mut cell = column.start;
                while cell < column.end {
                    let pixel = (z * height + line) * width + cell;
                    let x = &x[pixel * shape.channels + channel..][..y.len()];
                    let x = L::load_part(x.as_ptr(), mask);
                    (best, place) = x.max_place(L::splat(bits(pixel as u32)), best, place);
                    cell += column.step;
                }
                line += row.step;
            }
            z += depth.step;
        }
        best.store_part(y.as_mut_ptr(), mask);
        let mut places = [0.0; 16];
        place.store(places.as_mut_ptr());
        for (argmax, place) in argmax.iter_mut().zip(places) {
            *argmax = place.to_bits() as u32;
        }
    }
}

/// Adds the gradients to `dx`, each where its maximum was.
pub fn max_pool_backward(channels: usize, dy: &[Float], argmax: &[u32], dx: &mut [Float]) {
    for (dy, argmax) in dy.chunks_exact(channels).zip(argmax.chunks_exact(channels)) {
        for (channel, (dy, &pixel)) in dy.iter().zip(argmax).enumerate() {
            if pixel != u32::MAX {
                dx[pixel as usize * channels + channel] += dy;
            }
        }
    }
}

/// Cells of a window that are added up in single precision.
const FEW: usize = 64;

/// The average over a large window, such as a whole image.
#[inline(always)]
fn average_many(shape: &PoolShape, window: [Span; 3], x: &[Float], sums: &mut [f64], y: &mut [Float]) {
    let channels = sums.len();
    shape.each_pixel(window, |pixel| {
        let x = &x[pixel * channels..][..channels];
        for i in 0..channels {
            sums[i] += f64::from(x[i]);
        }
    });
    let factor = f64::from(factor(window));
    for (y, sum) in y.iter_mut().zip(sums) {
        *y = (*sum * factor) as Float;
    }
}

vectorized! {
    /// The averages.
    pub fn average_pool(shape: &PoolShape, x: &[Float], y: &mut [Float]) {
        let channels = shape.channels;
        let mut sums = Vec::new();
        shape.each_window(|position, window| {
            let y = &mut y[position * channels..][..channels];
            if window.iter().map(|span| span.count).product::<usize>() > FEW {
                sums.clear();
                sums.resize(channels, 0.0);
                return average_many(shape, window, x, &mut sums, y);
            }
            y.fill(0.0);
            shape.each_pixel(window, |pixel| {
                let x = &x[pixel * channels..][..channels];
                for i in 0..channels {
                    y[i] += x[i];
                }
            });
            let factor = factor(window);
            for y in y {
                *y *= factor;
            }
        });
    }
}

vectorized! {
    /// Adds the gradients to `dx`, a share to each cell of the window.
    pub fn average_pool_backward(shape: &PoolShape, dy: &[Float], dx: &mut [Float]) {
        let channels = shape.channels;
        shape.each_window(|position, window| {
            let (dy, factor) = (&dy[position * channels..][..channels], factor(window));
            shape.each_pixel(window, |pixel| {
                let dx = &mut dx[pixel * channels..][..channels];
                for i in 0..channels {
                    dx[i] += dy[i] * factor;
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Spans within an axis, any of them empty, overlapping or stepping.
    fn axis() -> impl Strategy<Value = (usize, Vec<Span>)> {
        let span = (0usize..7, 0usize..5, 1usize..3, 1usize..4);
        (1usize..7, prop::collection::vec(span, 1..4)).prop_map(|(size, spans)| {
            let span = |(start, len, step, count): (usize, usize, usize, usize)| {
                let start = start.min(size);
                Span { start, end: (start + len).min(size), step, count }
            };
            (size, spans.into_iter().map(span).collect())
        })
    }

    /// The definition: calls `visit(input index, output index)` for each cell of each window.
    fn cells(s: &PoolShape, mut visit: impl FnMut(usize, usize)) {
        let [_, rows, columns] = [0, 1, 2].map(|i| s.spans[i].len());
        let covers = |span: &Span, cell: usize| {
            (span.start..span.end).contains(&cell) && (cell - span.start).is_multiple_of(span.step)
        };
        for o in 0..s.output_len() / s.channels {
            let at = [o / (rows * columns), o / columns % rows, o % columns];
            for i in 0..s.input_len() / s.channels {
                let cell = [i / (s.size[1] * s.size[2]), i / s.size[2] % s.size[1], i % s.size[2]];
                if (0..3).all(|axis| covers(&s.spans[axis][at[axis]], cell[axis])) {
                    (0..s.channels).for_each(|c| visit(i * s.channels + c, o * s.channels + c));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(axes in [axis(), axis(), axis()], channels in 1usize..20, seed in 0usize..1000) {
            let (size, spans) = (axes.clone().map(|axis| axis.0), axes.map(|axis| axis.1));
            let s = PoolShape { size, channels, spans };
            let numbers = |len: usize, by: usize| -> Vec<Float> {
                (0..len).map(|i| ((i * by + seed) % 13) as Float - 6.0).collect()
            };
            let len = s.output_len();
            let (x, dy) = (numbers(s.input_len(), 7), numbers(len, 5));
            let mut factors = vec![0.0; len];
            s.each_window(|o, window| factors[o * channels..][..channels].fill(factor(window)));

            let (mut max, mut at, mut sum) = (vec![Float::NEG_INFINITY; len], vec![None; len], vec![0.0; len]);
            let (mut dx_max, mut dx_average) = (vec![1.0; x.len()], vec![1.0; x.len()]);
            cells(&s, |i, o| {
                if x[i] > max[o] {
                    (max[o], at[o]) = (x[i], Some(i));
                }
                sum[o] += x[i];
                dx_average[i] += dy[o] * factors[o];
            });
            (0..len).for_each(|o| if let Some(i) = at[o] { dx_max[i] += dy[o] });

            let (mut y, mut argmax) = (vec![Float::NAN; len], vec![9; len]);
            max_pool(&s, &x, &mut y, &mut argmax);
            prop_assert_eq!(&y, &max);
            let mut dx = vec![1.0; x.len()];
            max_pool_backward(channels, &dy, &argmax, &mut dx);
            prop_assert_eq!(dx, dx_max);
            average_pool(&s, &x, &mut y);
            let mut dx = vec![1.0; x.len()];
            average_pool_backward(&s, &dy, &mut dx);
            prop_assert!((0..len).all(|o| (y[o] - sum[o] * factors[o]).abs() < 1e-4));
            prop_assert!(dx.iter().zip(&dx_average).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }
}
