//! Search in a game by what a network thinks of its positions.

use ndarray::{Array1, Array2, ArrayView1};
use rand_distr::{Distribution, Gamma};

use crate::error::{Error, Result};
use crate::random::Rng;
use crate::tensor::Float;

/// A game of two players who move in turn and both see everything.
pub trait Game: Clone {
    /// Returns how many actions there are in all; they are numbered from 0.
    fn actions(&self) -> usize;

    /// Returns whether the player to move may do an action, which is below [`actions`](Self::actions).
    fn is_legal(&self, action: usize) -> bool;

    /// Does a legal action, after which the other player is to move.
    fn play(&mut self, action: usize);

    /// Returns how the game ended for the player who would be to move: 1 won, 0 drawn, -1 lost; `None` while it goes on.
    fn outcome(&self) -> Option<Float>;

    /// Returns what the player to move sees, which always has the same length.
    fn observation(&self) -> Vec<Float>;
}

/// A position, and what was found behind it, by the player who moved there.
#[derive(Clone, Debug)]
struct Node {
    action: usize,
    prior: Float,
    visits: u32,
    total: Float,
    first: usize,
    children: usize,
}

impl Node {
    fn new(action: usize, prior: Float) -> Self {
        Self { action, prior, visits: 0, total: 0.0, first: 0, children: 0 }
    }

    fn mean(&self) -> Float {
        if self.visits == 0 { 0.0 } else { self.total / self.visits as Float }
    }
}

/// Monte Carlo tree search by a network's policy `P` and values, as in AlphaZero: from each position it follows the action of the greatest
/// `Q + c P √N / (1 + n)`, for `n` of `N` visits with mean value `Q` (0 before the first), to a new position, whose value is added all the way up.
///
/// # Example
/// ```
/// use gradus::Float;
/// use gradus::ndarray::{Array1, Array2};
/// use gradus::reinforcement::{Game, TreeSearch};
///
/// /// Two players take one or two of some matches; who takes the last one wins.
/// #[derive(Clone)]
/// struct Matches(usize);
///
/// impl Game for Matches {
///     fn actions(&self) -> usize { 2 }
///     fn is_legal(&self, action: usize) -> bool { action < self.0 }
///     fn play(&mut self, action: usize) { self.0 -= action + 1; }
///     fn outcome(&self) -> Option<Float> { (self.0 == 0).then_some(-1.0) }
///     fn observation(&self) -> Vec<Float> { vec![self.0 as Float] }
/// }
///
/// // A network would say which actions are good, and who will win.
/// let know_nothing = |seen: Array2<Float>| Ok((Array2::ones((seen.nrows(), 2)), Array1::zeros(seen.nrows())));
/// let mut trees = [TreeSearch::new(Matches(5)), TreeSearch::new(Matches(4))];
/// TreeSearch::run(&mut trees, 200, know_nothing)?;
/// assert_eq!(trees.each_ref().map(TreeSearch::best), [1, 0]); // leaves three matches to the other
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Silver et al. 2018, "A general reinforcement learning algorithm that masters chess, shogi, and Go through self-play"
#[doc(alias = "MCTS")]
#[derive(Clone, Debug)]
pub struct TreeSearch<G> {
    game: G,
    nodes: Vec<Node>,
    path: Vec<usize>,
    exploration: Float,
}

impl<G: Game> TreeSearch<G> {
    /// Creates a search from a position, with `c` of 1.5.
    pub fn new(game: G) -> Self {
        Self { game, nodes: vec![Node::new(0, 1.0)], path: Vec::new(), exploration: 1.5 }
    }

    /// Sets `c`, how much the policy and few visits count beside the values found.
    #[must_use]
    pub fn exploration(mut self, exploration: Float) -> Self {
        self.exploration = exploration;
        self
    }

    /// Returns the position that is searched from.
    pub fn game(&self) -> &G {
        &self.game
    }

