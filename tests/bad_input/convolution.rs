//! Inputs and settings that layers of windows and shapes cannot work with.

use gradus::data::augment::RandomFlip;
use gradus::layers::*;
use gradus::prelude::*;

use super::message;

/// The error of a layer alone in a model at an input of zeros, without the layer's path.
fn at(layer: impl Layer, shape: &[usize]) -> String {
    let model = Sequential::new().add_named("layer", layer);
    let text = message(model.forward(&Tape::training().variable(Tensor::zeros(shape))));
    text.strip_prefix("layer `layer`: ").expect("the layer's name").to_string()
}

#[test]
fn ranks() {
    let text = |axes: &str, got: &str| format!("expected an input {axes}, got {got}");
    let channel = "; add a channel axis with `Reshape`, or a batch axis";
    let sequence = text("[batch, time, channels]", "[2, 5]") + channel;
    let volume = text("[batch, depth, height, width, channels]", "[2, 5, 5, 1]") + channel;
    assert_eq!(at(Conv1d::new(2, 3), &[2, 5]), sequence);
    assert_eq!(at(ConvTranspose1d::new(2, 3), &[2, 5]), sequence);
    assert_eq!(at(SeparableConv1d::new(2, 3), &[2, 5]).replace("layer `layer.depthwise`: ", ""), sequence);
    assert_eq!(at(MaxPool1d::new(2), &[2, 5]), sequence);
    assert_eq!(at(GlobalAvgPool1d, &[2, 5]), sequence);
    assert_eq!(at(ZeroPad1d::new(2), &[2, 5]), sequence);
    assert_eq!(at(UpSample1d::new(2), &[2, 5]), sequence);
    assert_eq!(at(Conv3d::new(2, 3), &[2, 5, 5, 1]), volume);
    assert_eq!(at(AdaptiveMaxPool3d::new(2), &[2, 5, 5, 1]), volume);
    assert_eq!(at(Crop3d::new(2), &[2, 5, 5, 1]), volume);
    assert_eq!(at(Conv1d::new(2, 3), &[2, 5, 5, 1]), text("[batch, time, channels]", "[2, 5, 5, 1]"));
    assert_eq!(at(RepeatVector::new(2), &[2, 5, 1]), "expected an input [batch, features], got [2, 5, 1]");
}

#[test]
fn channels() {
    let known = Conv1d::new(2, 3).groups(2);
    known.kernel().set(Tensor::zeros(&[3, 2, 2][..])).unwrap();
    assert_eq!(
        at(known, &[1, 5, 6]),
        "expected 4 channels in the last axis, got input [1, 5, 6]; sequences are [batch, time, channels]: feed what it \
         was made for, or make a new layer"
    );
    let known = ConvTranspose2d::new(2, 3);
    known.kernel().set(Tensor::zeros(&[3, 3, 2, 4][..])).unwrap();
    assert_eq!(
        at(known, &[1, 5, 5, 6]),
        "expected 4 channels in the last axis, got input [1, 5, 5, 6]; images are [batch, height, width, channels]: feed \
         what it was made for, or make a new layer"
    );
    let known = DepthwiseConv2d::new(3).depth_multiplier(2);
    assert_eq!(
        message(known.kernel().set(Tensor::zeros(&[3, 3, 4, 1][..]))),
        "expected a parameter of shape [3, 3, _, 2], got [3, 3, 4, 1]"
    );
    known.kernel().set(Tensor::zeros(&[3, 3, 4, 2][..])).unwrap();
    assert_eq!(
        at(known, &[1, 5, 5, 6]),
        "expected 4 channels in the last axis, got input [1, 5, 5, 6]; images are [batch, height, width, channels]: feed \
         what it was made for, or make a new layer"
    );
    assert_eq!(
        at(ConvTranspose2d::new(4, 3).groups(4), &[1, 5, 5, 6]),
        "expected a number of groups that divides 6 channels and 4 filters, got 4"
    );
    assert_eq!(at(MaxPool1d::new(2), &[2, 5, 0]), "expected at least 1 channel, got [2, 5, 0]");
    assert_eq!(at(PixelShuffle::new(2), &[1, 2, 2, 6]), "expected channels that 2² divides, got input [1, 2, 2, 6]");
    assert_eq!(
        at(PixelUnshuffle::new(2), &[1, 4, 5, 1]),
        "expected height and width that 2 divides, got input [1, 4, 5, 1]"
    );
}

