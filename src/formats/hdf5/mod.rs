//! HDF5 (feature `keras`): the part of the format that h5py writes for weights.
//!
//! Superblocks 0 to 3, object headers 1 and 2, symbol tables and link messages, contiguous, compact and chunked data (B-tree 1),
//! deflate, shuffle and Fletcher's checksums. Attributes are read where they are texts. Soft, external and virtual links are left
//! out; an object that two links lead to is refused, so that nothing goes round in circles.

mod chunks;
mod header;
mod number;
mod write;

pub(super) use chunks::Chunks;
pub(super) use write::write;

use std::collections::HashSet;

use self::header::{Header, Link};
use super::bytes::Bytes;
use super::stored::Stored;

/// What a file of this format begins with.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Groups in each other.
const DEEPEST: usize = 64;
/// Bytes of a name.
const LONGEST_NAME: usize = 1024;
/// An address that leads nowhere.
const NOWHERE: u64 = u64::MAX;

/// A group or a dataset.
pub(super) struct Object {
    /// The names that lead to it, joined by slashes; empty for the root.
    pub(super) path: String,
    /// The attributes that are texts or lists of texts.
    pub(super) texts: Vec<(String, Vec<String>)>,
    /// The numbers of a dataset.
    pub(super) data: Option<Stored>,
}

impl Object {
    /// The texts of an attribute.
    pub(super) fn texts(&self, name: &str) -> Option<&[String]> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, texts)| texts.as_slice())
    }
}

/// The bytes of a file from its superblock on, in which addresses count.
#[derive(Clone)]
struct File(Bytes);

/// Numbers one after the other, the least byte first.
struct Cursor<'a>(&'a [u8]);

fn cut_off() -> String {
    "is cut off, or damaged".into()
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of up to 8 bytes.
    fn number(&mut self, len: usize) -> Result<u64, String> {
        Ok(self.take(len)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn small(&mut self, len: usize) -> Result<usize, String> {
        usize::try_from(self.number(len)?).map_err(|_| cut_off())
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn expect(&mut self, mark: &[u8]) -> Result<(), String> {
        match self.take(mark.len())? == mark {
            true => Ok(()),
            false => Err(format!("expected the mark {} of a block, got other bytes", String::from_utf8_lossy(mark))),
        }
    }
}

impl File {
    /// The bytes from an address on.
    fn at(&self, address: u64) -> Result<Cursor<'_>, String> {
        let start = usize::try_from(address).map_err(|_| cut_off())?;
        self.0.as_ref().get(start..).map(Cursor).ok_or_else(cut_off)
    }

    fn part(&self, address: u64, len: usize) -> Result<Cursor<'_>, String> {
        self.at(address)?.take(len).map(Cursor)
    }

    /// The address of the root group's header.
    fn root(&self) -> Result<u64, String> {
        let mut block = self.at(0)?;
        block.expect(MAGIC)?;
        let version = block.byte()?;
        let sizes = match version {
            0 | 1 => {
                block.take(4)?;
                [block.byte()?, block.byte()?]
            }
            2 | 3 => [block.byte()?, block.byte()?],
            _ => return Err(format!("expected a superblock of version 0 to 3, got {version}")),
        };
        if sizes != [8, 8] {
            return Err(format!("expected addresses and lengths of 8 bytes, got {} and {}", sizes[0], sizes[1]));
        }
        if version >= 2 {
            block.take(1 + 3 * 8)?;
            return block.number(8);
        }
        block.take(1 + 2 + 2 + 4 + if version == 1 { 4 } else { 0 } + 4 * 8 + 8)?;
        block.number(8)
    }
}

/// All objects of a file, each group before what is in it.
pub(super) fn read(bytes: &Bytes) -> Result<Vec<Object>, String> {
    // It may follow a block of somebody else.
    let starts = |start: usize| bytes.as_ref().get(start..).is_some_and(|rest| rest.starts_with(MAGIC));
    let start = [0, 512, 1024, 2048].into_iter().find(|start| starts(*start)).unwrap_or(0);
    let file = File(bytes.slice(start..bytes.len()).ok_or_else(cut_off)?);
    let mut walk = Walk { file: &file, seen: HashSet::new(), objects: Vec::new(), texts_left: bytes.len() };
    let fail = |reason| format!("is not a valid HDF5 file: {reason}");
    let root = file.root().map_err(fail)?;
    walk.visit(root, String::new(), 0).map_err(fail)?;
    Ok(walk.objects)
}

struct Walk<'a> {
    file: &'a File,
    seen: HashSet<u64>,
    objects: Vec<Object>,
    /// Bytes of texts that may still be read.
    texts_left: usize,
}

impl Walk<'_> {
    fn visit(&mut self, address: u64, path: String, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("groups lie in each other more than {DEEPEST} deep"));
        }
        if !self.seen.insert(address) {
            return Err(format!("`{path}` is an object that another link leads to; copy it where the file was made"));
        }
        let header = Header::read(self.file, address).map_err(|reason| format!("`{path}`: {reason}"))?;
        let texts = header.texts(self.file, &mut self.texts_left);
        let dtype = texts.iter().find(|(name, _)| name == "dtype").and_then(|(_, texts)| texts.first());
        let data = header.is_dataset().then(|| header.data(self.file, dtype.map(String::as_str)));
        let is_dataset = data.is_some();
        self.objects.push(Object { path: path.clone(), texts, data });
        if is_dataset {
            return Ok(());
        }
        for Link { name, address } in header.links(self.file).map_err(|reason| format!("`{path}`: {reason}"))? {
            if name.len() > LONGEST_NAME {
                return Err(format!("a name in `{path}` has {} bytes", name.len()));
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            self.visit(address, path, depth + 1)?;
        }
        Ok(())
    }
}
