//! The bytes of files, gzipped or not, and their text.

use std::path::{Path, PathBuf};

use super::text::Encoding;
use crate::error::{Error, Result};

/// Reads a file, and unpacks it if it is gzipped.
pub(super) fn file(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    if named || bytes.starts_with(&[0x1f, 0x8b]) { unzip(path, &bytes) } else { Ok(bytes) }
}

/// Reads the file at `path`, or the one at `path.gz` where that is absent; `hint` ends the message where both are. Returns which
/// one it was.
pub(super) fn file_or_zipped(path: &Path, hint: &str) -> Result<(PathBuf, Vec<u8>)> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".gz");
    let zipped = path.with_file_name(&name);
    if path.exists() {
        Ok((path.into(), file(path)?))
    } else if zipped.exists() {
        let bytes = file(&zipped)?;
        Ok((zipped, bytes))
    } else {
        Err(Error::file(path, format!("no such file, and no {} beside it{hint}", Path::new(&name).display())))
    }
}

/// Reads the file `name` in a folder, or `name.gz` where that is absent. `kind` says what files the folder should have.
pub(super) fn in_folder(folder: &Path, name: &str, kind: &str) -> Result<(PathBuf, Vec<u8>)> {
    file_or_zipped(&folder.join(name), &format!("; name the folder of the {kind} files"))
}

/// Unpacks all members: a file may be several gzip files one after the other, as `bgzip` and `pigz` write them.
#[cfg(feature = "gzip")]
fn unzip(path: &Path, zipped: &[u8]) -> Result<Vec<u8>> {
    use std::io::Read;
    // The file ends with its unpacked length, unless it has several members or is damaged; nothing unpacks to more than 1032 times its size.
    let ending = zipped.last_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    let mut bytes = Vec::new();
    // `read_to_end` wants a little room to see that it is at the end.
    let _ = bytes.try_reserve_exact(ending.min(1032 * zipped.len()) + 32);
    let mut reader = flate2::read::MultiGzDecoder::new(zipped);
    match reader.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => match foreign(zipped) {
            Some(what) => Err(Error::file(path, format!("expected a gzip file, got {what}"))),
            None => Err(Error::file(path, format!("is not a valid gzip file: {error}"))),
        },
    }
}

#[cfg(not(feature = "gzip"))]
fn unzip(path: &Path, _zipped: &[u8]) -> Result<Vec<u8>> {
    Err(Error::file(path, "is gzipped; unpack it, or switch on gradus' feature `gzip`"))
}

/// What the bytes of a file are that is not text, by how it begins.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    let formats: [(&[u8], &str); 8] = [
        (b"PK\x03\x04", "a zip archive or a workbook; unpack it, or save its table as CSV"),
        (b"BZh", "a bzip2 file; unpack it"),
        (b"\xfd7zXZ\0", "an xz file; unpack it"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard file; unpack it"),
        (b"\xd0\xcf\x11\xe0", "an Excel workbook; save its table as CSV"),
        (b"PAR1", "a Parquet file; save its table as CSV"),
        (b"\x89HDF", "an HDF5 file; save its table as CSV"),
        (b"version https://git-lfs", "a pointer of Git LFS in the place of the file; fetch it with `git lfs pull`"),
    ];
    formats.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, what)| *what)
}

/// What the bytes of a file are that is not data, by how it begins: [`other_format`]s, and web pages.
pub(super) fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let start = text[..text.len().min(9)].to_ascii_lowercase();
    let is_page = start.starts_with(b"<!doctype") || start.starts_with(b"<html");
    other_format(bytes)
        .or(is_page.then_some("a web page, such as an error or a login; download the file by its direct link"))
}

