//! Learns tic-tac-toe and Connect Four by nothing but playing against itself, as AlphaZero does.
//!
//! `cargo run --release --features plot --example self_play`
//!
//! A network says which moves of a position are promising, and who will win. A search that follows it finds better moves than it names
//! itself, and the ends of the games say who has won: both are what it learns next. All games of a round are played side by side, so that the
//! network sees a batch, which all threads share. At the end it plays against who looks nine moves ahead (perfect in tic-tac-toe) or six.

#[path = "shared/boards.rs"]
mod boards;

use std::path::PathBuf;
use std::time::Instant;

use boards::{Board, CONNECT_FOUR, Rules, TIC_TAC_TOE, minimax};
use clap::{Parser, ValueEnum};
use gradus::Rng;
use gradus::ndarray::{Array1, Array2, s};
use gradus::plot::{Figure, Panel};
use gradus::prelude::*;
use gradus::rand::{RngExt, SeedableRng};
use gradus::reinforcement::{Game, TreeSearch};

/// Learns board games by self-play.
#[derive(Parser)]
struct Args {
    /// The games that are learnt.
    #[arg(long, value_delimiter = ',', default_value = "tic-tac-toe,connect-four")]
    games: Vec<Kind>,
    /// Rounds of playing and learning.
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// Games that are played in a round.
    #[arg(long, default_value_t = 100)]
    plays: usize,
    /// Positions that are looked at for a move in self-play; twice as many in the test.
    #[arg(long, default_value_t = 50)]
    simulations: usize,
    /// Games of the test, if not 1,000 of tic-tac-toe and 100 of Connect Four.
    #[arg(long)]
    tests: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the picture, in a folder that exists.
    #[arg(long, value_name = "FILE", default_value = "target/self_play.svg")]
    picture: PathBuf,
    /// Few rounds and games, to see in seconds that all of it works.
    #[arg(long)]
    smoke: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Kind {
    TicTacToe,
    ConnectFour,
}

/// A position, how often the search followed each move, as shares, and how the game ended for who was to move.
type Lesson = (Board, Array1<Float>, Float);

/// Scores of all actions, and one number for who will win.
fn network(rules: &'static Rules) -> Sequential {
    let filters = if rules.width > 3 { 64 } else { 32 };
    let conv = || Conv2d::new(filters, 3).padding(Padding::Same).activation(Relu);
    Sequential::new()
        .add(Reshape::new([rules.height, rules.width, 2].map(|length| length as isize)))
        .add(conv())
        .add(conv())
        .add(conv())
        .add(Flatten)
        .add(Dense::new(128).activation(Relu))
        .add(Dense::new(Board::new(rules).actions() + 1))
}

/// Cross-entropy of the moves and squared error of the value.
fn loss(y: &Var, target: &Tensor) -> Result<Var> {
    let actions = target.shape()[1] - 1;
    let target = y.tape().input(target);
    let moves = y.slice(-1, ..actions)?.log_softmax(-1)? * target.slice(-1, ..actions)?;
    let value = y.slice(-1, actions..)?.tanh() - target.slice(-1, actions..)?;
    Ok(value.square().mean() - moves.sum_axes(&[-1])?.mean())
}

/// Searches in all trees by the network.
fn search(network: &Sequential, trees: &mut [TreeSearch<Board>], simulations: usize) -> Result<()> {
    TreeSearch::run(trees, simulations, |seen| {
        let y = network.forward(&Tape::inference().input(seen))?;
        let actions = y.value().shape()[1] - 1;
        let policy = y.slice(-1, ..actions)?.softmax(-1)?;
        let policy =
            policy.value().to_owned().into_dimensionality().map_err(|error| Error::shape(error.to_string()))?;
        Ok((policy, y.value().slice(s![.., actions]).mapv(Float::tanh)))
    })
}

/// Plays games against itself. The first moves are drawn by how often the search followed them, later ones are the best.
fn play(network: &Sequential, rules: &'static Rules, args: &Args, rng: &mut Rng) -> Result<Vec<Lesson>> {
    let mut games: Vec<(Board, Vec<Lesson>)> = (0..args.plays).map(|_| (Board::new(rules), Vec::new())).collect();
    // Three games of four begin with one to three moves by chance: the network learns to answer what it would not play.
    for (game, (board, _)) in games.iter_mut().enumerate() {
        for _ in 0..game % 4 {
            let legal: Vec<_> = (0..board.actions()).filter(|action| board.is_legal(*action)).collect();
            board.play(legal[rng.random_range(0..legal.len())]);
        }
    }
    let drawn = if rules.width > 3 { 12 } else { 4 };
    let mut lessons = Vec::new();
    for turn in 0.. {
        let mut trees: Vec<_> = games.iter().map(|(board, _)| TreeSearch::new(board.clone())).collect();
        search(network, &mut trees, 1)?;
        for tree in &mut trees {
            tree.add_noise(10.0 / tree.game().actions() as Float, 0.25, rng)?;
        }
        search(network, &mut trees, args.simulations)?;
        for ((board, past), tree) in games.iter_mut().zip(&trees) {
            let visits = tree.visits();
            let mut left = rng.random::<Float>() * visits.sum();
            let by_chance = (0..visits.len()).find(|action| {
                left -= visits[*action];
                left < 0.0
            });
            past.push((board.clone(), &visits / visits.sum(), 0.0));
            board.play(by_chance.filter(|_| turn < drawn).unwrap_or(tree.best()));
        }
        for (board, past) in games.extract_if(.., |(board, _)| board.outcome().is_some()) {
            let mut outcome = board.outcome().unwrap_or(0.0);
            for (position, policy, _) in past.into_iter().rev() {
                outcome = -outcome;
                lessons.push((position, policy, outcome));
            }
        }
        if games.is_empty() {
            break;
        }
    }
    Ok(lessons)
}

/// Inputs and targets of lessons.
fn examples(lessons: &[Lesson]) -> (Array2<Float>, Array2<Float>) {
    let seen: Vec<Vec<Float>> = lessons.iter().map(|(board, ..)| board.observation()).collect();
    let (width, actions) = (seen[0].len(), lessons[0].1.len());
    let x = Array2::from_shape_fn((seen.len(), width), |(row, number)| seen[row][number]);
    let y = Array2::from_shape_fn((seen.len(), actions + 1), |(row, action)| {
        if action < actions { lessons[row].1[action] } else { lessons[row].2 }
    });
    (x, y)
}

/// Games that the network won, drew and lost against minimax; it begins every other one.
fn test(
    network: &Sequential,
    rules: &'static Rules,
    games: usize,
    simulations: usize,
    seed: u64,
) -> Result<[usize; 3]> {
    let mut rng = Rng::seed_from_u64(seed);
    let mut boards = vec![Board::new(rules); games];
    for turn in 0..rules.width * rules.height {
        let is_own = |game: usize| (game + turn).is_multiple_of(2);
        let mut trees: Vec<_> =
            (0..games).filter(|game| is_own(*game)).map(|game| TreeSearch::new(boards[game].clone())).collect();
        search(network, &mut trees, simulations)?;
        let mut best = trees.iter().map(TreeSearch::best);
        for (game, board) in boards.iter_mut().enumerate() {
            let own = if is_own(game) { best.next() } else { None };
            if board.outcome().is_none() {
                let action = own.unwrap_or_else(|| minimax(board, &mut rng));
                board.play(action);
            }
        }
    }
    let mut counts = [0; 3];
    for (game, board) in boards.iter().enumerate() {
        // Who would be to move has lost.
        let is_own_turn = (game + board.moves).is_multiple_of(2);
        counts[match board.outcome() {
            Some(outcome) if outcome < 0.0 => 2 * usize::from(is_own_turn),
            _ => 1,
        }] += 1;
    }
    Ok(counts)
}

fn learn(rules: &'static Rules, tests: usize, args: &Args) -> Result<Panel> {
    let start = Instant::now();
    let mut rng = Rng::seed_from_u64(args.seed);
    let mut trainer = network(rules).compile(Adam::new(1e-3), loss).seed(args.seed);
    let (mut rounds, mut losses): (Vec<Vec<Lesson>>, _) = (Vec::new(), Vec::new());
    for round in 0..args.rounds {
        rounds.push(play(&trainer.model, rules, args, &mut rng)?);
        // What an early network played is soon forgotten.
        let (x, y) = examples(&rounds[round.saturating_sub(9)..].concat());
        trainer.fit(&(&x, &y), Fit::epochs(2).batch_size(128).progress(false))?;
        if (round + 1).is_multiple_of(5) || round + 1 == args.rounds {
            let games = tests.min(100);
            let [won, drawn, lost] = test(&trainer.model, rules, games, args.simulations, args.seed + 1000)?;
            let seconds = start.elapsed().as_secs_f64();
            println!("{}, round {}: {won} won, {drawn} drawn, {lost} lost, {seconds:.0} s", rules.name, round + 1);
            losses.push((round + 1, 100.0 * lost as f64 / games as f64));
        }
    }
    let [won, drawn, lost] = test(&trainer.model, rules, tests, 2 * args.simulations, args.seed + 2000)?;
    println!(
        "{}: of {tests} games against minimax of depth {} {won} won, {drawn} drawn, {lost} lost",
        rules.name, rules.depth
    );
    Ok(Panel::new("Rounds", format!("{}: games lost to minimax, %", rules.name)).line("", losses))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.smoke {
        (args.rounds, args.plays, args.simulations, args.tests) = (1, 4, 4, Some(4));
    }
    let mut figure = Figure::new("Learning by self-play");
    for kind in &args.games {
        let (rules, tests) = if *kind == Kind::TicTacToe { (&TIC_TAC_TOE, 1000) } else { (&CONNECT_FOUR, 100) };
        figure = figure.panel(learn(rules, args.tests.unwrap_or(tests), &args)?);
    }
    figure.save(&args.picture)
}
