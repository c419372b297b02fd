//! Whether a model can be trusted: fairness and calibration, against the packages that define their figures.

mod calibration;
mod fairness;
