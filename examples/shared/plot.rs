//! Draws the curves of a training run, or others, for the examples. Each of them uses one of the two.
#![allow(dead_code)]

use std::path::Path;

use gradus::training::History;
use gradus::{Error, Float, Result};
use plotters::coord::Shift;
use plotters::prelude::*;

const TRAINING: RGBColor = RGBColor(31, 119, 180);
const VALIDATION: RGBColor = RGBColor(214, 92, 12);
const COLORS: [RGBColor; 6] = [
    TRAINING,
    VALIDATION,
    RGBColor(44, 140, 60),
    RGBColor(148, 80, 189),
    RGBColor(140, 100, 40),
    RGBColor(200, 40, 60),
];
const INK: RGBColor = RGBColor(40, 44, 52);
const GRID: RGBColor = RGBColor(226, 229, 233);

/// Draws loss and accuracy over the epochs, training beside validation, into an SVG file; nothing without an epoch.
pub fn curves(history: &History, title: &str, path: &Path) -> Result<()> {
    if history.is_empty() {
        return Ok(());
    }
    draw(history, title, path).map_err(|error| Error::file(path, format!("cannot be drawn: {error}")))
}

fn draw(history: &History, title: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let page = SVGBackend::new(path, (960, 428)).into_drawing_area();
    page.fill(&WHITE)?;
    let page = page.margin(8, 0, 0, 0).titled(title, ("sans-serif", 24).into_font().color(&INK))?;
    let (left, right) = page.split_horizontally(480);
    figure(&left, history, "loss", "Loss", SeriesLabelPosition::UpperRight)?;
    figure(&right, history, "accuracy", "Accuracy", SeriesLabelPosition::LowerRight)?;
    Ok(page.present()?)
}

/// Draws numbers over their place, such as the rates of a schedule over the steps, into an SVG file.
pub fn lines(curves: &[(&str, Vec<Float>)], title: &str, labels: [&str; 2], path: &Path) -> Result<()> {
    let curves: Vec<_> = curves
        .iter()
        .zip(COLORS.iter().cycle())
        .map(|((name, values), color)| (*name, *color, values.iter().map(|x| f64::from(*x)).collect()))
        .collect();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let page = SVGBackend::new(path, (960, 428)).into_drawing_area();
        page.fill(&WHITE)?;
        let page = page.margin(8, 0, 0, 0).titled(title, ("sans-serif", 24).into_font().color(&INK))?;
        panel(&page, &curves, labels, 0.0, SeriesLabelPosition::UpperRight)?;
        Ok(page.present()?)
    };
    draw().map_err(|error| Error::file(path, format!("cannot be drawn: {error}")))
}

/// One figure over the epochs, in training and in validation.
fn figure(
    area: &DrawingArea<SVGBackend, Shift>,
    history: &History,
    figure: &str,
    label: &str,
    corner: SeriesLabelPosition,
) -> Result<(), Box<dyn std::error::Error>> {
    let curves = [
        ("training", TRAINING, history.get(figure)),
        ("validation", VALIDATION, history.get(&format!("val_{figure}"))),
    ];
    panel(area, &curves, ["Epoch", label], 1.0, corner)
}

/// Curves over whole numbers from `first` on; few points are marked.
fn panel(
    area: &DrawingArea<SVGBackend, Shift>,
    curves: &[(&str, RGBColor, Vec<f64>)],
    [x_label, y_label]: [&str; 2],
    first: f64,
    corner: SeriesLabelPosition,
) -> Result<(), Box<dyn std::error::Error>> {
    let all = || curves.iter().flat_map(|(_, _, values)| values.iter().copied());
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let air = (high - low).max(1e-6) * 0.08;
    let points = curves.iter().map(|(_, _, values)| values.len()).max().unwrap_or(0);

    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(first - 0.2..first + points as f64 - 0.8, (low - air).max(0.0)..high + air)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(("sans-serif", 14).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 16).into_font().color(&INK))
        .x_desc(x_label)
        .y_desc(y_label)
        .x_labels(points.min(10))
        .x_label_formatter(&|x| if x.fract() == 0.0 { format!("{x}") } else { String::new() })
        .y_labels(6)
        .y_label_formatter(&|value| format!("{value:.3}"))
        .draw()?;
    for (name, color, values) in curves {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, value)| (first + i as f64, *value)).collect();
        let line = LineSeries::new(points.iter().copied(), color.stroke_width(3));
        chart
            .draw_series(line)?
            .label(*name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 22, y)], color.stroke_width(3)));
        let marked = points.iter().take(if points.len() < 100 { points.len() } else { 0 });
        chart.draw_series(marked.map(|point| Circle::new(*point, 4, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(corner)
        .margin(14)
        .legend_area_size(30)
        .background_style(WHITE.mix(0.9))
        .border_style(GRID)
        .label_font(("sans-serif", 15).into_font().color(&INK))
        .draw()?;
    Ok(())
}
