//! What a layer takes.

use crate::autograd::Var;

/// What a layer takes: one variable, or several as a tuple.
pub trait Input: 'static {
    /// How many variables.
    const COUNT: usize;

    /// The next [`Input::COUNT`] of `vars`; `None` if they run out.
    fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self>
    where
        Self: Sized;
}

impl Input for Var {
    const COUNT: usize = 1;

    fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self> {
        vars.next()
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: Input),+> Input for ($($name,)+) {
            const COUNT: usize = 0 $(+ $name::COUNT)+;

            fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self> {
                Some(($($name::take(vars)?,)+))
            }
        }
    };
}
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
