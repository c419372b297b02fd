//! Photos as networks for ImageNet take them.

use std::path::Path;

use gradus::{Error, Result};
use image::imageops::{FilterType, resize};
use ndarray::{Array4, s};

/// Mean and deviation of red, green and blue over ImageNet.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A photo as `[1, 224, 224, 3]`: the short side resized to 256, the centre cut out, colours normalised, as torchvision does it.
pub fn prepare(path: &Path) -> Result<Array4<f32>> {
    let photo = image::open(path).map_err(|error| Error::file(path, format!("is not a valid image: {error}")))?;
    let photo = photo.to_rgb32f();
    let (width, height) = photo.dimensions();
    let short = width.min(height);
    let scaled = |side: u32| (256 * u64::from(side) / u64::from(short.max(1))) as u32;
    let photo = resize(&photo, scaled(width), scaled(height), FilterType::Triangle);
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let start = |side: usize| ((side as f64 - 224.0) / 2.0).round_ties_even() as usize;
    let (top, left) = (start(height), start(width));
    let photo =
        Array4::from_shape_vec((1, height, width, 3), photo.into_raw()).map_err(|error| Error::file(path, error))?;
    let mut photo = photo.slice(s![.., top..top + 224, left..left + 224, ..]).to_owned();
    for ((_, _, _, color), number) in photo.indexed_iter_mut() {
        *number = (*number - MEAN[color]) / DEVIATION[color];
    }
    Ok(photo)
}
