//! Numbers that lie apart, or in another order than that of their indices.

use super::stored::Layout;

/// Rows and columns of a tile: what is read of it and what is written fit into the first cache together.
const TILE: usize = 32;

/// The numbers of a tensor in the order of their indices, the last axis fastest. `stored` holds what the layout reaches.
pub(super) fn gather<const N: usize, T: Copy>(
    shape: &[usize],
    layout: &Layout,
    stored: &[u8],
    zero: T,
    convert: impl Fn([u8; N]) -> T,
) -> Vec<T> {
    let numbers: usize = shape.iter().product();
    let mut out = vec![zero; numbers];
    if numbers == 0 {
        return out;
    }
    let stored = stored[layout.start..].as_chunks::<N>().0;
    let Some((last, stride)) = shape.last().copied().zip(layout.strides.last().copied()) else {
        out[0] = convert(stored[0]);
        return out;
    };
    let axes = shape.len();
    let by_stride = (0..axes).filter(|axis| shape[*axis] > 1).min_by_key(|axis| (layout.strides[*axis], axes - axis));
    let close = by_stride.filter(|axis| axis + 1 < axes);
    let (rows, row_stride) = close.map_or((1, 0), |axis| (shape[axis], layout.strides[axis]));
    let out_row: usize = close.map_or(0, |axis| shape[axis + 1..].iter().product());
    let tile = if close.is_some() { TILE } else { last };
    let plane = Plane { rows, row_stride, out_row, columns: last, stride, tile };
    let mut place = PlaneStart { index: vec![0; axes], from: 0, to: 0 };
    loop {
        plane.read(&stored[place.from..], &mut out[place.to..], &convert);
        if !place.advance(shape, &layout.strides, close) {
            return out;
        }
    }
}

/// The last axis and the one along which the numbers lie closest, if that is another one; read tile by tile.
struct Plane {
    rows: usize,
    row_stride: usize,
    /// From one row to the next in what is written.
    out_row: usize,
    columns: usize,
    stride: usize,
    /// Columns of a tile.
    tile: usize,
}

impl Plane {
    #[inline(always)]
    fn read<const N: usize, T: Copy>(&self, stored: &[[u8; N]], out: &mut [T], convert: &impl Fn([u8; N]) -> T) {
        for first in (0..self.rows).step_by(TILE) {
            for column in (0..self.columns).step_by(self.tile) {
                let columns = self.tile.min(self.columns - column);
                for row in first..(first + TILE).min(self.rows) {
                    let out = &mut out[row * self.out_row + column..][..columns];
                    let stored = &stored[row * self.row_stride + column * self.stride..];
                    if self.stride == 1 {
                        for (out, number) in out.iter_mut().zip(stored) {
                            *out = convert(*number);
                        }
                    } else if self.stride == 0 {
                        out.fill(convert(stored[0]));
                    } else {
                        for (out, number) in out.iter_mut().zip(stored.iter().step_by(self.stride)) {
                            *out = convert(*number);
                        }
                    }
                }
            }
        }
    }
}

/// Where a plane begins.
struct PlaneStart {
    index: Vec<usize>,
    from: usize,
    to: usize,
}

impl PlaneStart {
    /// Moves to the next plane, if there is one.
    fn advance(&mut self, shape: &[usize], strides: &[usize], close: Option<usize>) -> bool {
        let mut axis = shape.len() - 1;
        let mut width = shape[axis];
        while axis > 0 {
            axis -= 1;
            if Some(axis) != close {
                self.index[axis] += 1;
                self.from += strides[axis];
                self.to += width;
                if self.index[axis] < shape[axis] {
                    return true;
                }
                self.from -= strides[axis] * shape[axis];
                self.to -= width * shape[axis];
                self.index[axis] = 0;
            }
            width *= shape[axis];
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_axes_and_every_step() {
        let lengths = [3_usize, 40, 1, 35];
        let orders = [[0, 1, 2, 3], [3, 1, 2, 0], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]];
        for order in orders {
            for step in [0, 1, 2] {
                // Axes of `order` from the slowest to the fastest, each number `step` behind the other.
                let mut strides = vec![0; 4];
                let mut next = step;
                for axis in order.iter().rev() {
                    strides[*axis] = next;
                    next *= lengths[*axis];
                }
                let stored: Vec<u8> = (0..=next.max(1) as u32 + 5).flat_map(u32::to_le_bytes).collect();
                let layout = Layout { start: 8, strides: strides.clone(), big_endian: false, negative: false };
                let got = gather(&lengths, &layout, &stored, 0, u32::from_le_bytes);
                let mut places = ndarray::indices((lengths[0], lengths[1], lengths[2], lengths[3])).into_iter();
                for got in got {
                    let (a, b, c, d) = places.next().unwrap();
                    let place = a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3];
                    assert_eq!(got as usize, place + 2, "{order:?} {step} at {:?}", (a, b, c, d));
                }
                assert!(places.next().is_none());
            }
        }
        let layout = |strides| Layout { start: 0, strides, big_endian: false, negative: false };
        assert_eq!(gather(&[], &layout(vec![]), &[7], 0, |[x]| x), [7]);
        assert_eq!(gather(&[0, 3], &layout(vec![3, 1]), &[], 0, |[x]| x), [] as [u8; 0]);
        assert_eq!(gather(&[2, 3], &layout(vec![0, 0]), &[9], 0, |[x]| x), [9; 6]);
    }
}
