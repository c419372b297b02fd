//! Real weights, against what PyTorch and numpy make of them (`tests/fixtures/make_real_pytorch.py`).
//!
//! `.ci/weights` fetches the files.

use std::path::PathBuf;

use gradus::PadMode;
use gradus::layers::Recurrent;
use gradus::layers::{PRelu, Permute};
use gradus::models::MobileNetV2;
use gradus::prelude::*;
use gradus::saving::{Translation, Weights};

use super::formula::signal;
use super::{error, photo};

fn file(name: &str) -> PathBuf {
    std::env::var_os("WEIGHTS").map_or_else(|| PathBuf::from("target/weights"), PathBuf::from).join(name)
}

fn expected(name: &str) -> Tensor {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/real_pytorch.safetensors");
    Weights::open(path).unwrap().get(name).unwrap()
}

#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn mobilenet_gives_the_scores_of_torchvision() {
    let weights = Weights::open(file("mobilenet_v2-b0353104.pth")).unwrap();
    let model = MobileNetV2::mobilenet_v2(1000);
    let report = MobileNetV2::translation().load(&model, &weights).unwrap();
    println!("{report}");
    assert_eq!(report.applied.len(), model.parameters().len());
    for name in ["chelsea", "coffee"] {
        let photo = photo::prepare(&file(&format!("{name}.png"))).unwrap();
        let scores = model.forward(&Tape::inference().input(photo)).unwrap();
        let want = expected(&format!("mobilenet/{name}"));
        let differences = scores.value().iter().zip(&want).map(|(got, want)| (got - want).abs());
        let greatest = differences.fold(0.0, Float::max);
        println!("{name}: greatest difference of 1,000 scores {greatest:.1e}");
        assert!(greatest < 1e-3);
    }
}

/// A net of MTCNN: layers, then heads beside each other, of which the first gives probabilities.
struct Faces {
    trunk: Sequential,
    heads: Vec<(&'static str, Box<dyn Layer>)>,
}

impl Layer for Faces {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.trunk.forward(x)?;
        let mut outputs = self.heads.iter().map(|(_, head)| head.forward(&x)).collect::<Result<Vec<Var>>>()?;
        outputs[0] = Softmax.apply(&outputs[0]);
        Var::concat(&outputs.iter().collect::<Vec<_>>(), -1)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.wrap(&self.trunk);
        self.heads.iter().for_each(|(name, head)| list.nest(name, head.as_ref()));
    }
}

#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn nets_for_faces_give_what_they_give_in_pytorch() {
    let slopes = || PRelu::new().shared_axes([1, 2]);
    let pool = |size: usize| MaxPool2d::new(size).strides(2).ceil_mode(true);
    // They flatten width, height, channels.
    let flat = |model: Sequential| model.add(Permute::new([2, 1, 3])).add(Flatten);
    let stage = |model: Sequential, i: usize, filters: usize, size: usize| {
        model.add_named(&format!("conv{i}"), Conv2d::new(filters, size)).add_named(&format!("prelu{i}"), slopes())
    };
    let pnet = {
        let trunk = stage(Sequential::new(), 1, 10, 3).add(pool(2));
        let trunk = stage(stage(trunk, 2, 16, 3), 3, 32, 3);
        let head = |filters| -> Box<dyn Layer> { Box::new(Conv2d::new(filters, 1)) };
        Faces { trunk, heads: vec![("conv4_1", head(2)), ("conv4_2", head(4))] }
    };
    let head = |units| -> Box<dyn Layer> { Box::new(Dense::new(units)) };
    let rnet = {
        let trunk = stage(Sequential::new(), 1, 28, 3).add(pool(3));
        let trunk = flat(stage(stage(trunk, 2, 48, 3).add(pool(3)), 3, 64, 2));
        let trunk = trunk.add_named("dense4", Dense::new(128)).add_named("prelu4", PRelu::new());
        Faces { trunk, heads: vec![("dense5_1", head(2)), ("dense5_2", head(4))] }
    };
    let onet = {
        let trunk = stage(Sequential::new(), 1, 32, 3).add(pool(3));
        let trunk = stage(stage(trunk, 2, 64, 3).add(pool(3)), 3, 64, 3).add(pool(2));
        let trunk = flat(stage(trunk, 4, 128, 2));
        let trunk = trunk.add_named("dense5", Dense::new(256)).add_named("prelu5", PRelu::new());
        Faces { trunk, heads: vec![("dense6_1", head(2)), ("dense6_2", head(4)), ("dense6_3", head(10))] }
    };
    for (name, net, shape) in
        [("PNet", pnet, [2, 27, 32, 3]), ("RNet", rnet, [2, 24, 24, 3]), ("ONet", onet, [2, 48, 48, 3])]
    {
        let weights = Weights::open(file(&format!("{}.pt", name.to_lowercase()))).unwrap();
        let report = Translation::pytorch().load(&net, &weights).unwrap();
        let y = net.forward(&Tape::inference().input(signal(name, &shape))).unwrap();
        let error = error(y.value(), &expected(&name.to_lowercase()));
        println!("{name}: {report}; error {error:.1e}");
        assert!(error < 1e-5);
    }
}

