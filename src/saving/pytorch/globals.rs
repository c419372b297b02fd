//! The functions and classes of Python that a pickle may name. There are no others.

use crate::saving::NumberType;

/// What a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// Makes a dictionary, of nothing or of pairs.
    OrderedDict,
    /// Makes a tensor of a storage, offset, shape and strides.
    RebuildTensor,
    /// Makes a parameter of a tensor.
    RebuildParameter,
    /// Makes a shape of a tuple.
    Size,
    /// The class of a storage; index into [`STORAGES`].
    Storage(usize),
}

const GLOBALS: [(&str, &str, Global); 4] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "Size", Global::Size),
];

/// Classes of storages in the module `torch`, by the type of their numbers.
pub(super) const STORAGES: [(&str, NumberType); 10] = [
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
];

/// The global of this name, or why it is refused.
pub(super) fn find(module: &str, name: &str) -> Result<Global, String> {
    let known = GLOBALS.iter().find(|(theirs, own, _)| (*theirs, *own) == (module, name)).map(|(.., global)| *global);
    let storage = || STORAGES.iter().position(|(own, _)| module == "torch" && *own == name).map(Global::Storage);
    known.or_else(storage).ok_or_else(|| {
        let shown: String = format!("{module}.{name}").chars().take(100).collect();
        format!(
            "its pickle asks for `{shown}`, which is refused, for a pickle can run any program; only dictionaries, lists, \
             plain values and tensors are read: load the file in PyTorch, if you trust it, and save \
             `torch.save(model.state_dict(), path)`"
        )
    })
}
