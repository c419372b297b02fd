//! The machine that runs pickles: a stack, a memo, and objects that refer to each other by number.
//!
//! It calls nothing. What a pickle would have Python make is kept as a description, [`Made`], so that an unknown class or
//! function does no harm; [`super::tensors`] looks for tensors among the descriptions.
//!
//! Each code of a pickle makes at most one value on the stack, one object and one entry of the memo, and moves those that
//! others made: memory is proportional to the pickle, and needs no other limit.

use std::collections::HashMap;

/// A value on the stack. Texts stay in the pickle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// A number with a fraction, bytes: something that neither holds nor names a tensor.
    Plain,
    None,
    Bool(bool),
    Integer(i64),
    Text(&'a str),
    /// Where anything larger is among the objects.
    Object(usize),
}

#[derive(Debug)]
pub(super) enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    /// A list or a set.
    List(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// A function or a class, by its module and its name.
    Global(Box<[&'a str; 2]>),
    /// What the pickle refers to by an identity, such as a storage of numbers.
    External(Value<'a>),
    Made(Box<Made<'a>>),
}

/// What Python would make.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) function: Value<'a>,
    pub(super) arguments: Value<'a>,
    /// Whether the function is called; else it is a class, of which an empty object is made.
    pub(super) is_call: bool,
    /// What is added to it, by keys and at its end.
    pub(super) pairs: Vec<(Value<'a>, Value<'a>)>,
    pub(super) items: Vec<Value<'a>>,
    /// Its attributes.
    pub(super) state: Value<'a>,
}

pub(super) struct Machine<'a> {
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    pub(super) memo: HashMap<u64, Value<'a>>,
    pub(super) objects: Vec<Object<'a>>,
}

pub(super) type Outcome<T = ()> = Result<T, String>;

impl<'a> Machine<'a> {
    /// Runs a pickle to its end: its value, the machine with the objects, and the rest of the bytes.
    pub(super) fn run(bytes: &'a [u8]) -> Outcome<(Value<'a>, Self, &'a [u8])> {
        let mut machine = Self { stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), objects: Vec::new() };
        let mut rest = bytes;
        while machine.step(&mut rest)? {}
        let value = machine.pop()?;
        Ok((value, machine, rest))
    }

    /// What a value is, for messages.
    pub(super) fn kind(&self, value: Value) -> &'static str {
        match value {
            Value::Plain => "a plain value",
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Integer(_) => "a whole number",
            Value::Text(_) => "a text",
            Value::Object(place) => match self.objects[place] {
                Object::Tuple(_) => "a tuple",
                Object::List(_) => "a list",
                Object::Dict(_) => "a dictionary",
                Object::Global(_) => "a function or class",
                Object::External(_) => "a storage",
                Object::Made(_) => "an object",
            },
        }
    }

    pub(super) fn push(&mut self, value: Value<'a>) {
        self.stack.push(value);
    }

    pub(super) fn push_object(&mut self, object: Object<'a>) {
        self.objects.push(object);
        self.push(Value::Object(self.objects.len() - 1));
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

    pub(super) fn mark(&mut self) {
        self.marks.push(self.stack.len());
    }

    /// The values after the last mark.
    pub(super) fn pop_mark(&mut self) -> Outcome<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or("its pickle goes back to a mark that is not there")?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn memorize(&mut self, key: u64) -> Outcome {
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    pub(super) fn recall(&mut self, key: u64) -> Outcome {
        let value = self.memo.get(&key).ok_or("its pickle recalls a value that it never made")?;
        self.push(*value);
        Ok(())
    }

    /// Adds items to the list or object on the stack.
    pub(super) fn append(&mut self, items: &[Value<'a>]) -> Outcome {
        match self.top()? {
            Value::Object(place) => match &mut self.objects[place] {
                Object::List(list) => list.extend(items),
                Object::Made(made) => made.items.extend(items),
                _ => return Err("its pickle appends to what is not a list".into()),
            },
            _ => return Err("its pickle appends to what is not a list".into()),
        }
        Ok(())
    }

    /// Adds pairs, flat, to the dictionary or object on the stack.
    pub(super) fn set_items(&mut self, pairs: &[Value<'a>]) -> Outcome {
        let (pairs, []) = pairs.as_chunks::<2>() else {
            return Err("its pickle has a key without a value".into());
        };
        let Value::Object(place) = self.top()? else { return Err("its pickle sets items of what has none".into()) };
        let into = match &mut self.objects[place] {
            Object::Dict(dict) => dict,
            Object::Made(made) => &mut made.pairs,
            _ => return Err("its pickle sets items of what is not a dictionary".into()),
        };
        for [key, value] in pairs {
            into.push((*key, *value));
        }
        Ok(())
    }

    /// Calls a function, or makes an empty object of a class.
    pub(super) fn make(&mut self, function: Value<'a>, arguments: Value<'a>, is_call: bool) -> Outcome {
        match function {
            Value::Object(place) if matches!(self.objects[place], Object::Global(_) | Object::Made(_)) => {}
            other => return Err(format!("its pickle calls {}, which is not a function", self.kind(other))),
        }
        let (pairs, items) = (Vec::new(), Vec::new());
        let made = Made { function, arguments, is_call, pairs, items, state: Value::None };
        self.push_object(Object::Made(Box::new(made)));
        Ok(())
    }

    /// Sets the attributes of the object on the stack.
    pub(super) fn build(&mut self, state: Value<'a>) -> Outcome {
        let top = self.top()?;
        match top {
            Value::Object(place) => match &mut self.objects[place] {
                Object::Made(made) => made.state = state,
                // A dictionary keeps only its items.
                Object::Dict(_) => {}
                _ => return Err(format!("its pickle sets attributes of {}", self.kind(top))),
            },
            other => return Err(format!("its pickle sets attributes of {}", self.kind(other))),
        }
        Ok(())
    }

    /// Refers to what is outside of the pickle.
    pub(super) fn refer(&mut self, identity: Value<'a>) {
        match self.tuple(identity) {
            // A class of a module, with its source.
            Some([Value::Text("module"), class, ..]) => self.push(*class),
            _ => self.push_object(Object::External(identity)),
        }
    }

    /// The items of a tuple.
    pub(super) fn tuple(&self, value: Value) -> Option<&[Value<'a>]> {
        match value {
            Value::Object(place) => match &self.objects[place] {
                Object::Tuple(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// The module and the name of a function or class.
    pub(super) fn global(&self, value: Value) -> Option<[&'a str; 2]> {
        match value {
            Value::Object(place) => match &self.objects[place] {
                Object::Global(names) => Some(**names),
                _ => None,
            },
            _ => None,
        }
    }
}
