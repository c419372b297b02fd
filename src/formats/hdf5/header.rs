//! Headers of objects: the messages that say what an object is.

use super::chunks::Chunks;
use super::number::{Element, element};
use super::{Cursor, File, NOWHERE, cut_off};
use crate::formats::NumberType;
use crate::formats::stored::{Layout, MOST_AXES, Source, Stored};

/// Nodes of a tree above each other.
const DEEPEST_TREE: usize = 16;
/// Blocks of a header.
const MOST_BLOCKS: usize = 256;

/// A name in a group, and where what it stands for begins.
pub(super) struct Link {
    pub name: String,
    pub address: u64,
}

struct Message<'a> {
    kind: u16,
    /// Whether the content lies elsewhere.
    is_shared: bool,
    content: &'a [u8],
}

/// The messages of an object.
pub(super) struct Header<'a>(Vec<Message<'a>>);

impl<'a> Header<'a> {
    pub fn read(file: &'a File, address: u64) -> Result<Self, String> {
        let mut start = file.at(address)?;
        let mut header = Self(Vec::new());
        let mut blocks = Vec::new();
        let version = if start.0.starts_with(b"OHDR") { 2 } else { 1 };
        let mut has_order = false;
        if version == 2 {
            start.take(5)?;
            let flags = start.byte()?;
            has_order = flags & 4 > 0;
            start.take(if flags & 0x20 > 0 { 16 } else { 0 } + if flags & 0x10 > 0 { 4 } else { 0 })?;
            let len = start.small(1 << (flags & 3))?;
            blocks.push(start.take(len)?);
        } else {
            if start.byte()? != 1 {
                return Err("expected the header of an object, got other bytes".into());
            }
            start.take(7)?;
            let len = start.small(4)?;
            start.take(4)?;
            blocks.push(start.take(len)?);
        }
        let mut next = 0;
        while let Some(block) = blocks.get(next) {
            next += 1;
            let mut block = Cursor(block);
            // What is too short for a message is a gap.
            while block.0.len() >= if version == 1 { 8 } else { 4 } {
                let message = Message::read(&mut block, version, has_order)?;
                if message.kind == 0x10 {
                    if blocks.len() >= MOST_BLOCKS {
                        return Err(format!("expected a header of at most {MOST_BLOCKS} blocks"));
                    }
                    let mut place = Cursor(message.content);
                    let (address, len) = (place.number(8)?, place.small(8)?);
                    blocks.push(continuation(file, address, len, version)?);
                } else {
                    header.0.push(message);
                }
            }
        }
        Ok(header)
    }

