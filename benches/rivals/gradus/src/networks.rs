//! Networks for images and rows of numbers on gradus. `PROGRAM TASK train|predict REPEATS`, for a task of [`TASKS`].

use std::cell::RefCell;

use gradus::models::{AlexNet, MobileNetV2, ResNet, Vgg};
use gradus::ndarray::{Array1, ArrayD};
use gradus::prelude::*;

use super::protocol::{seconds, threads};

/// Name, shape of an example, examples in a batch, how many times the steps are short.
const TASKS: [(&str, &[usize], usize, usize); 9] = [
    ("mlp", &[784], 128, 4),
    ("tiny", &[10], 32, 200),
    ("resnet18", &[224, 224, 3], 8, 1),
    ("mobilenet", &[224, 224, 3], 8, 1),
    ("alexnet", &[224, 224, 3], 16, 1),
    ("vgg", &[224, 224, 3], 4, 1),
    ("conv1d", &[1024, 32], 32, 1),
    ("resnet20", &[32, 32, 3], 32, 1),
    ("unet", &[64, 64, 3], 8, 1),
];

fn conv(filters: usize, stride: usize) -> Conv2d {
    Conv2d::new(filters, 3).strides(stride).padding(Padding::all(1)).use_bias(false)
}

fn conv1d() -> Sequential {
    let conv = |filters| Conv1d::new(filters, 5).padding(Padding::Same).activation(Relu);
    let body = Sequential::new().add(conv(64)).add(conv(64)).add(MaxPool1d::new(2)).add(conv(128)).add(conv(128));
    body.add(MaxPool1d::new(2)).add(conv(256)).add(conv(256)).add(GlobalAvgPool1d).add(Dense::new(10))
}

/// The ResNet for CIFAR-10, with convolutions for shortcuts.
fn resnet20() -> Sequential {
    let mut model = Sequential::new().add(conv(16, 1)).add(BatchNorm::new()).add(Relu);
    for (filters, block) in [16, 32, 64].into_iter().flat_map(|filters| (0..3).map(move |block| (filters, block))) {
        let stride = if filters > 16 && block == 0 { 2 } else { 1 };
        let body = Sequential::new().add(conv(filters, stride)).add(BatchNorm::new()).add(Relu);
        let mut residual = Residual::new(body.add(conv(filters, 1)).add(BatchNorm::new())).activation(Relu);
        if stride == 2 {
            let short = Conv2d::new(filters, 1).strides(2).use_bias(false);
            residual = residual.shortcut(Sequential::new().add(short).add(BatchNorm::new()));
        }
        model = model.add(residual);
    }
    model.add(GlobalAvgPool2d).add(Dense::new(10))
}

/// Two convolutions; then, at half the size, `inner`, brought back to the size and joined with them; then two more.
struct Level {
    down: Sequential,
    inner: Sequential,
    up: Sequential,
}

impl Level {
    fn new(filters: usize, inner: impl Layer) -> Self {
        let pair = || [conv(filters, 1), conv(filters, 1)];
        let twice = || pair().into_iter().fold(Sequential::new(), |s, c| s.add(c).add(BatchNorm::new()).add(Relu));
        let inner = Sequential::new().add(MaxPool2d::new(2)).add(inner);
        Self { down: twice(), inner: inner.add(ConvTranspose2d::new(filters, 2).strides(2)), up: twice() }
    }
}

impl Layer for Level {
    fn forward(&self, x: &Var) -> Result<Var> {
        let down = self.down.forward(x)?;
        let inner = self.inner.forward(&down)?;
        self.up.forward(&Var::concat(&[&down, &inner], 3)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("down", &self.down);
        list.nest("inner", &self.inner);
        list.nest("up", &self.up);
    }
}

fn unet() -> Sequential {
    let twice = |s: Sequential| s.add(conv(128, 1)).add(BatchNorm::new()).add(Relu);
    let bottom = twice(twice(Sequential::new()));
    Sequential::new().add(Level::new(32, Level::new(64, bottom))).add(Conv2d::new(1, 1))
}

fn dense(units: &[usize]) -> Sequential {
    let (last, hidden) = units.split_last().expect("units");
    let model = hidden.iter().fold(Sequential::new(), |model, units| model.add(Dense::new(*units).activation(Relu)));
    model.add(Dense::new(*last))
}

/// Numbers in no order, from -1 to 1.
pub fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let mut state = 1_u32;
    ArrayD::from_shape_simple_fn(shape, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    })
}

/// The median of the times between neighbouring moments, or with CPU time, whose ticks are long, their mean.
pub fn step(moments: &[f64]) -> f64 {
    if std::env::var("RIVALS_CLOCK").is_ok_and(|clock| clock == "cpu") {
        return (moments[moments.len() - 1] - moments[0]) / (moments.len() - 1) as f64;
    }
    let mut steps: Vec<f64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_by(f64::total_cmp);
    steps[steps.len() / 2]
}

/// Whether `task` is one of these; if it is, prints its figures.
pub fn measure(task: &str) -> Result<bool> {
    let Some((_, shape, batch, faster)) = TASKS.into_iter().find(|(name, ..)| *name == task) else { return Ok(false) };
    let model = match task {
        "mlp" => dense(&[2048, 2048, 10]),
        "tiny" => dense(&[64, 64, 1]),
        "resnet18" => ResNet::resnet18(1000),
        "mobilenet" => MobileNetV2::mobilenet_v2(1000),
        "alexnet" => AlexNet::alexnet(1000),
        "vgg" => Vgg::vgg11(1000),
        "conv1d" => conv1d(),
        "resnet20" => resnet20(),
        _ => unet(),
    };
    let arguments: Vec<String> = std::env::args().collect();
    let repeats = faster * arguments[3].parse::<usize>().expect("TASK train|predict REPEATS");
    let x = |count: usize| numbers(&[&[count], shape].concat());
    let sgd = Momentum::new(0.001);
    if arguments[2] == "predict" {
        let model = model.compile(sgd, MeanSquaredError).threads(threads());
        let rate = |count: usize, repeats: usize| -> Result<f64> {
            let (x, mut moments) = (x(count), Vec::new());
            for _ in 0..repeats + 3 {
                model.predict(&x)?;
                moments.push(seconds());
            }
            Ok(count as f64 / step(&moments[2..]))
        };
        let (one, many) = (rate(1, 4 * repeats)?, rate(batch, repeats)?);
        println!("{{\"predict_1_per_s\": {one}, \"predict_per_s\": {many}}}");
        return Ok(true);
    }
    // A step is the time from the end of a batch to that of the next.
    let (ends, batches) = (RefCell::new(Vec::new()), 2 * faster);
    let count = batches * batch;
    let note = LambdaCallback::new().on_batch_end(|_| {
        ends.borrow_mut().push(seconds());
        Ok(())
    });
    let fit = Fit::epochs(repeats.div_ceil(batches) + 1).batch_size(batch).progress(false).callback(note);
    if let "unet" | "tiny" = task {
        let y = if task == "unet" { numbers(&[count, 64, 64, 1]) } else { numbers(&[count, 1]) };
        model.compile(sgd, MeanSquaredError).threads(threads()).fit(&(&x(count), &y), fit)?;
    } else {
        let (y, loss) = (Array1::from_shape_fn(count, |i| (i % 10) as u8), SparseCrossEntropy::from_logits());
        model.compile(sgd, loss).threads(threads()).fit(&(&x(count), &y), fit)?;
    }
    println!("{{\"train_per_s\": {}}}", batch as f64 / step(&ends.take()[1..]));
    Ok(true)
}
