//! Pictures of curves and points as SVG files, through `plotters` (feature `plot`). A [`Figure`] is made
//! [from](Figure#trait-implementations) a training's [`History`](crate::training::History), a
//! [`RateFinder`](crate::callbacks::RateFinder) or the [`Results`](crate::search::Results) of a search, of a
//! [schedule](Figure::schedule), of panels of your own, or of images, over which [`heat_map`]
//! lays what an explanation finds. [`graph`] draws a model.
//!
//! ```
//! use gradus::plot::{Figure, Panel};
//! use gradus::prelude::*;
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("schedule.svg");
//! let schedule = |step: u32| 0.1 * (0.9 as Float).powi(step as i32);
//! Figure::schedule(&schedule, 100).title("A schedule").save(&path)?;
//! let panel = Panel::new("Step", "Rate").line("first", schedule.curve(100).into_iter().enumerate());
//! Figure::new("The same, by hand").panel(panel.line("constant", [(0.0, 0.05), (99.0, 0.05)])).save(&path)?;
//! # Ok::<(), gradus::Error>(())
//! ```

mod charts;
mod figure;
mod graph;
mod image;
mod panel;

pub use figure::Figure;
pub use graph::{Picture, graph};
pub use image::heat_map;
pub use panel::Panel;

use plotters::style::RGBColor;

const INK: RGBColor = RGBColor(40, 44, 52);
const GRID: RGBColor = RGBColor(226, 229, 233);
