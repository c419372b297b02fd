//! What one core of this machine can do: multiplications and additions of registers alone.

use super::protocol::seconds;

/// Sums that do not wait for each other: as many as keep all multipliers busy.
const SUMS: usize = 12;
const STEPS: usize = 20_000_000;

/// Multiplies and adds with registers of one instruction set; returns how many of the numbers were worked on.
#[cfg(target_arch = "x86_64")]
macro_rules! multiplications {
    ($name:ident, $features:literal, $set:ident, $fma:ident, $width:literal) => {
        #[target_feature(enable = $features)]
        fn $name() -> usize {
            use std::arch::x86_64::{$fma, $set};
            let (factor, term) = ($set(std::hint::black_box(0.999)), $set(std::hint::black_box(0.001)));
            let mut sums = [$set(1.0); SUMS];
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = $fma(*sum, factor, term);
                }
            }
            std::hint::black_box(sums);
            STEPS * SUMS * $width
        }
    };
}

#[cfg(target_arch = "x86_64")]
multiplications!(avx512, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps, 16);
#[cfg(target_arch = "x86_64")]
multiplications!(avx2, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps, 8);

fn widest() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: the processor has just been asked.
        if is_x86_feature_detected!("avx512f") && std::env::var_os("GRADUS_AVX2").is_none() {
            return unsafe { avx512() };
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return unsafe { avx2() };
        }
    }
    0
}

/// Prints billions of multiplications and additions a second, the best of some tries; 0 where nobody has written how to measure it.
pub fn measure() {
    let best = (0..5).map(|_| {
        let start = seconds();
        2.0 * widest() as f64 / 1e9 / (seconds() - start).max(1e-9)
    });
    println!("{{\"giga_per_s\": {}}}", best.fold(0.0, f64::max));
}
