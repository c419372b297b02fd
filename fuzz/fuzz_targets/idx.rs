//! Files of MNIST: these bytes as the images of the training set.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gradus_fuzz::in_a_file(bytes, "train-images-idx3-ubyte", |folder| drop(gradus::mnist::load(folder)));
});
