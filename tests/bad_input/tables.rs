//! Tables of text that are absent, cut off or corrupt.

use gradus::data::Csv;

use super::data_files::about;
use super::message;

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
    assert!(about(&absent, Csv::new(&absent).read()).contains("no such file"));
}
