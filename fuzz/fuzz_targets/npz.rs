//! Zip archives of NumPy.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { gradus_fuzz::read(bytes, bytes.starts_with(b"PK\x03\x04") && bytes.windows(4).any(|part| part == b".npy")) });
