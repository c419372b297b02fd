//! BERT.

mod config;
mod heads;
mod layer;

pub use config::BertConfig;
pub(super) use heads::{MaskedLanguageHead, Pooler};

use std::path::Path;

use crate::autograd::{Layer, ParamList, Var};
use crate::config::{Config, Described, Reader, config, described};
use crate::error::{Error, Result};
use crate::formats::{Translation, Weights};
use crate::initializers::RandomNormal;
use crate::layers::{Dropout, Embedding, LayerNorm, LearnedPositions, mask_of_ids};
use crate::models::{
    config::{check_heads, check_layers},
    folder::{below, weights, whole},
};
use layer::{BertLayer, norm};

/// BERT: an encoder of sentences, or of pairs of them, that gives a vector for each token.
///
/// Steps with the padding's id are masked; a [mask](Var::mask) on the input goes before that. Methods such as
/// [`Bert::for_sequence_classification`] put a head on it.
///
/// # Shapes
/// input: ids `[batch, time]`, or ids and token types `[batch, time, 2]`, which tell the sentences of a pair apart (0, then
/// 1); output `[batch, time, size]`, with the mask. Parameters have the paths of Hugging Face's `BertModel`, such as
/// `encoder.layer.0.attention.self.query.kernel`.
/// # Defaults
/// those of [`BertConfig`]; token type 0, weights normal with deviation 0.02
/// # Errors
/// other shapes; ids or token types that there are not; a sequence longer than `positions`; settings out of range
/// # Example
/// ```
/// use gradus::{models::*, prelude::*};
/// let config = BertConfig { vocabulary: 50, layers: 2, heads: 2, size: 8, hidden: 16, ..BertConfig::default() };
/// let bert = Bert::new(&config);
/// let ids = Tape::inference().input(ndarray::arr2(&[[2, 17, 3, 0], [2, 31, 44, 3]]));
/// let y = bert.forward(&ids)?;
/// assert_eq!(y.shape(), [2, 4, 8]);
/// assert_eq!(y.mask().unwrap().as_slice().unwrap(), [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Devlin et al. 2019; Hugging Face `BertModel`
#[doc(alias = "BertModel")]
#[derive(Debug)]
pub struct Bert {
    config: BertConfig,
    words: Embedding,
    positions: LearnedPositions,
    token_types: Embedding,
    norm: LayerNorm,
    dropout: Dropout,
    layers: Vec<BertLayer>,
}

impl Bert {
    /// Creates the network with these settings.
    pub fn new(config: &BertConfig) -> Self {
        let normal = RandomNormal { mean: 0.0, stddev: config.deviation };
        let embedding = |ids: usize| Embedding::new(ids, config.size).embeddings_initializer(normal);
        let words = embedding(config.vocabulary);
        Self {
            words: config.padding_id.into_iter().fold(words, Embedding::padding_index),
            positions: LearnedPositions::new(config.positions).initializer(normal),
            token_types: embedding(config.token_types),
            norm: norm(config),
            dropout: Dropout::new(config.dropout),
            layers: (0..config.layers).map(|_| BertLayer::new(config)).collect(),
            config: config.clone(),
        }
    }

