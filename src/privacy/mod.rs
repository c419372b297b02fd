//! Training that tells little about any single example: differential privacy.
//!
//! [`DpSgd`] bounds what each example can do to a step and adds noise; [`Accountant`] says what that is worth: with an epsilon of 1, nobody
//! who sees the model can tell whether an example was among the training data with odds better than e to 1, but for a chance of delta.
//!
//! ```
//! use gradus::prelude::*;
//! use gradus::privacy::{Accountant, DpSgd};
//!
//! let x = ndarray::Array2::from_shape_fn((400, 2), |(i, j)| ((i * (7 + j)) % 20) as f32 / 10.0 - 1.0);
//! let y = x.map_axis(ndarray::Axis(1), |row| u8::from(row[0] > row[1]));
//! let private = DpSgd::new(1.0, 0.8, 40).seed(3);
//! let model = Sequential::new().add(Dense::new(8).activation(Tanh)).add(Dense::new(1));
//! let mut model = model.compile(Stepper::new(Adam::new(0.05)).hook(private), BinaryCrossEntropy::from_logits());
//! model.fit(&(&x, &y), Fit::epochs(10).batch_size(40).poisson().progress(false))?;
//!
//! let spent = Accountant::new().steps(0.8, 40.0 / 400.0, 100)?.epsilon(1e-5)?;
//! assert!((spent - 12.41).abs() < 0.01);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! The proof of [`Accountant`] is for batches in which each example is with the same probability, apart from all others: those of
//! [`Fit::poisson`](crate::Fit::poisson). `fit` divides shuffled examples otherwise, for which the same epsilon is commonly stated; say so
//! with it. [`PrivacyBudget`](crate::callbacks::PrivacyBudget) ends a run before it spends more than an epsilon.
//!
//! # Reference
//! Abadi et al. 2016; Mironov, Talwar & Zhang 2019; Opacus; TensorFlow Privacy

mod accountant;
mod dp_sgd;
mod loss;

pub use accountant::{Accountant, Conversion, noise_multiplier};
pub use dp_sgd::DpSgd;
