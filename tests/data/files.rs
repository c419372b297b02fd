//! Folders of texts.

use std::path::Path;

use gradus::data::text;
use gradus::data::text::{Encoding, TextFiles};

#[test]
fn texts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("pos/1.txt", "good\nfilm");
    write("neg/2.txt", "bad");
    write("neg/notes.md", "not a text of this kind");
    let texts = text::folder(folder.path()).unwrap();
    assert_eq!(texts.texts, ["bad", "good\nfilm"]);
    assert_eq!((texts.labels.to_vec(), texts.class_names), (vec![0, 1], vec!["neg".to_string(), "pos".into()]));
    write("lines", "one\r\n\ntwo ü\n");
    assert_eq!(text::lines(folder.path().join("lines")).unwrap(), ["one", "", "two ü"]);
}

pub(super) fn write(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn texts_of_other_encodings() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good/deep/1.txt", b"\xef\xbb\xbffine film");
    write(folder.path(), "good/2.txt", b"caf\xe9");
    write(folder.path(), "bad/3.txt", b"\xff\xfeb\0a\0d\0");
    write(folder.path(), "bad/notes.md", "");
    write(folder.path(), ".cache/4.txt", "hidden");
    let text = text::folder(folder.path()).unwrap_err().to_string();
    assert!(text.starts_with(&format!("{}: line 1: ", folder.path().join("good/2.txt").display())), "{text}");
    let lossy = TextFiles::new(folder.path()).encoding(Encoding::Utf8Lossy).read().unwrap();
    assert_eq!(lossy.texts, ["bad", "caf\u{fffd}", "fine film"]);
    assert_eq!(
        (lossy.class_names, lossy.left_out),
        (vec!["bad".to_string(), "good".into()], vec![folder.path().join("bad/notes.md")])
    );
    let older =
        TextFiles::new(folder.path()).encoding(Encoding::Windows1252).classes(["good", "new", "bad"]).read().unwrap();
    assert_eq!((older.texts[0].as_str(), older.labels.to_vec()), ("café", vec![0, 0, 2]));
    assert_eq!(text::lines_with(folder.path().join("good/2.txt"), Encoding::Windows1252).unwrap(), ["café"]);
    assert_eq!(text::lines(folder.path().join("good/deep/1.txt")).unwrap(), ["fine film"]);
}
