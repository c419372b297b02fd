//! GPT-2.

mod block;
mod config;
mod generation;

pub use config::Gpt2Config;
pub use generation::Generation;

use std::path::Path;

use crate::autograd::{Layer, ParamList, Var};
use crate::config::{Config, Described, Reader, config, described};
use crate::error::{Error, Result};
use crate::formats::{Translation, Weights};
use crate::initializers::RandomNormal;
use crate::layers::{Dense, Dropout, Embedding, KeyValueCache, LayerNorm, LearnedPositions, Sequential, TiedDense};
use crate::models::{
    Sampling,
    config::{check_heads, check_layers},
    folder::{below, weights, whole},
};
use crate::tensor::{Float, data, tensor};
use block::{Block, norm};

/// GPT-2: a decoder that predicts at each step which token comes next.
///
/// Train it on ids against the same ids, one step on, with
/// [`SparseCrossEntropy::from_logits`](crate::losses::SparseCrossEntropy::from_logits); [`Gpt2::generate`] writes on.
///
/// # Shapes
/// input: ids `[batch, time]`; output: logits `[batch, time, vocabulary]`. Parameters have the paths and layouts of Hugging
/// Face's `GPT2Model`, such as `h.0.attn.c_attn.kernel`; the last kernel is the embedding of the tokens.
/// # Defaults
/// those of [`Gpt2Config`]; weights normal with deviation 0.02, those before a residual sum less
/// # Errors
/// an input that is not `[batch, time]`; ids that there are not; a sequence longer than `positions`; settings out of range
/// # Example
/// ```
/// use gradus::{models::*, prelude::*};
/// let config = Gpt2Config { vocabulary: 50, positions: 16, layers: 2, heads: 2, size: 8, ..Gpt2Config::default() };
/// let gpt = Gpt2::new(&config);
/// let y = gpt.forward(&Tape::inference().input(ndarray::arr2(&[[17, 3, 9], [31, 44, 0]])))?;
/// assert_eq!(y.shape(), [2, 3, 50]);
/// let five: Vec<usize> = gpt.generate(&[17, 3], Sampling::greedy()).take(5).collect::<Result<_>>()?;
/// assert_eq!(five.len(), 5);
/// # Ok::<(), gradus::Error>(())
/// ```
/// # Reference
/// Radford et al. 2019; Hugging Face `GPT2LMHeadModel`
#[doc(alias = "GPT2LMHeadModel")]
#[derive(Debug)]
pub struct Gpt2 {
    config: Gpt2Config,
    wte: Embedding,
    wpe: LearnedPositions,
    dropout: Dropout,
    blocks: Vec<Block>,
    ln_f: LayerNorm,
    head: TiedDense,
}

impl Gpt2 {
    /// Creates the network with these settings.
    pub fn new(config: &Gpt2Config) -> Self {
        let normal = |std| RandomNormal { mean: 0.0, stddev: std };
        let wte = Embedding::new(config.vocabulary, config.size).embeddings_initializer(normal(config.deviation));
        Self {
            head: wte.output_layer(),
            wte,
            wpe: LearnedPositions::new(config.positions).initializer(normal(config.deviation)),
            dropout: Dropout::new(config.dropout),
            blocks: (0..config.layers).map(|_| Block::new(config)).collect(),
            ln_f: norm(config),
            config: config.clone(),
        }
    }

    /// Reads settings and weights from a folder of Hugging Face: `config.json`, and `model.safetensors` or `pytorch_model.bin`, in
    /// one file or in several with an index. A head for classes stays unread.
    ///
    /// # Errors
    /// files that cannot be read; those of [`Gpt2Config::open`]; weights that do not fit the settings
    #[doc(alias = "from_pretrained")]
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self> {
        Self::load(folder.as_ref(), |_| Ok(Self::translation().ignore("score.*"))).map_err(whole)
    }

    /// Reads it as [`Gpt2::from_folder`] does, out of a network of which it is a part: its tensors have this prefix, and all others
    /// stay unread.
    ///
    /// # Errors
    /// those of [`Gpt2::from_folder`]; a prefix that no tensor has
    pub fn from_folder_with_prefix(folder: impl AsRef<Path>, prefix: &str) -> Result<Self> {
        let folder = folder.as_ref();
        Self::load(folder, |weights| below(Self::translation(), weights, prefix, folder))
    }

    fn load(folder: &Path, translation: impl FnOnce(&Weights) -> Result<Translation>) -> Result<Self> {
        let gpt = Self::new(&Gpt2Config::open(folder.join("config.json"))?);
        let weights = weights(folder)?;
        translation(&weights)?.load(&gpt, &weights)?;
        Ok(gpt)
    }

    /// Returns how files of Hugging Face's `GPT2LMHeadModel` and `GPT2Model` map onto a [`Gpt2`]. A file whose
    /// `lm_head.weight` is not the embedding of the tokens does not fit, and is refused.
    pub fn translation() -> Translation {
        let translation = Translation::pytorch().rename("transformer.*", "*").alias("lm_head.weight", "wte.weight");
        gpt2(translation)
    }

