//! The machine that runs pickles: a stack, a memo, and objects that refer to each other by number.

use std::collections::HashMap;

use super::globals::{Global, STORAGES, TYPES};
use crate::saving::NumberType;

/// A value on the stack. Texts stay in the pickle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// A number with a fraction, bytes, a set: something that neither holds nor names a tensor.
    Plain,
    None,
    Bool(bool),
    Integer(i64),
    Text(&'a str),
    Global(Global),
    /// Where a tuple, list, dictionary, storage or tensor is among the objects.
    Object(usize),
}

#[derive(Debug)]
pub(super) enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    List(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Box<Storage<'a>>),
    Tensor(Box<Tensor<'a>>),
}

/// A part of what the file holds under a key.
#[derive(Clone, Debug)]
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    pub(super) number: NumberType,
    /// How many numbers there are under the key.
    pub(super) all: usize,
    /// Where the part begins and how long it is, in numbers.
    pub(super) part: (usize, usize),
}

impl Storage<'_> {
    /// Takes its bytes for numbers of this type.
    fn of_bytes(&mut self, number: NumberType) -> Outcome {
        match (&self.number, number.size(), self.part) {
            (NumberType::U8, Some(size), (0, len)) if len == self.all => {
                *self = Self { all: len / size, part: (0, len / size), number, ..*self };
                Ok(())
            }
            _ => Err(format!("its pickle makes a tensor of {number} of what is not a whole storage of bytes")),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Tensor<'a> {
    pub(super) storage: Box<Storage<'a>>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Values on the stack, in the memo and in objects may be as many as this, and one more for each two bytes of the file.
/// PyTorch's own pickles have one for about four bytes.
const VALUES: usize = 1 << 16;

pub(super) struct Machine<'a> {
    pub(super) stack: Vec<Value<'a>>,
    pub(super) marks: Vec<usize>,
    pub(super) memo: HashMap<u64, Value<'a>>,
    pub(super) objects: Vec<Object<'a>>,
    /// How many more values there may be.
    allowance: usize,
    /// The length of the pickle and of what comes after it.
    len: usize,
}

pub(super) type Outcome<T = ()> = Result<T, String>;

impl<'a> Machine<'a> {
    /// Runs a pickle to its end: its value, the machine with the objects, and the rest of the bytes.
    pub(super) fn run(bytes: &'a [u8]) -> Outcome<(Value<'a>, Self, &'a [u8])> {
        let mut machine = Self {
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            objects: Vec::new(),
            allowance: VALUES + bytes.len() / 2,
            len: bytes.len(),
        };
        let mut rest = bytes;
        while machine.step(&mut rest)? {}
        let value = machine.pop()?;
        Ok((value, machine, rest))
    }

    /// How many bytes the names of all tensors may have.
    pub(super) fn most_names(&self) -> usize {
        VALUES + 4 * self.len
    }

    /// What a value is, for messages.
    pub(super) fn kind(&self, value: Value) -> &'static str {
        match value {
            Value::Plain => "a plain value",
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Integer(_) => "a whole number",
            Value::Text(_) => "a text",
            Value::Global(_) => "a function or class",
            Value::Object(place) => match self.objects[place] {
                Object::Tuple(_) => "a tuple",
                Object::List(_) => "a list",
                Object::Dict(_) => "a dictionary",
                Object::Storage(_) => "a storage",
                Object::Tensor(_) => "a tensor",
            },
        }
    }

    fn spend(&mut self, values: usize) -> Outcome {
        let left = self.allowance.checked_sub(values);
        self.allowance = left.ok_or("its pickle makes more values than PyTorch puts into a file of this size")?;
        Ok(())
    }

    pub(super) fn push(&mut self, value: Value<'a>) -> Outcome {
        self.spend(1)?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn push_object(&mut self, object: Object<'a>) -> Outcome {
        self.spend(2)?;
        self.objects.push(object);
        self.push(Value::Object(self.objects.len() - 1))
    }

    /// The topmost value that a mark does not shield.
    pub(super) fn pop(&mut self) -> Outcome<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("its pickle takes a value that is not there".into());
        }
        Ok(self.stack.pop().expect("longer than the floor"))
    }

    pub(super) fn top(&self) -> Outcome<Value<'a>> {
        self.stack.last().copied().ok_or_else(|| "its pickle takes a value that is not there".into())
    }

    pub(super) fn mark(&mut self) -> Outcome {
        self.spend(1)?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// The values after the last mark.
    pub(super) fn pop_mark(&mut self) -> Outcome<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or("its pickle goes back to a mark that is not there")?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn memorize(&mut self, key: u64) -> Outcome {
        self.spend(2)?;
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    pub(super) fn recall(&mut self, key: u64) -> Outcome {
        let value = self.memo.get(&key).ok_or("its pickle recalls a value that it never made")?;
        self.push(*value)
    }

    fn tuple(&self, value: Value<'a>) -> Outcome<&[Value<'a>]> {
        match value {
            Value::Object(place) if let Object::Tuple(items) = &self.objects[place] => Ok(items),
            other => Err(format!("its pickle has {} where a tuple belongs", self.kind(other))),
        }
    }

    fn length(&self, value: Value) -> Outcome<usize> {
        let got = match value {
            Value::Integer(number) if number >= 0 => return Ok(number as usize),
            Value::Integer(number) => number.to_string(),
            other => self.kind(other).into(),
        };
        Err(format!("its pickle has {got} where a length, an offset or a stride belongs"))
    }

    /// A tuple of lengths or strides.
    fn lengths(&self, value: Value<'a>) -> Outcome<Vec<usize>> {
        self.tuple(value)?.iter().map(|value| self.length(*value)).collect()
    }

    /// Adds items to the list on the stack.
    pub(super) fn extend_list(&mut self, items: &[Value<'a>]) -> Outcome {
        self.spend(items.len())?;
        match self.top()? {
            Value::Object(place) => match &mut self.objects[place] {
                Object::List(list) => list.extend(items),
                _ => return Err("its pickle appends to what is no list".into()),
            },
            // What neither holds nor names a tensor, such as a set.
            Value::Plain => {}
            _ => return Err("its pickle appends to what is no list".into()),
        }
        Ok(())
    }

    /// Adds pairs, flat, to the dictionary on the stack.
    pub(super) fn extend_dict(&mut self, pairs: &[Value<'a>]) -> Outcome {
        self.spend(pairs.len())?;
        let (pairs, []) = pairs.as_chunks::<2>() else {
            return Err("its pickle has a key without a value".into());
        };
        let Value::Object(place) = self.top()? else { return Err("its pickle sets items of what has none".into()) };
        let Object::Dict(dict) = &mut self.objects[place] else {
            return Err("its pickle sets items of what is no dictionary".into());
        };
        dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
        Ok(())
    }

    /// Calls what the pickle names.
    pub(super) fn call(&mut self, function: Value<'a>, arguments: Value<'a>) -> Outcome {
        let Value::Global(global) = function else {
            return Err(format!("its pickle calls {}, which is no function", self.kind(function)));
        };
        let arguments = self.tuple(arguments)?.to_vec();
        match (global, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.push_object(Object::Dict(Vec::new())),
            (Global::OrderedDict, [pairs]) => {
                let pairs = self.pairs(*pairs)?;
                self.push_object(Object::Dict(Vec::new()))?;
                self.extend_dict(&pairs)
            }
            (Global::Size, [shape]) => {
                self.tuple(*shape)?;
                self.push(*shape)
            }
            (Global::RebuildParameter, [tensor, ..]) => self.push(*tensor),
            (Global::RebuildTensor | Global::RebuildTypedTensor, [storage, offset, shape, strides, rest @ ..]) => {
                let mut storage = match storage {
                    Value::Object(place) if let Object::Storage(storage) = &self.objects[*place] => storage.clone(),
                    _ => return Err("its pickle makes a tensor of what is no storage".into()),
                };
                if global == Global::RebuildTypedTensor {
                    let [_, _, Value::Global(Global::Type(kind)), ..] = rest else {
                        return Err("its pickle makes a tensor of numbers without their type".into());
                    };
                    storage.of_bytes(TYPES[*kind].1.clone())?;
                }
                let (shape, strides) = (self.lengths(*shape)?, self.lengths(*strides)?);
                self.spend(shape.len() + strides.len())?;
                let tensor = Tensor { storage, offset: self.length(*offset)?, shape, strides };
                self.push_object(Object::Tensor(Box::new(tensor)))
            }
            _ => Err(format!("its pickle calls {global:?} with {} arguments", arguments.len())),
        }
    }

    /// The items of a list of pairs, flat.
    fn pairs(&self, list: Value<'a>) -> Outcome<Vec<Value<'a>>> {
        let fail = || "its pickle makes a dictionary of what are no pairs".to_string();
        let items = |value: &Value<'a>| match value {
            Value::Object(place) => match &self.objects[*place] {
                Object::List(items) | Object::Tuple(items) => Ok(items.as_slice()),
                _ => Err(fail()),
            },
            _ => Err(fail()),
        };
        let mut flat = Vec::new();
        for pair in items(&list)? {
            let [key, value] = items(pair)? else { return Err(fail()) };
            flat.extend([*key, *value]);
        }
        Ok(flat)
    }

    /// The storage that a persistent identity tells of.
    pub(super) fn storage(&mut self, identity: Value<'a>) -> Outcome {
        let [Value::Text("storage"), Value::Global(Global::Storage(kind)), Value::Text(key), _, all, view @ ..] =
            self.tuple(identity)?
        else {
            return Err("its pickle refers to what is no storage of numbers; save `model.state_dict()`".into());
        };
        let all = self.length(*all)?;
        let part = match view {
            [] | [Value::None] => (0, all),
            [view] => match self.tuple(*view)? {
                [Value::Text(_), offset, len] => (self.length(*offset)?, self.length(*len)?),
                _ => return Err("its pickle has a broken view of a storage".into()),
            },
            _ => return Err("its pickle has a broken reference to a storage".into()),
        };
        let storage = Storage { key, number: STORAGES[*kind].1.clone(), all, part };
        self.push_object(Object::Storage(Box::new(storage)))
    }
}
