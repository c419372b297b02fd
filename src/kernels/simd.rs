//! Vector registers behind one trait, and the choice of an instruction set at run time.

use crate::float::Float;

/// A vector register. The methods are the only code that differs between instruction sets.
///
/// # Safety
/// Callers run on a processor that has the instruction set, and pass pointers to enough numbers.
#[allow(clippy::missing_safety_doc)]
pub trait Lanes: Copy {
    /// Numbers in a register.
    const WIDTH: usize;
    /// Rows of the largest register tile that is two registers wide.
    const ROWS: usize;
    type Mask: Copy;

    unsafe fn splat(x: Float) -> Self;
    unsafe fn load(p: *const Float) -> Self;
    unsafe fn store(self, p: *mut Float);
    /// Selects the first `n` lanes.
    unsafe fn mask(n: usize) -> Self::Mask;
    /// Unselected lanes are zero, and their memory is not touched.
    unsafe fn load_part(p: *const Float, mask: Self::Mask) -> Self;
    unsafe fn store_part(self, p: *mut Float, mask: Self::Mask);
    /// `self * a + b`
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// Where `self` is greater than `best` or not a number: `(self, mine)`, elsewhere `(best, place)`.
    unsafe fn max_place(self, mine: Self, best: Self, place: Self) -> (Self, Self);
    /// The greater of each number and zero; what is not a number stays so.
    unsafe fn positive(self) -> Self;
    /// `self` where `y` is positive, elsewhere zero.
    unsafe fn where_positive(self, y: Self) -> Self;
    /// Whole numbers below 256, as the first bytes of the result.
    unsafe fn to_bytes(self) -> [u8; 16];
}

/// Arrays are the portable registers: LLVM turns them into what the target has.
impl<const N: usize> Lanes for [Float; N] {
    const WIDTH: usize = N;
    const ROWS: usize = if N > 8 { 12 } else { 6 };
    type Mask = usize;

    #[inline(always)]
    unsafe fn splat(x: Float) -> Self {
        [x; N]
    }
    #[inline(always)]
    unsafe fn load(p: *const Float) -> Self {
        unsafe { p.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut Float) {
        unsafe { p.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn mask(n: usize) -> usize {
        n.min(N)
    }
    #[inline(always)]
    unsafe fn load_part(p: *const Float, mask: usize) -> Self {
        let mut lanes = [0.0; N];
        unsafe { p.copy_to_nonoverlapping(lanes.as_mut_ptr(), mask) };
        lanes
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut Float, mask: usize) {
        unsafe { self.as_ptr().copy_to_nonoverlapping(p, mask) }
    }
    #[inline(always)]
    unsafe fn mul_add(mut self, a: Self, b: Self) -> Self {
        for i in 0..N {
            // A target without the instruction would call a slow function for `mul_add`.
            self[i] = if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                self[i].mul_add(a[i], b[i])
            } else {
                self[i] * a[i] + b[i]
            };
        }
        self
    }
    #[inline(always)]
    unsafe fn max_place(self, mine: Self, mut best: Self, mut place: Self) -> (Self, Self) {
        for i in 0..N {
            let greater = (self[i] > best[i]) | self[i].is_nan();
            best[i] = if greater { self[i] } else { best[i] };
            place[i] = if greater { mine[i] } else { place[i] };
        }
        (best, place)
    }
    #[inline(always)]
    unsafe fn positive(self) -> Self {
        self.map(|x| if x < 0.0 { 0.0 } else { x })
    }
    #[inline(always)]
    unsafe fn where_positive(self, y: Self) -> Self {
        std::array::from_fn(|i| if y[i] > 0.0 { self[i] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(self).for_each(|(byte, x)| *byte = x as u8);
        bytes
    }
}

#[cfg(all(target_arch = "x86_64", not(float64)))]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    impl Lanes for __m256 {
        const WIDTH: usize = 8;
        const ROWS: usize = 6;
        type Mask = __m256i;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            unsafe { _mm256_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { _mm256_storeu_ps(p, self) }
        }
        #[inline(always)]
        unsafe fn mask(n: usize) -> __m256i {
            let lane = unsafe { _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7) };
            unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lane) }
        }
        #[inline(always)]
        unsafe fn load_part(p: *const f32, mask: __m256i) -> Self {
            unsafe { _mm256_maskload_ps(p, mask) }
        }
        #[inline(always)]
        unsafe fn store_part(self, p: *mut f32, mask: __m256i) {
            unsafe { _mm256_maskstore_ps(p, mask, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, a: Self, b: Self) -> Self {
            unsafe { _mm256_fmadd_ps(self, a, b) }
        }
        #[inline(always)]
        unsafe fn max_place(self, mine: Self, best: Self, place: Self) -> (Self, Self) {
            unsafe {
                let (greater, nan) =
                    (_mm256_cmp_ps::<_CMP_GT_OQ>(self, best), _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self));
                let greater = _mm256_or_ps(greater, nan);
                (_mm256_blendv_ps(best, self, greater), _mm256_blendv_ps(place, mine, greater))
            }
        }
        #[inline(always)]
        unsafe fn positive(self) -> Self {
            // The instruction gives its second operand where one is not a number.
            unsafe { _mm256_max_ps(_mm256_setzero_ps(), self) }
        }
        #[inline(always)]
        unsafe fn where_positive(self, y: Self) -> Self {
            unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(y, _mm256_setzero_ps()), self) }
        }
        #[inline(always)]
        unsafe fn to_bytes(self) -> [u8; 16] {
            unsafe {
                let words = _mm256_cvttps_epi32(self);
                let halves = _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
                std::mem::transmute(_mm_packus_epi16(halves, halves))
            }
        }
    }

    impl Lanes for __m512 {
        const WIDTH: usize = 16;
        const ROWS: usize = 12;
        type Mask = __mmask16;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { _mm512_storeu_ps(p, self) }
        }
        #[inline(always)]
        unsafe fn mask(n: usize) -> __mmask16 {
            ((1u32 << n.min(16)) - 1) as __mmask16
        }
        #[inline(always)]
        unsafe fn load_part(p: *const f32, mask: __mmask16) -> Self {
            unsafe { _mm512_maskz_loadu_ps(mask, p) }
        }
        #[inline(always)]
        unsafe fn store_part(self, p: *mut f32, mask: __mmask16) {
            unsafe { _mm512_mask_storeu_ps(p, mask, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, a: Self, b: Self) -> Self {
            unsafe { _mm512_fmadd_ps(self, a, b) }
        }
        #[inline(always)]
        unsafe fn max_place(self, mine: Self, best: Self, place: Self) -> (Self, Self) {
            unsafe {
                let greater = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self, best);
                let greater = greater | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self);
                (_mm512_mask_blend_ps(greater, best, self), _mm512_mask_blend_ps(greater, place, mine))
            }
        }
        #[inline(always)]
        unsafe fn positive(self) -> Self {
            // The instruction gives its second operand where one is not a number.
            unsafe { _mm512_max_ps(_mm512_setzero_ps(), self) }
        }
        #[inline(always)]
        unsafe fn where_positive(self, y: Self) -> Self {
            unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(y, _mm512_setzero_ps()), self) }
        }
        #[inline(always)]
        unsafe fn to_bytes(self) -> [u8; 16] {
            unsafe { std::mem::transmute(_mm512_cvtepi32_epi8(_mm512_cvttps_epi32(self))) }
        }
    }
}