#[test]
fn windows() {
    assert_eq!(
        at(Conv1d::new(1, 4), &[1, 3, 1]),
        "a window of [4] does not fit into a sequence of [3] with padding Valid; use a smaller window, `Padding::Same`, \
         or fewer pooling layers before it"
    );
    assert_eq!(
        at(MaxPool3d::new([1, 2, 2]).dilation_rate(3), &[1, 3, 3, 3, 1]),
        "a window of [1, 2, 2], dilation [3, 3, 3] does not fit into a volume of [3, 3, 3] with padding Valid; use a \
         smaller window, `Padding::Same`, or fewer pooling layers before it"
    );
    assert_eq!(at(Conv1d::new(1, 0), &[1, 3, 1]), "expected a size of at least 1, got [0]");
    assert_eq!(at(ConvTranspose1d::new(1, 0), &[1, 3, 1]), "expected a size of at least 1, got [0]");
    assert_eq!(
        at(ConvTranspose2d::new(1, 0), &[1, 3, 3, 1]),
        "expected a size of at least 1 in both directions, got [0, 0]"
    );
    assert_eq!(
        at(AvgPool3d::new(2).strides([1, 0, 1]), &[1, 3, 3, 3, 1]),
        "expected a stride of at least 1 in all directions, got [1, 0, 1]"
    );
    assert_eq!(at(UpSample1d::new(0), &[1, 3, 1]), "expected a factor of at least 1, got [0]");
    assert_eq!(at(PixelShuffle::new(0), &[1, 2, 2, 6]), "expected a factor of at least 1, got [0]");
    assert_eq!(at(PixelUnshuffle::new(0), &[1, 2, 2, 6]), "expected a factor of at least 1, got [0]");
    assert_eq!(at(RepeatVector::new(0), &[1, 2]), "expected a number of times of at least 1, got [0]");
    assert_eq!(
        at(AdaptiveAvgPool2d::new([0, 2]), &[1, 3, 3, 1]),
        "expected an output length of at least 1 in both directions, got [0, 2]"
    );
    assert_eq!(
        at(DepthwiseConv1d::new(2).depth_multiplier(0), &[1, 3, 2]),
        "expected at least 1 filter and 1 channel, got 0 and 2"
    );
    assert_eq!(
        at(AvgPool1d::new(2).padding(Padding::all(2)), &[1, 5, 1]),
        "expected padding smaller than the window [2], got [[2, 2]]"
    );
}

#[test]
fn transposed_convolutions() {
    assert_eq!(
        at(ConvTranspose1d::new(1, 3).padding(Padding::Causal), &[1, 3, 1]),
        "expected padding Valid, Same or Explicit, got Causal"
    );
    let small = "expected an output padding smaller than the stride [2] or the dilation [1], got [2]";
    assert_eq!(at(ConvTranspose1d::new(1, 3).strides(2).output_padding(2), &[1, 3, 1]), small);
    let same = ConvTranspose1d::new(1, 3).strides(2).padding(Padding::Same).output_padding(usize::MAX);
    assert_eq!(at(same, &[1, 3, 1]), small.replace("got [2]", &format!("got [{}]", usize::MAX)));
    assert_eq!(
        at(ConvTranspose1d::new(1, 3).padding(Padding::all(3)), &[1, 3, 1]),
        "expected an input and a padding that leave some output, got lengths [3] with window [3], stride [1] and padding \
         Explicit([[3, 3]])"
    );
}

#[test]
fn edges_and_orders() {
    assert_eq!(
        at(Crop2d::new([[1, 1], [2, 1]]), &[1, 3, 3, 1]),
        "expected an input larger than its edges [[1, 1], [2, 1]], got [3, 3]"
    );
    assert_eq!(
        at(Crop1d::new([[usize::MAX, 1]]), &[1, 3, 1]),
        format!("expected an input larger than its edges [[{}, 1]], got [3]", usize::MAX)
    );
    for axes in [&[1][..], &[0, 1], &[1, 1], &[1, 3], &[]] {
        assert_eq!(
            at(Permute::new(axes), &[2, 3, 4]),
            format!("expected each axis of input [2, 3, 4] but the batch's once (1..3), got {axes:?}")
        );
    }
}

