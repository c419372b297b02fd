//! Datasets, their adaptors, augmentation and preprocessing.

use gradus::Rng;
use gradus::data::augment::*;
use gradus::data::records::{self, Kind};
use gradus::data::{RecordFile, class_weights, from_fn};
use gradus::ndarray::{Array1, Array2, Array4, ArrayD, IxDyn, arr0, arr1};
use gradus::prelude::*;
use gradus::preprocessing::{PaddedSequences, StringLookup, TextVectorization, one_hot};
use rand::SeedableRng;

use super::{compiled, examples, message, quiet};

#[test]
fn subsets_and_zips() {
    let data = || (Array2::<Float>::zeros((4, 5)), Array1::<u8>::zeros(4));
    let text = "subset: expected numbers of examples below 4, got 4";
    assert_eq!(message(data().subset([0, 4]).batch(&[1])), text);
    assert_eq!(message(compiled().fit(&data().subset([0, 4]), quiet())), text);
    let zipped = data().zip(data().take(3));
    assert_eq!(message(compiled().fit(&zipped, quiet())), "zip: expected datasets of one length, got 4 and 3 examples");
    let other = (Array2::<Float>::zeros((4, 6)), Array1::<u8>::zeros(4));
    assert_eq!(
        message(data().chain(other).batch(&[0, 5])),
        "expected examples of one shape, got batches of shapes [[1, 5]] and [[1, 6]]"
    );
    let growing = from_fn(3, |i| Ok((Array1::<Float>::zeros(i + 1), arr0(0.0))));
    assert_eq!(
        message(growing.batch(&[2, 0])),
        "expected examples of one shape, got [3] for example 2 and [1] for example 0"
    );
    assert_eq!(
        message(data().batches(0).next().unwrap()),
        "batches: expected a batch size of at least 1, got 0; 32 is usual"
    );
    let uneven = (Array2::<Float>::zeros((4, 5)), Array1::<u8>::zeros(3));
    assert_eq!(
        message(uneven.batches(2).next().unwrap()),
        "expected as many targets as inputs, got 4 inputs and 3 targets"
    );
}

#[test]
fn splits() {
    for share in [-0.1, 1.1, f64::NAN] {
        let text = format!("split: expected a share in 0..=1, such as 0.8 for 80 %, got {share}");
        assert_eq!(message(examples().split(share)), text);
        assert_eq!(message(examples().stratified_split(share, 0)), text);
    }
    for k in [0, 1, 13] {
        let text = format!("k_fold: expected k from 2 to the number of examples, 12, got {k}");
        assert_eq!(message(examples().k_fold(k, 0)), text);
        assert_eq!(message(examples().stratified_k_fold(k, 0)), text);
    }
    let (x, y) = examples();
    for wrong in [0.5, -1.0, Float::NAN] {
        let mut y = y.clone();
        y[5] = wrong;
        let text = format!("expected whole class numbers from 0 on as targets, got {wrong}");
        assert_eq!(message((&x, &y).classes()), text);
        assert_eq!(message((&x, &y).oversample(0)), text);
    }
    assert!(class_weights(&[]).is_empty());
    let empty = (Array2::<Float>::zeros((0, 5)), Array1::<u8>::zeros(0));
    assert_eq!(empty.oversample(0).unwrap().len(), 0);
}

fn changed(augment: &dyn Augment, shape: &[usize]) -> Result<ArrayD<Float>> {
    augment.apply(ArrayD::ones(IxDyn(shape)), &mut Rng::seed_from_u64(1))
}

