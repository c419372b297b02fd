//! Operators on each number alone, and on several of the same place.

use super::{ElementType, each, pair};
use crate::activations::{Activation, Relu6};
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::formats::NumberType;
use crate::onnx::node::{Node, Outputs, unsupported};
use crate::onnx::value::Value;
use crate::tensor::{Float, data, tensor};

pub fn not(node: &Node<'_>) -> Outputs {
    each(node, node.kind(), |x| x.equal(&node.scalar(0.0)))
}

pub fn is_nan(node: &Node<'_>) -> Outputs {
    each(node, ElementType::BOOL, |x| Ok(x.is_nan()))
}

pub fn is_infinite(node: &Node<'_>) -> Outputs {
    let zero = node.scalar(0.0);
    each(node, ElementType::BOOL, |x| {
        let above = x.greater(&zero)? * node.int("detect_positive", 1) as Float;
        let below = x.less(&zero)? * node.int("detect_negative", 1) as Float;
        Ok(x.is_infinite() * (above + below))
    })
}

pub fn div(node: &Node<'_>) -> Outputs {
    let is_float = node.kind().is_float();
    pair(node, node.kind(), |a, b| Ok(if is_float { a / b } else { (a / b).trunc() }))
}

pub fn modulo(node: &Node<'_>) -> Outputs {
    pair(node, node.kind(), if node.flag("fmod", false) { Var::fmod } else { Var::remainder })
}

/// `Max`, `Min`, `Sum` and `Mean` of any number of values.
pub fn variadic(node: &Node<'_>) -> Outputs {
    let values: Vec<&Value> = node.inputs.iter().flatten().collect();
    let (vars, order) = node.aligned(&values)?;
    let Some((first, rest)) = vars.split_first() else { return Err(Error::value("expected inputs, got none")) };
    let mut joined = first.clone();
    for next in rest {
        joined = match node.op() {
            "Max" => joined.maximum(next)?,
            "Min" => joined.minimum(next)?,
            _ => joined + next,
        };
    }
    let y = if node.op() == "Mean" { joined / vars.len() as Float } else { joined };
    Ok(vec![Value::ordered(y, order, node.kind())])
}

pub fn choose(node: &Node<'_>) -> Outputs {
    let (vars, order) = node.aligned(&[node.value(0)?, node.value(1)?, node.value(2)?])?;
    Ok(vec![Value::ordered(vars[0].select(&vars[1], &vars[2])?, order, node.value(1)?.kind)])
}

pub fn clip(node: &Node<'_>) -> Outputs {
    let (min, max) = (node.number("min", 1, Float::NEG_INFINITY)?, node.number("max", 2, Float::INFINITY)?);
    each(node, node.kind(), |x| {
        Ok(match (min, max) {
            // As frameworks write it, which makes it a part of the convolution before it.
            (0.0, 6.0) => Relu6.apply(x),
            _ if min <= max => x.clip(min, max),
            _ => x * 0.0 + max,
        })
    })
}

pub fn bitwise(node: &Node<'_>) -> Outputs {
    let kind = node.kind();
    let operation: fn(&Var, &Var) -> Result<Var> = match (node.op(), &*node.string("direction", "")) {
        ("BitwiseNot", _) => {
            return each(node, kind, |x| {
                let y = x.bitwise_not()?;
                Ok(match kind.integer() {
                    Some((bits, false)) => y + (bits as Float).exp2(),
                    _ => y,
                })
            });
        }
        ("BitwiseAnd", _) => Var::bitwise_and,
        ("BitwiseOr", _) => Var::bitwise_or,
        ("BitwiseXor", _) => Var::bitwise_xor,
        (_, "LEFT") => Var::left_shift,
        _ => Var::right_shift,
    };
    pair(node, kind, operation)
}

pub fn cast(node: &Node<'_>) -> Outputs {
    let to = match node.op() {
        "CastLike" => node.value(1)?.kind,
        _ => ElementType::checked(i32::try_from(node.int("to", 1)).unwrap_or(0))?,
    };
    let (from, saturates) = (node.kind(), node.flag("saturate", true));
    each(node, to, |x| {
        if to.rounds_to().is_some() || to.0 == 23 || to.integer().is_some_and(|(bits, _)| bits <= 8) {
            if from == to {
                return Ok(x.clone());
            }
            let y: Result<Vec<Float>> = data(&x.value).iter().map(|x| number_of(to, *x, saturates)).collect();
            x.mark_inspected();
            return Ok(x.tape().constant(tensor(x.value.shape(), y?)));
        }
        match (to == ElementType::BOOL, to.is_float()) {
            (true, _) => x.not_equal(&node.scalar(0.0)),
            (_, true) => Ok(x.clone()),
            _ => Ok(x.trunc()),
        }
    })
}

/// The number of a type that a number becomes.
pub fn number_of(to: ElementType, x: Float, saturates: bool) -> Result<Float> {
    if let Some((bits, signed)) = to.integer() {
        // Beyond its range an integer begins again at the other end.
        let (count, whole) = (1_i64 << bits, x.trunc() as i64);
        let low = whole.rem_euclid(count);
        return Ok(if signed && low >= count / 2 { low - count } else { low } as Float);
    }
    if to.0 == 23 {
        return Ok(float4(x));
    }
    let number = to.rounds_to().ok_or_else(|| unsupported(format_args!("rounding to ONNX's type {}", to.0)))?;
    rounded(&number, x, saturates)
}

/// The nearest of the numbers with a sign, 2 bits of exponent and one of fraction; ties go to the even one.
fn float4(x: Float) -> Float {
    const STEPS: [(Float, Float); 7] =
        [(0.25, 0.0), (0.75, 0.5), (1.25, 1.0), (1.75, 1.5), (2.5, 2.0), (3.5, 3.0), (5.0, 4.0)];
    if x.is_nan() {
        return -0.0;
    }
    let size = x.abs();
    let place = STEPS.iter().enumerate().find(|(i, (end, _))| size < *end || size == *end && i % 2 == 0);
    place.map_or(6.0, |(_, (_, number))| *number).copysign(x)
}

/// The crate refuses what is beyond the range of a type; the operator has the greatest number there, or none.
fn rounded(number: &NumberType, x: Float, saturates: bool) -> Result<Float> {
    let (greatest, beyond) = match number {
        NumberType::F16 | NumberType::BF16 => (Float::MAX, Float::INFINITY),
        NumberType::F8E4M3 => (448.0, Float::NAN),
        NumberType::F8E4M3FNUZ => (240.0, Float::NAN),
        NumberType::F8E5M2 => (57344.0, Float::INFINITY),
        NumberType::F8E5M2FNUZ => (57344.0, Float::NAN),
        _ => return Err(unsupported("rounding to a type of powers of two, which the crate reads and keeps")),
    };
    let x = if saturates && number.size() == Some(1) { x.clamp(-greatest, greatest) } else { x };
    let read = |bytes: Vec<u8>| number.decode(&bytes).ok()?.first().copied();
    Ok(number.encode(&[x]).ok().and_then(read).unwrap_or(beyond.copysign(x)))
}
