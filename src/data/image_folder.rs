//! Images in folders (feature `image`).

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::folder::{self, Classes, Wanted};
use super::{Batch, Dataset, bytes, known};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, tensor};

/// Images in sub-folders that are their classes, numbered in the order of the alphabet: PNG, JPEG, BMP, GIF (the first
/// picture), TIFF and WebP. They are read when their batch is made, on the threads that train.
///
/// Sub-folders of a class belong to it. Hidden files and folders, `__MACOSX` and the like are passed over;
/// [`left_out`](ImageFolder::left_out) lists the rest of what is not read, and an image of a kind that cannot be read is an error.
///
/// # Shapes
/// batches of images `[batch, height, width, 3]` from 0 to 1, labels `[batch]`
/// # Defaults
/// in colour (transparency is left out); in the size that they have, which must then be the same for all; as their pixels
/// lie, whatever the camera says
/// # Errors
/// a folder that is absent, or has no sub-folders or no images; an image of another kind; in a batch, a file that is not a
/// valid image, or of another size: the error names the file
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
#[must_use]
pub struct ImageFolder {
    classes: Classes,
    size: Option<(usize, usize)>,
    grey: bool,
    orient: bool,
}

const WANTED: Wanted = Wanted {
    what: "images",
    extensions: &["png", "jpg", "jpeg", "jfif", "bmp", "gif", "tif", "tiff", "webp"],
    refused: &[
        "avif", "heic", "heif", "jxl", "jp2", "svg", "psd", "cr2", "cr3", "nef", "arw", "dng", "tga", "ico", "ppm",
        "pgm", "pbm", "pnm", "qoi", "exr", "hdr", "dds",
    ],
};

/// Images in a batch are all of one size: height, width and the numbers.
type Pixels = (usize, usize, Vec<f32>);

impl ImageFolder {
    /// Lists the images in the sub-folders of this folder. A sub-folder without images is not a class.
    ///
    /// # Errors
    /// a folder that is absent, or has no sub-folders or no images; an image of a kind that cannot be read
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { classes: folder::classes(folder.as_ref(), &WANTED, None)?, size: None, grey: false, orient: false })
    }

    /// Lists the images of these classes, in the order of their numbers, whether they have images or not: those of the
    /// training set give a test set the same numbers.
    ///
    /// # Errors
    /// those of [`new`](Self::new)
    pub fn with_classes<S: Into<String>>(
        folder: impl AsRef<Path>,
        classes: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let names: Vec<String> = classes.into_iter().map(Into::into).collect();
        let classes = folder::classes(folder.as_ref(), &WANTED, Some(&names))?;
        Ok(Self { classes, size: None, grey: false, orient: false })
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

    /// Sets whether images are turned upright as their EXIF data says, as viewers of photos do. By default they stay as their
    /// pixels lie, as in Keras.
    #[doc(alias = "exif_transpose")]
    pub fn exif_orientation(mut self, yes: bool) -> Self {
        self.orient = yes;
        self
    }

    /// The names of the classes, in the order of their numbers.
    pub fn class_names(&self) -> &[String] {
        &self.classes.names
    }

    /// The files with the numbers of their classes, in the order of the examples.
    pub fn files(&self) -> &[(PathBuf, usize)] {
        &self.classes.files
    }

    /// What is in the folder and is not read: files of other kinds or outside of the classes, and folders without images.
    /// Hidden files are in neither.
    pub fn left_out(&self) -> &[PathBuf] {
        &self.classes.left_out
    }

    fn pixels(&self, path: &Path) -> Result<Pixels> {
        let fail = |error: &dyn std::fmt::Display| match std::fs::read(path).ok().as_deref().and_then(bytes::foreign) {
            Some(what) => Error::file(path, format!("is not a valid image, but {what}")),
            None => Error::file(path, format!("is not a valid image: {error}")),
        };
        let reader = ImageReader::open(path).map_err(|error| Error::file(path, error))?;
        let reader = reader.with_guessed_format().map_err(|error| fail(&error))?;
        let mut decoder = reader.into_decoder().map_err(|error| fail(&error))?;
        // As `ImageReader::decode` does.
        Limits::default().reserve(decoder.total_bytes()).map_err(|error| fail(&error))?;
        let orientation = if self.orient { decoder.orientation() } else { Ok(Orientation::NoTransforms) };
        let orientation = orientation.map_err(|error| fail(&error))?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(|error| fail(&error))?;
        image.apply_orientation(orientation);
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
        self.classes.files.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        known(indices, self.len())?;
        let channels = if self.grey { 1 } else { 3 };
        let mut size = None;
        let mut all = Vec::new();
        for (row, index) in indices.iter().enumerate() {
            let path = &self.classes.files[*index].0;
            let (height, width, numbers) = self.pixels(path)?;
            let (rows, columns) = *size.get_or_insert((height, width));
            if (rows, columns) != (height, width) {
                return Err(Error::file(
                    path,
                    format!(
                        "expected an image of {rows} x {columns} as {} is, got {height} x {width}; bring all to one \
                         size with `size`",
                        self.classes.files[indices[0]].0.display()
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
        let labels = indices.iter().map(|i| self.classes.files[*i].1 as Float).collect();
        let images = tensor(&[indices.len(), height, width, channels], all);
        Ok(Batch::new(vec![images], vec![tensor(&[indices.len()], labels)]))
    }
}
