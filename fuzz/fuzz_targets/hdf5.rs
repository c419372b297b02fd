//! HDF5, as Keras keeps weights in.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { gradus_fuzz::read(bytes, bytes.starts_with(b"\x89HDF")) });
