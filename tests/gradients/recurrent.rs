//! Rows of embeddings, masks and recurrent layers.

use gradus::Dependence;
use gradus::layers::{Cell, Merge, Recurrent, Rnn, Vars};
use gradus::prelude::*;
use ndarray::Array2;

use super::{Function, Row, function, layer, numbers};

const SEQUENCE: &[usize] = &[2, 4, 3];
const OTHER: Option<&[usize]> = Some(&[2, 4, 2]);

/// The numbers from -1.5 to 1.5 as ids from 0 to 5, far from where they change.
pub(crate) fn to_ids(x: &Var) -> Var {
    struct Ids;
    impl Op for Ids {
        fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
            inputs[0].mapv(|x| ((x + 1.5) * 2.0).floor().clamp(0.0, 5.0)).into_shared()
        }
        fn backward(&self, _: &Tensor, _: &mut InputGrads<'_>) {}
        fn dependence(&self, inputs: &[Dependence]) -> Dependence {
            Dependence::per_example(inputs)
        }
    }
    x.tape().apply(Ids, &[x])
}

/// The steps from `first` to `last` as the only real ones.
fn steps(first: usize, last: usize) -> impl Fn(&Var) -> Var {
    move |x| {
        let shape = (x.shape()[0], x.shape()[1]);
        let mask = Array2::from_shape_fn(shape, |(_, t)| Float::from(u8::from((first..=last).contains(&t))));
        x.clone().with_mask(mask).unwrap()
    }
}

/// `h ← tanh(kernel · (x + h))`, with as many units as features.
struct Mixing(Dense);

impl Cell for Mixing {
    type State = (Var, Var);
    fn initial_state(&self, x: &Var) -> Result<(Var, Var)> {
        Ok((x * 0.0, x * 0.5))
    }
    fn step(&self, x: &Var, (h, c): &(Var, Var)) -> Result<(Var, (Var, Var))> {
        let h = self.0.forward(&(x + h))?.tanh();
        Ok((&h * c, (h, c + x)))
    }
    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        list.nest("dense", &self.0);
    }
}

