//! scc's HashIndex, made for reading, with values that change in place, and a guard per batch.

use greylag_bench::{ABSENT, BATCH, Batch, Key, Reader, Subject, Table, port_of, value};
use rustc_hash::FxBuildHasher;
use scc::{Guard, HashIndex};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// scc's HashIndex.
pub(crate) const SCC_INDEX: Subject = Subject {
    name: "scc-hashindex",
    form: "fxhash, a guard per batch, values changed in place",
    is_concurrent: true,
    make: |entries| Box::new(Index(Arc::new(HashIndex::with_capacity_and_hasher(entries, FxBuildHasher)))),
};

/// The index copies its entries when it grows, which it does not have to here.
struct Value(AtomicU32);

impl Clone for Value {
    fn clone(&self) -> Self {
        Value(AtomicU32::new(self.0.load(Ordering::Acquire)))
    }
}

#[derive(Clone)]
struct Index(Arc<HashIndex<u64, Value, FxBuildHasher>>);

impl Reader for Index {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        let guard = Guard::new();
        for (key, found) in keys.iter().zip(found) {
            let value = self.0.peek(&key.0, &guard);
            *found = value.map_or(ABSENT, |value| port_of(value.0.load(Ordering::Acquire)));
        }
    }
}

impl Table for Index {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let (guard, value) = (Guard::new(), value(port, now));
        let mut new = 0;
        for key in keys {
            match self.0.peek(&key.0, &guard) {
                Some(known) if known.0.load(Ordering::Acquire) == value => {}
                Some(known) => known.0.store(value, Ordering::Release),
                None => new += usize::from(self.0.insert_sync(key.0, Value(AtomicU32::new(value))).is_ok()),
            }
        }
        new
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        keys.iter().filter(|key| self.0.remove_sync(&key.0)).count()
    }

    fn clear(&mut self, _: u64) {
        self.0.clear_sync();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(self.clone()))
    }
}
