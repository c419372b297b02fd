//! Files of weights that do not fit, are no such files, or cannot be written.

use std::path::Path;

use gradus::Rng;
use gradus::prelude::*;
use rand::{Rng as _, SeedableRng};

use super::{bits, classifier, compiled, examples, message};

/// A model with its weights, saved in a folder.
fn saved() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let model = compiled();
    model.predict(&examples().0).unwrap();
    model.model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// A safetensors file of `f32` tensors, all of the same number.
fn file(path: &Path, tensors: &[(&str, &[usize])]) {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in tensors {
        let begin = end;
        end += shape.iter().product::<usize>() * 4;
        let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]});
        header.insert((*name).into(), entry);
    }
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(0.5_f32.to_le_bytes().repeat(end / 4));
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn absent_foreign_or_cut_off() {
    let (folder, path, bytes) = saved();
    let nowhere = folder.path().join("nowhere.safetensors");
    let text = message(classifier().load(&nowhere));
    assert!(text.starts_with(&format!("{}: cannot be read: ", nowhere.display())), "{text}");
    let cut = "is not a valid safetensors file: ";
    let foreign: [(&[u8], &str); 5] = [
        (b"", "is empty; "),
        (&[0xFF; 64], "is in none of the formats that are read ("),
        (&[0; 64], "is in none of the formats that are read ("),
        (&bytes[..bytes.len() - 1], cut),
        (&bytes[..bytes.len() / 2], cut),
    ];
    for (foreign, start) in foreign {
        std::fs::write(&path, foreign).unwrap();
        let text = message(classifier().load(&path));
        assert!(text.starts_with(&format!("{}: {start}", path.display())), "{text}");
        assert!(start != cut || text.ends_with("; was it written or downloaded to its end?"), "{text}");
    }
}

#[test]
fn all_mismatches_in_one_message_and_nothing_changed() {
    let (_folder, path, _) = saved();
    let model = classifier();
    model.forward(&Tape::inference().input(&examples().0)).unwrap();
    let before = bits(&model);
    file(
        &path,
        &[("dense.bias", &[4]), ("dense.kernel", &[6, 4]), ("dense_1.bias", &[5]), ("conv.kernel", &[1]), ("a", &[2])],
    );
    assert_eq!(
        message(model.load(&path)),
        format!(
            "{}: does not fit the model:\n  \
             differently shaped: `dense.kernel` is [5, 4] in the model and [6, 4] in the file\n  \
             missing in the file: `dense_1.kernel` [4, 3]\n  \
             differently shaped: `dense_1.bias` is [3] in the model and [5] in the file\n  \
             not in the model: `a`\n  \
             not in the model: `conv.kernel`",
            path.display()
        )
    );
    assert_eq!(bits(&model), before);
}

#[test]
fn before_the_first_forward_what_is_known_of_the_shapes_is_checked() {
    let (_folder, path, _) = saved();
    let other = Sequential::new().add(Dense::new(4)).add(Dense::new(2));
    assert_eq!(
        message(other.load(&path)),
        format!(
            "{}: does not fit the model:\n  \
             differently shaped: `dense_1.kernel` is [_, 2] in the model and [4, 3] in the file\n  \
             differently shaped: `dense_1.bias` is [2] in the model and [3] in the file",
            path.display()
        )
    );
    assert!(other.parameters().iter().all(|(_, param)| param.value().is_none()));
}

#[test]
fn loading_before_the_first_forward_gives_the_same_model() {
    let (folder, path, bytes) = saved();
    let model = classifier();
    model.load(&path).unwrap();
    let again = folder.path().join("again.safetensors");
    model.save(&again).unwrap();
    assert_eq!(std::fs::read(again).unwrap(), bytes);
    // Weights for five features meet data of six only now.
    assert_eq!(
        message(model.forward(&Tape::inference().input(ndarray::Array2::<Float>::zeros((1, 6))))),
        "layer `dense`: expected 5 features in the last axis, got input [1, 6]; feed what it was made for, or make a \
         new layer"
    );
}

#[test]
fn numbers_of_another_type() {
    let (_folder, path, _) = saved();
    let load = |kind: &str, bytes: [u8; 8]| {
        let header = format!(
            r#"{{"bias":{{"dtype":"{kind}","shape":[1],"data_offsets":[0,8]}},"kernel":{{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}}}}"#
        );
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.into_bytes());
        file.extend(bytes);
        file.extend([0; 4]);
        std::fs::write(&path, file).unwrap();
        let layer = Dense::new(1);
        layer.load(&path).map(|()| layer.bias().unwrap().value().unwrap()[0])
    };
    let start = format!("{}: does not fit the model:\n  unreadable: `bias`: ", path.display());
    assert_eq!(
        message(load("C64", [0; 8])),
        start.clone()
            + "expected floating point numbers, integers or bool (F64, F32, F16, BF16, F8, I64 to U8, BOOL), got C64; \
               convert it where it was made"
    );
    assert_eq!(load("I64", 3_i64.to_le_bytes()).unwrap(), 3.0);
    assert_eq!(
        message(load("I64", 16_777_217_i64.to_le_bytes())),
        start.clone()
            + "16777217 is a whole number that `Float` does not hold exactly (it does to ±16777216); leave this tensor \
               out"
    );
    assert_eq!(
        message(load("F64", 1e300_f64.to_le_bytes())),
        start + "1e300 is beyond the range of `Float`; scale it where it was made"
    );
}

