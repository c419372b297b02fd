//! Descriptions of models, and of what trains them.

#![no_main]

use gradus::config::{Config, Registry, Value};
use gradus::prelude::*;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(config) = Config::from_json(text) else { return };
    let _ = config.to_string();
    let registry = Registry::default();
    let value = Value::Config(config.clone());
    drop(registry.make::<Box<dyn Layer>>(&config));
    drop(registry.make::<Box<dyn Loss>>(&config));
    drop(registry.make::<Box<dyn Metric>>(&config));
    drop(registry.read::<Stepper>(&value));
});
