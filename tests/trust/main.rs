//! Whether a model can be trusted: explanations, fairness and calibration, against the packages that define their figures.

mod calibration;
mod explain;
mod fairness;
