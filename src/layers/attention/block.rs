//! What the blocks of a Transformer share.

use crate::activations::Relu;
use crate::autograd::Var;
use crate::error::{Error, Result};
use crate::layers::{Dense, Dropout, Layer, LayerNorm};

/// What both blocks have: sizes, and two dense layers behind the attention.
pub(super) struct Block {
    pub(super) size: usize,
    pub(super) heads: usize,
    pub(super) dropout: Dropout,
    pub(super) pre_norm: bool,
    pub(super) linear_1: Dense,
    pub(super) linear_2: Dense,
}

impl Block {
    pub(super) fn new(size: usize, heads: usize, hidden: usize) -> Self {
        let (linear_1, linear_2) = (Dense::new(hidden).activation(Relu), Dense::new(size));
        Self { size, heads, dropout: Dropout::new(0.0), pre_norm: false, linear_1, linear_2 }
    }

    /// The size of a head.
    pub(super) fn head_size(&self) -> usize {
        self.size.checked_div(self.heads).unwrap_or(0)
    }

    pub(super) fn check(&self, x: &Var) -> Result<()> {
        if self.heads == 0 || self.size == 0 || !self.size.is_multiple_of(self.heads) {
            return Err(Error::value(format!(
                "expected a size that is a multiple of the number of heads, both at least 1, got {} and {}",
                self.size, self.heads
            )));
        }
        match x.value.shape() {
            [_, _, features] if *features == self.size => Ok(()),
            shape => Err(Error::shape(format!(
                "expected an input [batch, time, {size}], got {shape:?}; make the block of that size, or put `Dense::new({size})` \
                 before it",
                size = self.size
            ))),
        }
    }

    /// `x + part(norm(x))`, or `norm(x + part(x))` if the norm comes after.
    pub(super) fn residual(
        &self,
        norm: (&str, &LayerNorm),
        x: &Var,
        part: impl FnOnce(&Var) -> Result<Var>,
    ) -> Result<Var> {
        let normal = |x: &Var| x.tape().within(norm.0, || norm.1.forward(x));
        let part = |x: &Var| self.drop(&part(x)?);
        if self.pre_norm { Ok(x + part(&normal(x)?)?) } else { normal(&(x + part(x)?)) }
    }

    pub(super) fn feed_forward(&self, norm: (&str, &LayerNorm), x: &Var) -> Result<Var> {
        self.residual(norm, x, |x| {
            let hidden = x.tape().within("linear_1", || self.linear_1.forward(x))?;
            self.linear_2.forward(&self.drop(&hidden)?).map_err(|error| error.within("linear_2"))
        })
    }

    fn drop(&self, x: &Var) -> Result<Var> {
        self.dropout.forward(x)
    }
}

/// The setters that both blocks have. `$attention` are those that drop weights, `$norm` those that have an epsilon.
macro_rules! setters {
    ([$($attention:ident),+], [$($norm:ident),+]) => {
        /// Sets the activation between the two dense layers.
    #[must_use]
        pub fn activation(mut self, activation: impl Activation + 'static) -> Self {
            self.block.linear_1 = self.block.linear_1.activation(activation);
            self
        }

        /// Sets the share of numbers dropped in training: of the attention's weights, behind each part and between the
        /// dense layers.
    #[must_use]
        pub fn dropout(mut self, rate: Float) -> Self {
            self.block.dropout = Dropout::new(rate);
            $(self.$attention = self.$attention.dropout(rate);)+
            self
        }

        /// Sets whether the norms come before the parts and inside of the residual connections, which trains deep
        /// stacks more easily. Such a stack wants one more [`LayerNorm`] at its end.
        #[doc(alias = "norm_first")]
        #[doc(alias = "normalize_first")]
    #[must_use]
        pub fn pre_norm(mut self, yes: bool) -> Self {
            self.block.pre_norm = yes;
            self
        }

        /// Sets what the norms add to the variance.
    #[must_use]
        pub fn epsilon(mut self, epsilon: Float) -> Self {
            $(self.$norm = self.$norm.epsilon(epsilon);)+
            self
        }

        /// Sets whether a step sees only itself and those before it.
    #[must_use]
        pub fn causal(mut self, yes: bool) -> Self {
            self.self_attention = self.self_attention.causal(yes);
            self
        }

        /// Changes the attention of the sequence to itself, such as to rotary positions or grouped queries.
    #[must_use]
        pub fn attention(mut self, change: impl FnOnce(MultiHeadAttention) -> MultiHeadAttention) -> Self {
            self.self_attention = change(self.self_attention);
            self
        }
    };
}
pub(super) use setters;

/// The description of a block: its sizes, and those of its parts that differ from what the sizes make.
macro_rules! described_block {
    ($name:ident, [$($part:ident),+]) => {
        impl $name {
            fn describe(&self) -> $crate::config::Config {
                let Block { size, heads, dropout, pre_norm, linear_1, linear_2 } = &self.block;
                let plain = Self::new(*size, *heads, linear_1.units).dropout(dropout.rate);
                $crate::config::Config::new(Self::KIND)
                    .with("size", size)
                    .with("heads", heads)
                    .with("hidden", &linear_1.units)
                    .with_default("dropout", &dropout.rate, &0.0)
                    .with_default("pre_norm", pre_norm, &false)
                    .with_default("linear_1", linear_1, &plain.block.linear_1)
                    .with_default("linear_2", linear_2, &plain.block.linear_2)
                    $(.with_default(stringify!($part), &self.$part, &plain.$part))+
            }
        }

        impl Described for $name {
            const KIND: &'static str = stringify!($name);

            fn from_config(from: &Reader<'_>) -> Result<Self> {
                from.only(&[
                    "size", "heads", "hidden", "dropout", "pre_norm", "linear_1", "linear_2", $(stringify!($part)),+
                ])?;
                let new = Self::new(from.get("size")?, from.get("heads")?, from.get("hidden")?)
                    .dropout(from.get_or("dropout", 0.0)?)
                    .pre_norm(from.get_or("pre_norm", false)?);
                let block = Block {
                    linear_1: from.get_or("linear_1", new.block.linear_1)?,
                    linear_2: from.get_or("linear_2", new.block.linear_2)?,
                    ..new.block
                };
                Ok(Self { block, $($part: from.get_or(stringify!($part), new.$part)?),+ })
            }
        }

        described!(@setting $name);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.describe())
            }
        }
    };
}
pub(super) use described_block;
