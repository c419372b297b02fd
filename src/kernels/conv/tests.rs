//! Convolutions against the definition.

use super::*;
use crate::kernels::simd::EMULATES_AVX512;
use proptest::prelude::*;

/// The places of a box of these lengths.
fn places([a, b, c]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..a * b * c).map(move |i| [i / (b * c), i / c % b, i % c])
}

/// The definition: calls `visit(input index, kernel index, output index)` for each product in the sum.
fn products(s: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let (cg, fg) = (s.channels / s.groups, s.filters / s.groups);
    for (o, position) in places(s.out()).enumerate() {
        for (t, tap) in places(s.kernel).enumerate() {
            let at =
                [0, 1, 2].map(|i| (position[i] * s.stride[i] + tap[i] * s.dilation[i]).wrapping_sub(s.padding[i][0]));
            if (0..3).any(|i| at[i] >= s.size[i]) {
                continue;
            }
            let pixel = (at[0] * s.size[1] + at[1]) * s.size[2] + at[2];
            for (f, c) in (0..s.filters).flat_map(|f| (0..cg).map(move |c| (f, c))) {
                visit(pixel * s.channels + f / fg * cg + c, (t * cg + c) * s.filters + f, o * s.filters + f);
            }
        }
    }
}

/// Small whole numbers, so that sums are exact in any order; every other one zero if `sparse`.
fn numbers(len: usize, seed: u64, sparse: bool) -> Vec<Float> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64
    };
    (0..len).map(|_| if sparse && next() % 8 != 0 { 0.0 } else { (next() % 15 - 7) as Float }).collect()
}

fn shapes() -> impl Strategy<Value = ConvShape> {
    let channels = prop_oneof![
        (1usize..=3, 1usize..=6, 1usize..=7).prop_map(|(g, c, f)| (g, g * c, g * f)),
        Just((1, 16, 33)),
        Just((1, 17, 64)),
        Just((5, 5, 5)),
        Just((7, 7, 21)),
        Just((35, 35, 35)),
        Just((1, 32, 48)),
    ];
    // Of depth 1 and more.
    let depth =
        prop_oneof![Just((1, 1, 1, 1, [0, 0])), (1usize..5, 1usize..3, 1usize..3, 1usize..3, [0usize..2, 0usize..2]),];
    let pair = |n: usize| [1..=n, 1..=n];
    let padding = [[0usize..3, 0usize..3], [0usize..3, 0usize..3]];
    (pair(11), channels, depth, pair(4), pair(3), pair(2), padding).prop_map(
        |(size, (groups, channels, filters), depth, kernel, stride, dilation, padding)| ConvShape {
            size: [depth.0, size[0], size[1]],
            channels,
            filters,
            kernel: [depth.1, kernel[0], kernel[1]],
            stride: [depth.2, stride[0], stride[1]],
            dilation: [depth.3, dilation[0], dilation[1]],
            groups,
            padding: [depth.4, padding[0], padding[1]],
        },
    )
}

/// The methods that can compute it.
fn methods(s: &ConvShape) -> Vec<Method> {
    if s.is_depthwise() {
        return vec![Method::Depthwise];
    }
    if winograd::fits(s) { vec![Method::Patches, Method::Winograd] } else { vec![Method::Patches] }
}