#[test]
fn augmentation_settings() {
    let image = &[4, 4, 1][..];
    let says = |augment: &dyn Augment| message(changed(augment, image));
    assert_eq!(
        says(&RandomTranslation::new(1.5, 1.5)),
        "RandomTranslation: expected a height factor in 0..=1, got 1.5"
    );
    assert_eq!(says(&RandomRotation::new(-0.5)), "RandomRotation: expected a share of a full turn in 0..=1, got -0.5");
    assert_eq!(says(&RandomZoom::new(Float::NAN)), "RandomZoom: expected a factor in 0..=1, got NaN");
    assert_eq!(says(&RandomBrightness::new(2.0)), "RandomBrightness: expected a factor in 0..=1, got 2");
    assert_eq!(says(&RandomContrast::new(-1.0)), "RandomContrast: expected a factor in 0..=1, got -1");
    assert_eq!(
        says(&RandomBrightness::new(0.5).value_range([1.0, 1.0])),
        "RandomBrightness: expected a range of values from low to high, got 1 to 1"
    );
    assert_eq!(
        says(&RandomContrast::new(0.5).value_range([0.0, Float::NAN])),
        "RandomContrast: expected a range of values from low to high, got 0 to NaN"
    );
    assert_eq!(says(&RandomErasing::default().factor(2.0)), "RandomErasing: expected a factor in 0..=1, got 2");
    assert_eq!(
        says(&RandomErasing::default().scale([0.5, 0.25])),
        "RandomErasing: expected a scale from least to greatest, got 0.5 to 0.25"
    );
    assert_eq!(
        says(&RandomElasticTransform::new(1.0, 0.0)),
        "RandomElasticTransform: expected a sigma above 0, at most 1000, got 0"
    );
    assert_eq!(
        says(&RandomElasticTransform::new(Float::INFINITY, 1.0)),
        "RandomElasticTransform: expected an alpha in 0..=1000000, got inf"
    );
    assert_eq!(says(&RandomCrop::new(5, 2)), "RandomCrop: expected images of at least 5 x 2, got 4 x 4");
    assert_eq!(says(&RandomCrop::new(0, 2)), "RandomCrop: expected a size of at least 1 x 1, got 0 x 2");
    message(changed(&RandomCrop::new(2, 2).padding(usize::MAX), image));
}

#[test]
fn augmentation_of_what_is_no_image() {
    let all: [(&str, Box<dyn Augment>); 8] = [
        ("RandomFlip", Box::new(RandomFlip::both())),
        ("RandomTranslation", Box::new(RandomTranslation::new(0.5, 0.5))),
        ("RandomRotation", Box::new(RandomRotation::new(0.5))),
        ("RandomZoom", Box::new(RandomZoom::new(0.5))),
        ("RandomCrop", Box::new(RandomCrop::new(1, 1))),
        ("RandomContrast", Box::new(RandomContrast::new(0.5))),
        ("RandomErasing", Box::new(RandomErasing::default())),
        ("RandomElasticTransform", Box::new(RandomElasticTransform::new(1.0, 1.0))),
    ];
    for (name, augment) in all {
        assert_eq!(
            message(changed(augment.as_ref(), &[4, 4])),
            format!("{name}: expected images [height, width, channels], got [4, 4]")
        );
        // Nothing to change, and no panic.
        for shape in [[0, 0, 0], [0, 3, 1], [3, 0, 1], [3, 3, 0]] {
            let _ = changed(augment.as_ref(), &shape);
        }
    }
    let data = (Array4::<Float>::zeros((4, 3, 3, 1)), Array1::<u8>::zeros(4));
    let second = (&data).augment(1, RandomFlip::both()).input(1);
    assert_eq!(message(second.training_batch(&[0], 0)), "augment: expected a number of an input below 1, got 1");
    assert_eq!(
        message((&data).mix(1, MixUp::default()).training_batch(&[0], 0)),
        "mix: expected targets that can be mixed, [batch, ...], got class numbers [1]; call `one_hot(classes)` on the \
         dataset before `mix`"
    );
    let says = |alpha| message((&data).one_hot(2).mix(1, MixUp::new(alpha)).training_batch(&[0], 0));
    assert_eq!(says(0.0), "MixUp: expected an alpha above 0, got 0; 0.2 to 1 is usual");
    assert_eq!(says(Float::NAN), "MixUp: expected an alpha above 0, got NaN; 0.2 to 1 is usual");
    let flat = (Array2::<Float>::zeros((4, 3)), Array1::<u8>::zeros(4)).one_hot(1).mix(1, CutMix::default());
    assert_eq!(message(flat.training_batch(&[0], 0)), "CutMix: expected images [height, width, channels], got [3]");
}

