//! A word about builds that train a hundred times slower than they could.

use std::sync::Once;

static SAID: Once = Once::new();

/// Says on stderr, once in a process, that the crate was built without optimisation; nothing in other builds.
pub(super) fn warn() {
    if cfg!(all(debug_assertions, unoptimized)) {
        SAID.call_once(|| {
            eprintln!(
                "gradus is built without optimisation and trains about a hundred times slower than it could: run with \
                 `--release`, or add these lines to Cargo.toml:\n\n[profile.dev.package.\"*\"]\nopt-level = 3\n"
            );
        });
    }
}
