//! The door through which grace periods get their atomics and locks.
//!
//! Under `--cfg loom` they are those of the model checker, which decides in what order threads run and which of the values that the memory
//! model permits a load returns; `tests/loom.rs` has the models. The rest of the crate is not checked that way, and has std's.

#[cfg(not(loom))]
mod world {
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::sync::atomic::{AtomicU64, fence};
}

#[cfg(loom)]
mod world {
    use super::Ordering;
    pub(crate) use loom::sync::Mutex;
    use loom::sync::atomic::AtomicU8;

    loom::lazy_static! {
        static ref FENCE: AtomicU8 = AtomicU8::new(0);
    }

    /// Tells loom of every fence: it tries orders of accesses to one atomic, and would not try those of fences otherwise.
    pub(crate) fn fence(order: Ordering) {
        FENCE.store(0, Ordering::Relaxed);
        loom::sync::atomic::fence(order);
    }

    /// Tells loom of every load: from two loads by two threads it remembers the second alone, and never tries the order in which a
    /// store comes before the first (`docs/mactable-proofs.md` has more on it). The companion orders nothing, and nobody reads it.
    #[derive(Debug, Default)]
    pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64, AtomicU8);

    impl AtomicU64 {
        pub(crate) fn new(value: u64) -> Self {
            AtomicU64(loom::sync::atomic::AtomicU64::new(value), AtomicU8::new(0))
        }

        #[track_caller]
        pub(crate) fn load(&self, order: Ordering) -> u64 {
            self.1.store(0, Ordering::Relaxed);
            self.0.load(order)
        }

        #[track_caller]
        pub(crate) fn store(&self, value: u64, order: Ordering) {
            self.0.store(value, order);
        }

        #[track_caller]
        pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            self.0.fetch_add(value, order)
        }
    }
}

// Arc is not part of what is checked.
pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::{Arc, PoisonError};
pub(crate) use world::{AtomicU64, Mutex, fence};