    fn find(&self, kind: u16) -> Option<&Message<'a>> {
        self.0.iter().find(|message| message.kind == kind)
    }

    /// The content of a message that a dataset must have.
    fn content(&self, kind: u16, what: &str) -> Result<&'a [u8], String> {
        let message = self.find(kind).ok_or_else(|| format!("expected a dataset with {what}, got none"))?;
        match message.is_shared {
            true => Err(format!("has {what} that is shared with others; write it anew, each dataset with its own")),
            false => Ok(message.content),
        }
    }

    pub fn is_dataset(&self) -> bool {
        self.find(0x08).is_some()
    }

    /// What a group holds.
    pub fn links(&self, file: &File) -> Result<Vec<Link>, String> {
        let mut links = Vec::new();
        for message in &self.0 {
            let mut content = Cursor(message.content);
            match message.kind {
                0x02 => {
                    content.take(1)?;
                    let flags = content.byte()?;
                    content.take(if flags & 1 > 0 { 8 } else { 0 })?;
                    if content.number(8)? != NOWHERE {
                        return Err("is a group in the form of `libver=\"latest\"`; write the file without that".into());
                    }
                }
                0x06 => links.extend(link(content)?),
                0x11 => {
                    let (tree, heap) = (content.number(8)?, content.number(8)?);
                    let mut heap = file.at(heap)?;
                    heap.expect(b"HEAP")?;
                    heap.take(4)?;
                    let len = heap.small(8)?;
                    heap.take(8)?;
                    let names = file.part(heap.number(8)?, len)?.0;
                    symbols(file, tree, names, DEEPEST_TREE, &mut links)?;
                }
                _ => {}
            }
        }
        Ok(links)
    }

    /// The attributes that are texts; others are left out.
    /// `most` is how many bytes they may have, and loses those that they have.
    pub fn texts(&self, file: &File, most: &mut usize) -> Vec<(String, Vec<String>)> {
        let attributes = self.0.iter().filter(|message| message.kind == 0x0C && !message.is_shared);
        attributes.filter_map(|message| attribute(message.content, file, most).ok().flatten()).collect()
    }

    /// The numbers of a dataset, or why they cannot be read.
    /// `dtype` is what Keras says of it where HDF5 has no such type.
    pub fn data(&self, file: &File, dtype: Option<&str>) -> Stored {
        let shape = self.content(0x01, "a shape").and_then(|content| shape(Cursor(content)));
        let element = self.content(0x03, "a type").and_then(|content| element(Cursor(content)));
        let (shape, element) = match (shape, element) {
            (Ok(shape), Ok(element)) => (shape, element.named(dtype)),
            (Err(reason), _) | (_, Err(reason)) => {
                return Stored::unreadable(NumberType::Other("?".into()), reason);
            }
        };
        let number = element.number.clone();
        let stored = self.place(file, &shape, &element).and_then(|source| {
            let layout = Layout { big_endian: element.big_endian, ..Layout::row_major(0, &shape)? };
            Stored::new(number.clone(), shape, layout, source)
        });
        stored.unwrap_or_else(|reason| Stored::unreadable(number, reason))
    }

    /// Where the numbers are.
    fn place(&self, file: &File, shape: &[usize], element: &Element) -> Result<Source, String> {
        let mut layout = Cursor(self.content(0x08, "a layout")?);
        let (version, class) = (layout.byte()?, layout.byte()?);
        if !matches!(version, 3 | 4) {
            return Err(format!("expected a layout of version 3 or 4, got {version}; write the file anew with h5py"));
        }
        match class {
            0 => {
                let len = layout.small(2)?;
                Ok(Source::Bytes(layout.take(len)?.to_vec().into()))
            }
            1 => {
                let (address, len) = (layout.number(8)?, layout.small(8)?);
                if address == NOWHERE && shape.contains(&0) {
                    return Ok(Source::Bytes(Vec::new().into()));
                }
                let start = usize::try_from(address).map_err(|_| cut_off())?;
                let part = start.checked_add(len).and_then(|end| file.0.slice(start..end));
                part.map(Source::Bytes).ok_or_else(cut_off)
            }
            2 if version == 3 => {
                let filters = self.find(0x0B).map(|message| message.content);
                Chunks::read(file, layout, filters, shape, element).map(|chunks| Source::Chunks(chunks.into()))
            }
            2 => Err("has chunks in the form of `libver=\"latest\"`; write the file without that".into()),
            _ => Err("is a virtual dataset of other files; write its numbers".into()),
        }
    }
}

impl<'a> Message<'a> {
    fn read(block: &mut Cursor<'a>, version: u8, has_order: bool) -> Result<Self, String> {
        let kind = block.number(if version == 1 { 2 } else { 1 })? as u16;
        let len = block.small(2)?;
        let flags = block.byte()?;
        block.take(if version == 1 {
            3
        } else if has_order {
            2
        } else {
            0
        })?;
        Ok(Self { kind, is_shared: flags & 2 > 0, content: block.take(len)? })
    }
}

/// A further block of a header, without its mark and checksum.
fn continuation(file: &File, address: u64, len: usize, version: u8) -> Result<&[u8], String> {
    let mut block = file.part(address, len)?;
    if version == 2 {
        block.expect(b"OCHK")?;
        let len = block.0.len().checked_sub(4).ok_or_else(cut_off)?;
        return block.take(len);
    }
    Ok(block.0)
}

/// A link, if it leads to an object of this file.
fn link(mut content: Cursor) -> Result<Option<Link>, String> {
    content.take(1)?;
    let flags = content.byte()?;
    let kind = if flags & 8 > 0 { content.byte()? } else { 0 };
    content.take(if flags & 4 > 0 { 8 } else { 0 } + if flags & 16 > 0 { 1 } else { 0 })?;
    let len = content.small(1 << (flags & 3))?;
    let name = String::from_utf8_lossy(content.take(len)?).into_owned();
    Ok(if kind == 0 { Some(Link { name, address: content.number(8)? }) } else { None })
}

