//! Files of records: they give back what was written, bit by bit, and corrupt ones are errors.

use std::path::Path;

use gradus::data::records::{self, Kind};
use gradus::data::{RecordFile, from_fn};
use gradus::prelude::*;
use proptest::prelude::*;

use super::{bits, images};

fn whole(data: &dyn Dataset) -> Vec<u64> {
    bits(&data.batch(&(0..data.len()).collect::<Vec<_>>()).unwrap())
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.records");
    records::write(&path, &images(150), Kind::Float32).unwrap();
    let file = RecordFile::open(&path).unwrap();
    assert_eq!(file.len(), 150);
    assert_eq!(whole(&file), whole(&images(150)));
    for indices in [&[149, 0, 1, 2, 7, 6, 6][..], &[3], &[]] {
        assert_eq!(bits(&file.batch(indices).unwrap()), bits(&images(150).batch(indices).unwrap()));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    // Bytes, several inputs and several targets.
    let bytes = |n: usize| from_fn(9, move |i| Ok((ndarray::arr1(&[(i * n) as u8, 255]), ndarray::arr1(&[0.5]))));
    let two = bytes(1).zip(bytes(2));
    records::write(&path, &two, Kind::Byte).unwrap();
    let file = RecordFile::open(&path).unwrap();
    assert_eq!(whole(&file), whole(&two));
    assert_eq!((file.batch(&[1]).unwrap().inputs.len(), file.batch(&[1]).unwrap().targets.len()), (2, 2));
}

#[test]
fn training_from_a_file_has_the_bits_of_training_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.records");
    let (train, _) = mnist::load("examples/data/mnist").unwrap();
    let train = train.take(300);
    records::write(&path, &train, Kind::Float32).unwrap();
    let losses = |data: &dyn Dataset| {
        let mut model = Sequential::new()
            .add(Flatten)
            .add(Dense::new(10).activation(Softmax))
            .compile(Adam::default(), SparseCrossEntropy::default());
        model.fit(data, Fit::epochs(2).progress(false)).unwrap().last().unwrap()["loss"]
    };
    assert_eq!(losses(&RecordFile::open(&path).unwrap()), losses(&train));
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.records");
    records::write(&path, &images(3), Kind::Float32).unwrap();
    assert!(records::write(&path, &images(3), Kind::Byte).is_err());
    assert_eq!(RecordFile::open(&path).unwrap().len(), 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn written(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let path = folder.join("small.records");
    records::write(&path, &images(4), Kind::Float32).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn every_cut_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = written(folder.path());
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        assert!(RecordFile::open(&path).is_err(), "{len}");
    }
    std::fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
    assert!(RecordFile::open(&path).is_err());
}

proptest! {
    #[test]
    fn corrupt_headers_never_panic(place in 0_usize..64, byte: u8) {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut bytes) = written(folder.path());
        bytes[place] = byte;
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(file) = RecordFile::open(&path) {
            let last = file.len().saturating_sub(1);
            let _ = file.batch(&[0, last]);
        }
    }
}

/// 4 GB of records in 400 MB of memory. The file is sparse: it has the length, and the disk does not hold its zeros.
#[test]
#[ignore = "takes minutes and, on a file system without holes, 4 GB; .ci/run runs it in a release build"]
fn four_gigabytes_train_in_four_hundred_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.records");
    const PIXELS: usize = 64 * 64 * 3;
    let count = (4_usize << 30) / (PIXELS * 4 + 4) + 1;
    let zeros = |len| from_fn(len, |_| Ok((ndarray::Array3::<f32>::zeros((64, 64, 3)), ndarray::arr0(0.0_f32))));
    records::write(&path, &zeros(1), Kind::Float32).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let header = bytes.len() - PIXELS * 4 - 4;
    bytes.truncate(header);
    bytes[8..16].copy_from_slice(&(count as u64).to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let len = (header + count * (PIXELS * 4 + 4)) as u64;
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len).unwrap();
    assert!(len >= 4 << 30);

    let file = RecordFile::open(&path).unwrap();
    let mut model = Sequential::new()
        .add(Conv2d::new(8, 3).activation(Relu))
        .add(GlobalAvgPool2d)
        .add(Dense::new(2).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default());
    let started = std::time::Instant::now();
    model.fit(&file, Fit::epochs(1).batch_size(128).progress(false)).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kilobytes: usize = peak.split(' ').next().unwrap().parse().unwrap();
    println!("{count} records, {len} bytes in {:?}; at most {} MB of memory", started.elapsed(), kilobytes / 1024);
    assert!(kilobytes < 400 * 1024);
}
