//! Errors that come from elsewhere, by `?`.

use std::error::Error as _;
use std::fmt;

use gradus::data::Batch;
use gradus::prelude::*;
use gradus::saving::Weights;

fn read(path: &str) -> Result<String> {
    Ok(std::fs::read_to_string(path)?)
}

#[test]
fn an_error_of_the_standard_library_can_be_matched() {
    let error = read("no/such/file").unwrap_err();
    let Error::Other(inner) = &error else { panic!("{error}") };
    let inner = inner.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(inner.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), inner.to_string());
    assert_eq!(format!("{error:?}"), inner.to_string());
    assert!(error.source().is_none(), "a message that is there already is not a source");
    let parse = || -> Result<f32> { Ok("x".parse()?) };
    assert!(matches!(parse().unwrap_err(), Error::Other(error) if error.is::<std::num::ParseFloatError>()));
    let boxed = || -> Result<()> { Err(Box::<dyn std::error::Error + Send + Sync>::from("any text"))? };
    assert_eq!(boxed().unwrap_err().to_string(), "any text");
    assert_eq!(Error::other("a message").to_string(), "a message");
}

/// An error that another crate would have, with a cause of its own.
#[derive(Debug)]
struct Lost(std::io::Error);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection lost")
    }
}

impl std::error::Error for Lost {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn receive() -> Result<(), Lost> {
    Err(Lost(std::io::Error::other("the cable is cut")))
}

/// A dataset whose source breaks off at the fifth example.
struct Remote;

impl Dataset for Remote {
    fn len(&self) -> usize {
        8
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        if indices.iter().any(|i| *i >= 4) {
            receive().map_err(Error::other)?;
        }
        let x = gradus::ndarray::Array2::<Float>::ones((indices.len(), 1));
        (&x, &x).batch(&(0..indices.len()).collect::<Vec<_>>())
    }
}

#[test]
fn an_error_of_a_dataset_comes_out_of_fit_as_it_went_in() {
    let mut trainer = Dense::new(1).compile(Sgd::default(), MeanSquaredError);
    let error = trainer.fit(&Remote, Fit::epochs(1).batch_size(2).progress(false)).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Other(error) if error.is::<Lost>()));
    assert_eq!(error.source().unwrap().to_string(), "the cable is cut");
    // What `main` prints has the whole story, and what containers add is not said twice.
    assert_eq!(format!("{error:?}"), "connection lost: the cable is cut");
    assert_eq!(format!("{:?}", error.within("dense")), "layer `dense`: connection lost: the cable is cut");
}

#[test]
fn an_error_of_a_file_has_the_systems_error_as_its_source_and_does_not_repeat_it() {
    let error = Weights::open("no/such/file.safetensors").unwrap_err();
    assert_eq!(error.to_string(), "no/such/file.safetensors: cannot be read: no such file or folder");
    let source = error.source().unwrap();
    assert_eq!(source.downcast_ref::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(format!("{error:?}"), format!("{error}: {source}"));
    assert!(matches!(&error, Error::File { source: Some(_), .. }));
    // A message of a library is the reason itself.
    let error = Error::file("a.bin", std::io::Error::other("three bytes are missing"));
    assert_eq!((error.to_string(), error.source().is_none()), ("a.bin: three bytes are missing".into(), true));
}

/// Each message of the chain that `anyhow` and the like print is said once.
#[test]
fn no_error_repeats_its_source() {
    let file = || Error::file("a.bin", std::io::Error::from_raw_os_error(13));
    let errors = [file().within("dense").within("head"), Error::other(Lost(std::io::Error::other("the cable is cut")))];
    for error in errors {
        let (text, source) = (error.to_string(), error.source().expect("a cause").to_string());
        assert!(!text.contains(&source), "{text}: {source}");
    }
}
