//! A bucket: eight entries in one cache line.
//!
//! One slot of the line, the mark slot, has a second use. As long as it is [`EMPTY`], no key whose first bucket this
//! is sits in its second one, and a reader who finds nothing here need not look there. Once taken it never
//! becomes `EMPTY` by a removal; it becomes [`MARK`], which is as good as `EMPTY` to an inserter and still sends
//! readers on. Only the sweeper turns `MARK` into `EMPTY`, after it has proven that nothing is left there ([`Spill`]).

use crate::layout::{SECONDARY, is_entry, is_vacant};
use crate::sync::{AtomicU16, AtomicU64, IS_MODEL, Ordering};

/// Entries in a bucket.
pub(crate) const SLOTS: usize = if IS_MODEL { 4 } else { 8 };
/// The slot that says whether a second bucket was ever needed: the last, where a vector has it after all that may be
/// a key's entry.
pub(crate) const MARK_SLOT: usize = SLOTS - 1;
/// The slot that is filled first; the others follow in a circle.
///
/// The earlier the mark slot has its turn, the more evenly the table fills; the later, the more look-ups stay in one line.
/// As the seventh of eight it leaves room for all keys of a table with random ones, three for each bucket.
const FIRST_SLOT: usize = if IS_MODEL { 2 } else { 1 };
/// A slot without an entry.
pub(crate) const EMPTY: u64 = 0;
/// The mark slot without an entry, after it had one. Its age code says vacant.
pub(crate) const MARK: u64 = SECONDARY;

/// One cache line of entries.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Line([AtomicU64; SLOTS]);

impl Line {
    /// The entry that has these key bits, and its slot.
    #[inline]
    pub(crate) fn find(&self, key: u64, key_mask: u64) -> Option<(usize, u64)> {
        // No early exit on the words themselves: eight loads and compares without a branch between them cost less
        // than one branch that is guessed wrong.
        let mut words = [0; SLOTS];
        let mut hits = 0u32;
        for (slot, cell) in self.0.iter().enumerate() {
            words[slot] = cell.load(Ordering::Acquire);
            hits |= u32::from((words[slot] ^ key) & key_mask == 0) << slot;
        }
        // More than one hit is rare: a vacant slot matches the one key whose remainder is zero, and a rival's pending
        // insert may stand beside the entry.
        while hits != 0 {
            let slot = hits.trailing_zeros() as usize;
            if is_entry(words[slot]) {
                return Some((slot, words[slot]));
            }
            hits &= hits - 1;
        }
        None
    }

    /// May keys of this bucket sit in their second one?
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        self.mark() != EMPTY
    }

    /// What is in the mark slot.
    #[inline]
    pub(crate) fn mark(&self) -> u64 {
        // Ordered with placing an entry and with `Spill::begin`; on x86 a plain load.
        self.0[MARK_SLOT].load(Ordering::SeqCst)
    }

    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> &AtomicU64 {
        &self.0[slot]
    }

    /// All words, each as of some moment during the call, and in one order with the placing of entries.
    #[inline]
    pub(crate) fn words(&self) -> [u64; SLOTS] {
        let mut words = [0; SLOTS];
        for (word, cell) in words.iter_mut().zip(&self.0) {
            *word = cell.load(Ordering::SeqCst);
        }
        words
    }

    /// Tells the processor that the line will be read soon.
    #[inline]
    pub(crate) fn prefetch(&self) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch has no effect on memory and cannot fault, and SSE is part of x86_64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(self).cast()) };
        }
    }

    /// Tells the processor that the line will be written soon: other cores' copies of it go while this one works on.
    #[inline]
    pub(crate) fn prefetch_to_write(&self) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
            // SAFETY: as `prefetch`; processors that do not know this one take it for no operation.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(std::ptr::from_ref(self).cast()) };
        }
    }

    /// Takes the mark away if it is there and nothing needs it.
    pub(crate) fn unmark(&self, spill: &Spill) {
        if self.0[MARK_SLOT].load(Ordering::Relaxed) == MARK && spill.close() {
            // A failure means that the slot has been taken again: the mark stays for a reason.
            let _ = self.0[MARK_SLOT].compare_exchange(MARK, EMPTY, Ordering::SeqCst, Ordering::Relaxed);
            spill.open();
        }
    }
}

