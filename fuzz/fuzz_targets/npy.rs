//! Arrays of NumPy.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { gradus_fuzz::read(bytes, bytes.starts_with(b"\x93NUMPY")) });
