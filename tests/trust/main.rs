//! Whether a model can be trusted: explanations, fairness, calibration and privacy, against the packages that define their figures.

mod calibration;
mod deep_lift;
mod explain;
mod fairness;
mod opacus;
mod privacy;
