//! What a layer takes and gives.

use super::Var;
use crate::error::{Error, Result};
use crate::sealed::Sealed;
use crate::tensor::Tensor;

/// What a layer takes or gives: one variable, several as a tuple, or a list of any length.
pub trait Vars: Sealed + 'static {
    /// The numbers of these variables, in the same arrangement: what [`Trainer::predict`](crate::Trainer::predict)
    /// returns.
    type Values;

    /// How many variables; `None` for a list, which takes as many as there are.
    const COUNT: Option<usize>;

    /// The next [`Vars::COUNT`] of `vars`; `None` if they run out.
    fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self>
    where
        Self: Sized;

    /// Appends the variables to `list`.
    fn list(&self, list: &mut Vec<Var>);

    /// The next [`Vars::COUNT`] of `values`; `None` if they run out.
    fn values(values: &mut impl Iterator<Item = Tensor>) -> Option<Self::Values>;

    /// All of these variables.
    ///
    /// # Errors
    /// more or fewer than there should be; `who` begins the message
    fn from_list(who: &str, vars: Vec<Var>) -> Result<Self>
    where
        Self: Sized,
    {
        let given = vars.len();
        let taken = Self::take(&mut vars.into_iter()).filter(|_| Self::COUNT.is_none_or(|count| count == given));
        taken.ok_or_else(|| {
            let count = Self::COUNT.unwrap_or(given);
            Error::shape(format!("{who} takes {count} inputs, but got {given}"))
        })
    }

    /// The variables in order.
    fn to_list(&self) -> Vec<Var> {
        let mut list = Vec::new();
        self.list(&mut list);
        list
    }
}

impl Sealed for Var {}

impl Vars for Var {
    type Values = Tensor;
    const COUNT: Option<usize> = Some(1);

    fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self> {
        vars.next()
    }

    fn list(&self, list: &mut Vec<Var>) {
        list.push(self.clone());
    }

    fn values(values: &mut impl Iterator<Item = Tensor>) -> Option<Tensor> {
        values.next()
    }
}

impl Vars for Vec<Var> {
    type Values = Vec<Tensor>;
    const COUNT: Option<usize> = None;

    fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self> {
        Some(vars.collect())
    }

    fn list(&self, list: &mut Vec<Var>) {
        list.extend_from_slice(self);
    }

    fn values(values: &mut impl Iterator<Item = Tensor>) -> Option<Vec<Tensor>> {
        Some(values.collect())
    }
}

/// The sum of counts; `None` if one is open.
const fn sum(counts: &[Option<usize>]) -> Option<usize> {
    let (mut sum, mut i) = (0, 0);
    while i < counts.len() {
        match counts[i] {
            Some(count) => sum += count,
            None => return None,
        }
        i += 1;
    }
    Some(sum)
}

macro_rules! tuple {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Vars),+> Vars for ($($name,)+) {
            type Values = ($($name::Values,)+);
            const COUNT: Option<usize> = sum(&[$($name::COUNT),+]);

            fn take(vars: &mut impl Iterator<Item = Var>) -> Option<Self> {
                Some(($($name::take(vars)?,)+))
            }

            fn list(&self, list: &mut Vec<Var>) {
                $(self.$index.list(list);)+
            }

            fn values(values: &mut impl Iterator<Item = Tensor>) -> Option<Self::Values> {
                Some(($($name::values(values)?,)+))
            }
        }
    };
}
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);
