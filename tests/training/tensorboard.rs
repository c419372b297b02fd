//! Event files; `.ci/tensorboard` reads what the ignored test writes with TensorBoard's own reader.

use gradus::callbacks::{EventWriter, TensorBoard};
use gradus::prelude::*;
use std::path::Path;

/// The kernel after each step.
#[derive(Default)]
struct Kernels(Vec<Tensor>);

impl Callback for Kernels {
    fn on_batch_end(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.0.extend(run.parameters.iter().find(|(path, _)| path == "kernel").and_then(|(_, kernel)| kernel.value()));
        Ok(())
    }
}

/// Trains a little, and writes events of all kinds, and what they should be as JSON.
fn write(folder: &Path) {
    let x = ndarray::Array2::from_shape_fn((48, 3), |(i, j)| ((i * 5 + j * 3) as Float * 0.7).sin());
    let y = ndarray::Array2::from_shape_fn((48, 1), |(i, _)| 3.0 * x[[i, 0]] - x[[i, 1]]);
    let mut model = Dense::new(1).compile(Sgd::new(0.05), MeanSquaredError);
    let mut kernels = Kernels::default();
    let board = TensorBoard::new(folder).histograms(1).gradients(3).figures_every(2);
    let fit =
        Fit::epochs(3).batch_size(8).validation_split(0.25).progress(false).callback(board).callback(&mut kernels);
    let history = model.fit(&(&x, &y), fit).unwrap();
    let mut writer = EventWriter::new(folder.join("own")).unwrap();
    let image = ndarray::Array3::from_shape_fn((2, 3, 3), |(i, j, c)| (i * 9 + j * 3 + c) as Float / 17.0);
    writer.image("image", 7, &image.into_tensor()).unwrap();
    writer.text("note", 8, "a *text*").unwrap();
    writer.scalar("far", 1_000_000_000_000, -1.5).unwrap();
    writer.histogram("numbers", 9, &[1.0, 2.0, 2.0, 5.0, Float::NAN]).unwrap();
    writer.flush().unwrap();
    assert_eq!(
        writer.image("image", 1, &Tensor::zeros(vec![2, 2])).unwrap_err().to_string(),
        "EventWriter: expected an image [height, width, channels] of 1, 3 or 4 channels, got [2, 2]"
    );
    let [.., before, after] = &kernels.0[..] else { panic!("two steps") };
    let expected = serde_json::json!({
        "gradient": ((before - after) / 0.05).iter().map(|x| f64::from(*x)).collect::<Vec<_>>(),
        "train": history.get("loss"),
        "validation": history.get("val_loss"),
        "kernel": model.model.kernel().value().unwrap().iter().map(|x| f64::from(*x)).collect::<Vec<_>>(),
    });
    std::fs::write(folder.join("expected.json"), expected.to_string()).unwrap();
}

#[test]
fn records_have_their_lengths() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    for (part, records) in [("train", 1 + 3 + 3 * 2 + 2 + 2 * 7), ("validation", 1 + 3), ("own", 1 + 4)] {
        let file = folder.path().join(part).read_dir().unwrap().next().unwrap().unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let (mut at, mut found) = (0, 0);
        while at < bytes.len() {
            let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
            at += 8 + 4 + length + 4;
            found += 1;
        }
        assert_eq!((at, found), (bytes.len(), records), "{part}");
    }
    let file = folder.path().join("expected.json");
    assert!(EventWriter::new(file.join("below")).err().unwrap().to_string().contains("cannot be written"));
}

#[test]
#[ignore = "writes what .ci/tensorboard reads"]
fn writes_for_the_reader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tensorboard_check");
    let _ = std::fs::remove_dir_all(&folder);
    write(&folder);
}
