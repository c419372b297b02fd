//! Images in folders (feature `image`).

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};

use super::folder::{self, Classes};
use super::{Batch, Dataset};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, tensor};

/// Images in sub-folders that are their classes, numbered in the order of the alphabet: PNG, JPEG and BMP. They are
/// read when their batch is made, on the threads that train.
///
/// # Shapes
/// batches of images `[batch, height, width, 3]` from 0 to 1, labels `[batch]`
/// # Defaults
/// in colour (transparency is left out); in the size that they have, which must then be the same for all
/// # Errors
/// a folder that is absent, or has no sub-folders or no images; in a batch, a file that is no sound image, or of another
/// size: the error names the file
/// # Example
/// ```no_run
/// use gradus::prelude::*;
/// use gradus::data::ImageFolder;
/// let images = ImageFolder::new("flowers")?.size(64, 64);
/// let classes = images.class_names().len();
/// let (train, validation) = images.stratified_split(0.8, 1)?;
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Keras `image_dataset_from_directory`, torchvision `ImageFolder`
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Vec<String>,
    files: Vec<(PathBuf, usize)>,
    size: Option<(usize, usize)>,
    grey: bool,
}

/// Images in a batch are all of one size: height, width and the numbers.
type Pixels = (usize, usize, Vec<f32>);

impl ImageFolder {
    /// The images in the sub-folders of this folder.
    ///
    /// # Errors
    /// a folder that is absent, or has no sub-folders or no images
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let Classes { names, files } = folder::classes(folder.as_ref(), "images", &["png", "jpg", "jpeg", "bmp"])?;
        Ok(Self { classes: names, files, size: None, grey: false })
    }

    /// Brings all images to this size, each pixel a weighted mean.
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.size = Some((height, width));
        self
    }

    /// Sets whether images become grey: one channel instead of three.
    pub fn grey(mut self, yes: bool) -> Self {
        self.grey = yes;
        self
    }

    /// The names of the classes, in the order of their numbers.
    pub fn class_names(&self) -> &[String] {
        &self.classes
    }

    /// The files with the numbers of their classes, in the order of the examples.
    pub fn files(&self) -> &[(PathBuf, usize)] {
        &self.files
    }

    fn pixels(&self, path: &Path) -> Result<Pixels> {
        let fail = |error: &dyn std::fmt::Display| Error::file(path, format!("is no sound image: {error}"));
        let reader = ImageReader::open(path).map_err(|error| Error::file(path, error))?;
        let reader = reader.with_guessed_format().map_err(|error| fail(&error))?;
        let mut image: DynamicImage = reader.decode().map_err(|error| fail(&error))?;
        if let Some((height, width)) = self.size {
            let pixels = |len: usize| u32::try_from(len).ok().filter(|len| (1..=65_536).contains(len));
            let (Some(rows), Some(columns)) = (pixels(height), pixels(width)) else {
                let text = format!("ImageFolder: expected a size from 1 x 1 to 65536 x 65536, got {height} x {width}");
                return Err(Error::value(text));
            };
            image = image.resize_exact(columns, rows, FilterType::Triangle);
        }
        let (height, width) = (image.height() as usize, image.width() as usize);
        let numbers = if self.grey { image.to_luma32f().into_raw() } else { image.to_rgb32f().into_raw() };
        Ok((height, width, numbers))
    }
}

impl Dataset for ImageFolder {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let channels = if self.grey { 1 } else { 3 };
        let mut size = None;
        let mut all = Vec::new();
        for (row, index) in indices.iter().enumerate() {
            let path = &self.files[*index].0;
            let (height, width, numbers) = self.pixels(path)?;
            let (rows, columns) = *size.get_or_insert((height, width));
            if (rows, columns) != (height, width) {
                return Err(Error::file(
                    path,
                    format!(
                        "expected an image of {rows} x {columns} as {} is, got {height} x {width}; bring all to one \
                         size with `size`",
                        self.files[indices[0]].0.display()
                    ),
                ));
            }
            if row == 0 {
                all = buffer(numbers.len() * indices.len());
            }
            let out = &mut all[row * numbers.len()..][..numbers.len()];
            out.iter_mut().zip(numbers).for_each(|(out, x)| *out = Float::from(x));
        }
        let (height, width) = size.unwrap_or((0, 0));
        let labels = indices.iter().map(|i| self.files[*i].1 as Float).collect();
        let images = tensor(&[indices.len(), height, width, channels], all);
        Ok(Batch::new(vec![images], vec![tensor(&[indices.len()], labels)]))
    }
}
