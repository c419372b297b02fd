//! What a pickle's machine does for each code, in protocols 2 to 5.

use super::globals;
use super::machine::{Machine, Object, Outcome, Value};

/// Takes a number of bytes away from the front.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> Outcome<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len).ok_or("its pickle is cut off")?;
    *rest = left;
    Ok(taken)
}

/// Takes an unsigned number of so many bytes, the least first.
fn number(rest: &mut &[u8], len: usize) -> Outcome<u64> {
    Ok(take(rest, len)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Takes bytes after their number, which has so many bytes itself.
fn counted<'a>(rest: &mut &'a [u8], len: usize) -> Outcome<&'a [u8]> {
    let len = number(rest, len)?;
    take(rest, usize::try_from(len).unwrap_or(usize::MAX))
}

fn text(bytes: &[u8]) -> Outcome<&str> {
    std::str::from_utf8(bytes).map_err(|_| "its pickle has a text that is not UTF-8".into())
}

/// Takes a text up to the end of its line.
fn line<'a>(rest: &mut &'a [u8]) -> Outcome<&'a str> {
    let len = rest.iter().position(|byte| *byte == b'\n').ok_or("its pickle is cut off")?;
    let bytes = take(rest, len)?;
    take(rest, 1)?;
    text(bytes)
}

/// A whole number with its sign, of any number of bytes.
fn long<'a>(bytes: &[u8]) -> Value<'a> {
    let negative = bytes.last().is_some_and(|byte| byte >> 7 == 1);
    match bytes.len() {
        0..=8 => {
            let mut all = if negative { [255; 8] } else { [0; 8] };
            all[..bytes.len()].copy_from_slice(bytes);
            Value::Integer(i64::from_le_bytes(all))
        }
        _ => Value::Plain,
    }
}

impl<'a> Machine<'a> {
    /// Does what the next code says; false at the end.
    pub(super) fn step(&mut self, rest: &mut &'a [u8]) -> Outcome<bool> {
        let [code] = *take(rest, 1)? else { return Err("its pickle is cut off".into()) };
        match code {
            b'.' => return Ok(false),
            // The protocol, and how far to read ahead.
            0x80 => match number(rest, 1)? {
                0..=5 => {}
                other => return Err(format!("expected a pickle of protocol 2 to 5, got {other}")),
            },
            0x95 => drop(number(rest, 8)?),
            // The stack.
            b'(' => self.mark()?,
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => self.top().and_then(|value| self.push(value))?,
            b'q' => number(rest, 1).and_then(|key| self.memorize(key))?,
            b'r' => number(rest, 4).and_then(|key| self.memorize(key))?,
            0x94 => self.memorize(self.memo.len() as u64)?,
            b'h' => number(rest, 1).and_then(|key| self.recall(key))?,
            b'j' => number(rest, 4).and_then(|key| self.recall(key))?,
            // Plain values.
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'K' => number(rest, 1).and_then(|n| self.push(Value::Integer(n as i64)))?,
            b'M' => number(rest, 2).and_then(|n| self.push(Value::Integer(n as i64)))?,
            b'J' => number(rest, 4).and_then(|n| self.push(Value::Integer(i64::from(n as u32 as i32))))?,
            0x8A => counted(rest, 1).and_then(|bytes| self.push(long(bytes)))?,
            0x8B => counted(rest, 4).and_then(|bytes| self.push(long(bytes)))?,
            b'G' => take(rest, 8).and_then(|_| self.push(Value::Plain))?,
            // Texts, those of Python 2 among them, and bytes.
            b'U' | 0x8C => counted(rest, 1).and_then(text).and_then(|text| self.push(Value::Text(text)))?,
            b'T' | b'X' => counted(rest, 4).and_then(text).and_then(|text| self.push(Value::Text(text)))?,
            0x8D => counted(rest, 8).and_then(text).and_then(|text| self.push(Value::Text(text)))?,
            b'C' => counted(rest, 1).and_then(|_| self.push(Value::Plain))?,
            b'B' => counted(rest, 4).and_then(|_| self.push(Value::Plain))?,
            0x8E | 0x96 => counted(rest, 8).and_then(|_| self.push(Value::Plain))?,
            // Tuples, lists, dictionaries, sets.
            b')' => self.push_object(Object::Tuple(Vec::new()))?,
            b't' => self.pop_mark().and_then(|items| self.push_object(Object::Tuple(items)))?,
            0x85..=0x87 => {
                let mut items = (0x85..=code).map(|_| self.pop()).collect::<Outcome<Vec<_>>>()?;
                items.reverse();
                self.push_object(Object::Tuple(items))?;
            }
            b']' => self.push_object(Object::List(Vec::new()))?,
            b'l' => self.pop_mark().and_then(|items| self.push_object(Object::List(items)))?,
            b'a' => self.pop().and_then(|item| self.extend_list(&[item]))?,
            b'e' => self.pop_mark().and_then(|items| self.extend_list(&items))?,
            b'}' => self.push_object(Object::Dict(Vec::new()))?,
            b'd' => {
                let pairs = self.pop_mark()?;
                self.push_object(Object::Dict(Vec::new()))?;
                self.extend_dict(&pairs)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(&[key, value])?;
            }
            b'u' => self.pop_mark().and_then(|pairs| self.extend_dict(&pairs))?,
            0x8F => self.push(Value::Plain)?,
            0x90 => self.pop_mark().and_then(|items| self.extend_list(&items))?,
            0x91 => self.pop_mark().and_then(|_| self.push(Value::Plain))?,
            // Functions and classes, and what they are called with.
            b'c' => {
                let (module, name) = (line(rest)?, line(rest)?);
                self.push(Value::Global(globals::find(module, name)?))?;
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => self.push(Value::Global(globals::find(module, name)?))?,
                _ => return Err("its pickle asks for a function without a name".into()),
            },
            b'R' => {
                let arguments = self.pop()?;
                let function = self.pop()?;
                self.call(function, arguments)?;
            }
            // Attributes, such as the versions of a state's modules: a dictionary keeps only its items.
            b'b' => {
                self.pop()?;
                match self.top()? {
                    Value::Object(place) if matches!(self.objects[place], Object::Dict(_)) => {}
                    other => return Err(format!("its pickle sets attributes of {}", self.kind(other))),
                }
            }
            b'Q' => self.pop().and_then(|identity| self.storage(identity))?,
            other => {
                return Err(format!(
                    "its pickle has the code {other:#04x}, which plain values and tensors do not need, and which is \
                     refused; save `model.state_dict()`"
                ));
            }
        }
        Ok(true)
    }
}
