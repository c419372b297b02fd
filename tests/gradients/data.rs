//! Rows for what is fitted on data.

use gradus::prelude::*;

use super::{Row, layer, numbers};

pub(crate) fn table() -> Vec<Row> {
    let adapted = || {
        let layer = Normalization::new();
        let data = (numbers(&[5, 4]) * 3.0 + 1.0, ndarray::Array1::<u8>::zeros(5));
        layer.adapt(&data).expect("sound data");
        layer
    };
    vec![
        layer("Normalization", &[3, 4], Some(&[3, 5]), adapted),
        layer("Normalization of images", &[2, 3, 3, 4], Some(&[2, 3, 4, 3]), adapted),
    ]
}
