//! Steps of optimizers, from given weights, gradients and memory.

use gradus::optimizers::schedules::InverseTimeDecay;
use gradus::optimizers::{State, Step};
use gradus::prelude::*;

use super::node::{Failure, Node, Outputs};
use super::value::Value;

pub(crate) fn run(node: &Node<'_>) -> Outputs {
    let (rate, count) = (node.var(0)?.item(), node.var(1)?.item() as u32);
    let alpha = node.float("alpha", 0.9);
    match node.op() {
        // Its expected numbers are of 1e-2.
        "Adam" if node.attribute("epsilon").is_none() => {
            Err(Failure::skip("expected numbers of another epsilon than the model's, which is the default"))
        }
        // A count of 0 asks for no correction, as it does here.
        "Adam" if node.float("norm_coefficient_post", 0.0) == 0.0 => {
            let rule = Adam::new(rate).betas(alpha, node.float("beta", 0.999)).epsilon(node.float("epsilon", 1e-6));
            step::<2>(node, &rule, Step::new(count, rate), 1.0)
        }
        // The falling rate is a schedule.
        "Adagrad" => {
            let rule = Adagrad::new(rate).epsilon(node.float("epsilon", 1e-6)).epsilon_in_root(false);
            let rate = InverseTimeDecay::new(rate, 1, node.float("decay_factor", 0.0)).rate(count);
            step::<1>(node, &rule, Step::new(count + 1, rate), 1.0)
        }
        // The velocity has the other sign. Its beta is what dampening leaves, from the second step on.
        "Momentum" => {
            let rule = Momentum::new(rate)
                .momentum(alpha)
                .dampening(1.0 - node.float("beta", 0.0))
                .rate_in_velocity(false)
                .nesterov(node.string("mode", "standard") == "nesterov");
            step::<1>(node, &rule, Step::new(count + 1, rate), -1.0)
        }
        _ => Err(Failure::skip("preview operators of training")),
    }
}

/// The weights after a step, and the `N` parts of the memory, of each parameter. The memory's numbers are multiplied with
/// `sign` on the way in and out.
fn step<const N: usize>(node: &Node<'_>, rule: &dyn Optimizer, step: Step<'_>, sign: Float) -> Outputs {
    rule.check()?;
    let penalty = L2(node.float("norm_coefficient", 0.0) / 2.0);
    let parameters = (node.inputs.len() - 2) / (2 + N);
    let input = |group: usize, i: usize| node.value(2 + group * parameters + i);
    let mut outputs: Vec<Vec<Value>> = vec![Vec::new(); 1 + N];
    for i in 0..parameters {
        let tape = Tape::inference().recording();
        let weights = tape.variable(input(0, i)?.var.value());
        let slope = tape.input(input(1, i)?.var.value());
        let gradients = ((&weights * &slope).sum() + penalty.penalty(&weights)?).backward()?;
        let gradient = gradients.of(&weights).ok_or_else(|| Failure::Wrong("no gradient".into()))?;
        let (mut new, mut state) = (input(0, i)?.numbers(), State::default());
        for (slot, group) in state.slots::<N>(new.len()).into_iter().zip(2..) {
            let numbers = input(group, i)?.numbers();
            slot.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = sign * number);
        }
        rule.update(&step, &mut new, &gradient.iter().copied().collect::<Vec<_>>(), &mut state);
        let memory = state.slots::<N>(new.len()).map(|slot| slot.iter().map(|x| sign * x).collect::<Vec<_>>());
        for (list, numbers) in outputs.iter_mut().zip([new].into_iter().chain(memory)) {
            let like = input(0, i)?;
            let shape = like.var.shape().to_vec();
            let tensor = Tensor::from_shape_vec(shape, numbers).map_err(|error| Failure::Wrong(error.to_string()))?;
            list.push(Value { var: node.tape.input(&tensor), kind: like.kind });
        }
    }
    Ok(outputs.concat())
}
