//! One forward pass.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use ndarray::IxDyn;
use rand::SeedableRng;

use super::contrast::Contrast;
use super::onnx::{OnnxForm, Traced};
use super::op::standard;
use super::waiting::{Applied, Fusible, Last, LazyValue, Waiting, Work};
use super::watch::Watch;
use super::{Dependence, ExampleGradients, Gradients, InputGrads, Op, Origin, Param, ParamId, Var};
use crate::error::{Error, Result};
use crate::initializers::{Initializer, RandomNormal};
use crate::kernels::{elementwise::largest, parallel::FlushDenormals};
use crate::random::Rng;
use crate::tensor::{Float, IntoTensor, Pooled, Tensor, data, recycle, tensor};

/// One forward pass: it owns the mode (training or inference), the random numbers, the recorded operations and the
/// postponed changes of state.
///
/// Cloning gives another handle on the same tape. A tape stays on its thread; models are shared between threads.
///
/// ```
/// use gradus::prelude::*;
/// let tape = Tape::training();
/// let x = tape.variable(ndarray::arr1(&[1.0, 2.0]));
/// let loss = (&x * &x).sum();
/// assert_eq!(loss.backward()?.of(&x).unwrap().as_slice().unwrap(), [2.0, 4.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tape(pub(super) Rc<Inner>);

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operations = self.0.nodes.borrow().len();
        f.debug_struct("Tape")
            .field("training", &self.0.training)
            .field("operations", &operations)
            .finish_non_exhaustive()
    }
}

/// What becomes of a parameter before it is used.
type Change = dyn Fn(Var) -> Result<Var>;

pub(super) struct Inner {
    training: bool,
    noisy: Cell<bool>,
    recording: Cell<bool>,
    /// Dropped before `values`, so that these are the last holders and give their memory back.
    nodes: RefCell<Vec<Node>>,
    values: RefCell<Vec<Pooled>>,
    /// Of the value of each node, whose gradient is to have it too; none of a parameter, for the optimizer's check names that.
    shapes: RefCell<Vec<Option<IxDyn>>>,
    leaves: RefCell<HashMap<ParamId, usize>>,
    random: RefCell<Rng>,
    initial: RefCell<Rng>,
    /// The seed of `initial`, and how far parameters that were made from it elsewhere have used it up.
    initial_seed: Cell<u64>,
    initial_used: Cell<u128>,
    updates: RefCell<Vec<(Param, Tensor)>>,
    /// Parts of the loss that layers added; without the tape, which would hold itself.
    losses: RefCell<Vec<(Pooled, Option<usize>, Dependence)>>,
    /// What becomes of parameters before they are used, the innermost last.
    changes: RefCell<Vec<(ParamId, Rc<Change>)>>,
    /// Whether the second half of the examples are the baselines of the first.
    contrasts: Cell<bool>,
    inspected: Cell<bool>,
    /// Whether numbers that depend on the examples were read out.
    read: Cell<bool>,
    /// What was applied, where the pass is traced for a file of ONNX.
    traced: RefCell<Option<Vec<Traced>>>,
    /// How many numbers of parameters were used, and how many were made of the examples.
    sizes: Cell<(usize, usize)>,
    trace: RefCell<Option<Vec<TraceRow>>>,
    pub(super) watch: RefCell<Option<Watch>>,
}

/// The new value of a state must be finite, or it never will be again.
pub(crate) fn check_update(value: &Tensor, name: impl FnOnce() -> String) -> Result<()> {
    if largest(data(value)).is_finite() {
        return Ok(());
    }
    let reason = "the new value that a layer has for it, by `Tape::update`, is not finite".into();
    Err(Error::StepNotFinite { name: name(), reason })
}

