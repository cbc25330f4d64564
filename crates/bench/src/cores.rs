//! Which cores there are, and staying on some of them.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::sync::OnceLock;

/// The cores that this process might use before it pinned anything, lowest first.
pub(crate) fn allowed() -> Vec<usize> {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    let ask = || {
        let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
        (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect()
    };
    ALLOWED.get_or_init(ask).clone()
}

/// Keeps the calling thread on a core. Where that is forbidden, figures spread more; they show it themselves.
pub(crate) fn pin(core: usize) {
    pin_to(&[core]);
}

/// Keeps the calling thread, and what it starts, on these cores.
pub(crate) fn pin_to(cores: &[usize]) {
    let mut set = CpuSet::new();
    if cores.iter().all(|&core| set.set(core).is_ok()) {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}
