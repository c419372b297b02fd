//! Files that others have trained in Keras, out of packages that `.ci/weights` fetches.

use gradus::saving::Keras;

use super::*;

fn file(name: &str) -> PathBuf {
    let folder = std::env::var_os("WEIGHTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/weights"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.exists(), "{} is not there; run .ci/weights", path.display());
    path
}

/// The numbers of the tensors that h5py finds in these files, and the sum of what they are without their signs.
const FILES: [(&str, usize, usize, f64); 4] = [
    ("emotion_model.hdf5", 185, 172_326, 124_894.003_145_733_64),
    ("cnn_without_ne_ab.h5", 62, 535_025, 576_258.112_129_612_3),
    ("textgenrnn_weights.hdf5", 10, 462_717, 316_110.927_068_270_6),
    ("hed_bsds500.weights.h5", 38, 14_716_171, 115_592.274_825_404_06),
];

#[test]
#[ignore = "needs files that others made; .ci/weights fetches them"]
fn every_tensor_of_files_of_others_is_read() {
    for (name, tensors, numbers, sum) in FILES {
        let weights = Weights::open(file(name)).unwrap();
        let (mut found, mut count, mut total) = (0, 0, 0.0);
        for tensor in weights.names().map(|name| weights.get(name).unwrap()) {
            count += tensor.len();
            total += tensor.iter().map(|x| f64::from(x.abs())).sum::<f64>();
            found += 1;
        }
        // The counts of steps of an optimizer are whole numbers, which h5py's sum leaves out.
        let whole: Vec<_> = weights.names().filter(|name| name.ends_with("iterations:0")).collect();
        let steps: f64 = whole.iter().map(|name| f64::from(weights.get(name).unwrap()[[]])).sum();
        assert_eq!((found - whole.len(), count - whole.len()), (tensors, numbers), "{name}");
        assert!((total - steps - sum).abs() < 1e-6 * sum, "{name}: {total} {steps} {sum}");
    }
}

/// What Keras 3.15.1 predicts for the two images of [`images`].
const EMOTIONS: [[Float; 7]; 2] = [
    [2.206_983_8e-4, 5.393_864e-18, 5.566_316_3e-10, 9.199_923e-6, 2.660_463_8e-9, 0.999_770_1, 1.889_114_8e-13],
    [1.247_880_4e-4, 2.901_923_6e-19, 2.704_592_9e-10, 9.192_701e-6, 1.257_057_7e-9, 0.999_866_6, 2.092_936e-13],
];

fn images() -> Tensor {
    let number = |i: usize| ((i * 7919 % 997) as f64 / 498.5 - 1.0) as Float;
    Tensor::from_shape_vec(vec![2, 64, 64, 1], (0..2 * 64 * 64).map(number).collect()).unwrap()
}

#[test]
#[ignore = "needs files that others made; .ci/weights fetches them"]
fn a_network_of_emotions_predicts_as_in_keras_trains_and_goes_back() {
    let model = gradus::open(file("emotion_model.hdf5")).unwrap();
    let expected = Tensor::from_shape_fn(vec![2, 7], |i| EMOTIONS[i[0]][i[1]]);
    assert!(distance(&model.predict(&images()).unwrap(), &expected) < 1e-5);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras_check/graphs");
    std::fs::create_dir_all(&folder).unwrap();
    let before: Vec<Tensor> = model.parameters().iter().map(|(_, param)| param.value().unwrap()).collect();
    let mut trainer = model.compile(Sgd::new(0.01), SparseCrossEntropy::default());
    trainer.fit(&(images(), ndarray::arr1(&[2, 4])), Fit::epochs(1).progress(false)).unwrap();
    for ((path, param), before) in trainer.model.parameters().iter().zip(before) {
        assert_ne!(param.value().unwrap(), before, "{path}");
    }
    let to = folder.join("emotions.keras");
    Keras::new().input([64, 64, 1]).save(&trainer.model, &to).unwrap();
    let tuned = trainer.predict(&images()).unwrap();
    assert_eq!(gradus::open(&to).unwrap().predict(&images()).unwrap(), tuned);
    let mut values = Weights::new();
    values.insert("input", images());
    values.insert("output.0", tuned);
    values.save(to.with_extension("safetensors")).unwrap();
}
