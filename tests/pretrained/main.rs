//! Weights of others: names and layouts, ready networks, real files.

mod formula;
#[cfg(not(float64))]
mod layers;
mod networks;
#[cfg(not(float64))]
mod partial;
#[cfg(not(float64))]
#[path = "../../examples/shared/photo.rs"]
mod photo;
#[cfg(not(float64))]
mod real;

/// `max|got - expected| / max|expected|`; infinite where something is not finite or lengths differ.
#[cfg(not(float64))]
fn error<'a>(got: impl IntoIterator<Item = &'a f32>, expected: impl IntoIterator<Item = &'a f32>) -> f64 {
    let (got, expected): (Vec<&f32>, Vec<&f32>) = (got.into_iter().collect(), expected.into_iter().collect());
    if got.len() != expected.len() || got.iter().chain(&expected).any(|x| !x.is_finite()) {
        return f64::INFINITY;
    }
    let greatest = |x: f64, y: f64| x.max(y.abs());
    let scale = expected.iter().map(|x| f64::from(**x)).fold(0.0, greatest);
    let pairs = got.iter().zip(&expected);
    pairs.map(|(got, want)| f64::from(**got) - f64::from(**want)).fold(0.0, greatest) / scale
}
