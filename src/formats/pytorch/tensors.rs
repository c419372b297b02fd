//! Tensors, as a pickle describes them.

use super::globals::{Meaning, number_type, storage};
use super::machine::{Machine, Object, Outcome, Value};
use crate::formats::{
    NumberType,
    stored::{Layout, Source, Stored},
};

/// A part of what the file holds under a key.
#[derive(Clone, Debug)]
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    number: NumberType,
    /// Bytes of a number.
    pub(super) size: usize,
    /// How many numbers there are under the key.
    all: usize,
    /// Where the part begins and how long it is, in numbers.
    part: (usize, usize),
}

#[derive(Debug)]
pub(super) struct Tensor<'a> {
    storage: Storage<'a>,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
    /// Whether its numbers have the other sign.
    negative: bool,
}

impl<'a> Storage<'a> {
    /// What an identity says of a storage.
    pub(super) fn new(machine: &Machine<'a>, identity: Value<'a>) -> Outcome<Self> {
        let Some([Value::Text("storage"), class, Value::Text(key), _, all, view @ ..]) = machine.tuple(identity) else {
            return Err("its pickle refers to what is not a storage of numbers".into());
        };
        let names = machine.global(*class).unwrap_or_default();
        let (number, size) = storage(names)
            .ok_or_else(|| format!("its storage `{key}` is of the unknown type `{}.{}`", names[0], names[1]))?;
        let all = length(machine, *all)?;
        let part = match view {
            [] | [Value::None] => (0, all),
            [view, ..] => match machine.tuple(*view) {
                Some([Value::Text(_), offset, len]) => (length(machine, *offset)?, length(machine, *len)?),
                _ => return Err("its pickle has a broken view of a storage".into()),
            },
        };
        Ok(Self { key, number, size, all, part })
    }

    /// Takes its bytes for numbers of this type.
    fn of_bytes(&mut self, number: NumberType) -> Outcome {
        match (&self.number, number.size(), self.part) {
            (NumberType::U8, Some(size), (0, len)) if len == self.all => {
                (self.all, self.part, self.size, self.number) = (len / size, (0, len / size), size, number);
                Ok(())
            }
            _ => Err(format!("its pickle makes a tensor of {number} of what is not a whole storage of bytes")),
        }
    }
}

impl<'a> Tensor<'a> {
    /// What the arguments of a function say that makes tensors.
    pub(super) fn new(machine: &Machine<'a>, meaning: Meaning, arguments: &[Value<'a>]) -> Outcome<Self> {
        let [storage, offset, shape, strides, rest @ ..] = arguments else {
            return Err("its pickle makes a tensor without a storage, an offset, a shape and strides".into());
        };
        let mut storage = match storage {
            Value::Object(place) => match machine.objects[*place] {
                Object::External(identity) => Storage::new(machine, identity)?,
                _ => return Err("its pickle makes a tensor of what is not a storage".into()),
            },
            _ => return Err("its pickle makes a tensor of what is not a storage".into()),
        };
        let mut rest = rest.iter().skip(2);
        if meaning == Meaning::TypedTensor {
            let names = rest.next().and_then(|kind| machine.global(*kind));
            let number =
                names.and_then(number_type).ok_or("its pickle makes a tensor of numbers without their type")?;
            storage.of_bytes(number)?;
        }
        let negative = match rest.next() {
            Some(metadata) => is_negative(machine, *metadata)?,
            None => false,
        };
        let (shape, strides) = (lengths(machine, *shape)?, lengths(machine, *strides)?);
        Ok(Self { storage, offset: length(machine, *offset)?, shape, strides, negative })
    }

    /// Where its numbers are in the file; `source` finds the bytes of the storage of a key.
    pub(super) fn stored(self, source: impl Fn(&str) -> Option<Source>) -> Outcome<Stored> {
        let Self { storage, offset, shape, strides, negative } = self;
        let Storage { key, number, size, all, part: (begin, len) } = storage;
        let source = source(key).ok_or_else(|| format!("its storage `{key}` is not in the file"))?;
        let there = source.len() / size;
        if all > there {
            return Err(format!("its storage `{key}` is to hold {all} numbers of {number}, but there are {there}"));
        }
        if begin.checked_add(len).is_none_or(|end| end > all) || offset > len {
            return Err(format!("begins beyond the {all} numbers of its storage `{key}`"));
        }
        let layout = Layout { start: (begin + offset) * size, strides, big_endian: false, negative };
        Stored::new(number, shape, layout, source)
    }
}

/// Whether the numbers of a tensor have the other sign, as PyTorch's facts about it say.
fn is_negative(machine: &Machine, metadata: Value) -> Outcome<bool> {
    let unknown = |what: &str| Err(format!("has {what}, which is not known here; save `tensor.clone()`"));
    let Value::Object(place) = metadata else {
        return if matches!(metadata, Value::None) { Ok(false) } else { unknown("metadata") };
    };
    let Object::Dict(facts) = &machine.objects[place] else { return unknown("metadata") };
    let mut negative = false;
    for fact in facts {
        match fact {
            (_, Value::Bool(false)) => {}
            (Value::Text("neg"), Value::Bool(true)) => negative = true,
            // Only of complex numbers, which are not read.
            (Value::Text("conj"), Value::Bool(true)) => {}
            (Value::Text(name), _) => return unknown(&format!("the property `{name}`")),
            _ => return unknown("metadata"),
        }
    }
    Ok(negative)
}

fn length(machine: &Machine, value: Value) -> Outcome<usize> {
    let got = match value {
        Value::Integer(number) if number >= 0 => return Ok(number as usize),
        Value::Integer(number) => number.to_string(),
        other => machine.kind(other).into(),
    };
    Err(format!("its pickle has {got} where a length, an offset or a stride belongs"))
}

/// A tuple of lengths or strides, or a `torch.Size` of them.
fn lengths(machine: &Machine, value: Value) -> Outcome<Vec<usize>> {
    let inner = match value {
        Value::Object(place) => match &machine.objects[place] {
            Object::Made(made) => machine.tuple(made.arguments).and_then(|arguments| arguments.first().copied()),
            _ => None,
        },
        _ => None,
    };
    let items = machine.tuple(inner.unwrap_or(value));
    let items = items.ok_or_else(|| format!("its pickle has {} where a shape belongs", machine.kind(value)))?;
    if items.len() > crate::formats::stored::MOST_AXES {
        return Err(format!("expected at most {} axes, got {}", crate::formats::stored::MOST_AXES, items.len()));
    }
    let mut lengths = Vec::with_capacity(items.len());
    for item in items {
        lengths.push(length(machine, *item)?);
    }
    Ok(lengths)
}
