//! The bits do not depend on the number of ranks.

use gradus::constraints::MaxNorm;
use gradus::distributed::Distributed;
use gradus::optimizers::{
    Adadelta, Adagrad, Adamax, BatchPart, GradientHook, Lion, Lookahead, Momentum, MovingAverage, Nadam, RAdam,
    StepGradients,
};
use gradus::prelude::*;

use super::cases::{CASES, labels, random, run, weights};
use super::group::on_ranks;

#[test]
fn any_number_of_ranks_gives_the_same_bits() {
    for name in CASES {
        let one = on_ranks(1, |ranks| run(name, ranks, None).unwrap()).remove(0);
        assert_eq!(one.history.len(), 2);
        // More ranks than a batch has parts, too; what runs whole is the same for any.
        let sizes: &[usize] = if ["steps", "resnet"].contains(&name) { &[2] } else { &[2, 3, 8] };
        for &size in sizes {
            for (rank, other) in on_ranks(size, |ranks| run(name, ranks, None).unwrap()).into_iter().enumerate() {
                assert_eq!(other, one, "{name} on rank {rank} of {size}");
            }
        }
        let sharded = on_ranks(3, |ranks| run(name, ranks.shard_optimizer(), None).unwrap());
        assert_eq!(sharded, vec![one; 3], "{name} with its optimizer's memory divided");
    }
}

/// Ranks compute parts alone, of which there are several.
#[test]
fn each_rank_reads_its_own_examples() {
    for (name, all) in [("mlp", false), ("resnet", true)] {
        let read = on_ranks(4, |ranks| {
            let (model, (x, y)) = super::cases::case(name);
            let read = std::sync::atomic::AtomicUsize::new(0);
            let count = |batch: gradus::data::Batch| {
                read.fetch_add(batch.len(), std::sync::atomic::Ordering::Relaxed);
                Ok(batch)
            };
            let size = ranks.size();
            let data = (&x, &y).take(32).map(count);
            let mut model = model.distributed(ranks);
            model.fit(&data, Fit::epochs(1).batch_size(32).progress(false)).unwrap();
            let before = read.swap(0, std::sync::atomic::Ordering::Relaxed);
            model.fit(&data, Fit::epochs(11).batch_size(32).progress(false)).unwrap();
            (read.into_inner() - before, size)
        });
        // Ten epochs more, on four ranks.
        let expected = if all { 320 } else { 80 };
        assert_eq!(read, vec![(expected, 4); 4], "{name}");
    }
}

/// Each example's gradient is bounded, and the sum gets noise, as in private training.
struct Bounded;

impl GradientHook for Bounded {
    fn examples_per_part(&self) -> Option<usize> {
        Some(1)
    }

    fn parts(&mut self, parts: &mut [BatchPart]) -> Result<()> {
        for part in parts {
            let norm = part.gradients.norm() as Float;
            part.gradients.scale((0.01 / norm).min(1.0));
        }
        Ok(())
    }

    fn step(&mut self, gradients: &mut StepGradients<'_, '_>) -> Result<()> {
        let number = gradients.number() as Float;
        gradients.change(|_, _, g| g.iter_mut().for_each(|g| *g += 1e-4 * number));
        Ok(())
    }
}

#[test]
fn hooks_get_the_gradients_of_each_example() {
    let program = |ranks: Distributed| {
        let stepper = Stepper::new(Sgd::new(0.1)).hook(Bounded);
        let mut model = Dense::new(3).compile(stepper, SparseCrossEntropy::from_logits()).distributed(ranks);
        model.fit(&(random(&[50, 5], 1), labels(&[50], 3)), Fit::epochs(2).poisson().progress(false)).unwrap();
        weights(&model.model)
    };
    let one = on_ranks(1, program);
    assert_eq!(on_ranks(4, program), vec![one[0].clone(); 4]);
}

