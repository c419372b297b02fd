//! The tensors of ONNX files: what numbers they hold, and where.

use std::path::{Component, Path, PathBuf};

use super::ElementType;
use super::proto::{GraphProto, ModelProto, TensorProto};
use crate::error::{Error, Result};
use crate::formats::NumberType;
use crate::formats::bytes::Bytes;
use crate::formats::stored::{Layout, Source, Stored};
use crate::tensor::{Float, Tensor, tensor};

/// Largest number of numbers in a tensor that a node makes from other than the numbers that are there.
pub(crate) const MOST: usize = 1 << 28;

/// A shape from a file, whose product memory could hold.
pub(crate) fn lengths(numbers: &[i64]) -> Result<Vec<usize>> {
    let lengths: Option<Vec<usize>> =
        numbers.iter().map(|len| usize::try_from(*len).ok().filter(|len| *len <= MOST)).collect();
    lengths.ok_or_else(|| Error::shape(format!("expected lengths of at least 0 and at most {MOST}, got {numbers:?}")))
}

/// No value has more axes.
const MOST_AXES: usize = 32;

/// Refuses a shape of more numbers than this, or of too many axes.
pub(crate) fn bounded(shape: &[usize], most: usize) -> Result<()> {
    if shape.len() > MOST_AXES {
        return Err(Error::shape(format!("expected at most {MOST_AXES} axes, got {}", shape.len())));
    }
    let count = shape.iter().try_fold(1_usize, |count, len| count.checked_mul((*len).max(1)));
    match count {
        Some(count) if count <= most => Ok(()),
        _ => Err(Error::shape(format!("expected at most {most} numbers in a value, got the shape {shape:?}"))),
    }
}

/// The bits of ONNX's small numbers, several of which lie in a byte.
fn packed_bits(kind: ElementType) -> Option<u32> {
    match kind.0 {
        21..=23 => Some(4),
        25 | 26 => Some(2),
        _ => None,
    }
}

/// The number of a pattern of 4 or 2 bits.
fn small(kind: ElementType, bits: u8) -> Float {
    const HALVES: [i8; 8] = [0, 1, 2, 3, 4, 6, 8, 12];
    let signed = |width: u32| Float::from((bits << (8 - width)) as i8 >> (8 - width));
    match kind.0 {
        22 => signed(4),
        26 => signed(2),
        23 => Float::from(HALVES[usize::from(bits & 7)]) * if bits & 8 == 0 { 0.5 } else { -0.5 },
        _ => Float::from(bits),
    }
}

/// The type of the numbers in files of weights; `None` if several lie in a byte.
fn number_type(kind: ElementType) -> Option<NumberType> {
    Some(match kind.0 {
        1 => NumberType::F32,
        2 => NumberType::U8,
        3 => NumberType::I8,
        4 => NumberType::U16,
        5 => NumberType::I16,
        6 => NumberType::I32,
        7 => NumberType::I64,
        9 => NumberType::Bool,
        10 => NumberType::F16,
        11 => NumberType::F64,
        12 => NumberType::U32,
        13 => NumberType::U64,
        16 => NumberType::BF16,
        _ => return kind.float8(),
    })
}

/// The numbers of raw bytes; integers as near as `Float` comes to them.
fn from_raw(kind: ElementType, raw: &[u8]) -> Result<Vec<Float>> {
    macro_rules! whole {
        ($type:ty) => {
            raw.as_chunks().0.iter().map(|bytes| <$type>::from_le_bytes(*bytes) as Float).collect()
        };
    }
    Ok(match kind.0 {
        5 => whole!(i16),
        4 => whole!(u16),
        6 => whole!(i32),
        7 => whole!(i64),
        12 => whole!(u32),
        13 => whole!(u64),
        9 => raw.iter().map(|byte| Float::from(u8::from(*byte != 0))).collect(),
        _ => {
            let number = number_type(kind).ok_or_else(|| unsupported(kind.0))?;
            number.decode(raw).map_err(Error::value)?
        }
    })
}

