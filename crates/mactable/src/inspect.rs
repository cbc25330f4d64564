//! What tests under a model checker see of the inside: where keys go, and whether a table at rest is in order.

use crate::bucket::{EMPTY, MARK_SLOT, SLOTS};
use crate::grace::Wait;
use crate::ids::NONE;
use crate::layout::{SECONDARY, is_entry, is_static, is_vacant};
use crate::probe::Probe;
use crate::sync::Ordering;
use crate::table::{MacTable, VLAN_IDS};
use std::collections::BTreeMap;

/// A wait for the sessions that are open when it is first asked.
#[derive(Default)]
pub struct GracePeriod(Wait);

impl MacTable {
    /// Have those sessions ended? One thread asks.
    pub fn is_over(&self, period: &mut GracePeriod) -> bool {
        self.grace.is_over(&mut period.0)
    }

    /// The first bucket of a key.
    pub fn bucket_of(&self, probe: &Probe) -> usize {
        self.bucket(probe)
    }

    /// Bucket and slot of a key's entry.
    pub fn place_of(&self, probe: &Probe) -> Option<(usize, usize)> {
        self.find(probe).map(|found| (found.bucket, found.slot))
    }

    /// Goes through all that must be true when no operation is under way. Returns the number of entries that are there,
    /// dead ones included.
    ///
    /// # Panics
    /// When something is not.
    pub fn audit(&self) -> usize {
        let mut keys = BTreeMap::new();
        let mut spilled = vec![0; self.lines.len()];
        let (mut statics, mut bindings, mut fids) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for bucket in 0..self.lines.len() {
            for slot in 0..SLOTS {
                let word = self.lines[bucket].slot(slot).load(Ordering::Acquire);
                if is_vacant(word) {
                    continue;
                }
                assert!(is_entry(word), "a pending word was left in bucket {bucket}, slot {slot}");
                let key = self.key_of(bucket, word);
                let other = keys.insert(key, (bucket, slot));
                assert_eq!(other, None, "{key:?} is in bucket {bucket}, slot {slot} as well");
                if word & SECONDARY != 0 {
                    let primary = self.layout.primary_of(bucket, word);
                    spilled[primary] += 1;
                    let mark = self.lines[primary].slot(MARK_SLOT).load(Ordering::Acquire);
                    assert_ne!(mark, EMPTY, "{key:?} is in its second bucket and nothing says so");
                }
                assert!(!self.vlans.is_free(key.0), "{key:?} has a filtering id that is free");
                *fids.entry(key.0).or_insert(0) += 1;
                let field = self.layout.binding(word);
                if is_static(word) {
                    *statics.entry(field).or_insert(0) += 1;
                } else {
                    assert!(!self.ports.is_free(field), "{key:?} has binding {field}, which is free");
                    *bindings.entry(field).or_insert(0) += 1;
                }
            }
        }
        for (bucket, &expected) in spilled.iter().enumerate() {
            assert_eq!(self.spills[bucket].count(), expected, "keys of bucket {bucket} in their second one");
        }
        for fid in 0..self.layout.fids() as u16 {
            let expected = fids.get(&fid).copied().unwrap_or(0);
            assert_eq!(self.counts.fid(fid), expected, "entries of filtering id {fid}");
        }
        let mut total = 0;
        for binding in 0..self.layout.bindings() as u16 {
            let expected = bindings.get(&binding).copied().unwrap_or(0);
            assert_eq!(self.counts.binding(binding), expected, "entries of binding {binding}");
            total += if self.ports.name(binding).is_some() { expected } else { 0 };
        }
        for port in 0..self.ports.names() as u16 {
            let expected = statics.get(&port).copied().unwrap_or(0);
            assert_eq!(self.counts.statics(port), expected, "static entries of port {port}");
            total += expected;
        }
        assert_eq!(self.counts.total(), total as usize, "entries of the table");
        for (what, map, names) in [("VLAN", &self.vlans, VLAN_IDS), ("port", &self.ports, self.ports.names())]
        {
            for name in 0..names as u16 {
                let id = map.id(name);
                if id != NONE {
                    assert_eq!(map.name(id), Some(name), "id {id} of {what} {name}");
                    assert!(!map.is_free(id), "{what} {name} has id {id}, which is free");
                }
            }
            // A flush that found no room for its static entries has retired an id that nobody was shown.
            let settled = if self.has_retired_ids() { 0 } else { map.ids() as u16 };
            for id in 0..settled {
                let owner = map.name(id).filter(|_| !map.is_free(id));
                assert!(
                    owner.is_none_or(|name| map.id(name) == id),
                    "id {id} is nobody's {what} and not free"
                );
            }
        }
        keys.len()
    }
}
