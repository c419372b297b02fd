//! Draws series over time, for the examples.

use std::path::Path;

use gradus::{Error, Result};
use plotters::prelude::*;

const COLORS: [RGBColor; 3] = [RGBColor(40, 44, 52), RGBColor(160, 166, 174), RGBColor(214, 92, 12)];
const GRID: RGBColor = RGBColor(226, 229, 233);

/// A name and points `(time, value)`.
pub type Series<'a> = (&'a str, Vec<(f64, f64)>);

/// Draws up to three series into an SVG file.
pub fn lines(series: &[Series<'_>], title: &str, axis: &str, path: &Path) -> Result<()> {
    draw(series, title, axis, path).map_err(|error| Error::file(path, format!("cannot be drawn: {error}")))
}

fn draw(series: &[Series<'_>], title: &str, axis: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let points = || series.iter().flat_map(|(_, points)| points.iter().copied());
    let range = |numbers: &mut dyn Iterator<Item = f64>| {
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (first, last) = range(&mut points().map(|point| point.0));
    let (_, high) = range(&mut points().map(|point| point.1));
    let page = SVGBackend::new(path, (960, 428)).into_drawing_area();
    page.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&page)
        .caption(title, ("sans-serif", 24))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(first..last, 0.0..high * 1.08)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .y_desc(axis)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()?;
    for ((name, points), color) in series.iter().zip(COLORS) {
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], color.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(14)
        .legend_area_size(30)
        .background_style(WHITE.mix(0.9))
        .border_style(GRID)
        .label_font(("sans-serif", 15))
        .draw()?;
    Ok(page.present()?)
}
