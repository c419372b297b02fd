//! Each kind of layer takes PyTorch's `state_dict`, gives PyTorch's output, and gives the `state_dict` back.

use std::cell::RefCell;
use std::collections::BTreeSet;

use gradus::layers::Vars;
use gradus::layers::*;
use gradus::prelude::*;
use gradus::saving::{Translation, Weights};

use super::error;

/// The cases of `tests/fixtures/make_translation_pytorch.py`, and those that were compared.
struct Cases {
    file: Weights,
    done: RefCell<BTreeSet<String>>,
}

impl Cases {
    fn state(&self, case: &str) -> Weights {
        let prefix = format!("{case}/state/");
        let mut state = Weights::new();
        for name in self.file.names() {
            if let Some(own) = name.strip_prefix(&prefix) {
                state.insert(own, self.file.get(name).unwrap());
            }
        }
        state
    }

    fn tensor(&self, case: &str, what: &str) -> Tensor {
        self.file.get(&format!("{case}/{what}")).unwrap()
    }

    /// A layer of one input.
    fn check<L: Layer>(&self, case: &str, translation: Translation, make: impl Fn() -> L) {
        self.compare(case, &translation, make, |tape| tape.input(self.tensor(case, "x")));
    }

    /// A layer of two inputs.
    fn check_two<L: Layer<(Var, Var)>>(&self, case: &str, translation: Translation, make: impl Fn() -> L) {
        let input = |tape: &Tape| (tape.input(self.tensor(case, "x")), tape.input(self.tensor(case, "other")));
        self.compare(case, &translation, make, input);
    }

    fn compare<X: Vars, L: Layer<X>>(
        &self,
        case: &str,
        translation: &Translation,
        make: impl Fn() -> L,
        input: impl Fn(&Tape) -> X,
    ) {
        assert!(self.done.borrow_mut().insert(case.into()), "{case} twice");
        let (state, model) = (self.state(case), make());
        let report = translation.load(&model, &state).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!((report.applied.len(), report.unused.len()), (model.parameters().len(), 0), "{case}");
        let run = |model: &L| model.forward(&input(&Tape::inference())).unwrap().value().clone();
        let (y, want) = (run(&model), self.tensor(case, "y"));
        assert_eq!(y.shape(), want.shape(), "{case}");
        let error = error(&y, &want);
        assert!(error < 2e-6, "{case}: {error:.2e}");

        let back = translation.export(&model).unwrap_or_else(|error| panic!("{case}: {error}"));
        let names = |weights: &Weights| weights.names().map(String::from).collect::<BTreeSet<_>>();
        assert_eq!(names(&back), names(&state), "{case}");
        for name in state.names() {
            let (ours, theirs) = (back.get(name).unwrap(), state.get(name).unwrap());
            assert_eq!(ours.shape(), theirs.shape(), "{case}: {name}");
            // Added biases cannot be told apart, and batches are not counted.
            let differs = name.contains("num_batches") || name.contains("bias_") && !case.contains("gru");
            assert_eq!(ours != theirs, differs, "{case}: {name}");
        }
        let again = make();
        translation.load(&again, &back).unwrap();
        assert_eq!(run(&again), y, "{case}: after the way there and back");
    }
}

