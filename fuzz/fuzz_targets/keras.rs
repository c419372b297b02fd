//! Descriptions of models in Keras' JSON, beside weights that are not there.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gradus_fuzz::in_a_file(bytes, "config.json", |folder| {
        let weights = folder.join("model.weights.h5");
        gradus::saving::Weights::new().save(&weights).expect("an empty file");
        drop(gradus::open(&weights));
    });
});
