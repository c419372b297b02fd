//! Pickles that would run a program, take memory or never end; numbers that are not there. Messages are pinned.

use gradus::saving::Weights;

use super::allocator::peak;
use super::pickles::{beginning, global, integer, legacy, of_five, storage, tensor, text, tuple};
use super::{bytes, numbers, refusal};

const MEND: &str = "which is refused, for a pickle can run any program; only dictionaries, lists, plain values and \
                    tensors are read: load the file in PyTorch, if you trust it, and save \
                    `torch.save(model.state_dict(), path)`";

#[test]
fn made_by_hand_as_pytorch_does() {
    let weights = Weights::from_bytes(legacy(&of_five(1, &[2, 2], &[1, 2]))).unwrap();
    assert_eq!(numbers(&weights, "tensor").unwrap(), [1.0, 3.0, 2.0, 4.0]);
}

#[test]
fn views_of_storages() {
    let view = |offset, len| tuple(&[text("1"), integer(offset), integer(len)]);
    let read = |view| Weights::from_bytes(legacy(&tensor(storage("0", 5, view), 1, &[2], &[1])));
    assert_eq!(numbers(&read(view(2, 3)).unwrap(), "tensor").unwrap(), [3.0, 4.0]);
    for (offset, len) in [(3, 3), (6, 0), (i64::MAX, i64::MAX)] {
        let message = read(view(offset, len)).unwrap_err().to_string();
        assert!(message.ends_with("tensor `tensor`: begins beyond the 5 numbers of its storage `0`"), "{message}");
    }
}

#[test]
fn functions_and_classes_are_refused_by_name() {
    let call = [global("os", "system"), text("echo"), b"\x85R".to_vec()].concat();
    assert_eq!(refusal(legacy(&call)), format!("its pickle asks for `os.system`, {MEND}"));
    // Where it stands in a dictionary, by its newer code.
    let call = [b"}".to_vec(), text("a"), text("builtins"), text("eval"), b"\x93s".to_vec()].concat();
    assert_eq!(refusal(legacy(&call)), format!("its pickle asks for `builtins.eval`, {MEND}"));
    assert_eq!(refusal(bytes("module.pt")), format!("its pickle asks for `torch.nn.modules.linear.Linear`, {MEND}"));
    let message = refusal(bytes("numpy_scalar.pt"));
    assert!(message.ends_with(MEND) && message.contains(".multiarray.scalar`"), "{message}");
    for (module, name) in [("torch", "load"), ("torch.storage", "_load_from_bytes"), ("torch", "ComplexFloatStorage")] {
        let message = refusal(legacy(&[global(module, name), b")R".to_vec()].concat()));
        assert_eq!(message, format!("its pickle asks for `{module}.{name}`, {MEND}"));
    }
}

#[test]
fn codes_that_make_objects_are_refused() {
    for code in b"ioIFLSVgp\x81\x82\x83\x84\x92\x97\x98P" {
        assert_eq!(
            refusal(legacy(&[*code])),
            format!(
                "its pickle has the code {code:#04x}, which plain values and tensors do not need, and which is refused; \
                 save `model.state_dict()`"
            )
        );
    }
}

#[test]
fn pickles_that_contradict_themselves() {
    let cases: [(&[u8], &str); 13] = [
        (b"0", "its pickle takes a value that is not there"),
        (b"(0", "its pickle takes a value that is not there"),
        (b"t", "its pickle goes back to a mark that is not there"),
        (b"h\x05", "its pickle recalls a value that it never made"),
        (b"NNs", "its pickle takes a value that is not there"),
        (b"}(Nu", "its pickle has a key without a value"),
        (b"NNNs", "its pickle sets items of what has none"),
        (b"]NNs", "its pickle sets items of what is no dictionary"),
        (b"NNa", "its pickle appends to what is no list"),
        (b"]NR", "its pickle calls a list, which is no function"),
        (b"ctorch\nSize\nNR", "its pickle has None where a tuple belongs"),
        (b")Q", "its pickle refers to what is no storage of numbers; save `model.state_dict()`"),
        (b"]}b", "its pickle sets attributes of a list"),
    ];
    for (code, message) in cases {
        assert_eq!(refusal(legacy(code)), message);
    }
    let dict = [global("collections", "OrderedDict"), b"]N\x86R".to_vec()].concat();
    assert_eq!(refusal(legacy(&dict)), "its pickle calls OrderedDict with 2 arguments");
    assert_eq!(refusal(b"\x80\x03}."), "is a pickle of Python, but none of torch.save; save tensors with torch.save");
}

#[test]
fn tensors_of_bytes_that_are_none() {
    let typed = |kind: &[u8]| {
        let arguments =
            [storage("0", 5, b"N".to_vec()), integer(0), tuple(&[integer(5)]), tuple(&[integer(1)]), b"\x89N".to_vec()];
        let arguments = tuple(&[arguments.concat(), kind.to_vec()]);
        refusal(legacy(&[global("torch._utils", "_rebuild_tensor_v3"), arguments, b"R".to_vec()].concat()))
    };
    assert_eq!(
        typed(&global("torch", "float8_e5m2")),
        "its pickle makes a tensor of F8_E5M2 of what is not a whole storage of bytes"
    );
    assert_eq!(typed(b""), "its pickle makes a tensor of numbers without their type");
    assert_eq!(typed(&global("torch", "Size")), "its pickle makes a tensor of numbers without their type");
    assert_eq!(typed(&global("torch", "load")), format!("its pickle asks for `torch.load`, {MEND}"));
}

