//! Images inside of a figure, and maps that are laid over them.

use super::figure::Drawn;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, data, tensor};

/// An image under its title.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) title: String,
    pub(super) pixels: Tensor,
}

impl Image {
    /// The `<image>` element that fills as much of a box as keeps the pixels square.
    pub(super) fn element(&self, [left, top, width, height]: [i32; 4]) -> Drawn<String> {
        let (rows, columns, channels) = sizes(&self.title, &self.pixels)?;
        let bytes = self.pixels.iter().map(|x| (x.clamp(0.0, 1.0) * 255.0).round() as u8);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, u32::try_from(columns)?, u32::try_from(rows)?);
        encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.write_header()?.write_image_data(&bytes.collect::<Vec<u8>>())?;
        Ok(format!(
            "<image x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
             href=\"data:image/png;base64,{}\"/>\n",
            base64(&file)
        ))
    }
}

/// Rows, columns and channels.
fn sizes(who: &str, image: &Tensor) -> Result<(usize, usize, usize)> {
    match image.shape() {
        &[rows, columns] if !image.is_empty() => Ok((rows, columns, 1)),
        &[rows, columns, channels @ (1 | 3)] if !image.is_empty() => Ok((rows, columns, channels)),
        shape => Err(Error::shape(format!(
            "{who}: expected an image [height, width], or [height, width, channels] of 1 or 3 channels, got {shape:?}"
        ))),
    }
}

/// Returns an image with a map of numbers laid over it: red where they are above 0, blue where they are below, the image in grey where
/// they are near 0. The strongest colour stands for the 99th percentile of their absolute values, so that a single pixel does not
/// outshine all others. A map of another size, such as [`grad_cam`](crate::explain::grad_cam) finds, is stretched over the image.
///
/// ```
/// use gradus::plot::{Figure, heat_map};
/// use gradus::prelude::*;
/// let image = ndarray::Array2::from_elem((28, 28), 0.5).into_tensor();
/// let map = ndarray::arr2(&[[1.0, 0.0], [0.0, -1.0]]).into_tensor();
/// let picture = heat_map(&image, &map)?;
/// assert_eq!(picture.shape(), [28, 28, 3]);
/// assert!(picture[[0, 0, 0]] > picture[[0, 0, 2]]); // red
/// let svg = Figure::new("A map").image("image", &image).image("map", &picture).svg()?;
/// # assert_eq!(svg.matches("<image").count(), 2);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Shapes
/// image `[height, width]` or `[height, width, channels]` of numbers in 0..=1; map `[height, width]`, or with channels, which are added up
/// # Errors
/// an image or a map of another shape
pub fn heat_map(image: &Tensor, map: &Tensor) -> Result<Tensor> {
    let (rows, columns, channels) = sizes("heat_map", image)?;
    let summed = match map.ndim() {
        3 => map.sum_axis(ndarray::Axis(2)).into_dyn().into_shared(),
        _ => map.clone(),
    };
    let &[own_rows, own_columns] = summed.shape() else {
        return Err(Error::shape(format!("heat_map: expected a map [height, width], got {:?}", map.shape())));
    };
    if summed.is_empty() {
        return Err(Error::shape("heat_map: expected a map of numbers, got an empty one"));
    }
    let mut sizes: Vec<Float> = summed.iter().map(|x| x.abs()).filter(|x| x.is_finite()).collect();
    crate::order::sort(&mut sizes);
    let most = sizes.get(sizes.len() * 99 / 100).copied().unwrap_or(0.0).max(Float::MIN_POSITIVE);

    let summed = summed.as_standard_layout().into_shared();
    let (grey, map) = (image.as_standard_layout().into_shared(), data(&summed));
    let grey: Vec<Float> =
        data(&grey).chunks_exact(channels).map(|pixel| pixel.iter().sum::<Float>() / channels as Float).collect();
    let mut colors = Vec::with_capacity(3 * rows * columns);
    for (i, grey) in grey.into_iter().enumerate() {
        let at = |place: usize, length: usize, own: usize| {
            // Centres of pixels lie over each other, as where images are resized.
            let place = (place as Float + 0.5) * own as Float / length as Float - 0.5;
            let below = place.max(0.0) as usize;
            (below, (below + 1).min(own - 1), (place - below as Float).max(0.0))
        };
        let (top, bottom, down) = at(i / columns, rows, own_rows);
        let (left, right, across) = at(i % columns, columns, own_columns);
        let row = |row: usize| map[row * own_columns + left] * (1.0 - across) + map[row * own_columns + right] * across;
        let value = ((row(top) * (1.0 - down) + row(bottom) * down) / most).clamp(-1.0, 1.0);
        let color = if value > 0.0 { [0.85, 0.05, 0.1] } else { [0.05, 0.25, 0.85] };
        colors.extend(color.map(|color: Float| {
            let pale = 0.3 + 0.6 * grey.clamp(0.0, 1.0);
            pale * (1.0 - value.abs()) + color * value.abs()
        }));
    }
    Ok(tensor(&[rows, columns, 3], colors))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Figure;
    use crate::tensor::IntoTensor;

    /// The vectors of RFC 4648.
    #[test]
    fn base64_is_that_of_the_standard() {
        let found = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(found, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn maps_are_red_above_0_and_blue_below() {
        let image = ndarray::Array2::<Float>::zeros((2, 2)).into_tensor();
        let map = ndarray::arr2(&[[2.0, 0.0], [-2.0, 1.0]]).into_tensor();
        let found = heat_map(&image, &map).unwrap();
        let pixel = |row: usize, column: usize| [0, 1, 2].map(|channel| found[[row, column, channel]]);
        assert_eq!(pixel(0, 1), [0.3; 3]);
        assert_eq!((pixel(0, 0), pixel(1, 0)), ([0.85, 0.05, 0.1], [0.05, 0.25, 0.85]));
        assert!(pixel(1, 1)[0] > 0.3 && pixel(1, 1)[0] < 0.85);
    }

    #[test]
    fn what_is_not_an_image_is_refused() {
        let flat = ndarray::Array1::<Float>::zeros(4).into_tensor();
        let image = ndarray::Array2::<Float>::zeros((2, 2)).into_tensor();
        let error = heat_map(&image, &flat).unwrap_err().to_string();
        assert_eq!(error, "heat_map: expected a map [height, width], got [4]");
        let error = Figure::new("page").image("picture", &flat).svg().unwrap_err().to_string();
        assert!(error.contains("picture: expected an image [height, width]"), "{error}");
    }
}