/// An ordinary convolution of an image.
fn plain(size: [usize; 2], channels: usize, filters: usize, kernel: usize) -> ConvShape {
    ConvShape {
        size: [1, size[0], size[1]],
        channels,
        filters,
        kernel: [1, kernel, kernel],
        stride: [1; 3],
        dilation: [1; 3],
        groups: 1,
        padding: [[0; 2]; 3],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn agrees_with_the_definition(
        mut s in shapes(), images in 1usize..4, winograd: bool, sparse: bool, wide: bool, seed: u64,
    ) {
        EMULATES_AVX512.set(wide);
        if winograd {
            (s.size[0], s.kernel, s.padding[0]) = (1, [1, 3, 3], [0, 0]);
            (s.stride, s.dilation) = ([1; 3], [1; 3]);
        }
        prop_assume!(s.output_len() > 0);
        let x = numbers(images * s.input_len(), seed, false);
        let w = numbers(s.kernel_len(), seed ^ 1, false);
        let b = numbers(s.filters, seed ^ 2, false);
        let dy = numbers(images * s.output_len(), seed ^ 3, sparse);

        let mut expected: Vec<Float> = b.iter().copied().cycle().take(dy.len()).collect();
        let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![1.0; w.len()], vec![1.0; b.len()]);
        dy.iter().enumerate().for_each(|(i, dy)| db[i % s.filters] += dy);
        for n in 0..images {
            let (first_x, first_y) = (n * s.input_len(), n * s.output_len());
            products(&s, |i, k, o| {
                expected[first_y + o] += x[first_x + i] * w[k];
                dx[first_x + i] += dy[first_y + o] * w[k];
                dw[k] += dy[first_y + o] * x[first_x + i];
            });
        }

        for method in methods(&s) {
            let mut y = vec![Float::NAN; dy.len()];
            forward(method, &s, &x, &pack_forward(method, &s, &w), Some(&b), &mut y, &|_, _| {});
            prop_assert_eq!(y, &expected[..], "{:?}", method);
        }
        if let Some(turned) = s.turned() {
            prop_assert_eq!(turned.turned(), Some(s));
            for method in methods(&turned) {
                let mut got = vec![Float::NAN; x.len()];
                forward(method, &turned, &dy, &pack_turned(method, &turned, &w), None, &mut got, &|_, _| {});
                prop_assert_eq!(got, &dx[..], "{:?}", method);
            }
        }
        if winograd::fits(&s) {
            let mut got = vec![1.0; w.len()];
            winograd::weight_gradient(&s, &x, &dy, &mut got);
            prop_assert_eq!(got, &dw[..]);
        }
        let gradient = OutputGradient { dy: &dy, max_pool: None };
        let mut got = vec![Float::NAN; x.len()];
        input_gradient(&s, gradient, &pack_backward(&s, &w), &mut got);
        prop_assert_eq!(got, dx);
        let (mut got, mut got_db) = (vec![1.0; w.len()], vec![1.0; b.len()]);
        weight_gradient(&s, &x, gradient, &mut got, Some(&mut got_db));
        prop_assert_eq!(got, dw);
        prop_assert_eq!(got_db.iter().map(|db| *db as Float).collect::<Vec<_>>(), db);
    }

    #[test]
    fn pooled_agrees_with_pooling_afterwards(
        mut s in shapes(), mut pool in [1usize..4, 1usize..4], images in 1usize..4, winograd: bool, sparse: bool, wide: bool, seed: u64,
    ) {
        EMULATES_AVX512.set(wide);
        if winograd {
            (s.kernel, s.stride, s.dilation, pool) = ([1, 3, 3], [1; 3], [1; 3], [2, 2]);
        }
        (s.size[0], s.kernel[0], s.padding[0]) = (1, 1, [0, 0]);
        let [height, width] = s.grid();
        let windows = [height / pool[0], width / pool[1]];
        let len = windows[0] * windows[1] * s.filters;
        prop_assume!(len > 0 && !s.is_depthwise());
        let x = numbers(images * s.input_len(), seed, false);
        let w = numbers(s.kernel_len(), seed ^ 1, false);
        let b = numbers(s.filters, seed ^ 2, false);
        let dy = numbers(images * len, seed ^ 3, sparse);
        let mut full = vec![0.0; images * s.output_len()];
        forward(Method::Patches, &s, &x, &pack_forward(Method::Patches, &s, &w), Some(&b), &mut full, &|_, _| {});

        let (mut y, mut argmax) = (vec![Float::NAN; images * len], vec![99; images * len]);
        forward_max_pool(&s, pool, &x, &pack_forward_max_pool(&s, pool, &w), Some(&b), &mut y, &mut argmax);
        let mut full_dy = vec![0.0; full.len()];
        for i in 0..images * len {
            let (n, f, window) = (i / len, i % s.filters, i % len / s.filters);
            let at = |p: usize| {
                let row = window / windows[1] * pool[0] + p / pool[1];
                let column = window % windows[1] * pool[1] + p % pool[1];
                n * s.output_len() + (row * width + column) * s.filters + f
            };
            let max = (0..pool[0] * pool[1]).map(|p| full[at(p)]).fold(Float::NEG_INFINITY, Float::max);
            let first = (0..pool[0] * pool[1]).position(|p| full[at(p)] == max).unwrap();
            prop_assert_eq!((y[i], argmax[i] as usize), (max, first));
            full_dy[at(first)] = dy[i];
        }

        let pooled = OutputGradient { dy: &dy, max_pool: Some((pool, &argmax)) };
        let full = OutputGradient { dy: &full_dy, max_pool: None };
        let packed = pack_backward(&s, &w);
        let (mut got, mut expected) = (vec![Float::NAN; x.len()], vec![Float::NAN; x.len()]);
        input_gradient(&s, pooled, &packed, &mut got);
        input_gradient(&s, full, &packed, &mut expected);
        prop_assert_eq!(got, expected);
        let zeros = || (vec![0.0; w.len()], vec![0.0; s.filters]);
        let (mut got, mut expected) = (zeros(), zeros());
        let (dw, db) = &mut got;
        weight_gradient(&s, &x, pooled, dw, Some(db));
        let (dw, db) = &mut expected;
        weight_gradient(&s, &x, full, dw, Some(db));
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn pooling_keeps_what_is_not_a_number() {
    let s = plain([2, 2], 1, 1, 1);
    let (mut y, mut argmax) = ([0.0], [9]);
    forward_max_pool(
        &s,
        [2, 2],
        &[5.0, Float::NAN, 7.0, 1.0],
        &pack_forward_max_pool(&s, [2, 2], &[1.0]),
        None,
        &mut y,
        &mut argmax,
    );
    assert!(y[0].is_nan() && argmax[0] == 1);
}

/// Images in fixed chunks: the bits of a step do not depend on the number of threads.
#[test]
fn threads_do_not_change_bits() {
    let s = plain([13, 13], 32, 64, 3);
    let random = |len, seed| numbers(len, seed, false).into_iter().map(|x| x / 7.3).collect::<Vec<Float>>();
    let (x, w) = (random(10 * s.input_len(), 1), random(s.kernel_len(), 2));
    let packed = pack_forward_max_pool(&s, [2, 2], &w);
    let step = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            crate::kernels::parallel::map_chunks(10, 4, |images| {
                let x = &x[images.start * s.input_len()..images.end * s.input_len()];
                let mut y = vec![0.0; images.len() * 25 * 64];
                let mut argmax = vec![0; y.len()];
                forward_max_pool(&s, [2, 2], x, &packed, None, &mut y, &mut argmax);
                let gradient = OutputGradient { dy: &y, max_pool: Some(([2, 2], &argmax)) };
                let mut dw = vec![0.0; w.len()];
                weight_gradient(&s, x, gradient, &mut dw, None);
                (y, dw)
            })
        })
    };
    assert!(step(1) == step(3));
}

