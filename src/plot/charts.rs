//! What can be drawn, and how.

use super::{Figure, Panel};
use crate::calibration::Reliability;
use crate::optimizers::Schedule;
use crate::search::{Record, Results, Value};
use crate::training::{History, callbacks::RateFinder};

/// Each figure over the epochs, training beside validation.
impl From<&History> for Figure {
    fn from(history: &History) -> Self {
        let mut figure = Self::new("Training");
        let curve = |name: &str| {
            (1..)
                .zip(history.get(name).iter().copied())
                .filter(|(_, figure)| !figure.is_nan())
                .collect::<Vec<(u32, f64)>>()
        };
        for name in history.names().into_iter().filter(|name| !name.starts_with("val_")) {
            let mut panel = Panel::new("Epoch", name.replace('_', " ")).line("training", curve(name));
            let validation = curve(&format!("val_{name}"));
            if !validation.is_empty() {
                panel = panel.line("validation", validation);
            }
            figure = figure.panel(panel);
        }
        figure
    }
}

/// The share of right predictions over their confidence, beside the line on which a calibrated model lies.
impl From<&Reliability> for Figure {
    fn from(reliability: &Reliability) -> Self {
        let bins = reliability.bins().iter().filter(|bin| bin.count > 0);
        let error = reliability.expected_calibration_error();
        let panel = Panel::new("Confidence", "Accuracy")
            .line("calibrated", [(0.0, 0.0), (1.0, 1.0)])
            .line("model", bins.clone().map(|bin| (bin.confidence, bin.accuracy)))
            .points("", bins.map(|bin| (bin.confidence, bin.accuracy)));
        Self::new(format!("Reliability, expected calibration error {error:.3}")).panel(panel)
    }
}

/// The losses over the rates, and the suggestion.
impl From<&RateFinder> for Figure {
    fn from(finder: &RateFinder) -> Self {
        let points = finder.points().iter().copied();
        let mut panel = Panel::new("Learning rate", "Smoothed loss").logarithmic().line("", points.clone());
        if let Some(rate) = finder.suggestion() {
            panel = panel.points(format!("suggestion, {rate:.1e}"), points.filter(|point| point.0 == rate));
        }
        Self::new("Loss as the learning rate rises").panel(panel)
    }
}

/// The watched figure over each setting, the numbers of epochs in colours.
impl From<&Results> for Figure {
    fn from(results: &Results) -> Self {
        let good: Vec<&Record> = results.records().iter().filter(|record| record.failure().is_none()).collect();
        let mut budgets: Vec<usize> = good.iter().map(|record| record.trial().budget()).collect();
        budgets.sort_unstable();
        budgets.dedup();
        let mut figure = Self::new("Search");
        for (setting, name) in results.space().names().enumerate() {
            let value = |record: &Record| record.trial().values()[setting].1.clone();
            let mut words: Vec<String> = Vec::new();
            for record in &good {
                if let Value::Text(text) = value(record)
                    && !words.contains(&text)
                {
                    words.push(text);
                }
            }
            let place = |record: &Record| match value(record) {
                Value::Number(number) => number,
                Value::Text(text) => words.iter().position(|word| *word == text).map_or(f64::NAN, |place| place as f64),
            };
            let mut panel = Panel::new(name, results.watched().replace('_', " ")).categories(words.clone());
            if results.space().is_logarithmic(name) {
                panel = panel.logarithmic();
            }
            for budget in &budgets {
                let rows = good.iter().filter(|record| record.trial().budget() == *budget);
                let epochs = format!("{budget} epoch{}", if *budget == 1 { "" } else { "s" });
                panel = panel.points(epochs, rows.map(|record| (place(record), results.score(record))));
            }
            figure = figure.panel(panel);
        }
        figure
    }
}

impl Figure {
    /// Creates a figure of the rates of a schedule in its first steps; of many steps a thousand.
    pub fn schedule(schedule: &(impl Schedule + ?Sized), steps: u32) -> Self {
        let points = (0..steps).step_by(steps.div_ceil(1000).max(1) as usize).map(|step| (step, schedule.rate(step)));
        Self::new("Learning rate").panel(Panel::new("Step", "Rate").line("", points))
    }
}
