//! What a pickle's machine does for each code, in protocols 2 to 5.

use super::machine::{Machine, Object, Outcome, Value};

/// Takes a number of bytes away from the front.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> Outcome<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len).ok_or("its pickle is cut off")?;
    *rest = left;
    Ok(taken)
}

/// Takes an unsigned number of this many bytes, the least first.
fn number(rest: &mut &[u8], len: usize) -> Outcome<u64> {
    Ok(take(rest, len)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Takes bytes after their number, which has `len` bytes itself.
fn counted<'a>(rest: &mut &'a [u8], len: usize) -> Outcome<&'a [u8]> {
    let len = number(rest, len)?;
    take(rest, usize::try_from(len).unwrap_or(usize::MAX))
}

/// A text; one of Python 2 may be bytes.
fn text(bytes: &[u8]) -> Value<'_> {
    std::str::from_utf8(bytes).map_or(Value::Plain, Value::Text)
}

/// Takes a text up to the end of its line.
fn line<'a>(rest: &mut &'a [u8]) -> Outcome<&'a str> {
    let len = rest.iter().position(|byte| *byte == b'\n').ok_or("its pickle is cut off")?;
    let bytes = take(rest, len)?;
    take(rest, 1)?;
    std::str::from_utf8(bytes).map_err(|_| "its pickle has a name that is not UTF-8".into())
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
            b'(' => self.mark(),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.push(top);
            }
            b'q' => number(rest, 1).and_then(|key| self.memorize(key))?,
            b'r' => number(rest, 4).and_then(|key| self.memorize(key))?,
            0x94 => self.memorize(self.memo.len() as u64)?,
            b'h' => number(rest, 1).and_then(|key| self.recall(key))?,
            b'j' => number(rest, 4).and_then(|key| self.recall(key))?,
            b'c' => {
                let names = [line(rest)?, line(rest)?];
                self.push_object(Object::Global(Box::new(names)));
            }
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8F | 0x91 => self.collect(code)?,
            b'a' | b'e' | 0x90 | b's' | b'u' => self.fill(code)?,
            0x93 | b'R' | 0x81 | 0x92 | b'b' | b'Q' => self.describe(code)?,
            _ => {
                let value = plain(code, rest)?;
                self.push(value);
            }
        }
        Ok(true)
    }

    /// Makes a tuple, list, dictionary or set.
    fn collect(&mut self, code: u8) -> Outcome {
        let object = match code {
            b')' => Object::Tuple(Vec::new()),
            b't' | 0x91 => Object::Tuple(self.pop_mark()?),
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3);
                for _ in 0x85..=code {
                    items.push(self.pop()?);
                }
                items.reverse();
                Object::Tuple(items)
            }
            b'l' => Object::List(self.pop_mark()?),
            b'}' => Object::Dict(Vec::new()),
            b'd' => {
                let pairs = self.pop_mark()?;
                self.push_object(Object::Dict(Vec::new()));
                return self.set_items(&pairs);
            }
            _ => Object::List(Vec::new()),
        };
        self.push_object(object);
        Ok(())
    }

    /// Puts values into what lies below them.
    fn fill(&mut self, code: u8) -> Outcome {
        match code {
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])
            }
            b'u' => {
                let pairs = self.pop_mark()?;
                self.set_items(&pairs)
            }
            _ => {
                let items = self.pop_mark()?;
                self.append(&items)
            }
        }
    }

    /// Functions and classes, what they are called with, attributes, and what is outside of the pickle.
    fn describe(&mut self, code: u8) -> Outcome {
        let last = self.pop()?;
        match code {
            0x93 => match (last, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => {
                    self.push_object(Object::Global(Box::new([module, name])));
                    Ok(())
                }
                _ => Err("its pickle asks for a function without a name".into()),
            },
            b'R' | 0x81 => {
                let function = self.pop()?;
                self.make(function, last, code == b'R')
            }
            // The last are arguments with names, which no tensor has.
            0x92 => {
                let arguments = self.pop()?;
                let class = self.pop()?;
                self.make(class, arguments, false)
            }
            b'b' => self.build(last),
            _ => {
                self.refer(last);
                Ok(())
            }
        }
    }
}

/// Numbers, texts, those of Python 2 among them, and bytes.
fn plain<'a>(code: u8, rest: &mut &'a [u8]) -> Outcome<Value<'a>> {
    Ok(match code {
        b'N' => Value::None,
        0x88 => Value::Bool(true),
        0x89 => Value::Bool(false),
        b'K' => Value::Integer(number(rest, 1)? as i64),
        b'M' => Value::Integer(number(rest, 2)? as i64),
        b'J' => Value::Integer(i64::from(number(rest, 4)? as u32 as i32)),
        0x8A => long(counted(rest, 1)?),
        0x8B => long(counted(rest, 4)?),
        b'G' => take(rest, 8).map(|_| Value::Plain)?,
        b'U' | 0x8C => text(counted(rest, 1)?),
        b'T' | b'X' => text(counted(rest, 4)?),
        0x8D => text(counted(rest, 8)?),
        b'C' => counted(rest, 1).map(|_| Value::Plain)?,
        b'B' => counted(rest, 4).map(|_| Value::Plain)?,
        0x8E | 0x96 => counted(rest, 8).map(|_| Value::Plain)?,
        other => {
            return Err(format!(
                "its pickle has the code {other:#04x}, which torch.save does not write; save it again with torch.save"
            ));
        }
    })
}