#[test]
fn agree_with_pytorch_both_ways() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/translation_pytorch.safetensors");
    let cases = Cases { file: Weights::open(path).unwrap(), done: RefCell::default() };
    let pytorch = Translation::pytorch;

    cases.check("dense", pytorch(), || Dense::new(3));
    cases.check("conv1d", pytorch(), || Conv1d::new(4, 3));
    cases.check("conv2d", pytorch(), || Conv2d::new(6, [3, 2]).groups(2));
    cases.check("conv3d", pytorch(), || Conv3d::new(3, [2, 3, 1]).use_bias(false));
    let none = || Padding::all(0);
    cases.check("conv_transpose1d", pytorch(), || ConvTranspose1d::new(4, 3).strides(2).padding(Padding::all(0)));
    cases.check("conv_transpose2d", pytorch(), || ConvTranspose2d::new(6, [3, 2]).strides(2).groups(2).padding(none()));
    cases.check("conv_transpose3d", pytorch(), || ConvTranspose3d::new(3, 2).padding(Padding::all(0)));
    cases.check("depthwise1d", pytorch(), || DepthwiseConv1d::new(3).depth_multiplier(2));
    cases.check("depthwise2d", pytorch(), || DepthwiseConv2d::new([3, 2]).depth_multiplier(2));
    cases.check("separable2d", pytorch(), || SeparableConv2d::new(4, 3).depth_multiplier(2));
    cases.check("batch_norm", pytorch(), || BatchNorm::new().epsilon(1e-5));
    cases.check("layer_norm", pytorch(), || LayerNorm::new().epsilon(1e-5));
    cases.check("group_norm", pytorch(), || GroupNorm::new(2).epsilon(1e-5));
    cases.check("instance_norm", pytorch(), || InstanceNorm::new().scale(true).center(true));
    cases.check("rms_norm", pytorch(), RmsNorm::new);
    cases.check("prelu", pytorch(), || PRelu::new().shared_axes([1, 2]));
    cases.check("prelu_shared", pytorch(), || PRelu::new().shared_axes([1, 2, 3]));
    cases.check("embedding", pytorch(), || Embedding::new(11, 4));
    let positions = pytorch().rename("words.*", "embedding.*").rename("positions.*", "learned_positions.*");
    cases.check("positions", positions, || Sequential::new().add(Embedding::new(11, 4)).add(LearnedPositions::new(6)));

    cases.check("simple_rnn", pytorch(), || SimpleRnn::new(4).return_sequences(true));
    let lstm = || Lstm::new(4).return_sequences(true);
    cases.check("lstm", pytorch(), lstm);
    cases.check("lstm_without_bias", pytorch(), || lstm().use_bias(false));
    let gru = || Gru::new(4).return_sequences(true);
    cases.check("gru", pytorch(), gru);
    cases.check("bidirectional_lstm", pytorch(), || Bidirectional::new(lstm));
    cases.check("bidirectional_gru", pytorch(), || Bidirectional::new(gru));
    let stacked = pytorch().rename("*_l1*", "1.*_l0*").rename("weight*", "0.weight*").rename("bias*", "0.bias*");
    cases.check("stacked_lstm", stacked, || {
        let both = || Bidirectional::new(lstm);
        Sequential::new().add_named("0", both()).add_named("1", both())
    });

    cases.check("attention", pytorch(), || MultiHeadAttention::new(2, 3));
    cases.check("attention_without_bias", pytorch(), || MultiHeadAttention::new(2, 3).use_bias(false));
    cases.check_two("cross_attention", pytorch(), || MultiHeadAttention::new(2, 3).cross());
    let separate = pytorch().separate_attention().rename("dense.*", "out_proj.*");
    cases.check("separate_attention", separate, || MultiHeadAttention::new(2, 3));
    let transposed = pytorch().rename("c_attn.*", "in_proj_*").rename("c_proj.*", "out_proj.*").transposed("*.weight");
    cases.check("transposed_attention", transposed, || MultiHeadAttention::new(2, 3));
    cases.check("encoder", pytorch().rename("layers.*", "*"), || {
        let block = || TransformerEncoder::new(6, 2, 8);
        Sequential::new().add_named("0", block()).add_named("1", block())
    });
    cases.check_two("decoder", pytorch(), || TransformerDecoder::new(6, 2, 8));
    cases.check("flattened", pytorch().flattened("3", 4), || {
        let images = Sequential::new().add_named("0", Conv2d::new(4, 3)).add(MaxPool2d::new(2));
        images.add(Flatten).add_named("3", Dense::new(5))
    });

    let all: BTreeSet<String> =
        cases.file.names().filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect();
    assert_eq!(*cases.done.borrow(), all);
}
