//! Two board games, and a player who looks ahead.

use gradus::Rng;
use gradus::prelude::*;
use gradus::reinforcement::Game;
use rand::RngExt;

/// What makes a game: who has `line` stones in a row wins. In a game that falls, an action is a column, else a square.
#[derive(Debug)]
pub struct Rules {
    pub name: &'static str,
    pub width: usize,
    pub height: usize,
    line: usize,
    falls: bool,
    /// How far ahead the opponent looks.
    pub depth: usize,
}

/// A player who looks nine moves ahead is perfect here.
pub const TIC_TAC_TOE: Rules = Rules { name: "tic-tac-toe", width: 3, height: 3, line: 3, falls: false, depth: 9 };
pub const CONNECT_FOUR: Rules = Rules { name: "connect-four", width: 7, height: 6, line: 4, falls: true, depth: 6 };

#[derive(Clone, Debug)]
pub struct Board {
    pub rules: &'static Rules,
    /// 0, or 1 and 2 for a stone of the first and the second player.
    cells: [u8; 42],
    pub moves: usize,
    is_won: bool,
}

impl Board {
    pub fn new(rules: &'static Rules) -> Self {
        Self { rules, cells: [0; 42], moves: 0, is_won: false }
    }

    fn is_of(&self, column: isize, row: isize, stone: u8) -> bool {
        let (width, height) = (self.rules.width as isize, self.rules.height as isize);
        (0..width).contains(&column)
            && (0..height).contains(&row)
            && self.cells[(row * width + column) as usize] == stone
    }

    /// Whether the stone in this cell is part of a whole line.
    fn completes(&self, cell: usize) -> bool {
        let (column, row) = ((cell % self.rules.width) as isize, (cell / self.rules.width) as isize);
        let run = |x: isize, y: isize| {
            (1..).take_while(|i| self.is_of(column + i * x, row + i * y, self.cells[cell])).count()
        };
        [(1, 0), (0, 1), (1, 1), (1, -1)].iter().any(|(x, y)| 1 + run(*x, *y) + run(-x, -y) >= self.rules.line)
    }
}

impl Game for Board {
    fn actions(&self) -> usize {
        if self.rules.falls { self.rules.width } else { self.rules.width * self.rules.height }
    }

    fn is_legal(&self, action: usize) -> bool {
        self.cells[action] == 0
    }

    fn play(&mut self, action: usize) {
        let Rules { width, height, falls, .. } = *self.rules;
        let lowest = (0..height).map(|row| row * width + action).take_while(|cell| self.cells[*cell] == 0).last();
        let cell = if falls { lowest.unwrap_or(action) } else { action };
        self.cells[cell] = 1 + (self.moves % 2) as u8;
        self.moves += 1;
        self.is_won = self.completes(cell);
    }

    fn outcome(&self) -> Option<Float> {
        match self.is_won {
            true => Some(-1.0),
            false => (self.moves == self.rules.width * self.rules.height).then_some(0.0),
        }
    }

    /// Two numbers a cell: the own stones, and the other's.
    fn observation(&self) -> Vec<Float> {
        let own = 1 + (self.moves % 2) as u8;
        let cells = &self.cells[..self.rules.width * self.rules.height];
        cells.iter().flat_map(|cell| [own, 3 - own].map(|stone| Float::from(u8::from(*cell == stone)))).collect()
    }
}

/// What a position is worth to the player to move, `depth` moves ahead: a win is worth more, the sooner it comes.
fn worth(board: &Board, depth: usize, mut least: i32, most: i32) -> i32 {
    match board.outcome() {
        Some(outcome) => return outcome as i32 * (1 + depth as i32),
        None if depth == 0 => return 0,
        None => {}
    }
    for action in (0..board.actions()).filter(|action| board.is_legal(*action)) {
        let mut next = board.clone();
        next.play(action);
        least = least.max(-worth(&next, depth - 1, -most, -least));
        if least >= most {
            break;
        }
    }
    least
}

/// The best action by what comes in the moves ahead, one of equals at random.
pub fn minimax(board: &Board, rng: &mut Rng) -> usize {
    let depth = board.rules.depth;
    let actions: Vec<usize> = (0..board.actions()).filter(|action| board.is_legal(*action)).collect();
    let worths = actions.iter().map(|action| {
        let mut next = board.clone();
        next.play(*action);
        -worth(&next, depth - 1, -100, 100)
    });
    let worths: Vec<i32> = worths.collect();
    let best: Vec<_> = actions.iter().zip(&worths).filter(|(_, worth)| Some(*worth) == worths.iter().max()).collect();
    *best[rng.random_range(0..best.len())].0
}
