//! Panels under a title.

use std::path::Path;

use plotters::prelude::*;

use super::{INK, Panel};
use crate::error::{Error, Result};

/// Panels beside and below each other, under a title.
///
/// # Defaults
/// up to two panels in a row
/// # Example
/// see [the module](crate::plot)
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Figure {
    title: String,
    columns: usize,
    panels: Vec<Panel>,
}

const WIDTH: u32 = 960;
const ROW: u32 = 380;
const TITLE: u32 = 48;

impl Figure {
    /// Creates a figure without panels.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), columns: 2, panels: Vec::new() }
    }

    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets how many panels stand in a row at most.
    pub fn columns(mut self, count: usize) -> Self {
        self.columns = count;
        self
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Returns the picture as the text of an SVG file.
    ///
    /// # Errors
    /// a picture that cannot be drawn
    pub fn svg(&self) -> Result<String> {
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let rows = self.panels.len().div_ceil(columns);
        let mut text = String::new();
        let mut draw = || -> Result<(), Box<dyn std::error::Error>> {
            let size = (WIDTH, TITLE + ROW * u32::try_from(rows)?);
            let page = SVGBackend::with_string(&mut text, size).into_drawing_area();
            page.fill(&WHITE)?;
            let page = page.margin(8, 0, 0, 0).titled(&self.title, ("sans-serif", 24).into_font().color(&INK))?;
            for (panel, area) in self.panels.iter().zip(page.split_evenly((rows, columns))) {
                panel.draw(&area)?;
            }
            Ok(page.present()?)
        };
        draw().map_err(|error| Error::value(format!("the figure `{}` cannot be drawn: {error}", self.title)))?;
        Ok(text)
    }

    /// Writes the picture to an SVG file, in a folder that exists.
    ///
    /// # Errors
    /// a file that cannot be written
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::files::write_file(path.as_ref(), self.svg()?.as_bytes())
    }
}
