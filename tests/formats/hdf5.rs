//! HDF5, as h5py writes it.

use gradus::prelude::*;
use gradus::saving::Weights;

use super::{bytes, path, refusal};

#[test]
fn every_layout_and_type_of_h5py_is_read() {
    let expected = Weights::open(path("hdf5.safetensors")).unwrap();
    for name in ["plain.h5", "block.h5"] {
        let weights = Weights::open(path(name)).unwrap();
        for tensor in expected.names() {
            assert_eq!(weights.get(tensor).unwrap(), expected.get(tensor).unwrap(), "{name}: {tensor}");
            assert_eq!(weights.number_type(tensor), expected.number_type(tensor), "{name}: {tensor}");
        }
        for i in 0..60 {
            assert_eq!(weights.get(&format!("many/{i}")).unwrap(), ndarray::arr1(&[i as Float]).into_dyn());
        }
        let message = weights.get("text").unwrap_err().to_string();
        assert!(
            message.contains("expected floating point numbers, integers or bool") && message.contains("got text"),
            "{message}"
        );
    }
}

#[test]
fn newer_forms_are_read_or_named() {
    let weights = Weights::open(path("tracked.h5")).unwrap();
    assert_eq!((weights.shape("a"), weights.shape("b")), (Some(&[7, 5][..]), Some(&[7, 5][..])));
    let weights = Weights::open(path("v110.h5")).unwrap();
    assert_eq!(weights.get("c").unwrap(), Weights::open(path("hdf5.safetensors")).unwrap().get("plain").unwrap());
}

#[test]
fn links_elsewhere_are_left_out_and_circles_refused() {
    assert_eq!(Weights::open(path("links.h5")).unwrap().names().collect::<Vec<_>>(), ["real"]);
    let message = refusal(bytes("circle.h5"));
    assert!(message.contains("is an object that another link leads to"), "{message}");
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let from = Weights::open(path("hdf5.safetensors")).unwrap();
    let to = folder.path().join("all.h5");
    from.save(&to).unwrap();
    let read = Weights::open(&to).unwrap();
    assert_eq!(read.len(), from.len());
    for name in from.names() {
        assert_eq!(read.get(name).unwrap(), from.get(name).unwrap(), "{name}");
    }
    let mut clash = Weights::new();
    clash.insert("a", ndarray::arr1(&[1.0]));
    clash.insert("a/b", ndarray::arr1(&[1.0]));
    assert!(clash.save(&to).unwrap_err().to_string().contains("would be a group and a dataset"));
}