/// What a look at a whole line says to whoever would place a key there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey {
    /// One bit per slot that may be taken.
    pub(crate) vacant: u32,
    /// One bit per slot that has a word for the key, of an entry or pending.
    pub(crate) same: u32,
    pub(crate) is_marked: bool,
}

impl Survey {
    pub(crate) fn of(words: &[u64; SLOTS], key: u64, key_mask: u64) -> Survey {
        let (mut vacant, mut same) = (0, 0);
        for (slot, &word) in words.iter().enumerate() {
            vacant |= u32::from(is_vacant(word)) << slot;
            same |= u32::from((word ^ key) & key_mask == 0) << slot;
        }
        Survey { vacant, same: same & !vacant, is_marked: words[MARK_SLOT] != EMPTY }
    }

    /// The slot to fill next, if nothing more needs to be known: the bucket has no mark and gets none, and has no word for the
    /// key.
    #[inline(always)]
    pub(crate) fn simple_slot(&self) -> Option<usize> {
        let early = self.vacant >> FIRST_SLOT << FIRST_SLOT & ((1 << MARK_SLOT) - 1);
        (!self.is_marked && self.same == 0 && early != 0).then(|| early.trailing_zeros() as usize)
    }
}

/// Of the slots that have a bit in `slots`, one at the least, the one to fill next.
#[inline]
pub(crate) fn next_slot(slots: u32) -> usize {
    let circle = slots | slots << SLOTS;
    ((circle >> FIRST_SLOT).trailing_zeros() as usize + FIRST_SLOT) % SLOTS
}

/// What a slot holds after its entry is gone.
#[inline]
pub(crate) fn vacated(slot: usize) -> u64 {
    if slot == MARK_SLOT { MARK } else { EMPTY }
}

/// How many keys of a bucket sit, or are about to, in their second bucket.
///
/// Kept outside the line, for only inserters and removers of such keys touch it.
#[derive(Default)]
pub(crate) struct Spill(AtomicU16);

impl Spill {
    /// The sweeper is taking the mark away.
    const CLOSED: u16 = u16::MAX;
    const TRIES: usize = 8;

    /// Counts a key in before it is placed in its second bucket; false if it must not be placed there now.
    ///
    /// The count comes first and the look at the mark second, while the sweeper closes a count of zero first and
    /// takes the mark away second. So either the sweeper finds the count and leaves the mark, or this finds the
    /// mark gone.
    pub(crate) fn begin(&self, primary: &Line) -> bool {
        for _ in 0..Self::TRIES {
            let count = self.0.load(Ordering::SeqCst);
            if count >= Self::CLOSED - 1 {
                return false;
            }
            if self.0.compare_exchange(count, count + 1, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                if primary.is_marked() {
                    return true;
                }
                self.end();
                return false;
            }
        }
        false
    }

    /// Counts a key out after it is gone from its second bucket.
    pub(crate) fn end(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    /// The count itself.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn count(&self) -> u16 {
        self.0.load(Ordering::Acquire)
    }

    fn close(&self) -> bool {
        self.0.compare_exchange(0, Self::CLOSED, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    fn open(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::age;

    #[test]
    fn a_pending_insert_and_a_vacant_slot_do_not_hide_the_entry() {
        let line = Line::default();
        let mask = !0xfff & !SECONDARY | SECONDARY;
        line.slot(1).store(age::PENDING, Ordering::Relaxed);
        assert_eq!(line.find(0, mask), None);
        line.slot(6).store(age::STATIC, Ordering::Relaxed);
        assert_eq!(line.find(0, mask), Some((6, age::STATIC)));
    }

    #[test]
    fn the_mark_goes_only_when_no_key_has_spilled() {
        let (line, spill) = (Line::default(), Spill::default());
        assert!(!spill.begin(&line), "nothing spills from an unmarked bucket");
        line.slot(MARK_SLOT).store(MARK, Ordering::Relaxed);
        assert!(spill.begin(&line));
        line.unmark(&spill);
        assert!(line.is_marked());
        spill.end();
        line.unmark(&spill);
        assert!(!line.is_marked());
        assert!(!spill.begin(&line));
    }
}
