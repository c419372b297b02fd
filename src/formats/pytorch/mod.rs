//! Files of `torch.save` (feature `pytorch`): a zip archive, or the older stream.
//!
//! Both hold a pickle, a program for a small machine that makes Python objects. The machine here runs none of Python: it keeps
//! what is to be made as descriptions, and the few functions that make tensors and dictionaries ([`globals`]) are known.

mod globals;
mod legacy;
mod machine;
mod opcodes;
mod tensors;
mod walk;

use std::collections::HashMap;

pub(super) use self::legacy::read as read_legacy;
use self::machine::Machine;
use super::archive::Member;
use super::stored::{Source, Stored};

/// The tensors of a zip archive of PyTorch.
pub(super) fn read_zip(members: Vec<Member>) -> Result<Vec<(String, Stored)>, String> {
    let mut members: HashMap<String, Member> =
        members.into_iter().map(|member| (member.name.clone(), member)).collect();
    let mut pickles = members.keys().filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let (Some(pickle), None) = (pickles.next().cloned(), pickles.next()) else {
        return Err("expected one data.pkl in the archive, got several".into());
    };
    let prefix = pickle.trim_end_matches("data.pkl");
    if let Some(order) = members.remove(&format!("{prefix}byteorder"))
        && order.bytes()?.as_ref() != b"little"
    {
        return Err("its numbers are big-endian; load it in PyTorch and save it on a little-endian machine".into());
    }
    let pickle = members.remove(&pickle).map_or_else(|| Err("has no data.pkl".into()), |member| member.bytes())?;
    let (value, machine, _) = Machine::run(pickle.as_ref())?;
    let bytes = pickle.len() + members.values().map(|member| member.len).sum::<usize>();
    walk::list(value, &machine, bytes, |key| members.get(&format!("{prefix}data/{key}")).cloned().map(Source::Member))
}
