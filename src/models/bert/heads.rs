//! What is put on BERT.

use super::Bert;
use super::layer::{dense, norm};
use crate::activations::Tanh;
use crate::autograd::{Layer, ParamList, Var};
use crate::config::{config, described};
use crate::error::{Error, Result};
use crate::initializers::RandomNormal;
use crate::layers::{Dense, Dropout, Embedding, GlobalAvgPool1d, LayerNorm, Sequential, TiedDense, UnitNorm};

impl Bert {
    /// Adds a head that classifies sentences, or pairs of sentences, by the first token: logits `[batch, labels]`.
    ///
    /// ```
    /// use gradus::{models::*, prelude::*};
    /// let config = BertConfig { vocabulary: 50, layers: 1, heads: 2, size: 8, hidden: 16, ..BertConfig::default() };
    /// let model = Bert::new(&config).for_sequence_classification(3);
    /// // A pair: ids 2 17 3 of the first sentence, 9 3 of the second one.
    /// let pair = ndarray::arr3(&[[[2, 0], [17, 0], [3, 0], [9, 1], [3, 1]]]);
    /// assert_eq!(model.forward(&Tape::inference().input(pair))?.shape(), [1, 3]);
    /// assert_eq!(model.names().collect::<Vec<_>>(), ["bert", "pooler", "dropout", "classifier"]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "BertForSequenceClassification")]
    pub fn for_sequence_classification(self, labels: usize) -> Sequential {
        let pooler = Pooler::new(dense(&self.config, self.config.size).activation(Tanh));
        let (dropout, classifier) = self.classifier(labels);
        Sequential::new()
            .add_named("bert", self)
            .add_named("pooler", pooler)
            .add_named("dropout", dropout)
            .add_named("classifier", classifier)
    }

    /// Adds a head that says whether the second sentence of a pair follows on the first, by the first token: logits
    /// `[batch, 2]`, of which the first says that it does.
    #[doc(alias = "BertForNextSentencePrediction")]
    pub fn for_next_sentence_prediction(self) -> Sequential {
        let pooler = Pooler::new(dense(&self.config, self.config.size).activation(Tanh));
        let head = Sequential::new().add_named("seq_relationship", dense(&self.config, 2));
        Sequential::new().add_named("bert", self).add_named("pooler", pooler).add_named("cls", head)
    }

    /// Adds a head that says where the answer to a question begins and ends: logits `[batch, time, 2]`, the first of
    /// each token for the beginning, the second for the end.
    #[doc(alias = "BertForQuestionAnswering")]
    pub fn for_question_answering(self) -> Sequential {
        let head = dense(&self.config, 2);
        Sequential::new().add_named("bert", self).add_named("qa_outputs", head)
    }

    /// Adds a head that classifies each token: logits `[batch, time, labels]`.
    #[doc(alias = "BertForTokenClassification")]
    pub fn for_token_classification(self, labels: usize) -> Sequential {
        let (dropout, classifier) = self.classifier(labels);
        Sequential::new().add_named("bert", self).add_named("dropout", dropout).add_named("classifier", classifier)
    }

    /// Adds a head that says which token belongs at each step: logits `[batch, time, vocabulary]`. Its last kernel is
    /// the embedding of the tokens, if they are [tied](super::BertConfig::tied). The labels of steps that are not
    /// masked are left out of the loss by [`ignore_class`](crate::losses::SparseCrossEntropy::ignore_class).
    #[doc(alias = "BertForMaskedLM")]
    pub fn for_masked_language_modelling(self) -> Sequential {
        let own = || {
            let normal = RandomNormal { mean: 0.0, stddev: self.config.deviation };
            Embedding::new(self.config.vocabulary, self.config.size).embeddings_initializer(normal).output_layer()
        };
        // The bias of a tied kernel stands beside it.
        let (decoder, place) = match self.config.tied {
            true => (self.words.output_layer(), "predictions"),
            false => (own(), "predictions.decoder"),
        };
        let dense = dense(&self.config, self.config.size).activation(self.config.activation);
        let cls = MaskedLanguageHead::new(dense, norm(&self.config), decoder.use_bias(true), place);
        Sequential::new().add_named("bert", self).add_named("cls", cls)
    }

    /// Adds the mean of all real tokens, of length 1: a vector `[batch, size]` for each sentence, whose products with
    /// others say how much they mean the same.
    #[doc(alias = "SentenceTransformer")]
    pub fn for_sentence_embedding(self) -> Sequential {
        Sequential::new().add_named("bert", self).add(GlobalAvgPool1d).add(UnitNorm::new())
    }

    fn classifier(&self, labels: usize) -> (Dropout, Dense) {
        (Dropout::new(self.config.classifier_dropout), dense(&self.config, labels))
    }
}

described! {
    /// `tanh` of a dense layer on the first token.
    pub struct Pooler(
        /// The layer.
        dense: [Dense],
    ) {}
}

impl Layer for Pooler {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        if x.value.shape().get(1) == Some(&0) {
            return Err(Error::shape(format!("expected at least 1 token, got {:?}", x.value.shape())));
        }
        self.dense.forward(&x.index_axis(1, 0)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("dense", &self.dense);
    }
}

described! {
    /// A dense layer and a norm, then products with the vectors of all tokens.
    pub struct MaskedLanguageHead(
        /// The first layer.
        dense: [Dense],
        /// The norm after it.
        norm: [LayerNorm],
        /// The words, which the embedding may have too.
        decoder: [TiedDense],
        /// The path of the decoder.
        place: [into String],
    ) {}
}

impl Layer for MaskedLanguageHead {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        self.decoder.forward(&self.norm.forward(&self.dense.forward(x)?)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("predictions.transform.dense", &self.dense);
        list.nest("predictions.transform.LayerNorm", &self.norm);
        list.nest(&self.place, &self.decoder);
    }
}