/// The sum over ranks is that of all examples, and not another one that agrees with itself.
#[test]
fn ranks_train_as_a_program_does_that_knows_none() {
    let train = |ranks: Option<Distributed>| {
        let model = Dense::new(3).compile(Sgd::new(0.5), SparseCrossEntropy::from_logits()).seed(1);
        let mut model = if let Some(ranks) = ranks { model.distributed(ranks) } else { model };
        let x = random(&[90, 5], 1);
        model.fit(&(&x, labels(&[90], 3)), Fit::epochs(5).progress(false)).unwrap();
        model.predict(&x).unwrap()
    };
    let alone = train(None);
    for other in on_ranks(4, |ranks| train(Some(ranks))) {
        let largest = (&other - &alone).iter().fold(0.0, |largest: Float, x| largest.max(x.abs()));
        assert!(largest < 1e-5, "{largest}");
    }
}

#[test]
fn more_parts_are_other_bits_that_are_the_same_for_all() {
    let program = |parts: usize| {
        move |ranks: Distributed| {
            let mut model = Dense::new(3).compile(Adam::new(0.1), MeanSquaredError).distributed(ranks.parts(parts));
            let data = (random(&[160, 5], 1), random(&[160, 3], 2));
            model.fit(&data, Fit::epochs(3).batch_size(160).progress(false)).unwrap();
            weights(&model.model)
        }
    };
    let [eight, sixteen] = [8, 16].map(|parts| on_ranks(1, program(parts)).remove(0));
    assert_ne!(eight, sixteen);
    assert_eq!(on_ranks(16, program(16)), vec![sixteen; 16]);
}

/// Everything that a step can do beside the optimizer.
fn busy() -> Trainer<Sequential> {
    let layer = || Dense::new(24).activation(Relu);
    // The kernel of the second layer is large enough for a piece on each of three ranks.
    let (wide, large) = (Dense::new(256).activation(Relu), Dense::new(400).activation(Relu));
    let network = Sequential::new().add(wide).add(large).add(layer()).add(layer()).add(layer()).add(Dense::new(3));
    network.forward(&Tape::inference().seed(2).input(random(&[1, 5], 1))).unwrap();
    network.regularize("*kernel", L2(0.01)).unwrap();
    network.constrain("dense.*", MaxNorm::new(0.5)).unwrap();
    let average = MovingAverage::new(0.9).ema_overwrite_frequency(3);
    let optimizer = Adam::new(0.01).weight_decay(0.1).clip(Clip::Norm(0.5)).lookahead(Lookahead::new(2, 0.5));
    network.compile(optimizer.average(average).accumulate(2), SparseCrossEntropy::from_logits()).seed(2)
}

#[test]
fn memory_that_is_divided_is_saved_whole_and_goes_on_with_other_ranks() {
    let data = || (random(&[90, 5], 1), labels(&[90], 3));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(format!("{name}.safetensors"));
    let epochs = |epochs| Fit::epochs(epochs).batch_size(40).progress(false);
    let numbers = |model: &Trainer<Sequential>| -> usize {
        let tensors = model.stepper().state(&model.model).tensors.into_iter();
        tensors.filter(|(name, _)| name.contains("/optimizer.")).map(|(_, numbers)| numbers.len()).sum()
    };
    let train = |ranks: Distributed, name: &str| {
        let mut model = busy().distributed(ranks);
        model.fit(&data(), epochs(2)).unwrap();
        model.save(path(name)).unwrap();
        numbers(&model)
    };
    let whole = on_ranks(1, |ranks| train(ranks, "one"))[0];
    let shares = on_ranks(3, |ranks| train(ranks.shard_optimizer(), "three"));
    assert_eq!(shares.iter().sum::<usize>(), whole);
    assert!(shares.iter().all(|share| *share < whole / 2), "{shares:?} of {whole}");
    let read = |name| std::fs::read(path(name)).unwrap();
    assert_eq!(read("one"), read("three"));

    let resume = |ranks: Distributed, from: &str, to: &str| {
        let mut model = gradus::open_trainer(path(from)).unwrap().distributed(ranks);
        model.fit(&data(), epochs(4)).unwrap();
        model.save(path(to)).unwrap();
        weights(&model.model)
    };
    let one = on_ranks(1, |ranks| resume(ranks, "one", "end of one")).remove(0);
    assert_eq!(on_ranks(2, |ranks| resume(ranks.shard_optimizer(), "three", "end of two")), vec![one; 2]);
    assert_eq!(read("end of one"), read("end of two"));
}

