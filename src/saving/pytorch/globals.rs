//! The functions and classes of Python that a pickle may name. There are no others.

use crate::saving::NumberType;

/// What a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// Makes a dictionary, of nothing or of pairs.
    OrderedDict,
    /// Makes a tensor of a storage, offset, shape and strides.
    RebuildTensor,
    /// The same of a storage of bytes, and the type of its numbers.
    RebuildTypedTensor,
    /// Makes a parameter of a tensor.
    RebuildParameter,
    /// Makes a shape of a tuple.
    Size,
    /// The class of a storage; index into [`STORAGES`].
    Storage(usize),
    /// The type of numbers that have no class of storages; index into [`TYPES`].
    Type(usize),
}

const GLOBALS: [(&str, &str, Global); 5] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils", "_rebuild_tensor_v3", Global::RebuildTypedTensor),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "Size", Global::Size),
];

/// Classes of storages in the modules `torch` and `torch.storage`, by the type of their numbers.
pub(super) const STORAGES: [(&str, NumberType); 11] = [
    ("FloatStorage", NumberType::F32),
    ("LongStorage", NumberType::I64),
    ("DoubleStorage", NumberType::F64),
    ("HalfStorage", NumberType::F16),
    ("BFloat16Storage", NumberType::BF16),
    ("IntStorage", NumberType::I32),
    ("ShortStorage", NumberType::I16),
    ("CharStorage", NumberType::I8),
    ("ByteStorage", NumberType::U8),
    ("BoolStorage", NumberType::Bool),
    ("UntypedStorage", NumberType::U8),
];

/// Types in the module `torch` of numbers that are stored as bytes.
pub(super) const TYPES: [(&str, NumberType); 8] = [
    ("float8_e4m3fn", NumberType::F8E4M3),
    ("float8_e5m2", NumberType::F8E5M2),
    ("float8_e8m0fnu", NumberType::F8E8M0),
    ("float8_e4m3fnuz", NumberType::F8E4M3FNUZ),
    ("float8_e5m2fnuz", NumberType::F8E5M2FNUZ),
    ("uint16", NumberType::U16),
    ("uint32", NumberType::U32),
    ("uint64", NumberType::U64),
];

/// The global of this name, or why it is refused.
pub(super) fn find(module: &str, name: &str) -> Result<Global, String> {
    let known = GLOBALS.iter().find(|(theirs, own, _)| (*theirs, *own) == (module, name)).map(|(.., global)| *global);
    let place = |table: &[(&str, NumberType)]| table.iter().position(|(own, _)| *own == name);
    let of_torch = || match module {
        "torch" => place(&STORAGES).map(Global::Storage).or_else(|| place(&TYPES).map(Global::Type)),
        "torch.storage" => place(&STORAGES).map(Global::Storage),
        _ => None,
    };
    known.or_else(of_torch).ok_or_else(|| {
        let shown: String = format!("{module}.{name}").chars().take(100).collect();
        format!(
            "its pickle asks for `{shown}`, which is refused, for a pickle can run any program; only dictionaries, lists, \
             plain values and tensors are read: load the file in PyTorch, if you trust it, and save \
             `torch.save(model.state_dict(), path)`"
        )
    })
}
