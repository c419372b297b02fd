//! Tables of text.

use gradus::data::Csv;
use gradus::data::text::Encoding;
use gradus::prelude::*;
use tempfile::TempDir;

fn table(text: &str) -> (TempDir, Csv) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).unwrap();
    (folder, Csv::new(path))
}

#[test]
fn tables_with_names_and_strings() {
    let (_folder, csv) = table("size,colour,price\n1.5,red,10\n\"2\",\"dark, blue\",20\n-3e1,red,30\n");
    let table = csv.clone().categorical("colour").target("price").read().unwrap();
    assert_eq!(table.features(), ndarray::arr2(&[[1.5, 1.0], [2.0, 0.0], [-30.0, 1.0]]));
    assert_eq!(table.targets().as_slice(), Some(&[10.0, 20.0, 30.0][..]));
    assert_eq!(table.feature_names(), ["size", "colour"]);
    assert_eq!(table.lookup("colour").unwrap().vocabulary(), ["dark, blue", "red"]);
    assert!(table.lookup("size").is_none() && table.class_names().is_empty());
    let table = csv.clone().categorical("colour").target("colour").features(["price", "size"]).read().unwrap();
    assert_eq!(table.features().row(0).to_vec(), [10.0, 1.5]);
    assert_eq!(
        (table.class_names(), table.classes().unwrap()),
        (&["dark, blue".to_string(), "red".into()][..], vec![1, 0, 1])
    );
    let table = csv.categorical("colour").target("size").target("price").read().unwrap();
    assert_eq!(table.targets(), ndarray::arr2(&[[1.5, 10.0], [2.0, 20.0], [-30.0, 30.0]]).into_dyn());
}

/// A table for testing without one of the classes: pandas' categories of the one for training.
#[test]
fn strings_have_the_numbers_of_another_table() {
    let (_folder, train) = table("colour,size,kind\nred,1,c\nblue,2,a\ngreen,3,b\n");
    let train = train.categorical("colour").categorical("kind").target("kind").read().unwrap();
    let (_folder, csv) = table("colour,size,kind\nred,1,c\ngreen,3,a\n");
    let alone = csv.clone().categorical("colour").categorical("kind").target("kind").read().unwrap();
    assert_eq!(alone.targets().as_slice(), Some(&[1.0, 0.0][..]));
    let test = csv.clone().like(&train).target("kind").read().unwrap();
    assert_eq!(test.targets().as_slice(), Some(&[2.0, 0.0][..]));
    assert_eq!(test.features(), ndarray::arr2(&[[2.0, 1.0], [1.0, 3.0]]));
    assert_eq!((test.class_names(), test.lookup("colour").unwrap().vocabulary().len()), (train.class_names(), 3));
    let missing = csv.like(&train).features(["colour"]).missing_of("colour", 1.0);
    assert_eq!(missing.read().unwrap().features().column(0).to_vec(), [2.0, 1.0]);
    let (_folder, other) = table("colour,size,kind\nred,1,c\nblack,2,a\n");
    let error = other.like(&train).target("kind").read().unwrap_err().to_string();
    let expected =
        "line 3, column `colour`: expected one of the 3 strings of the table that this one is to be like, got `black`";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn tables_without_names_and_with_gaps() {
    let (_folder, csv) = table("1;;3\r\n4;5; 6 \r\n");
    let table = csv.separator(b';').header(false).missing(-1.0).target("2").read().unwrap();
    assert_eq!(table.features(), ndarray::arr2(&[[1.0, -1.0], [4.0, 5.0]]));
    assert_eq!(table.targets().as_slice(), Some(&[3.0, 6.0][..]));
    assert_eq!(table.len(), 2);
}

#[test]
fn missing_values_of_a_table_are_those_of_pandas() {
    let strings = [
        "", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
        "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    let text: String = strings.iter().map(|string| format!("1,{string},a\n")).collect();
    let (_folder, csv) = table(&format!("x,y,class\n{text}2,7,b\n3,8,NA\n"));
    let read = csv.clone().features(["x", "y"]).missing(-1.0).read().unwrap();
    assert_eq!(read.features().column(1).iter().filter(|x| **x == -1.0).count(), 20);
    // Targets are never filled, and the missing one is no class.
    let target = csv.clone().missing(0.0).categorical("class").target("class");
    assert!(target.read().unwrap_err().to_string().contains("line 23, target `class`: the value is missing, got `NA`"));
    let read = target.drop_missing(true).read().unwrap();
    assert_eq!(
        (read.len(), read.class_names(), read.features()[[20, 1]]),
        (21, &["a".to_string(), "b".into()][..], 7.0)
    );
    // As a feature it has a number of its own.
    let read = csv.clone().categorical("class").missing(0.0).missing_of("class", -1.0).read().unwrap();
    assert_eq!(read.features().column(2).iter().skip(20).copied().collect::<Vec<_>>(), [1.0, -1.0]);
    let read = csv.missing(0.0).categorical("class").missing_strings_of("class", [""]).target("class").read().unwrap();
    assert_eq!(read.class_names(), ["NA", "a", "b"]);
    let (_folder, csv) = table("x,y\n?,NA\n-,1\n");
    let csv = csv.missing(5.0).missing_string("?").missing_string("-").categorical("y");
    let read = csv.clone().default_missing_strings(false).read().unwrap();
    assert_eq!(read.features(), ndarray::arr2(&[[5.0, 1.0], [5.0, 0.0]]));
    assert_eq!(csv.drop_missing(true).read().unwrap().features(), ndarray::arr2(&[[5.0, 5.0], [5.0, 0.0]]));
}

#[test]
fn tables_in_the_marks_of_others() {
    let (_folder, csv) = table("# prices\nsize;price;sold\n1,5;1.234,5;TRUE\n   \n-2; 7 ;FALSE # today\n");
    let csv = csv.separator(b';').decimal(b',').thousands(b'.').comment(b'#');
    let read = csv.categorical("sold").target("sold").trim(true).read().unwrap();
    assert_eq!(read.features(), ndarray::arr2(&[[1.5, 1234.5], [-2.0, 7.0]]));
    assert_eq!(read.class_names(), ["FALSE", "TRUE"]);
    let (_folder, csv) = table("a,a,b\n1,TRUE,16777217\n2,false,2\n");
    let read = csv.clone().round_large_numbers(true).read().unwrap();
    assert_eq!(read.feature_names(), ["a", "a.1", "b"]);
    assert_eq!(read.features(), ndarray::arr2(&[[1.0, 1.0, 16_777_217.0 as Float], [2.0, 0.0, 2.0]]));
    let (_folder, csv) = table("a,b\n1.5,x\n");
    assert!(csv.decimal(b';').read().unwrap_err().to_string().contains("got `1.5`"));
}

#[test]
fn tables_zipped_and_in_utf_16() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv.gz");
    let mut bytes = Vec::new();
    for text in ["a,b\n1,", "2\n3,4\n"] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(Csv::new(&path).read().unwrap().features(), ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let path = folder.path().join("excel.csv");
    let text: Vec<u8> = "\u{feff}größe\tb\r\n1\t2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&path, text).unwrap();
    let read = Csv::new(&path).separator(b'\t').read().unwrap();
    assert_eq!((read.feature_names()[0].as_str(), read.features()[[0, 1]]), ("größe", 2.0));
    std::fs::write(&path, b"gr\xf6\xdfe,b\n1,2\n").unwrap();
    let read = Csv::new(&path).encoding(Encoding::Windows1252).read().unwrap();
    assert_eq!(read.feature_names()[0], "größe");
}
