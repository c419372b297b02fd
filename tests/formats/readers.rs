//! What PyTorch and NumPy wrote is read as they read it.

use gradus::prelude::*;
use gradus::saving::{NumberType, Translation, Weights};

use super::{bytes, numbers, path};

/// The same names, types, shapes and numbers.
fn assert_same(read: &Weights, expected: &Weights, file: &str) {
    let sorted = |weights: &Weights| {
        let mut names: Vec<String> = weights.names().map(String::from).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(read), sorted(expected), "{file}");
    for name in expected.names() {
        assert_eq!(read.number_type(name), expected.number_type(name), "{file}: {name}");
        assert_eq!(read.shape(name), expected.shape(name), "{file}: {name}");
        let (got, want) = (read.get(name).unwrap(), expected.get(name).unwrap());
        let bits = |tensor: &Tensor| tensor.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!((got.shape(), bits(&got)), (want.shape(), bits(&want)), "{file}: {name}");
        assert!(got.is_standard_layout());
    }
}

#[test]
fn every_form_of_torch_save() {
    let expected = Weights::open(path("pytorch.safetensors")).unwrap();
    assert_eq!(expected.len(), 41);
    for file in ["zip.pt", "legacy.pt", "protocol_4.pt", "legacy_protocol_4.pt", "deflated.pt"] {
        let read = Weights::open(path(file)).unwrap();
        assert_same(&read, &expected, file);
        // In the order of the dictionaries.
        assert!(read.names().take(3).eq(["model.0.weight", "model.0.bias", "model.1.weight"]));
        assert_same(&Weights::from_bytes(bytes(file)).unwrap(), &expected, file);
    }
    let tensor = Weights::open(path("tensor.pt")).unwrap();
    assert_eq!((tensor.names().collect::<Vec<_>>(), tensor.shape("tensor")), (vec!["tensor"], Some(&[6, 8][..])));
    assert_eq!(
        tensor.get("tensor").unwrap().slice(ndarray::s![.., 3]).to_vec(),
        numbers(&expected, "layout.column").unwrap()
    );
}

