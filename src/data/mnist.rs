//! MNIST and the sets made in its image.

use std::path::Path;

use ndarray::{Array1, Array3, ArrayD, Axis};

use super::{Batch, Dataset, Inputs, idx, known};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, tensor};

/// Grey images with a class number each. Pixels stay bytes until their batch is made, divided by 255.
///
/// # Shapes
/// batches of images `[batch, rows, columns, 1]` from 0 to 1, labels `[batch]`
#[derive(Clone, Debug)]
#[must_use]
pub struct Mnist {
    images: Array3<u8>,
    labels: Array1<u8>,
}

/// Reads the training and the test set from the four IDX files in a folder, gzipped (feature `gzip`) or not:
/// `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. Also reads
/// Fashion-MNIST and Kuzushiji-MNIST; [`load_files`] reads files of other names.
///
/// # Errors
/// a file that is absent, cut off, corrupt or of another kind; images and labels that differ in number
/// # Example
/// ```
/// let (train, test) = gradus::data::mnist::load("examples/data/mnist")?;
/// assert_eq!((train.images().dim(), test.labels().len()), ((60_000, 28, 28), 10_000));
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// LeCun, Bottou, Bengio & Haffner 1998
pub fn load(folder: impl AsRef<Path>) -> Result<(Mnist, Mnist)> {
    let folder = folder.as_ref();
    let hint = "; name the folder of the IDX files";
    let read = |set: &str| {
        let (images, labels) = (format!("{set}-images-idx3-ubyte"), format!("{set}-labels-idx1-ubyte"));
        read(&folder.join(images), &folder.join(labels), hint)
    };
    Ok((read("train")?, read("t10k")?))
}

/// Reads images and their labels from two IDX files of any names, gzipped (feature `gzip`) or not; `.gz` may be left out.
///
/// Images are unsigned bytes in 3 axes. Labels are whole numbers from 0 to 255 in one axis, or in the first of several columns,
/// as QMNIST's integers are. [`idx::load`] reads whatever else such files hold, such as colours in a fourth axis.
///
/// # Errors
/// a file that is absent, cut off, corrupt or of another kind; images and labels that differ in number
/// # Example
/// ```no_run
/// use gradus::data::mnist;
/// # fn main() -> gradus::Result<()> {
/// // EMNIST's images lie on their side, and its letters begin with 1.
/// let train = mnist::load_files("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte")?;
/// let train = train.transpose().map_labels(|label| label - 1);
/// # Ok(())
/// # }
/// ```
/// # Reference
/// Cohen, Afshar, Tapson & van Schaik 2017 (EMNIST); Yadav & Bottou 2019 (QMNIST)
pub fn load_files(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Mnist> {
    read(images.as_ref(), labels.as_ref(), "")
}

fn read(images: &Path, labels: &Path, hint: &str) -> Result<Mnist> {
    let file = idx::read(images, hint)?;
    let ([count, rows, columns], 0x08) = (&file.sizes[..], file.kind) else {
        let reason = format!(
            "expected images of unsigned bytes (type 8) in 3 axes, got type {} in sizes {:?}; `idx::load` reads any",
            file.kind, file.sizes
        );
        return Err(Error::file(&file.path, reason));
    };
    let pixels =
        Array3::from_shape_vec((*count, *rows, *columns), file.body).map_err(|error| Error::file(&file.path, error))?;
    let file = idx::read(labels, hint)?;
    let table: ArrayD<i32> = file.array()?;
    if !(1..=2).contains(&table.ndim()) || table.shape()[0] != *count {
        let reason = format!("expected {count} labels, one an image, got sizes {:?}", file.sizes);
        return Err(Error::file(&file.path, reason));
    }
    let mut classes = Array1::zeros(*count);
    for (class, row) in classes.iter_mut().zip(table.axis_iter(Axis(0))) {
        let label = row.first().copied().unwrap_or_default();
        *class = u8::try_from(label)
            .map_err(|_| Error::file(&file.path, format!("expected labels from 0 to 255, got {label}")))?;
    }
    Mnist::new(pixels, classes)
}

impl Mnist {
    /// Creates the dataset from images `[count, rows, columns]` and labels `[count]`.
    ///
    /// # Errors
    /// images and labels that differ in number
    pub fn new(images: Array3<u8>, labels: Array1<u8>) -> Result<Self> {
        if images.len_of(Axis(0)) != labels.len() {
            let (images, labels) = (images.len_of(Axis(0)), labels.len());
            return Err(Error::shape(format!(
                "expected as many labels as images, got {images} images and {labels} labels"
            )));
        }
        // The layout of `as_standard_layout` would be a copy of the set where it is right already.
        let images = if images.is_standard_layout() { images } else { images.as_standard_layout().into_owned() };
        Ok(Self { images, labels })
    }

    /// Returns the images as bytes, `[count, rows, columns]`.
    pub fn images(&self) -> &Array3<u8> {
        &self.images
    }

    /// Returns the class numbers, `[count]`.
    pub fn labels(&self) -> &Array1<u8> {
        &self.labels
    }

    /// Returns only the images whose label fits.
    pub fn filter(&self, keep: impl Fn(u8) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.labels.len()).filter(|i| keep(self.labels[*i])).collect();
        self.chosen(&kept)
    }

    /// The images with these numbers.
    fn chosen(&self, kept: &[usize]) -> Self {
        let (count, height, width) = self.images.dim();
        let (all, size) = (self.images.as_slice().expect("standard layout"), self.images.len() / count.max(1));
        let mut pixels = Vec::with_capacity(kept.len() * size);
        let mut labels = Vec::with_capacity(kept.len());
        for i in kept {
            pixels.extend_from_slice(&all[i * size..][..size]);
            labels.push(self.labels[*i]);
        }
        let images = Array3::from_shape_vec((kept.len(), height, width), pixels).expect("an image of pixels for each");
        Self { images, labels: labels.into() }
    }

    /// Returns the first images, at most `count`.
    pub fn take(self, count: usize) -> Self {
        let kept: Vec<usize> = (0..self.labels.len().min(count)).collect();
        self.chosen(&kept)
    }

    /// Returns the images with rows and columns exchanged: upright ones of EMNIST's files.
    pub fn transpose(self) -> Self {
        let images = self.images.permuted_axes([0, 2, 1]);
        Self { images: images.as_standard_layout().into_owned(), labels: self.labels }
    }

    /// Returns the same images with other labels.
    pub fn map_labels(mut self, label: impl Fn(u8) -> u8) -> Self {
        self.labels.mapv_inplace(label);
        self
    }
}

impl Inputs for Mnist {
    fn lengths(&self) -> Vec<usize> {
        vec![self.labels.len()]
    }

    fn gather(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        known(indices, self.labels.len())?;
        let (_, rows, columns) = self.images.dim();
        let size = rows * columns;
        let mut out = buffer(size * indices.len());
        for (i, index) in indices.iter().enumerate() {
            let image = self.images.index_axis(Axis(0), *index);
            for (place, pixel) in image.as_slice().unwrap_or_default().iter().enumerate() {
                out[i * size + place] = Float::from(*pixel) / 255.0;
            }
        }
        Ok(vec![tensor(&[indices.len(), rows, columns, 1], out)])
    }
}

impl Dataset for Mnist {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let images = self.gather(indices)?;
        let labels: Vec<Float> = indices.iter().map(|i| Float::from(self.labels[*i])).collect();
        Ok(Batch::new(images, vec![tensor(&[indices.len()], labels)]))
    }
}
