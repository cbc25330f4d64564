//! What the benchmarks share: addresses to look up, a routing table, and ports that cost next to nothing.

pub mod flows;
pub mod mrt;
pub mod table;
pub mod zebra;

pub use greylag_bench::{Treadmill, Words, addresses};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::time::Duration;

/// Whether each benchmark is to run once only, to show that it still does, and nothing is measured: `cargo test --benches`, or
/// `cargo bench -- --test`. Criterion goes by the same arguments.
pub fn is_test() -> bool {
    let has = |wanted| std::env::args().any(|argument| argument == wanted);
    has("--test") || !has("--bench")
}

/// What this thread has had of a processor: others may want it, too.
pub fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has this clock").into()
}

/// Keeps this thread on a processor. Where there is none of that number, or it is forbidden, figures spread more; they show it themselves.
pub fn stay_on(processor: usize) {
    let mut set = CpuSet::new();
    if set.set(processor).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}
