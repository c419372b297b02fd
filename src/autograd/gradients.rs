//! What a backward sweep finds.

use std::collections::HashMap;

use super::{Param, ParamId, Var};
use crate::order::order;
use crate::tensor::{Float, Tensor, add_into, data, recycle};

/// The gradients of one scalar with respect to parameters and to [`Tape::variable`](crate::Tape::variable)s.
#[derive(Debug, Default)]
pub struct Gradients {
    pub(super) params: HashMap<ParamId, Tensor>,
    pub(super) variables: HashMap<usize, Tensor>,
}

impl Gradients {
    /// Returns the gradient of a parameter, of its shape; `None` if the scalar does not depend on it or it is frozen.
    pub fn get(&self, param: &Param) -> Option<&Tensor> {
        self.params.get(&param.id())
    }

    /// Returns the gradient of a variable made by [`Tape::variable`](crate::Tape::variable).
    pub fn of(&self, var: &Var) -> Option<&Tensor> {
        self.variables.get(&var.node?)
    }

    /// Changes the gradient of a parameter, for clipping and the like.
    pub fn modify(&mut self, param: &Param, change: impl FnOnce(&mut [Float])) {
        if let Some(slice) = self.params.get_mut(&param.id()).and_then(|tensor| tensor.as_slice_mut()) {
            change(slice);
        }
    }

    /// Multiplies the gradients of all parameters, as clipping does.
    pub fn scale(&mut self, factor: Float) {
        for slice in self.params.values_mut().filter_map(|tensor| tensor.as_slice_mut()) {
            slice.iter_mut().for_each(|g| *g *= factor);
        }
    }

    /// Adds the parameters' gradients of another sweep, as gradient accumulation does.
    pub fn merge(&mut self, mut other: Self) {
        for (id, grad) in std::mem::take(&mut other.params) {
            match self.params.remove(&id) {
                Some(sum) => {
                    self.params.insert(id, add_into(sum, &grad));
                    recycle(grad);
                }
                None => {
                    self.params.insert(id, grad);
                }
            }
        }
    }

    fn in_order(&self) -> Vec<(&ParamId, &Tensor)> {
        let grads: Vec<_> = self.params.iter().collect();
        let order = order(grads.len(), &|a, b| grads[a].0.cmp(grads[b].0));
        order.into_iter().map(|place| grads[place]).collect()
    }

    /// Returns the Euclidean norm of all parameters' gradients together, summed in `f64` in the order of the ids.
    pub fn norm(&self) -> f64 {
        let mut squares = 0.0;
        for (_, grad) in self.in_order() {
            data(grad).iter().for_each(|g| squares += f64::from(*g) * f64::from(*g));
        }
        squares.sqrt()
    }

    /// The shapes of those whose parameters are not in this list.
    pub(crate) fn unlisted(&self, parameters: &[(String, Param)]) -> Vec<Vec<usize>> {
        let listed = parameters.iter().filter(|(_, param)| self.params.contains_key(&param.id())).count();
        if self.params.len() <= listed {
            return Vec::new();
        }
        let mut others = self.in_order();
        others.retain(|(id, _)| parameters.iter().all(|(_, param)| param.id() != **id));
        others.into_iter().map(|(_, gradient)| gradient.shape().to_vec()).collect()
    }

    pub(crate) fn of_parameters(params: impl Iterator<Item = (ParamId, Tensor)>) -> Self {
        Self { params: params.collect(), variables: HashMap::new() }
    }

    pub(crate) fn take(&mut self, id: ParamId) -> Option<Tensor> {
        self.params.remove(&id)
    }
}

impl Drop for Gradients {
    fn drop(&mut self) {
        self.params.drain().for_each(|(_, grad)| recycle(grad));
    }
}
