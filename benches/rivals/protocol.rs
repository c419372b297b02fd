//! What the Rust rivals share: the digits, the clock, and the line of results that `../run` reads.
//!
//! `PROGRAM train BATCH IMAGES` or `PROGRAM predict`; threads, data and start time come in `RIVALS_*` variables.

use std::time::{Instant, SystemTime};

/// A framework's version of the MNIST CNN with Adam.
pub trait Rival {
    /// Images in the framework's own type.
    type Images;

    /// Trains on the first `images` digits, in batches, in a new order.
    fn epoch(&mut self, images: usize, batch: usize);

    /// The first `count` test digits, ready to predict.
    fn test_images(&self, count: usize) -> Self::Images;

    /// Scores of the ten classes for each image.
    fn predict(&self, images: &Self::Images) -> Vec<f32>;

    /// Labels of the test digits.
    fn test_labels(&self) -> &[u8];
}

/// How many threads may compute.
#[allow(dead_code)]
pub fn threads() -> usize {
    variable("RIVALS_THREADS").parse().expect("a number of threads")
}

/// Seconds of the clock on the wall, or with `RIVALS_CLOCK=cpu` those that this process has computed for, in hundredths.
#[allow(dead_code)]
pub fn seconds() -> f64 {
    if std::env::var("RIVALS_CLOCK").is_ok_and(|clock| clock == "cpu") {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        return fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks") / 100.0).sum();
    }
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs_f64()
}

/// Where the files of MNIST are.
pub fn data() -> String {
    variable("RIVALS_DATA")
}

/// Makes the rival and measures what the command line asks for.
pub fn measure<R: Rival>(make: impl FnOnce() -> R) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments[i].parse::<usize>().expect("train BATCH IMAGES");
    let start: f64 = variable("RIVALS_START").parse().expect("seconds");
    let mut rival = make();
    if arguments[0] == "predict" {
        rival.epoch(640, 32);
        return predict(&rival);
    }
    let (batch, images) = (number(1), number(2));
    rival.epoch(batch, batch);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs_f64();
    let first_step = now - start;
    rival.epoch(images / 4, batch);
    let clock = Instant::now();
    rival.epoch(images, batch);
    let rate = images as f64 / clock.elapsed().as_secs_f64();
    let accuracy = accuracy(&rival);
    println!("{{\"images_per_s\": {rate}, \"first_step_s\": {first_step}, \"accuracy\": {accuracy}}}");
}

fn predict<R: Rival>(rival: &R) {
    let median = |batch: usize, warm_up: usize, repeats: usize| {
        let images = rival.test_images(batch);
        let time = |_| {
            let clock = Instant::now();
            assert_eq!(rival.predict(&images).len(), batch * 10);
            clock.elapsed().as_secs_f64()
        };
        let mut seconds: Vec<f64> = (0..warm_up + repeats).map(time).skip(warm_up).collect();
        seconds.sort_by(f64::total_cmp);
        seconds[repeats / 2]
    };
    let (latency, rate) = (median(1, 50, 500) * 1e6, 256.0 / median(256, 3, 20));
    let accuracy = accuracy(rival);
    println!("{{\"latency_us\": {latency}, \"images_per_s\": {rate}, \"accuracy\": {accuracy}}}");
}

fn accuracy<R: Rival>(rival: &R) -> f64 {
    let count = 500;
    let scores = rival.predict(&rival.test_images(count));
    let best = |scores: &[f32]| (0..10).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let right = scores.chunks(10).zip(rival.test_labels()).filter(|(s, l)| best(s) == Some(**l as usize)).count();
    right as f64 / count as f64
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; start this program through `run`"))
}
