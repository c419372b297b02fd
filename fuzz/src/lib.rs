//! What the fuzz targets share.

use gradus::saving::Weights;
use libfuzzer_sys::Corpus;

/// Reads a file and all its tensors, if it begins as files of this format do.
pub fn read(bytes: &[u8], is_of_format: bool) -> Corpus {
    if !is_of_format {
        return Corpus::Reject;
    }
    if let Ok(weights) = Weights::from_bytes(bytes) {
        weights.names().for_each(|name| drop(weights.get(name)));
        assert!(weights.to_string().contains("tensors"));
    }
    Corpus::Keep
}

/// Lets `work` read these bytes from a file of this name in a folder.
pub fn in_a_file(bytes: &[u8], name: &str, work: impl FnOnce(&std::path::Path)) {
    // Memory, where there is such a folder.
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.exists() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.expect("a folder for the file");
    std::fs::write(folder.path().join(name), bytes).expect("a file in it");
    work(folder.path());
}
