//! Weights that others trained, out of packages: `.ci/weights` fetches them.

use std::path::PathBuf;

use gradus::saving::Weights;

/// File, tensors, numbers and their sum, as PyTorch and NumPy read them; a tensor and its shape.
type Expected = (&'static str, usize, usize, f64, &'static str, &'static [usize]);

const FILES: [Expected; 13] = [
    ("pnet.pt", 13, 6_632, -43.125317, "conv4_2.weight", &[4, 32, 1, 1]),
    ("rnet.pt", 16, 100_178, -178.506550, "dense5_2.weight", &[4, 128]),
    ("onet.pt", 21, 389_040, -354.439496, "dense6_3.weight", &[10, 256]),
    ("mobilenet_v2-b0353104.pth", 314, 3_539_036, 74_441_704.640338, "classifier.1.weight", &[1000, 1280]),
    ("efficientnet-lite0-57934424.pth", 296, 4_694_073, 425_663.245002, "_fc.weight", &[1000, 1280]),
    ("tiny.pth", 44, 487_102, 74_701.961390, "conv1.weight", &[128, 1, 512, 1]),
    ("full.pth", 44, 22_244_334, 14_446_797.467659, "classifier.weight", &[360, 2048]),
    // The model, and the memory of its Adam.
    ("pretrained.pt", 48, 4_270_854, -4_415.321634, "optimizer_state.state.140178894882424.exp_avg", &[1024, 40]),
    ("checkpoint20.npz", 12, 834_890, 539.361264, "enc_w_ih", &[768, 256]),
    // They ask for `_rebuild_tensor`.
    ("alex.pth", 5, 1_152, 105.275355, "lin4.model.1.weight", &[1, 256, 1, 1]),
    ("squeeze.pth", 7, 2_240, 173.438718, "lin6.model.1.weight", &[1, 512, 1, 1]),
    ("vgg.pth", 5, 1_472, 131.855509, "lin4.model.1.weight", &[1, 512, 1, 1]),
    ("silero_vad_16k.safetensors", 15, 309_633, -245.028845, "final_conv.weight", &[1, 128, 1]),
];

#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn real_weights_are_read() {
    let folder = std::env::var_os("WEIGHTS").map_or_else(|| PathBuf::from("target/weights"), PathBuf::from);
    for (file, tensors, numbers, total, name, shape) in FILES {
        let start = std::time::Instant::now();
        let weights = Weights::open(folder.join(file)).unwrap();
        let opened = start.elapsed();
        let mut all = 0;
        let mut sum = 0.0;
        for name in weights.names() {
            let tensor = weights.get(name).unwrap();
            assert!(tensor.iter().all(|x| x.is_finite()), "{file}: {name}");
            all += tensor.len();
            sum += tensor.iter().map(|x| f64::from(*x)).sum::<f64>();
        }
        println!(
            "{file}: {} tensors, {all} numbers, sum {sum:.6}; opened in {opened:?}, read in {:?}",
            weights.len(),
            start.elapsed()
        );
        assert!((sum - total).abs() < 1e-5, "{file}: {sum}");
        assert_eq!((weights.len(), all), (tensors, numbers), "{file}");
        assert_eq!(weights.shape(name), Some(shape), "{file}: {name}");
    }
}