/// Code that is compiled once per instruction set.
pub trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, or it is compiled without the instruction set that its caller enables.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    unsafe fn run<L: Lanes>(self) -> Self::Output;
}

/// Runs a kernel with the widest registers of this processor. Not `#[inline]`: the portable kernel would be compiled for
/// each caller.
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(test)]
    if EMULATES_AVX512.get() {
        return super::twice::dispatch(kernel);
    }
    #[cfg(all(target_arch = "x86_64", not(float64)))]
    {
        use std::arch::x86_64::{__m256, __m512};
        #[target_feature(enable = "avx512f,avx2,fma")]
        unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
            unsafe { kernel.run::<__m512>() }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
            unsafe { kernel.run::<__m256>() }
        }
        // SAFETY: the processor has just been asked.
        if has_avx512() {
            return unsafe { avx512(kernel) };
        } else if has_avx2() {
            return unsafe { avx2(kernel) };
        }
    }
    // SAFETY: arrays need no instruction set.
    unsafe { kernel.run::<[Float; 8]>() }
}

/// Runs plain loops with the widest registers of this processor, if the closure is small enough to be inlined:
/// one loop is, nested loops are not and want [`vectorized!`].
#[inline]
pub fn vectorize<R>(work: impl FnOnce() -> R) -> R {
    struct Plain<F>(F);
    impl<R, F: FnOnce() -> R> Kernel for Plain<F> {
        type Output = R;
        #[inline(always)]
        unsafe fn run<L: Lanes>(self) -> R {
            (self.0)()
        }
    }
    dispatch(Plain(work))
}

/// Compiles a function of plain loops once per instruction set.
macro_rules! vectorized {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) {
            #[inline(always)]
            fn body($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx2,fma")]
                fn avx512($($argument: $type),*) { body($($argument),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) { body($($argument),*) }
                // SAFETY: the processor has just been asked.
                if $crate::kernels::simd::has_avx512() {
                    return unsafe { avx512($($argument),*) };
                } else if $crate::kernels::simd::has_avx2() {
                    return unsafe { avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}
pub(crate) use vectorized;

#[cfg(test)]
thread_local! {
    /// Whether tests on this thread use tiles of the size that AVX-512 has.
    pub(crate) static EMULATES_AVX512: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Columns of the panels that the tile wants its right-hand matrix packed in.
pub fn panel_width() -> usize {
    #[cfg(test)]
    if EMULATES_AVX512.get() {
        return 32;
    }
    if has_avx512() && cfg!(not(float64)) { 32 } else { 16 }
}

/// Fetches a number into the caches, with those beside it.
#[inline(always)]
pub fn prefetch(number: &Float) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: all of these processors have the instruction, which changes nothing that can be seen.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(number).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = number;
}

/// Not if `GRADUS_AVX2` is set: so that the kernels for AVX2 can be timed where there is more.
pub(crate) fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        static ALLOWED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        let allowed = || std::env::var_os("GRADUS_AVX2").is_none();
        has_avx2() && is_x86_feature_detected!("avx512f") && *ALLOWED.get_or_init(allowed)
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}
