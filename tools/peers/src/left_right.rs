//! left-right: two hashbrown maps, one to read and one to write, exchanged after each batch that changed anything.

use greylag_bench::{ABSENT, BATCH, Batch, Key, Reader, Subject, Table, port_of, value};
use left_right::{Absorb, ReadHandle, WriteHandle};
use rustc_hash::FxBuildHasher;

/// left-right around hashbrown.
pub(crate) const LEFT_RIGHT: Subject = Subject {
    name: "left-right",
    form: "around hashbrown with fxhash, published after a batch that changed anything",
    is_concurrent: true,
    make: |entries| {
        let map = Map(hashbrown::HashMap::with_capacity_and_hasher(entries, FxBuildHasher));
        let (writer, reader) = left_right::new_from_empty(map);
        Box::new(Pair { writer, reader: View(reader) })
    },
};

#[derive(Clone)]
struct Map(hashbrown::HashMap<u64, u32, FxBuildHasher>);

enum Operation {
    Set(u64, u32),
    Remove(u64),
    Clear,
}

impl Absorb<Operation> for Map {
    fn absorb_first(&mut self, operation: &mut Operation, _: &Self) {
        match *operation {
            Operation::Set(key, value) => {
                self.0.insert(key, value);
            }
            Operation::Remove(key) => {
                self.0.remove(&key);
            }
            Operation::Clear => self.0.clear(),
        }
    }

    fn sync_with(&mut self, first: &Self) {
        // Before anything is in them, both have their capacity already.
        if !first.0.is_empty() {
            self.0.clone_from(&first.0);
        }
    }
}

struct View(ReadHandle<Map>);

impl Reader for View {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        let map = self.0.enter().expect("the writer is there");
        for (key, found) in keys.iter().zip(found) {
            *found = map.0.get(&key.0).map_or(ABSENT, |value| port_of(*value));
        }
    }
}

struct Pair {
    writer: WriteHandle<Map, Operation>,
    reader: View,
}

impl Reader for Pair {
    fn look_up(&mut self, now: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        self.reader.look_up(now, keys, found);
    }
}

impl Table for Pair {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let value = value(port, now);
        let (mut new, mut changed) = (0, [0; BATCH]);
        let mut count = 0;
        {
            let map = self.reader.0.enter().expect("the writer is there");
            for key in keys {
                let known = map.0.get(&key.0);
                new += usize::from(known.is_none());
                changed[count] = key.0;
                count += usize::from(known != Some(&value));
            }
        }
        if count > 0 {
            self.writer.extend(changed[..count].iter().map(|key| Operation::Set(*key, value)));
            self.writer.publish();
        }
        new
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        let gone = {
            let map = self.reader.0.enter().expect("the writer is there");
            keys.iter().filter(|key| map.0.contains_key(&key.0)).count()
        };
        self.writer.extend(keys.iter().map(|key| Operation::Remove(key.0)));
        self.writer.publish();
        gone
    }

    fn clear(&mut self, _: u64) {
        self.writer.append(Operation::Clear);
        self.writer.publish();
        // Both sides, so that the next to learn does not have to wait for the second.
        self.writer.publish();
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(View(self.reader.0.clone())))
    }
}
