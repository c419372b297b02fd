//! Adapters of low rank.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Param, Tape, Var, glob};
use crate::config::described;
use crate::error::{Error, Result};
use crate::initializers::{Fan, KaimingUniform, Zeros};
use crate::tensor::{Float, Tensor};

described! {
    /// Low-rank adaptation: the parameters that it is [attached](crate::Model::attach) to stay as they are, and a product of
    /// two small matrices, which are trained in their place, is added wherever they are used: `W + alpha / rank · A · B`.
    ///
    /// A and B are parameters of their own, listed as `<path>.lora_a` and `<path>.lora_b`. Dense kernels, and so attention's
    /// projections, are adapted as they are, kernels of more axes as the matrix `[other axes together, filters]`, which is
    /// what a convolution into `rank` channels and a second one of one pixel make.
    ///
    /// # Shapes
    /// A `[inputs, rank]`, B `[rank, outputs]`
    /// # Defaults
    /// alpha as large as the rank, as in Keras; A uniform with variance `1 / (3 · inputs)` as in peft, B zeros
    /// # Errors
    /// a rank of 0 or above the smaller side of the matrix; an alpha that is not above 0
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let model = Sequential::new().add(Dense::new(64).activation(Relu)).add(Dense::new(10));
    /// model.forward(&Tape::inference().input(ndarray::Array2::<f32>::ones((1, 784))))?;
    /// model.freeze();
    /// model.attach("dense.kernel", Lora::new(4).alpha(8.0))?;
    /// let trained: Vec<String> = model.parameters().into_iter().filter(|(_, p)| p.is_trainable()).map(|(path, _)| path).collect();
    /// assert_eq!(trained, ["dense.kernel.lora_a", "dense.kernel.lora_b"]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Hu et al. 2021; peft `LoraConfig`, Keras `enable_lora`
    #[doc(alias = "LoraConfig")]
    #[doc(alias = "enable_lora")]
    #[doc(alias = "peft")]
    #[derive(Clone, Copy)]
    pub struct Lora(
        /// The rank of the matrices.
        rank: [usize],
    ) {
        /// The factor of the product, before it is divided by the rank; the rank itself without a setting.
        alpha: [option Float] = None,
    }
}

impl Lora {
    pub(crate) fn alpha_or_default(&self) -> Float {
        self.alpha.unwrap_or(self.rank as Float)
    }

    /// Whether it fits a parameter of this shape, as far as that is known: `None` for axes that are not.
    pub(crate) fn check(&self, shape: &[Option<usize>]) -> Result<()> {
        let [others @ .., columns] = shape else { return Err(too_few_axes(shape)) };
        if others.is_empty() {
            return Err(too_few_axes(shape));
        }
        let rows = others.iter().try_fold(1, |rows: usize, len| Some(rows.saturating_mul((*len)?)));
        let most = rows.unwrap_or(usize::MAX).min(columns.unwrap_or(usize::MAX));
        if self.rank == 0 || self.rank > most {
            return Err(Error::value(match most {
                usize::MAX => format!("LoRA: expected a rank of at least 1, got {}; 8 is usual", self.rank),
                _ => format!(
                    "LoRA: expected a rank from 1 to {most}, the smaller side of the matrix {}, got {}; 8 is usual",
                    text(shape),
                    self.rank
                ),
            }));
        }
        match self.alpha_or_default() {
            alpha if alpha > 0.0 && alpha.is_finite() => Ok(()),
            alpha => Err(Error::value(format!("LoRA: expected an alpha above 0, got {alpha}; the rank is usual"))),
        }
    }
}

fn too_few_axes(shape: &[Option<usize>]) -> Error {
    Error::value(format!(
        "LoRA: expected a parameter of at least two axes, got one of shape {}; narrow the pattern, such as to `*.kernel`",
        text(shape)
    ))
}

fn text(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape.iter().map(|axis| axis.map_or("_".into(), |len| len.to_string())).collect();
    format!("[{}]", axes.join(", "))
}

/// A [`Lora`] on its parameter.
pub(crate) struct Adapter {
    pub lora: Lora,
    pub a: Param,
    pub b: Param,
    /// The parameter's own value, while it holds the sum.
    base: RwLock<Option<Tensor>>,
}

impl Adapter {
    pub fn new(lora: Lora) -> Self {
        let a = KaimingUniform { a: Float::sqrt(5.0), mode: Fan::In };
        let a = Param::new(a).pattern(&[None, Some(lora.rank)]);
        let b = Param::new(Zeros).pattern(&[Some(lora.rank), None]);
        Self { lora, a, b, base: RwLock::default() }
    }

