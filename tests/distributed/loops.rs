//! Loops of one's own on several ranks.

use gradus::data::Batches;
use gradus::distributed::Distributed;
use gradus::prelude::*;

use super::cases::{labels, random, weights};
use super::group::on_ranks;

fn train(ranks: Distributed) -> (Vec<(String, Vec<u64>)>, Vec<u64>) {
    let data = (random(&[100, 6], 1), labels(&[100], 3));
    let model = Sequential::new().add(Dense::new(16).activation(Tanh)).add(Dropout::new(0.5)).add(Dense::new(3));
    model.forward(&Tape::inference().seed(2).input(&data.0)).unwrap();
    let mut run = Loop::new(3, 3).model("net", &model, Adam::new(0.05)).seed(4).distributed(ranks);
    while run.next_epoch().unwrap() {
        let mut batches: Batches<'_> = data.batches(40).shuffle(1).epoch(run.epoch() as u64);
        while let Some(batch) = run.next_of(&mut batches).unwrap() {
            let loss = run.step_in_parts("net", &batch, |tape, part| {
                let y = model.forward(&tape.input(&part.inputs[0]))?;
                SparseCrossEntropy::from_logits().loss(&y, &part.targets[0])
            });
            run.end_batch(batch.len(), &[("loss", loss.unwrap())]).unwrap();
        }
    }
    let losses = run.history().epochs().iter().map(|logs| logs["loss"].to_bits()).collect();
    (weights(&model), losses)
}

#[test]
fn own_loops_give_the_same_bits_on_any_number_of_ranks() {
    let one = on_ranks(1, train).remove(0);
    assert!(f64::from_bits(one.1[2]) < f64::from_bits(one.1[0]));
    for size in [2, 3, 5] {
        assert_eq!(on_ranks(size, train), vec![one.clone(); size], "{size}");
    }
}
