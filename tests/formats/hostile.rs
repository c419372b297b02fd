//! Pickles that would run a program, take memory or never end; numbers that are not there. Messages are pinned.

use gradus::saving::Weights;

use super::allocator::peak;
use super::pickles::{beginning, global, integer, legacy, of_five, storage, tensor, text, tuple};
use super::{numbers, refusal};

/// Why the one tensor of a file is not read, though the file is.
fn unread(code: &[u8]) -> String {
    let weights = Weights::from_bytes(legacy(code)).unwrap();
    let message = weights.get("tensor").unwrap_err().to_string();
    message.strip_prefix("tensor `tensor`: ").unwrap_or_else(|| panic!("{message}")).into()
}

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
fn functions_and_classes_are_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let call = [global("os", "system"), text(&format!("touch {}", mark.display())), b"\x85R".to_vec()].concat();
    assert!(Weights::from_bytes(legacy(&call)).unwrap().is_empty());
    // Where it stands in a dictionary, by its newer code; and beside a tensor.
    let call = [text("os"), text("mkdir"), b"\x93".to_vec(), text(&mark.display().to_string()), b"\x85R".to_vec()];
    let item = |key: &str, value: Vec<u8>| [text(key), value, b"s".to_vec()].concat();
    let code = [b"}".to_vec(), item("a", call.concat()), item("b", of_five(0, &[2], &[1]))].concat();
    let weights = Weights::from_bytes(legacy(&code)).unwrap();
    assert_eq!((weights.len(), numbers(&weights, "b").unwrap()), (1, vec![0.0, 1.0]));
    assert!(!mark.exists());
    // What an unknown function makes of tensors is not known.
    let call = [global("builtins", "sum"), of_five(0, &[2], &[1]), b"\x85R".to_vec()].concat();
    assert_eq!(
        unread(&call),
        "is made of tensors by `builtins.sum`, and nothing in a pickle is run; save the tensors themselves"
    );
}

/// The class of a module with its source, as the older stream has it; `_rebuild_tensor`, as the oldest files have it.
#[test]
fn what_older_versions_wrote() {
    let class = [text("module"), global("my", "Net"), text("net.py"), text("class Net: ...")];
    let part = |key: &str, value: &[u8]| [text(key), value.to_vec()].concat();
    let arguments = [storage("0", 5, b"N".to_vec()), integer(1), tuple(&[integer(2)]), tuple(&[integer(1)])];
    let oldest = [global("torch._utils", "_rebuild_tensor"), tuple(&arguments), b"R".to_vec()].concat();
    let parameters = [b"}".to_vec(), text("weight"), oldest, b"s".to_vec()].concat();
    let state = [part("_parameters", &parameters), part("_buffers", b"}"), part("_modules", b"}")].concat();
    let code = [tuple(&class), b"Q)\x81}(".to_vec(), state, b"ub".to_vec()].concat();
    let weights = Weights::from_bytes(legacy(&code)).unwrap();
    assert_eq!((weights.len(), numbers(&weights, "weight").unwrap()), (1, vec![1.0, 2.0]));
}

#[test]
fn codes_that_torch_save_does_not_write_are_refused() {
    for code in b"ioIFLSVgp\x82\x83\x84\x97\x98P" {
        assert_eq!(
            refusal(legacy(&[*code])),
            format!(
                "its pickle has the code {code:#04x}, which torch.save does not write; save it again with torch.save"
            )
        );
    }
}

#[test]
fn pickles_that_contradict_themselves() {
    let cases: [(&[u8], &str); 11] = [
        (b"0", "its pickle takes a value that is not there"),
        (b"(0", "its pickle takes a value that is not there"),
        (b"t", "its pickle goes back to a mark that is not there"),
        (b"h\x05", "its pickle recalls a value that it never made"),
        (b"NNs", "its pickle takes a value that is not there"),
        (b"}(Nu", "its pickle has a key without a value"),
        (b"NNNs", "its pickle sets items of what has none"),
        (b"]NNs", "its pickle sets items of what is not a dictionary"),
        (b"NNa", "its pickle appends to what is not a list"),
        (b"]NR", "its pickle calls a list, which is not a function"),
        (b"]}b", "its pickle sets attributes of a list"),
    ];
    for (code, message) in cases {
        assert_eq!(refusal(legacy(code)), message);
    }
    assert_eq!(
        refusal(b"\x80\x03}."),
        "is a pickle of Python that torch.save did not write; save tensors with torch.save"
    );
}