/// The steps that are real in all inputs.
fn mask_of<'a>(inputs: impl Iterator<Item = &'a Var>) -> Option<Rc<Tensor>> {
    let mut masked = inputs.filter_map(|var| var.mask.as_ref().map(|mask| (&var.tape, mask)));
    let (tape, first) = masked.next()?;
    let mut all = first.clone();
    for (_, mask) in masked {
        if !Rc::ptr_eq(&all, mask) && all.shape() == mask.shape() {
            let both = (&*all * &**mask).into_shared();
            tape.note_mask(&[&all, mask], &both, |form| form.node("Mul", &["in0", "in1"], &[]));
            all = Rc::new(both);
        }
    }
    Some(all)
}

enum Node {
    /// Of an operation whose value is not read yet.
    Reserved,
    Param(ParamId),
    Variable,
    Op(Box<dyn Op>, &'static str, Vec<Option<usize>>, Dependence),
}

/// A layer as the summary shows it.
#[derive(Clone, Debug)]
pub(crate) struct TraceRow {
    pub name: String,
    pub kind: String,
    pub shapes: Vec<Vec<usize>>,
    /// Where its inputs come from, if it is not just the layer before.
    pub from: Vec<String>,
    /// The layers in it, whose shapes Keras wants.
    #[cfg_attr(not(feature = "keras"), allow(dead_code))]
    pub inner: Vec<TraceRow>,
}

impl TraceRow {
    pub(crate) fn new(name: &str, kind: &str, outputs: &[Var]) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            shapes: outputs.iter().map(|y| y.value.shape().into()).collect(),
            from: Vec::new(),
            inner: Vec::new(),
        }
    }
}

impl Tape {
    fn new(training: bool) -> Self {
        Self(Rc::new(Inner {
            training,
            noisy: Cell::new(training),
            recording: Cell::new(training),
            nodes: RefCell::default(),
            values: RefCell::default(),
            shapes: RefCell::default(),
            leaves: RefCell::default(),
            random: RefCell::new(Rng::seed_from_u64(0)),
            initial: RefCell::new(Rng::seed_from_u64(0)),
            initial_seed: Cell::new(0),
            initial_used: Cell::new(0),
            updates: RefCell::default(),
            losses: RefCell::default(),
            changes: RefCell::default(),
            contrasts: Cell::new(false),
            inspected: Cell::new(false),
            read: Cell::new(false),
            traced: RefCell::default(),
            sizes: Cell::default(),
            trace: RefCell::default(),
            watch: RefCell::default(),
        }))
    }

    /// Creates a tape that records for [`Var::backward`]; dropout drops, batch normalisation uses the batch.
    pub fn training() -> Self {
        Self::new(true)
    }

    /// Creates a tape that records nothing and frees intermediate values at once.
    pub fn inference() -> Self {
        Self::new(false)
    }

    /// Lets this tape record in the same mode: for gradients of a network in inference mode, as saliency maps want
    /// them.
    pub fn recording(self) -> Self {
        self.0.recording.set(true);
        self
    }

    /// Lets the second half of the examples be the baselines of the first, and the backward sweep carry contributions to the difference.
    pub(crate) fn contrasting(self) -> Self {
        self.0.contrasts.set(true);
        self
    }

    /// Lets dropout and noise disturb on this tape too, while batch normalisation keeps to the statistics that it has gathered: for
    /// predictions that differ as much as the model is uncertain, as
    /// [`monte_carlo_dropout`](crate::calibration::monte_carlo_dropout) makes them.
    pub fn noisy(self) -> Self {
        self.0.noisy.set(true);
        self
    }

    /// Seeds the random numbers of this pass: those of dropout, and those of parameters created in it.
    ///
    /// The default is 0.
    pub fn seed(self, seed: u64) -> Self {
        self.seeds(seed, seed)
    }

    pub(crate) fn seeds(self, initial: u64, random: u64) -> Self {
        *self.0.initial.borrow_mut() = Rng::seed_from_u64(initial);
        self.0.initial_seed.set(initial);
        *self.0.random.borrow_mut() = Rng::seed_from_u64(random);
        self
    }

    /// Whether layers are to behave as in training.
    pub fn is_training(&self) -> bool {
        self.0.training
    }

