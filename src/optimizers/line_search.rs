//! How far to go along a line.

use crate::error::Result;
use crate::tensor::Float;

/// How much lower the function must be, as a share of what the slope promises.
const DECREASE: f64 = 1e-4;
/// How much flatter the function must be.
const CURVATURE: f64 = 0.9;

/// The function on the line: how far it is, its value and slope there, and its gradient in all directions.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) gradient: Vec<Float>,
}

/// Bounds of the search.
pub(super) struct Bounds {
    /// Evaluations after the first one.
    pub(super) evaluations: usize,
    /// An interval as short as this ends it.
    pub(super) interval: f64,
}

/// A point at which the function is lower and flatter (the strong conditions of Wolfe), or the lowest one found. First
/// goes out until an interval holds such a point, then narrows it down by cubic interpolation.
///
/// Nocedal & Wright 2006, algorithms 3.5 and 3.6; the same choices as PyTorch's `strong_wolfe`.
pub(super) fn strong_wolfe(
    evaluate: impl FnMut(f64) -> Result<Point>,
    start: &Point,
    first: f64,
    bounds: &Bounds,
) -> Result<Point> {
    let mut search = Search { evaluate, start, bounds, iteration: 0 };
    match search.bracket(first)? {
        Found::Point(point) => Ok(point),
        Found::Interval(low, high) if high.value < low.value => search.narrow(high, low),
        Found::Interval(low, high) => search.narrow(low, high),
    }
}

struct Search<'a, F> {
    evaluate: F,
    start: &'a Point,
    bounds: &'a Bounds,
    iteration: usize,
}

/// What going out has found: a point that will do, or an interval that holds one.
enum Found {
    Point(Point),
    Interval(Point, Point),
}

impl<F: FnMut(f64) -> Result<Point>> Search<'_, F> {
    fn is_high(&self, new: &Point) -> bool {
        new.value > self.start.value + DECREASE * new.at * self.start.slope
    }

    fn is_flat(&self, new: &Point) -> bool {
        new.slope.abs() <= -CURVATURE * self.start.slope
    }

    /// Goes out from the start.
    fn bracket(&mut self, first: f64) -> Result<Found> {
        let (mut before, mut new) = (self.start.clone(), (self.evaluate)(first)?);
        while self.iteration < self.bounds.evaluations {
            if self.is_high(&new) || self.iteration > 1 && new.value >= before.value {
                return Ok(Found::Interval(before, new));
            }
            if self.is_flat(&new) {
                return Ok(Found::Point(new));
            }
            if new.slope >= 0.0 {
                return Ok(Found::Interval(before, new));
            }
            let further = interpolate(&before, &new, new.at + 0.01 * (new.at - before.at), new.at * 10.0);
            before = std::mem::replace(&mut new, (self.evaluate)(further)?);
            self.iteration += 1;
        }
        Ok(Found::Interval(self.start.clone(), new))
    }

    /// Makes an interval shorter, whose lower end is `low`.
    fn narrow(&mut self, mut low: Point, mut high: Point) -> Result<Point> {
        let mut was_near_an_end = false;
        while self.iteration < self.bounds.evaluations {
            let (left, right) = (low.at.min(high.at), low.at.max(high.at));
            if (right - left) * self.bounds.interval < 1.0 {
                break;
            }
            let mut at = interpolate(&low, &high, left, right);
            let margin = 0.1 * (right - left);
            let is_near_an_end = (right - at).min(at - left) < margin;
            if is_near_an_end && (was_near_an_end || at >= right || at <= left) {
                at = if right - at < at - left { right - margin } else { left + margin };
                was_near_an_end = false;
            } else {
                was_near_an_end = is_near_an_end;
            }
            let new = (self.evaluate)(at)?;
            self.iteration += 1;
            if self.is_high(&new) || new.value >= low.value {
                high = new;
                if high.value < low.value {
                    std::mem::swap(&mut low, &mut high);
                }
                continue;
            }
            if self.is_flat(&new) {
                return Ok(new);
            }
            if new.slope * (high.at - low.at) >= 0.0 {
                high = low;
            }
            low = new;
        }
        Ok(low)
    }
}

/// The minimum of the cubic through two points with their slopes, within bounds; their middle if there is none.
fn interpolate(a: &Point, b: &Point, least: f64, most: f64) -> f64 {
    let (a, b) = if a.at <= b.at { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.at - b.at);
    let d2 = (d1 * d1 - a.slope * b.slope).sqrt();
    let minimum = b.at - (b.at - a.at) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    if minimum.is_finite() { minimum.max(least).min(most) } else { (least + most) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(function: impl Fn(f64) -> (f64, f64), first: f64) -> (Point, usize) {
        let mut evaluations = 0;
        let point = |at: f64| {
            let (value, slope) = function(at);
            Point { at, value, slope, gradient: Vec::new() }
        };
        let count = |at| {
            evaluations += 1;
            Ok(point(at))
        };
        let found = strong_wolfe(count, &point(0.0), first, &Bounds { evaluations: 25, interval: 1e9 }).unwrap();
        (found, evaluations)
    }

    #[test]
    fn finds_the_minimum_of_a_parabola_from_both_sides() {
        let parabola = |x: f64| ((x - 3.0).powi(2), 2.0 * (x - 3.0));
        for first in [0.001, 1.0, 100.0] {
            let (found, evaluations) = search(parabola, first);
            assert!(found.slope.abs() <= 0.9 * 6.0 && found.value < 9.0 && evaluations < 10, "{first}: {}", found.at);
        }
    }

    #[test]
    fn comes_back_from_where_there_is_no_number() {
        let logarithm = |x: f64| (x - (1.0 - x).ln() - 3.0 * x, 1.0 + 1.0 / (1.0 - x) - 3.0);
        let infinite_beyond = |x: f64| if x < 1.0 { logarithm(x) } else { (f64::INFINITY, f64::NAN) };
        let (found, _) = search(infinite_beyond, 50.0);
        assert!(found.at > 0.0 && found.at < 1.0 && found.value < 0.0);
    }
}
