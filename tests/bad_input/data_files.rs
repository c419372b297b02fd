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
    assert_eq!(
        says(b"a,b\n1,2\n3,x\n", plain),
        "line 3, column `b`: expected a finite number, got `x`; if the column has words call `categorical(\"b\")`"
    );
    assert_eq!(
        says(b"a,b\n1,2\n3,?\n", plain),
        "line 3, column `b`: expected a finite number, got `?`; if it stands for a missing value call `missing_string(\"?\")`"
    );
    assert_eq!(
        says(b"a,b\n1,2\n3,\"1,5\"\n", plain),
        "line 3, column `b`: expected a finite number, got `1,5`; if `,` is the decimal mark call `decimal(b',')`, else \
         `thousands(b',')`"
    );
    assert_eq!(
        says(b"a,b\n1,\n", plain),
        "line 2, column `b`: the value is missing, got ``; fill such values with `missing` or `missing_of`, or leave such rows \
         out with `drop_missing(true)`"
    );
    assert_eq!(
        says(b"a,b\n1,NaN\n", |csv| csv.missing(0.0).target("b")),
        "line 2, target `b`: the value is missing, got `NaN`; leave such rows out with `drop_missing(true)`; if `NaN` is a value, \
         say with `missing_strings_of` what is not"
    );
    assert_eq!(
        says(b"a,b\n1,NaN\n", |csv| csv.missing_of("b", 0.0).target("b")),
        "`missing_of` would invent targets in `b`; use `drop_missing(true)`"
    );
    assert_eq!(says(b"a,b\n1,NaN\n", |csv| csv.drop_missing(true)), "expected rows without missing values, got none");
    assert_eq!(
        says(b"a,b\nred,1\n,2\nblue,3\n", |csv| csv.categorical("a").missing(0.0)),
        "column `a`: 0 stands for missing values, but its 2 classes are 0..2 (2 excluded); give it another number, such as \
         `missing_of(\"a\", -1.0)`"
    );
    assert_eq!(
        says(b"a\n16777216\n16777217\n", plain),
        "line 3, column `a`: 16777217 would be rounded to 16777216; leave the column out of `features`, call \
         `categorical(\"a\")` if it is a name, or `round_large_numbers(true)`"
    );
    assert_eq!(
        says(b"a,b\nx,1,2\ny,3,4\n", plain),
        "line 2: expected 2 fields as in the first row, got 3; if the first column has the names of rows, name it in the first line"
    );
    assert_eq!(says(b"a\n1\n", |csv| csv.missing_of("b", 0.0)), "expected a column `b`, got the columns `a`");
    assert_eq!(
        message(Csv::new(&path).decimal(b',').thousands(b',').read()),
        "Csv: expected a separator and marks of which those for decimals, thousands and comments differ, got `,`"
    );
    assert_eq!(
        message(Csv::new(&path).separator(b'"').read()),
        "Csv: expected a separator and marks in ASCII, and no quotes or ends of lines, got `\\\"`"
    );
    assert!(message(Csv::new(&path).comment(b',').read()).ends_with("differ, got `,`"));
    // Between quotes a mark may be what separates fields.
    assert!(says(b"a,b\n\"1,234,567\",2\n", plain).ends_with("; if `,` parts the thousands call `thousands(b',')`"));
    assert!(says(b"a,b\n\"1,5\",2\n", plain).ends_with("call `decimal(b',')`, else `thousands(b',')`"));
    assert_eq!(
        says(b"a\tb\n1\t2\n", |csv| csv.target("b")),
        "expected a column `b`, got the columns `a\tb`; if `\\t` separates the fields call `separator(b'\\t')`"
    );
    assert!(
        says(b"# 1994\na,b\n1,2\n", plain)
            .ends_with("; if lines that begin with `#` are comments call `comment(b'#')`")
    );
    assert!(says(b"a;b\n1,2;2\n", plain).ends_with("; if `;` separates the fields call `separator(b';')`"));
    // A whole number of a column with missing values, as pandas writes it.
    assert!(says(b"a,b\n16777217.0,2\n", plain).contains("16777217.0 would be rounded to 16777216; "));
    assert_eq!(says(b"a,b\n1,1e99\n", plain), "line 2, column `b`: expected a finite number, got `1e99`");
    assert_eq!(
        says(b"a,b\n1,\xff\n", plain),
        "line 2: expected UTF-8 text, got other bytes; read it with \
         `Encoding::Windows1252` if it is older, or with `Encoding::Utf8Lossy` to replace them"
    );
    assert_eq!(
        says(b"PK\x03\x04", plain),
        "expected text, got a zip archive or a workbook; unpack it, or save its table as CSV"
    );
    assert_eq!(says(b"a,b\n1,2\n", |csv| csv.target("c")), "expected a column `c`, got the columns `a`, `b`");
    assert_eq!(
        says(b"1,2\n", |csv| csv.header(false).features(["2"])),
        "expected a column `2`, got the columns `0`, `1`"
    );
    let long = format!("a\n{}\n", "y".repeat(1000));
    let text = says(long.as_bytes(), plain);
    assert_eq!(
        text,
        format!(
            "line 2, column `a`: expected a finite number, got `{}…`; if the column has words call `categorical(\"a\")`",
            "y".repeat(40)
        )
    );
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
        "expected images (png, jpg, jpeg, jfif, bmp, gif, tif, tiff, webp) in its sub-folders, got none"
    );
    assert_eq!(about(root, text::folder(root)), "expected texts (txt) in its sub-folders, got none");
    let absent = root.join("absent");
    assert!(about(&absent, ImageFolder::new(&absent)).contains("No such file"));
    assert!(about(&absent, text::lines(&absent)).contains("No such file"));
    let path = root.join("a/b.txt");
    std::fs::write(&path, b"one\ntwo \xff\n").unwrap();
    assert_eq!(
        about(&path, text::folder(root)),
        "line 2: expected UTF-8 text, got other bytes; read it with `Encoding::Windows1252` if it is older, or with \
         `Encoding::Utf8Lossy` to replace them"
    );
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
    assert!(about(&small, images.batch(&[0])).starts_with("is not a valid image: "));
    std::fs::write(&small, "version https://git-lfs.github.com/spec/v1\n").unwrap();
    assert!(
        about(&small, images.batch(&[0])).starts_with("is not a valid image, but a pointer of Git LFS in the place of")
    );
    let heic = root.join("a/3.HEIC");
    std::fs::write(&heic, b"...").unwrap();
    assert_eq!(
        about(&heic, ImageFolder::new(root)),
        "expected images of the kinds png, jpg, jpeg, jfif, bmp, gif, tif, tiff, webp, got heic; convert it, or move it away"
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
