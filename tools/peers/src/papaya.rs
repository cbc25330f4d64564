//! papaya, with values that change in place, pinned for a batch.

use ::papaya::HashMap;
use greylag_bench::{ABSENT, BATCH, Batch, Key, Reader, Subject, Table, port_of, value};
use rustc_hash::FxBuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// papaya.
pub(crate) const PAPAYA: Subject = Subject {
    name: "papaya",
    form: "fxhash, a pin per batch, values changed in place",
    is_concurrent: true,
    make: |entries| {
        Box::new(Pinned(Arc::new(HashMap::builder().capacity(entries).hasher(FxBuildHasher).build())))
    },
};

#[derive(Clone)]
struct Pinned(Arc<HashMap<u64, AtomicU32, FxBuildHasher>>);

impl Reader for Pinned {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        let map = self.0.pin();
        for (key, found) in keys.iter().zip(found) {
            *found = map.get(&key.0).map_or(ABSENT, |value| port_of(value.load(Ordering::Acquire)));
        }
    }
}

impl Table for Pinned {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let (map, value) = (self.0.pin(), value(port, now));
        let mut new = 0;
        for key in keys {
            match map.get(&key.0) {
                Some(known) if known.load(Ordering::Acquire) == value => {}
                Some(known) => known.store(value, Ordering::Release),
                None => {
                    map.insert(key.0, AtomicU32::new(value));
                    new += 1;
                }
            }
        }
        new
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        let map = self.0.pin();
        keys.iter().filter(|key| map.remove(&key.0).is_some()).count()
    }

    fn clear(&mut self, _: u64) {
        self.0.pin().clear();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(self.clone()))
    }
}
