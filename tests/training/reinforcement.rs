//! Environments, against gymnasium's, and what agents are made of.

use std::collections::HashMap;
use std::fs;

use gradus::prelude::*;
use gradus::reinforcement::{
    Acrobot, CartPole, Environment, Environments, Game, ReplayBuffer, Step, TreeSearch, advantages,
};
use gradus::{Rng, rand::SeedableRng};
use ndarray::{Array1, Array2, arr1, arr2};
use serde_json::Value;

fn numbers(row: &Value) -> Vec<f64> {
    row.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Compares a step with a row of action, observation, reward, end.
fn check(name: &str, step: &Step, row: &[f64]) {
    let width = step.observation.len();
    for (found, expected) in step.observation.iter().zip(&row[1..=width]) {
        // The numbers are those of f32, of which the largest are about 28.
        let error = (f64::from(*found) - expected).abs() / expected.abs().max(1.0);
        assert!(error < 1e-6, "{name}: {step:?} {row:?}");
    }
    assert_eq!((f64::from(step.reward), step.terminated), (row[width + 1], row[width + 2] == 1.0), "{name}: {row:?}");
}

fn check_all<E: Environment>(name: &str, at: impl Fn([f64; 4]) -> E) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/reinforcement_gymnasium.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let state = |row: &[f64]| -> [f64; 4] { row[..4].try_into().unwrap() };
    let single = all[name]["single"].as_array().unwrap();
    assert_eq!(single.len(), 60);
    for row in single.iter().map(numbers) {
        check(name, &at(state(&row)).step(row[4] as usize), &row[4..]);
    }
    let mut environment = at(state(&numbers(&all[name]["start"])));
    let course = all[name]["course"].as_array().unwrap();
    assert_eq!(course.len(), 50);
    for row in course.iter().map(numbers) {
        check(name, &environment.step(row[0] as usize), &row);
    }
}

#[test]
fn transitions_are_those_of_gymnasium() {
    check_all("cart_pole", CartPole::at);
    check_all("acrobot", Acrobot::at);
}

#[test]
fn episodes_begin_anew_and_their_time_is_up() {
    let mut swings = Environments::new(3, 7, Acrobot::default).unwrap();
    let mut steps = 0;
    let outcome = loop {
        steps += 1;
        let outcome = swings.step(&[1, 1, 1]).unwrap(); // without torque it never swings up
        if !outcome.finished.is_empty() {
            break outcome;
        }
    };
    assert_eq!((steps, outcome.finished, outcome.truncated), (500, vec![-500.0; 3], vec![true; 3]));
    assert_eq!(outcome.terminated, [false; 3]);
    // What comes next is another beginning, near to hanging down.
    let begun = swings.observations();
    assert!(begun.column(0).iter().all(|cos| *cos > 0.99) && begun.row(0) != outcome.next.row(0));

    let course = |seed| {
        let mut carts = Environments::new(2, seed, CartPole::default).unwrap();
        let steps = (0..50).map(|i| carts.step(&[i % 2, (i / 2) % 2]).unwrap());
        steps.collect::<Vec<_>>()
    };
    assert_eq!(course(1), course(1));
    assert_ne!(course(1), course(2));
    let mut carts = Environments::new(2, 1, CartPole::default).unwrap();
    let error = carts.step(&[0, 2]).unwrap_err().to_string();
    assert_eq!(error, "Environments: expected an action in 0..2 for each of 2 environments, got [0, 2]");
    assert!(Environments::new(0, 1, CartPole::default).is_err());
}