/// The links of a group in a tree of names.
fn symbols(file: &File, node: u64, names: &[u8], depth: usize, links: &mut Vec<Link>) -> Result<(), String> {
    let mut tree = file.at(node)?;
    if !tree.0.starts_with(b"SNOD") {
        tree.expect(b"TREE")?;
        tree.take(2)?;
        let count = tree.small(2)?;
        tree.take(16)?;
        if depth == 0 {
            return Err(format!("a tree of names is more than {DEEPEST_TREE} nodes high"));
        }
        for _ in 0..count {
            tree.take(8)?;
            symbols(file, tree.number(8)?, names, depth - 1, links)?;
        }
        return Ok(());
    }
    tree.take(6)?;
    let count = tree.small(2)?;
    for _ in 0..count {
        let (name, address, cached) = (tree.small(8)?, tree.number(8)?, tree.number(4)?);
        tree.take(20)?;
        // Each of them takes 40 bytes, unless nodes are named again and again.
        if links.len() > file.0.len() / 40 {
            return Err("names a part of a group several times".into());
        }
        if cached != 2 {
            let name = names.get(name..).ok_or_else(cut_off)?;
            let end = name.iter().position(|byte| *byte == 0).ok_or_else(cut_off)?;
            links.push(Link { name: String::from_utf8_lossy(&name[..end.min(2048)]).into_owned(), address });
        }
    }
    Ok(())
}

fn shape(mut content: Cursor) -> Result<Vec<usize>, String> {
    let (version, rank) = (content.byte()?, usize::from(content.byte()?));
    match version {
        1 => content.take(6)?,
        2 => content.take(2)?,
        _ => return Err(format!("expected a shape of version 1 or 2, got {version}")),
    };
    if rank > MOST_AXES {
        return Err(format!("expected at most {MOST_AXES} axes, got {rank}"));
    }
    (0..rank).map(|_| content.small(8)).collect()
}

/// The name and the texts of an attribute; `None` if it is something else.
fn attribute(content: &[u8], file: &File, most: &mut usize) -> Result<Option<(String, Vec<String>)>, String> {
    let mut content = Cursor(content);
    let version = content.byte()?;
    content.take(1)?;
    let sizes = [content.small(2)?, content.small(2)?, content.small(2)?];
    content.take(usize::from(version == 3))?;
    let padded = |len: usize| if version == 1 { len.next_multiple_of(8) } else { len };
    let name = content.take(padded(sizes[0]))?;
    let name = String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let mut kind = Cursor(content.take(padded(sizes[1]))?);
    let count =
        shape(Cursor(content.take(padded(sizes[2]))?))?.iter().try_fold(1_usize, |all, len| all.checked_mul(*len));
    let (class, bits) = (kind.byte()? & 15, kind.number(3)?);
    let size = kind.small(4)?;
    let count = count.filter(|count| count.checked_mul(size.max(1)).is_some_and(|len| len <= content.0.len()));
    let Some(count) = count else { return Err(cut_off()) };
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        let text = match class {
            3 => content.take(size)?,
            9 if bits & 15 == 1 && size == 16 => {
                let (len, heap, index) = (content.small(4)?, content.number(8)?, content.number(4)?);
                heap_object(file, heap, index)?.get(..len).ok_or_else(cut_off)?
            }
            _ => return Ok(None),
        };
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        // Texts of a heap may be named again and again.
        *most = most.checked_sub(text.len()).ok_or("names a text several times")?;
        texts.push(String::from_utf8_lossy(text).into_owned());
    }
    Ok(Some((name, texts)))
}

/// An object of a global heap.
fn heap_object(file: &File, heap: u64, wanted: u64) -> Result<&[u8], String> {
    let mut block = file.at(heap)?;
    block.expect(b"GCOL")?;
    block.take(4)?;
    let len = block.small(8)?;
    let mut block = file.part(heap, len)?;
    block.take(16)?;
    loop {
        let index = block.number(2)?;
        block.take(6)?;
        let len = block.small(8)?;
        if index == wanted {
            return block.take(len);
        }
        if index == 0 {
            return Err(cut_off());
        }
        block.take(len.checked_next_multiple_of(8).ok_or_else(cut_off)?)?;
    }
}
