//! A row for each layer and each of its options.

use gradus::prelude::*;

use super::{Row, layer};

/// A batch of small images, and one with other channels.
const IMAGES: &[usize] = &[2, 5, 4, 2];
const OTHER: Option<&[usize]> = Some(&[2, 5, 4, 3]);

pub(crate) fn table() -> Vec<Row> {
    let mut rows = vec![
        layer("Dense", &[3, 4], Some(&[3, 5]), || Dense::new(2)),
        layer("Dense without bias", &[3, 4], Some(&[3, 5]), || Dense::new(2).use_bias(false)),
        layer("Dense on sequences", &[2, 3, 4], Some(&[2, 3, 5]), || Dense::new(2)),
        layer("Dense without a batch", &[3, 4], Some(&[4]), || Dense::new(2)),
        layer("Dense initializers", &[3, 4], Some(&[3, 5]), || {
            Dense::new(2).kernel_initializer(HeNormal).bias_initializer(Ones)
        }),
        layer("Flatten", &[2, 3, 2], None, || Flatten),
        layer("Reshape", &[2, 6], Some(&[2, 5]), || Reshape::new([3, 2])),
        layer("Dropout", &[3, 4], None, || Dropout::new(0.5)),
        layer("Dropout rate 0", &[3, 4], None, || Dropout::new(0.0)),
        layer("Sequential", &[3, 4], Some(&[3, 5]), || {
            Sequential::new().add(Dense::new(3).activation(Tanh)).add(Dropout::new(0.25)).add(Dense::new(2))
        }),
        layer("GlobalAvgPool2d", IMAGES, Some(&[2, 3]), || GlobalAvgPool2d),
        layer("GlobalMaxPool2d", IMAGES, Some(&[2, 3]), || GlobalMaxPool2d),
        layer("BatchNorm", &[4, 3], Some(&[4, 2]), BatchNorm::new),
        layer("BatchNorm on images", IMAGES, OTHER, || BatchNorm::new().momentum(0.9)),
        layer("BatchNorm epsilon", &[4, 3], Some(&[4, 2]), || BatchNorm::new().epsilon(0.1)),
        layer("BatchNorm without beta", &[4, 3], Some(&[4, 2]), || BatchNorm::new().center(false)),
        layer("BatchNorm without gamma", &[4, 3], Some(&[4, 2]), || BatchNorm::new().scale(false)),
        layer("BatchNorm without both", &[4, 3], Some(&[4, 2]), || BatchNorm::new().center(false).scale(false)),
        layer("BatchNorm after Dense", &[4, 3], Some(&[4, 2]), || {
            Sequential::new().add(Dense::new(3)).add(BatchNorm::new()).add(Tanh)
        }),
    ];
    let explicit = Padding::Explicit([[1, 0], [0, 2]]);
    let mut conv = |name: &str, make: fn() -> Conv2d| rows.push(layer(format!("Conv2d {name}"), IMAGES, OTHER, make));
    conv("1x1", || Conv2d::new(3, 1));
    conv("2x2", || Conv2d::new(3, 2));
    conv("3x3", || Conv2d::new(3, 3));
    conv("3x2", || Conv2d::new(3, [3, 2]));
    conv("without bias", || Conv2d::new(3, 3).use_bias(false));
    conv("initializers", || Conv2d::new(3, 3).kernel_initializer(HeNormal).bias_initializer(Ones));
    conv("stride 2", || Conv2d::new(3, 2).strides(2));
    conv("stride [1, 2]", || Conv2d::new(3, 2).strides([1, 2]));
    conv("stride 3 over the kernel", || Conv2d::new(3, 2).strides(3));
    conv("dilation 2", || Conv2d::new(3, 2).dilation_rate(2));
    conv("dilation [2, 1]", || Conv2d::new(3, [2, 3]).dilation_rate([2, 1]));
    conv("groups 2", || Conv2d::new(4, 2).groups(2));
    conv("groups 2, stride 2, same", || Conv2d::new(2, 3).groups(2).strides(2).padding(Padding::Same));
    conv("padding same", || Conv2d::new(3, 3).padding(Padding::Same));
    conv("padding same, even kernel", || Conv2d::new(3, 2).padding(Padding::Same));
    conv("padding same, stride 2", || Conv2d::new(3, 3).strides(2).padding(Padding::Same));
    conv("padding same, dilation 2", || Conv2d::new(3, 3).dilation_rate(2).padding(Padding::Same));
    conv("padding valid", || Conv2d::new(3, 3).padding(Padding::Valid));
    conv("padding explicit", || Conv2d::new(3, 3).padding(Padding::Explicit([[1, 0], [0, 2]])));
    conv("padding all", || Conv2d::new(3, 3).padding(Padding::all(1)));
    conv("padding explicit, relu", || Conv2d::new(3, 3).padding(Padding::all(1)).activation(Relu));

    rows.push(layer("Conv2d with MaxPool2d in one operation", &[2, 6, 6, 2], Some(&[2, 6, 6, 3]), || {
        Sequential::new().add(Conv2d::new(3, 3).activation(Relu)).add(MaxPool2d::new(2))
    }));
    // Enough channels for the tiles of Winograd and the lists of gradients.
    rows.push(layer("Conv2d with MaxPool2d by Winograd", &[2, 7, 6, 16], Some(&[2, 6, 6, 3]), || {
        Sequential::new().add(Conv2d::new(17, 3).activation(Relu)).add(MaxPool2d::new(2))
    }));
    rows.push(layer("Conv2d with MaxPool2d after padding", &[2, 5, 4, 2], OTHER, || {
        Sequential::new().add(Conv2d::new(3, 3).padding(Padding::Same).activation(Tanh)).add(MaxPool2d::new([2, 1]))
    }));
    rows.push(layer("Conv2d with MaxPool2d that overlaps", &[2, 6, 5, 2], Some(&[2, 6, 5, 3]), || {
        Sequential::new().add(Conv2d::new(2, 2)).add(MaxPool2d::new(3).strides(2))
    }));

    macro_rules! pools {
        ($name:ident) => {
            let mut pool = |name: &str, make: fn() -> $name| {
                rows.push(layer(format!("{} {name}", stringify!($name)), IMAGES, Some(&[2, 1, 1]), make));
            };
            pool("2x2", || $name::new(2));
            pool("2x3", || $name::new([2, 3]));
            pool("overlapping", || $name::new(3).strides(1));
            pool("stride [2, 1]", || $name::new(2).strides([2, 1]));
            pool("with gaps", || $name::new(1).strides(2));
            pool("padding same", || $name::new(2).padding(Padding::Same));
            pool("padding same, stride 2", || $name::new(3).strides(2).padding(Padding::Same));
            pool("padding valid", || $name::new(2).padding(Padding::Valid));
            pool("padding explicit", || $name::new(3).strides(2).padding(Padding::Explicit([[1, 0], [0, 2]])));
        };
    }
    pools!(MaxPool2d);
    pools!(AvgPool2d);
    rows.push(layer("AvgPool2d counting padding", IMAGES, Some(&[2, 1, 1]), move || {
        AvgPool2d::new(3).strides(2).padding(explicit).count_padding(true)
    }));
    rows
}
