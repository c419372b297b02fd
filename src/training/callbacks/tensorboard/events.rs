//! TensorFlow's event files: records of protocol buffers, each with its length and checksums.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::error::{Error, Result};
use crate::tensor::{Float, Tensor};

/// Writes one event file for TensorBoard; for callbacks and custom loops.
///
/// # Errors
/// of all methods: a folder or file that cannot be written
/// # Example
/// ```
/// use gradus::callbacks::EventWriter;
/// let folder = std::env::temp_dir().join("gradus-event-writer-example");
/// let mut writer = EventWriter::new(&folder)?;
/// writer.scalar("loss", 1, 0.25)?;
/// writer.text("note", 1, "all is well")?;
/// writer.flush()?;
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Makes the folder if it is not there, and a new file in it.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let folder = folder.as_ref();
        let fail = |error| Error::io(folder, "cannot be written", error);
        std::fs::create_dir_all(folder).map_err(fail)?;
        // TensorBoard looks for `tfevents` in the name, and sorts by the time after it.
        let (number, process) = (NUMBER.fetch_add(1, Ordering::Relaxed), std::process::id());
        let path = folder.join(format!("events.out.tfevents.{:010}.gradus.{process}.{number}", now() as u64));
        let file = BufWriter::new(File::create(&path).map_err(fail)?);
        let mut writer = Self { path, file };
        writer.event(Event { file_version: Some("brain.Event:2".into()), ..Event::default() })?;
        Ok(writer)
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a figure.
    pub fn scalar(&mut self, tag: &str, step: i64, value: f64) -> Result<()> {
        self.value(step, Value { tag: tag.into(), simple_value: Some(value as f32), ..Value::default() })
    }

    /// Writes how numbers are distributed; those that are not finite are left out.
    pub fn histogram(&mut self, tag: &str, step: i64, numbers: &[Float]) -> Result<()> {
        self.value(step, Value { tag: tag.into(), histogram: Some(histogram(numbers)), ..Value::default() })
    }

    /// Writes an image `[height, width, channels]` of 1 (grey), 3 (colour) or 4 channels, from 0 to 1.
    ///
    /// # Errors
    /// another shape
    pub fn image(&mut self, tag: &str, step: i64, image: &Tensor) -> Result<()> {
        let [height, width, channels @ (1 | 3 | 4)] = *image.shape() else {
            return Err(Error::shape(format!(
                "EventWriter: expected an image [height, width, channels] of 1, 3 or 4 channels, got {:?}",
                image.shape()
            )));
        };
        let pixels: Vec<u8> = image.iter().map(|x| (x.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        let encoded = encode(&pixels, [height as u32, width as u32], channels)
            .map_err(|error| Error::value(format!("EventWriter: the image `{tag}` cannot be encoded: {error}")))?;
        let image = Image { height: height as i32, width: width as i32, colorspace: channels as i32, encoded };
        self.value(step, Value { tag: tag.into(), image: Some(image), ..Value::default() })
    }

    /// Writes a text, which TensorBoard shows as Markdown.
    pub fn text(&mut self, tag: &str, step: i64, text: &str) -> Result<()> {
        const STRING: i32 = 7;
        let tensor = TensorProto { dtype: STRING, shape: Some(Shape {}), strings: vec![text.into()] };
        let plugin = Plugin { name: "text".into() };
        let metadata = Some(Metadata { plugin: Some(plugin) });
        self.value(step, Value { tag: tag.into(), tensor: Some(tensor), metadata, ..Value::default() })
    }

    /// Brings all that was written to the file.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| Error::io(&self.path, "cannot be written", error))
    }

    fn value(&mut self, step: i64, value: Value) -> Result<()> {
        self.event(Event { step, summary: Some(Summary { values: vec![value] }), ..Event::default() })
    }

    /// A record: length, its checksum, the event, its checksum.
    fn event(&mut self, event: Event) -> Result<()> {
        let event = Event { wall_time: now(), ..event }.encode_to_vec();
        let length = (event.len() as u64).to_le_bytes();
        let record = [&length[..], &checksum(&length), &event, &checksum(&event)].concat();
        self.file.write_all(&record).map_err(|error| Error::io(&self.path, "cannot be written", error))
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// CRC-32C, turned and shifted as the format has it.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn encode(pixels: &[u8], [height, width]: [u32; 2], channels: usize) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}

/// Thirty buckets of equal width between the least and the greatest number.
fn histogram(numbers: &[Float]) -> Histogram {
    const BUCKETS: usize = 30;
    let numbers: Vec<f64> = numbers.iter().map(|x| f64::from(*x)).filter(|x| x.is_finite()).collect();
    if numbers.is_empty() {
        return Histogram::default();
    }
    let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = (max - min).max(f64::MIN_POSITIVE) / BUCKETS as f64;
    let mut buckets = vec![0.0; BUCKETS];
    numbers.iter().for_each(|x| buckets[(((x - min) / width) as usize).min(BUCKETS - 1)] += 1.0);
    Histogram {
        min,
        max,
        count: numbers.len() as f64,
        sum: numbers.iter().sum(),
        sum_squares: numbers.iter().map(|x| x * x).sum(),
        limits: (1..=BUCKETS).map(|i| if i == BUCKETS { max } else { min + width * i as f64 }).collect(),
        buckets,
    }
}

// The part of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto` that is written here.

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "5")]
    histogram: Option<Histogram>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(double, tag = "1")]
    min: f64,
    #[prost(double, tag = "2")]
    max: f64,
    #[prost(double, tag = "3")]
    count: f64,
    #[prost(double, tag = "4")]
    sum: f64,
    #[prost(double, tag = "5")]
    sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    limits: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    buckets: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    strings: Vec<Vec<u8>>,
}

/// Of no axes: a scalar.
#[derive(Clone, PartialEq, Message)]
struct Shape {}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
}
