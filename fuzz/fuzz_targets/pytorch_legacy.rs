//! The stream of PyTorch before 1.6.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { gradus_fuzz::read(bytes, bytes.first() == Some(&0x80)) });
