//! Datasets in pieces, which may be compressed.

use std::io::Read;

use super::number::Element;
use super::{Cursor, DEEPEST, File, NOWHERE, cut_off};
use crate::formats::bytes::Bytes;

/// Deflate says 258 bytes in two bits at best.
const MOST_INFLATED: usize = 1032;

/// A dataset in pieces of one shape. Its bytes are put together when they are asked for.
pub(in crate::formats) struct Chunks {
    file: File,
    shape: Vec<usize>,
    /// The shape of a piece.
    chunk: Vec<usize>,
    size: usize,
    filters: Vec<Filter>,
    pieces: Vec<Chunk>,
}

#[derive(Clone, Copy, PartialEq)]
enum Filter {
    Deflate,
    Shuffle,
    Fletcher32,
}

struct Chunk {
    /// Where its first element is in the dataset.
    offset: Vec<usize>,
    address: u64,
    len: usize,
    /// Filters that were left out, by their places.
    left_out: u32,
}

impl Chunks {
    pub(super) fn read(
        file: &File,
        mut layout: Cursor,
        filters: Option<&[u8]>,
        shape: &[usize],
        element: &Element,
    ) -> Result<Self, String> {
        let rank = usize::from(layout.byte()?);
        let tree = layout.number(8)?;
        let mut chunk = (0..rank).map(|_| layout.small(4)).collect::<Result<Vec<_>, _>>()?;
        if chunk.pop() != Some(element.size) || chunk.len() != shape.len() || chunk.contains(&0) || element.size == 0 {
            return Err(format!("expected chunks of {} axes, got {chunk:?}", shape.len()));
        }
        let filters = filters.map_or(Ok(Vec::new()), |content| pipeline(Cursor(content)))?;
        let mut chunks =
            Self { file: file.clone(), shape: shape.into(), chunk, size: element.size, filters, pieces: Vec::new() };
        let whole = chunks.bytes_of(shape)?;
        if whole > file.0.len().saturating_mul(MOST_INFLATED) {
            return Err(format!("says that a file of {} bytes unpacks to {whole}, which it cannot", file.0.len()));
        }
        if tree != NOWHERE {
            chunks.walk(tree, DEEPEST)?;
        }
        let most = chunks.bytes_of(&chunks.chunk)?.saturating_mul(chunks.pieces.len());
        if whole > most {
            return Err(format!("has chunks of {most} bytes for {whole}; write all of its numbers"));
        }
        // Pieces do not overlap, so that there are no more bytes in them than in the file.
        let stored = chunks.pieces.iter().try_fold(0_usize, |all, piece| all.checked_add(piece.len));
        match stored.is_some_and(|stored| stored <= file.0.len()) {
            true => Ok(chunks),
            false => Err("has chunks that overlap".into()),
        }
    }

    fn bytes_of(&self, shape: &[usize]) -> Result<usize, String> {
        let product = shape.iter().try_fold(self.size, |all, len| all.checked_mul(*len));
        product.ok_or_else(|| format!("its shape {shape:?} asks for more numbers than there can be"))
    }