pub(crate) fn table() -> Vec<Row> {
    let mut rows = vec![
        layer("Embedding", &[2, 3], None, || Sequential::new().add(to_ids).add(Embedding::new(6, 2))),
        layer("Embedding of single ids", &[5], None, || Sequential::new().add(to_ids).add(Embedding::new(6, 2))),
        layer("Embedding padding_index", &[2, 3], None, || {
            Sequential::new().add(to_ids).add(Embedding::new(7, 2).padding_index(6))
        }),
        layer("Embedding mask_zero and initializer", &[2, 4], None, || {
            let embedding = Embedding::new(6, 2).embeddings_initializer(XavierUniform).mask_zero(true);
            Sequential::new().add(to_ids).add(embedding).add(Lstm::new(2))
        }),
        layer("TiedDense", &[2, 3], None, || {
            let embedding = Embedding::new(6, 2);
            let head = embedding.output_layer();
            Sequential::new().add(to_ids).add(embedding).add(Tanh).add(head)
        }),
        layer("TiedDense with a bias", &[2, 3], Some(&[2, 4]), || Embedding::new(6, 3).output_layer().use_bias(true)),
        layer("Masking", SEQUENCE, Some(&[2, 3]), || Sequential::new().add(Masking::new(0.0)).add(Gru::new(2))),
        layer("Bidirectional", SEQUENCE, OTHER, || Bidirectional::new(|| Lstm::new(2))),
        layer("Bidirectional sequences", SEQUENCE, OTHER, || Bidirectional::new(|| Gru::new(2).return_sequences(true))),
        layer("Bidirectional sum", SEQUENCE, OTHER, || {
            Bidirectional::new(|| Lstm::new(2)).merge(Merge::Sum).return_sequences(true)
        }),
        layer("Bidirectional multiply", SEQUENCE, OTHER, || {
            Bidirectional::new(|| SimpleRnn::new(2)).merge(Merge::Multiply)
        }),
        layer("Bidirectional average with padding", SEQUENCE, OTHER, || {
            let both = Bidirectional::new(|| Gru::new(2).return_sequences(true)).merge(Merge::Average);
            Sequential::new().add(steps(1, 2)).add(both)
        }),
        layer("Bidirectional around a cell", SEQUENCE, OTHER, || {
            Bidirectional::new(|| Rnn::new(Mixing(Dense::new(3))).return_sequences(true))
        }),
        layer("Rnn", SEQUENCE, OTHER, || Rnn::new(Mixing(Dense::new(3)))),
        layer("Rnn sequences backwards", SEQUENCE, OTHER, || {
            Rnn::new(Mixing(Dense::new(3))).return_sequences(true).go_backwards(true)
        }),
        layer("Rnn with padding", SEQUENCE, OTHER, || {
            Sequential::new().add(steps(1, 2)).add(Rnn::new(Mixing(Dense::new(3))).return_sequences(true))
        }),
        layer("Rnn with zeros at padding", SEQUENCE, OTHER, || {
            let rnn = Rnn::new(Mixing(Dense::new(3))).return_sequences(true).zero_output_for_mask(true);
            Sequential::new().add(steps(1, 2)).add(rnn)
        }),
        layer("TimeDistributed", &[2, 2, 4, 4, 1], Some(&[2, 2, 4, 4, 2]), || {
            TimeDistributed::new(Conv2d::new(2, 3).activation(Tanh))
        }),
        layer("TimeDistributed on sequences", SEQUENCE, OTHER, || TimeDistributed::new(Dense::new(2))),
        layer("Lstm stacked", SEQUENCE, OTHER, || {
            Sequential::new().add(Lstm::new(3).return_sequences(true)).add(Lstm::new(2))
        }),
        // Rows times steps that are more than one block of the products.
        layer("Lstm over several blocks", &[7, 40, 1], Some(&[2, 3, 2]), || Lstm::new(2)),
        layer("Gru over several blocks", &[7, 40, 1], Some(&[2, 3, 2]), || Gru::new(2).return_sequences(true)),
        layer("Lstm activations", SEQUENCE, OTHER, || {
            Lstm::new(3).activation(Sigmoid).recurrent_activation(Tanh).unit_forget_bias(false)
        }),
        layer("Gru activations", SEQUENCE, OTHER, || Gru::new(3).activation(Sigmoid).recurrent_activation(Tanh)),
        layer("SimpleRnn activation", SEQUENCE, OTHER, || SimpleRnn::new(3).activation(Linear)),
        layer("Gru reset before", SEQUENCE, OTHER, || Gru::new(3).reset_after(false)),
        layer("Gru reset before, sequences backwards", SEQUENCE, OTHER, || {
            Gru::new(3).reset_after(false).return_sequences(true).go_backwards(true)
        }),
        layer("Gru reset before, recurrent dropout", SEQUENCE, OTHER, || {
            Gru::new(3).reset_after(false).recurrent_dropout(0.5).dropout(0.3)
        }),
        layer("Gru reset before, padding", SEQUENCE, OTHER, || {
            Sequential::new().add(steps(1, 2)).add(Gru::new(3).reset_after(false).return_sequences(true))
        }),
        layer("Gru reset before without bias", SEQUENCE, OTHER, || Gru::new(3).reset_after(false).use_bias(false)),
    ];
    macro_rules! kinds {
        ($($name:ident)+) => { $({
            let mut row = |name: &str, make: fn() -> $name| {
                rows.push(layer(format!("{} {name}", stringify!($name)), SEQUENCE, OTHER, make));
            };
            row("last step", || $name::new(3));
            row("sequences", || $name::new(3).return_sequences(true));
            row("backwards", || $name::new(3).go_backwards(true));
            row("sequences backwards", || $name::new(3).return_sequences(true).go_backwards(true));
            row("without bias", || $name::new(3).use_bias(false));
            row("dropout", || $name::new(3).dropout(0.5));
            row("recurrent dropout", || $name::new(3).recurrent_dropout(0.5).return_sequences(true));
            row("initializers", || {
                $name::new(3).kernel_initializer(HeNormal).recurrent_initializer(XavierUniform).bias_initializer(Ones)
            });
            let mut padded = |name: &str, first: usize, last: usize, make: fn() -> $name| {
                let name = format!("{} {name}", stringify!($name));
                let make = move || Sequential::new().add(steps(first, last)).add(make());
                rows.push(layer(name, SEQUENCE, OTHER, make));
            };
            padded("padded right", 0, 1, || $name::new(3));
            padded("padded left", 2, 3, || $name::new(3));
            padded("padded right, backwards", 0, 2, || $name::new(3).go_backwards(true));
            padded("padded twice, sequences", 1, 2, || $name::new(3).return_sequences(true));
            padded("padded twice, sequences backwards", 1, 2, || {
                $name::new(3).return_sequences(true).go_backwards(true).recurrent_dropout(0.5)
            });
            padded("padded, zeros there", 1, 2, || $name::new(3).return_sequences(true).zero_output_for_mask(true));
            padded("all padding but a step, last", 1, 1, || $name::new(3).zero_output_for_mask(true));
        })+ };
    }
    kinds!(SimpleRnn Lstm Gru);
    rows
}

