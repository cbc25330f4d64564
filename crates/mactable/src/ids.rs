//! Indirection: VLANs and ports have changing ids, and a flush is a change of id.
//!
//! A VLAN's id is its filtering id (FID, IEEE 802.1Q-2022 8.8.9) and part of the hashed key; a port's is its
//! binding and stands in the entry. A name gets an id with the first entry that needs one and loses it by a flush.

use crate::sync::{AtomicU16, AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// A name without an id.
pub(crate) const NONE: u16 = u16::MAX;
/// In the inverse map: the name no longer has this id.
pub(crate) const DEAD: u16 = 1 << 15;

/// Names to ids and back.
pub(crate) struct IdMap {
    of: Box<[AtomicU16]>,
    /// Odd while a name loses its id, and another number afterwards.
    losses: CachePadded<AtomicU64>,
    names: Box<[AtomicU16]>,
    /// One bit per id.
    free: Box<[AtomicU64]>,
    /// How many ids may be retired at a time, so that every name can still get one.
    spare: usize,
}

impl IdMap {
    /// For the names 0 to `names - 1`, of which `at_once` have an id at the same time.
    pub(crate) fn new(names: usize, at_once: usize, ids: usize) -> Self {
        let free = |word: usize| match ids.saturating_sub(word * 64) {
            left @ 0..64 => (1u64 << left) - 1,
            _ => u64::MAX,
        };
        IdMap {
            losses: CachePadded::default(),
            of: (0..names).map(|_| AtomicU16::new(NONE)).collect(),
            names: (0..ids).map(|_| AtomicU16::new(DEAD)).collect(),
            free: (0..ids.div_ceil(64)).map(|word| AtomicU64::new(free(word))).collect(),
            spare: ids - at_once,
        }
    }

    pub(crate) fn spare(&self) -> usize {
        self.spare
    }

    /// How many names there are.
    pub(crate) fn names(&self) -> usize {
        self.of.len()
    }

    /// The id of `name`, or [`NONE`].
    #[inline]
    pub(crate) fn id(&self, name: u16) -> u16 {
        self.of[usize::from(name)].load(Ordering::Acquire)
    }

    /// As [`IdMap::id`], of a name that is known to be below [`IdMap::names`].
    ///
    /// # Safety
    /// It is.
    #[inline(always)]
    pub(crate) unsafe fn id_unchecked(&self, name: u16) -> u16 {
        debug_assert!(usize::from(name) < self.of.len());
        // SAFETY: the caller's promise.
        unsafe { self.of.get_unchecked(usize::from(name)) }.load(Ordering::Acquire)
    }

    /// Where the ids are, by their names.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline(always)]
    pub(crate) fn first_id(&self) -> *const u16 {
        self.of.as_ptr().cast()
    }

    /// Where the names are, by their ids.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline(always)]
    pub(crate) fn first_name(&self) -> *const u16 {
        self.names.as_ptr().cast()
    }

    /// To be asked before ids are, see [`IdMap::has_lost_since`].
    #[inline]
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// May an id that was asked after `losses` have been taken from its name since, or have been on the way out already?
    ///
    /// If not, whatever was read of the table in between was read under ids that were in force. Whoever
    /// takes an id away counts first: who sees the id gone, or anything that was done because of that, sees the count too.
    #[inline]
    pub(crate) fn has_lost_since(&self, losses: u64) -> bool {
        losses % 2 == 1 || self.losses.load(Ordering::Acquire) != losses
    }

    /// Whose id it is, unless it is retired.
    #[inline]
    pub(crate) fn name(&self, id: u16) -> Option<u16> {
        let name = self.names[usize::from(id)].load(Ordering::Acquire);
        (name & DEAD == 0).then_some(name)
    }

    /// As [`IdMap::name`] of an id that is known to be one; the highest bit is set if it is retired.
    ///
    /// # Safety
    /// It is one: below the number of ids.
    #[inline(always)]
    pub(crate) unsafe fn raw_name(&self, id: u16) -> u16 {
        debug_assert!(usize::from(id) < self.names.len());
        // SAFETY: the caller's promise.
        unsafe { self.names.get_unchecked(usize::from(id)) }.load(Ordering::Acquire)
    }

    /// Whose id it is or was last.
    pub(crate) fn last_name(&self, id: u16) -> u16 {
        self.names[usize::from(id)].load(Ordering::Acquire) & !DEAD
    }

    /// The id of `name`; the lowest free one if it had none; `None` if there is none, or too many take one at once.
    #[inline]
    pub(crate) fn claim(&self, name: u16) -> Option<u16> {
        match self.id(name) {
            NONE => self.claim_fresh(name),
            id => Some(id),
        }
    }

    #[cold]
    fn claim_fresh(&self, name: u16) -> Option<u16> {
        let id = self.take(name)?;
        match self.of[usize::from(name)].compare_exchange(NONE, id, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(id),
            Err(winner) => {
                // Nobody has seen this id under its name.
                self.release(id);
                Some(winner)
            }
        }
    }

    /// A free id for `name` that [`IdMap::id`] does not show yet.
    pub(crate) fn take(&self, name: u16) -> Option<u16> {
        for (index, word) in self.free.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let bit = bits.trailing_zeros();
                // Each turn takes the bit or sees one fewer or one more: as bounded as the ids are.
                match word.compare_exchange(bits, bits & !(1 << bit), Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => {
                        let id = index * 64 + bit as usize;
                        self.names[id].store(name, Ordering::Release);
                        return Some(id as u16);
                    }
                    Err(changed) => bits = changed,
                }
            }
        }
        None
    }

    /// Shows `id`, or that there is none, and retires the one that was shown before. Control side only.
    pub(crate) fn replace(&self, name: u16, id: u16) -> u16 {
        self.losses.fetch_add(1, Ordering::AcqRel);
        let old = self.of[usize::from(name)].swap(id, Ordering::AcqRel);
        if old != NONE {
            self.names[usize::from(old)].fetch_or(DEAD, Ordering::AcqRel);
        }
        self.losses.fetch_add(1, Ordering::AcqRel);
        old
    }

    /// How many ids there are.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn ids(&self) -> usize {
        self.names.len()
    }

    /// May it be given out?
    #[cfg(any(loom, shuttle))]
    pub(crate) fn is_free(&self, id: u16) -> bool {
        self.free[usize::from(id) / 64].load(Ordering::Acquire) >> (id % 64) & 1 != 0
    }

    /// Makes an id that nothing mentions free again.
    pub(crate) fn release(&self, id: u16) {
        self.names[usize::from(id)].store(DEAD, Ordering::Release);
        self.free[usize::from(id) / 64].fetch_or(1 << (id % 64), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_id_until_it_is_replaced() {
        let map = IdMap::new(4, 4, 8);
        assert_eq!((map.id(2), map.spare()), (NONE, 4));
        let id = map.claim(2).unwrap();
        assert_eq!((map.claim(2), map.name(id)), (Some(id), Some(2)));
        assert_eq!(map.replace(2, NONE), id);
        assert_eq!((map.id(2), map.name(id), map.last_name(id)), (NONE, None, 2));
        assert_ne!(map.claim(2), Some(id), "retired is not free");
        map.release(id);
        assert_eq!(map.claim(3), Some(id), "the lowest free id");
    }

    #[test]
    fn ids_run_out() {
        let map = IdMap::new(100, 66, 70);
        assert!((0..70).all(|name| map.claim(name).is_some()));
        assert_eq!(map.claim(70), None);
    }
}
