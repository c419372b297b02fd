//! What can stand in a description.

use super::{Config, Reader, Registry, Value};
use crate::error::{Error, Result};

/// Anything that can be the value of a setting: numbers, names, lists, and things with descriptions of their own.
pub trait Setting: Sized {
    /// Returns the value as plain data.
    fn to_value(&self) -> Value;

    /// Reads the value.
    ///
    /// # Errors
    /// data of another type, or out of range
    fn from_value(value: &Value, registry: &Registry) -> Result<Self>;
}

/// A type whose settings are declared: it is a setting itself, which is compiled only where things nest by type.
pub trait Declared: super::Described {
    /// Returns the description.
    fn description(&self) -> Config;
}

impl<T: Declared> Setting for T {
    fn to_value(&self) -> Value {
        Value::Config(self.description())
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        value.described(registry)
    }
}

/// A field of a declared struct as its description sees it: one loop writes or reads those of all types.
pub(crate) trait Slot {
    /// Returns the value as plain data.
    fn write(&self) -> Value;

    /// Takes on the value.
    ///
    /// # Errors
    /// those of [`Setting::from_value`]
    fn read(&mut self, value: &Value, registry: &Registry) -> Result<()>;
}

impl<T: Setting> Slot for T {
    fn write(&self) -> Value {
        self.to_value()
    }

    fn read(&mut self, value: &Value, registry: &Registry) -> Result<()> {
        // See `Value::described`.
        match T::from_value(value, registry) {
            Ok(read) => *self = read,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// The error of a value of another type.
pub(crate) fn expected(what: &str, value: &Value) -> Error {
    Error::value(format!("expected {what}, got {value}"))
}

impl Value {
    /// Returns the description, if it is one.
    ///
    /// # Errors
    /// another value
    pub fn as_config(&self) -> Result<&Config> {
        match self {
            Self::Config(config) => Ok(config),
            other => Err(expected("a description", other)),
        }
    }

    /// Reads it as the thing of the type `T` that it describes.
    pub(crate) fn described<T: super::Described>(&self, registry: &Registry) -> Result<T> {
        // No conversion of errors, which would be compiled again for each type.
        match self.reader(T::KIND, registry) {
            Ok(reader) => T::from_config(&reader),
            Err(error) => Err(error),
        }
    }

    fn reader<'a>(&'a self, kind: &str, registry: &'a Registry) -> Result<Reader<'a>> {
        let config = self.as_config()?;
        if config.kind() == kind {
            return Ok(Reader::new(config, registry));
        }
        Err(Error::value(format!("expected a `{kind}`, got a `{}`", config.kind())))
    }
}

impl Setting for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: &Value, _: &Registry) -> Result<Self> {
        match value {
            Value::Bool(yes) => Ok(*yes),
            other => Err(expected("true or false", other)),
        }
    }
}

macro_rules! whole {
    ($($type:ty)*) => { $(
        impl Setting for $type {
            fn to_value(&self) -> Value {
                // Beyond 2^53 an f64 does not hold every whole number.
                let number = *self as f64;
                if number as $type == *self { Value::Number(number) } else { Value::Text(self.to_string()) }
            }

            fn from_value(value: &Value, _: &Registry) -> Result<Self> {
                let whole = match value {
                    Value::Number(number) => (*number as $type as f64 == *number).then_some(*number as $type),
                    Value::Text(text) => text.parse().ok(),
                    _ => None,
                };
                whole.ok_or_else(|| expected(concat!("a whole number (", stringify!($type), ")"), value))
            }
        }
    )* };
}
whole!(usize u64 u32 isize i64 i32);

macro_rules! number {
    ($($type:ty)*) => { $(
        impl Setting for $type {
            fn to_value(&self) -> Value {
                // As many digits as the type has, so that 0.1 is written as 0.1; JSON has no other numbers than finite ones.
                let text = self.to_string();
                match text.parse() {
                    Ok(number) if self.is_finite() => Value::Number(number),
                    _ => Value::Text(text),
                }
            }

            fn from_value(value: &Value, _: &Registry) -> Result<Self> {
                match value {
                    Value::Number(number) => Ok(*number as $type),
                    Value::Text(text) if ["inf", "-inf", "NaN"].contains(&text.as_str()) => {
                        text.parse().map_err(|_| expected("a number", value))
                    }
                    other => Err(expected("a number", other)),
                }
            }
        }
    )* };
}
number!(f32 f64);

impl Setting for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: &Value, _: &Registry) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            other => Err(expected("a text", other)),
        }
    }
}

impl<T: Setting> Setting for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        match value {
            Value::Null => Ok(None),
            some => T::from_value(some, registry).map(Some),
        }
    }
}

/// A name and what has it say more than a number.
fn at_place(error: Error, i: usize, item: &Value) -> Error {
    if item.is_named() { error } else { error.at_setting(&i.to_string()) }
}

impl<T: Setting> Setting for Vec<T> {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        let Value::List(items) = value else { return Err(expected("a list", value)) };
        let mut read = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            match T::from_value(item, registry) {
                Ok(item) => read.push(item),
                Err(error) => return Err(at_place(error, i, item)),
            }
        }
        Ok(read)
    }
}

impl<T: Setting, const N: usize> Setting for [T; N] {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        let items = Vec::<T>::from_value(value, registry)?;
        items.try_into().map_err(|_| expected(&format!("a list of {N}"), value))
    }
}

impl Setting for Config {
    fn to_value(&self) -> Value {
        Value::Config(self.clone())
    }

    fn from_value(value: &Value, _: &Registry) -> Result<Self> {
        value.as_config().cloned()
    }
}

/// A name and what has it; errors have the name.
impl<T: Setting> Setting for (String, T) {
    fn to_value(&self) -> Value {
        Value::List(vec![self.0.to_value(), self.1.to_value()])
    }

    fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        let Value::List(items) = value else { return Err(expected("a name and a value", value)) };
        let [Value::Text(name), item] = &items[..] else { return Err(expected("a name and a value", value)) };
        Ok((name.clone(), T::from_value(item, registry).map_err(|error| error.at_setting(name))?))
    }
}
