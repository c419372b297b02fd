//! Lengths along several axes.

use crate::sealed::Sealed;

/// A size in `N` directions: one number for all, or one for each in the order of the axes: `[height, width]`.
///
/// Layers have 1, 2 or 3 directions; others do not compile:
///
/// ```compile_fail,E0080
/// gradus::layers::Conv::<4>::new(8, 3);
/// ```
/// ```compile_fail,E0080
/// gradus::layers::MaxPool::<0>::new(2);
/// ```
/// ```compile_fail,E0080
/// gradus::layers::ZeroPad::<4>::new(1);
/// ```
/// ```compile_fail,E0080
/// gradus::layers::Resize::<4>::by([2.0; 4]);
/// ```
/// ```compile_fail,E0080
/// gradus::layers::GridSample::<4>::new();
/// ```
pub trait Size<const N: usize>: Sealed {
    /// One number for each direction.
    fn sizes(self) -> [usize; N];
}

impl<const N: usize> Size<N> for usize {
    fn sizes(self) -> [usize; N] {
        [self; N]
    }
}

impl<const N: usize> Size<N> for [usize; N] {
    fn sizes(self) -> [usize; N] {
        self
    }
}

impl Size<2> for (usize, usize) {
    fn sizes(self) -> [usize; 2] {
        self.into()
    }
}

impl Size<3> for (usize, usize, usize) {
    fn sizes(self) -> [usize; 3] {
        self.into()
    }
}