    /// Reads settings and weights from a folder of Hugging Face: `config.json`, and `model.safetensors` or `pytorch_model.bin`, in
    /// one file or in several with an index. The network may be all that is in it, or have the prefix `bert.`; heads and pooler
    /// stay unread.
    ///
    /// # Errors
    /// files that cannot be read; those of [`BertConfig::open`]; weights that do not fit the settings
    #[doc(alias = "from_pretrained")]
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let heads = ["cls.*", "classifier.*", "qa_outputs.*"];
        let translation = heads.iter().fold(Self::translation(), |translation, head| translation.ignore(head));
        Self::load(folder.as_ref(), |_| Ok(translation)).map_err(whole)
    }

    /// Reads it as [`Bert::from_folder`] does, out of a network of which it is a part: its tensors have this prefix, and all others
    /// stay unread.
    ///
    /// ```no_run
    /// use gradus::models::Bert;
    /// let encoder = Bert::from_folder_with_prefix("retriever", "question_encoder.bert_model.")?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// those of [`Bert::from_folder`]; a prefix that no tensor has
    pub fn from_folder_with_prefix(folder: impl AsRef<Path>, prefix: &str) -> Result<Self> {
        let folder = folder.as_ref();
        Self::load(folder, |weights| below(Self::translation(), weights, prefix, folder))
    }

    fn load(folder: &Path, translation: impl FnOnce(&Weights) -> Result<Translation>) -> Result<Self> {
        let bert = Self::new(&BertConfig::open(folder.join("config.json"))?);
        let weights = weights(folder)?;
        translation(&weights)?.load(&bert, &weights)?;
        Ok(bert)
    }

    /// Returns how files of Hugging Face's `BertModel` map onto a [`Bert`], also those with the prefix `bert.` and with
    /// the names `gamma` and `beta` of the oldest files.
    pub fn translation() -> Translation {
        older(Translation::pytorch()).alias("bert.*", "*").ignore("*embeddings.position_ids").ignore("*pooler.*")
    }

    /// Returns how files of Hugging Face's `BertForSequenceClassification`, `BertForTokenClassification`,
    /// `BertForQuestionAnswering`, `BertForNextSentencePrediction`, `BertForMaskedLM` and `BertForPreTraining` map onto
    /// what the methods here make, also without the prefix `bert.`
    ///
    /// A file with a kernel of its own for masked language modelling does not fit a model where [that](BertConfig::tied) is the
    /// embedding of the tokens, and is refused.
    ///
    /// ```no_run
    /// use gradus::{models::*, saving::Weights};
    /// let config = BertConfig::open("moods/config.json")?;
    /// let model = Bert::new(&config).for_sequence_classification(2);
    /// Bert::head_translation().load(&model, &Weights::open("moods/model.safetensors")?)?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn head_translation() -> Translation {
        older(Translation::pytorch())
            .rename("bert.pooler.*", "pooler.*")
            .alias("embeddings.*", "bert.embeddings.*")
            .alias("encoder.*", "bert.encoder.*")
            .alias("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight")
            .alias("cls.predictions.decoder.bias", "cls.predictions.bias")
            .alias("cls.predictions.bias", "cls.predictions.decoder.bias")
            // A kernel that is not tied has a bias of its own, and does not use this one.
            .ignore("cls.predictions.bias")
            .ignore("*embeddings.position_ids")
            .ignore("*pooler.*")
            .ignore("cls.seq_relationship.*")
    }

    /// Returns the settings.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Ids and token types, the ids with a mask.
    fn tokens(&self, x: &Var) -> Result<[Var; 2]> {
        let [ids, types] = match *x.value.shape() {
            [_, _] => [x.clone(), x * 0.0],
            [_, _, 2] => [x.index_axis(2, 0)?, x.index_axis(2, 1)?],
            ref shape => {
                return Err(Error::shape(format!(
                    "expected ids [batch, time], or ids and token types [batch, time, 2], got {shape:?}"
                )));
            }
        };
        Ok(match (x.mask.as_deref(), self.config.padding_id) {
            (None, Some(padding)) => {
                let mask = mask_of_ids(&ids, padding);
                [ids.masked(mask), types]
            }
            _ => [ids, types],
        })
    }
}

/// Takes what the oldest files call a norm's parameters.
fn older(translation: Translation) -> Translation {
    translation.alias("*LayerNorm.gamma", "*LayerNorm.weight").alias("*LayerNorm.beta", "*LayerNorm.bias")
}

impl Bert {
    fn describe(&self) -> Config {
        Config::new(Self::KIND).with("config", &self.config)
    }
}

impl Described for Bert {
    const KIND: &'static str = "Bert";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["config"])?;
        let config: BertConfig = from.get("config")?;
        check_layers(config.layers).map_err(|error| error.at_setting("layers").at_setting("config"))?;
        Ok(Self::new(&config))
    }
}

described!(@setting Bert);

impl Layer for Bert {
    config!();

    fn forward(&self, x: &Var) -> Result<Var> {
        check_heads(self.config.size, self.config.heads)?;
        let [ids, types] = self.tokens(x)?;
        let within = |name: &'static str| move |error: Error| error.within(name);
        let words = self.words.forward(&ids).map_err(within("embeddings.word_embeddings"))?;
        let types = self.token_types.forward(&types).map_err(within("embeddings.token_type_embeddings"))?;
        let x = self.positions.forward(&(words + types)).map_err(within("embeddings.position_embeddings"))?;
        let x = self.norm.forward(&x).map_err(within("embeddings.LayerNorm"))?;
        let mut x = self.dropout.forward(&x).map_err(within("embeddings"))?;
        for (i, layer) in self.layers.iter().enumerate() {
            x = x.tape().within(&format!("encoder.layer.{i}"), || layer.forward(&x))?;
        }
        Ok(x)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("embeddings.word_embeddings", &self.words);
        list.nest("embeddings.position_embeddings", &self.positions);
        list.nest("embeddings.token_type_embeddings", &self.token_types);
        list.nest("embeddings.LayerNorm", &self.norm);
        list.nest("embeddings.dropout", &self.dropout);
        for (i, layer) in self.layers.iter().enumerate() {
            list.nest(&format!("encoder.layer.{i}"), layer);
        }
    }
}
