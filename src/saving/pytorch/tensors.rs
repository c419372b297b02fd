//! The tensors in what a pickle made, with the names that lead to them.

use super::machine::{Machine, Object, Outcome, Storage, Tensor, Value};
use crate::saving::stored::{Layout, Source, Stored};

/// Dictionaries in dictionaries, so many at most.
const DEEPEST: usize = 64;

/// All tensors, under the keys of the dictionaries and the places in the lists that they are in, joined by dots.
/// `source` finds the bytes of the storage of a key.
pub(super) fn list<'a>(
    value: Value<'a>,
    machine: &Machine<'a>,
    source: impl Fn(&str) -> Option<Source>,
) -> Outcome<Vec<(String, Stored)>> {
    let mut walk = Walk { machine, path: Vec::new(), found: Vec::new(), allowance: machine.most_names() };
    walk.visit(value)?;
    let stored = |(name, tensor): (String, &Tensor)| {
        let stored = stored(tensor, &source).map_err(|reason| format!("tensor `{name}`: {reason}"))?;
        Ok((name, stored))
    };
    walk.found.into_iter().map(stored).collect()
}

fn stored(tensor: &Tensor, source: impl Fn(&str) -> Option<Source>) -> Outcome<Stored> {
    let Tensor { storage, offset, shape, strides } = tensor;
    let Storage { key, number, all, part: (begin, len) } = &**storage;
    let source = source(key).ok_or_else(|| format!("its storage `{key}` is not in the file"))?;
    let size = number.size().ok_or("is of an unknown type")?;
    let there = source.len() / size;
    if *all > there {
        return Err(format!("its storage `{key}` is to hold {all} numbers of {number}, but there are {there}"));
    }
    if begin.checked_add(*len).is_none_or(|end| end > *all) || offset > len {
        return Err(format!("begins beyond the {all} numbers of its storage `{key}`"));
    }
    let layout = Layout { start: (begin + offset) * size, strides: strides.clone(), big_endian: false };
    Stored::new(number.clone(), shape.clone(), layout, source)
}

struct Walk<'m, 'a> {
    machine: &'m Machine<'a>,
    path: Vec<String>,
    found: Vec<(String, &'m Tensor<'a>)>,
    /// Bytes of names, and values seen: what is in several places counts each time.
    allowance: usize,
}

impl<'m, 'a> Walk<'m, 'a> {
    fn spend(&mut self, bytes: usize) -> Outcome {
        let left = self.allowance.checked_sub(bytes);
        self.allowance = left.ok_or("its pickle has the same values in more places than a file of this size may")?;
        Ok(())
    }

    fn visit(&mut self, value: Value<'a>) -> Outcome {
        self.spend(1)?;
        let Value::Object(place) = value else { return Ok(()) };
        let machine = self.machine;
        match &machine.objects[place] {
            Object::Storage(_) => Ok(()),
            Object::Tensor(tensor) => {
                let name = if self.path.is_empty() { "tensor".into() } else { self.path.join(".") };
                self.spend(name.len())?;
                self.found.push((name, tensor));
                Ok(())
            }
            Object::Tuple(items) | Object::List(items) => {
                items.iter().enumerate().try_for_each(|(i, item)| self.enter(i.to_string(), *item))
            }
            Object::Dict(pairs) => pairs.iter().try_for_each(|(key, value)| match (key, value) {
                (Value::Text(key), value) => self.enter((*key).into(), *value),
                (Value::Integer(key), value) => self.enter(key.to_string(), *value),
                (_, Value::Object(_)) => {
                    Err(format!("`{}` has a key that is no text and no whole number", self.path.join(".")))
                }
                _ => Ok(()),
            }),
        }
    }

    fn enter(&mut self, key: String, value: Value<'a>) -> Outcome {
        if !matches!(value, Value::Object(_)) {
            return self.spend(1);
        }
        if self.path.len() == DEEPEST {
            return Err(format!("its dictionaries and lists are nested more than {DEEPEST} deep"));
        }
        self.spend(key.len())?;
        self.path.push(key);
        self.visit(value)?;
        self.path.pop();
        Ok(())
    }
}
