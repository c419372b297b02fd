//! Steps of optimizers, from given weights, gradients and memory.

use crate::autograd::Tape;
use crate::error::Error;
use crate::onnx::node::{Node, Outputs, unsupported};
use crate::onnx::value::Value;
use crate::optimizers::schedules::{InverseTimeDecay, Schedule};
use crate::optimizers::{Adagrad, Adam, Momentum, Optimizer, State, Step};
use crate::regularizers::{L2, Regularizer};
use crate::tensor::{Float, data, tensor};

pub fn run(node: &Node<'_>) -> Outputs {
    let (rate, count) = (node.value(0)?.number()?, node.value(1)?.number()? as u32);
    let alpha = node.float("alpha", 0.9);
    match node.op() {
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
        _ => Err(unsupported("preview operators of training")),
    }
}

/// The weights after a step, and the `N` parts of the memory, of each parameter. The memory's numbers are multiplied with
/// `sign` on the way in and out.
fn step<const N: usize>(node: &Node<'_>, rule: &dyn Optimizer, step: Step<'_>, sign: Float) -> Outputs {
    rule.check()?;
    let penalty = L2(node.float("norm_coefficient", 0.0) / 2.0);
    let parameters = node.inputs.len().saturating_sub(2) / (2 + N);
    let input = |group: usize, i: usize| node.value(2 + group * parameters + i);
    let mut outputs: Vec<Vec<Value>> = vec![Vec::new(); 1 + N];
    for i in 0..parameters {
        let tape = Tape::inference().recording();
        let weights = tape.variable(&*input(0, i)?.var()?.value);
        let slope = tape.input(&*input(1, i)?.var()?.value);
        if weights.value.shape() != slope.value.shape() {
            return Err(Error::shape("expected gradients of the shape of the weights"));
        }
        let gradients = ((&weights * &slope).sum() + penalty.penalty(&weights)?).backward()?;
        let gradient = gradients.of(&weights).ok_or_else(|| Error::value("expected a gradient, got none"))?;
        let (mut new, mut state) = (input(0, i)?.numbers()?, State::default());
        for (slot, group) in state.slots::<N>(new.len()).into_iter().zip(2..) {
            let numbers = input(group, i)?.numbers()?;
            slot.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = sign * number);
        }
        rule.update(&step, &mut new, data(gradient), &mut state);
        let memory = state.slots::<N>(new.len()).map(|slot| slot.iter().map(|x| sign * x).collect::<Vec<_>>());
        for (list, numbers) in outputs.iter_mut().zip([new].into_iter().chain(memory)) {
            let like = input(0, i)?;
            list.push(Value::new(node.tape.examples(tensor(&like.shape(), numbers)), like.kind));
        }
    }
    Ok(outputs.concat())
}
