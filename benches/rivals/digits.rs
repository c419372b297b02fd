//! MNIST in memory, and its batches, for rivals that have no loader of their own.

use std::{fs::File, io::Read};

use flate2::read::MultiGzDecoder;

/// Pixels in 0..1 and labels.
pub struct Digits {
    pub images: Vec<f32>,
    pub labels: Vec<u8>,
    random: u64,
}

impl Digits {
    /// Reads the set called `train` or `t10k`.
    pub fn load(set: &str) -> Self {
        let directory = super::protocol::data();
        let read = |kind: &str, header: usize| {
            let mut bytes = Vec::new();
            let file = File::open(format!("{directory}/{set}-{kind}-ubyte.gz")).expect("MNIST");
            MultiGzDecoder::new(file).read_to_end(&mut bytes).expect("MNIST");
            bytes.split_off(header)
        };
        let images = read("images-idx3", 16).into_iter().map(|pixel| pixel as f32 / 255.0).collect();
        Self { images, labels: read("labels-idx1", 8), random: 88172645463325252 }
    }

    /// The first `images` digits in batches, in a new order.
    pub fn batches(&mut self, images: usize, batch: usize) -> impl Iterator<Item = (Vec<f32>, Vec<u8>)> {
        let mut order: Vec<usize> = (0..images).collect();
        for i in (1..images).rev() {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            order.swap(i, (self.random % (i as u64 + 1)) as usize);
        }
        (0..images).step_by(batch).map(move |start| {
            let part = &order[start..images.min(start + batch)];
            let pixels = part.iter().flat_map(|i| &self.images[i * 784..(i + 1) * 784]).copied().collect();
            (pixels, part.iter().map(|i| self.labels[*i]).collect())
        })
    }
}
