//! MNIST files that are absent, cut off, corrupt or of another kind, gzipped or not.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use gradus::mnist;
use tempfile::TempDir;

use super::message;

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";
const FILES: [&str; 4] = [IMAGES, LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// An IDX file of unsigned bytes.
fn idx(sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let sizes_bytes = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, sizes.len() as u8].into_iter().chain(sizes_bytes).chain(body.iter().copied()).collect()
}

fn sound(name: &str) -> Vec<u8> {
    match name.contains("images") {
        true => idx(&[3, 4, 4], &(0..48).map(|i| i * 5).collect::<Vec<u8>>()),
        false => idx(&[3], &[7, 0, 9]),
    }
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with four sound files, zipped or not.
fn folder(zipped: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        match zipped {
            true => std::fs::write(folder.path().join(format!("{name}.gz")), zip(&sound(name))).unwrap(),
            false => std::fs::write(folder.path().join(name), sound(name)).unwrap(),
        }
    }
    folder
}

/// What loading says once this file has these bytes, without the path at its beginning.
fn says(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let text = message(mnist::load(folder));
    let start = format!("{}: ", path.display());
    text.strip_prefix(&start).unwrap_or_else(|| panic!("expected the path first: {text}")).to_string()
}

#[test]
fn sound_files_load() {
    for zipped in [false, true] {
        let folder = folder(zipped);
        let (train, test) = mnist::load(folder.path()).unwrap();
        assert_eq!(train.images().dim(), (3, 4, 4));
        assert_eq!(test.labels().to_vec(), [7, 0, 9]);
    }
}

#[test]
fn absent() {
    let folder = folder(false);
    let path = folder.path().join(LABELS);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        message(mnist::load(folder.path())),
        format!("{}: no such file, and no {LABELS}.gz beside it; name the folder of the IDX files", path.display())
    );
    let nowhere = folder.path().join("nowhere");
    assert_eq!(
        message(mnist::load(&nowhere)),
        format!(
            "{}: no such file, and no {IMAGES}.gz beside it; name the folder of the IDX files",
            nowhere.join(IMAGES).display()
        )
    );
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    let folder = folder(false);
    let path = folder.path().join(LABELS);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(message(mnist::load(folder.path())).starts_with(&format!("{}: ", path.display())));
}

#[test]
fn another_kind_or_cut_off() {
    let folder = folder(false);
    let says = |bytes: &[u8]| says(folder.path(), IMAGES, bytes);
    let sound = sound(IMAGES);
    assert_eq!(says(b""), "is not an IDX file: expected it to begin with two zero bytes, got []");
    assert_eq!(says(b"PNG!..."), "is not an IDX file: expected it to begin with two zero bytes, got [80, 78, 71, 33]");
    assert_eq!(
        says(b"\n<!DOCTYPE html>"),
        "expected an IDX file, got a web page, such as an error or a login; download the file by its direct link"
    );
    assert!(says(b"version https://git-lfs.github.com/spec/v1\n").contains("got a pointer of Git LFS"));
    assert_eq!(says(&[0, 0, 7, 1, 0, 0, 0, 0]), "expected numbers of type 8, 9, 11, 12, 13 or 14, got type 7");
    assert_eq!(says(&sound[..10]), "is cut off in its header: expected 16 bytes, got 10");
    assert_eq!(says(&sound[..40]), "expected the bytes of an array [3, 4, 4] after its header, got 24; is it cut off?");
    assert_eq!(
        says(&[sound.clone(), vec![1]].concat()),
        "expected the bytes of an array [3, 4, 4] after its header, got 49; is it cut off?"
    );
    assert_eq!(
        says(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[0; 8])),
        "expected the bytes of an array [4294967295, 4294967295, 4294967295] after its header, got 8; is it cut off?"
    );
    assert_eq!(
        says(&idx(&[48], &[0; 48])),
        "expected images of unsigned bytes (type 8) in 3 axes, got type 8 in sizes [48]; `idx::load` reads any"
    );
}

#[test]
fn labels_that_do_not_belong_to_the_images() {
    let folder = folder(false);
    let says = |bytes: &[u8]| says(folder.path(), LABELS, bytes);
    assert_eq!(says(&idx(&[2], &[1, 2])), "expected 3 labels, one an image, got sizes [2]");
    assert_eq!(says(&idx(&[3, 1, 1], &[1, 2, 3])), "expected 3 labels, one an image, got sizes [3, 1, 1]");
    let large = [&[0, 0, 12, 1, 0, 0, 0, 3][..], &[0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 3]].concat();
    assert_eq!(says(&large), "expected labels from 0 to 255, got 256");
}

#[test]
fn gzip_that_is_cut_off_or_corrupt() {
    let folder = folder(true);
    let name = format!("{IMAGES}.gz");
    let sound = zip(&sound(IMAGES));
    let start = "is not a valid gzip file: ";
    assert!(says(folder.path(), &name, b"").starts_with(start));
    assert!(says(folder.path(), &name, b"not gzip at all").starts_with(start));
    assert!(says(folder.path(), &name, &sound[..sound.len() / 2]).starts_with(start));
    assert!(says(folder.path(), &name, &sound[..sound.len() - 1]).starts_with(start));
    assert_eq!(
        says(folder.path(), &name, b"<html>Forbidden</html>"),
        "expected a gzip file, got a web page, such as an error or a login; download the file by its direct link"
    );
    let mut wrong_sum = sound.clone();
    *wrong_sum.iter_mut().rev().nth(5).unwrap() ^= 1;
    assert!(says(folder.path(), &name, &wrong_sum).starts_with(start));
    // Sound gzip around an unsound file is the file's fault.
    assert_eq!(
        says(folder.path(), &name, &zip(b"PNG!...")),
        "is not an IDX file: expected it to begin with two zero bytes, got [80, 78, 71, 33]"
    );
}

#[test]
fn every_cut_and_every_flipped_byte_gives_an_error_or_sound_arrays() {
    for zipped in [false, true] {
        let folder = folder(zipped);
        let name = if zipped { format!("{IMAGES}.gz") } else { IMAGES.to_string() };
        let sound = if zipped { zip(&sound(IMAGES)) } else { sound(IMAGES) };
        for cut in 0..sound.len() {
            says(folder.path(), &name, &sound[..cut]);
        }
        for at in 0..sound.len() {
            for flip in [1, 0x80, 0xFF] {
                let mut bytes = sound.clone();
                bytes[at] ^= flip;
                std::fs::write(folder.path().join(&name), &bytes).unwrap();
                if let Ok((train, _)) = mnist::load(folder.path()) {
                    assert_eq!(train.images().dim(), (3, 4, 4), "byte {at} of {name}");
                }
            }
        }
    }
}
