#![doc = include_str!("links.md")]
#![doc = include_str!("../../docs/guide/README.md")]

extern crate self as gradus;

use crate::distributed::*;
use crate::prelude::*;
use crate::{activations::*, config::*, data::*, initializers::*, layers::*, losses::*, metrics::*};
use crate::{optimizers::*, preprocessing::*, saving::*, training::callbacks::*};

/// Declares the chapters, which are pages in `docs/guide/`. A link such as `[Your data]` leads to a file where a page is read alone, and to a
/// module here: of two definitions the first one counts. Names in brackets are items of the crate, found by the imports above.
macro_rules! chapters {
    ($($name:ident)*) => {$(
        #[doc = include_str!("links.md")]
        #[doc = include_str!(concat!("../../docs/guide/", stringify!($name), ".md"))]
        pub mod $name {}
    )*};
}
chapters!(first_network your_data layers_and_graphs training metrics saving fine_tuning own_loops trust serving distributed from_keras from_pytorch exchange errors);
