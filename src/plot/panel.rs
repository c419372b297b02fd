//! Curves and points between two axes.

use num_traits::AsPrimitive;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::figure::Drawn;
use super::{GRID, INK};

/// Curves and points between two axes, each in its colour and with its name in a legend, which stands in the corner with
/// the fewest points. Points that are not finite, or beyond 1e100, are left out.
///
/// # Example
/// see [the module](crate::plot)
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Panel {
    labels: [String; 2],
    series: Vec<Series>,
    logarithmic: bool,
    categories: Vec<String>,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    joined: bool,
    points: Vec<(f64, f64)>,
}

type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

struct Axes {
    left: f64,
    right: f64,
    bottom: f64,
    top: f64,
    /// Whether all points stand at whole numbers of the horizontal axis.
    whole: bool,
}

const COLORS: [RGBColor; 8] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 92, 12),
    RGBColor(44, 140, 60),
    RGBColor(148, 80, 189),
    RGBColor(140, 100, 40),
    RGBColor(200, 40, 60),
    RGBColor(90, 96, 104),
    RGBColor(20, 150, 160),
];
/// Curves of fewer points have them marked.
const MARKED: usize = 100;
/// Larger numbers cannot be divided into ticks.
const LARGEST: f64 = 1e100;

impl Panel {
    /// Creates a panel; `x` and `y` say what its axes show.
    pub fn new(x: impl Into<String>, y: impl Into<String>) -> Self {
        Self { labels: [x.into(), y.into()], ..Self::default() }
    }

    /// Adds a curve through points `(x, y)`; a curve without a name is not in the legend.
    pub fn line<X, Y>(self, name: impl Into<String>, points: impl IntoIterator<Item = (X, Y)>) -> Self
    where
        X: AsPrimitive<f64>,
        Y: AsPrimitive<f64>,
    {
        self.add(name.into(), true, points)
    }

    /// Adds points `(x, y)` that are not joined.
    #[doc(alias = "scatter")]
    pub fn points<X, Y>(self, name: impl Into<String>, points: impl IntoIterator<Item = (X, Y)>) -> Self
    where
        X: AsPrimitive<f64>,
        Y: AsPrimitive<f64>,
    {
        self.add(name.into(), false, points)
    }

    /// Makes the horizontal axis logarithmic; points at 0 and below are left out.
    pub fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }

    /// Names the places 0, 1, 2 and so on of the horizontal axis.
    pub fn categories<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.categories = names.into_iter().map(Into::into).collect();
        self
    }

    fn add<X, Y>(mut self, name: String, joined: bool, points: impl IntoIterator<Item = (X, Y)>) -> Self
    where
        X: AsPrimitive<f64>,
        Y: AsPrimitive<f64>,
    {
        let points = points.into_iter().map(|(x, y)| (x.as_(), y.as_())).collect();
        self.series.push(Series { name, joined, points });
        self
    }

    /// The points where they are drawn.
    fn placed(&self) -> Vec<Vec<(f64, f64)>> {
        let place = |(x, y): &(f64, f64)| (if self.logarithmic { x.log10() } else { *x }, *y);
        let is_drawn = |(x, y): &(f64, f64)| x.abs() < LARGEST && y.abs() < LARGEST;
        self.series.iter().map(|series| series.points.iter().map(place).filter(is_drawn).collect()).collect()
    }

    /// What the axes show of these points.
    fn axes(&self, placed: &[Vec<(f64, f64)>]) -> Axes {
        let all = || placed.iter().flatten();
        let (mut left, mut right) = range(all().map(|point| point.0));
        if !self.categories.is_empty() {
            (left, right) = (-0.5, self.categories.len() as f64 - 0.5);
        }
        let (low, high) = range(all().map(|point| point.1));
        let air = (high - low) * 0.08;
        let bottom = if low >= 0.0 { (low - air).max(0.0) } else { low - air };
        let whole = !self.logarithmic && all().all(|(x, _)| x.fract() == 0.0);
        Axes { left, right, bottom, top: high + air, whole }
    }

    /// What stands below a place of the horizontal axis.
    fn x_label(&self, x: f64, axes: &Axes) -> String {
        if !self.categories.is_empty() {
            let name = self.categories.get(x.max(0.0) as usize).filter(|_| x.fract() == 0.0 && x >= 0.0);
            return name.cloned().unwrap_or_default();
        }
        match (self.logarithmic, axes.whole) {
            (true, _) => power(x),
            (_, true) if x.fract() != 0.0 => String::new(),
            (_, true) => format!("{x}"),
            _ => number(x, axes.right - axes.left),
        }
    }

    pub(super) fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<()>
    where
        DB::ErrorType: 'static,
    {
        let placed = self.placed();
        let axes = self.axes(&placed);
        let side = (axes.right - axes.left) * 0.02;
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(axes.left - side..axes.right + side, axes.bottom..axes.top)?;
        let labels = if axes.whole { (axes.right - axes.left) as usize + 1 } else { 10 };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 16).into_font().color(&INK))
            .x_desc(&self.labels[0])
            .y_desc(&self.labels[1])
            .x_labels(labels.clamp(2, 10))
            .x_label_formatter(&|x| self.x_label(*x, &axes))
            .y_labels(6)
            .y_label_formatter(&|y| number(*y, axes.top - axes.bottom))
            .draw()?;
        for ((series, points), color) in self.series.iter().zip(&placed).zip(COLORS.iter().cycle().copied()) {
            series.draw(&mut chart, points, color)?;
        }
        if self.series.iter().any(|series| !series.name.is_empty()) {
            chart
                .configure_series_labels()
                .position(emptiest(placed.iter().flatten(), &axes))
                .margin(14)
                .legend_area_size(30)
                .background_style(WHITE.mix(0.9))
                .border_style(GRID)
                .label_font(("sans-serif", 15).into_font().color(&INK))
                .draw()?;
        }
        Ok(())
    }
}

