//! What loading did.

use std::fmt;

/// What [`Translation::load`](super::Translation::load) did, and what it was allowed to leave.
///
/// It shows as counts, followed by what was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Paths of the parameters that were set.
    pub applied: Vec<String>,
    /// Paths of the parameters that the file lacks.
    #[doc(alias = "missing_keys")]
    pub missing: Vec<String>,
    /// Names of the tensors that the model has no place for.
    #[doc(alias = "unexpected_keys")]
    pub unused: Vec<String>,
    /// Parameters that have another shape in the file, with both shapes.
    pub differently_shaped: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { applied, missing, unused, differently_shaped } = self;
        let counts = [applied.len(), missing.len(), unused.len(), differently_shaped.len()];
        let [applied, absent, left, different] = counts;
        write!(f, "{applied} applied, {absent} missing, {left} unused, {different} differently shaped")?;
        let lists = [("missing", missing), ("unused", unused), ("differently shaped", differently_shaped)];
        for (what, list) in lists {
            list.iter().try_for_each(|item| write!(f, "\n  {what}: {item}"))?;
        }
        Ok(())
    }
}