#[test]
fn a_conversion_fits_or_changes_nothing() {
    use gradus::saving::{NumberType, Weights};
    let mut weights = Weights::new();
    assert_eq!(
        message(weights.convert(&NumberType::I64)),
        "expected F64, F32, F16, BF16 or a type of 8 bits with a sign, got I64"
    );
    weights.insert("a", ndarray::array![1.0, 2.0]);
    weights.insert("b", ndarray::array![1.0, -70_000.0]);
    assert_eq!(
        message(weights.convert(&NumberType::F16)),
        "tensor `b`: -7e4 is beyond the range of F16; scale it, or keep a larger type"
    );
    assert!(["a", "b"].iter().all(|name| weights.number_type(name) == Some(&NumberType::F32)));
    weights.convert(&NumberType::BF16).unwrap();
    let folder = tempfile::tempdir().unwrap();
    weights.save(folder.path().join("half.safetensors")).unwrap();
    let read = Weights::open(folder.path().join("half.safetensors")).unwrap();
    assert_eq!(read.number_type("b"), Some(&NumberType::BF16));
    assert_eq!(read.get("b").unwrap(), ndarray::array![1.0, -70_144.0].into_dyn());
}

#[test]
fn thousands_of_mutated_files() {
    let (_folder, path, sound) = saved();
    let mut rng = Rng::seed_from_u64(7);
    let mut below = |end: usize| (rng.next_u64() % end as u64) as usize;
    let header = u64::from_le_bytes(sound[..8].try_into().unwrap()) as usize;
    for round in 0..4000 {
        let mut bytes = sound.clone();
        // Most damage goes to the header, where it does harm.
        let reach = if round % 4 == 0 { bytes.len() } else { 8 + header };
        for _ in 0..1 + below(3) {
            let at = below(reach.min(bytes.len()));
            match below(5) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes[at] = below(256) as u8,
                2 => bytes[at] = b"0123456789[]{},:\"-"[below(18)],
                3 => bytes.truncate(at.max(1)),
                _ => drop(bytes.drain(at..(at + 1 + below(8)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                break;
            }
        }
        // Overwriting a file may wait for the disk; a new one does not.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let model = classifier();
        let before = bits(&model);
        match model.load(&path) {
            Ok(()) => assert!(model.parameters().iter().all(|(_, param)| param.value().is_some())),
            Err(error) => {
                assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
                assert_eq!(bits(&model), before, "{error}");
            }
        }
    }
}

#[test]
fn parameters_without_values_are_not_saved() {
    let (_folder, path, old) = saved();
    assert_eq!(
        message(classifier().save(&path)),
        "cannot save: parameter `dense.kernel` has no value yet; run the model once (fit, predict, forward) or load \
         weights"
    );
    assert_eq!(std::fs::read(path).unwrap(), old);
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn an_unwritable_target_keeps_the_old_file() {
    let model = compiled();
    model.predict(&examples().0).unwrap();
    let fails = |path: &Path| {
        let text = message(model.save(path));
        assert!(text.starts_with(&format!("{}: cannot be written: ", path.display())), "{text}");
    };
    let folder = tempfile::tempdir().unwrap();

    // A folder that is not there.
    fails(&folder.path().join("nowhere/model.safetensors"));
    // A folder in the place of the file.
    let occupied = folder.path().join("occupied");
    std::fs::create_dir_all(occupied.join("inner")).unwrap();
    fails(&occupied);
    assert_eq!(names(&occupied), ["inner"]);
    // A name longer than file systems have.
    fails(&folder.path().join("m".repeat(300)));
    // No temporary file stays.
    assert_eq!(names(folder.path()), ["occupied"]);
    assert_eq!(message(model.save("/")), "/: is not a file name; give one, such as `model.safetensors`");
    assert_eq!(message(model.save("")), "expected a file to write, such as `model.safetensors`, got an empty path");
}

#[cfg(unix)]
#[test]
fn a_folder_without_leave_to_write_keeps_the_old_file() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path, old) = saved();
    let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let may_write_anyway = std::fs::write(folder.path().join("probe"), "").is_ok(); // root may
    let model = compiled();
    model.predict(&examples().0).unwrap();
    let result = model.save(&path);
    mode(0o755);
    if !may_write_anyway {
        assert!(message(result).starts_with(&format!("{}: cannot be written: ", path.display())));
        assert_eq!(std::fs::read(&path).unwrap(), old);
    }
}

/// `y = Σ w`, with a gradient of another shape than that of `w`.
struct WrongShape;

impl Op for WrongShape {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        inputs[0].sum().into_tensor()
    }

    fn backward(&self, _: &Tensor, dx: &mut InputGrads<'_>) {
        dx.add(0, || ndarray::arr1(&[1.0 as Float]).into_tensor());
    }
}

#[test]
fn a_gradient_of_another_shape_is_named() {
    let layer = Dense::new(2);
    let tape = Tape::training();
    let x = tape.input(ndarray::arr2(&[[1.0, 2.0, 3.0]]));
    layer.forward(&x).unwrap();
    let kernel = layer.kernel().on(&x, &[3, 2]).unwrap();
    let gradients = tape.apply(WrongShape, &[&kernel]).backward().unwrap();
    layer.bias().unwrap().freeze();
    assert_eq!(
        message(Stepper::new(Sgd::default()).step(&layer, gradients)),
        "the gradient of `kernel` has shape [1], expected [3, 2]; mend the `backward` that made it"
    );
}
