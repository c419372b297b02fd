//! Training at work, on small real runs.

mod accumulation;
mod attention;
mod averages;
mod callbacks;
mod facts;
mod figures;
mod graph;
mod hooks;
mod masks;
mod measures;
mod model;
mod optimizers;
mod overflow;
mod parts;
mod reinforcement;
mod search;
mod settings;
mod shared;
mod state;
#[cfg(feature = "tensorboard")]
mod tensorboard;
mod tuning;

/// Whether this process runs only this test; if not, runs it in one that does. Other tests allocate, too.
fn alone(test: &str) -> bool {
    const ALONE: &str = "GRADUS_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let program = std::env::current_exe().unwrap();
        let status =
            std::process::Command::new(program).args(["--exact", test, "--nocapture"]).env(ALONE, "1").status();
        assert!(status.unwrap().success());
        return false;
    }
    true
}
