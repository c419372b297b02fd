//! Two registers as one, with the tiles of AVX-512: so that their code is tested where that is missing.

use super::simd::{Kernel, Lanes};
use crate::float::Float;

/// Runs a kernel with registers of 16 numbers.
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(all(target_arch = "x86_64", not(float64)))]
    {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
            unsafe { kernel.run::<Twice<std::arch::x86_64::__m256>>() }
        }
        assert!(super::simd::has_avx2(), "this test needs AVX2");
        // SAFETY: the processor has just been asked.
        unsafe { avx2(kernel) }
    }
    // SAFETY: arrays need no instruction set.
    #[cfg(not(all(target_arch = "x86_64", not(float64))))]
    unsafe {
        kernel.run::<Twice<[Float; 8]>>()
    }
}

#[derive(Clone, Copy)]
struct Twice<L>(L, L);

#[allow(clippy::missing_safety_doc)]
impl<L: Lanes> Lanes for Twice<L> {
    const WIDTH: usize = 2 * L::WIDTH;
    const ROWS: usize = 12;
    type Mask = (L::Mask, L::Mask);

    #[inline(always)]
    unsafe fn splat(x: Float) -> Self {
        unsafe { Self(L::splat(x), L::splat(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const Float) -> Self {
        unsafe { Self(L::load(p), L::load(p.add(L::WIDTH))) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut Float) {
        unsafe {
            self.0.store(p);
            self.1.store(p.add(L::WIDTH));
        }
    }
    #[inline(always)]
    unsafe fn mask(n: usize) -> Self::Mask {
        unsafe { (L::mask(n), L::mask(n.saturating_sub(L::WIDTH))) }
    }
    #[inline(always)]
    unsafe fn load_part(p: *const Float, mask: Self::Mask) -> Self {
        unsafe { Self(L::load_part(p, mask.0), L::load_part(p.wrapping_add(L::WIDTH), mask.1)) }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut Float, mask: Self::Mask) {
        unsafe {
            self.0.store_part(p, mask.0);
            self.1.store_part(p.wrapping_add(L::WIDTH), mask.1);
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { Self(self.0.mul_add(a.0, b.0), self.1.mul_add(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn max_place(self, mine: Self, best: Self, place: Self) -> (Self, Self) {
        unsafe {
            let (low, high) = (self.0.max_place(mine.0, best.0, place.0), self.1.max_place(mine.1, best.1, place.1));
            (Self(low.0, high.0), Self(low.1, high.1))
        }
    }
    #[inline(always)]
    unsafe fn positive(self) -> Self {
        unsafe { Self(self.0.positive(), self.1.positive()) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, y: Self) -> Self {
        unsafe { Self(self.0.where_positive(y.0), self.1.where_positive(y.1)) }
    }
    #[inline(always)]
    unsafe fn to_bytes(self) -> [u8; 16] {
        let (low, high) = unsafe { (self.0.to_bytes(), self.1.to_bytes()) };
        std::array::from_fn(|i| if i < L::WIDTH { low[i] } else { high[i - L::WIDTH] })
    }
}
