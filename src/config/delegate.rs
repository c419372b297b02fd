//! The methods of what holds something behind a pointer.

/// Methods that are those of what a pointer to a trait's object holds.
///
/// ```text
/// impl Loss for Box<dyn Loss> {
///     delegates! { self: each[&self](prediction: &Var, target: &Tensor) -> Result<Each>; }
/// }
/// ```
macro_rules! delegates {
    ($this:tt: $($method:ident [$($receiver:tt)+] ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)+) => { $(
        fn $method($($receiver)+ $(, $argument: $type)*) $(-> $result)? {
            (**$this).$method($($argument),*)
        }
    )+ };
}
pub(crate) use delegates;
