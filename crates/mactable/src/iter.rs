use crate::bucket::SLOTS;
use crate::layout::{is_entry, is_hit, is_static};
use crate::session::Session;
use crate::sync::Ordering;
use crate::table::MacTable;

/// A live entry, as [`MacTable::iter`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// 1 to 4094.
    pub vlan: u16,
    /// The address.
    pub mac: [u8; 6],
    /// The port behind which the station is.
    pub port: u16,
    /// Was configured; neither ages nor moves.
    pub is_static: bool,
    /// A frame of it came in since it was last renewed, see [`crate::Renewal::Hit`].
    pub is_hit: bool,
    /// Time since it was last seen, nanoseconds, exact to 1/512 of the ageing time; 0 if it does not age.
    pub age: u64,
}

/// Goes through the live entries in the order of their slots.
pub struct Iter<'t> {
    table: &'t MacTable,
    session: Session<'t>,
    next: usize,
}

impl MacTable {
    /// All live entries at the time `now`, nanoseconds, in no useful order.
    ///
    /// Entries that come or go meanwhile may be shown or not; no other is left out, and none is shown twice unless it
    /// was removed and learned again. Holds a session open.
    pub fn iter(&self, now: u64) -> Iter<'_> {
        Iter { table: self, session: self.session(now), next: 0 }
    }
}

impl Iterator for Iter<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.next < self.table.lines.len() * SLOTS {
            let (bucket, slot) = (self.next / SLOTS, self.next % SLOTS);
            self.next += 1;
            let cell = self.table.lines[bucket].slot(slot);
            let mut word = cell.load(Ordering::Acquire);
            let entry = loop {
                let entry = if is_entry(word) { self.session.entry(word) } else { break None };
                // There is none if its port was flushed, perhaps after the entry had moved off it.
                let again = if entry.is_none() { cell.load(Ordering::Acquire) } else { break entry };
                if again == word {
                    break None;
                }
                word = again;
            };
            let Some(entry) = entry else { continue };
            let (fid, mac) = self.table.key_of(bucket, word);
            // While a VLAN is flushed its static entries are there under two ids, one of which is shown.
            let Some(vlan) = self.table.vlans.name(fid).filter(|&vlan| self.table.vlans.id(vlan) == fid)
            else {
                continue;
            };
            let age = self.session.age(word);
            let (is_static, is_hit) = (is_static(word), is_hit(word));
            return Some(Record { vlan, mac, port: entry.port, is_static, is_hit, age });
        }
        None
    }
}
