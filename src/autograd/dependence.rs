//! How a value depends on the examples of a batch.

/// How a value depends on the examples of a batch, whose axis 0 counts them.
///
/// A batch may be run in parts, each on its own thread and in its cache, if and only if the loss is a mean over
/// examples of which none looks at another. The trainer does not trust anybody with that question: each operation
/// derives the answer from its inputs, and one that does not say (a custom [`Op`](crate::Op)) is taken to look across
/// the batch, which is slower and never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dependence {
    /// The same for every batch: a parameter, a constant.
    Constant,
    /// Row `i` depends on example `i` only.
    PerExample,
    /// A mean over examples of numbers that depend on one example each.
    BatchMean,
    /// Anything else.
    AcrossBatch,
}

impl Dependence {
    /// Of an operation that treats each row of its inputs' axis 0 on its own, and constants as a whole.
    pub fn per_example(inputs: &[Self]) -> Self {
        if inputs.iter().all(|input| *input == Self::Constant) {
            Self::Constant
        } else if inputs.iter().all(|input| matches!(input, Self::Constant | Self::PerExample)) {
            Self::PerExample
        } else {
            Self::AcrossBatch
        }
    }

    /// Of an operation that may mix examples: constant if all its inputs are.
    pub fn across_batch(inputs: &[Self]) -> Self {
        match Self::per_example(inputs) {
            Self::Constant => Self::Constant,
            _ => Self::AcrossBatch,
        }
    }

    /// Of an operation that is linear in inputs which are means already, and acts on each row on its own otherwise.
    pub fn linear(inputs: &[Self]) -> Self {
        let means = inputs.iter().all(|input| matches!(input, Self::Constant | Self::BatchMean));
        if means && inputs.contains(&Self::BatchMean) { Self::BatchMean } else { Self::per_example(inputs) }
    }
}