/// Nothing is allocated for sizes that no memory holds.
#[test]
fn sizes_that_overflow() {
    const HUGE: usize = usize::MAX / 2;
    let (sequence, image) = (&[2, 5, 3][..], &[2, 5, 5, 3][..]);
    for text in [
        at(Conv1d::new(HUGE, 3), sequence),
        at(Conv1d::new(2, HUGE).padding(Padding::Same), sequence),
        at(Conv1d::new(2, HUGE).padding(Padding::Causal), sequence),
        at(Conv1d::new(2, 3).dilation_rate(HUGE).padding(Padding::Same), sequence),
        at(Conv2d::new(2, 3).padding(Padding::all(HUGE)), image),
        at(Conv2d::new(2, 1 << 20), image),
        at(DepthwiseConv2d::new(3).depth_multiplier(HUGE), image),
        at(ConvTranspose1d::new(HUGE, 3), sequence),
        at(ConvTranspose1d::new(2, HUGE), sequence),
        at(ConvTranspose1d::new(2, 3).strides(HUGE), sequence),
        at(ConvTranspose1d::new(2, 3).dilation_rate(HUGE), sequence),
        at(ConvTranspose2d::new(2, 3).padding(Padding::all(HUGE)), image),
        at(MaxPool1d::new(HUGE).padding(Padding::Same), sequence),
        at(AvgPool1d::new(2).dilation_rate(HUGE).padding(Padding::Same), sequence),
        at(AdaptiveAvgPool1d::new(HUGE), sequence),
        at(ZeroPad1d::new(HUGE), sequence),
        at(UpSample2d::new(HUGE), image),
        at(RepeatVector::new(HUGE), &[2, 3]),
        at(PixelShuffle::new(HUGE), image),
        at(PixelUnshuffle::new(HUGE), image),
    ] {
        assert!(text.starts_with("expected") || text.starts_with("a window"), "{text}");
    }
    // A stride beyond the input is fine where no position follows.
    let y = Conv1d::new(2, 3).strides(HUGE).forward(&Tape::inference().input(Tensor::zeros(sequence))).unwrap();
    assert_eq!(y.shape(), [2, 1, 2]);
}

#[test]
fn empty_inputs_do_not_panic() {
    let layers = || {
        Sequential::new()
            .add_named("a", Conv1d::new(2, 2))
            .add_named("b", ConvTranspose1d::new(2, 2))
            .add_named("c", SeparableConv1d::new(2, 2).padding(Padding::Same))
            .add_named("d", ZeroPad1d::new(1))
            .add_named("e", UpSample1d::new(2).interpolation(Interpolation::Linear))
            .add_named("f", Crop1d::new(1))
            .add_named("g", AdaptiveMaxPool1d::new(2))
            .add_named("h", Permute::new([2, 1]))
            .add_named("i", AvgPool1d::new(2))
            .add_named("j", GlobalMaxPool1d)
            .add_named("k", RepeatVector::new(2))
    };
    for shape in [[0, 5, 2], [2, 0, 2], [2, 5, 0], [0, 0, 0]] {
        for tape in [Tape::training(), Tape::inference()] {
            let y = layers().forward(&tape.variable(Tensor::zeros(shape.as_slice())));
            if let Ok(y) = y.map(|y| y.sum()) {
                let _ = y.backward();
            }
        }
    }
    let single = |layer: &dyn Fn() -> Sequential, shape: &[usize]| {
        let tape = Tape::training();
        if let Ok(y) = layer().forward(&tape.variable(Tensor::zeros(shape))) {
            let _ = y.sum().backward();
        }
    };
    for shape in [[0, 4, 4, 4], [2, 0, 4, 4], [2, 4, 4, 0]] {
        single(&|| Sequential::new().add(DepthwiseConv2d::new(2)), &shape);
        single(&|| Sequential::new().add(ConvTranspose2d::new(2, 2).groups(2)), &shape);
        single(&|| Sequential::new().add(PixelShuffle::new(2)), &shape);
        single(&|| Sequential::new().add(PixelUnshuffle::new(2)), &shape);
        single(&|| Sequential::new().add(ZeroPad2d::new(1)), &shape);
        single(&|| Sequential::new().add(Crop2d::new(1)), &shape);
        single(&|| Sequential::new().add(UpSample2d::new(2)), &shape);
        single(&|| Sequential::new().add(MaxPool2d::new(2).ceil_mode(true)), &shape);
        single(&|| Sequential::new().add(Permute::new([3, 1, 2])), &shape);
    }
}

