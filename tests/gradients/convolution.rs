//! A row for each layer that slides over, pools or reshapes sequences, images and volumes, and for each option. Those of
//! images that are older stand in `layers.rs`.

use gradus::layers::*;
use gradus::prelude::*;

use super::{Row, layer};

const SEQUENCES: &[usize] = &[2, 7, 2];
const IMAGES: &[usize] = &[2, 5, 4, 2];
const VOLUMES: &[usize] = &[2, 3, 4, 3, 2];

/// The same batch with other channels.
fn other(shape: &[usize]) -> Vec<usize> {
    let (last, rest) = shape.split_last().unwrap();
    [rest, &[last + 1]].concat()
}

/// Rows of a layer: `name => constructor, input`, with an input of other channels refused.
macro_rules! learning {
    ($rows:ident, $layer:ident, $input:expr, $($name:literal => $make:expr),+ $(,)?) => {
        $($rows.push(layer(
            concat!(stringify!($layer), " ", $name), $input, Some(&other($input)), || $make,
        ));)+
    };
}

/// Rows of a layer without parameters, with an input of two axes refused.
macro_rules! fixed {
    ($rows:ident, $layer:ident, $input:expr, $($name:literal => $make:expr),+ $(,)?) => {
        $($rows.push(layer(concat!(stringify!($layer), " ", $name), $input, Some(&[2, 3]), || $make));)+
    };
}

pub(crate) fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    convolutions(&mut rows);
    transposed(&mut rows);
    depthwise(&mut rows);
    pools(&mut rows);
    shapes(&mut rows);
    rows
}

fn convolutions(rows: &mut Vec<Row>) {
    learning!(rows, Conv1d, SEQUENCES,
        "3" => Conv1d::new(3, 3),
        "without bias" => Conv1d::new(3, 2).use_bias(false),
        "initializers" => Conv1d::new(3, 2).kernel_initializer(HeNormal).bias_initializer(Ones),
        "stride 2" => Conv1d::new(3, 2).strides(2),
        "dilation 2" => Conv1d::new(3, 3).dilation_rate(2),
        "groups 2" => Conv1d::new(4, 3).groups(2),
        "padding same, stride 2" => Conv1d::new(3, 3).strides(2).padding(Padding::Same),
        "padding causal" => Conv1d::new(3, 3).padding(Padding::Causal),
        "padding causal, dilation 2, stride 2" => Conv1d::new(3, 3).dilation_rate(2).strides(2).padding(Padding::Causal),
        "padding explicit" => Conv1d::new(3, 3).padding(Padding::Explicit([[2, 1]])).activation(Tanh),
    );
    learning!(rows, Conv2d, IMAGES,
        "padding causal" => Conv2d::new(3, 2).padding(Padding::Causal),
        "depthwise by groups, relu" => Conv2d::new(2, 2).groups(2).activation(Relu),
    );
    rows.push(layer("Conv2d depthwise before MaxPool2d", IMAGES, Some(&other(IMAGES)), || {
        Sequential::new().add(Conv2d::new(2, 2).groups(2).activation(Relu)).add(MaxPool2d::new(2))
    }));
    learning!(rows, Conv3d, VOLUMES,
        "2" => Conv3d::new(3, 2),
        "2x3x1" => Conv3d::new(2, [2, 3, 1]),
        "without bias" => Conv3d::new(2, 2).use_bias(false),
        "initializers" => Conv3d::new(2, 2).kernel_initializer(HeNormal).bias_initializer(Ones),
        "stride [1, 2, 1]" => Conv3d::new(2, 2).strides([1, 2, 1]),
        "stride 2, same" => Conv3d::new(2, 3).strides(2).padding(Padding::Same),
        "dilation [2, 1, 1]" => Conv3d::new(2, 2).dilation_rate([2, 1, 1]),
        "dilation 2, same" => Conv3d::new(2, 2).dilation_rate(2).padding(Padding::Same),
        "groups 2" => Conv3d::new(4, 2).groups(2).activation(Tanh),
        "padding explicit" => Conv3d::new(2, 2).padding(Padding::Explicit([[1, 0], [0, 2], [1, 1]])),
    );
}