/// silero-vad at 16 kHz: waves, convolutions, an LSTM that remembers, a probability of speech.
struct Speech {
    waves: Conv1d,
    convolutions: Sequential,
    lstm: Lstm,
    last: Conv1d,
}

impl Layer<(Var, (Var, Var)), (Var, (Var, Var))> for Speech {
    /// Takes 64 samples from before and 512 samples, `[1, 576, 1]`.
    fn forward(&self, (x, state): &(Var, (Var, Var))) -> Result<(Var, (Var, Var))> {
        let x = x.pad(&[[0, 0], [0, 64], [0, 0]], PadMode::Reflect)?;
        let waves = self.waves.forward(&x)?;
        let (real, imaginary) = (waves.slice(2, ..129)?, waves.slice(2, 129..)?);
        let x = (&real * &real + &imaginary * &imaginary).sqrt();
        let (h, state) = self.lstm.forward_from(&self.convolutions.forward(&x)?, Some(state))?;
        let h = h.relu().reshape(&[1, 1, 128])?;
        Ok((Sigmoid.apply(&self.last.forward(&h)?), state))
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("stft_conv", &self.waves);
        list.wrap(&self.convolutions);
        list.nest("lstm_cell", &self.lstm);
        list.nest("final_conv", &self.last);
    }
}

#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn speech_has_the_probabilities_of_silero() {
    let conv = |filters: usize, stride: usize| {
        Conv1d::new(filters, 3).strides(stride).padding(Padding::all(1)).activation(Relu)
    };
    let convolutions = Sequential::new()
        .add_named("conv1", conv(128, 1))
        .add_named("conv2", conv(64, 2))
        .add_named("conv3", conv(64, 2))
        .add_named("conv4", conv(128, 1));
    let waves = Conv1d::new(258, 256).strides(128).use_bias(false);
    let net = Speech { waves, convolutions, lstm: Lstm::new(128), last: Conv1d::new(1, 1) };
    let weights = Weights::open(file("silero_vad_16k.safetensors")).unwrap();
    let report = Translation::pytorch().rename("lstm_cell.*", "lstm_cell.*_l0").load(&net, &weights).unwrap();
    let samples: Vec<f32> = signal("speech", &[3, 512]).iter().map(|x| x * 0.1).collect();
    let tape = Tape::inference();
    let zeros = || tape.input(ndarray::Array2::<f32>::zeros((1, 128)));
    let (mut state, mut before, mut found) = ((zeros(), zeros()), vec![0.0; 64], Vec::new());
    for chunk in samples.chunks(512) {
        let numbers = [&before, chunk].concat();
        before = chunk[448..].to_vec();
        let x = tape.input(ndarray::Array3::from_shape_vec((1, 576, 1), numbers).unwrap());
        let (y, after) = net.forward(&(x, state)).unwrap();
        state = after;
        found.push(y.item());
    }
    let error = error(&found, &expected("silero"));
    println!("silero-vad: {report}; {found:?}, error {error:.1e}");
    assert!(error < 1e-4);
}

/// g2p-en: letters in, sounds out.
struct Sounds {
    letters: Embedding,
    encoder: Gru,
    sounds: Embedding,
    decoder: Gru,
    scores: Dense,
}

impl Layer for Sounds {
    /// The scores of the first six sounds, each taken as the one before the next.
    fn forward(&self, letters: &Var) -> Result<Var> {
        let (_, mut h) = self.encoder.forward_from(&self.letters.forward(letters)?, None)?;
        let (mut last, mut all) = (2.0, Vec::new());
        for _ in 0..6 {
            let sound = self.sounds.forward(&letters.tape().input(ndarray::arr2(&[[last]])))?;
            (_, h) = self.decoder.forward_from(&sound, Some(&h))?;
            let scores = self.scores.forward(&h)?;
            last = scores.argmax(-1)?.item();
            all.push(scores);
        }
        Var::concat(&all.iter().collect::<Vec<_>>(), 0)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("enc_emb", &self.letters);
        list.nest("enc", &self.encoder);
        list.nest("dec_emb", &self.sounds);
        list.nest("dec", &self.decoder);
        list.nest("fc", &self.scores);
    }
}

#[test]
#[ignore = "needs the files that .ci/weights fetches"]
fn letters_sound_as_in_g2p() {
    let net = Sounds {
        letters: Embedding::new(29, 256),
        encoder: Gru::new(256),
        sounds: Embedding::new(74, 256),
        decoder: Gru::new(256),
        scores: Dense::new(74),
    };
    let weights = Weights::open(file("checkpoint20.npz")).unwrap();
    let translation = Translation::pytorch()
        .rename("*_emb", "*_emb.weight")
        .rename("*_w_*", "*.weight_*_l0")
        .rename("*_b_*", "*.bias_*_l0")
        .rename("fc_w", "fc.weight")
        .rename("fc_b", "fc.bias");
    let report = translation.load(&net, &weights).unwrap();
    let word: Vec<f32> = "gradus".bytes().map(|letter| f32::from(3 + letter - b'a')).chain([2.0]).collect();
    let letters = ndarray::Array2::from_shape_vec((1, word.len()), word).unwrap();
    let y = net.forward(&Tape::inference().input(letters)).unwrap();
    let error = error(y.value(), &expected("g2p"));
    println!("g2p-en: {report}; error {error:.1e}");
    assert!(error < 1e-4);
}
