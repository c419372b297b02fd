//! A row for each layer of normalisation and noise, and for each activation that overflows far out.

use gradus::prelude::*;

use super::{Function, Row, function, numbers};

pub(crate) fn functions() -> Vec<Function> {
    vec![function("Exponential", &[numbers(&[3, 4])], |x| Ok(Exponential.apply(&x[0])))]
}

pub(crate) fn table() -> Vec<Row> {
    vec![]
}