fn transposed(rows: &mut Vec<Row>) {
    learning!(rows, ConvTranspose1d, SEQUENCES,
        "3" => ConvTranspose1d::new(3, 3),
        "without bias" => ConvTranspose1d::new(3, 2).use_bias(false),
        "stride 2, same" => ConvTranspose1d::new(3, 3).strides(2).padding(Padding::Same),
        "stride over the kernel" => ConvTranspose1d::new(3, 2).strides(3),
        "groups 2, dilation 2" => ConvTranspose1d::new(4, 2).groups(2).dilation_rate(2),
        "padding explicit" => ConvTranspose1d::new(3, 3).strides(2).padding(Padding::Explicit([[1, 2]])),
    );
    learning!(rows, ConvTranspose2d, IMAGES,
        "3" => ConvTranspose2d::new(3, 3),
        "3x2, tanh" => ConvTranspose2d::new(3, [3, 2]).activation(Tanh),
        "without bias" => ConvTranspose2d::new(3, 2).use_bias(false),
        "initializers" => ConvTranspose2d::new(3, 2).kernel_initializer(HeNormal).bias_initializer(Ones),
        "stride 2" => ConvTranspose2d::new(3, 3).strides(2),
        "stride [3, 1]" => ConvTranspose2d::new(3, 2).strides([3, 1]),
        "same" => ConvTranspose2d::new(3, 3).padding(Padding::Same),
        "stride 2, same" => ConvTranspose2d::new(3, 4).strides(2).padding(Padding::Same),
        "stride 2, same, output padding 1" =>
            ConvTranspose2d::new(3, 3).strides(2).padding(Padding::Same).output_padding(1),
        "padding all, output padding" =>
            ConvTranspose2d::new(3, 3).strides(2).padding(Padding::all(1)).output_padding([1, 0]),
        "padding explicit" => ConvTranspose2d::new(3, 3).padding(Padding::Explicit([[1, 0], [2, 1]])),
        "dilation 2" => ConvTranspose2d::new(3, 2).dilation_rate(2),
        "groups 2" => ConvTranspose2d::new(4, 2).groups(2).strides(2),
        "depthwise" => ConvTranspose2d::new(2, 3).groups(2).strides(2),
    );
    learning!(rows, ConvTranspose3d, VOLUMES,
        "2" => ConvTranspose3d::new(2, 2),
        "stride 2, same" => ConvTranspose3d::new(2, 3).strides(2).padding(Padding::Same),
        "groups 2, padding all" => ConvTranspose3d::new(2, 2).groups(2).padding(Padding::all(1)),
    );
}

