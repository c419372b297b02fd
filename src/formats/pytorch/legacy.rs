//! The stream that PyTorch wrote before 1.6: five pickles, and the storages one after the other.

use std::collections::HashMap;

use super::machine::{Machine, Object, Outcome, Value};
use super::tensors::Storage;
use super::walk;
use crate::formats::{
    bytes::Bytes,
    stored::{Source, Stored},
};

const MAGIC: &[u8] = &[0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

pub(in crate::formats) fn read(bytes: &Bytes) -> Outcome<Vec<(String, Stored)>> {
    let all = bytes.as_ref();
    // Protocol 4 puts a frame before what it says.
    let magic = all.get(..all.len().min(40)).unwrap_or_default();
    if !magic.windows(MAGIC.len()).any(|window| window == MAGIC) {
        return Err("is a pickle of Python that torch.save did not write; save tensors with torch.save".into());
    }
    let (_, _, rest) = Machine::run(all)?;
    let (protocol, _, rest) = Machine::run(rest)?;
    let (info, machine, rest) = Machine::run(rest)?;
    check(protocol, info, &machine)?;
    let (value, machine, rest) = Machine::run(rest)?;
    let (keys, keys_machine, mut rest) = Machine::run(rest)?;

    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for object in &machine.objects {
        if let Object::External(identity) = object
            && let Ok(storage) = Storage::new(&machine, *identity)
        {
            sizes.insert(storage.key, storage.size);
        }
    }
    let Value::Object(keys) = keys else { return Err("expected a list of storages".into()) };
    let Object::List(keys) = &keys_machine.objects[keys] else { return Err("expected a list of storages".into()) };
    let mut parts = HashMap::new();
    for key in keys {
        let Value::Text(key) = key else { return Err("expected texts as keys of storages".into()) };
        let size = sizes.get(key).ok_or_else(|| format!("has a storage `{key}` of an unknown type"))?;
        let cut = || format!("is cut off in its storage `{key}`");
        let (count, after) = rest.split_first_chunk().ok_or_else(cut)?;
        let len = usize::try_from(i64::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(*size));
        let len = len.filter(|len| *len <= after.len()).ok_or_else(cut)?;
        let start = all.len() - after.len();
        rest = &after[len..];
        if parts.insert(*key, bytes.slice(start..start + len).ok_or_else(cut)?).is_some() {
            return Err(format!("has two storages `{key}`"));
        }
    }
    walk::list(value, &machine, all.len(), |key| parts.get(key).cloned().map(Source::Bytes))
}

/// Refuses another protocol, and numbers whose greatest byte comes first.
fn check(protocol: Value, info: Value, machine: &Machine) -> Outcome {
    let protocol_ok = matches!(protocol, Value::Integer(PROTOCOL));
    let Value::Object(info) = info else { return Err("expected facts about the machine it was made on".into()) };
    let Object::Dict(info) = &machine.objects[info] else {
        return Err("expected facts about the machine it was made on".into());
    };
    let little = info.iter().find_map(|(key, value)| match (key, value) {
        (Value::Text("little_endian"), Value::Bool(little)) => Some(*little),
        _ => None,
    });
    match (protocol_ok, little) {
        (false, _) => Err(format!("expected the protocol {PROTOCOL} of torch.save, got another")),
        (_, None) => Err("does not say whether its numbers are little-endian".into()),
        (_, Some(false)) => {
            Err("its numbers are big-endian; load it in PyTorch and save it on a little-endian machine".into())
        }
        _ => Ok(()),
    }
}