#[test]
#[allow(clippy::useless_conversion)]
fn winograd_is_as_exact_as_the_definition() {
    let s = ConvShape { padding: [[0, 0], [1, 0], [0, 2]], ..plain([22, 21], 40, 70, 3) };
    let random = |len, seed| numbers(len, seed, false).into_iter().map(|x| x / 7.3).collect::<Vec<Float>>();
    let (x, w) = (random(s.input_len(), 1), random(s.kernel_len(), 2));
    let [height, width] = s.grid();
    let mut exact = vec![0.0; s.output_len()];
    products(&s, |i, k, o| exact[o] += f64::from(x[i]) * f64::from(w[k]));
    let mut y = vec![0.0; s.output_len()];
    forward(Method::Winograd, &s, &x, &pack_forward(Method::Winograd, &s, &w), None, &mut y, &|_, _| {});
    assert!(y.iter().zip(&exact).all(|(y, exact)| (f64::from(*y) - exact).abs() < 2e-5));
    let dy = random(s.output_len(), 3);
    let (mut exact_dw, mut dw) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    products(&s, |i, k, o| exact_dw[k] += f64::from(x[i]) * f64::from(dy[o]));
    winograd::weight_gradient(&s, &x, &dy, &mut dw);
    assert!(dw.iter().zip(&exact_dw).all(|(dw, exact)| (f64::from(*dw) - exact).abs() < 4e-5));
    let mut y = vec![0.0; height / 2 * (width / 2) * s.filters];
    let mut argmax = vec![0; y.len()];
    forward_max_pool(&s, [2, 2], &x, &pack_forward_max_pool(&s, [2, 2], &w), None, &mut y, &mut argmax);
    for (i, y) in y.iter().enumerate() {
        let (window, filter) = (i / s.filters, i % s.filters);
        let corner = window / (width / 2) * 2 * width + window % (width / 2) * 2;
        let pixels = [0, 1, width, width + 1].map(|p| exact[(corner + p) * s.filters + filter]);
        let max = pixels.into_iter().fold(f64::NEG_INFINITY, f64::max);
        assert!((f64::from(*y) - max).abs() < 2e-5, "{y} instead of {max}");
    }
}