    /// Whether dropout and noise disturb: in training, and on a tape that is [`noisy`](Tape::noisy).
    pub fn is_noisy(&self) -> bool {
        self.0.noisy.get()
    }

    /// Whether operations are recorded for a backward sweep.
    pub fn is_recording(&self) -> bool {
        self.0.recording.get()
    }

    /// Puts a batch of examples on the tape, counted by axis 0. No gradient is computed for it.
    pub fn input(&self, value: impl IntoTensor) -> Var {
        self.examples(value.into_tensor())
    }

    pub(crate) fn examples(&self, value: Tensor) -> Var {
        Var::new(standard(value), self, None, Dependence::PerExample).with_origin(Origin::Input)
    }

    /// Puts a batch of examples on the tape whose gradient is wanted: [`Gradients::of`] returns it.
    pub fn variable(&self, value: impl IntoTensor) -> Var {
        let value = standard(value.into_tensor());
        let node = self.is_recording().then(|| self.push(Node::Variable, Some(value.shape())));
        Var::new(value, self, node, Dependence::PerExample)
    }

    /// Puts a value on the tape that is the same for every batch, without a gradient.
    pub fn constant(&self, value: impl IntoTensor) -> Var {
        Var::new(standard(value.into_tensor()), self, None, Dependence::Constant)
    }

    /// Runs an operation on variables of this tape, and records it if a gradient may be wanted.
    ///
    /// # Panics
    /// if a variable is on another tape: its gradient would be lost without a word
    #[track_caller]
    pub fn apply<O: Op>(&self, op: O, inputs: &[&Var]) -> Var {
        let name = std::any::type_name_of_val(&op);
        self.apply_boxed(Box::new(op), name, inputs)
    }

    /// Not generic: it would be compiled for each operation.
    #[track_caller]
    fn apply_boxed(&self, op: Box<dyn Op>, name: &'static str, inputs: &[&Var]) -> Var {
        self.check_tapes(inputs);
        if let [x, more @ ..] = inputs
            && let LazyValue::Waiting(waiting) = &x.value
            && let Some(fused) = waiting.with(&*op, more)
        {
            let inputs = inputs.iter().map(|var| (*var).clone()).collect();
            return self.wait_boxed(fused, Some(Last { op, name, inputs }));
        }
        let node = self.reserve(inputs.iter().copied());
        let (value, dependence, keeps_steps) = self.run(op, name, inputs, node);
        let mask =
            mask_of(inputs.iter().copied()).filter(|mask| value.shape().get(..2) == Some(mask.shape()) && keeps_steps);
        Var { mask, ..Var::new(value, self, node, dependence) }
    }

    /// Runs an operation as soon as its value is read, unless it becomes a part of the next one.
    #[track_caller]
    pub(crate) fn wait<O: Fusible>(&self, op: O, inputs: &[&Var]) -> Var {
        if self.0.contrasts.get() || self.0.traced.borrow().is_some() {
            return self.apply_boxed(Box::new(op), std::any::type_name::<O>(), inputs);
        }
        self.check_tapes(inputs);
        if let [x, more @ ..] = inputs
            && let LazyValue::Waiting(waiting) = &x.value
            && let Some(fused) = waiting.with(&op, more)
        {
            let inputs = inputs.iter().map(|var| (*var).clone()).collect();
            let last = Last { op: Box::new(op), name: std::any::type_name::<O>(), inputs };
            return self.wait_boxed(fused, Some(last));
        }
        let inputs = inputs.iter().map(|var| (*var).clone()).collect();
        self.wait_boxed(Applied { op: Box::new(op), name: std::any::type_name::<O>(), inputs }, None)
    }