/// Counters, sets, arguments, scalars and whatever else a checkpoint holds do not keep its tensors from being read.
#[test]
fn odd_objects_beside_tensors() {
    let expected = Weights::open(path("odd.safetensors")).unwrap();
    let unread = [
        (
            "array",
            "is made by `numpy._core.multiarray._reconstruct`, which is not read; save `torch.from_numpy(array)`",
        ),
        ("complex", "expected floating point numbers, integers or bool"),
        ("sparse", "is made by `torch._utils._rebuild_sparse_tensor`, which is not read; save `tensor.to_dense()`"),
        ("quantised", "is made by `torch._utils._rebuild_qtensor`, which is not read; save `tensor.dequantize()`"),
        (
            "nowhere",
            "is made by `torch._utils._rebuild_meta_tensor_no_storage`, which is not read; save a plain tensor",
        ),
    ];
    for (file, names) in [("odd.pt", 25), ("odd_legacy.pt", 18)] {
        let read = Weights::open(path(file)).unwrap();
        assert_eq!(read.len(), names, "{file}:\n{read}");
        for name in read.names() {
            if let Some((_, reason)) = unread.iter().find(|(odd, _)| *odd == name) {
                let start = format!("{}: tensor `{name}`: {reason}", path(file).display());
                let message = read.get(name).unwrap_err().to_string();
                assert!(message.starts_with(&start), "{message}");
                continue;
            }
            assert_eq!(read.get(name).unwrap(), expected.get(name).unwrap(), "{file}: {name}");
            assert_eq!(read.number_type(name), expected.number_type(name), "{file}: {name}");
        }
    }
    let read = Weights::open(path("odd.pt")).unwrap();
    assert_eq!(numbers(&read, "negative").unwrap(), [-2.0, 4.0]);
    assert_eq!(numbers(&read, "negative_half").unwrap(), [-1.5, 2.0]);
    assert_eq!(numbers(&read, "negative_int").unwrap(), [-300.0, 1.0, 0.0]);
    assert_eq!(numbers(&read, "expanded").unwrap(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    assert!(Weights::open(path("numpy_scalar.pt")).unwrap().is_empty());
}

/// A module that was saved whole has the names of its `state_dict`.
#[test]
fn whole_modules() {
    let layer = Dense::new(1);
    layer.forward(&Tape::inference().input(ndarray::arr2(&[[1.0]]))).unwrap();
    Translation::pytorch().load(&layer, &Weights::open(path("module.pt")).unwrap()).unwrap();
}

/// PyTorch pads the numbers to a multiple of 64 bytes; a folder of this length moves the directory's mark into the padding.
#[test]
fn archives_of_any_name_and_without_checksums() {
    for file in ["aaaaaaaaaaaaaaaaaaaaa.pt", "no_checksums.pt"] {
        assert_eq!(numbers(&Weights::open(path(file)).unwrap(), "a").unwrap(), [1.0, 2.0], "{file}");
    }
}

#[test]
fn numbers_that_pytorch_stores_as_bytes() {
    let read = Weights::open(path("float8.safetensors")).unwrap();
    for file in ["float8.pt", "float8_legacy.pt"] {
        assert_same(&Weights::open(path(file)).unwrap(), &read, file);
    }
    let as_float = Weights::open(path("float8_as_float.safetensors")).unwrap();
    assert_eq!(as_float.len(), 5);
    for name in as_float.names() {
        let (got, want) = (read.get(name).unwrap(), as_float.get(name).unwrap());
        assert_eq!(got.len(), 256);
        for (code, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "{name} {code:#x}: {got}, {want}"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (again, npz) = (folder.path().join("again.safetensors"), folder.path().join("again.npz"));
    read.save(&again).unwrap();
    assert_eq!(std::fs::read(&again).unwrap(), bytes("float8.safetensors"));
    read.save(&npz).unwrap();
    let from_npz = Weights::open(&npz).unwrap();
    assert_eq!(from_npz.number_type("float8_e5m2").unwrap().to_string(), "F32");
    assert_eq!(from_npz.get("uint16").unwrap(), read.get("uint16").unwrap());
}

#[test]
fn values_that_are_known() {
    let read = Weights::open(path("legacy.pt")).unwrap();
    let get = |name| numbers(&read, name).unwrap();
    assert_eq!(get("layout.permuted")[..8], [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 1.0, 5.0]);
    assert_eq!(get("layout.expanded_within_its_storage"), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
    assert_eq!(get("type.half"), [1.5, -3.0 * 2.0_f32.powi(-24), 65504.0, f32::INFINITY]);
    assert_eq!(get("type.long"), [-5.0, 16777216.0, 0.0, 7.0]);
    assert_eq!(get("type.char"), [-128.0, 127.0]);
    assert_eq!(get("type.bool"), [1.0, 0.0, 1.0]);
    assert_eq!(get("shape.scalar"), [3.25]);
    assert_eq!(read.get("shape.scalar").unwrap().ndim(), 0);
    assert_eq!(read.get("shape.empty").unwrap().shape(), [0, 3]);
}

#[test]
fn every_form_of_numpy() {
    let expected = Weights::open(path("numpy.safetensors")).unwrap();
    assert_eq!(expected.len(), 19);
    for file in ["stored.npz", "compressed.npz"] {
        assert_same(&Weights::open(path(file)).unwrap(), &expected, file);
    }
    for (file, name) in [("fortran.npy", "fortran"), ("version_2.npy", "float64")] {
        let read = Weights::open(path(file)).unwrap();
        assert_eq!(read.names().collect::<Vec<_>>(), ["array"]);
        assert_eq!(read.get("array").unwrap(), expected.get(name).unwrap());
    }
}

#[test]
fn what_is_no_number_is_listed_and_not_read() {
    let weights = Weights::open(path("other.npz")).unwrap();
    assert_eq!(
        weights.to_string(),
        "text     <U2                             [2]  2\n\
         complex  <c16                            [1]  1\n\
         record   [('f0', '<f4'), ('f1', '<i8')]  [2]  2\n\
         number   F32                             [1]  1\n\
         4 tensors, 6 numbers"
    );
    assert_eq!(numbers(&weights, "number").unwrap(), [4.0]);
    assert_eq!(
        weights.get("complex").unwrap_err().to_string(),
        format!(
            "{}: tensor `complex`: expected floating point numbers, integers or bool (F64, F32, F16, BF16, F8, I64 to U8, \
             BOOL), got <c16; convert it where it was made",
            path("other.npz").display()
        )
    );
    assert_eq!(
        weights.get("nothing").unwrap_err().to_string(),
        format!(
            "{}: tensor `nothing`: is not among the 4 tensors: `text`, `complex`, `record`, `number`",
            path("other.npz").display()
        )
    );
}

#[test]
fn written_files_keep_types_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let read = Weights::open(path("zip.pt")).unwrap();
    let again = folder.path().join("again.safetensors");
    read.save(&again).unwrap();
    assert_same(&Weights::open(&again).unwrap(), &read, "safetensors");
    let npz = folder.path().join("again.npz");
    read.save(&npz).unwrap();
    let from_npz = Weights::open(&npz).unwrap();
    for name in read.names() {
        let kept = read.number_type(name) == from_npz.number_type(name);
        assert!(kept != (read.number_type(name) == Some(&NumberType::BF16)), "{name}");
        assert_eq!(read.get(name).unwrap(), from_npz.get(name).unwrap(), "{name}");
    }
    assert!(from_npz.names().eq(read.names()));

    let wrong = folder.path().join("model.pt");
    assert_eq!(
        read.save(&wrong).unwrap_err().to_string(),
        format!("{}: files of type .pt are not written; name it .safetensors", wrong.display())
    );
    assert!(!wrong.exists());
    let other = folder.path().join("other.safetensors");
    let error = Weights::open(path("other.npz")).unwrap().save(&other).unwrap_err().to_string();
    assert!(error.contains("cannot be written: tensor `text`: expected floating point numbers"), "{error}");
    assert!(!other.exists());
}

#[test]
fn models_read_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let npz = folder.path().join("dense.npz");
    let layer = Dense::new(2);
    layer.forward(&Tape::inference().input(ndarray::arr2(&[[1.0, 2.0, 3.0]]))).unwrap();
    layer.save(&npz).unwrap();
    let other = Dense::new(2);
    other.load(&npz).unwrap();
    assert_eq!(layer.kernel().value(), other.kernel().value());
}

#[test]
fn what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = Weights::open(folder.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}: cannot be read: it is a folder; give the file in it, such as `model.safetensors`",
            folder.path().display()
        )
    );
    #[cfg(target_os = "linux")]
    assert_eq!(
        Weights::open("/dev/zero").unwrap_err().to_string(),
        "/dev/zero: cannot be read: it is not a regular file"
    );
}
