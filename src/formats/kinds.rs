//! Which format a file has, told by its first bytes.

use std::collections::BTreeMap;
use std::path::Path;

use super::bytes::Bytes;
use super::stored::Stored;
use super::{foreign, safetensors};
use crate::error::{Error, Result};

/// The tensors of a file, and the texts stored with them.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) tensors: Vec<(String, Stored)>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl From<Vec<(String, Stored)>> for Contents {
    fn from(tensors: Vec<(String, Stored)>) -> Self {
        Self { tensors, metadata: BTreeMap::new() }
    }
}

pub(super) fn read(bytes: &Bytes, folder: Option<&Path>) -> Result<Contents, String> {
    match bytes.as_ref() {
        // One without members begins with its end.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => read_archive(bytes),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => read_npy(bytes).map(Contents::from),
        // The length of a safetensors file's header may begin as a pickle does, but its header follows.
        [0x80, 2..=5, rest @ ..] if rest.get(6) != Some(&b'{') => read_pickle(bytes).map(Contents::from),
        // The length of the header, and the header.
        [_, _, _, _, _, _, _, _, b'{', ..] => {
            Ok(Contents { metadata: safetensors::metadata(bytes), tensors: safetensors::read(bytes)? })
        }
        [0x89, b'H', b'D', b'F', ..] => read_hdf5(bytes),
        // HDF5 may follow a block of somebody else.
        other
            if [512, 1024, 2048].iter().any(|start| other.get(*start..).is_some_and(|rest| rest.starts_with(HDF5))) =>
        {
            read_hdf5(bytes)
        }
        // A message with a small version first, then a text or a graph.
        [8, 3..=30, 0x12 | 0x1A | 0x22 | 0x28 | 0x32 | 0x3A | 0x42, ..] => read_onnx(bytes, folder).map(Contents::from),
        other => Err(foreign::by_contents(other).unwrap_or_else(|| unknown(other))),
    }
}

fn unknown(bytes: &[u8]) -> String {
    let first: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!(
        "is in none of the formats that are read (safetensors, PyTorch's .pt and .pth, NumPy's .npz and .npy, ONNX, \
         Keras' .keras and .h5): it begins with \
         the bytes {}; was it written or downloaded to its end?",
        first.join(" ")
    )
}

#[cfg(any(feature = "keras", feature = "pytorch", feature = "numpy"))]
fn read_archive(bytes: &Bytes) -> Result<Contents, String> {
    let members = super::archive::members(bytes)?;
    #[cfg(feature = "keras")]
    if super::keras::is_keras(&members) {
        return super::keras::read_zip(members);
    }
    // PyTorch packs a pickle and storages; NumPy packs arrays.
    let pickle = |name: &str| name == "data.pkl" || name.ends_with("/data.pkl");
    let is_pytorch = members.iter().any(|member| pickle(&member.name));
    if !is_pytorch && !members.iter().any(|member| member.name.ends_with(".npy")) && !members.is_empty() {
        return Err(foreign::by_members(members.iter().map(|member| member.name.as_str())));
    }
    #[cfg(feature = "pytorch")]
    if is_pytorch {
        return super::pytorch::read_zip(members).map(Contents::from);
    }
    #[cfg(feature = "numpy")]
    if !is_pytorch {
        return Ok(super::numpy::read_npz(members).into());
    }
    Err(if is_pytorch { off("a file of PyTorch", "pytorch") } else { off("an .npz file", "numpy") })
}

#[cfg(not(any(feature = "keras", feature = "pytorch", feature = "numpy")))]
fn read_archive(_: &Bytes) -> Result<Contents, String> {
    Err(off("a zip archive", "pytorch` (for .pt, .pth), `numpy` or `keras"))
}

#[cfg(feature = "pytorch")]
use super::pytorch::read_legacy as read_pickle;

#[cfg(not(feature = "pytorch"))]
fn read_pickle(_: &Bytes) -> Result<Vec<(String, Stored)>, String> {
    Err(off("a file of PyTorch", "pytorch"))
}

#[cfg(feature = "numpy")]
use super::numpy::read_npy;

#[cfg(not(feature = "numpy"))]
fn read_npy(_: &Bytes) -> Result<Vec<(String, Stored)>, String> {
    Err(off("an .npy file", "numpy"))
}

#[cfg(feature = "onnx")]
fn read_onnx(bytes: &Bytes, folder: Option<&Path>) -> Result<Vec<(String, Stored)>, String> {
    super::onnx::list(bytes.as_ref(), folder)
}

#[cfg(not(feature = "onnx"))]
fn read_onnx(_: &Bytes, _: Option<&Path>) -> Result<Vec<(String, Stored)>, String> {
    Err(off("an ONNX model", "onnx"))
}

#[cfg(feature = "keras")]
use super::keras::read_h5 as read_hdf5;

#[cfg(not(feature = "keras"))]
fn read_hdf5(_: &Bytes) -> Result<Contents, String> {
    Err(off("an HDF5 file, as Keras writes for `.h5`", "keras"))
}

fn off(what: &str, feature: &str) -> String {
    format!("is {what}; switch on gradus' feature `{feature}`")
}

/// What an HDF5 file begins with.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Writes tensors, and texts with them, in the format that the file's name asks for.
pub(super) fn write(tensors: &[(String, Stored)], metadata: &BTreeMap<String, String>, path: &Path) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match extension.as_str() {
        "npz" | "h5" | "hdf5" if !metadata.is_empty() => {
            let names: Vec<&str> = metadata.keys().map(String::as_str).collect();
            let hint = if extension == "npz" { "" } else { ", or write a model for Keras by `saving::Keras`" };
            let names = names.join(", ");
            let reason = format!("would hold no metadata, but there is some ({names}); name it .safetensors{hint}");
            Err(Error::file(path, reason))
        }
        #[cfg(feature = "keras")]
        "h5" | "hdf5" => super::keras::write_h5(tensors, path),
        #[cfg(not(feature = "keras"))]
        "h5" | "hdf5" => Err(Error::file(path, "is to be an HDF5 file; switch on gradus' feature `keras`")),
        #[cfg(feature = "numpy")]
        "npz" => super::numpy::write_npz(tensors, path),
        #[cfg(not(feature = "numpy"))]
        "npz" => Err(Error::file(path, "is to be an .npz file; switch on gradus' feature `numpy`")),
        "pt" | "pth" | "npy" | "keras" | "onnx" => {
            let hint = match extension.as_str() {
                "keras" => ", or write a model for Keras by `saving::Keras` (feature `keras`)",
                "onnx" => ", or write a model for ONNX by `onnx::Export` (feature `onnx`)",
                _ => "",
            };
            Err(Error::file(path, format!("files of type .{extension} are not written; name it .safetensors{hint}")))
        }
        _ => safetensors::write(tensors, metadata, path),
    }
}
