//! Folders and texts that are absent, cut off or corrupt.

use std::path::Path;

use gradus::data::{Table, scikit_learn, text};
use gradus::prelude::*;

use super::message;

/// The error without the path before it.
pub(super) fn about<T>(path: &Path, result: Result<T>) -> String {
    let (text, start) = (message(result), format!("{}: ", path.display()));
    text.strip_prefix(&start).unwrap_or_else(|| panic!("expected the path first: {text}")).to_string()
}

#[test]
fn folders_of_texts() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir(root.join("a")).unwrap();
    assert_eq!(about(root, text::folder(root)), "expected texts (txt) in its sub-folders, got none");
    let absent = root.join("absent");
    assert!(about(&absent, text::lines(&absent)).contains("no such file"));
    let path = root.join("a/b.txt");
    std::fs::write(&path, b"one\ntwo \xff\n").unwrap();
    assert_eq!(
        about(&path, text::folder(root)),
        "line 2: expected UTF-8 text, got other bytes; read it with `Encoding::Windows1252` if it is older, or with \
         `Encoding::Utf8Lossy` to replace them"
    );
}

#[test]
fn sets_of_scikit_learn() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let iris = root.join("iris.csv");
    assert_eq!(
        about(&iris, scikit_learn::iris(root)),
        "no such file, and no iris.csv.gz beside it; name the folder of the scikit-learn CSV files"
    );
    let says = |text: &str| {
        std::fs::write(&iris, text).unwrap();
        about(&iris, scikit_learn::iris(root))
    };
    let header = "expected a first line with the number of rows, of features, and the names of the classes";
    assert_eq!(says(""), header);
    assert_eq!(says("a,b,c\n"), header);
    assert_eq!(says("2,4\n"), header);
    assert_eq!(says("2,2,a,b\n1,2,0\n"), "expected 2 rows, got 1; is it cut off?");
    assert_eq!(says("1,2,a,b\n1,2\n"), "line 2: expected 3 numbers, got 2 fields");
    assert_eq!(says("1,2,a,b\n1,?,0\n"), "line 2, column `2`: expected a finite number, got `?`");
    assert_eq!(says("1,2,a,b\n1,2,2\n"), "expected class numbers 0..2 in the last column, got 2");
    assert_eq!(
        says(&format!("1,{},a,b\n1,2,2\n", usize::MAX)),
        format!("line 2: expected {} numbers, got 3 fields", usize::MAX)
    );
    std::fs::write(root.join("diabetes_data_raw.csv"), "1 2 3 4 5 6 7 8 9 10\n".repeat(442)).unwrap();
    std::fs::write(root.join("diabetes_target.csv"), "1\n2\n").unwrap();
    assert_eq!(
        about(&root.join("diabetes_target.csv"), scikit_learn::diabetes(root)),
        "expected 442 rows, got 2; is it cut off?"
    );
    std::fs::write(root.join("digits.csv"), format!("{}7\n", "16,".repeat(64))).unwrap();
    assert_eq!(
        about(&root.join("digits.csv"), scikit_learn::digits(root)),
        "expected 1797 rows, got 1; is it cut off?"
    );
    std::fs::remove_file(root.join("digits.csv")).unwrap();
    let zipped = root.join("digits.csv.gz");
    std::fs::write(&zipped, "not gzipped").unwrap();
    let digits: Result<Table> = scikit_learn::digits(root);
    assert!(about(&zipped, digits).starts_with("is not a valid gzip file: "));
}
