//! Our own table.

use crate::key::{ABSENT, BATCH, Batch, Key, MOST, PORTS, VLANS};
use crate::table::{Reader, Subject, Table};
use greylag_base::Seed;
use greylag_mactable::{Config, Learn, MacTable, UNKNOWN};
use std::sync::Arc;

/// Our own table.
pub const GREYLAG: Subject = Subject {
    name: "greylag",
    form: "a session per batch",
    is_concurrent: true,
    make: |entries| Box::new(Greylag::new(entries)),
};

#[derive(Clone)]
struct Greylag(Arc<MacTable>);

impl Greylag {
    fn new(entries: usize) -> Self {
        let config = Config {
            capacity: entries as u32,
            ports: PORTS,
            vlans: VLANS,
            hash_key: Seed(1).key(),
            ..Config::default()
        };
        Greylag(Arc::new(MacTable::new(&config).expect("the sizes are allowed")))
    }
}

/// The keys as the table takes them: the same words.
#[inline]
fn words<const N: usize>(keys: &[Key; N]) -> [greylag_mactable::Key; N] {
    keys.map(|key| greylag_mactable::Key::new(key.vlan(), key.0 & 0xffff_ffff_ffff))
}

/// The same of a long batch.
#[inline]
fn long(keys: &[Key], call: impl FnOnce(&[greylag_mactable::Key])) {
    let mut words = [greylag_mactable::Key::default(); MOST];
    let words = &mut words[..keys.len()];
    for (word, key) in words.iter_mut().zip(keys) {
        *word = greylag_mactable::Key::new(key.vlan(), key.0 & 0xffff_ffff_ffff);
    }
    call(words);
}

impl Reader for Greylag {
    fn look_up(&mut self, now: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        // Unknown ones are `ABSENT` already: both are the largest number.
        const { assert!(ABSENT == UNKNOWN) };
        self.0.session(now).lookup_ports(&words(keys), found);
    }

    fn look_up_many(&mut self, now: u64, keys: &[Key], found: &mut [u16]) {
        long(keys, |keys| self.0.session(now).lookup_ports(keys, found));
    }

    fn look_up_each(&mut self, now: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        let session = self.0.session(now);
        for (key, found) in words(keys).iter().zip(found) {
            *found = session.lookup_key(*key).map_or(ABSENT, |entry| entry.port);
        }
    }
}

impl Table for Greylag {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let session = self.0.session(now);
        let mut new = 0;
        session.settle(port, &words(keys), |_, probe| {
            new += usize::from(session.learn(probe, port) == Learn::New);
        });
        new
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        {
            let session = self.0.session(0);
            keys.iter().for_each(|key| session.prefetch(&session.probe(key.vlan(), key.mac())));
        }
        keys.iter().filter(|key| self.0.remove(key.vlan(), key.mac())).count()
    }

    fn mix(
        &mut self,
        now: u64,
        port: u16,
        sources: &Batch,
        destinations: &Batch,
        found: &mut [u16; BATCH],
    ) -> usize {
        let session = self.0.session(now);
        let mut new = 0;
        session.resolve(port, &words(sources), &words(destinations), found, |_, probe| {
            new += usize::from(session.learn(probe, port) == Learn::New);
        });
        new
    }

    fn mix_many(
        &mut self,
        now: u64,
        port: u16,
        sources: &[Key],
        destinations: &[Key],
        found: &mut [u16],
    ) -> usize {
        let session = self.0.session(now);
        let mut new = 0;
        long(sources, |sources| {
            long(destinations, |destinations| {
                session.resolve(port, sources, destinations, found, |_, probe| {
                    new += usize::from(session.learn(probe, port) == Learn::New);
                });
            });
        });
        new
    }

    fn clear(&mut self, now: u64) {
        self.0.flush_all();
        // One round removes the entries; the ids that they used are free after further ones.
        for _ in 0..3 {
            self.0.sweep(now, self.0.buckets(), |_| {});
        }
        assert!(self.0.is_empty(), "a flush and a sweep left {} entries", self.0.len());
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        Some(Box::new(self.clone()))
    }

    fn bytes(&self) -> Option<usize> {
        // A line and a spill count per bucket. The maps of port and VLAN ids are left out: their size does not
        // depend on the number of entries.
        Some(self.0.buckets() * (64 + size_of::<u16>()))
    }
}