    pub fn is_merged(&self) -> bool {
        self.base.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What the layer gets for the parameter's value.
    pub fn apply(&self, weights: Var) -> Result<Var> {
        if self.is_merged() { Ok(weights) } else { self.sum(weights) }
    }

    /// `W + alpha / rank · A · B`
    fn sum(&self, weights: Var) -> Result<Var> {
        let shape = weights.value.shape().to_vec();
        self.lora.check(&shape.iter().copied().map(Some).collect::<Vec<_>>())?;
        let columns = shape.last().copied().unwrap_or(1);
        let rows = shape[..shape.len() - 1].iter().product();
        let a = self.a.on(&weights, &[rows, self.lora.rank])?;
        let b = self.b.on(&weights, &[self.lora.rank, columns])?;
        let scale = self.lora.alpha_or_default() / self.lora.rank as Float;
        Ok(weights + a.matmul(&(b * scale))?.reshape(&shape)?)
    }

    /// The sum as numbers.
    fn merged(&self, base: &Tensor) -> Result<Tensor> {
        self.sum(Tape::inference().constant(base)).map(|sum| (*sum.value).clone())
    }

    /// Keeps the value that the parameter had, or forgets it.
    fn keep(&self, base: Option<Tensor>) {
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = base;
    }
}

pub(crate) fn attach(parameters: &[(String, Param)], pattern: &str, lora: Lora) -> Result<()> {
    let found: Vec<_> = parameters.iter().filter(|(path, _)| glob(pattern, path)).collect();
    if found.is_empty() {
        crate::autograd::matching(parameters, pattern)?;
    }
    for (path, param) in &found {
        let known = param.known_shape();
        let problem = match param.adapter() {
            _ if param.is_state() => Some(Error::value("LoRA: expected a trained parameter, got statistics")),
            Some(_) => Some(Error::value(
                "LoRA: the parameter has an adapter already; take it off with `merge_adapters` and `detach_adapters`",
            )),
            // Nothing is known of the shape of some parameters before their first use, which checks it then.
            None if known.is_empty() => None,
            None => lora.check(&known).err(),
        };
        problem.map_or(Ok(()), |error| Err(error.within(path)))?;
    }
    for (_, param) in found {
        param.set_adapter(Some(Arc::new(Adapter::new(lora))));
        param.freeze();
    }
    Ok(())
}

/// The parameters with adapters, merged or not.
fn adapted(parameters: &[(String, Param)], merged: bool) -> Vec<(&String, &Param, Arc<Adapter>)> {
    let all = parameters.iter().filter_map(|(path, param)| Some((path, param, param.adapter()?)));
    all.filter(|(_, _, adapter)| adapter.is_merged() == merged).collect()
}

pub(crate) fn merge(parameters: &[(String, Param)]) -> Result<()> {
    let adapted = adapted(parameters, false);
    if adapted.is_empty() {
        return Err(Error::value("no adapters to merge; attach some with `attach`, or read them with `load_tuned`"));
    }
    let sum = |(path, param, adapter): &(&String, &Param, Arc<Adapter>)| {
        let base = param.value().ok_or_else(|| {
            let text = "has no value yet, so no adapter can be merged into it; load weights or run the model once";
            Error::Parameters(format!("parameter `{path}` {text}"))
        })?;
        Ok((adapter.merged(&base).map_err(|error| error.within(path))?, base))
    };
    let sums: Vec<(Tensor, Tensor)> = adapted.iter().map(sum).collect::<Result<_>>()?;
    for ((_, param, adapter), (sum, base)) in adapted.iter().zip(sums) {
        param.set(sum)?;
        adapter.keep(Some(base));
    }
    Ok(())
}

pub(crate) fn unmerge(parameters: &[(String, Param)]) -> Result<()> {
    let adapted = adapted(parameters, true);
    if adapted.is_empty() {
        return Err(Error::value("no merged adapters; `merge_adapters` comes before `unmerge_adapters`"));
    }
    let base = |adapter: &Adapter| adapter.base.read().unwrap_or_else(PoisonError::into_inner).clone();
    for (path, param, adapter) in &adapted {
        let sum = base(adapter).map(|base| adapter.merged(&base)).transpose()?;
        if sum != param.value() {
            return Err(Error::Parameters(format!(
                "parameter `{path}` was changed after its adapter was merged into it, and would lose that; keep it so with \
                 `detach_adapters`"
            )));
        }
    }
    for (_, param, adapter) in adapted {
        base(&adapter).map_or(Ok(()), |base| param.set(base))?;
        adapter.keep(None);
    }
    Ok(())
}

pub(crate) fn detach(parameters: &[(String, Param)]) {
    parameters.iter().for_each(|(_, param)| param.set_adapter(None));
}
