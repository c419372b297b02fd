//! Numbers in another order of their axes.

use crate::float::Float;

/// Numbers on a side of the blocks of a transposition: a line of the first cache holds as many.
const SIDE: usize = 16;

/// `y`, of the shape of `x` with its axes in the order of `axes`.
pub fn permute(x: &[Float], shape: &[usize], axes: &[usize], y: &mut [Float]) {
    let step = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    // Length and step in `x` of each axis of `y`; axes that lie together in both are one.
    let mut lines: Vec<(usize, usize)> = Vec::with_capacity(axes.len());
    for (len, step) in axes.iter().map(|&axis| (shape[axis], step(axis))).filter(|(len, _)| *len != 1) {
        match lines.last_mut() {
            Some(last) if last.1 == len * step => *last = (last.0 * len, step),
            _ => lines.push((len, step)),
        }
    }
    assert!(x.len() == y.len() && lines.iter().map(|(len, _)| len).product::<usize>() == x.len(), "as many numbers");
    let Some((last_len, last_step)) = lines.pop().filter(|_| !x.is_empty()) else { return y.copy_from_slice(x) };
    // The axis whose numbers lie side by side in `x`, to be read in blocks with the last one.
    let side_by_side = lines.iter().position(|(_, step)| *step == 1);
    let (side_len, y_step) = side_by_side.map_or((1, 0), |axis| {
        let inner = lines[axis + 1..].iter().map(|(len, _)| len).product::<usize>() * last_len;
        (std::mem::replace(&mut lines[axis].0, 1), inner)
    });
    let mut y_steps = vec![last_len; lines.len()];
    for axis in (0..lines.len().saturating_sub(1)).rev() {
        let below = if side_by_side == Some(axis + 1) { side_len } else { lines[axis + 1].0 };
        y_steps[axis] = y_steps[axis + 1] * below;
    }
    let mut places = vec![0; lines.len()];
    let (mut from, mut to) = (0, 0);
    loop {
        if last_step == 1 {
            y[to..to + last_len].copy_from_slice(&x[from..from + last_len]);
        } else {
            transpose(&x[from..], &mut y[to..], [side_len, last_len], last_step, y_step);
        }
        let mut axis = lines.len();
        loop {
            let Some(next) = axis.checked_sub(1) else { return };
            axis = next;
            places[axis] += 1;
            (from, to) = (from + lines[axis].1, to + y_steps[axis]);
            if places[axis] < lines[axis].0 {
                break;
            }
            (from, to) = (from - places[axis] * lines[axis].1, to - places[axis] * y_steps[axis]);
            places[axis] = 0;
        }
    }
}

/// `y[i * y_step + j] = x[i + j * x_step]`
fn transpose(x: &[Float], y: &mut [Float], [is, js]: [usize; 2], x_step: usize, y_step: usize) {
    for first_i in (0..is).step_by(SIDE) {
        for first_j in (0..js).step_by(SIDE) {
            for i in first_i..is.min(first_i + SIDE) {
                let line = &mut y[i * y_step + first_j..][..SIDE.min(js - first_j)];
                for j in 0..line.len() {
                    line[j] = x[i + (first_j + j) * x_step];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayView, IxDyn};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_views_of_ndarray(
            shape in proptest::collection::vec(0_usize..20, 0..5),
            order in proptest::collection::vec(0_usize..100, 5),
        ) {
            let x: Vec<Float> = (0..shape.iter().product()).map(|i| i as Float).collect();
            let mut axes: Vec<usize> = (0..shape.len()).collect();
            axes.sort_by_key(|axis| order[*axis]);
            let view = ArrayView::from_shape(IxDyn(&shape), &x).unwrap().permuted_axes(IxDyn(&axes));
            let mut y = vec![Float::NAN; x.len()];
            permute(&x, &shape, &axes, &mut y);
            prop_assert_eq!(y, view.iter().copied().collect::<Vec<_>>());
        }
    }
}