#[test]
fn preprocessing() {
    assert_eq!(message(one_hot(arr1(&[0, 3]), 3)), "one_hot: expected whole class numbers 0..3, got 3");
    assert_eq!(message(one_hot(arr1(&[0.5]), 3)), "one_hot: expected whole class numbers 0..3, got 0.5");
    assert_eq!(message(one_hot(arr1(&[-1.0]), 0)), "one_hot: expected whole class numbers 0..0, got -1");
    assert_eq!(
        message(one_hot(arr1(&[0, 0]), usize::MAX)),
        format!("one_hot: 2 examples of {} classes do not fit", usize::MAX)
    );
    assert_eq!(
        message(StringLookup::sorted(["a", "b"]).lookup("c")),
        "StringLookup: expected one of the 2 strings `a`, `b`, got `c`; call `unknown` to allow others"
    );
    assert_eq!(
        message(TextVectorization::new().sequences(["a"])),
        "TextVectorization: expected a vocabulary; call `adapt` with texts first"
    );
    assert_eq!(
        message(TextVectorization::new().max_tokens(2).adapt(["a"])),
        "TextVectorization: expected room for at least 3 tokens, padding and `[UNK]` included, got 2"
    );
    assert_eq!(
        message(TextVectorization::new().ngrams(0).adapt(["a"])),
        "TextVectorization: expected n-grams of at least 1 word, got 0"
    );
    assert_eq!(
        message(PaddedSequences::new(vec![vec![1 << 24]])),
        "PaddedSequences: expected token numbers below 16777216, got 16777216"
    );
    let adapt = |x: Array2<Float>| {
        let y = Array1::<u8>::zeros(x.nrows());
        message(Normalization::new().adapt(&(x, y)))
    };
    assert_eq!(adapt(Array2::zeros((0, 2))), "Normalization: expected at least one example to adapt to, got none");
    assert_eq!(
        adapt(Array2::zeros((3, 0))),
        "Normalization: expected examples [batch, ..., 0] of at least 1 feature, got [3, 0]"
    );
    assert_eq!(
        adapt(Array2::from_elem((3, 2), Float::INFINITY)),
        "Normalization: expected finite numbers, got others in feature 0"
    );
}

#[test]
fn record_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.records");
    let says = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let text = message(RecordFile::open(&path));
        text.strip_prefix(&format!("{}: ", path.display())).unwrap().to_string()
    };
    assert_eq!(says(b"short"), "is cut off in its header");
    assert_eq!(
        says(b"GRADUSR9more"),
        "is not a file of records: expected it to begin with `GRADUSR1`, got [71, 82, 65, 68, 85, 83, 82, 57]"
    );
    let header = |numbers: [u64; 3], rest: &[u8]| {
        [b"GRADUSR1".to_vec(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect(), rest.to_vec()].concat()
    };
    assert_eq!(
        says(&header([1, u64::MAX, 1], &[])),
        format!("expected 1 to 1024 inputs and targets, got {} and 1", u64::MAX)
    );
    assert_eq!(says(&header([1, 0, 0], &[])), "expected 1 to 1024 inputs and targets, got 0 and 0");
    assert_eq!(says(&header([1, 1, 0], &[7, 0])), "expected numbers of kind 0 or 1, got 7");
    assert_eq!(says(&header([1, 1, 0], &[1, 200])), "expected at most 16 axes, got 200");
    assert_eq!(says(&header([2, 1, 0], &[1, 0, 0, 0])), "expected 42 bytes for 2 records, got 36; is it cut off?");
    let huge = [&[1, 1][..], &u64::MAX.to_le_bytes()].concat();
    assert_eq!(
        says(&header([2, 1, 0], &huge)),
        "expected more than can be bytes for 2 records, got 42; is it cut off?"
    );
    let data = from_fn(3, |i| Ok((arr1(&[i as Float / 2.0]), arr0(0.0))));
    assert_eq!(
        message(records::write(&path, &data, Kind::Byte)),
        "records: expected whole numbers in 0..=255 to store as bytes, got 0.5 in example 1; store them as `Float32`"
    );
    let growing = from_fn(65, |i| Ok((Array1::<Float>::zeros(1 + i / 64), arr0(0.0))));
    assert_eq!(
        message(records::write(&path, &growing, Kind::Float32)),
        "records: expected examples 64 to 64 to have the shapes of example 0"
    );
    assert_eq!(
        message(records::write(&path, &from_fn(0, |_| Ok((arr0(0.0), arr0(0.0)))), Kind::Float32)),
        "records: expected at least one example, got an empty dataset"
    );
    records::write(&path, &data, Kind::Float32).unwrap();
    assert_eq!(
        message(RecordFile::open(&path).unwrap().batch(&[1, 3])),
        format!("{}: expected numbers of records below 3, got 3", path.display())
    );
}
