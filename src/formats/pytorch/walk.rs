//! The tensors in what a pickle describes, with the names that lead to them.

use super::globals::{Meaning, meaning};
use super::machine::{Machine, Made, Object, Outcome, Value};
use super::tensors::Tensor;
use crate::formats::{
    NumberType,
    stored::{Source, Stored},
};

/// Objects in objects, at most. The modules of a network are some ten deep, with two dictionaries between them.
const DEEPEST: usize = 200;

/// What a found tensor costs in addition to the bytes of its name.
const EACH: usize = 200;

/// What a file of some bytes may spend on names: a tensor takes 45 bytes of a pickle, and is in a few places.
fn allowance(bytes: usize) -> usize {
    (4 << 20) + 32 * bytes
}

/// All tensors, under the keys of the dictionaries, the places in the lists and the attributes of the objects that they are
/// in, joined by dots. `bytes` is the length of the file; `source` finds the bytes of the storage of a key.
pub(super) fn list<'a>(
    value: Value<'a>,
    machine: &Machine<'a>,
    bytes: usize,
    source: impl Fn(&str) -> Option<Source>,
) -> Outcome<Vec<(String, Stored)>> {
    let mut walk = Walk {
        machine,
        source: &source,
        holding: holding(machine),
        open: vec![false; machine.objects.len()],
        depth: 0,
        path: Vec::new(),
        found: Vec::new(),
        allowance: allowance(bytes),
    };
    walk.visit(value)?;
    Ok(walk.found)
}

/// Which objects have a tensor in them, however deep. There is nothing to find in the others.
fn holding(machine: &Machine) -> Vec<bool> {
    const END: u32 = u32::MAX;
    // Of each object the latest reference to it; each reference is by an object, after another reference.
    let mut latest = vec![END; machine.objects.len()];
    let mut references: Vec<(u32, u32)> = Vec::new();
    let mut pending = Vec::new();
    for (by, object) in machine.objects.iter().enumerate() {
        let mut refer = |value: Value| {
            if let Value::Object(place) = value {
                references.push((by as u32, latest[place]));
                latest[place] = references.len() as u32 - 1;
            }
        };
        match object {
            Object::Tuple(items) | Object::List(items) => items.iter().for_each(|item| refer(*item)),
            Object::Dict(pairs) => pairs.iter().for_each(|(_, item)| refer(*item)),
            Object::Made(made) => {
                refer(made.arguments);
                refer(made.state);
                made.pairs.iter().for_each(|(_, item)| refer(*item));
                made.items.iter().for_each(|item| refer(*item));
                // A tensor without numbers is one, too.
                if let Some(Meaning::Foreign(_)) = machine.global(made.function).and_then(meaning) {
                    pending.push(by);
                }
            }
            Object::External(_) => pending.push(by),
            Object::Global(_) => {}
        }
    }
    let mut holding = vec![false; machine.objects.len()];
    while let Some(place) = pending.pop() {
        if std::mem::replace(&mut holding[place], true) {
            continue;
        }
        let mut next = latest[place];
        while next != END {
            let (by, before) = references[next as usize];
            pending.push(by as usize);
            next = before;
        }
    }
    holding
}

struct Walk<'m, 'a> {
    machine: &'m Machine<'a>,
    source: &'m dyn Fn(&str) -> Option<Source>,
    holding: Vec<bool>,
    /// The objects that lead to the present one: one of them in itself would never end.
    open: Vec<bool>,
    depth: usize,
    path: Vec<String>,
    found: Vec<(String, Stored)>,
    /// What is left for names: what is in several places counts each time.
    allowance: usize,
}

