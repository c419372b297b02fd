//! Zip archives of PyTorch.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { gradus_fuzz::read(bytes, bytes.starts_with(b"PK\x03\x04") && bytes.windows(8).any(|part| part == b"data.pkl")) });
