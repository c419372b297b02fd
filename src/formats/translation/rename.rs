//! Rules for names.

use crate::autograd::runs;
use crate::error::{Error, Result};

/// Names that look so here look so there.
#[derive(Clone, Debug)]
pub(super) struct Rename {
    file: String,
    model: String,
}

impl Rename {
    pub fn new(file: &str, model: &str) -> Self {
        Self { file: file.into(), model: model.into() }
    }

    /// That both sides have as many stars; `method` is what made the rule.
    pub fn check(&self, method: &str) -> Result<()> {
        let stars = |text: &str| text.matches('*').count();
        if stars(&self.file) == stars(&self.model) {
            return Ok(());
        }
        Err(Error::value(format!(
            "expected as many `*` on both sides of a rule, got `{method}(\"{}\", \"{}\")`",
            self.file, self.model
        )))
    }

    pub fn forwards(&self, name: &str) -> Option<String> {
        Some(filled(&self.model, &runs(&self.file, name)?))
    }

    pub fn backwards(&self, name: &str) -> Option<String> {
        Some(filled(&self.file, &runs(&self.model, name)?))
    }
}

/// The pattern with its stars replaced.
fn filled(pattern: &str, runs: &[&str]) -> String {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.zip(runs).fold(first, |name, (piece, run)| name + run + piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_carry_over_both_ways() {
        let rule = Rename::new("layer*.*.conv*", "layer*.*.body.conv*");
        assert_eq!(rule.forwards("layer1.0.conv2.weight").unwrap(), "layer1.0.body.conv2.weight");
        assert_eq!(rule.backwards("layer1.0.body.conv2.weight").unwrap(), "layer1.0.conv2.weight");
        assert_eq!(rule.forwards("conv1.weight"), None);
        assert_eq!(Rename::new("net.*", "*").backwards("fc.bias").unwrap(), "net.fc.bias");
        assert_eq!(Rename::new("a", "b").forwards("a").unwrap(), "b");
    }
}
