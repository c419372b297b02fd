//! Trainers and models that several threads share.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use gradus::ndarray::Array2;
use gradus::prelude::*;
use rayon::prelude::*;

fn network() -> Sequential {
    (0..4).fold(Sequential::new(), |all, _| all.add(Dense::new(16).activation(Tanh)))
}

fn inputs(examples: usize) -> Array2<Float> {
    Array2::from_shape_fn((examples, 16), |(i, j)| ((i * 5 + j * 3) as Float).sin())
}

fn kernels(model: &Sequential) -> Vec<Tensor> {
    model.parameters().into_iter().map(|(_, param)| param.value().unwrap()).collect()
}

#[test]
fn a_trainer_is_shared_between_threads() {
    let mut trainer = network().compile(Adam::default(), MeanSquaredError).metric(MeanAbsolute::default());
    trainer.fit(&(&inputs(64), &inputs(64)), Fit::epochs(1).progress(false)).unwrap();
    let expected = trainer.predict(&inputs(300)).unwrap();
    let trainer = Arc::new(trainer);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let trainer = trainer.clone();
            std::thread::spawn(move || trainer.predict(&inputs(300)).unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

/// Whoever waits for a trainer must not take up work that waits for the same one.
#[test]
fn trainers_behind_locks_do_not_hang_in_rayon() {
    for threads in [0, 2] {
        let (done, finished) = mpsc::channel();
        std::thread::spawn(move || {
            let make = |_| Mutex::new(network().compile(Adam::default(), MeanSquaredError).threads(threads));
            let trainers: Vec<_> = (0..4).map(make).collect();
            let losses: Vec<f64> = (0..64)
                .into_par_iter()
                .map(|i| {
                    let mut trainer = trainers[i % 4].lock().unwrap();
                    let fit = Fit::epochs(1).batch_size(64).progress(false);
                    trainer.fit(&(&inputs(256), &inputs(256)), fit).unwrap().last().unwrap()["loss"]
                })
                .collect();
            done.send(losses).unwrap();
        });
        let losses = finished.recv_timeout(Duration::from_secs(60)).expect("it hangs");
        assert!(losses.iter().all(|loss| loss.is_finite()));
    }
}

#[test]
fn a_model_that_several_threads_use_first_has_the_weights_of_one() {
    let expected = network();
    expected.forward(&Tape::inference().seed(5).input(inputs(1))).unwrap();
    for _ in 0..300 {
        let model = network();
        let barrier = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    model.forward(&Tape::inference().seed(5).input(inputs(1))).unwrap();
                });
            }
        });
        assert_eq!(kernels(&model), kernels(&expected));
    }
}

/// The same without luck: one pass makes the first layer, another one the rest.
#[test]
fn the_rest_of_a_model_has_the_weights_that_it_would_have_had() {
    let model = || (Dense::new(16), Dense::new(16));
    let forward = |(first, second): &(Dense, Dense)| {
        let x = Tape::inference().seed(5).input(inputs(1));
        second.forward(&first.forward(&x).unwrap()).unwrap();
    };
    let (at_once, in_turns) = (model(), model());
    forward(&at_once);
    in_turns.0.forward(&Tape::inference().seed(5).input(inputs(1))).unwrap();
    forward(&in_turns);
    assert_eq!(at_once.1.kernel().value(), in_turns.1.kernel().value());
    assert_ne!(in_turns.0.kernel().value(), in_turns.1.kernel().value());
}
