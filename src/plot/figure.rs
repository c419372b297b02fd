//! Panels and images under a title.

use std::path::Path;

use plotters::prelude::*;

use super::image::Image;
use super::{INK, Panel};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// What drawing gives: the errors of several crates.
pub(super) type Drawn<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Panels and images beside and below each other, under a title.
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
    parts: Vec<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Panel(Panel),
    Image(Image),
}

const WIDTH: u32 = 960;
const ROW: u32 = 380;
const TITLE: u32 = 48;
/// The height of an image's title, and the space around it.
const CAPTION: u32 = 28;
const GAP: u32 = 8;

impl Figure {
    /// Creates a figure without panels.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), columns: 2, parts: Vec::new() }
    }

    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets how many panels or images stand in a row at most.
    pub fn columns(mut self, count: usize) -> Self {
        self.columns = count;
        self
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.parts.push(Content::Panel(panel));
        self
    }

    /// Adds an image of numbers in 0..=1, `[height, width]` or `[height, width, channels]` of 1 or 3 channels, such as
    /// [`heat_map`](super::heat_map) makes.
    pub fn image(mut self, title: impl Into<String>, pixels: &Tensor) -> Self {
        self.parts.push(Content::Image(Image { title: title.into(), pixels: pixels.clone() }));
        self
    }

    /// Returns the picture as the text of an SVG file.
    ///
    /// # Errors
    /// a picture that cannot be drawn, such as an image of two channels
    pub fn svg(&self) -> Result<String> {
        let columns = self.columns.clamp(1, self.parts.len().max(1));
        let rows = self.parts.len().div_ceil(columns);
        // A row of images alone is as high as they are wide.
        let square = WIDTH / columns as u32 + CAPTION;
        let row = if self.parts.iter().all(|part| matches!(part, Content::Image(_))) { ROW.min(square) } else { ROW };
        let mut text = String::new();
        let mut images = String::new();
        let mut draw = || -> Drawn<()> {
            let size = (WIDTH, TITLE + row * u32::try_from(rows)?);
            let page = SVGBackend::with_string(&mut text, size).into_drawing_area();
            page.fill(&WHITE)?;
            let page = page.margin(8, 0, 0, 0).titled(&self.title, ("sans-serif", 24).into_font().color(&INK))?;
            for (part, area) in self.parts.iter().zip(page.split_evenly((rows, columns))) {
                match part {
                    Content::Panel(panel) => panel.draw(&area)?,
                    Content::Image(image) => {
                        let inner = area.titled(&image.title, ("sans-serif", 15).into_font().color(&INK))?;
                        let (x, y) = inner.margin(0, GAP, GAP / 2, GAP / 2).get_pixel_range();
                        images += &image.element([x.start, y.start, x.end - x.start, y.end - y.start])?;
                    }
                }
            }
            Ok(page.present()?)
        };
        draw().map_err(|error| Error::value(format!("the figure `{}` cannot be drawn: {error}", self.title)))?;
        // XML knows no other control characters, in whatever form.
        text.retain(|c| c == '\n' || !c.is_control());
        // The backend can draw images through another crate only.
        Ok(text.replace("</svg>", &format!("{images}</svg>")))
    }

    /// Writes the picture to an SVG file, in a folder that exists.
    ///
    /// # Errors
    /// a file that cannot be written; the ending of another kind of picture
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        if ["png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "pdf", "ps", "eps"].contains(&ending.as_str()) {
            let reason =
                format!("is not written as {ending}, only as SVG: name it `.svg`, and convert it by another program");
            return Err(Error::file(path, reason));
        }
        crate::files::write_file(path, self.svg()?.as_bytes())
    }
}
