//! dashmap: shards of hashbrown, each behind its lock.

use ::dashmap::DashMap;
use greylag_bench::{ABSENT, BATCH, Batch, Key, Reader, Subject, Table, port_of, value};
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// dashmap.
pub(crate) const DASHMAP: Subject = Subject {
    name: "dashmap",
    form: "fxhash; has no guard for a batch",
    is_concurrent: true,
    make: |entries| Box::new(Sharded(Arc::new(DashMap::with_capacity_and_hasher(entries, FxBuildHasher)))),
};

#[derive(Clone)]
struct Sharded(Arc<DashMap<u64, u32, FxBuildHasher>>);

impl Reader for Sharded {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        for (key, found) in keys.iter().zip(found) {
            *found = self.0.get(&key.0).map_or(ABSENT, |value| port_of(*value));
        }
    }
}

impl Table for Sharded {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let value = value(port, now);
        keys.iter().filter(|key| self.0.insert(key.0, value).is_none()).count()
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        keys.iter().filter(|key| self.0.remove(&key.0).is_some()).count()
    }

    fn mix(
        &mut self,
        now: u64,
        port: u16,
        sources: &Batch,
        destinations: &Batch,
        found: &mut [u16; BATCH],
    ) -> usize {
        let value = value(port, now);
        let new = sources
            .iter()
            .filter(|source| {
                let is_current = self.0.get(&source.0).is_some_and(|known| *known == value);
                !is_current && self.0.insert(source.0, value).is_none()
            })
            .count();
        self.look_up(now, destinations, found);
        new
    }

    fn clear(&mut self, _: u64) {
        self.0.clear();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(self.clone()))
    }
}
