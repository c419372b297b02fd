//! Runs that are stopped and gone on with end with the bits of runs that are not; reports; loops of one's own.

mod cases;
mod exact;
mod flow;
mod hand_loop;
mod kill;
mod other_run;

fn message<T>(result: gradus::Result<T>) -> String {
    result.err().expect("an error").to_string()
}
