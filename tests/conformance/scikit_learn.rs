//! Agreement of the metrics with scikit-learn, SciPy and sacreBLEU.
//!
//! `tests/fixtures/make_metrics.py` wrote down what they give; `docs/conformance.md` says what is compared and how.

use super::check;

#[test]
fn metrics_agree_with_scikit_learn_scipy_and_sacrebleu() {
    check("metrics", &[("metric", 192), ("confusion", 7), ("bleu", 9), ("frechet", 4)], &[]);
}