/// The advantage is the discounted sum of all later surprises up to the end of the episode.
#[test]
fn advantages_are_sums_of_surprises() {
    let number = |seed: usize| move |(i, j): (usize, usize)| ((i * 7 + j * 3 + seed) % 11) as Float / 5.0 - 1.0;
    let (rewards, values) = (Array2::from_shape_fn((9, 2), number(1)), Array2::from_shape_fn((9, 2), number(4)));
    let goes_on = Array2::from_shape_fn((9, 2), |(i, j)| Float::from(u8::from((i + 2 * j) % 4 != 3)));
    let last = arr1(&[0.7, -0.2]);
    let (gamma, lambda) = (0.9, 0.8);
    let found = advantages(rewards.view(), values.view(), last.view(), goes_on.view(), gamma, lambda).unwrap();
    for ((step, environment), found) in found.indexed_iter() {
        let (mut sum, mut factor) = (0.0, 1.0);
        for later in step..9 {
            let next = if later == 8 { last[environment] } else { values[[later + 1, environment]] };
            let on = goes_on[[later, environment]];
            sum += factor * (rewards[[later, environment]] + gamma * on * next - values[[later, environment]]);
            factor *= gamma * lambda * on;
        }
        assert!((found - sum).abs() < 1e-5, "{step} {environment}: {found} {sum}");
    }
    let (one, half, over) = (arr2(&[[1.0]]), arr2(&[[0.5]]), arr2(&[[0.0]]));
    let found = advantages(one.view(), half.view(), arr1(&[Float::NAN]).view(), over.view(), 0.9, 0.8).unwrap();
    assert_eq!(found, half, "what comes after the end counts");
    let error = advantages(rewards.view(), values.view(), arr1(&[0.0]).view(), goes_on.view(), 0.9, 0.8).unwrap_err();
    assert!(error.to_string().contains("last [environments], got (9, 2), (9, 2), (9, 2) and [1]"), "{error}");
}

#[test]
fn a_memory_forgets_the_oldest() {
    let mut memory = ReplayBuffer::new(10);
    let mut rng = Rng::seed_from_u64(1);
    assert!(memory.sample(1, &mut rng).is_err());
    for step in 0..25 {
        let seen = |step: i32| arr1(&[step as Float, -step as Float]);
        memory
            .push(seen(step).view(), step as usize, 0.5 * step as Float, seen(step + 1).view(), step % 5 == 4)
            .unwrap();
    }
    assert_eq!(memory.len(), 10);
    let batch = memory.sample(1000, &mut rng).unwrap();
    let mut counts = [0; 25];
    for (i, action) in batch.actions.iter().enumerate() {
        counts[*action] += 1;
        let step = *action as Float;
        assert_eq!(batch.observations.row(i), arr1(&[step, -step]));
        assert_eq!(batch.next.row(i), arr1(&[step + 1.0, -step - 1.0]));
        assert_eq!((batch.rewards[i], batch.goes_on[i]), (0.5 * step, if action % 5 == 4 { 0.0 } else { 1.0 }));
    }
    assert!(counts[..15].iter().all(|count| *count == 0) && counts[15..].iter().all(|count| *count > 60), "{counts:?}");
    let short = arr2(&[[1.0]]);
    assert!(memory.push(short.row(0), 0, 0.0, short.row(0), false).is_err());
}

/// Two players take one or two of some matches; who takes the last one wins.
#[derive(Clone)]
struct Matches(usize);

impl Game for Matches {
    fn actions(&self) -> usize {
        2
    }

    fn is_legal(&self, action: usize) -> bool {
        action < self.0
    }

    fn play(&mut self, action: usize) {
        self.0 -= action + 1;
    }

    fn outcome(&self) -> Option<Float> {
        (self.0 == 0).then_some(-1.0)
    }

    fn observation(&self) -> Vec<Float> {
        vec![self.0 as Float]
    }
}

/// What a network might say about this many matches: a policy, and a value for who is to move.
fn opinion(matches: usize) -> ([Float; 2], Float) {
    ([0.3 + 0.05 * matches as Float, 0.4], 0.1 * (matches % 3) as Float - 0.15)
}

