//! Pickles and streams of PyTorch, made by hand.

/// The code for a text.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// The code for a whole number.
pub fn integer(number: i64) -> Vec<u8> {
    [&[0x8A, 8], &number.to_le_bytes()[..]].concat()
}

/// The code for a tuple.
pub fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// The code for a storage of numbers of four bytes.
pub fn storage(key: &str, len: i64, view: Vec<u8>) -> Vec<u8> {
    let identity = [text("storage"), global("torch", "FloatStorage"), text(key), text("cpu"), integer(len), view];
    [tuple(&identity), b"Q".to_vec()].concat()
}

/// The code for a tensor.
pub fn tensor(storage: Vec<u8>, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let integers = |numbers: &[i64]| tuple(&numbers.iter().map(|n| integer(*n)).collect::<Vec<_>>());
    let hooks = [global("collections", "OrderedDict"), b")R".to_vec()].concat();
    let arguments = [storage, integer(offset), integers(shape), integers(strides), b"\x89".to_vec(), hooks];
    [global("torch._utils", "_rebuild_tensor_v2"), tuple(&arguments), b"R".to_vec()].concat()
}

/// A tensor of the storage `0` with five numbers.
pub fn of_five(offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    tensor(storage("0", 5, b"N".to_vec()), offset, shape, strides)
}

fn pickle(code: &[u8]) -> Vec<u8> {
    [b"\x80\x02", code, b"."].concat()
}

/// A stream of the older kind up to the pickle of what was saved.
pub fn beginning(little_endian: bool) -> Vec<u8> {
    let little = if little_endian { b"\x88" } else { b"\x89" };
    let info = [b"}(", &text("protocol_version")[..], b"M\xE9\x03", &text("little_endian"), little, b"u"].concat();
    let magic = b"\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
    [pickle(magic), pickle(b"M\xE9\x03"), pickle(&info)].concat()
}

/// A stream of the older kind; if the code asks for it, there is a storage `0` with the numbers 0 to 4.
pub fn legacy(code: &[u8]) -> Vec<u8> {
    let start = [beginning(true), pickle(code)].concat();
    if !code.windows(12).any(|window| window == b"FloatStorage") {
        return [start, pickle(b"]")].concat();
    }
    let storage: Vec<u8> = (0_u8..5).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let keys = [b"](", &text("0")[..], b"e"].concat();
    [start, pickle(&keys), 5_i64.to_le_bytes().to_vec(), storage].concat()
}