    /// Follows `simulations` paths in each tree. In each round the new positions of all trees go to `evaluate` together, as
    /// `[positions, numbers]`; it returns a policy `[positions, actions]`, of which legal actions count, and for each position a value from
    /// -1 to 1 for the player to move. Trees of games that are over stay as they are.
    ///
    /// # Errors
    /// those of `evaluate`; a policy or values of another shape, negative or not finite
    pub fn run(
        trees: &mut [Self],
        simulations: usize,
        mut evaluate: impl FnMut(Array2<Float>) -> Result<(Array2<Float>, Array1<Float>)>,
    ) -> Result<()> {
        for _ in 0..simulations {
            let mut seen = Vec::new();
            let mut waiting = Vec::new();
            for tree in trees.iter_mut().filter(|tree| tree.game.outcome().is_none()) {
                let position = tree.select();
                match position.outcome() {
                    Some(value) => tree.add(value),
                    None => {
                        seen.extend(position.observation());
                        waiting.push((tree, position));
                    }
                }
            }
            let Some((_, position)) = waiting.first() else { continue };
            let (count, actions) = (waiting.len(), position.actions());
            let seen = Array2::from_shape_vec((count, seen.len() / count), seen)
                .map_err(|error| Error::shape(format!("TreeSearch: observations differ in length: {error}")))?;
            let (policy, values) = evaluate(seen)?;
            let is_finite = policy.iter().all(|p| p.is_finite() && *p >= 0.0) && values.iter().all(|v| v.is_finite());
            if policy.dim() != (count, actions) || values.len() != count || !is_finite {
                return Err(Error::value(format!(
                    "TreeSearch: expected a policy [{count}, {actions}] of numbers from 0 and {count} finite values, got {:?} and {} with {}; \
                     apply a softmax, and look for NaN",
                    policy.dim(),
                    values.len(),
                    if is_finite { "such numbers" } else { "others" }
                )));
            }
            for (row, (tree, position)) in waiting.into_iter().enumerate() {
                tree.expand(&position, policy.row(row));
                tree.add(values[row]);
            }
        }
        Ok(())
    }

    /// Mixes noise into the policy at the root, so that self-play tries other actions: `(1 - share) P + share Dirichlet(alpha)`. Does
    /// nothing before the first simulation.
    ///
    /// # Errors
    /// an `alpha` that is not above 0 or not finite; a share that is not in 0..=1
    pub fn add_noise(&mut self, alpha: Float, share: Float, rng: &mut Rng) -> Result<()> {
        let gamma = Gamma::new(alpha, 1.0).ok().filter(|_| alpha.is_finite() && (0.0..=1.0).contains(&share));
        let gamma = gamma.ok_or_else(|| {
            Error::value(format!(
                "TreeSearch: expected a finite alpha above 0 and a share in 0..=1, got {alpha} and {share}"
            ))
        })?;
        let noise: Vec<Float> = (0..self.nodes[0].children).map(|_| gamma.sample(rng)).collect();
        let sum = noise.iter().sum::<Float>().max(Float::MIN_POSITIVE);
        let first = self.nodes[0].first;
        for (node, noise) in self.nodes[first..].iter_mut().zip(noise) {
            node.prior = (1.0 - share) * node.prior + share * noise / sum;
        }
        Ok(())
    }

    /// Returns how often each action was followed from the root, `[actions]`: what the network's policy should become.
    pub fn visits(&self) -> Array1<Float> {
        let mut visits = Array1::zeros(self.game.actions());
        let root = &self.nodes[0];
        for child in &self.nodes[root.first..root.first + root.children] {
            visits[child.action] = child.visits as Float;
        }
        visits
    }

    /// Returns the action that was followed most often from the root, the first of equals.
    pub fn best(&self) -> usize {
        let visits = self.visits();
        (0..visits.len()).rev().max_by(|a, b| visits[*a].total_cmp(&visits[*b])).unwrap_or(0)
    }

    /// Returns the mean value that was found for the player to move, from -1 to 1; 0 before the first simulation.
    pub fn value(&self) -> Float {
        -self.nodes[0].mean()
    }

    /// Walks to a position without children, and notes the way.
    fn select(&mut self) -> G {
        let (mut game, mut at) = (self.game.clone(), 0);
        self.path = vec![0];
        while self.nodes[at].children > 0 {
            let Node { first, children, visits, .. } = self.nodes[at];
            let scale = self.exploration * (visits as Float).sqrt();
            let score = |child: usize| {
                let node = &self.nodes[child];
                node.mean() + scale * node.prior / (1.0 + node.visits as Float)
            };
            at = (first..first + children).rev().max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(first);
            game.play(self.nodes[at].action);
            self.path.push(at);
        }
        game
    }

    fn expand(&mut self, position: &G, policy: ArrayView1<'_, Float>) {
        let legal: Vec<usize> = (0..policy.len()).filter(|action| position.is_legal(*action)).collect();
        let sum: Float = legal.iter().map(|action| policy[*action]).sum();
        let at = self.path[self.path.len() - 1];
        (self.nodes[at].first, self.nodes[at].children) = (self.nodes.len(), legal.len());
        let even = 1.0 / legal.len() as Float;
        let prior = |action: usize| if sum > 0.0 { policy[action] / sum } else { even };
        self.nodes.extend(legal.into_iter().map(|action| Node::new(action, prior(action))));
    }

    /// Adds the value of the last position for the player to move there to all on the way.
    fn add(&mut self, mut value: Float) {
        for at in self.path.iter().rev() {
            value = -value;
            self.nodes[*at].total += value;
            self.nodes[*at].visits += 1;
        }
    }
}
