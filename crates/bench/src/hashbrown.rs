//! hashbrown with fxhash: the table for one thread that a table for many has to beat.

use crate::key::{ABSENT, BATCH, Batch, Key};
use crate::table::{Reader, Subject, Table, port_of, value};
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;

/// hashbrown with fxhash, for one thread.
pub const HASHBROWN: Subject = Subject {
    name: "hashbrown",
    form: "fxhash, one thread",
    is_concurrent: false,
    make: |entries| Box::new(Map(hashbrown::HashMap::with_capacity_and_hasher(entries, FxBuildHasher))),
};

struct Map(hashbrown::HashMap<u64, u32, FxBuildHasher>);

impl Reader for Map {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        for (key, found) in keys.iter().zip(found) {
            *found = self.0.get(&key.0).map_or(ABSENT, |value| port_of(*value));
        }
    }
}

impl Table for Map {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let (value, mut new) = (value(port, now), 0);
        for key in keys {
            match self.0.entry(key.0) {
                Entry::Occupied(mut entry) if *entry.get() != value => *entry.get_mut() = value,
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(value);
                    new += 1;
                }
            }
        }
        new
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
        let (value, mut new) = (value(port, now), 0);
        for source in sources {
            // Not by an entry, which would first see to room for a new one.
            match self.0.get_mut(&source.0) {
                Some(known) if *known != value => *known = value,
                Some(_) => {}
                None => {
                    self.0.insert(source.0, value);
                    new += 1;
                }
            }
        }
        self.look_up(now, destinations, found);
        new
    }

    fn clear(&mut self, _: u64) {
        self.0.clear();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        None
    }

    fn bytes(&self) -> Option<usize> {
        Some(self.0.allocation_size())
    }
}
