//! Tables of text.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gradus_fuzz::in_a_file(bytes, "table.csv", |folder| {
        let table = gradus::data::Csv::new(folder.join("table.csv"));
        drop(table.clone().read());
        drop(table.header(false).categorical("0").missing(0.0).read());
    });
});
