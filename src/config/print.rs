//! Descriptions as text that a person reads: what differs from the defaults, a line for each layer of a container.

use std::fmt;

use super::{Config, Value};

impl Value {
    /// The named things in a list of them, such as the layers of a container.
    fn parts(&self) -> Option<Vec<(&str, &Config)>> {
        let Self::List(items) = self else { return None };
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            let Self::List(pair) = item else { return None };
            let [Self::Text(name), Self::Config(config)] = &pair[..] else { return None };
            parts.push((name.as_str(), config));
        }
        Some(parts)
    }

    fn is_block(&self) -> bool {
        match self {
            Self::Config(config) => config.has_block(),
            _ => self.parts().is_some_and(|parts| !parts.is_empty()),
        }
    }
}

impl Config {
    fn has_block(&self) -> bool {
        self.settings().any(|(_, value)| value.is_block())
    }

    /// The kind and the settings that fit into its line.
    fn head(&self) -> String {
        if self.opaque.is_some() {
            return format!("{}(..)", self.kind);
        }
        let shown = self.settings.iter().filter(|entry| !entry.is_default && !entry.value.is_block());
        let shown: Vec<String> = shown.map(|entry| format!("{}: {}", entry.name, entry.value)).collect();
        if shown.is_empty() { self.kind.clone() } else { format!("{}({})", self.kind, shown.join(", ")) }
    }

    /// What stands in lines of its own below the head.
    fn write_blocks(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        for (name, value) in self.settings().filter(|(_, value)| value.is_block()) {
            let parts = match value {
                Value::Config(config) => vec![(name, config)],
                value => value.parts().unwrap_or_default(),
            };
            for (name, config) in parts {
                write!(f, "\n{}{name}: {}", "    ".repeat(depth), config.head())?;
                config.write_blocks(f, depth + 1)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        self.write_blocks(f, 1)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("none"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Config(config) => f.write_str(&config.head()),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}
