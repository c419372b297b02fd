//! Writes HDF5: groups by their links, numbers as they are.

use super::number::describe;
use super::{MAGIC, NOWHERE};
use crate::formats::stored::Stored;

/// What a group holds: groups and datasets by name.
#[derive(Default)]
struct Group<'a>(Vec<(&'a str, Entry<'a>)>);

enum Entry<'a> {
    Group(Group<'a>),
    Data(&'a Stored),
}

impl<'a> Group<'a> {
    fn insert(&mut self, path: &'a str, data: &'a Stored) -> Result<(), String> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let place = self.0.iter().position(|(known, _)| *known == name);
        match (rest, place.map(|place| &mut self.0[place].1)) {
            (None, None) => self.0.push((name, Entry::Data(data))),
            (Some(rest), Some(Entry::Group(group))) => group.insert(rest, data)?,
            (Some(rest), None) => {
                let mut group = Group::default();
                group.insert(rest, data)?;
                self.0.push((name, Entry::Group(group)));
            }
            _ => return Err(format!("`{path}` would be a group and a dataset; give it another name")),
        }
        Ok(())
    }
}

/// The bytes of a file of these tensors, whose names are paths with slashes.
pub(in crate::formats) fn write(tensors: &[(String, Stored)]) -> Result<Vec<u8>, String> {
    let mut root = Group::default();
    for (path, stored) in tensors {
        root.insert(path, stored)?;
    }
    // The superblock, whose last entry is the address of the root.
    let mut file = [MAGIC, &[0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]].concat();
    file.extend([0, NOWHERE, 0, NOWHERE, 0, 0, 0, 0, 0].map(u64::to_le_bytes).as_flattened());
    let root = group(&mut file, &root)?;
    let end = file.len() as u64;
    file[40..48].copy_from_slice(&end.to_le_bytes());
    file[64..72].copy_from_slice(&root.to_le_bytes());
    Ok(file)
}

/// Writes what is in a group and then its header, and returns where that is.
fn group(file: &mut Vec<u8>, group: &Group<'_>) -> Result<u64, String> {
    let mut messages = vec![
        // No other links than those of the header; the sizes of a group are the default ones.
        message(0x02, &[&[0, 0], &[0xFF; 16][..]].concat())?,
        message(0x0A, &[0, 0])?,
    ];
    for (name, entry) in &group.0 {
        let address = match entry {
            Entry::Group(inner) => self::group(file, inner)?,
            Entry::Data(stored) => dataset(file, stored).map_err(|reason| format!("tensor `{name}`: {reason}"))?,
        };
        let len = u16::try_from(name.len()).map_err(|_| format!("the name `{name}` is too long"))?;
        // With a name in UTF-8, whose length takes 2 bytes.
        let link = [&[1, 0x11, 1][..], &len.to_le_bytes(), name.as_bytes(), &address.to_le_bytes()].concat();
        messages.push(message(0x06, &link)?);
    }
    header(file, &messages)
}

fn dataset(file: &mut Vec<u8>, stored: &Stored) -> Result<u64, String> {
    let (number, bytes) = match describe(&stored.number) {
        Some(number) => (number, stored.bytes()?),
        // HDF5 has no such type.
        None => {
            let float = Stored::from(stored.decode()?);
            (describe(&float.number).ok_or("has numbers of an unknown type")?, float.bytes()?)
        }
    };
    let rank = u8::try_from(stored.shape.len()).map_err(|_| "has too many axes")?;
    let mut shape = vec![1, rank, 0, 0, 0, 0, 0, 0];
    shape.extend(stored.shape.iter().flat_map(|len| (*len as u64).to_le_bytes()));
    align(file);
    let address = if bytes.len() == 0 { NOWHERE } else { file.len() as u64 };
    file.extend(bytes.as_ref());
    let place = [&[3, 1][..], &address.to_le_bytes(), &(bytes.len() as u64).to_le_bytes()].concat();
    header(file, &[message(0x01, &shape)?, message(0x03, &number)?, message(0x08, &place)?])
}

fn align(file: &mut Vec<u8>) {
    file.resize(file.len().next_multiple_of(8), 0);
}

fn message(kind: u16, content: &[u8]) -> Result<Vec<u8>, String> {
    let mut content = content.to_vec();
    align(&mut content);
    let len = u16::try_from(content.len()).map_err(|_| "has a part of more than 64 kB in a header")?;
    Ok([&kind.to_le_bytes()[..], &len.to_le_bytes(), &[0; 4], &content].concat())
}

/// Writes the header of an object, and returns where it is.
fn header(file: &mut Vec<u8>, messages: &[Vec<u8>]) -> Result<u64, String> {
    align(file);
    let address = file.len() as u64;
    let count = u16::try_from(messages.len()).map_err(|_| "has too many parts in a group")?;
    let len: usize = messages.iter().map(Vec::len).sum();
    let len = u32::try_from(len).map_err(|_| "has too many parts in a group")?;
    file.extend([&[1, 0][..], &count.to_le_bytes(), &1_u32.to_le_bytes(), &len.to_le_bytes(), &[0; 4]].concat());
    file.extend(messages.concat());
    Ok(address)
}
