//! An encoder-decoder Transformer (Vaswani et al. 2017) over subwords that two languages share.

use std::path::Path;

use gradus::initializers::RandomNormal;
use gradus::layers::{SinusoidalPositions, TiedDense, TransformerDecoder};
use gradus::models::{BeamSearch, Tokenizer};
use gradus::ndarray::Array2;
use gradus::prelude::*;
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::Lowercase;
use tokenizers::{AddedToken, TokenizerBuilder};

pub const PADDING: usize = 0;
pub const BEGIN: usize = 1;
pub const END: usize = 2;

/// Byte pair encoding (Sennrich, Haddow & Birch 2016) of the sentences of both languages in small letters, which is kept in a file.
pub fn learn_subwords(pairs: &[(String, String)], vocabulary: usize, path: &Path) -> Result<Tokenizer> {
    let fail = |error: Box<dyn std::error::Error + Send + Sync>| Error::file(path, error.to_string());
    let special = ["<pad>", "<s>", "</s>"].map(|token| AddedToken::from(token, true));
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocabulary)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(special.to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(Some(Lowercase))
        .with_pre_tokenizer(Some(ByteLevel::default()))
        .with_post_processor(Some(ByteLevel::default()))
        .with_decoder(Some(ByteLevel::default()))
        .build()
        .map_err(fail)?;
    let texts = pairs.iter().flat_map(|(source, target)| [source.as_str(), target.as_str()]);
    tokenizer.train(&mut trainer, texts).map_err(fail)?.save(path, false).map_err(fail)?;
    Tokenizer::open(path)
}

/// How large the network is.
pub struct Sizes {
    pub vocabulary: usize,
    pub width: usize,
    pub heads: usize,
    pub hidden: usize,
    pub layers: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { vocabulary: 8000, width: 256, heads: 8, hidden: 512, layers: 3 }
    }
}

pub struct Translator {
    words: Embedding,
    scale: Float,
    dropout: Dropout,
    encoder: Sequential,
    decoder: Vec<TransformerDecoder>,
    norm: LayerNorm,
    output: TiedDense,
}

impl Translator {
    pub fn new(sizes: &Sizes) -> Self {
        let Sizes { vocabulary, width, heads, hidden, layers } = *sizes;
        let scale = (width as Float).sqrt();
        let words = Embedding::new(vocabulary, width)
            .embeddings_initializer(RandomNormal { mean: 0.0, stddev: 1.0 / scale })
            .mask_zero(true);
        let mut encoder = Sequential::new();
        for _ in 0..layers {
            encoder = encoder.add(TransformerEncoder::new(width, heads, hidden).dropout(0.1).pre_norm(true));
        }
        let block = || TransformerDecoder::new(width, heads, hidden).dropout(0.1).pre_norm(true);
        Self {
            output: words.output_layer(),
            words,
            scale,
            dropout: Dropout::new(0.1),
            encoder: encoder.add(LayerNorm::new()),
            decoder: (0..layers).map(|_| block()).collect(),
            norm: LayerNorm::new(),
        }
    }

    /// Vectors of ids `[batch, time]`, which know their places. The padding is masked from here on.
    fn embed(&self, ids: &Var) -> Result<Var> {
        let vectors = SinusoidalPositions::new().forward(&(self.words.forward(ids)? * self.scale))?;
        self.dropout.forward(&vectors)
    }

    fn encode(&self, source: &Var) -> Result<Var> {
        self.encoder.forward(&self.embed(source)?)
    }

    /// What comes next after each id of the target, as features `[batch, time, width]`.
    fn decode(&self, memory: &Var, target: &Var) -> Result<Var> {
        let mut x = self.embed(target)?;
        for block in &self.decoder {
            x = block.forward(&(x, memory.clone()))?;
        }
        self.norm.forward(&x)
    }

    /// The likeliest translation of a sentence.
    pub fn translate(&self, source: &[usize], search: &BeamSearch) -> Result<Vec<usize>> {
        let ids = source.iter().chain([&END]).map(|id| *id as Float).collect();
        let source = Array2::from_shape_vec((1, source.len() + 1), ids).expect("one row");
        let memory = self.encode(&Tape::inference().input(source))?.value().clone();
        let found = search.search(&[BEGIN], |sequences| {
            let tape = Tape::inference();
            let memory = tape.input(&memory).repeat(sequences.len(), 0)?;
            let (count, time) = (sequences.len(), sequences[0].len());
            let target = Array2::from_shape_fn((count, time), |(row, place)| sequences[row][place] as Float);
            let last = self.decode(&memory, &tape.input(target))?.index_axis(1, time - 1)?;
            Ok(self.output.forward(&last)?.value().clone())
        })?;
        let best = found.into_iter().next().map(|hypothesis| hypothesis.ids).unwrap_or_default();
        Ok(best.into_iter().filter(|id| *id != END).collect())
    }
}

/// From source and target ids `[batch, time]` to logits of the next id `[batch, time, vocabulary]`.
impl Layer<(Var, Var)> for Translator {
    fn forward(&self, (source, target): &(Var, Var)) -> Result<Var> {
        self.output.forward(&self.decode(&self.encode(source)?, target)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("words", &self.words);
        list.nest("dropout", &self.dropout);
        list.nest("encoder", &self.encoder);
        for (number, block) in self.decoder.iter().enumerate() {
            list.nest(&format!("decoder_{number}"), block);
        }
        list.nest("norm", &self.norm);
        list.nest("output", &self.output);
    }
}
