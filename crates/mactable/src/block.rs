//! Keys that are worked on together, and what is known of them.

use crate::bucket::Line;
use crate::ids::NONE;
use crate::key::Key;
use crate::lanes::{GROUP, Words};
use crate::table::MacTable;
use std::mem::MaybeUninit;

/// Keys that are in flight together. Longer batches are cut.
pub(crate) const BLOCK: usize = 64;
pub(crate) const GROUPS: usize = BLOCK / GROUP;

/// A block of keys, hashed and searched for. Only the groups are filled of which keys were given.
///
/// Aligned, for a vector that crosses lines is slow to write, and slower to read again.
#[repr(C, align(64))]
pub(crate) struct Block {
    pub(crate) bits: MaybeUninit<[Words; GROUPS]>,
    /// Where the line of each is, in bytes from the first one.
    pub(crate) offsets: MaybeUninit<[Words; GROUPS]>,
    /// What was found.
    pub(crate) words: MaybeUninit<[Words; GROUPS]>,
    /// Filtering ids, if the keys are of different VLANs.
    pub(crate) fids: [[u16; GROUP]; GROUPS],
    /// VLAN and filtering id that all keys have.
    pub(crate) common: Option<(u16, u16)>,
    /// One bit per key that was hashed without a filtering id.
    pub(crate) nameless: u64,
    /// Of filtering ids, before they were asked.
    pub(crate) losses: u64,
}

impl Block {
    #[inline(always)]
    pub(crate) fn empty() -> Block {
        Block {
            bits: MaybeUninit::uninit(),
            offsets: MaybeUninit::uninit(),
            words: MaybeUninit::uninit(),
            fids: [[NONE; GROUP]; GROUPS],
            common: None,
            nameless: 0,
            losses: 0,
        }
    }

    /// # Safety
    /// The block was filled with more than `index` keys.
    #[inline(always)]
    pub(crate) unsafe fn key(&self, index: usize) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { *self.bits.as_ptr().cast::<u64>().add(index) }
    }

    /// # Safety
    /// As [`Block::key`].
    #[inline(always)]
    pub(crate) unsafe fn bucket(&self, index: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe { *self.offsets.as_ptr().cast::<u64>().add(index) as usize / size_of::<Line>() }
    }

    /// Key bits and offsets of a group.
    ///
    /// # Safety
    /// The block was filled with keys of this group.
    #[inline(always)]
    pub(crate) unsafe fn group(&self, at: usize) -> (&Words, &Words) {
        // SAFETY: the caller's promise.
        unsafe {
            (&*self.bits.as_ptr().cast::<Words>().add(at), &*self.offsets.as_ptr().cast::<Words>().add(at))
        }
    }

    /// What was found of a group.
    ///
    /// # Safety
    /// The group was searched for.
    #[inline(always)]
    pub(crate) unsafe fn found(&self, at: usize) -> &Words {
        // SAFETY: the caller's promise.
        unsafe { &*self.words.as_ptr().cast::<Words>().add(at) }
    }

    /// What was found of a key, or 0.
    ///
    /// # Safety
    /// The key at `index` was searched for.
    #[inline(always)]
    pub(crate) unsafe fn word(&self, index: usize) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { *self.words.as_ptr().cast::<u64>().add(index) }
    }

    /// The filtering id under which a key was hashed.
    #[inline(always)]
    pub(crate) fn fid(&self, index: usize) -> u16 {
        self.common.map_or(self.fids[index / GROUP][index % GROUP], |(_, fid)| fid)
    }

    /// Has the key at `index` the filtering id under which it was hashed?
    #[inline(always)]
    pub(crate) fn is_valid(&self, table: &MacTable, keys: &[Key], index: usize) -> bool {
        let fid = self.fid(index);
        fid != NONE && table.fid(keys[index].vlan()) == fid
    }

    /// One bit per key that has not the filtering id under which it was hashed. To be asked after the table was searched,
    /// see [`Session::lookup`].
    #[inline(always)]
    pub(crate) fn invalid(&self, table: &MacTable, keys: &[Key]) -> u64 {
        if table.vlans.has_lost_since(self.losses) { self.invalid_each(table, keys) } else { self.nameless }
    }

    #[cold]
    fn invalid_each(&self, table: &MacTable, keys: &[Key]) -> u64 {
        (0..keys.len()).fold(0, |bits, index| bits | u64::from(!self.is_valid(table, keys, index)) << index)
    }
}

#[inline(always)]
pub(crate) fn ones(count: usize) -> u64 {
    if count == BLOCK { u64::MAX } else { (1 << count) - 1 }
}

/// The places of the bits that are set.
#[inline(always)]
pub(crate) fn places(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        place
    })
}
