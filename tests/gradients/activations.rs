//! A row for each activation and its options: alone, as a layer, and in a `Dense`.

use gradus::activations::*;
use gradus::prelude::*;

use super::{Function, Row, function, layer, numbers};

/// Calls a macro for each activation, as an expression that makes it.
macro_rules! each_activation {
    ($rows:ident, $add:ident) => {
        $add!($rows, "Linear", Linear);
        $add!($rows, "Relu", Relu);
        $add!($rows, "LeakyRelu", LeakyRelu::default());
        $add!($rows, "LeakyRelu slope 0", LeakyRelu::new(0.0));
        $add!($rows, "LeakyRelu slope -0.5", LeakyRelu::new(-0.5));
        $add!($rows, "Elu", Elu::default());
        $add!($rows, "Elu alpha 0.5", Elu::new(0.5));
        $add!($rows, "Elu alpha -0.5", Elu::new(-0.5));
        $add!($rows, "Sigmoid", Sigmoid);
        $add!($rows, "Tanh", Tanh);
        $add!($rows, "Gelu", Gelu);
        $add!($rows, "GeluTanh", Gelu::tanh());
        $add!($rows, "Silu", Silu);
        $add!($rows, "Softplus", Softplus);
        $add!($rows, "Softmax", Softmax);
        $add!($rows, "LogSoftmax", LogSoftmax);
        $add!($rows, "HardSigmoid", HardSigmoid);
        $add!($rows, "HardSilu", HardSilu);
        $add!($rows, "HardTanh", HardTanh);
        $add!($rows, "SoftShrink", SoftShrink::default());
        $add!($rows, "SoftShrink threshold 0.2", SoftShrink::new(0.2));
        $add!($rows, "HardShrink", HardShrink::default());
        $add!($rows, "HardShrink threshold 0.2", HardShrink::new(0.2));
        $add!($rows, "TanhShrink", TanhShrink);
        $add!($rows, "Selu", Selu);
        $add!($rows, "Celu", Celu::default());
        $add!($rows, "Celu alpha 2", Celu::new(2.0));
        $add!($rows, "Mish", Mish);
        $add!($rows, "LogSigmoid", LogSigmoid);
        $add!($rows, "Softsign", Softsign);
        $add!($rows, "Squareplus", Squareplus::default());
        $add!($rows, "Squareplus b 0.5", Squareplus::new(0.5));
        $add!($rows, "Relu6", Relu6);
        $add!($rows, "ReluWith all", Relu::threshold(0.2).negative_slope(0.3).max_value(1.2));
        $add!($rows, "ReluWith a negative slope", Relu::negative_slope(-0.3));
        $add!($rows, "Threshold", Threshold::new(0.2, -3.0));
        $add!($rows, "Threshold value above", Threshold::new(0.2, 3.0));
        $add!($rows, "Sparsemax", Sparsemax);
        $add!($rows, "Lambda", |x: &Var| x.square());
    };
}

pub(crate) fn functions() -> Vec<Function> {
    let mut rows = Vec::new();
    macro_rules! add {
        ($rows:ident, $name:expr, $activation:expr) => {
            $rows.push(function(format!("{} alone", $name), &[numbers(&[3, 4])], |x| Ok($activation.apply(&x[0]))));
            let far = numbers(&[2, 3]).mapv(|x| 6.0 * x).into_shared();
            $rows.push(function(format!("{} far out", $name), &[far], |x| Ok($activation.apply(&x[0]))));
        };
    }
    each_activation!(rows, add);
    rows
}

pub(crate) fn layers() -> Vec<Row> {
    let mut rows = Vec::new();
    macro_rules! add {
        ($rows:ident, $name:expr, $activation:expr) => {
            $rows.push(layer(format!("{} as a layer", $name), &[3, 2, 4], None, || $activation));
            $rows.push(layer(format!("Dense activation {}", $name), &[3, 4], Some(&[3, 5]), || {
                Dense::new(3).activation($activation)
            }));
            $rows.push(layer(format!("Conv2d activation {}", $name), &[2, 3, 4, 2], Some(&[2, 3, 4, 3]), || {
                Conv2d::new(3, 2).activation($activation)
            }));
        };
    }
    each_activation!(rows, add);
    rows
}

/// A fused activation gives the bits of the one on its own, and stable formulas hold far out.
#[test]
fn values_far_out_are_finite_and_fused_ones_alike() {
    let mut rows: Vec<(String, Box<dyn Activation>)> = Vec::new();
    macro_rules! add {
        ($rows:ident, $name:expr, $activation:expr) => {
            $rows.push(($name.to_string(), Box::new($activation)));
        };
    }
    each_activation!(rows, add);
    let numbers = [-1000.0, -80.0, -20.0, -1.5, -0.1, -0.0, 0.0, 0.1, 1.5, 20.0, 80.0, 1000.0];
    for (name, activation) in rows {
        let tape = Tape::training();
        let x = tape.variable(ndarray::arr2(&[numbers]));
        let y = activation.apply(&x);
        let gradients = y.sum().backward().unwrap();
        let dx = gradients.of(&x).unwrap();
        assert!(y.value().iter().chain(dx.iter()).all(|x| x.is_finite()), "{name}: {y:?} {dx}");
        if let Some(pointwise) = activation.pointwise() {
            let mut fused: Vec<Float> = numbers.to_vec();
            pointwise.forward(&mut fused);
            assert_eq!(y.value().as_slice().unwrap(), fused, "{name}");
            let mut slopes = vec![1.0; numbers.len()];
            pointwise.backward(&fused, &mut slopes);
            // Near their ends, the values of these say less of the slope than what went in does.
            let [own, from_values] = [dx.as_slice().unwrap(), &slopes];
            if ["Elu", "Selu", "Celu", "Softsign"].iter().any(|known| name.starts_with(known)) {
                let off = own.iter().zip(from_values).map(|(own, found)| (own - found).abs()).fold(0.0, Float::max);
                assert!(off < 1e-6, "{name}: {slopes:?}");
            } else {
                assert_eq!(own, from_values, "{name}");
            }
            if pointwise.is_monotone() {
                assert!(fused.is_sorted() && slopes.iter().all(|slope| *slope >= 0.0), "{name}: {fused:?}");
            }
        }
    }
}