    fn wait_boxed(&self, all: Applied, last: Option<Last>) -> Var {
        let node = self.reserve(all.inputs.iter());
        // What the last operation says holds whether it is a part of the one before it or not.
        let (op, inputs): (&dyn Op, _) = match &last {
            Some(last) => (&*last.op, &last.inputs),
            None => (&*all.op, &all.inputs),
        };
        let dependences: Vec<Dependence> = inputs.iter().map(|var| var.dependence).collect();
        let dependence = op.dependence(&dependences);
        let lengths = || all.op.shape(&all.inputs);
        let mask = mask_of(inputs.iter()).filter(|mask| lengths().get(..2) == Some(mask.shape()) && op.keeps_steps());
        let work = Work { all, last, node, tape: self.clone() };
        Var { mask, ..Var::new(LazyValue::Waiting(Rc::new(Waiting::new(work))), self, node, dependence) }
    }

    #[track_caller]
    fn check_tapes(&self, inputs: &[&Var]) {
        assert!(
            inputs.iter().all(|var| Rc::ptr_eq(&var.tape.0, &self.0)),
            "an operation met variables of two tapes; make both on one, or bring a value over with `tape.constant(x.value())`"
        );
    }

    /// The place of an operation whose gradient may be wanted, which keeps the order in which operations were asked for.
    fn reserve<'a>(&self, mut inputs: impl Iterator<Item = &'a Var>) -> Option<usize> {
        (self.is_recording() && inputs.any(|var| var.node.is_some())).then(|| self.push(Node::Reserved, None))
    }

    /// Computes a value and records the operation. Also returns how it depends on the examples, and whether it keeps their steps.
    pub(super) fn run(
        &self,
        mut op: Box<dyn Op>,
        name: &'static str,
        inputs: &[&Var],
        node: Option<usize>,
    ) -> (Pooled, Dependence, bool) {
        let _flush = FlushDenormals::new();
        if self.0.contrasts.get() {
            op = Contrast::of(op);
        }
        let value: Pooled = match inputs {
            [x] => standard(op.forward(&[&x.value])),
            [x, y] => standard(op.forward(&[&x.value, &y.value])),
            [x, y, z] => standard(op.forward(&[&x.value, &y.value, &z.value])),
            _ => standard(op.forward(&inputs.iter().map(|var| &*var.value).collect::<Vec<_>>())),
        }
        .into();
        if let Some(traced) = self.0.traced.borrow_mut().as_mut() {
            let tensors: Vec<&Tensor> = inputs.iter().map(|var| &*var.value).collect();
            let mut form = OnnxForm::new(&tensors, &value);
            let written = op.onnx(&mut form).map(|name| (form.nodes, name));
            let known = inputs.iter().map(|var| ((*var.value).clone(), var.dependence == Dependence::Constant));
            traced.push(Traced { name, inputs: known.collect(), output: (*value).clone(), form: written });
        }
        let dependences: Vec<Dependence> = inputs.iter().map(|var| var.dependence).collect();
        let (dependence, keeps_steps) = (op.dependence(&dependences), op.keeps_steps());
        if dependence != Dependence::Constant {
            let (weights, values) = self.0.sizes.get();
            self.0.sizes.set((weights, values + value.len()));
        }
        if let Some(node) = node {
            self.0.values.borrow_mut().push(value.clone());
            self.0.shapes.borrow_mut()[node] = Some(IxDyn(value.shape()));
            self.0.nodes.borrow_mut()[node] =
                Node::Op(op, name, inputs.iter().map(|var| var.node).collect(), dependence);
        }
        (value, dependence, keeps_steps)
    }

    fn push(&self, node: Node, shape: Option<&[usize]>) -> usize {
        let mut nodes = self.0.nodes.borrow_mut();
        nodes.push(node);
        self.0.shapes.borrow_mut().push(shape.map(IxDyn));
        nodes.len() - 1
    }

    pub(crate) fn param(&self, param: &Param, value: Tensor) -> Var {
        let node = (self.is_recording() && param.is_trainable()).then(|| {
            let known = self.0.leaves.borrow().get(&param.id()).copied();
            known.unwrap_or_else(|| {
                let node = self.push(Node::Param(param.id()), None);
                self.0.leaves.borrow_mut().insert(param.id(), node);
                node
            })
        });
        let (weights, values) = self.0.sizes.get();
        self.0.sizes.set((weights + value.len(), values));
        Var::new(value, self, node, Dependence::Constant)
    }

    /// How many numbers of parameters this pass has used, and how many it has made of the examples.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        self.0.sizes.get()
    }

    /// Runs `forward`, in which whoever uses the parameter gets `change` of it, of the same shape: for wrappers that
    /// reparametrise a layer which they do not know.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let layer = Dense::new(2);
    /// let x = Tape::training().input(ndarray::arr2(&[[1.0, 2.0]]));
    /// let halved = x.tape().with_param(layer.kernel(), |kernel| Ok(kernel * 0.5), || layer.forward(&x))?;
    /// assert_eq!(halved.value(), (layer.forward(&x)? * 0.5).value());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_param<R>(
        &self,
        param: &Param,
        change: impl Fn(Var) -> Result<Var> + 'static,
        forward: impl FnOnce() -> R,
    ) -> R {
        struct Restore<'a>(&'a RefCell<Vec<(ParamId, Rc<Change>)>>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.borrow_mut().pop();
            }
        }
        self.0.changes.borrow_mut().push((param.id(), Rc::new(change)));
        let _restore = Restore(&self.0.changes);
        forward()
    }

    /// What [`Tape::with_param`] makes of a parameter.
    pub(crate) fn changed(&self, param: &Param, value: Var) -> Result<Var> {
        // Copied, since a change may use parameters itself.
        let changes: Vec<_> = self.0.changes.borrow().iter().filter(|(id, _)| *id == param.id()).cloned().collect();
        changes.iter().rev().try_fold(value, |value, (_, change)| {
            let shape = value.value.shape().to_vec();
            let new = change(value)?;
            match new.value.shape() == shape {
                true => Ok(new),
                false => Err(Error::shape(format!(
                    "`with_param` is to keep the shape {shape:?} of the parameter, but made {:?} of it",
                    new.value.shape()
                ))),
            }
        })
    }

    /// Draws from the random numbers of this pass.
    pub fn random<R>(&self, draw: impl FnOnce(&mut Rng) -> R) -> R {
        draw(&mut self.0.random.borrow_mut())
    }

    /// Draws normal random numbers of this shape, with mean 0 and standard deviation 1, from those of this pass; also
    /// in inference.
    ///
    /// Numbers that belong to the examples of a batch are better drawn by [`Var::normal_like`], which lets the trainer run a batch in
    /// parts.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let tape = Tape::training().seed(1);
    /// let noise = tape.normal(&[1000]);
    /// assert!(noise.mean().item().abs() < 0.1);
    /// assert_ne!(tape.normal(&[1000]).value(), noise.value());
    /// ```
    #[doc(alias = "randn")]
    #[doc(alias = "random_normal")]
    pub fn normal(&self, shape: &[usize]) -> Var {
        self.draw_normal(shape, Dependence::AcrossBatch)
    }

    pub(super) fn draw_normal(&self, shape: &[usize], dependence: Dependence) -> Var {
        let value = self.random(|rng| RandomNormal { mean: 0.0, stddev: 1.0 }.sample(shape, rng));
        Var::new(value, self, None, dependence)
    }

    /// Draws the first numbers of a parameter. Also returns their seed, and how much of its stream is used up then.
    pub(crate) fn initial<R>(&self, draw: impl FnOnce(&mut Rng) -> R) -> (R, (u64, u128)) {
        let mut rng = self.0.initial.borrow_mut();
        if self.0.initial_used.get() > rng.get_word_pos() {
            rng.set_word_pos(self.0.initial_used.get());
        }
        let drawn = draw(&mut rng);
        (drawn, (self.0.initial_seed.get(), rng.get_word_pos()))
    }

    /// Goes on after a parameter that another pass made from the same seed, as if it had been made in this one: when several
    /// threads are the first to use a model, each makes some of the parameters.
    pub(crate) fn go_on_after(&self, (seed, used): (u64, u128)) {
        if seed == self.0.initial_seed.get() {
            self.0.initial_used.set(used.max(self.0.initial_used.get()));
        }
    }

    /// Postpones a change of state, such as batch normalisation's statistics, until [`Tape::commit`]. Whoever uses the
    /// parameter later in this pass gets the new value, so that a layer that is used twice changes its state twice. A frozen
    /// parameter keeps its value.
    ///
    /// ```
    /// use gradus::prelude::*;
    /// let layer = BatchNorm::new().momentum(0.5);
    /// let tape = Tape::training();
    /// layer.forward(&tape.input(ndarray::arr2(&[[0.0], [2.0]])))?; // moving mean 0.5 · 0 + 0.5 · 1
    /// layer.forward(&tape.input(ndarray::arr2(&[[10.0], [30.0]])))?; // 0.5 · 0.5 + 0.5 · 20
    /// tape.commit()?;
    /// assert_eq!(layer.parameters()[2].1.value().unwrap()[0], 10.25);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn update(&self, param: &Param, value: Tensor) {
        if param.is_frozen() {
            return;
        }
        let mut updates = self.0.updates.borrow_mut();
        match updates.iter_mut().find(|(known, _)| known.id() == param.id()) {
            Some((_, pending)) => *pending = value,
            None => updates.push((param.clone(), value)),
        }
    }

    /// What [`Tape::update`] has postponed for a parameter.
    pub(crate) fn pending(&self, param: &Param) -> Option<Tensor> {
        let updates = self.0.updates.borrow();
        updates.iter().find(|(known, _)| known.id() == param.id()).map(|(_, value)| value.clone())
    }

    /// Carries out the postponed changes of state. The trainer does this after each step; a loop of your own calls it
    /// after its step, or its statistics stay as they are.
    ///
    /// # Errors
    /// A new value that is not finite or has another shape; nothing is changed then.
    pub fn commit(&self) -> Result<()> {
        let updates = self.take_updates();
        for (param, value) in &updates {
            check_update(value, || format!("a state of shape {}", param.shape_text()))?;
        }
        updates.into_iter().try_for_each(|(param, value)| param.set(value))
    }

    pub(crate) fn take_updates(&self) -> Vec<(Param, Tensor)> {
        self.0.updates.take()
    }

    /// Adds a scalar to the loss of this pass, such as a penalty on a layer's activity: a mean over the examples of the
    /// batch. The trainer adds it; a loop of your own calls [`Tape::take_losses`].
    pub fn add_loss(&self, loss: &Var) {
        let value: Pooled = (*loss.value).clone().into();
        self.0.losses.borrow_mut().push((value, loss.node, loss.dependence));
    }

    /// Returns what [`Tape::add_loss`] was given since the last call.
    pub fn take_losses(&self) -> Vec<Var> {
        let taken = self.0.losses.take().into_iter();
        taken.map(|(value, node, dependence)| Var::new(value, self, node, dependence)).collect()
    }

    /// Whether running a batch in parts would give the same gradients, as far as this pass has shown.
    pub(crate) fn splits(&self, loss: &Var) -> bool {
        loss.dependence == Dependence::BatchMean && self.0.updates.borrow().is_empty() && !self.0.inspected.get()
    }

    /// Whether each row of this output depends on one example, as far as this pass has shown.
    pub(crate) fn splits_rows(&self, output: &Var) -> bool {
        output.dependence == Dependence::PerExample && !self.0.inspected.get()
    }

    /// Somebody outside read a number: what follows may depend on it in ways that no operation shows.
    pub(super) fn mark_inspected(&self) {
        self.0.inspected.set(true);
    }

    /// The names of the recorded operations, without their paths.
    #[cfg(test)]
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        let nodes = self.0.nodes.borrow();
        let names = nodes.iter().filter_map(|node| if let Node::Op(_, name, ..) = node { Some(*name) } else { None });
        names.map(|name| name.rsplit("::").next().unwrap_or(name)).collect()
    }

    /// Notes what a mask is in ONNX that was made of these values, where the pass is traced.
    pub(crate) fn note_mask(&self, of: &[&Tensor], mask: &Tensor, write: impl FnOnce(&mut OnnxForm) -> String) {
        if let Some(traced) = self.0.traced.borrow_mut().as_mut() {
            let mut form = OnnxForm::new(of, mask);
            let name = write(&mut form);
            let inputs = of.iter().map(|tensor| ((*tensor).clone(), false)).collect();
            traced.push(Traced { name: "mask", inputs, output: mask.clone(), form: Some((form.nodes, name)) });
        }
    }

    pub(super) fn mark_read(&self) {
        self.0.inspected.set(true);
        self.0.read.set(true);
    }

    /// Notes all operations from here on, each on its own.
    #[cfg(feature = "onnx")]
    pub(crate) fn start_export(&self) {
        *self.0.traced.borrow_mut() = Some(Vec::new());
    }

    /// The operations since [`Tape::start_export`], and whether numbers were read out.
    #[cfg(feature = "onnx")]
    pub(crate) fn take_export(&self) -> (Vec<Traced>, bool) {
        (self.0.traced.take().unwrap_or_default(), self.0.read.get())
    }

    pub(crate) fn start_trace(&self) {
        *self.0.trace.borrow_mut() = Some(Vec::new());
    }

    pub(crate) fn trace_mark(&self) -> usize {
        self.0.trace.borrow().as_ref().map_or(0, Vec::len)
    }

    /// Adds a layer, which has the ones inside that were added since `mark`.
    pub(crate) fn trace(&self, mark: usize, row: impl FnOnce() -> TraceRow) {
        if let Some(rows) = self.0.trace.borrow_mut().as_mut() {
            let inner = rows.split_off(mark.min(rows.len()));
            rows.push(TraceRow { inner, ..row() });
        }
    }

    pub(crate) fn take_trace(&self) -> Vec<TraceRow> {
        self.0.trace.take().unwrap_or_default()
    }

    pub(super) fn backward(&self, var: &Var, seed: Float) -> Result<Gradients> {
        Ok(self.sweep(var, seed, None)?.unwrap_or_default())
    }

    /// The backward sweep of a mean over examples of which each one's gradient is multiplied by what `factor` makes of its norm; `None`
    /// if an operation cannot tell the examples apart. `share` is the examples' share in the batch, which the norm is without.
    pub(super) fn backward_by_example(
        &self,
        var: &Var,
        share: Float,
        examples: usize,
        factor: impl Fn(f64) -> f64,
    ) -> Result<Option<Gradients>> {
        let mut parts: Vec<(ParamId, ExampleGradients)> = Vec::new();
        let mut take = |id: ParamId, of: Option<ExampleGradients>| {
            // The norm of a parameter's gradient is not made of those of its uses.
            let found = of.filter(|of| of.squares.len() == examples && parts.iter().all(|(known, _)| *known != id))?;
            parts.push((id, found));
            Some(())
        };
        let Some(mut found) = self.sweep(var, share, Some(&mut take))? else { return Ok(None) };
        let mut squares = vec![0.0; examples];
        for (_, part) in &parts {
            squares.iter_mut().zip(&part.squares).for_each(|(sum, more)| *sum += more);
        }
        let each = examples as f64 / f64::from(share);
        let factors: Vec<Float> = squares.iter().map(|sum| factor(sum.sqrt() * each) as Float).collect();
        let _flush = FlushDenormals::new();
        for (id, part) in parts {
            found.params.insert(id, (part.sum)(&factors));
        }
        Ok(Some(found))
    }

    /// `take` gets the gradients of parameters by example in place of their sum, and ends the sweep by `None`.
    fn sweep(&self, var: &Var, seed: Float, mut take: Option<&mut Take<'_>>) -> Result<Option<Gradients>> {
        if var.value.len() != 1 {
            return Err(Error::shape(format!(
                "backward: expected a scalar, got shape {:?}; reduce it with `sum` or `mean` first",
                var.value.shape()
            )));
        }
        if !self.is_recording() {
            return Err(Error::value(
                "backward: this tape records nothing; make it with `Tape::training()` or `Tape::inference().recording()`",
            ));
        }
        let mut found = Gradients::default();
        let Some(last) = var.node else { return Ok(Some(found)) };
        let (nodes, shapes) = (self.0.nodes.borrow(), self.0.shapes.borrow());
        let mut grads: Vec<Option<Tensor>> = vec![None; last + 1];
        grads[last] = Some(tensor(var.value.shape(), vec![seed]));
        let _flush = FlushDenormals::new();
        for (i, node) in nodes[..=last].iter().enumerate().rev() {
            let Some(dy) = grads[i].take() else { continue };
            match node {
                Node::Reserved => {}
                Node::Param(id) => {
                    found.params.insert(*id, dy);
                }
                Node::Variable => {
                    found.variables.insert(i, dy);
                }
                Node::Op(op, name, inputs, dependence) => {
                    let mut rest = Vec::new();
                    if let Some(take) = &mut take {
                        rest.clone_from(inputs);
                        let can_tell = *dependence == Dependence::PerExample;
                        let by_example = |i| if can_tell { op.by_example(&dy, i) } else { None };
                        if take_params(&nodes, &mut rest, by_example, take).is_none() {
                            return Ok(None);
                        }
                    }
                    let inputs = if take.is_some() { &rest } else { inputs };
                    let mut dx = InputGrads { inputs, shapes: &shapes, grads: &mut grads, odd: None };
                    op.backward(&dy, &mut dx);
                    if let Some((input, got, expected)) = dx.odd {
                        return Err(Error::shape(format!(
                            "backward of {name}: expected a gradient of the shape of its input {input}, {expected:?}, got {got:?}"
                        )));
                    }
                    recycle(dy);
                }
            }
        }
        Ok(Some(found))
    }
}