    /// How many bytes the dataset has.
    pub(in crate::formats) fn len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.size
    }

    fn walk(&mut self, node: u64, depth: usize) -> Result<(), String> {
        let file = self.file.clone();
        let mut tree = file.at(node)?;
        tree.expect(b"TREE")?;
        let (kind, level, count) = (tree.byte()?, tree.byte()?, tree.small(2)?);
        tree.take(16)?;
        if kind != 1 || depth == 0 {
            return Err("expected a tree of chunks, got another".into());
        }
        for _ in 0..count {
            let (len, left_out) = (tree.small(4)?, tree.number(4)? as u32);
            let offset = (0..self.shape.len()).map(|_| tree.small(8)).collect::<Result<Vec<_>, _>>()?;
            tree.take(8)?;
            let address = tree.number(8)?;
            if level > 0 {
                self.walk(address, depth - 1)?;
                continue;
            }
            if offset.iter().zip(&self.shape).any(|(start, len)| start >= len) || len == 0 {
                return Err("has a chunk outside of its shape".into());
            }
            if self.pieces.len() > file.0.len() / 32 {
                return Err("has chunks that overlap".into());
            }
            self.pieces.push(Chunk { offset, address, len, left_out });
        }
        Ok(())
    }

    /// The bytes of the dataset, its last axis fastest.
    pub(in crate::formats) fn bytes(&self) -> Result<Bytes, String> {
        let mut whole = vec![0; self.len()];
        for piece in &self.pieces {
            self.put(piece, &self.unpack(piece)?, &mut whole);
        }
        Ok(whole.into())
    }

    /// The elements of a piece.
    fn unpack(&self, piece: &Chunk) -> Result<Vec<u8>, String> {
        let mut bytes = self.file.part(piece.address, piece.len)?.0.to_vec();
        let len = self.bytes_of(&self.chunk)?;
        let filters = self.filters.iter().enumerate().rev();
        for (_, filter) in filters.filter(|(place, _)| *place >= 32 || piece.left_out >> place & 1 == 0) {
            match filter {
                Filter::Fletcher32 => bytes.truncate(bytes.len().saturating_sub(4)),
                Filter::Shuffle => bytes = unshuffled(&bytes, self.size),
                Filter::Deflate => {
                    if len > bytes.len().saturating_mul(MOST_INFLATED) {
                        return Err(format!("says that {} bytes unpack to {len}, which they cannot", bytes.len()));
                    }
                    let mut unpacked = Vec::with_capacity(len + 4);
                    // A checksum may be in what was compressed.
                    let reader = flate2::read::ZlibDecoder::new(&bytes[..]);
                    let read = reader.take(len as u64 + 4).read_to_end(&mut unpacked);
                    read.map_err(|error| format!("a chunk cannot be unpacked: {error}"))?;
                    bytes = unpacked;
                }
            }
        }
        match bytes.len() == len {
            true => Ok(bytes),
            false => Err(format!("expected a chunk of {len} bytes, got {}", bytes.len())),
        }
    }

    /// Copies a piece to its place; what lies outside of the shape is left.
    fn put(&self, piece: &Chunk, bytes: &[u8], whole: &mut [u8]) {
        let Some((last, outer)) = self.chunk.split_last() else { return whole.copy_from_slice(bytes) };
        let axes = outer.len();
        let row = (self.shape[axes] - piece.offset[axes]).min(*last) * self.size;
        for (i, from) in bytes.chunks_exact(last * self.size).enumerate() {
            let (mut rest, mut place, mut stride, mut is_inside) = (i, 0, self.shape[axes], true);
            for axis in (0..axes).rev() {
                let index = piece.offset[axis] + rest % self.chunk[axis];
                rest /= self.chunk[axis];
                is_inside &= index < self.shape[axis];
                place += index.min(self.shape[axis] - 1) * stride;
                stride *= self.shape[axis];
            }
            if is_inside {
                let start = (place + piece.offset[axes]) * self.size;
                whole[start..start + row].copy_from_slice(&from[..row]);
            }
        }
    }
}

/// First bytes of all elements, then their second bytes, and so on, put together again.
fn unshuffled(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size;
    if count == 0 {
        return bytes.to_vec();
    }
    let mut elements = bytes.to_vec();
    for (i, element) in elements.chunks_exact_mut(size).enumerate() {
        for (byte, plane) in element.iter_mut().zip(bytes.chunks_exact(count)) {
            *byte = plane[i];
        }
    }
    elements
}

/// The filters of a dataset, in the order in which they were applied.
fn pipeline(mut content: Cursor) -> Result<Vec<Filter>, String> {
    let (version, count) = (content.byte()?, content.byte()?);
    content.take(if version == 1 { 6 } else { 0 })?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = content.number(2)?;
        let name = if version == 1 || id >= 256 { content.small(2)? } else { 0 };
        content.take(2)?;
        let values = content.small(2)?;
        let padding = if version == 1 && values % 2 == 1 { 4 } else { 0 };
        content.take(if version == 1 { name.next_multiple_of(8) } else { name })?;
        content.take(4 * values + padding).map_err(|_| cut_off())?;
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle,
            3 => Filter::Fletcher32,
            other => {
                return Err(format!("is compressed by filter {other}; write it with gzip, or without compression"));
            }
        });
    }
    Ok(filters)
}
