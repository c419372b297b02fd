//! Keeps traits that only convert what setters take to the types of this crate, so that methods can be added to them.

/// Cannot be named outside of this crate.
pub trait Sealed {}

impl Sealed for f64 {}
impl Sealed for usize {}
impl Sealed for &str {}
impl<T> Sealed for Vec<T> {}
impl<T, const N: usize> Sealed for [T; N] {}
impl<A, B> Sealed for (A, B) {}
impl<A, B, C> Sealed for (A, B, C) {}
impl<A, B, C, D> Sealed for (A, B, C, D) {}
