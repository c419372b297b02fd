//! Descriptions as JSON, in the form of Keras: `{"class_name": "Dense", "config": {"units": 64}}`.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{Config, Value};
use crate::error::{Error, Result};

const KIND: &str = "class_name";
const SETTINGS: &str = "config";

impl Config {
    /// Writes the description as JSON.
    ///
    /// # Errors
    /// those of [`Config::check`]
    pub fn to_json(&self) -> Result<String> {
        self.check()?;
        Ok(json_of_config(self).to_string())
    }

    /// Reads a description from JSON.
    ///
    /// # Errors
    /// a text that is not JSON, or not a description
    pub fn from_json(text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| Error::value(format!("expected a description in JSON, got something else: {error}")))?;
        match value_of(&json)? {
            Value::Config(config) => Ok(config),
            other => Err(Error::value(format!("expected a description with `{KIND}`, got {other}"))),
        }
    }
}

fn json_of_config(config: &Config) -> Json {
    let mut settings = Map::new();
    for (name, value) in config.settings() {
        settings.insert(name.into(), json_of(value));
    }
    let mut object = Map::new();
    object.insert(KIND.into(), config.kind().into());
    object.insert(SETTINGS.into(), Json::Object(settings));
    Json::Object(object)
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Number(number) if is_whole(*number) => Json::from(*number as i64),
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(json_of).collect()),
        Value::Config(config) => json_of_config(config),
    }
}

/// Whether a number is written without a point: as far as f64 counts them, up to 2^53, and not -0.
fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 && number.to_bits() != (-0.0_f64).to_bits()
}

fn value_of(json: &Json) -> Result<Value> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(value_of).collect::<Result<_>>()?),
        Json::Object(object) => Value::Config(config_of(object)?),
    })
}

fn config_of(object: &Map<String, Json>) -> Result<Config> {
    let Some(Json::String(kind)) = object.get(KIND) else {
        return Err(Error::value(format!("expected a description with `{KIND}`, got the keys {:?}", keys(object))));
    };
    let no_settings = Map::new();
    let settings = match object.get(SETTINGS) {
        Some(Json::Object(settings)) => settings,
        None => &no_settings,
        Some(other) => return Err(Error::value(format!("`{kind}`: expected settings in `{SETTINGS}`, got {other}"))),
    };
    let mut config = Config::new(kind.clone());
    for (name, json) in settings {
        let value = value_of(json).map_err(|error| error.at_setting(name))?;
        config = config.entry(name, value, false);
    }
    Ok(config)
}

fn keys(object: &Map<String, Json>) -> BTreeSet<&str> {
    object.keys().take(20).map(String::as_str).collect()
}