    /// Returns how files of Hugging Face's `GPT2ForSequenceClassification` map onto what
    /// [`Gpt2::for_sequence_classification`] makes.
    pub fn head_translation() -> Translation {
        ["wte.*", "wpe.*", "h.*", "ln_f.*"].iter().fold(gpt2(Translation::pytorch()), |translation, part| {
            translation.alias(part, &format!("transformer.{part}"))
        })
    }

    /// Adds a head that classifies texts by their last token: logits `[batch, labels]`. The last one is that before the
    /// [padding](Gpt2Config::padding_id), which comes after a text.
    ///
    /// ```
    /// use gradus::{models::*, prelude::*};
    /// let config = Gpt2Config { vocabulary: 50, layers: 1, heads: 2, size: 8, padding_id: Some(0), ..Gpt2Config::default() };
    /// let model = Gpt2::new(&config).for_sequence_classification(3);
    /// let ids = Tape::inference().input(ndarray::arr2(&[[17, 3, 9], [31, 0, 0]]));
    /// assert_eq!(model.forward(&ids)?.shape(), [2, 3]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "GPT2ForSequenceClassification")]
    pub fn for_sequence_classification(self, labels: usize) -> Sequential {
        let normal = RandomNormal { mean: 0.0, stddev: self.config.deviation };
        let score = Dense::new(labels).use_bias(false).kernel_initializer(normal);
        Sequential::new().add_named("transformer", LastToken::new(self)).add_named("score", score)
    }

    /// Returns the settings.
    pub fn config(&self) -> &Gpt2Config {
        &self.config
    }

    /// Continues a text, token by token, without end: [`Iterator::take`] some, or stop at one that ends texts.
    ///
    /// Keys and values of earlier steps are kept. A text that gets longer than `positions` continues from its last half.
    pub fn generate(&self, prompt: &[usize], sampling: Sampling) -> Generation<'_> {
        Generation::new(self, prompt, sampling)
    }

    /// What the logits are made of, `[batch, time, size]`; the steps follow on those of the caches, if there are any.
    fn features(&self, ids: &Var, mut caches: Option<&mut [KeyValueCache]>) -> Result<Var> {
        if ids.value.shape().len() != 2 {
            return Err(Error::shape(format!("expected ids [batch, time], got {:?}", ids.value.shape())));
        }
        check_heads(self.config.size, self.config.heads)?;
        let start = caches.as_ref().and_then(|caches| caches.first()).map_or(0, KeyValueCache::len);
        let words = self.wte.forward(ids).map_err(|error| error.within("wte"))?;
        let x = self.wpe.forward_from(&words, start).map_err(|error| error.within("wpe"))?;
        let mut x = self.dropout.forward(&x)?;
        for (i, block) in self.blocks.iter().enumerate() {
            let cache = caches.as_deref_mut().map(|caches| &mut caches[i]);
            x = x.tape().within(&format!("h.{i}"), || block.forward_cached(&x, cache))?;
        }
        self.ln_f.forward(&x).map_err(|error| error.within("ln_f"))
    }
}

/// What is the same in all files of GPT-2: kernels the other way round, and masks.
fn gpt2(translation: Translation) -> Translation {
    translation.transposed("*.c_*.weight").ignore("*.attn.bias").ignore("*.attn.masked_bias")
}

described! {
    /// The features of the last token of each text, `[batch, size]`.
    pub struct LastToken(
        /// The network.
        gpt: [Gpt2],
    ) {}
}

impl Layer for LastToken {
    config!();

    fn forward(&self, ids: &Var) -> Result<Var> {
        let features = self.gpt.features(ids, None)?;
        let (batch, time) = (ids.value.shape()[0], ids.value.shape()[1]);
        if time == 0 {
            return Err(Error::shape(format!("expected at least 1 token, got {:?}", ids.value.shape())));
        }
        let padding = self.gpt.config.padding_id.map(|id| id as Float);
        let mut last = Vec::with_capacity(batch);
        for (i, text) in data(&ids.value).chunks(time).enumerate() {
            let place = match padding {
                Some(padding) => text.iter().rposition(|id| *id != padding).unwrap_or(0),
                None => time - 1,
            };
            last.push((i * time + place) as Float);
        }
        let rows = features.reshape(&[batch * time, self.gpt.config.size])?;
        rows.take(&ids.tape().constant(tensor(&[batch], last)), 0)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        self.gpt.params(list);
    }
}

impl Gpt2 {
    fn describe(&self) -> Config {
        Config::new(Self::KIND).with("config", &self.config)
    }
}

impl Described for Gpt2 {
    const KIND: &'static str = "Gpt2";

    fn from_config(from: &Reader<'_>) -> Result<Self> {
        from.only(&["config"])?;
        let config: Gpt2Config = from.get("config")?;
        check_layers(config.layers).map_err(|error| error.at_setting("layers").at_setting("config"))?;
        Ok(Self::new(&config))
    }
}

described!(@setting Gpt2);

impl Layer for Gpt2 {
    config!();

    fn forward(&self, ids: &Var) -> Result<Var> {
        self.head.forward(&self.features(ids, None)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("wte", &self.wte);
        list.nest("wpe", &self.wpe);
        for (i, block) in self.blocks.iter().enumerate() {
            list.nest(&format!("h.{i}"), block);
        }
        list.nest("ln_f", &self.ln_f);
        list.nest("dropout", &self.dropout);
    }
}