fn depthwise(rows: &mut Vec<Row>) {
    learning!(rows, DepthwiseConv1d, SEQUENCES,
        "3" => DepthwiseConv1d::new(3),
        "multiplier 2, causal" => DepthwiseConv1d::new(3).depth_multiplier(2).padding(Padding::Causal),
        "stride 2, dilation 2" => DepthwiseConv1d::new(2).strides(2).dilation_rate(2),
    );
    learning!(rows, DepthwiseConv2d, IMAGES,
        "3" => DepthwiseConv2d::new(3),
        "2x3, tanh" => DepthwiseConv2d::new([2, 3]).activation(Tanh),
        "without bias" => DepthwiseConv2d::new(3).use_bias(false),
        "initializers" => DepthwiseConv2d::new(2).depthwise_initializer(HeNormal).bias_initializer(Ones),
        "multiplier 3" => DepthwiseConv2d::new(2).depth_multiplier(3),
        "multiplier 2, stride 2, same" =>
            DepthwiseConv2d::new(3).depth_multiplier(2).strides(2).padding(Padding::Same),
        "dilation 2, same" => DepthwiseConv2d::new(2).dilation_rate(2).padding(Padding::Same),
        "padding explicit, stride [1, 2]" =>
            DepthwiseConv2d::new(3).strides([1, 2]).padding(Padding::Explicit([[1, 0], [0, 2]])),
    );
    // More channels than a register holds.
    learning!(rows, DepthwiseConv2d, &[1, 3, 3, 19],
        "of many channels" => DepthwiseConv2d::new(2),
    );
    learning!(rows, DepthwiseConv2d, &[2, 3, 3, 1],
        "of one channel" => DepthwiseConv2d::new(2).depth_multiplier(3),
    );
    learning!(rows, SeparableConv1d, SEQUENCES,
        "3" => SeparableConv1d::new(3, 3),
        "causal" => SeparableConv1d::new(3, 3).padding(Padding::Causal).activation(Tanh),
    );
    learning!(rows, SeparableConv2d, IMAGES,
        "3" => SeparableConv2d::new(3, 3),
        "without bias" => SeparableConv2d::new(3, 2).use_bias(false),
        "multiplier 2" => SeparableConv2d::new(3, 2).depth_multiplier(2),
        "initializers" => SeparableConv2d::new(3, 2)
            .depthwise_initializer(HeNormal).pointwise_initializer(HeUniform).bias_initializer(Ones),
        "stride 2, same" => SeparableConv2d::new(3, 3).strides(2).padding(Padding::Same),
        "dilation 2, relu" => SeparableConv2d::new(3, 2).dilation_rate(2).activation(Relu),
    );
}

fn pools(rows: &mut Vec<Row>) {
    macro_rules! pools {
        ($($layer:ident over $input:expr),+) => { $(
            fixed!(rows, $layer, $input,
                "of 2" => $layer::new(2),
                "of 3, stride 2" => $layer::new(3).strides(2),
                "of 2, stride 1, same" => $layer::new(2).strides(1).padding(Padding::Same),
                "of 2, dilation 2" => $layer::new(2).strides(1).dilation_rate(2),
                "of 2, ceil mode" => $layer::new(2).ceil_mode(true),
                "of 3, stride 2, padded, ceil mode" =>
                    $layer::new(3).strides(2).padding(Padding::all(1)).ceil_mode(true),
            );
        )+ };
    }
    pools!(MaxPool1d over SEQUENCES, AvgPool1d over SEQUENCES, MaxPool3d over &[1, 3, 4, 5, 2]);
    pools!(AvgPool3d over &[1, 3, 4, 5, 2]);
    macro_rules! more {
        ($($layer:ident),+) => { $(
            fixed!(rows, $layer, IMAGES,
                "ceil mode" => $layer::new(2).strides(2).ceil_mode(true),
                "ceil mode, padded" => $layer::new(3).strides(2).padding(Padding::all(1)).ceil_mode(true),
                "dilation 2" => $layer::new(2).strides(1).dilation_rate(2),
                "dilation 2, same" => $layer::new(2).strides(1).dilation_rate(2).padding(Padding::Same),
            );
        )+ };
    }
    more!(MaxPool2d, AvgPool2d);
    fixed!(rows, AvgPool1d, SEQUENCES,
        "counting padding, ceil mode" =>
            AvgPool1d::new(3).strides(2).padding(Padding::all(1)).count_padding(true).ceil_mode(true),
        "causal" => AvgPool1d::new(3).strides(1).padding(Padding::Causal),
    );
    fixed!(rows, AvgPool3d, VOLUMES,
        "counting padding" => AvgPool3d::new(2).padding(Padding::all(1)).count_padding(true),
    );
    rows.push(layer("Conv2d before MaxPool2d in ceil mode", &[2, 6, 6, 2], Some(&[2, 6, 6, 3]), || {
        Sequential::new().add(Conv2d::new(3, 2).activation(Relu)).add(MaxPool2d::new(2).ceil_mode(true))
    }));
    fixed!(rows, GlobalAvgPool1d, SEQUENCES, "of all" => GlobalAvgPool1d);
    fixed!(rows, GlobalMaxPool1d, SEQUENCES, "of all" => GlobalMaxPool1d);
    fixed!(rows, GlobalAvgPool3d, VOLUMES, "of all" => GlobalAvgPool3d);
    fixed!(rows, GlobalMaxPool3d, VOLUMES, "of all" => GlobalMaxPool3d);
    macro_rules! adaptive {
        ($($layer:ident over $input:expr),+) => { $(
            fixed!(rows, $layer, $input, "to 2" => $layer::new(2), "to 3" => $layer::new(3), "to 6" => $layer::new(6));
        )+ };
    }
    adaptive!(AdaptiveAvgPool1d over SEQUENCES, AdaptiveAvgPool2d over IMAGES, AdaptiveAvgPool3d over VOLUMES);
    adaptive!(AdaptiveMaxPool1d over SEQUENCES, AdaptiveMaxPool2d over IMAGES, AdaptiveMaxPool3d over VOLUMES);
}