/// What becomes of the gradients of a parameter by example; `None` to end the sweep.
type Take<'a> = dyn FnMut(ParamId, Option<ExampleGradients>) -> Option<()> + 'a;

/// Hands over the gradients of those inputs that are parameters, which the operation need not compute any more.
fn take_params(
    nodes: &[Node],
    inputs: &mut [Option<usize>],
    by_example: impl Fn(usize) -> Option<ExampleGradients>,
    take: &mut Take<'_>,
) -> Option<()> {
    for (i, input) in inputs.iter_mut().enumerate() {
        if let Some(Node::Param(id)) = input.map(|place| &nodes[place]) {
            take(*id, by_example(i))?;
            *input = None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_out_is_remembered_and_what_does_not_differ_is_not() {
        type Read = fn(&Var);
        let splits = |forward: Read| {
            let tape = Tape::training();
            let x = tape.examples(tensor(&[4, 3], vec![1.0; 12]));
            forward(&x);
            tape.splits(&x.square().mean())
        };
        let reads: [(&str, Read); 6] = [
            ("shape", |x| _ = x.shape()),
            ("value", |x| _ = x.value()),
            ("item", |x| _ = x.sum().item()),
            ("mask", |x| _ = x.mask()),
            ("backward", |x| _ = x.sum().backward()),
            ("debug", |x| _ = format!("{x:?}")),
        ];
        for (name, read) in reads {
            assert!(!splits(read), "{name}");
        }
        assert!(splits(|x| {
            assert_eq!(x.example_shape(), [3]);
            assert_eq!(x.reshape_examples(&[3, 1]).unwrap().value.shape(), [4, 3, 1]);
            assert!(x.reshape_examples(&[2]).is_err());
            let constant = x.tape().constant(ndarray::arr1(&[1.0, 2.0]));
            assert_eq!((constant.shape(), constant.value().len()), (&[2][..], 2));
        }));
    }
}
