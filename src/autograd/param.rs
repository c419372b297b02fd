//! Parameters: fields of a layer, created on first use from the shape that the layer sees.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Adapter, Regularizer, Tape, Var};
use crate::config::{Registry, Setting, Slot, Value};
use crate::constraints::Constraint;
use crate::error::{Error, Result};
use crate::initializers::Initializer;
use crate::tensor::{Float, Tensor, in_memory};

/// Identity of a [`Param`] within this process, in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(u64);

/// A parameter of a layer. It has no value until its first use, [`Param::on`], which sets its shape.
///
/// Cloning gives another handle on the same parameter: that is how layers share weights.
#[derive(Clone)]
pub struct Param(Arc<Inner>);

/// In descriptions it is what gives its first value.
impl Slot for Param {
    fn write(&self) -> Value {
        self.initializer().to_value()
    }

    fn read(&mut self, value: &Value, registry: &Registry) -> Result<()> {
        let initializer = <Arc<dyn Initializer>>::from_value(value, registry)?;
        *self.0.initializer.write().unwrap_or_else(PoisonError::into_inner) = initializer;
        Ok(())
    }
}

impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape = self.value().map(|value| value.shape().to_vec());
        f.debug_struct("Param").field("shape", &shape).field("frozen", &self.is_frozen()).finish_non_exhaustive()
    }
}

struct Inner {
    id: ParamId,
    initializer: RwLock<Arc<dyn Initializer>>,
    is_state: bool,
    pattern: RwLock<Vec<Option<usize>>>,
    frozen: AtomicBool,
    /// Where in which stream of random numbers its first value ends: the seed and the place.
    place: Mutex<Option<(u64, u128)>>,
    value: RwLock<Option<Tensor>>,
    /// How often the value was set or modified by others than optimizers.
    assignments: AtomicU64,
    regularizers: RwLock<Vec<Arc<dyn Regularizer>>>,
    constraints: RwLock<Vec<Arc<dyn Constraint>>>,
    adapter: RwLock<Option<Arc<Adapter>>>,
    /// Other layouts of the value, made on demand and thrown away when it changes.
    derived: Mutex<Vec<Derived>>,
}

/// Something computed from the value of a parameter, and from others.
struct Derived {
    others: Vec<Tensor>,
    made: Arc<dyn Any + Send + Sync>,
}

impl Param {
    /// A trainable parameter whose first value comes from `initializer`.
    pub fn new(initializer: impl Initializer + 'static) -> Self {
        Self::build(Arc::new(initializer), false)
    }

    /// A parameter that is saved but never trained by gradients, such as batch normalisation's statistics. It changes
    /// through [`Tape::update`].
    pub fn state(initializer: impl Initializer + 'static) -> Self {
        Self::build(Arc::new(initializer), true)
    }

