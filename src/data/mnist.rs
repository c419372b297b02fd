//! MNIST and the sets made in its image.

use std::path::Path;

use ndarray::{Array1, Array3, Axis};

use super::{Batch, Dataset, Inputs, idx};
use crate::buffers::buffer;
use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor, tensor};

/// Grey images with a class number each. Pixels stay bytes until their batch is made, divided by 255.
///
/// # Shapes
/// batches of images `[batch, rows, columns, 1]` from 0 to 1, labels `[batch]`
#[derive(Clone, Debug)]
pub struct Mnist {
    images: Array3<u8>,
    labels: Array1<u8>,
}

/// Reads the training and the test set from the four IDX files in a folder, gzipped (feature `gzip`) or not:
/// `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. Also reads
/// Fashion-MNIST.
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
    Ok((read(folder, "train")?, read(folder, "t10k")?))
}

fn read(folder: &Path, set: &str) -> Result<Mnist> {
    let image_file = format!("{set}-images-idx3-ubyte");
    let label_file = format!("{set}-labels-idx1-ubyte");
    let (sizes, pixels) = idx::read(folder, &image_file)?;
    let [count, rows, columns] = sizes[..] else {
        return Err(Error::file(folder.join(image_file), format!("expected images in 3 axes, got sizes {sizes:?}")));
    };
    let (label_sizes, labels) = idx::read(folder, &label_file)?;
    if label_sizes != [count] {
        let reason = format!("expected {count} labels, one an image, got sizes {label_sizes:?}");
        return Err(Error::file(folder.join(label_file), reason));
    }
    let images = Array3::from_shape_vec((count, rows, columns), pixels)
        .map_err(|_| Error::file(folder.join(image_file), "its sizes do not fit its bytes"))?;
    Mnist::new(images, Array1::from(labels))
}

impl Mnist {
    /// From images `[count, rows, columns]` and labels `[count]`.
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
        Ok(Self { images: images.as_standard_layout().into_owned(), labels })
    }

    /// The images as bytes, `[count, rows, columns]`.
    pub fn images(&self) -> &Array3<u8> {
        &self.images
    }

    /// The class numbers, `[count]`.
    pub fn labels(&self) -> &Array1<u8> {
        &self.labels
    }

    /// Only the images whose label fits.
    pub fn filter(&self, keep: impl Fn(u8) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.labels.len()).filter(|i| keep(self.labels[*i])).collect();
        Self { images: self.images.select(Axis(0), &kept), labels: self.labels.select(Axis(0), &kept) }
    }

    /// The first images, at most `count`.
    pub fn take(self, count: usize) -> Self {
        let kept: Vec<usize> = (0..self.labels.len().min(count)).collect();
        Self { images: self.images.select(Axis(0), &kept), labels: self.labels.select(Axis(0), &kept) }
    }

    /// The same images with other labels.
    pub fn map_labels(mut self, label: impl Fn(u8) -> u8) -> Self {
        self.labels.mapv_inplace(label);
        self
    }
}

impl Inputs for Mnist {
    fn lengths(&self) -> Vec<usize> {
        vec![self.labels.len()]
    }

    fn gather(&self, indices: &[usize]) -> Vec<Tensor> {
        let (_, rows, columns) = self.images.dim();
        let size = rows * columns;
        let mut out = buffer(size * indices.len());
        for (i, index) in indices.iter().enumerate() {
            let image = self.images.index_axis(Axis(0), *index);
            for (place, pixel) in image.as_slice().unwrap_or_default().iter().enumerate() {
                out[i * size + place] = Float::from(*pixel) / 255.0;
            }
        }
        vec![tensor(&[indices.len(), rows, columns, 1], out)]
    }
}

impl Dataset for Mnist {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batch(&self, indices: &[usize]) -> Result<Batch> {
        let labels: Vec<Float> = indices.iter().map(|i| Float::from(self.labels[*i])).collect();
        Ok(Batch::new(self.gather(indices), vec![tensor(&[indices.len()], labels)]))
    }
}