/// The numbers that are written as such in the file.
fn from_fields(proto: &TensorProto, kind: ElementType) -> Result<Vec<Float>> {
    let low =
        |bytes: usize| proto.int32_data.iter().flat_map(|x| x.to_le_bytes()[..bytes].to_vec()).collect::<Vec<u8>>();
    Ok(match kind.0 {
        1 => proto.float_data.iter().map(|x| *x as Float).collect(),
        7 => proto.int64_data.iter().map(|x| *x as Float).collect(),
        11 => proto.double_data.iter().map(|x| *x as Float).collect(),
        12 | 13 => proto.uint64_data.iter().map(|x| *x as Float).collect(),
        10 | 16 => from_raw(kind, &low(2))?,
        _ if kind.float8().is_some() => from_raw(kind, &low(1))?,
        _ => proto.int32_data.iter().map(|x| *x as Float).collect(),
    })
}

/// The type and the numbers of a tensor.
pub(crate) fn decode(proto: &TensorProto) -> Result<(Tensor, ElementType)> {
    let kind = ElementType::checked(proto.data_type)?;
    let shape = lengths(&proto.dims)?;
    bounded(&shape, MOST)?;
    let count = shape.iter().product::<usize>();
    let numbers = match packed_bits(kind) {
        Some(bits) => {
            let raw: Vec<u8> = match proto.raw_data.is_empty() {
                true => proto.int32_data.iter().map(|x| *x as u8).collect(),
                false => proto.raw_data.clone(),
            };
            let each = 8 / bits;
            let mask = (1_u8 << bits) - 1;
            let all = raw.iter().flat_map(|byte| (0..each).map(move |i| byte >> (i * bits) & mask));
            all.take(count).map(|bits| small(kind, bits)).collect()
        }
        None if proto.raw_data.is_empty() => from_fields(proto, kind)?,
        None => from_raw(kind, &proto.raw_data)?,
    };
    if numbers.len() != count {
        let (name, got) = (&proto.name, numbers.len());
        return Err(Error::shape(format!(
            "expected {count} numbers in the tensor `{name}` of shape {shape:?}, got {got}"
        )));
    }
    Ok((tensor(&shape, numbers), kind))
}

pub(crate) fn unsupported(number: i32) -> Error {
    Error::value(format!("is not supported: numbers of ONNX's type {number}"))
}

/// Where the numbers of a tensor are that lie in another file: its name, the first byte, and how many there are.
struct External {
    file: PathBuf,
    start: usize,
    len: Option<usize>,
}

impl External {
    fn of(proto: &TensorProto) -> Result<Self> {
        let entry =
            |key: &str| proto.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
        let number = |key: &str| {
            let parsed = entry(key).map(str::parse::<usize>).transpose();
            parsed.map_err(|_| {
                Error::value(format!("expected a whole number as the {key} of the tensor `{}`", proto.name))
            })
        };
        let file = PathBuf::from(entry("location").unwrap_or_default());
        // A file elsewhere would be read for whoever wrote this one.
        let is_inside = file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_inside || file.file_name().is_none() {
            return Err(Error::value(format!(
                "the tensor `{}` is said to be in the file `{}`; expected a file in the folder of the model",
                proto.name,
                file.display()
            )));
        }
        Ok(Self { file, start: number("offset")?.unwrap_or(0), len: number("length")? })
    }
}

/// The files next to the model that hold tensors, each read once.
#[derive(Default)]
pub(crate) struct Files<'a> {
    folder: Option<&'a Path>,
    open: Vec<(PathBuf, Bytes)>,
    /// How many bytes have been copied.
    copied: usize,
}

impl<'a> Files<'a> {
    pub fn beside(folder: Option<&'a Path>) -> Self {
        Self { folder, ..Self::default() }
    }