impl Series {
    fn draw<'a, DB: DrawingBackend + 'a>(
        &self,
        chart: &mut Chart<'a, DB>,
        points: &[(f64, f64)],
        color: RGBColor,
    ) -> Drawn<()>
    where
        DB::ErrorType: 'static,
    {
        if self.joined {
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(3)))?;
        }
        let marks = if !self.joined || points.len() < MARKED { points } else { &[] };
        let drawn = chart.draw_series(marks.iter().map(|point| Circle::new(*point, 4, color.filled())))?;
        if self.name.is_empty() {
            return Ok(());
        }
        let drawn = drawn.label(&self.name);
        match self.joined {
            true => drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], color.stroke_width(3))),
            false => drawn.legend(move |(x, y)| Circle::new((x + 11, y), 4, color.filled())),
        };
        Ok(())
    }
}

/// From the least to the greatest, a little wider if they are one; 0 to 1 without any.
fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = numbers.fold(start, |(low, high), x| (low.min(x), high.max(x)));
    match high - low {
        difference if difference > 1e-9 * high.abs().max(low.abs()) => (low, high),
        _ if low.is_finite() => (low - 0.5 * low.abs().max(1e-6), high + 0.5 * high.abs().max(1e-6)),
        _ => (0.0, 1.0),
    }
}

/// With as many digits as tell the labels of an axis of this length apart.
fn number(value: f64, length: f64) -> String {
    match -(length / 10.0).log10().floor() {
        digits if digits > 4.0 || value.abs() >= 1e6 => format!("{value:.1e}"),
        digits => format!("{value:.*}", digits.max(0.0) as usize),
    }
}

/// A power of ten: `1e-3` for -3.
fn power(exponent: f64) -> String {
    if exponent.fract() == 0.0 { format!("1e{exponent}") } else { format!("{:.1e}", 10_f64.powf(exponent)) }
}

/// The corner with the fewest points; the upper right one among equals.
fn emptiest<'a>(points: impl Iterator<Item = &'a (f64, f64)>, axes: &Axes) -> SeriesLabelPosition {
    use SeriesLabelPosition::{LowerLeft, LowerRight, UpperLeft, UpperRight};
    let mut counts = [(UpperRight, 0), (LowerRight, 0), (UpperLeft, 0), (LowerLeft, 0)];
    for (x, y) in points {
        let (x, y) = ((x - axes.left) / (axes.right - axes.left), (y - axes.bottom) / (axes.top - axes.bottom));
        if !(0.4..0.6).contains(&x) && !(0.4..0.6).contains(&y) {
            counts[2 * usize::from(x < 0.5) + usize::from(y < 0.5)].1 += 1;
        }
    }
    counts.into_iter().min_by_key(|(_, count)| *count).map_or(UpperRight, |(corner, _)| corner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Figure;

    fn svg(panel: Panel) -> String {
        Figure::new("A & B").panel(panel).svg().unwrap()
    }

    #[test]
    fn titles_labels_and_names_are_in_the_picture() {
        let text = svg(Panel::new("Epoch", "Loss").line("training", [(1, 0.5), (2, 0.25)]).points("best", [(2, 0.25)]));
        for part in ["A &amp; B", "Epoch", "Loss", "training", "best", "<polyline", "<circle"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let named = svg(Panel::new("x", "y").categories(["plain", "dropout"]).points("", [(0, 1), (1, 2)]));
        assert!(named.contains("plain") && named.contains("dropout"));
    }

    #[test]
    fn whatever_the_numbers_a_picture_comes() {
        let huge = [(0.0, f64::MAX), (1.0, -f64::MAX), (f64::NAN, 1.0), (2.0, f64::INFINITY)];
        for points in [&huge[..], &huge[2..], &[], &[(3.0, 3.0)], &[(0.0, 0.0)], &[(1e9, -1e-9), (1e9 + 1.0, 1e-9)]] {
            for panel in [Panel::new("x", "y"), Panel::new("x", "y").logarithmic()] {
                assert!(svg(panel.line("line", points.iter().copied())).ends_with("</svg>\n"));
            }
        }
    }

    #[test]
    fn labels_have_the_digits_that_tell_them_apart() {
        assert_eq!([number(0.25, 1.0), number(12.0, 50.0), number(1.5e-7, 1e-6)], ["0.2", "12", "1.5e-7"]);
        assert_eq!([power(-3.0), power(-2.5)], ["1e-3", "3.2e-3"]);
    }
}
