//! How much better an action was than expected.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip};

use crate::error::{Error, Result};
use crate::tensor::Float;

/// Returns how much better than expected each action was: generalized advantage estimation. Added to the values they are the returns that the
/// values should have been.
///
/// ```text
/// A_t = d_t + gamma lambda goes_on_t A_{t+1}      d_t = r_t + gamma goes_on_t V_{t+1} - V_t
/// ```
/// ```
/// use gradus::ndarray::{arr1, arr2};
/// use gradus::reinforcement::advantages;
/// // Two steps, the second of which ends the episode; whatever comes after it does not count.
/// let found = advantages(
///     arr2(&[[1.0], [2.0]]).view(),
///     arr2(&[[0.5], [1.0]]).view(),
///     arr1(&[100.0]).view(),
///     arr2(&[[1.0], [0.0]]).view(),
///     0.5,
///     0.5,
/// )?;
/// assert_eq!(found, arr2(&[[1.25], [1.0]])); // 1 + 0.5 · 1 - 0.5 + 0.25 · 1, and 2 - 1
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Shapes
/// rewards, values of what was seen before each action, and `goes_on` (0 where an episode ended with the action, else 1) `[steps,
/// environments]`; `last`, the values of what was seen after the last actions, `[environments]`
/// # Errors
/// shapes that differ
/// # Reference
/// Schulman et al. 2016
#[doc(alias = "gae")]
pub fn advantages(
    rewards: ArrayView2<'_, Float>,
    values: ArrayView2<'_, Float>,
    last: ArrayView1<'_, Float>,
    goes_on: ArrayView2<'_, Float>,
    gamma: Float,
    lambda: Float,
) -> Result<Array2<Float>> {
    let shape = rewards.dim();
    if values.dim() != shape || goes_on.dim() != shape || last.len() != shape.1 {
        return Err(Error::shape(format!(
            "advantages: expected rewards, values and goes_on [steps, environments] and last [environments], got {shape:?}, {:?}, {:?} and [{}]",
            values.dim(),
            goes_on.dim(),
            last.len()
        )));
    }
    let mut found = Array2::zeros(shape);
    let (mut next, mut sum) = (last.to_owned(), ndarray::Array1::zeros(shape.1));
    for step in (0..shape.0).rev() {
        let [rewards, values, goes_on] = [rewards, values, goes_on].map(|all| all.index_axis_move(Axis(0), step));
        Zip::from(&mut sum).and(&mut next).and(rewards).and(values).and(goes_on).for_each(|sum, next, r, v, on| {
            // What comes after an end may be anything, NaN too.
            *sum = if *on == 0.0 { r - v } else { r + gamma * on * *next - v + gamma * lambda * on * *sum };
            *next = *v;
        });
        found.row_mut(step).assign(&sum);
    }
    Ok(found)
}
