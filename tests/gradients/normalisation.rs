//! A row for each layer of normalisation and noise, and for activations that no other table has: they overflow far out,
//! or change the shape.

use gradus::prelude::*;

use super::{Function, Row, function, layer, numbers};

pub(crate) fn functions() -> Vec<Function> {
    let cube = [numbers(&[3, 4, 2])];
    vec![
        function("Exponential", &[numbers(&[3, 4])], |x| Ok(Exponential.apply(&x[0]))),
        function("sparsemax along axis 1", &cube, |x| x[0].sparsemax(1)),
        function("softmax along axis 1 of 3", &cube, |x| x[0].softmax(1)),
        function("log_softmax along axis 1 of 3", &cube, |x| x[0].log_softmax(-2)),
    ]
}

pub(crate) fn table() -> Vec<Row> {
    let cube = &[3, 4, 2];
    vec![
        layer("Exponential in Dense", &[3, 4], Some(&[3, 5]), || Dense::new(3).activation(Exponential)),
        layer("AlongAxis softmax", cube, Some(&[3]), || Softmax::over(1)),
        layer("AlongAxis log-softmax", cube, Some(&[3]), || LogSoftmax::over(-2)),
        layer("AlongAxis sparsemax", cube, Some(&[3]), || Sparsemax::over(1)),
        layer("Glu", cube, Some(&[3, 4, 3]), Glu::default),
        layer("Glu over axis 1", cube, Some(&[3, 3, 2]), || Glu::over(1)),
    ]
}
