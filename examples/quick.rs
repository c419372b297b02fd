use gradus::prelude::*;
fn main() -> Result<()> {
    let args: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (threads, batch, epochs, n, seed) = (args[0], args[1], args[2], args[3], *args.get(4).unwrap_or(&1));
    let t = std::time::Instant::now();
    let (train, test) = mnist::load("examples/data/mnist")?;
    println!("load {:?}", t.elapsed());
    let train = train.take(n);
    let mut model = Sequential::new()
        .add(Conv2d::new(32, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(MaxPool2d::new(2))
        .add(Conv2d::new(64, 3).activation(Relu))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .compile(Adam::default(), SparseCrossEntropy::default())
        .metric(Accuracy::default())
        .threads(threads)
        .seed(seed as u64);
    print!("{}", model.summary(&[28, 28, 1])?);
    let t = std::time::Instant::now();
    let mut fit = Fit::epochs(epochs).batch_size(batch);
    if n == 60000 {
        fit = fit.validation(&test);
    }
    model.fit(&train, fit)?;
    println!("fit {:?}", t.elapsed());
    let x = test.take(1);
    for _ in 0..50 {
        model.predict(&x)?;
    }
    let mut times: Vec<f64> = (0..1000)
        .map(|_| {
            let t = std::time::Instant::now();
            model.predict(&x).unwrap();
            t.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("predict 1: {:.1} us", times[500]);
    let x = test.take(256);
    let mut times: Vec<f64> = (0..40)
        .map(|_| {
            let t = std::time::Instant::now();
            model.predict(&x).unwrap();
            256.0 / t.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("predict 256: {:.0} img/s", times[20]);
    println!("{}", model.evaluate(&test)?["accuracy"]);
    model.save("/tmp/quick.safetensors")
}
