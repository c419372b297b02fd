//! Exponentials and related functions of many numbers.

// What nobody needs yet, networks that remember will.
#![allow(dead_code)]

use super::math;
use super::simd::vectorized;
use crate::float::Float;

/// Functions that replace each number by what [`math`] makes of it.
macro_rules! each {
    ($($name:ident)*) => {
        $(vectorized! {
            pub fn $name(x: &mut [Float]) {
                // No closure: it would not always be inlined, and so not vectorised.
                for x in x.iter_mut() {
                    *x = math::$name(*x);
                }
            }
        })*
    };
}

each!(exp tanh sigmoid erf softplus);