#[test]
fn rules_that_look_at_each_number_alone_may_have_pieces() {
    let rules: [fn() -> Box<dyn Optimizer>; 13] = [
        || Box::new(Adadelta::default()),
        || Box::new(Adagrad::default()),
        || Box::new(Adam::default()),
        || Box::new(Adam::default().amsgrad(true)),
        || Box::new(AdamW::default()),
        || Box::new(Adamax::default()),
        || Box::new(Lion::default()),
        || Box::new(Momentum::default().nesterov(true)),
        || Box::new(Nadam::default()),
        || Box::new(RAdam::default()),
        || Box::new(RmsProp::default()),
        || Box::new(RmsProp::default().centered(true).momentum(0.5)),
        || Box::new(Sgd::default()),
    ];
    for rule in rules {
        assert!(rule().is_elementwise());
        let train = |ranks: Distributed| {
            let mut model = Dense::new(1000).compile(rule(), MeanSquaredError).seed(1).distributed(ranks);
            let data = (random(&[16, 99], 1), random(&[16, 1000], 2));
            model.fit(&data, Fit::epochs(3).batch_size(16).progress(false)).unwrap();
            weights(&model.model)
        };
        let one = on_ranks(1, train).remove(0);
        assert_eq!(on_ranks(3, |ranks| train(ranks.shard_optimizer())), vec![one; 3], "{}", rule().config());
    }
}

#[test]
fn a_step_that_overflows_on_one_rank_is_made_on_none() {
    let errors = on_ranks(2, |ranks| {
        // The squares of the kernel's gradient overflow in the memory of its rank; the bias is the other's, and harmless.
        let mut model = Dense::new(3).compile(Adam::default(), SparseCrossEntropy::from_logits()).seed(1);
        model = model.distributed(ranks.shard_optimizer());
        let data = (random(&[90, 5], 1) * 1e25, labels(&[90], 3));
        model.predict(&data.0).unwrap();
        let before = weights(&model.model);
        let error = model.fit(&data, Fit::epochs(1).batch_size(90).progress(false)).unwrap_err();
        assert_eq!(weights(&model.model), before);
        error.to_string()
    });
    assert!(errors[0].contains("the memory of Adam would overflow"), "{}", errors[0]);
    assert_eq!(errors[1], format!("rank 0 failed: {}", errors[0]));
}

#[test]
fn a_loop_of_ones_own_divides_memory_too() {
    let program = |ranks: Distributed| {
        let (model, other) = (Dense::new(7), Dense::new(2));
        let mut run = Loop::new(3, 2).seed(1).model("a", &model, Adam::new(0.1)).model("b", &other, Adam::new(0.1));
        run = run.distributed(ranks);
        let data = (random(&[64, 5], 1), random(&[64, 2], 2));
        while run.next_epoch().unwrap() {
            let mut batches = data.batches(32).epoch(0);
            while let Some(batch) = run.next_of(&mut batches).unwrap() {
                for name in ["a", "b"] {
                    let loss = run.step_in_parts(name, &batch, |tape, part| {
                        let y = other.forward(&model.forward(&tape.input(&part.inputs[0]))?)?;
                        MeanSquaredError.loss(&y, &part.targets[0])
                    });
                    loss.unwrap();
                }
                run.end_batch(batch.len(), &[]).unwrap();
            }
        }
        (weights(&model), weights(&other))
    };
    let one = on_ranks(1, program).remove(0);
    assert_eq!(on_ranks(3, |ranks| program(ranks.shard_optimizer())), vec![one; 3]);
}