#[test]
fn tensors_of_bytes_that_are_none() {
    let typed = |kind: &[u8]| {
        let arguments =
            [storage("0", 5, b"N".to_vec()), integer(0), tuple(&[integer(5)]), tuple(&[integer(1)]), b"\x89N".to_vec()];
        let arguments = tuple(&[arguments.concat(), kind.to_vec()]);
        unread(&[global("torch._utils", "_rebuild_tensor_v3"), arguments, b"R".to_vec()].concat())
    };
    assert_eq!(
        typed(&global("torch", "float8_e5m2")),
        "its pickle makes a tensor of F8_E5M2 of what is not a whole storage of bytes"
    );
    assert_eq!(typed(b""), "its pickle makes a tensor of numbers without their type");
    assert_eq!(typed(&global("torch", "Size")), "its pickle makes a tensor of numbers without their type");
    assert_eq!(typed(&global("torch", "load")), "its pickle makes a tensor of numbers without their type");
    let made = |arguments: &[Vec<u8>]| {
        unread(&[global("torch._utils", "_rebuild_tensor_v2"), tuple(arguments), b"R".to_vec()].concat())
    };
    let rest = [integer(0), tuple(&[integer(5)]), tuple(&[integer(1)])].concat();
    let of = |storage: Vec<u8>| made(&[storage, rest.clone()]);
    let odd = [tuple(&[text("storage"), global("my", "Storage"), text("1"), text("cpu"), integer(5)]), b"Q".to_vec()];
    assert_eq!(of(odd.concat()), "its storage `1` is of the unknown type `my.Storage`");
    assert_eq!(of(b")Q".to_vec()), "its pickle refers to what is not a storage of numbers");
    let of_list = [b"]".to_vec(), storage("0", 5, b"N".to_vec()), b"a".to_vec()].concat();
    assert_eq!(of(of_list), "its pickle makes a tensor of what is not a storage");
    let with =
        |metadata: &[u8]| made(&[storage("0", 5, b"N".to_vec()), rest.clone(), b"\x89N".to_vec(), metadata.to_vec()]);
    assert_eq!(
        with(&[b"}".to_vec(), text("scale"), b"\x88s".to_vec()].concat()),
        "has the property `scale`, which is not known here; save `tensor.clone()`"
    );
    assert_eq!(with(b"K\x05"), "has metadata, which is not known here; save `tensor.clone()`");
}

#[test]
fn tensors_beyond_their_storage() {
    let of = |offset, shape: &[i64], strides: &[i64]| refusal(legacy(&of_five(offset, shape, strides)));
    assert_eq!(of(3, &[3], &[1]), "tensor `tensor`: its shape [3] of F32 needs 24 bytes, but there are 20");
    assert_eq!(of(0, &[2, 3], &[4, 1]), "tensor `tensor`: its shape [2, 3] of F32 needs 28 bytes, but there are 20");
    assert_eq!(of(9, &[1], &[1]), "tensor `tensor`: begins beyond the 5 numbers of its storage `0`");
    let lazy = |shape: &[i64], strides: &[i64]| unread(&of_five(0, shape, strides));
    assert_eq!(lazy(&[2], &[-1]), "its pickle has -1 where a length, an offset or a stride belongs");
    assert_eq!(
        lazy(&[1 << 40], &[0]),
        "repeats its 5 numbers in a view of shape [1099511627776]; save `tensor.contiguous()`"
    );
    assert_eq!(lazy(&[1; 65], &[1; 65]), "expected at most 64 axes, got 65");
    assert_eq!(of(0, &[2, 2], &[1]), "tensor `tensor`: expected a stride for each axis of [2, 2], got [1]");
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
    let elsewhere = tensor(storage("../../etc/passwd", 5, b"N".to_vec()), 0, &[5], &[1]);
    let both = tuple(&[of_five(0, &[5], &[1]), elsewhere.clone()]);
    assert_eq!(refusal(legacy(&both)), "tensor `1`: its storage `../../etc/passwd` is not in the file");
    assert_eq!(refusal(legacy(&elsewhere)), "has a storage `0` of an unknown type");
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
    let weights = Weights::from_bytes(legacy(&code)).unwrap();
    assert_eq!(
        weights.get("a.b").unwrap_err().to_string(),
        "tensor `a.b`: there are two tensors of this name; give them different names where the file was made"
    );
    // A key that is neither a text nor a whole number is told by its place.
    let by_none =
        [b"}".to_vec(), item("a", b"N".to_vec()), b"N".to_vec(), of_five(0, &[1], &[1]), b"s".to_vec()].concat();
    assert_eq!(numbers(&Weights::from_bytes(legacy(&by_none)).unwrap(), "[1]").unwrap(), [0.0]);
}