#[test]
fn channels_that_come_first() {
    // As they are given: what a layer makes of them is its own affair.
    let first =
        |layer: &dyn Layer, shape: &[usize]| message(layer.forward(&Tape::inference().input(Tensor::zeros(shape))));
    let last = "bring them last with `permuted_axes([0, 2, 3, 1])` or a first layer `Permute::new([2, 3, 1])`";
    let text = |shape: &str, example: &str| {
        format!(
            "expected images [batch, height, width, channels], got input {shape}, whose channels seem to come first; {last}, or \
             say that they do not by a first layer `Reshape::new({example})`"
        )
    };
    assert_eq!(first(&Conv2d::new(8, 3), &[5, 3, 32, 32]), text("[5, 3, 32, 32]", "[3, 32, 32]"));
    let same = Conv2d::new(8, 3).padding(Padding::Same);
    assert_eq!(first(&same, &[5, 1, 8, 8]), text("[5, 1, 8, 8]", "[1, 8, 8]"));
    assert_eq!(first(&SeparableConv2d::new(8, 3), &[5, 4, 32, 40]), text("[5, 4, 32, 40]", "[4, 32, 40]"));
    assert_eq!(first(&ConvTranspose2d::new(8, 3), &[5, 3, 32, 32]), text("[5, 3, 32, 32]", "[3, 32, 32]"));
    assert!(first(&Conv1d::new(8, 3), &[5, 1, 1000]).contains("`Permute::new([2, 1])`"));
    assert!(first(&Conv3d::new(8, 3), &[5, 1, 16, 16, 16]).contains("`Permute::new([2, 3, 4, 1])`"));
    // `fit` and `predict` speak of batches as they were given, not of what they try first.
    let images = ndarray::Array4::<Float>::zeros((20, 3, 32, 32));
    let network = Sequential::new().add(Conv2d::new(8, 3)).add(Flatten).add(Dense::new(2).activation(Softmax));
    let mut model = network.compile(Adam::default(), SparseCrossEntropy::default());
    let labels = ndarray::Array1::<u8>::zeros(20);
    let fit = Fit::epochs(1).batch_size(10).progress(false);
    let by_fit = message(model.fit(&(&images, &labels), fit));
    assert_eq!(by_fit, format!("layer `conv2d`: {}", text("[10, 3, 32, 32]", "[3, 32, 32]")));
    let by_predict = message(model.predict(&images));
    assert_eq!(by_predict, format!("layer `conv2d`: {}", text("[20, 3, 32, 32]", "[3, 32, 32]")));
    // A kernel that is known says more.
    let known = Conv2d::new(8, 3);
    known.kernel().set(Tensor::zeros(&[3, 3, 3, 8][..])).unwrap();
    assert_eq!(
        first(&known, &[5, 3, 32, 32]),
        format!(
            "expected 3 channels in the last axis, got input [5, 3, 32, 32]; images are [batch, height, width, channels]: its \
             channels seem to come first: {last}"
        )
    );
    // Low images of many channels, and single steps, are what they are.
    let makes = |layer: &dyn Layer, shape: &[usize]| {
        layer.forward(&Tape::inference().input(Tensor::zeros(shape))).unwrap().value().shape().to_vec()
    };
    assert_eq!(makes(&Conv2d::new(8, 3).padding(Padding::Same), &[5, 3, 8, 16]), [5, 3, 8, 8]);
    assert_eq!(makes(&Conv2d::new(8, 3).padding(Padding::Same), &[5, 1, 200, 22]), [5, 1, 200, 8]);
    assert_eq!(makes(&Conv1d::new(8, 1), &[5, 1, 20]), [5, 1, 8]);
    // The ways out.
    let input = || Tape::inference().input(Tensor::zeros(&[2, 3, 32, 32][..]));
    let turned = Sequential::new().add(Permute::new([2, 3, 1])).add(Conv2d::new(8, 3));
    assert_eq!(turned.forward(&input()).unwrap().shape(), [2, 30, 30, 8]);
    let meant = Sequential::new().add(Reshape::new([3, 32, 32])).add(Conv2d::new(8, 3));
    assert_eq!(meant.forward(&input()).unwrap().shape(), [2, 1, 30, 8]);
    assert!(same.forward(&Tape::inference().input(Tensor::zeros(&[2, 8, 8, 1][..]))).is_ok());
    let images = (ndarray::Array4::<Float>::zeros((2, 3, 32, 32)), ndarray::Array1::<u8>::zeros(2));
    assert_eq!(
        message(images.augment(1, RandomFlip::horizontal()).training_batch(&[0], 0)),
        "RandomFlip: expected images [height, width, channels], got [3, 32, 32], whose channels seem to come first; bring them \
         last with `permuted_axes([0, 2, 3, 1])` of all images"
    );
}
