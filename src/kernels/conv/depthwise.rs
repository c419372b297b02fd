//! Depthwise convolution: each channel on its own, with channels side by side in registers.

use super::{ConvShape, forward::Finish};
use crate::float::Float;
use crate::kernels::{
    scratch::with_scratch,
    simd::{Kernel, Lanes, dispatch},
};

/// The same convolution with as many channels as filters, so that one channel has one filter.
fn widened(shape: &ConvShape) -> ConvShape {
    ConvShape { channels: shape.filters, groups: shape.filters, ..*shape }
}

/// Calls `work` with padded images in which each channel stands once for each of its filters.
fn with_wide<R>(shape: &ConvShape, x: &[Float], work: impl FnOnce(&[Float]) -> R) -> R {
    let (times, wide) = (shape.group_filters(), widened(shape));
    if times == 1 {
        return wide.with_padded(x, work);
    }
    with_scratch(x.len() * times, |scratch| {
        scratch.chunks_exact_mut(times).zip(x).for_each(|(to, x)| to.fill(*x));
        wide.with_padded(scratch, work)
    })
}

/// Where each tap reads, counted from the start of a patch.
fn offsets(shape: &ConvShape) -> Vec<usize> {
    let place = |tap| shape.place(tap);
    (0..shape.taps()).map(place).map(|[row, column]| shape.tap(row, column)).collect()
}

/// `y = x * kernel + bias`, and `finish` on each line of `y`, with its place, when it was just computed.
pub(super) fn forward(
    shape: &ConvShape,
    x: &[Float],
    kernel: &[Float],
    bias: Option<&[Float]>,
    y: &mut [Float],
    finish: Finish<'_>,
) {
    let (wide, len) = (&widened(shape), shape.output_len());
    if len == 0 {
        return;
    }
    for (i, (x, y)) in x.chunks_exact(shape.input_len()).zip(y.chunks_exact_mut(len)).enumerate() {
        let finish: Finish<'_> = &|at, y| finish(i * len + at, y);
        with_wide(shape, x, |x| dispatch(Forward { slide: Slide::new(wide), x, kernel, bias, y, finish }));
    }
}

/// `dx = Σ dy[p] · kernel[t]` at `p + t`, overwritten
pub(super) fn input_gradient(shape: &ConvShape, dy: &[Float], kernel: &[Float], dx: &mut [Float]) {
    let (wide, times) = (&widened(shape), shape.group_filters());
    for (dx, dy) in dx.chunks_exact_mut(shape.input_len()).zip(dy.chunks_exact(shape.output_len().max(1))) {
        with_scratch(wide.padded_len() + wide.input_len(), |scratch| {
            let (padded, cropped) = scratch.split_at_mut(wide.padded_len());
            if wide.stride == [1; 3] {
                turned(wide, dy, kernel, padded);
            } else {
                padded.fill(0.0);
                dispatch(Scatter { slide: Slide::new(wide), dy, kernel, dx: padded });
            }
            if times == 1 {
                return wide.crop(padded, dx);
            }
            wide.crop(padded, cropped);
            dx.iter_mut().zip(cropped.chunks_exact(times)).for_each(|(dx, parts)| *dx = parts.iter().sum());
        });
    }
}

/// With stride 1, the gradient of the padded input is the convolution of `dy` with the kernel turned round.
fn turned(wide: &ConvShape, dy: &[Float], kernel: &[Float], dx: &mut [Float]) {
    let border = [0, 1, 2].map(|i| [(wide.kernel[i] - 1) * wide.dilation[i]; 2]);
    let back = ConvShape { size: wide.out(), padding: border, ..*wide };
    with_scratch(kernel.len(), |reversed| {
        let taps = reversed.chunks_exact_mut(wide.filters).zip(kernel.chunks_exact(wide.filters).rev());
        taps.for_each(|(to, from)| to.copy_from_slice(from));
        forward(&back, dy, reversed, None, dx, &|_, _| {});
    });
}

/// `dw[t] += Σ x[p + t] · dy[p]`
pub(super) fn weight_gradient(shape: &ConvShape, x: &[Float], dy: &[Float], dw: &mut [Float]) {
    if shape.output_len() == 0 {
        return;
    }
    let wide = &widened(shape);
    for (x, dy) in x.chunks_exact(shape.input_len()).zip(dy.chunks_exact(shape.output_len())) {
        with_wide(shape, x, |x| dispatch(KernelGradient { slide: Slide::new(wide), x, dy, dw }));
    }
}

