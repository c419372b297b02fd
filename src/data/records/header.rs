//! What stands before the records of a file.

use super::Kind;
use crate::tensor::Float;

/// One input or target of all records.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub kind: Kind,
    pub shape: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub records: usize,
    pub inputs: usize,
    /// Inputs, then targets.
    pub fields: Vec<Field>,
}

pub(super) const MAGIC: &[u8; 8] = b"GRADUSR1";
/// Sizes beyond these are those of a corrupt file.
const MOST_FIELDS: usize = 1024;
const MOST_AXES: usize = 16;

impl Field {
    fn numbers(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |product, len| product.checked_mul(*len))
    }

    /// How many bytes of a record it takes; `None` if that overflows.
    pub fn bytes(&self) -> Option<usize> {
        self.numbers()?.checked_mul(if self.kind == Kind::Byte { 1 } else { 4 })
    }

    /// The numbers in the bytes of a record.
    pub fn decode(&self, bytes: &[u8], out: &mut [Float]) {
        match self.kind {
            Kind::Byte => out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = Float::from(*byte)),
            Kind::Float32 => {
                for (out, b) in out.iter_mut().zip(bytes.chunks_exact(4)) {
                    *out = Float::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                }
            }
        }
    }
}

impl Header {
    /// The length of a record; `None` if it overflows.
    pub fn record(&self) -> Option<usize> {
        self.fields.iter().try_fold(0_usize, |sum, field| sum.checked_add(field.bytes()?))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let number = |bytes: &mut Vec<u8>, n: usize| bytes.extend((n as u64).to_le_bytes());
        for n in [self.records, self.inputs, self.fields.len() - self.inputs] {
            number(&mut bytes, n);
        }
        for field in &self.fields {
            bytes.extend([u8::from(field.kind == Kind::Float32), field.shape.len() as u8]);
            field.shape.iter().for_each(|len| number(&mut bytes, *len));
        }
        bytes
    }

    /// Reads a header through `take`, which gives the next bytes of a file.
    pub fn decode(mut take: impl FnMut(usize) -> Result<Vec<u8>, String>) -> Result<Self, String> {
        let magic = take(8)?;
        if magic != MAGIC {
            return Err(format!("is not a file of records: expected it to begin with `GRADUSR1`, got {magic:?}"));
        }
        let number = |take: &mut dyn FnMut(usize) -> Result<Vec<u8>, String>| -> Result<usize, String> {
            let bytes = take(8)?.try_into().unwrap_or([0; 8]);
            usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| "is larger than this machine can address".into())
        };
        let (records, inputs, targets) = (number(&mut take)?, number(&mut take)?, number(&mut take)?);
        if inputs > MOST_FIELDS || targets > MOST_FIELDS || inputs + targets == 0 {
            return Err(format!("expected 1 to {MOST_FIELDS} inputs and targets, got {inputs} and {targets}"));
        }
        let mut fields = Vec::with_capacity(inputs + targets);
        for _ in 0..inputs + targets {
            let [kind, axes] = take(2)?.try_into().unwrap_or([0; 2]);
            let kind = match kind {
                0 => Kind::Byte,
                1 => Kind::Float32,
                other => return Err(format!("expected numbers of kind 0 or 1, got {other}")),
            };
            if usize::from(axes) > MOST_AXES {
                return Err(format!("expected at most {MOST_AXES} axes, got {axes}"));
            }
            let shape = (0..axes).map(|_| number(&mut take)).collect::<Result<_, _>>()?;
            fields.push(Field { kind, shape });
        }
        Ok(Self { records, inputs, fields })
    }
}
