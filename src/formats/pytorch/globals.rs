//! What the functions and classes mean that PyTorch's pickles name. Any other makes an object of which nothing is known.

use crate::formats::NumberType;

/// What a function makes of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A dictionary: of its first argument, if that is a dictionary or a list of pairs.
    Dictionary,
    /// A tensor of a storage, an offset, a shape and strides; more may follow.
    Tensor,
    /// The same of a storage of bytes, with the type of the numbers after two more arguments.
    TypedTensor,
    /// What its first argument is.
    First,
    /// What the function in its first argument makes of those in its third.
    Subclass,
    /// A tensor that is not read; what to save in its place.
    Foreign(&'static str),
}

const FUNCTIONS: [(&str, &str, Meaning); 17] = [
    ("collections", "OrderedDict", Meaning::Dictionary),
    ("collections", "defaultdict", Meaning::Dictionary),
    ("collections", "Counter", Meaning::Dictionary),
    ("torch._utils", "_rebuild_tensor", Meaning::Tensor),
    ("torch._utils", "_rebuild_tensor_v2", Meaning::Tensor),
    ("torch._utils", "_rebuild_tensor_v3", Meaning::TypedTensor),
    ("torch._utils", "_rebuild_parameter", Meaning::First),
    ("torch._utils", "_rebuild_parameter_with_state", Meaning::First),
    ("torch._tensor", "_rebuild_from_type_v2", Meaning::Subclass),
    ("torch", "Size", Meaning::First),
    ("torch.jit._pickle", "build_tensorlist", Meaning::First),
    ("torch.jit._pickle", "restore_type_tag", Meaning::First),
    ("torch._utils", "_rebuild_sparse_tensor", Meaning::Foreign("`tensor.to_dense()`")),
    ("torch._utils", "_rebuild_sparse_csr_tensor", Meaning::Foreign("`tensor.to_dense()`")),
    ("torch._utils", "_rebuild_qtensor", Meaning::Foreign("`tensor.dequantize()`")),
    ("numpy.core.multiarray", "_reconstruct", Meaning::Foreign("`torch.from_numpy(array)`")),
    ("numpy._core.multiarray", "_reconstruct", Meaning::Foreign("`torch.from_numpy(array)`")),
];

/// Classes of storages in the modules `torch` and `torch.storage`, by the type of their numbers and its bytes.
const STORAGES: [(&str, NumberType, usize); 18] = [
    ("FloatStorage", NumberType::F32, 4),
    ("LongStorage", NumberType::I64, 8),
    ("DoubleStorage", NumberType::F64, 8),
    ("HalfStorage", NumberType::F16, 2),
    ("BFloat16Storage", NumberType::BF16, 2),
    ("IntStorage", NumberType::I32, 4),
    ("ShortStorage", NumberType::I16, 2),
    ("CharStorage", NumberType::I8, 1),
    ("ByteStorage", NumberType::U8, 1),
    ("BoolStorage", NumberType::Bool, 1),
    ("UntypedStorage", NumberType::U8, 1),
    ("ComplexFloatStorage", NumberType::Other(std::borrow::Cow::Borrowed("C64")), 8),
    ("ComplexDoubleStorage", NumberType::Other(std::borrow::Cow::Borrowed("C128")), 16),
    ("QInt8Storage", NumberType::Other(std::borrow::Cow::Borrowed("QI8")), 1),
    ("QUInt8Storage", NumberType::Other(std::borrow::Cow::Borrowed("QU8")), 1),
    ("QInt32Storage", NumberType::Other(std::borrow::Cow::Borrowed("QI32")), 4),
    ("QUInt4x2Storage", NumberType::Other(std::borrow::Cow::Borrowed("QU4")), 1),
    ("QUInt2x4Storage", NumberType::Other(std::borrow::Cow::Borrowed("QU2")), 1),
];

/// Types in the module `torch` of numbers that are stored as bytes.
const TYPES: [(&str, NumberType); 8] = [
    ("float8_e4m3fn", NumberType::F8E4M3),
    ("float8_e5m2", NumberType::F8E5M2),
    ("float8_e8m0fnu", NumberType::F8E8M0),
    ("float8_e4m3fnuz", NumberType::F8E4M3FNUZ),
    ("float8_e5m2fnuz", NumberType::F8E5M2FNUZ),
    ("uint16", NumberType::U16),
    ("uint32", NumberType::U32),
    ("uint64", NumberType::U64),
];

/// What a function is for; `None` if that is unknown.
pub(super) fn meaning([module, name]: [&str; 2]) -> Option<Meaning> {
    let known = FUNCTIONS.iter().find(|(theirs, own, _)| (*theirs, *own) == (module, name));
    let of_torch = || {
        let is_tensor = module.starts_with("torch.") && name.starts_with("_rebuild_");
        is_tensor.then_some(Meaning::Foreign("a plain tensor"))
    };
    known.map(|(.., meaning)| *meaning).or_else(of_torch)
}

/// The type of the numbers in a storage of this class, and its bytes.
pub(super) fn storage([module, name]: [&str; 2]) -> Option<(NumberType, usize)> {
    if !matches!(module, "torch" | "torch.storage" | "torch.cuda") {
        return None;
    }
    STORAGES.iter().find(|(own, ..)| *own == name).map(|(_, number, size)| (number.clone(), *size))
}

/// A type of numbers that are stored as bytes.
pub(super) fn number_type([module, name]: [&str; 2]) -> Option<NumberType> {
    TYPES.iter().find(|(own, _)| module == "torch" && *own == name).map(|(_, number)| number.clone())
}