/// How the kernel slides over one padded image.
struct Slide<'a> {
    shape: &'a ConvShape,
    taps: Vec<usize>,
    grid: [usize; 2],
    channels: usize,
    /// From the patch of a pixel to that of the next one.
    step: usize,
}

impl<'a> Slide<'a> {
    fn new(shape: &'a ConvShape) -> Self {
        let (grid, channels) = (shape.grid(), shape.channels);
        Self { shape, taps: offsets(shape), grid, channels, step: shape.stride[2] * channels }
    }

    /// What makes the pointers below stay inside.
    fn assert_holds(&self, x: usize, kernel: usize, y: usize) {
        let last = self.shape.patch(self.grid[0] - 1, self.grid[1] - 1) + self.taps.iter().max().unwrap_or(&0);
        assert!(last + self.channels <= x, "image too short");
        assert!(self.taps.len() * self.channels <= kernel, "kernel too short");
        assert!(self.grid[0] * self.grid[1] * self.channels <= y, "output too short");
    }

    /// Where the first patch of a line starts, and its output.
    #[inline(always)]
    fn line(&self, line: usize) -> (usize, usize) {
        (self.shape.patch(line, 0), line * self.grid[1] * self.channels)
    }
}

/// Runs `$tile::<L, n>(.., i)` for `i` in `0..$len`, in steps of the greatest `n` that fits.
macro_rules! tiles {
    ($len:expr, $i:ident, $tile:ident, $arguments:tt) => {{
        let mut $i = 0;
        tiles!(@ $len, $i, $tile, $arguments, 9 8 4 2 1);
    }};
    (@ $len:expr, $i:ident, $tile:ident, $arguments:tt, $($n:literal)*) => {
        $(while $len - $i >= $n {
            tiles!(@@ $tile, $n, $arguments);
            $i += $n;
        })*
    };
    (@@ $tile:ident, $n:literal, ($($argument:expr),*)) => { $tile::<L, $n>($($argument),*) };
}

#[inline(always)]
unsafe fn load<L: Lanes>(p: *const Float, rest: usize) -> L {
    unsafe { if rest >= L::WIDTH { L::load(p) } else { L::load_part(p, L::mask(rest)) } }
}

#[inline(always)]
unsafe fn store<L: Lanes>(x: L, p: *mut Float, rest: usize) {
    unsafe { if rest >= L::WIDTH { x.store(p) } else { x.store_part(p, L::mask(rest)) } }
}

struct Forward<'a> {
    slide: Slide<'a>,
    x: &'a [Float],
    kernel: &'a [Float],
    bias: Option<&'a [Float]>,
    y: &'a mut [Float],
    finish: Finish<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { slide, x, kernel, bias, y, finish } = self;
        slide.assert_holds(x.len(), kernel.len(), y.len());
        assert!(bias.is_none_or(|bias| slide.channels <= bias.len()), "bias too short");
        let [_, columns] = slide.grid;
        let neighbours = slide.shape.kernel[2] == 3 && slide.shape.dilation[2] == 1 && slide.shape.stride[2] == 1;
        // Plain loops: a closure of this size would not be compiled for the instruction set.
        for line in 0..slide.grid[0] {
            let (from, to) = slide.line(line);
            for channel in (0..slide.channels).step_by(L::WIDTH) {
                let rest = slide.channels - channel;
                // SAFETY: checked above; the last register is masked.
                unsafe {
                    let start = match bias {
                        Some(bias) => load::<L>(bias.as_ptr().add(channel), rest),
                        None => L::splat(0.0),
                    };
                    let (x, y) = (x.as_ptr().add(from + channel), y.as_mut_ptr().add(to + channel));
                    let (kernel, step) = (kernel.as_ptr().add(channel), slide.step);
                    if neighbours {
                        let y_step = slide.channels;
                        tiles!(
                            columns,
                            i,
                            row_of_three,
                            (&slide, start, x.add(i * step), kernel, y.add(i * y_step), rest)
                        );
                    } else {
                        let y_step = slide.channels;
                        tiles!(columns, i, pixels, (&slide, start, x.add(i * step), kernel, y.add(i * y_step), rest));
                    }
                }
            }
            finish(to, &mut y[to..to + columns * slide.channels]);
        }
    }
}

/// `P` neighbouring pixels of the output.
#[inline(always)]
unsafe fn pixels<L: Lanes, const P: usize>(
    slide: &Slide<'_>,
    start: L,
    x: *const Float,
    kernel: *const Float,
    y: *mut Float,
    rest: usize,
) {
    unsafe {
        let mut sums = [start; P];
        for (t, tap) in slide.taps.iter().enumerate() {
            let (w, x) = (load::<L>(kernel.add(t * slide.channels), rest), x.add(*tap));
            for p in 0..P {
                sums[p] = w.mul_add(load(x.add(p * slide.step), rest), sums[p]);
            }
        }
        for p in 0..P {
            store(sums[p], y.add(p * slide.channels), rest);
        }
    }
}