/// Neither time nor memory nor the stack of this thread beyond what a file of this size deserves.
fn in_passing(code: &[u8], expected: Option<&str>) {
    let file = legacy(code);
    let len = file.len();
    let (read, peak) = peak(|| Weights::from_bytes(file));
    match (read, expected) {
        (Ok(weights), None) => assert!(weights.is_empty()),
        (Ok(weights), Some(_)) => panic!("expected an error, got\n{weights}"),
        (Err(error), expected) => {
            assert_eq!(error.to_string(), format!("this file of weights {}", expected.unwrap_or("nothing")))
        }
    }
    assert!(peak < 100 * len + (8 << 20), "{peak} bytes for a file of {len}");
}

#[test]
fn what_grows_without_end() {
    let nested = Some("its dictionaries, lists and objects are nested more than 200 deep");
    let places = Some("its pickle has the same values in more places than a file of this size may");
    let tensor = of_five(0, &[5], &[1]);
    // A tensor in lists in lists, twenty thousand deep; and nothing in them.
    in_passing(&[b"]".repeat(20_000), tensor.clone(), b"a".repeat(20_000)].concat(), nested);
    in_passing(&[tensor.clone(), b"\x85".repeat(20_000)].concat(), nested);
    in_passing(&[b"]".repeat(20_000), b"a".repeat(19_999)].concat(), None);
    in_passing(&[b")".to_vec(), b"\x85".repeat(20_000)].concat(), None);
    // Ten times the list before, sixty times over.
    let laughs = |first: &[u8]| {
        let mut laughs = [b"]", first, b"q\x00"].concat();
        for level in 0..60 {
            let item = [b'h', level].repeat(10);
            laughs.extend([b"](", &item[..], b"eq", &[level + 1]].concat());
        }
        laughs
    };
    in_passing(&laughs(&[&tensor[..], b"a"].concat()), places);
    in_passing(&laughs(b""), None);
    // A tensor under a name of a megabyte, in a thousand places.
    let name = text(&"n".repeat(1 << 20));
    let inner = [b"}".to_vec(), name, tensor, b"sq\x00".to_vec()].concat();
    in_passing(&[b"](", &inner[..], &b"h\x00".repeat(1000), b"e"].concat(), places);
    // As many values as bytes may make.
    in_passing(&b"N".repeat(1 << 20), None);
    in_passing(&b"]".repeat(1 << 20), None);
    in_passing(&[b"N".to_vec(), b"\x94".repeat(1 << 20)].concat(), None);
    in_passing(&[b"]".to_vec(), b"2".repeat(1 << 20)].concat(), None);
    // One long tuple of arguments for each of many calls.
    let arguments = [tuple(&vec![b"N".to_vec(); 100_000]), b"q\x00".to_vec(), global("my", "call"), b"q\x01".to_vec()];
    in_passing(&[arguments.concat(), b"h\x01h\x00R".repeat(100_000)].concat(), None);
}

#[test]
fn a_list_in_itself_ends() {
    let code = [b"]q\x00h\x00a".to_vec(), of_five(0, &[2], &[1]), b"a".to_vec()].concat();
    let weights = Weights::from_bytes(legacy(&code)).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), ["1"]);
}

/// Files with as many tensors and as few bytes for each as PyTorch writes: 8,000 parameters of one axis, and their optimizer.
#[test]
fn honest_files_meet_no_limit() {
    let parameter = |tensor: Vec<u8>| {
        let hooks = [global("collections", "OrderedDict"), b")R".to_vec()].concat();
        let arguments = tuple(&[tensor, b"\x88".to_vec(), hooks]);
        [global("torch._utils", "_rebuild_parameter"), arguments, b"R".to_vec()].concat()
    };
    // The storage and its class are recalled, as the names of the state are.
    let first = [storage("0", 5, b"N".to_vec()), b"q\x00".to_vec()].concat();
    let function = [global("torch._utils", "_rebuild_tensor_v2"), b"q\x01".to_vec()].concat();
    let dictionary = [global("collections", "OrderedDict"), b"q\x02".to_vec()].concat();
    let short = b"h\x01(h\x00K\x00K\x05\x85K\x01\x85\x89h\x02)RtR".to_vec();
    let mut code = [first, function, dictionary, b"000](".to_vec()].concat();
    for _ in 0..20_000 {
        code.extend(&short);
    }
    for _ in 0..4_000 {
        code.extend(parameter(short.clone()));
    }
    for _ in 0..3_000 {
        // The state of Adam.
        code.extend(
            [b"}(", &text("step")[..], b"K\x01", &text("exp_avg"), &short, &text("exp_avg_sq"), &short, b"u"].concat(),
        );
    }
    code.extend(b"e");
    let weights = Weights::from_bytes(legacy(&code)).unwrap();
    assert_eq!(weights.len(), 30_000);
    assert_eq!(numbers(&weights, "26999.exp_avg_sq").unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0]);
}
