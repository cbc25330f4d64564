//! Placing a key that is not in the table, without two copies of it ever being visible.
//!
//! The slot is first taken with a pending word, which readers and removers pass over. Then all slots that the key
//! may be in are read again, and only if no rival's word for the same key is among them does the entry
//! become visible. Taking the slot and reading again are sequentially consistent, so of two rivals at least one
//! sees the other (Dekker's argument): A commits only after it read B's slot without B, which is before B took it; then
//! B reads A's slot after A took it, sees A and gives way. Nobody but its owner touches a pending word, so a plain store
//! makes it visible, and whoever saw it pending learns how it ended by looking again.

use crate::bucket::{Line, Survey, next_slot, vacated};
use crate::layout::{SECONDARY, age, is_entry};
use crate::probe::Probe;
use crate::sync::{IS_MODEL, Ordering, spin_loop};
use crate::table::MacTable;

/// How often the rival at the earlier position looks whether the other has given way.
const PATIENCE: usize = if IS_MODEL { 2 } else { 64 };

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
    /// Line, slot and content of the vacant slot to take: in the first bucket while that has never been crowded, else in
    /// the emptier of the two. Or a rival that is there already, which would come out in the end, but sooner if seen here.
    fn choose(&self) -> Result<Option<(usize, usize, u64)>, Rival> {
        let (first, room, marked) = self.survey(0)?;
        if !marked {
            return Ok(first);
        }
        let (second, other_room, _) = self.survey(1)?;
        Ok(if other_room > room { second } else { first })
    }

    /// The vacant slot of a line that is next, how many there are, and whether the line is marked.
    #[allow(clippy::type_complexity)]
    #[inline]
    fn survey(&self, index: usize) -> Result<(Option<(usize, usize, u64)>, u32, bool), Rival> {
        let (line, key) = self.lines[index];
        let words = line.words();
        let Survey { vacant, same, is_marked } = Survey::of(&words, key, self.key_mask);
        if same != 0 {
            let word = words[same.trailing_zeros() as usize];
            return Err(if is_entry(word) { Rival::Entry } else { Rival::Later });
        }
        let first = (vacant != 0).then(|| {
            let slot = next_slot(vacant);
            (index, slot, words[slot])
        });
        Ok((first, vacant.count_ones(), is_marked))
    }

    #[inline]
    /// Another word for the same key than the one at `own`, if there is one.
    fn rival(&self, own: (usize, usize)) -> Option<Rival> {
        let mut rival = None;
        for (index, (line, key)) in self.lines.iter().enumerate() {
            // An inserter into the second bucket has seen a mark on the first. If there is none now, it will see one
            // after this, and after that our word in the first bucket.
            if index == 1 && own.0 == 0 && !self.lines[0].0.is_marked() {
                break;
            }
            let words = line.words();
            let mut same = Survey::of(&words, *key, self.key_mask).same;
            if index == own.0 {
                same &= !(1 << own.1);
            }
            while same != 0 {
                let slot = same.trailing_zeros() as usize;
                if is_entry(words[slot]) {
                    return Some(Rival::Entry);
                }
                let earlier = (index, slot) < own || matches!(rival, Some(Rival::Earlier));
                rival = Some(if earlier { Rival::Earlier } else { Rival::Later });
                same &= same - 1;
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
        let (index, slot, vacant) = match slots.choose() {
            Ok(Some(place)) => place,
            Ok(None) => return Insert::Full,
            Err(Rival::Entry) => return Insert::Again,
            Err(_) => return Insert::Contended,
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
            match slots.rival((index, slot)) {
                None => {
                    cell.store(self.layout.entry(key, binding, age_code), Ordering::Release);
                    return Insert::Placed;
                }
                Some(Rival::Entry) => return give_way(Insert::Again),
                Some(Rival::Earlier) => break,
                // It has seen us and gives way, or it has not and becomes an entry.
                Some(Rival::Later) => spin_loop(),
            }
        }
        give_way(Insert::Contended)
    }
}
