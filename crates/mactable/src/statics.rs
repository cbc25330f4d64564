//! Entries that an operator made, and removal of single entries.

use crate::evict::Newcomer;
use crate::ids::NONE;
use crate::insert::Insert;
use crate::key::Key;
use crate::layout::age;
use crate::probe::Probe;
use crate::session::Decline;
use crate::sweep::Swept;
use crate::sync::{Ordering, lock, spin_loop};
use crate::table::MacTable;

/// How often the control side starts over; learners that are in its way need nanoseconds.
const TRIES: usize = 10_000;

impl MacTable {
    /// Binds an address to a port: the entry does not age, does not move, and outlives flushes.
    ///
    /// Replaces a dynamic or static entry of the address. Fails if the table or both its buckets are full.
    pub fn insert_static(&self, vlan: u16, mac: [u8; 6], port: u16) -> Result<(), Decline> {
        self.insert_static_reporting(vlan, mac, port, |_| {})
    }

    /// As [`MacTable::insert_static`]; `evicted` is told who had to make room, see [`crate::WhenFull`]. It may not use the table.
    pub fn insert_static_reporting(
        &self,
        vlan: u16,
        mac: [u8; 6],
        port: u16,
        evicted: impl FnMut(Swept),
    ) -> Result<(), Decline> {
        assert!(usize::from(port) < self.ports.names(), "port {port} of {}", self.ports.names());
        let control = &mut *lock(&self.control);
        let fid = self.vlans.claim(vlan).ok_or(Decline::VlansFull)?;
        self.place_static(&self.probe_as(Key::from_octets(vlan, mac), fid), port, evicted)?;
        control.statics.insert((vlan, mac), port);
        Ok(())
    }

    /// Removes an entry, dynamic or static. Says whether there was one.
    pub fn remove(&self, vlan: u16, mac: [u8; 6]) -> bool {
        let control = &mut *lock(&self.control);
        let was_static = control.statics.remove(&(vlan, mac)).is_some();
        let fid = self.vlans.id(vlan);
        let removed = fid != NONE && self.remove_key(&self.probe_as(Key::from_octets(vlan, mac), fid));
        was_static || removed
    }

    /// Places a static entry. Called with the control lock held, as is everything that makes or removes one.
    pub(crate) fn place_static(
        &self,
        probe: &Probe,
        port: u16,
        mut evicted: impl FnMut(Swept),
    ) -> Result<(), Decline> {
        let _stay = self.grace.enter();
        let mut reclaimed = false;
        for _ in 0..TRIES {
            if let Some(found) = self.find(probe) {
                let word = self.layout.entry(found.word & self.layout.key_mask(), port, age::STATIC);
                let cell = self.lines[found.bucket].slot(found.slot);
                if word == found.word {
                    return Ok(());
                }
                if cell.compare_exchange(found.word, word, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    self.counts.make_static(self.holder(found.word), port);
                    return Ok(());
                }
                continue;
            }
            let decline = match self.admit_static(probe, port) {
                Err(decline) => decline,
                Ok(()) => {
                    let insert = self.place(probe, port, age::STATIC);
                    if matches!(insert, Insert::Placed) {
                        return Ok(());
                    }
                    self.leave(probe, crate::counts::Holder::Static(port));
                    if !matches!(insert, Insert::Full) {
                        spin_loop();
                        continue;
                    }
                    Decline::BucketsFull
                }
            };
            if reclaimed {
                if self.evict_for(
                    Newcomer { probe, peers: 0, reason: decline },
                    self.lines.len(),
                    &crate::clock::Clock::AGELESS,
                    &mut evicted,
                ) {
                    continue;
                }
                return Err(decline);
            }
            // Lapsed entries are left to the sweeper, who reports them; flushed ones make room here.
            reclaimed = true;
            self.reclaim_around(probe, &crate::clock::Clock::AGELESS);
        }
        Err(Decline::Contended)
    }

    fn admit_static(&self, probe: &Probe, port: u16) -> Result<(), Decline> {
        self.counts.admit_static(port, probe.fid())?;
        if !self.admit_to_chip(probe) {
            self.counts.leave(crate::counts::Holder::Static(port), probe.fid());
            return Err(Decline::ChipBucketFull);
        }
        Ok(())
    }

    /// Removes whatever entry a key has; whether it had a live one, by the port's and VLAN's flushes.
    pub(crate) fn remove_key(&self, probe: &Probe) -> bool {
        let _stay = self.grace.enter();
        while let Some(found) = self.find(probe) {
            let was_bound = self.port_of(found.word).is_some();
            if self.remove_at(found) {
                return was_bound;
            }
        }
        false
    }
}