/// Filters of a few pixels are divided among threads.
#[test]
fn divided_filters_have_the_bits_of_the_whole() {
    let random = |len, seed| numbers(len, seed, false).into_iter().map(|x| x / 7.3).collect::<Vec<Float>>();
    let wide = ConvShape { padding: [[0, 0], [1, 1], [1, 1]], ..plain([5, 4], 48, 200, 3) };
    for s in [wide, plain([3, 3], 90, 250, 1), ConvShape { stride: [1, 2, 2], ..wide }] {
        let (x, w, b) = (random(2 * s.input_len(), 1), random(s.kernel_len(), 2), random(s.filters, 3));
        for method in methods(&s) {
            let packed = pack_forward(method, &s, &w);
            let run = |threads: usize| {
                let mut y = vec![0.0; 2 * s.output_len()];
                crate::kernels::parallel::on_threads(threads, || {
                    forward(method, &s, &x, &packed, Some(&b), &mut y, &|at, y| {
                        y.iter_mut().enumerate().for_each(|(i, y)| *y += (at + i) as Float);
                    });
                });
                y
            };
            let one = run(1);
            assert!(one == run(2) && one == run(3), "{method:?} of {s:?}");
        }
    }
}

#[test]
fn pieces_give_the_bits_of_the_whole() {
    let random = |len, seed| numbers(len, seed, false).into_iter().map(|x| x / 7.3).collect::<Vec<Float>>();
    let wide = plain([37, 30], 24, 40, 3);
    let same = ConvShape { padding: [[0, 0], [1, 1], [1, 1]], ..wide };
    let strided = ConvShape { stride: [1, 2, 2], kernel: [1, 7, 7], padding: [[0, 0], [3, 2], [3, 2]], ..wide };
    let sequence = ConvShape { size: [1, 1, 2000], kernel: [1, 1, 5], padding: [[0, 0], [0, 0], [2, 2]], ..wide };
    let jumping = ConvShape { stride: [1, 1, 2], dilation: [1, 1, 3], ..sequence };
    let shapes = [
        (wide, [1, 1]),
        (same, [1, 1]),
        (strided, [1, 1]),
        (same, [2, 2]),
        (strided, [3, 1]),
        (sequence, [1, 1]),
        (jumping, [1, 1]),
    ];
    for (s, pool) in shapes {
        let (x, w, method) = (random(3 * s.input_len(), 1), random(s.kernel_len(), 2), s.method());
        let run = |threads: usize| {
            let pieces =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| pieces(&s, pool, 3));
            let mut y = Vec::new();
            for piece in &pieces {
                let mut own = vec![0.0; piece.y];
                let x = &x[piece.x.clone()];
                if pool == [1, 1] {
                    forward(method, &piece.shape, x, &pack_forward(method, &s, &w), None, &mut own, &|_, _| {});
                } else {
                    let mut argmax = vec![0; piece.y];
                    let packed = pack_forward_max_pool(&s, pool, &w);
                    forward_max_pool(&piece.shape, pool, x, &packed, None, &mut own, &mut argmax);
                }
                y.extend(own);
            }
            (pieces.len(), y)
        };
        let ((one, expected), (many, got)) = (run(1), run(3));
        assert!(one < many && got == expected, "{one} and {many} pieces of {s:?}");
    }
}
