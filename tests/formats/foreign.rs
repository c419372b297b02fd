//! Files that are not read are named, with what to do.

use gradus::saving::Weights;

use super::refusal;

#[test]
fn what_is_not_read_is_named() {
    let with = |place: usize, mark: &[u8]| [&vec![0; place][..], mark, &[0; 64]].concat();
    let cases: [(&[u8], &str); 22] = [
        (b"", "is empty; was it written or downloaded to its end?"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 438\n",
            "is a Git LFS pointer, not the file that it stands for; fetch that with `git lfs pull`",
        ),
        (b"\xef\xbb\xbf<html>", "is a web page (HTML), "),
        (b"\xef\xbb\xbf{\"error\": 1}", "is a JSON text, not weights; "),
        (b"Entry not found", "is a text, not weights, which begins with \"Entry not found\"; download the file itself"),
        (b"\n <!DOCTYPE html>\n<html>", "is a web page (HTML), such as an error or a login; download the file itself"),
        (b"{\"error\": \"not found\"}", "is a JSON text, not weights; "),
        (b"\x89HDF\r\n\x1a\n\0", "is not a valid HDF5 file: is cut off, or damaged"),
        (&with(512, b"\x89HDF\r\n\x1a\n"), "is not a valid HDF5 file"),
        (b"\x08\x0a:\xc8\x01", "is not a valid ONNX model: "),
        (b"GGUF\x03\0\0\0", "is a GGUF file, which is not read; in Python, `safetensors"),
        (b"\x1f\x8b\x08\0", "is compressed with gzip; unpack it with `gunzip`"),
        (b"\xfd7zXZ\0", "is compressed with xz; "),
        (b"\x28\xb5\x2f\xfd", "is compressed with zstd; "),
        (b"BZh9", "is compressed with bzip2; "),
        (&with(257, b"ustar"), "is a tar archive; unpack it"),
        (b"\x1c\0\0\0TFL3", "is a model of TensorFlow Lite, "),
        (
            b"\x08\x01\x12\xb1\x02",
            "is a SavedModel of TensorFlow, which is not read; `python -m tf2onnx.convert --saved-model",
        ),
        (
            &[&[0; 99][..], b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"].concat(),
            "is a checkpoint of TensorFlow, which is not read; ",
        ),
        (b"model_checkpoint_path: \"model.ckpt-1\"", "is a list of TensorFlow's checkpoints; "),
        (b"\x81\xa6params\x82", "is MessagePack, as Flax writes; "),
        (
            &[0xFF; 64],
            "is in none of the formats that are read (safetensors, PyTorch's .pt and .pth, NumPy's .npz and .npy, ONNX, \
             Keras' .keras and .h5): it begins with the bytes ff ff ff ff ff ff ff ff; was it written or downloaded to its end?",
        ),
    ];
    for (bytes, start) in cases {
        let message = refusal(bytes);
        assert!(message.starts_with(start), "{message}");
    }
    let keras = super::archives::archive(&[
        super::archives::member("metadata.json", vec![1], false),
        super::archives::member("config.json", vec![1], false),
    ]);
    assert!(refusal(keras).starts_with("is a model of Keras without model.weights.h5"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.ckpt.data-00000-of-00001");
    std::fs::write(&path, [1, 2, 3]).unwrap();
    let message = Weights::open(&path).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: is a checkpoint of TensorFlow, ", path.display())), "{message}");
}
