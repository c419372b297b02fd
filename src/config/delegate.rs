//! The methods of what holds something behind a pointer.

/// Methods that are those of what a pointer to a trait's object holds, or a field.
///
/// ```text
/// impl Loss for Box<dyn Loss> {
///     delegates! { self: each[&self](prediction: &Var, target: &Tensor) -> Result<Each>; }
/// }
/// impl Metric for Named {
///     delegates! { self.metric: reset[&mut self](); }
/// }
/// ```
macro_rules! delegates {
    ($this:tt: $($methods:tt)+) => { $crate::config::delegates! { @to (**$this): $($methods)+ } };
    ($this:tt.$field:ident: $($methods:tt)+) => { $crate::config::delegates! { @to ($this.$field): $($methods)+ } };
    (@to $inner:tt: $($method:ident [$($receiver:tt)+] ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)+) => { $(
        fn $method($($receiver)+ $(, $argument: $type)*) $(-> $result)? {
            $inner.$method($($argument),*)
        }
    )+ };
}
pub(crate) use delegates;
