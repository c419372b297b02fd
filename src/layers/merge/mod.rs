//! Layers that make one variable of several.
//!
//! What they give has a mask where all inputs have one: the steps that are real in any of them, as in Keras.

mod dot;

pub use dot::Dot;

use std::rc::Rc;

use ndarray::{Axis, Zip};

use super::Layer;
use crate::autograd::{OnnxAttribute, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

macro_rules! merge {
    ($(#[$doc:meta])* $name:ident, $keras:literal, $formula:literal, $values:literal, $merge:expr) => {
        described! {
            #[doc = concat!($formula, " of the inputs, number by number, with broadcasting.")]
            /// It has a mask if all inputs have one: the steps that are real in any of them.
            $(#[$doc])*
            ///
            /// # Shapes
            /// inputs that broadcast to one shape, which is that of the output
            /// # Errors
            /// no inputs; shapes that do not broadcast
            /// # Example
            /// ```
            /// use gradus::{layers::*, prelude::*};
            /// let tape = Tape::inference();
            /// let x = vec![tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0, 3.0]]))];
            #[doc = concat!("let y = ", stringify!($name), ".forward(&x)?;")]
            #[doc = concat!("assert_eq!(y.value().as_slice().unwrap(), ", $values, ");")]
            /// # Ok::<(), gradus::Error>(())
            /// ```
            /// # Reference
            #[doc = concat!("Keras `", $keras, "`")]
            pub struct $name;
        }

        impl Layer<Vec<Var>> for $name {
            fn forward(&self, x: &Vec<Var>) -> Result<Var> {
                $merge(x)
            }

            config!();
        }
    };
}

merge!(Add, "Add", "The sum", "[5.0, 5.0]", |x: &Vec<Var>| Ok(with_merged_mask(fold(x, |a, b| Ok(a + b))?, x)));
merge!(
    /// Steps that are not real count as 1, and where no input has a real one the product is 0.
    Multiply, "Multiply", "The product", "[4.0, 6.0]", product
);
merge!(
    /// Steps that are not real do not count.
    Maximum, "Maximum", "The greatest", "[4.0, 3.0]", |x| extreme(x, Var::maximum)
);
merge!(
    /// Steps that are not real do not count.
    Minimum, "Minimum", "The least", "[1.0, 2.0]", |x| extreme(x, Var::minimum)
);

fn product(x: &Vec<Var>) -> Result<Var> {
    let mut factors = Vec::with_capacity(x.len());
    for x in x {
        factors.push(match real_steps(x) {
            Some(real) => real.select(x, &x.tape().constant(1.0))?,
            None => x.clone(),
        });
    }
    let y = with_merged_mask(fold(&factors, |a, b| Ok(a * b))?, x);
    match real_steps(&y) {
        Some(real) => Ok(real.select(&y, &y.tape().constant(0.0))?.with_mask_of(&y)),
        None => Ok(y),
    }
}

fn extreme(x: &[Var], of_two: impl Fn(&Var, &Var) -> Result<Var>) -> Result<Var> {
    fold(x, |all, next| {
        let b = match real_steps(next) {
            Some(real) => real.select(next, all)?,
            None => next.clone(),
        };
        let a = match real_steps(all) {
            Some(real) => real.select(all, &b)?,
            None => all.clone(),
        };
        Ok(with_merged_mask(of_two(&a, &b)?, [all, next]))
    })
}

/// The mask with an axis of length 1 for each further one, to take part in operations.
fn real_steps(x: &Var) -> Option<Var> {
    let mask = x.mask.as_deref()?;
    let mut shape = vec![1; x.value.lengths().len()];
    shape[..2].copy_from_slice(mask.shape());
    Some(x.tape().examples(crate::tensor::reshaped(mask, &shape)))
}

described! {
    /// The mean of the inputs, number by number, with broadcasting. It has a mask if all inputs have one: the steps that are real in any of
    /// them.
    ///
    /// # Shapes
    /// inputs that broadcast to one shape, which is that of the output
    /// # Errors
    /// no inputs; shapes that do not broadcast
    /// # Example
    /// ```
    /// use gradus::layers::Average;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = vec![tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0, 3.0]]))];
    /// assert_eq!(Average.forward(&x)?.value().as_slice().unwrap(), [2.5, 2.5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Average`
    pub struct Average;
}

impl Layer<Vec<Var>> for Average {
    config!();

    fn forward(&self, x: &Vec<Var>) -> Result<Var> {
        let mean = fold(x, |a, b| Ok(a + b))? * (1.0 / x.len() as crate::tensor::Float);
        Ok(with_merged_mask(mean, x))
    }
}

described! {
    /// The first input less the second, with broadcasting. It has a mask if both have one: the steps that are real in any of them.
    ///
    /// # Shapes
    /// two inputs that broadcast to one shape, which is that of the output
    /// # Errors
    /// shapes that do not broadcast
    /// # Example
    /// ```
    /// use gradus::layers::Subtract;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = (tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0, 3.0]])));
    /// assert_eq!(Subtract.forward(&x)?.value().as_slice().unwrap(), [3.0, -1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Subtract`
    pub struct Subtract;
}

impl Layer<(Var, Var)> for Subtract {
    config!();

    fn forward(&self, (a, b): &(Var, Var)) -> Result<Var> {
        check_broadcast(a, b)?;
        Ok(with_merged_mask(a - b, [a, b]))
    }
}

described! {
    /// The inputs one after the other along an axis.
    ///
    /// Along the time axis, 1, masks follow each other too, and every step of an input without one is real. Along a later axis there is a
    /// mask if all inputs have one: the steps that are real in any of them.
    ///
    /// # Shapes
    /// inputs that differ along the axis only
    /// # Defaults
    /// the last axis
    /// # Errors
    /// no inputs; shapes that differ elsewhere; an axis out of range
    /// # Example
    /// ```
    /// use gradus::layers::Concatenate;
    /// use gradus::prelude::*;
    /// let tape = Tape::inference();
    /// let x = vec![tape.input(ndarray::arr2(&[[4.0, 2.0]])), tape.input(ndarray::arr2(&[[1.0]]))];
    /// assert_eq!(Concatenate::default().forward(&x)?.value().as_slice().unwrap(), [4.0, 2.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Keras `Concatenate`
    #[derive(Clone, Copy)]
    pub struct Concatenate(
        /// The axis, counting the batch; negative ones count from the end.
        axis: [isize] = -1,
    ) {}
}

impl Layer<Vec<Var>> for Concatenate {
    config!();

    fn forward(&self, x: &Vec<Var>) -> Result<Var> {
        let y = Var::concat(&x.iter().collect::<Vec<_>>(), self.axis)?;
        let is_time = [1, 1 - y.value.shape().len() as isize].contains(&self.axis);
        Ok(if is_time { with_joined_masks(y, x) } else { with_merged_mask(y, x) })
    }
}

/// With the steps that are real in any input, if all inputs have a mask.
pub(super) fn with_merged_mask<'a>(y: Var, x: impl IntoIterator<Item = &'a Var>) -> Var {
    let mut masks = x.into_iter().map(|x| x.mask.as_ref());
    let Some(Some(first)) = masks.next() else {
        return y.without_mask();
    };
    let mut all = first.clone();
    for mask in masks {
        match mask {
            Some(mask) if Rc::ptr_eq(&all, mask) => {}
            Some(mask) if mask.shape() == all.shape() => {
                let any = Zip::from(&*all).and(&**mask).map_collect(|a, b| a.max(*b)).into_shared();
                y.tape().note_mask(&[&all, mask], &any, |form| form.node("Max", &["in0", "in1"], &[]));
                all = Rc::new(any);
            }
            _ => return y.without_mask(),
        }
    }
    if y.value.lengths().get(..2) == Some(all.shape()) { y.masked((*all).clone()) } else { y.without_mask() }
}

/// With the masks of the inputs one after the other.
fn with_joined_masks(y: Var, x: &[Var]) -> Var {
    if x.iter().all(|x| x.mask.is_none()) {
        return y;
    }
    let masks: Vec<Tensor> = x
        .iter()
        .map(|x| match &x.mask {
            Some(mask) => (**mask).clone(),
            None => Tensor::ones(&x.value.shape()[..2]),
        })
        .collect();
    let views: Vec<_> = masks.iter().map(|mask| mask.view()).collect();
    let mask = ndarray::concatenate(Axis(1), &views).expect("masks of one batch");
    let mask = mask.as_standard_layout().into_owned().into_shared();
    if x.iter().all(|x| x.mask.is_some()) {
        y.tape().note_mask(&masks.iter().collect::<Vec<_>>(), &mask, |form| {
            let inputs: Vec<String> = (0..form.len()).map(|i| form.input(i)).collect();
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            form.node("Concat", &inputs, &[("axis", OnnxAttribute::Int(1))])
        });
    }
    y.masked(mask)
}

fn fold(x: &[Var], merge: impl Fn(&Var, &Var) -> Result<Var>) -> Result<Var> {
    let [first, rest @ ..] = x else {
        return Err(Error::shape("expected at least one input to merge, got none"));
    };
    rest.iter().try_fold(first.clone(), |all, next| {
        check_broadcast(&all, next)?;
        merge(&all, next)
    })
}

pub(super) fn check_broadcast(a: &Var, b: &Var) -> Result<()> {
    if crate::ops::broadcasts(&a.value.lengths(), &b.value.lengths()) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "expected inputs whose shapes are equal, or 1 where they differ, got {:?} and {:?}",
        a.value.shape(),
        b.value.shape()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::Tape;
    use ndarray::{ArrayD, arr2};

    /// What `compute_mask` of Keras 3 gives.
    #[test]
    fn masks_are_merged_as_in_keras() {
        let tape = Tape::inference();
        let plain = tape.input(ArrayD::<crate::tensor::Float>::ones(vec![1, 3, 2]));
        let [long, late] = [[1, 1, 0], [0, 1, 0]].map(|mask| plain.clone().with_mask(arr2(&[mask])).unwrap());
        let mask = |y: Var| y.mask.map(|mask| mask.iter().map(|x| *x as u8).collect::<Vec<_>>());
        let (both, one) = (vec![long.clone(), late.clone()], vec![long.clone(), plain.clone()]);
        for layer in [&Add as &dyn Layer<Vec<Var>>, &Multiply, &Maximum, &Minimum, &Average, &Concatenate::default()] {
            assert_eq!(mask(layer.forward(&both).unwrap()), Some(vec![1, 1, 0]), "{layer:?}");
            assert_eq!(mask(layer.forward(&one).unwrap()), None, "{layer:?}");
        }
        assert_eq!(mask(Subtract.forward(&(late.clone(), long)).unwrap()), Some(vec![1, 1, 0]));
        assert_eq!(mask(Subtract.forward(&(plain.clone(), late.clone())).unwrap()), None);
        assert_eq!(
            mask(Concatenate::new(1).forward(&vec![late, plain.clone()]).unwrap()),
            Some(vec![0, 1, 0, 1, 1, 1])
        );
        assert_eq!(mask(Concatenate::new(1).forward(&vec![plain.clone(), plain]).unwrap()), None);
    }
}