fn evaluate(seen: Array2<Float>) -> gradus::Result<(Array2<Float>, Array1<Float>)> {
    let opinions: Vec<_> = seen.column(0).iter().map(|matches| opinion(*matches as usize)).collect();
    let policy = Array2::from_shape_fn((opinions.len(), 2), |(row, action)| opinions[row].0[action]);
    Ok((policy, opinions.iter().map(|(_, value)| *value).collect()))
}

/// The search as the paper writes it, with a map from courses of the game to visits and sums of values.
fn simulate(course: &mut Vec<usize>, left: usize, known: &mut HashMap<Vec<usize>, (Float, Float)>) -> Float {
    let value = if left == 0 {
        -1.0
    } else if !known.contains_key(course) {
        opinion(left).1
    } else {
        let legal = 0..left.min(2);
        let sum: Float = legal.clone().map(|action| opinion(left).0[action]).sum();
        let score = |action: usize| {
            let child = [course.as_slice(), &[action]].concat();
            let (visits, total) = known.get(&child).copied().unwrap_or((0.0, 0.0));
            let mean = if visits == 0.0 { 0.0 } else { -total / visits };
            mean + 1.5 * opinion(left).0[action] / sum * known[course].0.sqrt() / (1.0 + visits)
        };
        let action = legal.rev().max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap();
        course.push(action);
        let value = -simulate(course, left - action - 1, known);
        course.pop();
        value
    };
    let (visits, total) = known.entry(course.clone()).or_default();
    (*visits, *total) = (*visits + 1.0, *total + value);
    value
}

#[test]
fn a_tree_search_follows_the_paper() {
    let mut trees: Vec<_> = (0..9).map(|matches| TreeSearch::new(Matches(matches))).collect();
    TreeSearch::run(&mut trees, 150, evaluate).unwrap();
    assert_eq!((trees[0].visits(), trees[0].value()), (arr1(&[0.0, 0.0]), 0.0), "a game that is over stays");
    for (matches, tree) in trees.iter().enumerate().skip(1) {
        let mut known = HashMap::new();
        for _ in 0..150 {
            simulate(&mut Vec::new(), matches, &mut known);
        }
        let visits = [0, 1].map(|action| known.get(&vec![action]).map_or(0.0, |(visits, _)| *visits));
        assert_eq!(tree.visits(), arr1(&visits), "{matches}");
        assert!((tree.value() - known[&Vec::new()].1 / 150.0).abs() < 1e-5, "{matches}");
        assert!(matches % 3 == 0 || tree.best() == matches % 3 - 1, "leaves a multiple of three: {matches}");
    }
}

#[test]
fn a_tree_search_refuses_what_is_no_policy() {
    let mut rng = Rng::seed_from_u64(1);
    let mut trees = [TreeSearch::new(Matches(7))];
    trees[0].add_noise(1.0, 1.0, &mut rng).unwrap();
    TreeSearch::run(&mut trees, 1, evaluate).unwrap();
    let mut noisy = trees.clone();
    noisy[0].add_noise(0.1, 1.0, &mut rng).unwrap();
    for trees in [&mut trees, &mut noisy] {
        TreeSearch::run(trees, 3, |seen| Ok((evaluate(seen)?.0, arr1(&[0.0])))).unwrap();
    }
    assert_ne!(trees[0].visits(), noisy[0].visits());
    for (alpha, share) in
        [(0.0, 0.5), (-1.0, 0.5), (Float::NAN, 0.5), (Float::INFINITY, 0.5), (1.0, 1.5), (1.0, Float::NAN)]
    {
        assert!(trees[0].add_noise(alpha, share, &mut rng).is_err(), "{alpha} {share}");
    }
    for policy in [arr2(&[[1.0]]), arr2(&[[1.0, -1.0]]), arr2(&[[Float::NAN, 1.0]])] {
        let error = TreeSearch::run(&mut trees, 1, |_| Ok((policy.clone(), arr1(&[0.0])))).unwrap_err().to_string();
        assert!(error.starts_with("TreeSearch: expected a policy [1, 2]"), "{error}");
    }
}
