//! What files are that are not read, and what to do with them.

use std::path::Path;

use crate::files::BYTE_ORDER_MARK;

/// How Python makes safetensors of what it has read.
macro_rules! in_python {
    ($arrays:literal) => {
        concat!("in Python, `safetensors.numpy.save_file(", $arrays, ", \"model.safetensors\")` makes a file that is")
    };
}

const SAVED: &str = "`python -m tf2onnx.convert --saved-model FOLDER --output model.onnx` makes an ONNX file of it";
const GGUF: &str =
    in_python!("{t.name: gguf.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors}");
const TENSORFLOW: &str = in_python!("{name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}");

/// Beginnings of files, what these are, and what to do.
const BEGINNINGS: [(&[u8], &str, &str); 13] = [
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the file that it stands for",
        "fetch that with `git lfs pull`, or download it from its page",
    ),
    (b"GGUF", "a GGUF file, which is not read", GGUF),
    (b"lmgg", "a GGML file, which is not read", "convert it to GGUF with llama.cpp, and that in Python"),
    (b"tjgg", "a GGML file, which is not read", "convert it to GGUF with llama.cpp, and that in Python"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it with `gunzip`"),
    (b"BZh", "compressed with bzip2", "unpack it with `bunzip2`"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with `unzstd`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x08\x01\x12", "a SavedModel of TensorFlow, which is not read", SAVED),
    (b"model_checkpoint_path:", "a list of TensorFlow's checkpoints", "read one with `tf.train.load_checkpoint`"),
    (b"%PDF", "a PDF document", "download the weights"),
];

/// What a file is by its contents, if it is known, and what to do.
pub(super) fn by_contents(bytes: &[u8]) -> Option<String> {
    let say = |what: &str, fix: &str| Some(format!("is {what}; {fix}"));
    if bytes.is_empty() {
        return say("empty", "was it written or downloaded to its end?");
    }
    if let Some((_, what, mend)) = BEGINNINGS.iter().find(|(beginning, ..)| bytes.starts_with(beginning)) {
        return say(what, mend);
    }
    let at = |place: usize, mark: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(mark));
    if at(257, b"ustar") {
        return say("a tar archive", "unpack it");
    }
    if at(4, b"TFL3") {
        return say("a model of TensorFlow Lite, which is not read", "save the model that it was made of");
    }
    // A map of a few entries, whose first key is a short text.
    if let [0x81..=0x8F, 0xA1..=0xBF, ..] | [0xDE, _, _, 0xA1..=0xBF, ..] = bytes {
        return say("MessagePack, as Flax writes", "save the arrays with `safetensors.flax.save_file`");
    }
    if bytes.ends_with(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb") {
        return checkpoint();
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match text.trim_ascii_start() {
        [b'<', ..] => {
            say("a web page (HTML), such as an error or a login", "download the file itself, by its direct link")
        }
        [b'{' | b'[', ..] => say("a JSON text, not weights", "download the file itself, or open that with the weights"),
        text if text.len() >= 8 && is_text(&text[..text.len().min(256)]) => {
            let first = String::from_utf8_lossy(&text[..text.len().min(40)]);
            say(
                &format!("a text, not weights, which begins with {first:?}"),
                "download the file itself, by its direct link, or read a table by `data::Csv`",
            )
        }
        _ => None,
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// What a file is by its name, if its contents cannot tell.
pub(super) fn by_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (_, part) = name.rsplit_once(".data-")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (place, all) = part.split_once("-of-")?;
    if is_number(place) && is_number(all) { checkpoint() } else { None }
}

/// What a folder is, if it is known, and what to do.
pub(super) fn by_folder(path: &Path) -> Option<String> {
    path.join("saved_model.pb").is_file().then(|| format!("is a SavedModel of TensorFlow, which is not read; {SAVED}"))
}

fn checkpoint() -> Option<String> {
    Some(format!(
        "is a checkpoint of TensorFlow, which is not read; with `reader = tf.train.load_checkpoint(path)` {TENSORFLOW}"
    ))
}

/// What a zip archive is that holds these members, if it is known, and what to do.
#[cfg(any(feature = "keras", feature = "pytorch", feature = "numpy"))]
pub(super) fn by_members<'m>(mut names: impl Iterator<Item = &'m str>) -> String {
    match names.any(|name| name == "model.weights.h5") {
        true => "is a model of Keras (.keras); switch on gradus' feature `keras`".into(),
        false => "is a zip archive with neither the data.pkl of PyTorch nor .npy arrays".into(),
    }
}