    fn bytes(&mut self, proto: &TensorProto) -> Result<Bytes> {
        let External { file, start, len } = External::of(proto)?;
        let Some(folder) = self.folder else {
            let (name, file) = (&proto.name, file.display());
            return Err(Error::value(format!(
                "the tensor `{name}` is in the file `{file}`; open the model by its path"
            )));
        };
        let path = folder.join(&file);
        let real =
            |path: &Path| path.canonicalize().map_err(|error| Error::file(path, format!("cannot be read: {error}")));
        if !real(&path)?.starts_with(real(folder)?) {
            return Err(Error::file(path, "leads out of the folder of the model; copy the file into it"));
        }
        let known = self.open.iter().find(|(known, _)| *known == file).map(|(_, bytes)| bytes.clone());
        let bytes = match known {
            Some(bytes) => bytes,
            None => {
                let bytes = Bytes::open(&path)?;
                self.open.push((file, bytes.clone()));
                bytes
            }
        };
        let end = len.map_or(Some(bytes.len()), |len| start.checked_add(len));
        let part = end.filter(|end| start <= *end).and_then(|end| bytes.slice(start..end));
        part.ok_or_else(|| {
            let len = bytes.len();
            Error::file(path, format!("has {len} bytes, but the tensor `{}` is said to end after them", proto.name))
        })
    }

    /// Puts the numbers of a tensor that lie in another file into it.
    pub fn bring(&mut self, proto: &mut TensorProto) -> Result<()> {
        if proto.data_location == 1 {
            let bytes = self.bytes(proto)?;
            // The same bytes as many tensors are a bomb.
            self.copied = self.copied.saturating_add(bytes.len());
            if self.copied / 4 > self.open.iter().map(|(_, bytes)| bytes.len()).sum() {
                let file = External::of(proto)?.file;
                return Err(Error::value(format!(
                    "has tensors in `{}` of more than four times its bytes",
                    file.display()
                )));
            }
            proto.raw_data = bytes.as_ref().to_vec();
            proto.data_location = 0;
            proto.external_data.clear();
        }
        Ok(())
    }

    fn stored(&mut self, proto: &TensorProto) -> Result<Stored> {
        let kind = ElementType::checked(proto.data_type)?;
        let Some(number) = number_type(kind).filter(|_| proto.data_location == 1 || !proto.raw_data.is_empty()) else {
            return decode(proto).map(|(value, _)| Stored::from(value));
        };
        let shape = lengths(&proto.dims)?;
        let bytes = if proto.data_location == 1 { self.bytes(proto)? } else { proto.raw_data.clone().into() };
        let layout = Layout::row_major(0, &shape).map_err(Error::value)?;
        Stored::new(number, shape, layout, Source::Bytes(bytes)).map_err(Error::value)
    }
}

/// All tensors with a name in a file, for [`Weights`](crate::formats::Weights). Those in other files are found in `folder`.
pub(in crate::formats) fn list(model: &[u8], folder: Option<&Path>) -> Result<Vec<(String, Stored)>, String> {
    let model =
        <ModelProto as prost::Message>::decode(model).map_err(|error| format!("is not a valid ONNX model: {error}"))?;
    let GraphProto { node, initializer, .. } = model.graph.unwrap_or_default();
    let mut files = Files::beside(folder);
    let constants = node.into_iter().filter(|node| node.op_type == "Constant").filter_map(|node| {
        let value = node.attribute.into_iter().find_map(|attribute| attribute.t)?;
        Some(TensorProto { name: node.output.into_iter().next()?, ..value })
    });
    let mut stored = |proto: TensorProto| {
        let unreadable = |error: Error| {
            Stored::unreadable(NumberType::Other(format!("ONNX's type {}", proto.data_type).into()), error.to_string())
        };
        let stored = files.stored(&proto).unwrap_or_else(unreadable);
        (proto.name, stored)
    };
    Ok(initializer.into_iter().chain(constants).map(&mut stored).collect())
}
