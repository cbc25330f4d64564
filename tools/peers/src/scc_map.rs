//! scc's HashMap: a lock per bucket.

use greylag_bench::{ABSENT, BATCH, Batch, Key, Reader, Subject, Table, port_of, value};
use rustc_hash::FxBuildHasher;
use scc::HashMap;
use std::sync::Arc;

/// scc's HashMap.
pub(crate) const SCC_MAP: Subject = Subject {
    name: "scc-hashmap",
    form: "fxhash; has no guard for a batch",
    is_concurrent: true,
    make: |entries| Box::new(Map(Arc::new(HashMap::with_capacity_and_hasher(entries, FxBuildHasher)))),
};

#[derive(Clone)]
struct Map(Arc<HashMap<u64, u32, FxBuildHasher>>);

impl Reader for Map {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        for (key, found) in keys.iter().zip(found) {
            *found = self.0.read_sync(&key.0, |_, value| port_of(*value)).unwrap_or(ABSENT);
        }
    }
}

impl Table for Map {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let value = value(port, now);
        keys.iter().filter(|key| self.0.upsert_sync(key.0, value).is_none()).count()
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        keys.iter().filter(|key| self.0.remove_sync(&key.0).is_some()).count()
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
                let is_current = self.0.read_sync(&source.0, |_, known| *known == value) == Some(true);
                !is_current && self.0.upsert_sync(source.0, value).is_none()
            })
            .count();
        self.look_up(now, destinations, found);
        new
    }

    fn clear(&mut self, _: u64) {
        self.0.clear_sync();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(self.clone()))
    }
}