/// `P` neighbouring pixels by a kernel three pixels wide: what they read is read once.
///
/// ```text
/// x  0 1 2 3 4      y0 = w0 x0 + w1 x1 + w2 x2
///    └─┴─┘          y1 =         w0 x1 + w1 x2 + w2 x3
/// ```
#[inline(always)]
unsafe fn row_of_three<L: Lanes, const P: usize>(
    slide: &Slide<'_>,
    start: L,
    x: *const Float,
    kernel: *const Float,
    y: *mut Float,
    rest: usize,
) {
    unsafe {
        let mut sums = [start; P];
        for (row, tap) in slide.taps.iter().step_by(3).enumerate() {
            let (x, at) = (x.add(*tap), |t: usize| kernel.add((row * 3 + t) * slide.channels));
            let w = [load::<L>(at(0), rest), load::<L>(at(1), rest), load::<L>(at(2), rest)];
            let (mut a, mut b) = (load::<L>(x, rest), load::<L>(x.add(slide.channels), rest));
            for p in 0..P {
                let c = load::<L>(x.add((p + 2) * slide.channels), rest);
                sums[p] = w[2].mul_add(c, w[1].mul_add(b, w[0].mul_add(a, sums[p])));
                (a, b) = (b, c);
            }
        }
        for p in 0..P {
            store(sums[p], y.add(p * slide.channels), rest);
        }
    }
}

struct Scatter<'a> {
    slide: Slide<'a>,
    dy: &'a [Float],
    kernel: &'a [Float],
    dx: &'a mut [Float],
}

impl Kernel for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { slide, dy, kernel, dx } = self;
        slide.assert_holds(dx.len(), kernel.len(), dy.len());
        for line in 0..slide.grid[0] {
            let (to, from) = slide.line(line);
            for channel in (0..slide.channels).step_by(L::WIDTH) {
                let rest = slide.channels - channel;
                for (t, tap) in slide.taps.iter().enumerate() {
                    // SAFETY: checked above; the last register is masked.
                    unsafe {
                        let w = load::<L>(kernel.as_ptr().add(t * slide.channels + channel), rest);
                        for column in 0..slide.grid[1] {
                            let dy = load(dy.as_ptr().add(from + channel + column * slide.channels), rest);
                            let dx = dx.as_mut_ptr().add(to + channel + column * slide.step + tap);
                            store(w.mul_add(dy, load(dx, rest)), dx, rest);
                        }
                    }
                }
            }
        }
    }
}

struct KernelGradient<'a> {
    slide: Slide<'a>,
    x: &'a [Float],
    dy: &'a [Float],
    dw: &'a mut [Float],
}

impl Kernel for KernelGradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { slide, x, dy, dw } = self;
        slide.assert_holds(x.len(), dw.len(), dy.len());
        for line in 0..slide.grid[0] {
            let (from, to) = slide.line(line);
            for channel in (0..slide.channels).step_by(L::WIDTH) {
                let rest = slide.channels - channel;
                // SAFETY: checked above; the last register is masked.
                unsafe {
                    let (x, dy) = (x.as_ptr().add(from + channel), dy.as_ptr().add(to + channel));
                    let dw = dw.as_mut_ptr().add(channel);
                    tiles!(slide.taps.len(), t, taps, (&slide, t, x, dy, dw, rest));
                }
            }
        }
    }
}

/// `T` taps, over a line of pixels.
#[inline(always)]
unsafe fn taps<L: Lanes, const T: usize>(
    slide: &Slide<'_>,
    first: usize,
    x: *const Float,
    dy: *const Float,
    dw: *mut Float,
    rest: usize,
) {
    unsafe {
        let offsets: [usize; T] = std::array::from_fn(|t| slide.taps[first + t]);
        let mut sums = [L::splat(0.0); T];
        for column in 0..slide.grid[1] {
            let dy = load::<L>(dy.add(column * slide.channels), rest);
            for t in 0..T {
                sums[t] = dy.mul_add(load(x.add(column * slide.step + offsets[t]), rest), sums[t]);
            }
        }
        for t in 0..T {
            let dw = dw.add((first + t) * slide.channels);
            store(L::splat(1.0).mul_add(sums[t], load(dw, rest)), dw, rest);
        }
    }
}
