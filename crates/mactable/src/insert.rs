//! Placing a key that is not in the table, without two copies of it ever being visible.
//!
//! The slot is first taken with a pending word, which readers and removers pass over. Then all slots that the key
//! may be in are read again, and only if no rival's word for the same key is among them does the entry
//! become visible. Taking the slot and reading again are sequentially consistent, so of two rivals at least one
//! sees the other (Dekker's argument): A commits only after it read B's slot without B, which is before B took it; then
//! B reads A's slot after A took it, sees A and gives way. Nobody but its owner touches a pending word, so a plain store
//! makes it visible, and whoever saw it pending learns how it ended by looking again.

use crate::bucket::{Line, SLOTS, vacated};
use crate::layout::{SECONDARY, age, is_entry, is_vacant};
use crate::probe::Probe;
use crate::sync::Ordering;
use crate::table::MacTable;

/// How often the rival at the earlier position looks whether the other has given way.
const PATIENCE: usize = 64;

/// What became of a key that was to be placed.
pub(crate) enum Insert {
    /// It is in the table.
    Placed,
    /// Another thread was faster at something; start over.
    Again,
    /// Another thread is placing the same key.
    Contended,
    /// Neither bucket has a vacant slot.
    Full,
}

/// A key's slots in their order: first bucket, then second.
struct Slots<'t> {
    lines: [(&'t Line, u64); 2],
    key_mask: u64,
}

enum Rival {
    Entry,
    Earlier,
    Later,
}

impl Slots<'_> {
    /// Another word for the same key, if there is one. The second bucket is read only `if_marked` says so.
    fn rival(&self, own: Option<(usize, usize)>) -> Option<Rival> {
        let mut rival = None;
        for (index, (line, key)) in self.lines.iter().enumerate() {
            // An inserter into the second bucket has seen a mark on the first. If there is none now, it will see one
            // after this, and after that our word in the first bucket.
            if index == 1 && own.is_none_or(|(line, _)| line == 0) && !self.lines[0].0.is_marked() {
                break;
            }
            for (slot, word) in line.words().into_iter().enumerate() {
                if (word ^ key) & self.key_mask != 0 || is_vacant(word) || own == Some((index, slot)) {
                    continue;
                }
                if is_entry(word) {
                    return Some(Rival::Entry);
                }
                let earlier = own.is_some_and(|own| (index, slot) < own);
                rival = Some(if earlier || matches!(rival, Some(Rival::Earlier)) {
                    Rival::Earlier
                } else {
                    Rival::Later
                });
            }
        }
        rival
    }
}

impl MacTable {
    /// Places a key whose entry has been counted in already; `binding` and `age_code` are the entry's.
    pub(crate) fn place(&self, probe: &Probe, binding: u16, age_code: u64) -> Insert {
        let primary = self.bucket(probe);
        let buckets = [primary, self.layout.other_bucket(primary, probe.key())];
        let slots = Slots {
            lines: [
                (&self.lines[buckets[0]], probe.key()),
                (&self.lines[buckets[1]], probe.key() | SECONDARY),
            ],
            key_mask: self.layout.key_mask(),
        };
        match slots.rival(None) {
            Some(Rival::Entry) => return Insert::Again,
            Some(_) => return Insert::Contended,
            None => {}
        }
        let Some((index, slot, vacant)) = choose(slots.lines[0].0, slots.lines[1].0) else {
            return Insert::Full;
        };
        let (line, key) = slots.lines[index];
        let spill = &self.spills[primary];
        if index == 1 && !spill.begin(slots.lines[0].0) {
            return Insert::Again;
        }
        let give_back = || {
            if index == 1 {
                spill.end();
            }
        };
        let pending = self.layout.entry(key, binding, age::PENDING);
        let cell = line.slot(slot);
        if cell.compare_exchange(vacant, pending, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            give_back();
            return Insert::Again;
        }
        let give_way = |insert| {
            cell.store(vacated(slot), Ordering::SeqCst);
            give_back();
            insert
        };
        for _ in 0..PATIENCE {
            match slots.rival(Some((index, slot))) {
                None => {
                    cell.store(self.layout.entry(key, binding, age_code), Ordering::Release);
                    return Insert::Placed;
                }
                Some(Rival::Entry) => return give_way(Insert::Again),
                Some(Rival::Earlier) => break,
                // It has seen us and gives way, or it has not and becomes an entry.
                Some(Rival::Later) => std::hint::spin_loop(),
            }
        }
        give_way(Insert::Contended)
    }
}

/// Line, slot and content of the vacant slot to take: in the first bucket while that has never been crowded, else in the
/// emptier of the two.
fn choose(primary: &Line, secondary: &Line) -> Option<(usize, usize, u64)> {
    let vacancy = |words: [u64; SLOTS]| {
        let mut vacant = words.into_iter().enumerate().filter(|&(_, word)| is_vacant(word));
        let first = vacant.next();
        (first, vacant.count() + usize::from(first.is_some()))
    };
    let (first, room) = vacancy(primary.words());
    if !primary.is_marked() {
        return first.map(|(slot, word)| (0, slot, word));
    }
    let (second, other_room) = vacancy(secondary.words());
    if other_room > room {
        second.map(|(slot, word)| (1, slot, word))
    } else {
        first.map(|(slot, word)| (0, slot, word))
    }
}
