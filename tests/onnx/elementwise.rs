//! Operators on each number alone, and on several of the same place.

use gradus::prelude::*;
use gradus::saving::{NumberType, Weights};
use ndarray::ArrayD;

use super::node::{Failure, Node, Outputs};
use super::value::Kind;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    if let Some(f) = unary(node.op()) {
        return node.one(f(node.var(0)?));
    }
    if let Some(f) = binary(node.op()) {
        return node.one(f(node.var(0)?, node.var(1)?)?);
    }
    if let Some(f) = comparison(node.op()) {
        return node.typed(f(node.var(0)?, node.var(1)?)?, Kind::BOOL);
    }
    let zero = node.scalar(0.0);
    match node.op() {
        "Not" => node.one(node.var(0)?.equal(&zero)?),
        "IsNaN" => node.typed(node.var(0)?.is_nan(), Kind::BOOL),
        "IsInf" => {
            let x = node.var(0)?;
            let above = x.greater(&zero)? * node.int("detect_positive", 1) as Float;
            let below = x.less(&zero)? * node.int("detect_negative", 1) as Float;
            node.typed(x.is_infinite() * (above + below), Kind::BOOL)
        }
        "Div" if node.kind().is_float() => node.one(node.var(0)? / node.var(1)?),
        "Div" => node.one((node.var(0)? / node.var(1)?).trunc()),
        "Mod" if node.flag("fmod", false) => node.one(node.var(0)?.fmod(node.var(1)?)?),
        "Mod" => node.one(node.var(0)?.remainder(node.var(1)?)?),
        "Max" | "Min" | "Sum" | "Mean" => {
            let mut all = node.inputs.iter().flatten().map(|value| &value.var);
            let first = all.next().ok_or_else(|| Failure::Wrong("no inputs".into()))?.clone();
            let joined = all.try_fold(first, |joined, next| match node.op() {
                "Max" => joined.maximum(next),
                "Min" => joined.minimum(next),
                _ => Ok(joined + next),
            })?;
            node.one(if node.op() == "Mean" { joined / node.inputs.len() as Float } else { joined })
        }
        "Where" => {
            let y = node.var(0)?.select(node.var(1)?, node.var(2)?)?;
            node.typed(y, node.value(1)?.kind)
        }
        "Clip" => {
            let bound = |i: usize, none: Float| node.get(i).map_or(none, |bound| bound.var.item());
            let (min, max) = (bound(1, Float::NEG_INFINITY), bound(2, Float::INFINITY));
            node.one(node.var(0)?.clip(min, max))
        }
        "Cast" => cast(node, Kind::checked(node.int("to", 1) as i32)?),
        "CastLike" => cast(node, node.value(1)?.kind),
        "BitShift" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "BitwiseNot" => bitwise(node),
        _ => Err(Failure::Unknown),
    }
}

fn bitwise(node: &Node<'_>) -> Outputs {
    let x = node.var(0)?;
    let y = match (node.op(), &*node.string("direction", "")) {
        ("BitwiseNot", _) => {
            let y = x.bitwise_not()?;
            match node.kind().unsigned_bits() {
                Some(bits) => y + (bits as Float).exp2(),
                None => y,
            }
        }
        ("BitwiseAnd", _) => x.bitwise_and(node.var(1)?)?,
        ("BitwiseOr", _) => x.bitwise_or(node.var(1)?)?,
        ("BitwiseXor", _) => x.bitwise_xor(node.var(1)?)?,
        (_, "LEFT") => x.left_shift(node.var(1)?)?,
        _ => x.right_shift(node.var(1)?)?,
    };
    node.one(y)
}

fn cast(node: &Node<'_>, to: Kind) -> Outputs {
    let x = node.var(0)?;
    if let Some(number) = to.rounds_to() {
        let saturates = to.float8().is_some() && node.int("saturate", 1) == 1;
        let y = x.value().iter().map(|x| rounded(&number, *x, saturates)).collect::<Result<Vec<_>, _>>()?;
        let y = ArrayD::from_shape_vec(x.shape(), y).expect("as many numbers");
        return node.typed(x.tape().constant(y), to);
    }
    let y = match (to == Kind::BOOL, to.is_float()) {
        (true, _) => x.not_equal(&node.scalar(0.0))?,
        (_, true) => x.clone(),
        _ => x.trunc(),
    };
    node.typed(y, to)
}

/// The crate refuses what is beyond the range of a type; the operator has the greatest number there, or none.
fn rounded(number: &NumberType, x: Float, saturates: bool) -> Result<Float, Failure> {
    let (greatest, beyond) = match number {
        NumberType::F16 | NumberType::BF16 => (Float::MAX, Float::INFINITY),
        NumberType::F8E4M3 => (448.0, Float::NAN),
        NumberType::F8E4M3FNUZ => (240.0, Float::NAN),
        NumberType::F8E5M2 => (57344.0, Float::INFINITY),
        NumberType::F8E5M2FNUZ => (57344.0, Float::NAN),
        _ => return Err(Failure::skip("rounding to a type of powers of two, which the crate reads and keeps")),
    };
    let mut weights = Weights::new();
    weights.insert("x", ArrayD::from_elem(vec![1], if saturates { x.clamp(-greatest, greatest) } else { x }));
    match weights.convert(number) {
        Ok(()) => Ok(weights.get("x")?[[0]]),
        Err(_) => Ok(beyond.copysign(x)),
    }
}

fn unary(op: &str) -> Option<fn(&Var) -> Var> {
    Some(match op {
        "Identity" => Var::clone,
        "Abs" => Var::abs,
        "Neg" => |x| -x,
        "Exp" => Var::exp,
        "Log" => Var::ln,
        "Sqrt" => Var::sqrt,
        "Reciprocal" => Var::recip,
        "Sign" => Var::sign,
        "Floor" => Var::floor,
        "Ceil" => Var::ceil,
        "Round" => Var::round,
        "Erf" => Var::erf,
        "Sin" => Var::sin,
        "Cos" => Var::cos,
        "Tan" => Var::tan,
        "Asin" => Var::asin,
        "Acos" => Var::acos,
        "Atan" => Var::atan,
        "Sinh" => Var::sinh,
        "Cosh" => Var::cosh,
        "Asinh" => Var::asinh,
        "Acosh" => Var::acosh,
        "Atanh" => Var::atanh,
        _ => return None,
    })
}

fn binary(op: &str) -> Option<fn(&Var, &Var) -> Result<Var>> {
    Some(match op {
        "Add" => |a, b| Ok(a + b),
        "Sub" => |a, b| Ok(a - b),
        "Mul" => |a, b| Ok(a * b),
        "And" => |a, b| Ok(a * b),
        "Or" => Var::maximum,
        "Xor" => Var::not_equal,
        "Pow" => Var::pow,
        "MatMul" => Var::matmul,
        _ => return None,
    })
}

fn comparison(op: &str) -> Option<fn(&Var, &Var) -> Result<Var>> {
    Some(match op {
        "Equal" => Var::equal,
        "Less" => Var::less,
        "LessOrEqual" => Var::less_equal,
        "Greater" => Var::greater,
        "GreaterOrEqual" => Var::greater_equal,
        _ => return None,
    })
}