#[test]
fn tensors_beyond_their_storage() {
    let of = |offset, shape: &[i64], strides: &[i64]| refusal(legacy(&of_five(offset, shape, strides)));
    assert_eq!(of(3, &[3], &[1]), "tensor `tensor`: its shape [3] of F32 needs 24 bytes, but there are 20");
    assert_eq!(of(0, &[2, 3], &[4, 1]), "tensor `tensor`: its shape [2, 3] of F32 needs 28 bytes, but there are 20");
    assert_eq!(of(9, &[1], &[1]), "tensor `tensor`: begins beyond the 5 numbers of its storage `0`");
    assert_eq!(of(0, &[2], &[-1]), "its pickle has -1 where a length, an offset or a stride belongs");
    assert_eq!(of(0, &[2, 2], &[1]), "tensor `tensor`: expected a stride for each axis of [2, 2], got [1]");
    assert_eq!(
        of(0, &[1 << 40], &[0]),
        "tensor `tensor`: repeats its 5 numbers in a view of shape [1099511627776]; save `tensor.contiguous()`"
    );
    assert_eq!(
        of(0, &[2, 2], &[i64::MAX, 1]),
        "tensor `tensor`: its shape [2, 2] of F32 needs more bytes than there can be, but there are 20"
    );
    for shape in [[1 << 40, 1 << 40], [1 << 62, 0]] {
        assert_eq!(
            of(0, &shape, &[0, 0]),
            format!("tensor `tensor`: its shape {shape:?} asks for more numbers than there can be")
        );
    }
    assert_eq!(of(0, &[1; 65], &[1; 65]), "tensor `tensor`: expected at most 64 axes, got 65");
    let elsewhere = tensor(storage("../../etc/passwd", 5, b"N".to_vec()), 0, &[5], &[1]);
    let both = tuple(&[of_five(0, &[5], &[1]), elsewhere.clone()]);
    assert_eq!(refusal(legacy(&both)), "tensor `1`: its storage `../../etc/passwd` is not in the file");
    assert_eq!(refusal(legacy(&elsewhere)), "has a storage `0` that no tensor uses");
    let longer = tensor(storage("0", 6, b"N".to_vec()), 0, &[5], &[1]);
    assert_eq!(
        refusal(legacy(&longer)),
        "tensor `tensor`: its storage `0` is to hold 6 numbers of F32, but there are 5"
    );
}

#[test]
fn a_cut_or_big_endian_stream() {
    let whole = legacy(&of_five(0, &[5], &[1]));
    assert_eq!(refusal(&whole[..whole.len() - 1]), "is cut off in its storage `0`");
    assert_eq!(refusal(&whole[..whole.len() - 40]), "its pickle is cut off");
    let mut enormous = whole.clone();
    let at = whole.len() - 28;
    enormous[at..at + 8].copy_from_slice(&i64::MAX.to_le_bytes());
    assert_eq!(refusal(enormous), "is cut off in its storage `0`");
    let big = [beginning(false), b"\x80\x02}.\x80\x02].".to_vec()].concat();
    assert_eq!(refusal(big), "its numbers are big-endian; load it in PyTorch and save it on a little-endian machine");
}

#[test]
fn two_tensors_of_one_name() {
    let item = |key: &str, value: Vec<u8>| [text(key), value, b"s".to_vec()].concat();
    let (one, two) = (of_five(0, &[1], &[1]), of_five(1, &[1], &[1]));
    let inner = [b"}".to_vec(), item("b", one)].concat();
    let code = [b"}".to_vec(), item("a", inner), item("a.b", two)].concat();
    assert_eq!(refusal(legacy(&code)), "has two tensors `a.b`; give them different names where it was made");
    let by_none = [b"}N".to_vec(), of_five(0, &[1], &[1]), b"s".to_vec()].concat();
    assert_eq!(refusal(legacy(&by_none)), "`` has a key that is no text and no whole number");
}

/// Neither time nor memory nor the stack of this thread beyond what a file of this size deserves.
fn refused_in_passing(code: &[u8], expected: &str) {
    let file = legacy(code);
    let len = file.len();
    let (message, peak) = peak(|| refusal(file));
    assert_eq!(message, expected);
    assert!(peak < 100 * len + (8 << 20), "{peak} bytes for a file of {len}");
}

#[test]
fn what_grows_without_end() {
    let nested = "its dictionaries and lists are nested more than 64 deep";
    let places = "its pickle has the same values in more places than a file of this size may";
    // Lists in lists, twenty thousand deep.
    refused_in_passing(&[b"]".repeat(20_000), b"a".repeat(19_999)].concat(), nested);
    refused_in_passing(&[b")".to_vec(), b"\x85".repeat(20_000)].concat(), nested);
    // A list in itself.
    refused_in_passing(b"]q\x00h\x00a", nested);
    // Ten times the list before, sixty times over.
    let mut laughs = b"]q\x00".to_vec();
    for level in 0..60 {
        let item = [b'h', level].repeat(10);
        laughs.extend([b"](", &item[..], b"eq", &[level + 1]].concat());
    }
    refused_in_passing(&laughs, places);
    // A tensor under a name of a megabyte, in a thousand places.
    let name = text(&"n".repeat(1 << 20));
    let tensor = of_five(0, &[5], &[1]);
    let inner = [b"}".to_vec(), name, tensor, b"sq\x00".to_vec()].concat();
    refused_in_passing(&[b"](", &inner[..], &b"h\x00".repeat(1000), b"e"].concat(), places);
    // More values than bytes may make.
    let many = "its pickle makes more values than PyTorch puts into a file of this size";
    refused_in_passing(&b"N".repeat(1 << 20), many);
    refused_in_passing(&b"]".repeat(1 << 20), many);
    refused_in_passing(&[b"N".to_vec(), b"\x94".repeat(1 << 20)].concat(), many);
    refused_in_passing(&[b"]".to_vec(), b"2".repeat(1 << 20)].concat(), many);
}
