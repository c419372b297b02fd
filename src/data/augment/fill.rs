//! What is outside of an image.

use crate::config::named;
use crate::tensor::Float;

/// What a transformed image shows where it has no pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fill {
    /// This number: `k k k | a b c d | k k k`.
    Constant(Float),
    /// The nearest pixel: `a a a | a b c d | d d d`.
    Nearest,
    /// The image mirrored at its edge: `c b a | a b c d | d c b`.
    Reflect,
    /// The image again: `b c d | a b c d | a b c`.
    Wrap,
}

impl Fill {
    /// Which pixel stands at place `i` of an axis; `None` for the constant.
    pub(super) fn index(self, i: i64, len: usize) -> Option<usize> {
        if let Ok(inside) = usize::try_from(i)
            && inside < len
        {
            return Some(inside);
        }
        let len = len as i64;
        let index = match self {
            Self::Constant(_) => return None,
            _ if len == 0 => return None,
            Self::Nearest => i.clamp(0, len - 1),
            Self::Wrap => i.rem_euclid(len),
            Self::Reflect => {
                let i = i.rem_euclid(2 * len);
                if i < len { i } else { 2 * len - 1 - i }
            }
        };
        Some(index as usize)
    }

    pub(super) fn value(self) -> Float {
        match self {
            Self::Constant(value) => value,
            _ => 0.0,
        }
    }
}

named!(Fill { Nearest = "nearest", Reflect = "reflect", Wrap = "wrap" } or Constant("one of `nearest` `reflect` `wrap`, or a number"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside() {
        let all = |fill: Fill| (-4..7).map(|i| fill.index(i, 3)).collect::<Vec<_>>();
        let some = |list: [usize; 11]| list.map(Some).to_vec();
        assert_eq!(all(Fill::Nearest), some([0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]));
        assert_eq!(all(Fill::Wrap), some([2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]));
        assert_eq!(all(Fill::Reflect), some([2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]));
        assert_eq!(Fill::Constant(1.0).index(-1, 3), None);
        assert_eq!(Fill::Reflect.index(2, 0), None);
    }
}