impl<'a> Walk<'_, 'a> {
    fn spend(&mut self, bytes: usize) -> Outcome {
        let left = self.allowance.checked_sub(bytes);
        self.allowance = left.ok_or("its pickle has the same values in more places than a file of this size may")?;
        Ok(())
    }

    fn holds(&self, value: Value) -> bool {
        matches!(value, Value::Object(place) if self.holding[place])
    }

    fn visit(&mut self, value: Value<'a>) -> Outcome {
        let Value::Object(place) = value else { return Ok(()) };
        if !self.holding[place] || self.open[place] {
            return Ok(());
        }
        if self.depth == DEEPEST {
            return Err(format!("its dictionaries, lists and objects are nested more than {DEEPEST} deep"));
        }
        self.spend(1)?;
        (self.open[place], self.depth) = (true, self.depth + 1);
        let machine = self.machine;
        let done = match &machine.objects[place] {
            Object::Tuple(items) | Object::List(items) => self.items(items),
            Object::Dict(pairs) => self.pairs(pairs),
            Object::Made(made) => self.made(made),
            Object::External(_) | Object::Global(_) => Ok(()),
        };
        (self.open[place], self.depth) = (false, self.depth - 1);
        done
    }

    fn enter(&mut self, key: String, value: Value<'a>) -> Outcome {
        if !self.holds(value) {
            return Ok(());
        }
        self.spend(key.len())?;
        self.path.push(key);
        self.visit(value)?;
        self.path.pop();
        Ok(())
    }

    fn items(&mut self, items: &[Value<'a>]) -> Outcome {
        for (i, item) in items.iter().enumerate() {
            self.enter(i.to_string(), *item)?;
        }
        Ok(())
    }

    fn pairs(&mut self, pairs: &[(Value<'a>, Value<'a>)]) -> Outcome {
        for (i, (key, value)) in pairs.iter().enumerate() {
            let key = match key {
                Value::Text(key) => (*key).into(),
                Value::Integer(key) => key.to_string(),
                _ => format!("[{i}]"),
            };
            self.enter(key, *value)?;
        }
        Ok(())
    }

    fn made(&mut self, made: &Made<'a>) -> Outcome {
        let arguments = self.machine.tuple(made.arguments).unwrap_or_default();
        if made.is_call {
            return self.call(made, made.function, arguments);
        }
        self.items(arguments)?;
        self.object(made)
    }

    /// What a function would make.
    fn call(&mut self, made: &Made<'a>, function: Value<'a>, arguments: &[Value<'a>]) -> Outcome {
        let machine = self.machine;
        let names = machine.global(function).unwrap_or(["an object", "of Python"]);
        let meaning = meaning(names);
        match (meaning, arguments) {
            (Some(meaning @ (Meaning::Tensor | Meaning::TypedTensor)), _) => {
                match Tensor::new(machine, meaning, arguments) {
                    Ok(tensor) => {
                        let stored = tensor.stored(self.source);
                        let stored = stored.map_err(|reason| format!("tensor `{}`: {reason}", self.name()))?;
                        self.find(stored)
                    }
                    Err(reason) => self.find_unreadable(names, reason),
                }
            }
            (Some(Meaning::First), [first, ..]) => self.visit(*first),
            (Some(Meaning::Subclass), [function, _, arguments, ..]) => {
                self.call(made, *function, machine.tuple(*arguments).unwrap_or_default())
            }
            (Some(Meaning::Dictionary), _) => {
                if let Some(Value::Object(place)) = arguments.first() {
                    match &machine.objects[*place] {
                        Object::List(items) => self.pairs(&self.flat(items))?,
                        _ => self.visit(Value::Object(*place))?,
                    }
                }
                self.pairs(&made.pairs)
            }
            (Some(Meaning::Foreign(instead)), _) => {
                let reason =
                    format!("is made by `{}`, which is not read; save {instead} in its place", names.join("."));
                self.find_unreadable(names, reason)
            }
            _ if arguments.iter().any(|argument| self.holds(*argument)) => {
                let reason = format!(
                    "is made of tensors by `{}`, and nothing in a pickle is run; save the tensors themselves",
                    names.join(".")
                );
                self.find_unreadable(names, reason)
            }
            _ => self.object(made),
        }
    }

    /// The pairs of a list of pairs.
    fn flat(&self, list: &[Value<'a>]) -> Vec<(Value<'a>, Value<'a>)> {
        let mut flat = Vec::new();
        for pair in list {
            let Value::Object(place) = pair else { continue };
            if let Object::List(pair) | Object::Tuple(pair) = &self.machine.objects[*place]
                && let [key, value] = pair.as_slice()
            {
                flat.push((*key, *value));
            }
        }
        flat
    }

    /// What was added to an object, and its attributes.
    fn object(&mut self, made: &Made<'a>) -> Outcome {
        self.pairs(&made.pairs)?;
        self.items(&made.items)?;
        let machine = self.machine;
        let Value::Object(place) = made.state else { return Ok(()) };
        match &machine.objects[place] {
            Object::Dict(attributes) => self.attributes(attributes),
            // Attributes in a dictionary, and those in slots.
            Object::Tuple(parts) => parts.iter().try_for_each(|part| self.visit(*part)),
            _ => self.visit(made.state),
        }
    }

    /// The attributes of an object. Those of a module of PyTorch have the names that its `state_dict` gives them.
    fn attributes(&mut self, attributes: &[(Value<'a>, Value<'a>)]) -> Outcome {
        const PARTS: [&str; 3] = ["_parameters", "_buffers", "_modules"];
        let part = |name: &str| attributes.iter().find(|(key, _)| matches!(key, Value::Text(key) if *key == name));
        if PARTS.iter().any(|name| part(name).is_none()) {
            return self.pairs(attributes);
        }
        for name in PARTS {
            if let Some((_, value)) = part(name) {
                self.visit(*value)?;
            }
        }
        Ok(())
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "tensor".into() } else { self.path.join(".") }
    }

    fn find(&mut self, stored: Stored) -> Outcome {
        let name = self.name();
        self.spend(EACH + name.len())?;
        self.found.push((name, stored));
        Ok(())
    }

    fn find_unreadable(&mut self, [_, function]: [&str; 2], reason: String) -> Outcome {
        let kind: String = function.chars().take(100).collect();
        self.spend(EACH + kind.len() + reason.len())?;
        self.find(Stored::unreadable(NumberType::Other(kind.into()), reason))
    }
}
