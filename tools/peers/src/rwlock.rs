//! hashbrown behind a readers-writer lock, which is held over a batch.

use greylag_bench::{ABSENT, BATCH, Batch, Key, Reader, Subject, Table, port_of, value};
use rustc_hash::FxBuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

/// The standard library's lock around hashbrown.
pub(crate) const RWLOCK: Subject = Subject {
    name: "rwlock-hashbrown",
    form: "fxhash, a lock per batch",
    is_concurrent: true,
    make: |entries| {
        let map = hashbrown::HashMap::with_capacity_and_hasher(entries, FxBuildHasher);
        Box::new(Locked(Arc::new(RwLock::new(map))))
    },
};

type Map = hashbrown::HashMap<u64, u32, FxBuildHasher>;

#[derive(Clone)]
struct Locked(Arc<RwLock<Map>>);

fn get(map: &Map, keys: &Batch, found: &mut [u16; BATCH]) {
    for (key, found) in keys.iter().zip(found) {
        *found = map.get(&key.0).map_or(ABSENT, |value| port_of(*value));
    }
}

impl Locked {
    fn put(&self, value: u32, keys: &Batch) -> usize {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.iter().filter(|key| map.insert(key.0, value).is_none()).count()
    }
}

impl Reader for Locked {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        get(&self.0.read().unwrap_or_else(PoisonError::into_inner), keys, found);
    }
}

impl Table for Locked {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        self.put(value(port, now), keys)
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.iter().filter(|key| map.remove(&key.0).is_some()).count()
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
        {
            let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if sources.iter().all(|source| map.get(&source.0) == Some(&value)) {
                get(&map, destinations, found);
                return 0;
            }
        }
        let new = self.put(value, sources);
        self.look_up(now, destinations, found);
        new
    }

    fn clear(&mut self, _: u64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(self.clone()))
    }
}
