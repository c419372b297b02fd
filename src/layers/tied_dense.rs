//! An embedding read the other way.

use std::sync::OnceLock;

use super::Layer;
use crate::autograd::{Dependence, InputGrads, OnnxForm, Op, Param, ParamList, Tie, Var};
use crate::buffers::buffer;
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::{RandomUniform, Zeros};
use crate::kernels::dense;
use crate::tensor::{Tensor, data, empty, tensor};

described! {
    /// A score for each id from the vectors of an [`Embedding`](super::Embedding): `y = x · embeddingsᵀ + bias`.
    ///
    /// [`Embedding::output_layer`](super::Embedding::output_layer) makes it. Both layers hold the same parameter, which is saved,
    /// counted and trained once, along the sum of both gradients.
    ///
    /// # Shapes
    /// input `[batch, ..., units]`, output `[batch, ..., vocabulary]`; embeddings `[vocabulary, units]`, bias `[vocabulary]`
    /// # Defaults
    /// no bias
    /// # Errors
    /// an input of fewer than two axes; a last axis of other than `units`; a vocabulary of 0, or 0 units
    /// # Example
    /// ```
    /// use gradus::prelude::*;
    /// let embedding = Embedding::new(50, 8);
    /// let head = embedding.output_layer();
    /// let model = Sequential::new().add(embedding).add(Gru::new(8).return_sequences(true)).add(head);
    /// let y = model.forward(&Tape::inference().input(ndarray::arr2(&[[5, 17, 3]])))?;
    /// assert_eq!(y.shape(), [1, 3, 50]);
    /// assert_eq!(model.parameters().iter().filter(|(path, _)| path.contains("embeddings")).count(), 1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    /// # Reference
    /// Press & Wolf 2017
    pub struct TiedDense(
        /// The number of ids.
        vocabulary: [usize],
        /// The number of features of each vector.
        units: [usize],
    ) {
        /// Whether there is a bias.
        use_bias: [bool] = false,
    }
    private {
        /// Filled by the embedding, or by the description of the whole model.
        embeddings: OnceLock<Param> = OnceLock::new(),
        bias: Param = Param::new(Zeros),
    }
}

impl TiedDense {
    fn bias(&self) -> Option<&Param> {
        self.use_bias.then(|| self.bias.shaped(&[Some(self.vocabulary)]))
    }

    /// Returns the vectors, `[vocabulary, units]`: the embedding's own, or vectors of this layer alone if it was made without its
    /// embedding.
    pub fn embeddings(&self) -> &Param {
        let own = || Param::new(RandomUniform::default()).pattern(&[Some(self.vocabulary), Some(self.units)]);
        self.embeddings.get_or_init(own)
    }
}

impl Tie for TiedDense {
    fn place(&self) -> &OnceLock<Param> {
        &self.embeddings
    }

    fn param(&self) -> &Param {
        self.embeddings()
    }
}

impl Layer for TiedDense {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        if self.vocabulary == 0 || self.units == 0 {
            return Err(Error::value(format!(
                "expected at least 1 id and 1 unit, got {} ids of {} units",
                self.vocabulary, self.units
            )));
        }
        if x.value.shape().len() < 2 || x.value.shape().last() != Some(&self.units) {
            return Err(Error::shape(format!(
                "expected an input [batch, ..., {}] with the embedding's units in the last axis, got {:?}",
                self.units,
                x.value.shape()
            )));
        }
        let embeddings = self.embeddings().on(x, &[self.vocabulary, self.units])?;
        let y = x.tape().apply(Scores { x: empty(), embeddings: empty() }, &[x, &embeddings]);
        match self.bias() {
            Some(bias) => Ok(y + bias.on(x, &[self.vocabulary])?),
            None => Ok(y),
        }
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.tie("embeddings", self);
        self.bias().into_iter().for_each(|bias| list.add("bias", bias));
    }
}

/// `y = x · embeddingsᵀ`
struct Scores {
    x: Tensor,
    embeddings: Tensor,
}

impl Op for Scores {
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        let (x, embeddings) = (inputs[0], inputs[1]);
        let [vocabulary, units] = [embeddings.shape()[0], embeddings.shape()[1]];
        let mut y = buffer(x.len() / units * vocabulary);
        dense::input_gradient([vocabulary, units], data(x), data(embeddings), &mut y);
        (self.x, self.embeddings) = (x.clone(), embeddings.clone());
        tensor(&[&x.shape()[..x.ndim() - 1], &[vocabulary]].concat(), y)
    }

    /// `dx = dy · embeddings`, `dembeddings = dyᵀ · x`
    fn backward(&self, dy: &Tensor, dx: &mut InputGrads<'_>) {
        let sizes = [self.embeddings.shape()[0], self.embeddings.shape()[1]];
        dx.add(0, || {
            let mut out = buffer(self.x.len());
            dense::forward(sizes, data(dy), data(&self.embeddings), None, &mut out, |_| {});
            tensor(self.x.shape(), out)
        });
        dx.add(1, || {
            let mut out = buffer(self.embeddings.len());
            dense::kernel_gradient(sizes, data(dy), data(&self.x), &mut out);
            tensor(&sizes, out)
        });
    }

    fn dependence(&self, inputs: &[Dependence]) -> Dependence {
        match inputs {
            [_, Dependence::Constant] => Dependence::per_example(inputs),
            _ => Dependence::across_batch(inputs),
        }
    }

    fn onnx(&self, form: &mut OnnxForm) -> Option<String> {
        let table = form.permute("in1", [1, 0]);
        Some(form.node("MatMul", &["in0", &table], &[]))
    }
}
