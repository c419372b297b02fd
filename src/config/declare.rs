//! One declaration of a struct and its settings.

/// Declares a struct whose settings are named once: from the declaration follow its constructor, its setters, `Debug`, and the
/// description to write and to read.
///
/// ```text
/// described! {
///     /// Fully connected layer.
///     pub struct Dense(                                  // in parentheses: what `new` takes. Without, there is `Default`
///         /// The number of outputs.
///         units: [usize],
///     ) {
///         /// The activation.
///         activation: [dyn Activation] = Linear,         // a boxed trait; the setter takes `impl Activation`
///         /// Whether there is a bias.
///         use_bias: [bool] = true,
///     }
///     params { kernel: kernel_initializer = XavierUniform, }  // a `Param`, and a setting with its initializer
///     private { noise: Noise = Noise::default(), }            // fields that are not described
/// }
/// ```
///
/// Other types of settings: `[option usize]`, whose setter takes a `usize`; `[into String]`, whose setter takes what turns into
/// one, and `[some T]`, an `Option` of such; `[switch]`, a `bool` that a constructor of its name turns on; `[size N]`, whose setter takes one length or one for each axis, or `[sizes N]` where there may be none. A struct over a number of axes names its kinds: `pub struct Conv<const N: usize> as ["Conv1d", ...]`.
macro_rules! described {
    // What a setting is stored as.
    (@type dyn $t:ident) => { Box<dyn $t> };
    (@type option $t:ty) => { Option<$t> };
    (@type into $t:ty) => { $t };
    (@type size $n:ident) => { [usize; $n] };
    (@type sizes $n:ident) => { Option<[usize; $n]> };
    (@type some $t:ty) => { Option<$t> };
    (@type switch) => { bool };
    (@type border $n:ident) => { [[usize; 2]; $n] };
    (@type $t:ty) => { $t };
    // What constructors and setters take, and how that is stored.
    (@given dyn $t:ident) => { impl $t + 'static };
    (@given option $t:ty) => { $t };
    (@given into $t:ty) => { impl Into<$t> };
    (@given size $n:ident) => { impl $crate::config::size::Size<$n> };
    (@given sizes $n:ident) => { impl $crate::config::size::Size<$n> };
    (@given some $t:ty) => { impl Into<$t> };
    (@given border $n:ident) => { impl Border<$n> };
    (@given $t:ty) => { $t };
    (@store $x:expr, dyn $t:ident) => { Box::new($x) };
    (@store $x:expr, option $t:ty) => { Some($x) };
    (@store $x:expr, into $t:ty) => { $x.into() };
    (@store $x:expr, size $n:ident) => { $crate::config::size::Size::sizes($x) };
    (@store $x:expr, sizes $n:ident) => { Some($crate::config::size::Size::sizes($x)) };
    (@store $x:expr, some $t:ty) => { Some($x.into()) };
    (@store $x:expr, border $n:ident) => { $x.border() };
    (@store $x:expr, $t:ty) => { $x };
    // A default, which is written as it is stored but for the box.
    (@default $x:expr, dyn $t:ident) => { Box::new($x) as Box<dyn $t> };
    (@default $x:expr, $($t:tt)+) => { $x };
    (@typed $x:expr, $($t:tt)+) => {{
        let default: $crate::config::described!(@type $($t)+) = $crate::config::described!(@default $x, $($t)+);
        default
    }};

    // A kind without settings.
    ($(#[$meta:meta])* pub struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            fn describe(&self) -> $crate::config::Config {
                $crate::config::Config::new(stringify!($name))
            }
        }

        impl $crate::config::Described for $name {
            const KIND: &'static str = stringify!($name);

            fn from_config(from: &$crate::config::Reader<'_>) -> $crate::error::Result<Self> {
                from.only(&[]).map(|_| Self)
            }
        }

        $crate::config::described!(@setting $name);
    };

    // With a constructor, and defaults for what it takes.
    (
        $(#[$meta:meta])*
        pub struct $name:ident ($($(#[$rmeta:meta])* $r:ident: [$($rt:tt)+] = $rd:expr),+ $(,)?) { $($settings:tt)* }
        $($rest:tt)*
    ) => {
        $crate::config::described! {
            @struct [$(#[$meta])*] $name [] [] [$($(#[$rmeta])* $r: [$($rt)+] = $rd,)+] { $($settings)* } $($rest)*
        }

        impl $name {
            #[doc = concat!("Creates it from ", $("`", stringify!($r), "`, ",)+ "with the defaults for everything else.")]
            #[allow(clippy::needless_update)]
            pub fn new($($r: $crate::config::described!(@given $($rt)+)),+) -> Self {
                Self { $($r: $crate::config::described!(@store $r, $($rt)+),)+ ..Self::default() }
            }
        }
    };

    // With a constructor.
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(<const $n:ident: usize> as [$($kind:literal),+])? (
            $($(#[$rmeta:meta])* $r:ident: [$($rt:tt)+]),+ $(,)?
        ) { $($settings:tt)* }
        $($rest:tt)*
    ) => {
        $crate::config::described! {
            @struct [$(#[$meta])*] $name [$(<const $n: usize> $($kind),+)?]
            [$($(#[$rmeta])* $r: [$($rt)+],)+] [] { $($settings)* } $($rest)*
        }
    };

    // With defaults for everything.
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(<const $n:ident: usize> as [$($kind:literal),+])? { $($settings:tt)* }
        $($rest:tt)*
    ) => {
        $crate::config::described! {
            @struct [$(#[$meta])*] $name [$(<const $n: usize> $($kind),+)?] [] [] { $($settings)* } $($rest)*
        }
    };

    (
        @struct [$(#[$meta:meta])*] $name:ident [$(<const $n:ident: usize> $($kind:literal),+)?]
        [$($(#[$rmeta:meta])* $r:ident: [$($rt:tt)+],)*] [$($(#[$gmeta:meta])* $g:ident: [$($gt:tt)+] = $gd:expr,)*]
        { $($(#[$smeta:meta])* $s:ident: [$($st:tt)+] = $d:expr,)* }
        $(params { $($(#[$pmeta:meta])* $p:ident: $pi:ident = $pd:expr,)* })?
        $(private { $($(#[$kmeta:meta])* $k:ident: $kt:ty = $kd:expr,)* })?
    ) => {
        $(#[$meta])*
        pub struct $name $(<const $n: usize>)? {
            $($(#[$rmeta])* pub $r: $crate::config::described!(@type $($rt)+),)*
            $($(#[$gmeta])* pub $g: $crate::config::described!(@type $($gt)+),)*
            $($(#[$smeta])* pub $s: $crate::config::described!(@type $($st)+),)*
            $($($(#[$pmeta])* pub(crate) $p: Param,)*)?
            $($($(#[$kmeta])* pub(crate) $k: $kt,)*)?
        }

        $crate::config::described! {
            @new $name [$($n)?] [$($g)*] [$($(#[$rmeta])* $r: [$($rt)+],)*]
        }

        impl $(<const $n: usize>)? $name $(<$n>)? {
            $($crate::config::described! { @setter [$(#[$smeta])*] $s [$($st)+] $d })*
            $($(
                #[doc = concat!("Sets the first values of the ", stringify!($p), ", by default `", stringify!($pd), "`.")]
                #[must_use]
                pub fn $pi(self, initializer: impl Initializer + 'static) -> Self {
                    self.$p.set_initializer(initializer);
                    self
                }
            )*)?

            /// Creates it with the defaults for everything that is not passed.
            fn declared($($r: $crate::config::described!(@type $($rt)+)),*) -> Self {
                $(const { $crate::config::assert_rank($n) };)?
                Self {
                    $($r,)*
                    $($g: $crate::config::described!(@default $gd, $($gt)+),)*
                    $($s: $crate::config::described!(@default $d, $($st)+),)*
                    $($($p: Param::new($pd),)*)?
                    $($($k: $kd,)*)?
                }
            }

            fn describe(&self) -> $crate::config::Config {
                $crate::config::Config::declared(<Self as $crate::config::Described>::KIND, &[
                    $((stringify!($r), &self.$r, None),)*
                    $((stringify!($g), &self.$g, Some(&$crate::config::described!(@typed $gd, $($gt)+))),)*
                    $((stringify!($s), &self.$s, Some(&$crate::config::described!(@typed $d, $($st)+))),)*
                    $($((
                        stringify!($pi),
                        &self.$p,
                        Some(&(std::sync::Arc::new($pd) as std::sync::Arc<dyn Initializer>)),
                    ),)*)?
                ])
            }
        }

        impl $(<const $n: usize>)? $crate::config::Described for $name $(<$n>)? {
            const KIND: &'static str = $crate::config::described!(@kind $name $([$n $($kind),+])?);

            fn from_config(from: &$crate::config::Reader<'_>) -> $crate::error::Result<Self> {
                from.only(&[$(stringify!($r),)* $(stringify!($g),)* $(stringify!($s),)* $($(stringify!($pi),)*)?])?;
                #[allow(unused_mut)]
                let mut made = Self::declared($(from.get(stringify!($r))?),*);
                let filled = from.fill(&mut [
                    $((stringify!($g), &mut made.$g),)*
                    $((stringify!($s), &mut made.$s),)*
                    $($((stringify!($pi), &mut made.$p),)*)?
                ]);
                filled.map(|()| made)
            }
        }

        impl $(<const $n: usize>)? std::fmt::Debug for $name $(<$n>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.describe())
            }
        }

        $crate::config::described!(@setting $name $([$n])?);
    };

    (@setter [$(#[$meta:meta])*] $s:ident [switch] $d:expr) => {
        #[doc = concat!("Creates it with `", stringify!($s), "`, which is off by default.")]
        #[doc = ""]
        $(#[$meta])*
        #[must_use]
        #[allow(clippy::needless_update)]
        pub fn $s() -> Self {
            Self { $s: true, ..Self::default() }
        }
    };
    (@setter [$(#[$meta:meta])*] $s:ident [$($t:tt)+] $d:expr) => {
        #[doc = concat!("Sets `", stringify!($s), "`, by default `", stringify!($d), "`.")]
        #[doc = ""]
        $(#[$meta])*
        #[must_use]
        pub fn $s(mut self, $s: $crate::config::described!(@given $($t)+)) -> Self {
            self.$s = $crate::config::described!(@store $s, $($t)+);
            self
        }
    };

    (@new $name:ident [$($n:ident)?] [] []) => {
        impl $(<const $n: usize>)? $name $(<$n>)? {
            /// Creates it with the defaults.
            pub fn new() -> Self {
                Self::declared()
            }
        }

        $crate::config::described!(@defaults $name [$($n)?]);
    };
    (@new $name:ident [] [$($g:ident)+] []) => {
        $crate::config::described!(@defaults $name []);
    };
    (@defaults $name:ident [$($n:ident)?]) => {
        impl $(<const $n: usize>)? Default for $name $(<$n>)? {
            fn default() -> Self {
                Self::declared()
            }
        }
    };
    (@new $name:ident [$($n:ident)?] [] [$($(#[$rmeta:meta])* $r:ident: [$($rt:tt)+],)+]) => {
        impl $(<const $n: usize>)? $name $(<$n>)? {
            #[doc = concat!("Creates it from ", $("`", stringify!($r), "`, ",)+ "with the defaults for everything else.")]
            pub fn new($($r: $crate::config::described!(@given $($rt)+)),+) -> Self {
                Self::declared($($crate::config::described!(@store $r, $($rt)+)),+)
            }
        }
    };

    (@kind $name:ident) => { stringify!($name) };
    (@kind $name:ident [$n:ident $($kind:literal),+]) => { [$($kind),+][$n - 1] };

    // A described thing is a setting itself, so that things nest by type too.
    (@setting $name:ident $([$n:ident])?) => {
        impl $(<const $n: usize>)? $crate::config::Declared for $name $(<$n>)? {
            fn description(&self) -> $crate::config::Config {
                self.describe()
            }
        }
    };
}
pub(crate) use described;

/// Declares a struct whose settings are named once, as `described!` does, where nothing is to be written or read: from the declaration
/// follow its fields, its setters, and its constructor: `new` with the documentation of what it takes,
/// `declared` for the file alone (`pub struct Name private (...)`), or `Default` (`pub struct Name {...}`).
macro_rules! settings {
    ($(#[$meta:meta])* pub struct $name:ident { $($settings:tt)* } $($rest:tt)*) => {
        $crate::config::settings!(@all [$(#[$meta])*] $name [] declared () { $($settings)* } $($rest)*);

        impl Default for $name {
            fn default() -> Self {
                Self::declared()
            }
        }
    };
    ($(#[$meta:meta])* pub struct $name:ident ($($given:tt)*) $($rest:tt)*) => {
        $crate::config::settings!(@all [$(#[$meta])*] $name [pub] new ($($given)*) $($rest)*);
    };
    ($(#[$meta:meta])* pub struct $name:ident private ($($given:tt)*) $($rest:tt)*) => {
        $crate::config::settings!(@all [$(#[$meta])*] $name [] declared ($($given)*) $($rest)*);
    };
    (
        @all [$(#[$meta:meta])*] $name:ident [$($public:tt)?] $new:ident
        ($($(#[$gmeta:meta])* $given:ident: [$($gt:tt)+]),* $(,)?)
        { $($(#[$smeta:meta])* $setting:ident: [$($st:tt)+] = $default:expr,)* }
        $(private { $($(#[$kmeta:meta])* $kept:ident: $kt:ty = $first:expr,)* })?
    ) => {
        $(#[$meta])*
        pub struct $name {
            $($given: $crate::config::described!(@type $($gt)+),)*
            $($setting: $crate::config::described!(@type $($st)+),)*
            $($($(#[$kmeta])* $kept: $kt,)*)?
        }

        impl $name {
            $($(#[$gmeta])*)*
            $($public)? fn $new($($given: $crate::config::described!(@given $($gt)+)),*) -> Self {
                Self {
                    $($given: $crate::config::described!(@store $given, $($gt)+),)*
                    $($setting: $default,)*
                    $($($kept: $first,)*)?
                }
            }

            $($crate::config::described! { @setter [$(#[$smeta])*] $setting [$($st)+] $default })*
        }
    };
}
pub(crate) use settings;

/// The method of a trait that gives the description of a declared type.
macro_rules! config {
    () => {
        fn config(&self) -> $crate::config::Config {
            self.describe()
        }
    };
}
pub(crate) use config;

/// Describes a tuple struct of one setting, such as `L2(0.01)`, and writes `new` for it where it is given what that takes.
macro_rules! described_as {
    ($name:ident($setting:literal), new($value:ident: $type:ty)) => {
        impl $name {
            #[doc = concat!("Creates it with this ", stringify!($value), ".")]
            pub fn new($value: $type) -> Self {
                Self($value)
            }
        }

        $crate::config::described_as!($name($setting));
    };
    ($name:ident($setting:literal)) => {
        impl $name {
            fn describe(&self) -> $crate::config::Config {
                $crate::config::Config::new(stringify!($name)).with($setting, &self.0)
            }
        }

        impl $crate::config::Described for $name {
            const KIND: &'static str = stringify!($name);

            fn from_config(from: &$crate::config::Reader<'_>) -> $crate::error::Result<Self> {
                from.only(&[$setting])?;
                from.get($setting).map(Self)
            }
        }

        $crate::config::described!(@setting $name);
    };
}
pub(crate) use described_as;

/// Makes the variants of an enum settings, each under its name in descriptions; of one further variant the value is what it holds.
macro_rules! named {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        $crate::config::named!(@impl [] $type [$($variant = $name),+] [] [concat!("one of", $(" `", $name, "`",)+)]);
    };
    ($type:ident $(<const $n:ident>)? { $($variant:ident = $name:literal),+ $(,)? } or $other:ident($expected:literal)) => {
        $crate::config::named!(@impl [$($n)?] $type [$($variant = $name),+] [$other] [$expected]);
    };
    (
        @impl [$($n:ident)?] $type:ident [$($variant:ident = $name:literal),+] [$($other:ident)?] [$expected:expr]
    ) => {
        impl $(<const $n: usize>)? $crate::config::Setting for $type $(<$n>)? {
            fn to_value(&self) -> $crate::config::Value {
                $crate::config::Value::Text(match self {
                    $(Self::$variant => $name,)+
                    $(Self::$other(held) => return held.to_value(),)?
                }.into())
            }

            #[allow(unused_variables)]
            fn from_value(
                value: &$crate::config::Value,
                registry: &$crate::config::Registry,
            ) -> $crate::error::Result<Self> {
                match value {
                    $($crate::config::Value::Text(name) if name == $name => Ok(Self::$variant),)+
                    $($crate::config::Value::Number(_) | $crate::config::Value::List(_) => {
                        $crate::config::Setting::from_value(value, registry).map(Self::$other)
                    })?
                    other => Err($crate::config::expected($expected, other)),
                }
            }
        }
    };
}
pub(crate) use named;

/// A family of things behind a trait: they are settings as boxes, and a registry makes them by their kind.
macro_rules! family {
    ($pointer:ident, $trait:ty) => {
        impl $crate::config::Setting for $pointer<$trait> {
            fn to_value(&self) -> $crate::config::Value {
                $crate::config::Value::Config((**self).config())
            }

            fn from_value(
                value: &$crate::config::Value,
                registry: &$crate::config::Registry,
            ) -> $crate::error::Result<Self> {
                registry.make(value.as_config()?)
            }
        }
    };
}
pub(crate) use family;

/// The members of a family that the crate has: a function that registers them, and the method of `Registry` that adds one more. Each
/// may be checked when it is made.
macro_rules! kinds {
    ($register:ident, $doc:literal $method:ident, $pointer:ident<dyn $trait:ident> $(, check $check:expr)? => $($name:ident)+) => {
        $crate::config::kinds!(@all $register $doc $method $pointer $trait [$($check)?] $($name)+);
    };
    (@all $register:ident $doc:literal $method:ident $pointer:ident $trait:ident $check:tt $($name:ident)+) => {
        impl $crate::config::Registry {
            #[doc = $doc]
            #[must_use]
            pub fn $method<T: $trait + $crate::config::Described + 'static>(mut self) -> Self {
                self.insert(T::KIND, $crate::config::kinds!(@make $pointer, $trait, T, $check));
                self
            }
        }

        pub(crate) fn $register(registry: $crate::config::Registry) -> $crate::config::Registry {
            registry.with(&[$((
                <$name as $crate::config::Described>::KIND,
                $crate::config::kinds!(@make $pointer, $trait, $name, $check),
            )),+])
        }
    };
    (@make $pointer:ident, $trait:ident, $name:ident, [$($check:expr)?]) => {
        |from: &$crate::config::Reader<'_>| {
            let made = <$name as $crate::config::Described>::from_config(from)?;
            $($check(&made)?;)?
            Ok($pointer::new(made) as $pointer<dyn $trait>)
        }
    };
}
pub(crate) use kinds;
