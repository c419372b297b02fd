//! Tables, folders and texts that are absent, cut off or corrupt.

use std::path::Path;

use gradus::data::{Csv, ImageFolder, Table, scikit_learn, text};
use gradus::prelude::*;

use super::message;

/// The error without the path before it.
fn about<T>(path: &Path, result: Result<T>) -> String {
    let (text, start) = (message(result), format!("{}: ", path.display()));
    text.strip_prefix(&start).unwrap_or_else(|| panic!("expected the path first: {text}")).to_string()
}

#[test]
fn tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let says = |text: &[u8], csv: fn(Csv) -> Csv| {
        std::fs::write(&path, text).unwrap();
        about(&path, csv(Csv::new(&path)).read())
    };
    let plain = |csv| csv;
    assert_eq!(says(b"", plain), "expected a table, got an empty file");
    assert_eq!(says(b"a,b\n", plain), "expected rows after the names of the columns, got none");
    assert_eq!(says(b"a,b\n1,2\n\n3\n", plain), "line 4: expected 2 fields as in the first row, got 1");
    assert_eq!(says(b"a,b\n1,2\n3,x\n", plain), "line 3, column `b`: expected a finite number, got `x`");
    assert_eq!(says(b"a,b\n1,\n", plain), "line 2, column `b`: expected a finite number, got ``");
    assert_eq!(says(b"a,b\n1,NaN\n", plain), "line 2, column `b`: expected a finite number, got `NaN`");
    assert_eq!(says(b"a,b\n1,1e99\n", plain), "line 2, column `b`: expected a finite number, got `1e99`");
    assert_eq!(says(b"a,b\n1,\xff\n", plain), "line 2, column `b`: expected UTF-8 text, got `\u{fffd}`");
    assert_eq!(says(b"a,b\n1,2\n", |csv| csv.target("c")), "expected a column `c`, got the columns `a`, `b`");
    assert_eq!(
        says(b"1,2\n", |csv| csv.header(false).features(["2"])),
        "expected a column `2`, got the columns `0`, `1`"
    );
    let long = format!("a\n{}\n", "y".repeat(1000));
    let text = says(long.as_bytes(), plain);
    assert_eq!(text, format!("line 2, column `a`: expected a finite number, got `{}…`", "y".repeat(40)));
    let absent = folder.path().join("absent.csv");
    assert!(about(&absent, Csv::new(&absent).read()).contains("No such file"));
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert_eq!(about(root, ImageFolder::new(root)), "expected a sub-folder of images for each class, got none");
    std::fs::create_dir(root.join("a")).unwrap();
    assert_eq!(
        about(root, ImageFolder::new(root)),
        "expected images (png, jpg, jpeg, bmp) in its sub-folders, got none"
    );
    assert_eq!(about(root, text::folder(root)), "expected texts (txt) in its sub-folders, got none");
    let absent = root.join("absent");
    assert!(about(&absent, ImageFolder::new(&absent)).contains("No such file"));
    assert!(about(&absent, text::lines(&absent)).contains("No such file"));
    let path = root.join("a/b.txt");
    std::fs::write(&path, b"one\ntwo \xff\n").unwrap();
    assert_eq!(about(&path, text::folder(root)), "line 2: expected UTF-8 text, got other bytes");
    let (small, large) = (root.join("a/1.png"), root.join("a/2.png"));
    image::RgbImage::new(3, 2).save(&small).unwrap();
    image::RgbImage::new(4, 2).save(&large).unwrap();
    let images = ImageFolder::new(root).unwrap();
    assert_eq!(
        about(&large, images.batch(&[0, 1])),
        format!("expected an image of 2 x 3 as {} is, got 2 x 4; bring all to one size with `size`", small.display())
    );
    for size in [0, usize::MAX] {
        assert_eq!(
            message(images.clone().size(size, 5).batch(&[0])),
            format!("ImageFolder: expected a size from 1 x 1 to 65536 x 65536, got {size} x 5")
        );
    }
    std::fs::write(&small, b"no image").unwrap();
    assert!(about(&small, images.batch(&[0])).starts_with("is no sound image: "));
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
    std::fs::write(root.join("diabetes_data_raw.csv"), "1 2 3 4 5 6 7 8 9 10\n").unwrap();
    std::fs::write(root.join("diabetes_target.csv"), "1\n2\n").unwrap();
    assert_eq!(
        about(&root.join("diabetes_target.csv"), scikit_learn::diabetes(root)),
        "expected 1 targets, one a row of features, got 2"
    );
    let zipped = root.join("digits.csv.gz");
    std::fs::write(&zipped, "not gzipped").unwrap();
    let digits: Result<Table> = scikit_learn::digits(root);
    assert!(about(&zipped, digits).starts_with("is no sound gzip file: "));
}
