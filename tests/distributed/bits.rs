//! The bits do not depend on the number of ranks.

use gradus::distributed::Distributed;
use gradus::optimizers::{BatchPart, GradientHook, StepGradients};
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
