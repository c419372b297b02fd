//! The names of a layer over one, two and three axes.

/// Names a layer over `N` axes for each number of them, either as `[Layer] for ...`, with the class of Keras, if any, as an alias,
/// or with shapes, examples and what it is called elsewhere.
///
/// ```text
/// names! { Crop for: 1 Crop1d "Cropping1D", 2 Crop2d "Cropping2D", 3 Crop3d "Cropping3D" }
/// names! {
///     MaxPool: "Max pooling", output "channels";
///     1 MaxPool1d "MaxPooling1D", "PyTorch `MaxPool1d`": "(2, 10, 4)" { "MaxPool1d::new(2)" => "[2, 5, 4]" }
/// }
/// ```
macro_rules! names {
    (@of 1) => { "sequences" };
    (@of 2) => { "images" };
    (@of 3) => { "volumes" };
    (@axes 1) => { "time" };
    (@axes 2) => { "height, width" };
    (@axes 3) => { "depth, height, width" };
    (@output 1) => { "time'" };
    (@output 2) => { "height', width'" };
    (@output 3) => { "depth', height', width'" };
    (@kernel 1) => { "kernel size" };
    (@kernel 2) => { "kernel height, kernel width" };
    (@kernel 3) => { "kernel depth, kernel height, kernel width" };
    (@array 1) => { "Array3" };
    (@array 2) => { "Array4" };
    (@array 3) => { "Array5" };

    ($layer:ident for: $($rank:tt $name:ident $($alias:literal)?),+ $(,)?) => { $(
        #[doc = concat!(
            "[`", stringify!($layer), "`] for ", $crate::layers::names::names!(@of $rank),
            " `[batch, ", $crate::layers::names::names!(@axes $rank), ", channels]`.",
        )]
        $(#[doc(alias = $alias)])?
        pub type $name = $layer<$rank>;
    )+ };

    (
        $layer:ident: $what:literal, output $out:literal $(, kernel $kernel:literal)?;
        $($rank:tt $name:ident $alias:literal $(also $other:literal)?, $more:literal: $input:literal {
            $($example:literal => $shape:literal),+
        })+
    ) => { $crate::layers::names::names! {
        @all $layer $what, $out, [$($kernel)?];
        $($rank $name $alias [$($other)?], $more, $input { $($example => $shape),+ })+
    } };

    (
        @all $layer:ident $what:literal, $out:literal, $kernel:tt;
        $($rank:tt $name:ident $alias:literal $other:tt, $more:literal, $input:literal $examples:tt)+
    ) => { $( $crate::layers::names::names! {
        @one $layer $what, $out, $kernel; $rank $name $alias $other, $more, $input $examples
    } )+ };

    (
        @one $layer:ident $what:literal, $out:literal, [$($kernel:literal)?];
        $rank:tt $name:ident $alias:literal [$($other:literal)?], $more:literal, $input:literal {
            $($example:literal => $shape:literal),+
        }
    ) => {
        #[doc = concat!(
            $what, " of ", $crate::layers::names::names!(@of $rank), ". See [`", stringify!($layer), "`] for defaults and errors.",
        )]
        ///
        /// # Shapes
        #[doc = concat!(
            "input `[batch, ", $crate::layers::names::names!(@axes $rank), ", channels]`, output `[batch, ",
            $crate::layers::names::names!(@output $rank), ", ", $out, "]`",
            $("; kernel `[", $crate::layers::names::names!(@kernel $rank), ", ", $kernel, "]`",)?
        )]
        /// # Example
        /// ```
        /// use gradus::{layers::*, prelude::*};
        #[doc = concat!(
            "let x = Tape::inference().input(ndarray::", $crate::layers::names::names!(@array $rank), "::<f32>::ones(", $input, "));",
        )]
        $(#[doc = concat!("assert_eq!(", $example, ".forward(&x)?.shape(), ", $shape, ");")])+
        /// # Ok::<(), gradus::Error>(())
        /// ```
        /// # Reference
        #[doc = concat!("Keras `", $alias, "`", $more)]
        #[doc(alias = $alias)]
        $(#[doc(alias = $other)])?
        pub type $name = $layer<$rank>;
    };
}
pub(super) use names;
