//! Parameters that a layer may go without.

use super::Param;

/// A parameter that a layer may go without, such as a bias: while it is switched off it keeps its settings.
pub(crate) struct Switched {
    param: Param,
    is_on: bool,
}

impl Switched {
    /// Creates the parameter, switched on or off.
    pub fn new(param: Param, is_on: bool) -> Self {
        Self { param, is_on }
    }

    pub fn switch(&mut self, on: bool) {
        self.is_on = on;
    }

    /// The parameter, if it is on.
    pub fn get(&self) -> Option<&Param> {
        self.is_on.then_some(&self.param)
    }

    /// The parameter whether it is on or off, for its settings.
    pub fn param(&self) -> &Param {
        &self.param
    }
}