    fn build(initializer: Arc<dyn Initializer>, is_state: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Inner {
            id: ParamId(NEXT.fetch_add(1, Ordering::Relaxed)),
            initializer: RwLock::new(initializer),
            is_state,
            pattern: RwLock::default(),
            frozen: AtomicBool::new(false),
            place: Mutex::default(),
            value: RwLock::new(None),
            assignments: AtomicU64::new(0),
            regularizers: RwLock::default(),
            constraints: RwLock::default(),
            adapter: RwLock::default(),
            derived: Mutex::default(),
        }))
    }

    /// [`Param::shaped`] of a new parameter.
    #[must_use]
    pub fn pattern(self, pattern: &[Option<usize>]) -> Self {
        self.shaped(pattern);
        self
    }

    /// Says what the layer knows of the shape before it has seen an input, so that loading can refuse a file that does not
    /// fit: `None` for an axis whose length follows from the input. Layers call it as they list their parameters.
    pub fn shaped(&self, pattern: &[Option<usize>]) -> &Self {
        let mut known = self.0.pattern.write().unwrap_or_else(PoisonError::into_inner);
        if *known != pattern {
            *known = pattern.into();
        }
        drop(known);
        self
    }

    fn known_pattern(&self) -> Vec<Option<usize>> {
        self.0.pattern.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This parameter as a variable on the tape of `x`; created there if it is new.
    ///
    /// # Errors
    /// A parameter that has another shape already.
    pub fn on(&self, x: &Var, shape: &[usize]) -> Result<Var> {
        let value = self.value_on(x.tape(), shape)?;
        let value = x.tape().param(self, value);
        let value = match self.adapter() {
            Some(adapter) => adapter.apply(value)?,
            None => value,
        };
        x.tape().changed(self, value)
    }

    pub(crate) fn value_on(&self, tape: &Tape, shape: &[usize]) -> Result<Tensor> {
        let value = match tape.pending(self).or_else(|| self.value()) {
            Some(value) => value,
            None => {
                self.create(tape, shape, |_| {})?;
                self.value().unwrap_or_default()
            }
        };
        let place = *self.0.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.into_iter().for_each(|place| tape.go_on_after(place));
        if value.shape() != shape {
            return Err(Error::shape(format!(
                "this input asks for a parameter of shape {shape:?}, but the parameter has shape {:?}; feed the shape \
                 that the layer was made or loaded for, or make a new layer",
                value.shape()
            )));
        }
        Ok(value)
    }

    /// Returns what gives its first value.
    pub fn initializer(&self) -> Arc<dyn Initializer> {
        self.0.initializer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets what gives its first value. A value that there is already is made anew at the next use; all else stays.
    pub(crate) fn set_initializer(&self, initializer: impl Initializer + 'static) {
        *self.0.initializer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(initializer);
        *self.0.value.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.assignments.fetch_add(1, Ordering::Relaxed);
        self.forget_derived();
    }

    /// Draws the first value, and notes where in which stream of random numbers it ends.
    fn draw(&self, tape: &Tape, shape: &[usize]) -> Result<Tensor> {
        if in_memory(shape).is_none() {
            return Err(Error::value(format!(
                "no memory holds a parameter of shape {shape:?}; set smaller sizes, or feed an input with shorter axes"
            )));
        }
        let (value, place) = tape.initial(|rng| self.initializer().sample(shape, rng));
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(value)
    }

    /// Creates the value, if there is none yet, as the initializer gives it and `change` leaves it.
    pub(crate) fn create(&self, tape: &Tape, shape: &[usize], change: impl FnOnce(&mut [Float])) -> Result<()> {
        let mut slot = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let mut value = self.draw(tape, shape)?;
            if let Some(values) = value.as_slice_mut() {
                change(values);
            }
            *slot = Some(value);
        }
        Ok(())
    }

    /// Its identity, the key of gradients and optimizer memory.
    pub fn id(&self) -> ParamId {
        self.0.id
    }

    /// The value; `None` before the first use.
    pub fn value(&self) -> Option<Tensor> {
        self.0.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The shape; `None` before the first use.
    pub fn shape(&self) -> Option<Vec<usize>> {
        let value = self.0.value.read().unwrap_or_else(PoisonError::into_inner);
        value.as_ref().map(|value| value.shape().into())
    }

    /// Sets the value; also before the first use, which then checks the shape.
    ///
    /// # Errors
    /// A shape that differs from that of the present value, or from what the layer knows of it.
    pub fn set(&self, value: impl crate::tensor::IntoTensor) -> Result<()> {
        self.put(value.into_tensor())
    }

    /// [`Param::set`] of a tensor in standard layout, which is not copied.
    pub(crate) fn put(&self, value: Tensor) -> Result<()> {
        if !self.fits(value.shape()) {
            return Err(Error::shape(format!(
                "expected a parameter of shape {}, got {:?}",
                self.shape_text(),
                value.shape()
            )));
        }
        *self.0.value.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.0.assignments.fetch_add(1, Ordering::Relaxed);
        self.forget_derived();
        Ok(())
    }

    /// Makes the value what it was after this number of assignments, or takes it away again.
    pub(crate) fn put_back(&self, value: Option<Tensor>, assignments: u64) {
        *self.0.value.write().unwrap_or_else(PoisonError::into_inner) = value;
        self.0.assignments.store(assignments, Ordering::Relaxed);
        self.forget_derived();
    }

    /// How often the value was set or modified by others than optimizers, which tells them whether what they remember of earlier
    /// values still holds.
    pub(crate) fn assignments(&self) -> u64 {
        self.0.assignments.load(Ordering::Relaxed)
    }

    /// The shape as far as it is known: that of the value, or what the layer knows of it, which may be nothing.
    pub(crate) fn known_shape(&self) -> Vec<Option<usize>> {
        self.shape().map_or_else(|| self.known_pattern(), |shape| shape.into_iter().map(Some).collect())
    }

    /// Whether a value of this shape may be set.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        let pattern = self.known_pattern();
        match self.shape() {
            Some(own) => own == shape,
            None if pattern.is_empty() => true,
            None => {
                pattern.len() == shape.len()
                    && pattern.iter().zip(shape).all(|(want, len)| want.is_none_or(|want| want == *len))
            }
        }
    }

    /// The shape, or what is known of it, with `_` for what is not.
    pub(crate) fn shape_text(&self) -> String {
        match self.shape() {
            Some(shape) => format!("{shape:?}"),
            None => {
                let axes = self.known_pattern().into_iter().map(|axis| axis.map_or("_".into(), |len| len.to_string()));
                format!("[{}]", axes.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Changes the numbers in place. Does nothing before the first use.
    pub fn modify(&self, change: impl FnOnce(&mut [Float])) {
        self.0.assignments.fetch_add(1, Ordering::Relaxed);
        self.train(change);
    }

    /// [`Param::modify`] for optimizers, which know of it.
    pub(crate) fn train(&self, change: impl FnOnce(&mut [Float])) {
        let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slice) = value.as_mut().and_then(|value| value.as_slice_mut()) {
            change(slice);
        }
        drop(value);
        self.forget_derived();
    }

    /// Something computed from the value alone, kept until the value changes: a layout that a kernel wants.
    pub(crate) fn derived<T: Any + Send + Sync>(&self, value: &Tensor, make: impl FnOnce(&Tensor) -> T) -> Arc<T> {
        self.derived_with(value, &[], make)
    }

    /// [`Param::derived`] of something that is computed from `others`, too, which are few numbers: they are compared.
    pub(crate) fn derived_with<T: Any + Send + Sync>(
        &self,
        value: &Tensor,
        others: &[&Tensor],
        make: impl FnOnce(&Tensor) -> T,
    ) -> Arc<T> {
        // What a wrapper made of it is not kept: it differs from pass to pass. Who sets the value forgets after that, and must not find
        // this between the two.
        let mut derived = self.0.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if self.value().is_none_or(|own| own.as_ptr() != value.as_ptr()) {
            drop(derived);
            return Arc::new(make(value));
        }
        if let Some(i) = derived.iter().position(|derived| derived.made.is::<T>()) {
            let known = &derived[i];
            if known.others.iter().eq(others.iter().copied())
                && let Ok(made) = known.made.clone().downcast()
            {
                return made;
            }
            derived.swap_remove(i);
        }
        let new = Arc::new(make(value));
        derived.push(Derived { others: others.iter().map(|other| (*other).clone()).collect(), made: new.clone() });
        new
    }

    fn forget_derived(&self) {
        self.0.derived.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Adds a penalty to the loss for what its value is; see [`crate::regularizers`].
    pub fn regularize(&self, regularizer: Arc<dyn Regularizer>) {
        self.0.regularizers.write().unwrap_or_else(PoisonError::into_inner).push(regularizer);
    }

    /// Forces its value into a set after each step of training; see [`crate::constraints`].
    pub fn constrain(&self, constraint: Arc<dyn Constraint>) {
        self.0.constraints.write().unwrap_or_else(PoisonError::into_inner).push(constraint);
    }

    /// Its penalties.
    pub(crate) fn regularizers(&self) -> Vec<Arc<dyn Regularizer>> {
        self.0.regularizers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its constraints.
    pub(crate) fn constraints(&self) -> Vec<Arc<dyn Constraint>> {
        self.0.constraints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is added to it wherever it is used.
    pub(crate) fn adapter(&self) -> Option<Arc<Adapter>> {
        self.0.adapter.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attaches an adapter, in place of an earlier one, or takes it off.
    pub(crate) fn set_adapter(&self, adapter: Option<Arc<Adapter>>) {
        *self.0.adapter.write().unwrap_or_else(PoisonError::into_inner) = adapter;
    }

    /// The sum of its penalties, on the given tape; `None` if there are none.
    pub(crate) fn penalty(&self, tape: &Tape) -> Result<Option<Var>> {
        let regularizers = self.0.regularizers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(value) = self.value().filter(|_| !regularizers.is_empty() && self.is_trainable()) else {
            return Ok(None);
        };
        let weights = tape.param(self, value);
        let mut sum: Option<Var> = None;
        for regularizer in regularizers.iter() {
            let penalty = regularizer.penalty(&weights)?;
            sum = Some(match sum {
                Some(sum) => sum + penalty,
                None => penalty,
            });
        }
        Ok(sum)
    }

    pub(crate) fn has_constraints(&self) -> bool {
        !self.0.constraints.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(crate) fn apply_constraints(&self) {
        let constraints = self.0.constraints.read().unwrap_or_else(PoisonError::into_inner);
        if constraints.is_empty() {
            return;
        }
        if let Some(value) = self.0.value.write().unwrap_or_else(PoisonError::into_inner).as_mut() {
            constraints.iter().for_each(|constraint| constraint.apply(value.view_mut()));
        }
        self.forget_derived();
    }

    /// Whether training changes it: neither state nor frozen.
    pub fn is_trainable(&self) -> bool {
        !self.0.is_state && !self.is_frozen()
    }

    /// Whether it is state, which gradients never change.
    pub fn is_state(&self) -> bool {
        self.0.is_state
    }

    /// Whether [`Param::freeze`] was called last.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Relaxed)
    }

    /// From now on its bits stay as they are. Frozen statistics make batch normalisation infer.
    pub fn freeze(&self) {
        self.0.frozen.store(true, Ordering::Relaxed);
    }

    /// Undoes [`Param::freeze`].
    pub fn unfreeze(&self) {
        self.0.frozen.store(false, Ordering::Relaxed);
    }
}