/// Decodes the text of a file, without the byte order mark that some programs put before it. A mark of UTF-16 is obeyed,
/// whatever the encoding.
pub(super) fn text(path: &Path, bytes: Vec<u8>, encoding: Encoding) -> Result<String> {
    if let Some(what) = other_format(&bytes) {
        return Err(Error::file(path, format!("expected text, got {what}")));
    }
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Err(Error::file(path, "expected text in UTF-8 or UTF-16, got UTF-32; save it as UTF-8"))
        }
        [0xff, 0xfe, rest @ ..] => utf_16(path, &units(rest, u16::from_le_bytes), rest.len(), encoding),
        [0xfe, 0xff, rest @ ..] => utf_16(path, &units(rest, u16::from_be_bytes), rest.len(), encoding),
        [0xef, 0xbb, 0xbf, ..] => decode(path, bytes[3..].to_vec(), encoding),
        _ => decode(path, bytes, encoding),
    }
}

fn utf_16(path: &Path, units: &[u16], len: usize, encoding: Encoding) -> Result<String> {
    if encoding == Encoding::Utf8Lossy {
        return Ok(String::from_utf16_lossy(units));
    }
    match String::from_utf16(units) {
        Ok(text) if len.is_multiple_of(2) => Ok(text),
        _ => Err(Error::file(path, "expected valid UTF-16 after its mark; is it cut off?")),
    }
}

fn decode(path: &Path, bytes: Vec<u8>, encoding: Encoding) -> Result<String> {
    let line = |end: usize| bytes[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
    // A text has no zero bytes, but every other byte of UTF-16 is one.
    if let Some(zero) = bytes.iter().position(|byte| *byte == 0)
        && encoding != Encoding::Utf8Lossy
    {
        let hint = if bytes.len() > 1 && (bytes[0] == 0) != (bytes[1] == 0) {
            "is it UTF-16 without a mark? Save it as UTF-8"
        } else {
            "is it a text?"
        };
        return Err(Error::file(path, format!("line {}: expected text, got a zero byte; {hint}", line(zero))));
    }
    match encoding {
        Encoding::Windows1252 => Ok(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
        Encoding::Utf8Lossy => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Encoding::Utf8 => match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(String::from_utf8(bytes).unwrap_or_default()),
            Err(error) => {
                let line = line(error.valid_up_to());
                Err(Error::file(
                    path,
                    format!(
                        "line {line}: expected UTF-8 text, got other bytes; read it with `Encoding::Windows1252` if it is \
                         older, or with `Encoding::Utf8Lossy` to replace them"
                    ),
                ))
            }
        },
    }
}

/// The character of a byte; the five bytes without one stand for themselves, as in browsers.
fn windows_1252(byte: u8) -> char {
    const UPPER: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Encoding) -> Result<String> {
        text(Path::new("file"), bytes.to_vec(), encoding)
    }

    #[test]
    fn marks_are_obeyed_and_left_out() {
        assert_eq!(read(b"\xef\xbb\xbfa,b\n", Encoding::Utf8).unwrap(), "a,b\n");
        assert_eq!(read(b"\xff\xfea\0\xfc\0\n\0", Encoding::Utf8).unwrap(), "aü\n");
        assert_eq!(read(b"\xfe\xff\0a\xd8\x3d\xde\x00", Encoding::Utf8).unwrap(), "a😀");
        assert!(read(b"\xff\xfea\0b", Encoding::Utf8).is_err());
        assert!(read(b"\xff\xfe\0\0a\0\0\0", Encoding::Utf8).unwrap_err().to_string().contains("UTF-32"));
    }

    #[test]
    fn each_encoding_reads_what_it_can() {
        let bytes = b"na\xefve \x80\x93";
        assert_eq!(read(bytes, Encoding::Windows1252).unwrap(), "naïve €“");
        assert_eq!(read(bytes, Encoding::Utf8Lossy).unwrap(), "na\u{fffd}ve \u{fffd}\u{fffd}");
        let text = read(b"one\ntwo \xff\n", Encoding::Utf8).unwrap_err().to_string();
        assert!(text.starts_with("file: line 2: expected UTF-8 text, got other bytes"), "{text}");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let says = |bytes: &[u8]| read(bytes, Encoding::Utf8).unwrap_err().to_string();
        assert!(says(b"a\0,\0b\0\n\0").contains("is it UTF-16 without a mark?"));
        assert!(says(b"PK\x03\x04...").contains("a zip archive or a workbook"));
        assert!(says(b"abc\0def").contains("line 1: expected text, got a zero byte"));
    }
}
