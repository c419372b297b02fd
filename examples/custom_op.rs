//! An operation of your own, with its backward: Snake, `y = x + sin²(a x) / a` with a learned `a`, which lets a
//! network see that its data repeat (Liu, Hartwig & Ueda 2020).
//!
//! `cargo run --release --example custom_op`

use clap::Parser;
use gradus::Dependence;
use gradus::gradcheck::gradcheck;
use gradus::ndarray::{Array2, arr1, arr2};
use gradus::prelude::*;

/// `y = x + sin²(a x) / a`, with one `a` for all
#[derive(Default)]
struct SnakeOp {
    x: Tensor,
    a: Float,
}

impl Op for SnakeOp {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        (self.x, self.a) = (inputs[0].clone(), inputs[1][[0]]);
        self.x.mapv(|x| x + (self.a * x).sin().powi(2) / self.a).into_shared()
    }

    /// `dx = (1 + sin(2 a x)) dy`, `da = Σ (x sin(2 a x) - sin²(a x) / a) / a · dy`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let a = self.a;
        dx.add(0, || (self.x.mapv(|x| 1.0 + (2.0 * a * x).sin()) * dy).into_shared());
        dx.add(1, || {
            let slope = self.x.mapv(|x| (x * (2.0 * a * x).sin() - (a * x).sin().powi(2) / a) / a);
            arr1(&[(slope * dy).sum()]).into_dyn().into_shared()
        });
    }

    /// Each example on its own, so the trainer may run a batch in parts.
    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        Dependence::per_example(inputs)
    }
}

/// The operation as a layer with its parameter.
struct Snake {
    a: Param,
}

impl Layer for Snake {
    fn forward(&self, x: &Var) -> Result<Var> {
        Ok(x.tape().apply(SnakeOp::default(), &[x, &self.a.on(x, &[1])?]))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.add("a", &self.a);
    }
}

/// Checks an operation of its own, and trains with it.
#[derive(Parser)]
struct Args {
    /// Passes over the examples.
    #[arg(long, default_value_t = 1000)]
    epochs: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Few passes, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

/// A wave, sampled evenly.
fn wave(from: Float, to: Float) -> (Array2<Float>, Array2<Float>) {
    let x = Array2::from_shape_fn((400, 1), |(i, _)| from + (to - from) * i as Float / 400.0);
    let y = x.mapv(Float::sin);
    (x, y)
}

/// Trains one hidden layer between -8 and 8; returns the root mean squared errors there and on the next two periods.
fn errors(activation: impl Layer, args: &Args) -> Result<[f64; 2]> {
    let mut model = Sequential::new()
        .add(Dense::new(32))
        .add(activation)
        .add(Dense::new(1))
        .compile(Adam::new(0.01), MeanSquaredError)
        .seed(args.seed);
    model.fit(&wave(-8.0, 8.0), Fit::epochs(args.epochs).batch_size(100).progress(false))?;
    Ok([model.evaluate(&wave(-8.0, 8.0))?["loss"].sqrt(), model.evaluate(&wave(8.0, 20.0))?["loss"].sqrt()])
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        args.epochs = 100;
    }

    let x = arr2(&[[-2.0, -0.3, 0.7], [0.1, 1.9, 3.0]]).into_tensor();
    let report = gradcheck(
        |inputs| Ok(inputs[0].tape().apply(SnakeOp::default(), &[&inputs[0], &inputs[1]])),
        &[x, arr1(&[1.5]).into_tensor()],
    )?;
    println!("The backward agrees with finite differences in {} places.", report.checked);

    println!("Root mean squared error of a wave   where it was trained   beyond");
    let [inside, outside] = errors(Tanh, &args)?;
    println!("  with Tanh                         {inside:20.3}   {outside:6.3}");
    let [inside, outside] = errors(Snake { a: Param::new(Ones) }, &args)?;
    println!("  with Snake                        {inside:20.3}   {outside:6.3}");
    Ok(())
}
