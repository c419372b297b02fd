//! Errors that come from elsewhere, by `?`.

use std::error::Error as _;
use std::fmt;

use gradus::data::Batch;
use gradus::prelude::*;

fn read(path: &str) -> Result<String> {
    Ok(std::fs::read_to_string(path)?)
}

#[test]
fn an_error_of_the_standard_library_stays_the_source() {
    let error = read("no/such/file").unwrap_err();
    let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), source.to_string());
    assert_eq!(format!("{error:?}"), source.to_string());
    let parse = || -> Result<f32> { Ok("x".parse()?) };
    assert!(parse().unwrap_err().source().unwrap().is::<std::num::ParseFloatError>());
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
    assert!(error.source().unwrap().is::<Lost>());
    // What `main` prints has the whole story, and what containers add is not said twice.
    assert_eq!(format!("{error:?}"), "connection lost: the cable is cut");
    assert_eq!(format!("{:?}", error.within("dense")), "layer `dense`: connection lost: the cable is cut");
}