/// Output and last states side by side in time, of an input and first states that all are checked, with padding or not.
fn with_state<L: Recurrent<State: Clone>>(
    name: &str,
    states: usize,
    is_padded: bool,
    make: impl Fn() -> L + 'static,
) -> Function {
    let inputs: Vec<Tensor> = (0..=states).map(|i| numbers(if i == 0 { SEQUENCE } else { &[2, 2] })).collect();
    function(format!("WithState {name}"), &inputs, move |vars| {
        let layer = make().with_state();
        let mut x = vars[0].clone();
        if is_padded {
            x = x.with_mask(ndarray::array![[0, 1, 1, 0], [0, 0, 0, 0]])?;
        }
        let (y, state) = layer.forward(&(x, Vars::from_list("the state", vars[1..].to_vec())?))?;
        let mut parts = vec![y.reshape(&[y.value().len()])?];
        for state in state.to_list() {
            parts.push(state.reshape(&[state.value().len()])?);
        }
        Var::concat(&parts.iter().collect::<Vec<_>>(), 0)
    })
}

pub(crate) fn functions() -> Vec<Function> {
    let mut rows = vec![
        function("flip first axis", &[numbers(&[3, 2, 2])], |x| x[0].flip(0)),
        function("flip time", &[numbers(&[3, 2, 2])], |x| x[0].flip(1)),
        function("flip last axis", &[numbers(&[3, 4])], |x| x[0].flip(-1)),
        function("slice many times", &[numbers(&[2, 5])], |x| {
            Ok((x[0].slice(1, ..3)? * x[0].slice(1, 2..)?) + x[0].slice(1, 1..4)?)
        }),
        with_state("Bidirectional", 2, false, || Bidirectional::new(|| Gru::new(2).return_sequences(true))),
        with_state("Bidirectional padded", 2, true, || Bidirectional::new(|| SimpleRnn::new(2))),
    ];
    for is_padded in [false, true] {
        let name = |name: &str| format!("{name}{}", if is_padded { " padded" } else { "" });
        rows.extend([
            with_state(&name("SimpleRnn"), 1, is_padded, || SimpleRnn::new(2)),
            with_state(&name("Lstm"), 2, is_padded, || Lstm::new(2)),
            with_state(&name("Lstm sequences"), 2, is_padded, || Lstm::new(2).return_sequences(true)),
            with_state(&name("Lstm backwards"), 2, is_padded, || Lstm::new(2).go_backwards(true)),
            with_state(&name("Gru"), 1, is_padded, || Gru::new(2).recurrent_dropout(0.5)),
            with_state(&name("Gru reset before"), 1, is_padded, || {
                Gru::new(2).reset_after(false).recurrent_dropout(0.5).return_sequences(true)
            }),
        ]);
    }
    rows
}