fn shapes(rows: &mut Vec<Row>) {
    rows.push(layer("CenterCrop", IMAGES, Some(SEQUENCES), || CenterCrop::new(2, 1)));
    rows.push(layer("Rescaling", SEQUENCES, None, || Rescaling::new(0.5).offset(-1.0)));
    rows.push(layer("Permute [2, 1]", SEQUENCES, Some(IMAGES), || Permute::new([2, 1])));
    rows.push(layer("Permute [3, 1, 2]", IMAGES, Some(SEQUENCES), || Permute::new([3, 1, 2])));
    rows.push(layer("RepeatVector", &[2, 3], Some(SEQUENCES), || RepeatVector::new(3)));
    fixed!(rows, ZeroPad1d, SEQUENCES, "1" => ZeroPad1d::new(1), "[2, 0]" => ZeroPad1d::new([[2, 0]]));
    fixed!(rows, ZeroPad2d, IMAGES, "1" => ZeroPad2d::new(1), "uneven" => ZeroPad2d::new([[0, 1], [2, 0]]));
    fixed!(rows, ZeroPad3d, VOLUMES, "uneven" => ZeroPad3d::new([[0, 1], [2, 0], [1, 1]]));
    fixed!(rows, Crop1d, SEQUENCES, "1" => Crop1d::new(1), "[2, 0]" => Crop1d::new([[2, 0]]));
    fixed!(rows, Crop2d, IMAGES, "1" => Crop2d::new(1), "uneven" => Crop2d::new([[0, 1], [2, 0]]));
    fixed!(rows, Crop3d, VOLUMES, "uneven" => Crop3d::new([[0, 1], [2, 0], [1, 1]]));
    macro_rules! up {
        ($($layer:ident over $input:expr),+) => { $(
            fixed!(rows, $layer, $input,
                "nearest" => $layer::new(2),
                "linear" => $layer::new(3).interpolation(Interpolation::Linear),
                "linear aligned" => $layer::new(2).interpolation(Interpolation::Linear).align_corners(true),
            );
        )+ };
    }
    up!(UpSample1d over SEQUENCES, UpSample2d over IMAGES, UpSample3d over &[1, 2, 2, 3, 2]);
    fixed!(rows, UpSample2d, IMAGES, "[1, 2]" => UpSample2d::new([1, 2]));
    rows.push(layer("PixelShuffle", &[2, 2, 3, 8], Some(&[2, 2, 3, 6]), || PixelShuffle::new(2)));
    rows.push(layer("PixelUnshuffle", &[2, 4, 6, 2], Some(&[2, 4, 5, 2]), || PixelUnshuffle::new(2)));
}
