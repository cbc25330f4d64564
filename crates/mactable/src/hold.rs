//! Slots for the new addresses of a batch, taken together.
//!
//! Placed one by one (`insert`), each address waits for the one before it: taking a slot is a read-modify-write, the look at the
//! bucket that has to follow cannot begin before that is done, and nothing overlaps. So a batch looks at all buckets, takes
//! all slots with pending words, looks at all buckets again, and shows each entry by a store when its address is learned. The
//! steps of each address are those of `insert` in their order, and so is the argument; only time passes between them, on which
//! nothing rests. While it does, other learners of these addresses are told that they are contended.
//!
//! It is done where it is simple: in first buckets without a mark, in slots that leave none. Whatever else is there is left to
//! `insert`: two addresses for one slot, rivals, crowded buckets, limits. A slot that was taken for an address
//! which nobody learns is given back.

use crate::block::{BLOCK, Block, places};
use crate::bucket::{EMPTY, MARK_SLOT, SLOTS, Survey};
use crate::counts::Holder;
use crate::key::Key;
use crate::lanes::{Lanes, Lines};
use crate::layout::{age, with_age};
use crate::probe::Probe;
use crate::session::Session;
use crate::sync::{IS_MODEL, Ordering};
use crate::table::MacTable;
use std::mem::MaybeUninit;

/// Slots for fewer addresses are not worth taking together.
pub(crate) const LEAST: u32 = if IS_MODEL { 1 } else { 4 };

/// A slot with a pending word of this thread, which is counted in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    place: Place,
    binding: u16,
    fid: u16,
}

/// Bucket and slot.
#[derive(Clone, Copy, Debug)]
struct Place(u32);

impl Place {
    #[inline(always)]
    fn new(bucket: usize, slot: usize) -> Place {
        Place((bucket * SLOTS + slot) as u32)
    }

    #[inline(always)]
    fn bucket(self) -> usize {
        self.0 as usize / SLOTS
    }

    #[inline(always)]
    fn slot(self) -> usize {
        self.0 as usize % SLOTS
    }
}

/// The slots that are taken for keys of a block and were not handed on. Dropped, it gives them back.
pub(crate) struct Hold<'h, 't> {
    session: &'h Session<'t>,
    block: &'h Block,
    binding: u16,
    /// One bit per key that has one.
    held: u64,
    places: [MaybeUninit<Place>; BLOCK],
}

impl<'h, 't> Hold<'h, 't> {
    #[inline(always)]
    pub(crate) fn nothing(session: &'h Session<'t>, block: &'h Block, binding: u16) -> Self {
        Hold { session, block, binding, held: 0, places: [MaybeUninit::uninit(); BLOCK] }
    }

    #[inline(always)]
    fn held(&self, index: usize) -> Held {
        // SAFETY: it is asked of keys alone whose places were noted.
        let place = unsafe { self.places[index].assume_init() };
        Held { place, binding: self.binding, fid: self.block.fid(index) }
    }

    /// The next address to be learned is the key at `index`: it may have its slot.
    #[inline(always)]
    pub(crate) fn offer(&mut self, index: usize) {
        if self.held >> index & 1 != 0 {
            self.session.offered.set(Some(self.held(index)));
            self.held &= !(1 << index);
        }
    }

    /// Takes slots for the keys with a bit in `rest`, as far as it is simple.
    ///
    /// # Safety
    /// The machine has the instructions, and the block was filled with `keys` and searched for them under the table's lines.
    #[inline(always)]
    pub(crate) unsafe fn take<L: Lanes>(&mut self, keys: &[Key], port: u16, rest: u64) {
        let table = self.session.table;
        // SAFETY: the caller's promise.
        let absent = unsafe { self.absent(rest & !self.block.invalid(table, keys)) };
        let count = rest.count_ones();
        // All that come must fit: who finds the last room is decided in the order in which they came.
        if absent.count_ones() < LEAST || !table.counts.admit_many_to_port(self.binding, port, count) {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let counted = self.count_in_vlans::<L>(keys, absent);
            let chosen = self.choose::<L>(counted);
            self.held = self.confirm::<L>(self.take_chosen(chosen));
            for index in places(counted & !self.held) {
                table.counts.leave_many_of_vlan(self.block.fid(index), 1);
            }
        }
        let spare = count - self.held.count_ones();
        if spare != 0 {
            table.counts.leave_holder_many(Holder::Binding(self.binding), spare);
        }
    }

    /// Those of `keys` that were not found.
    ///
    /// # Safety
    /// They were searched for.
    #[inline(always)]
    unsafe fn absent(&self, keys: u64) -> u64 {
        // SAFETY: the caller's promise.
        places(keys).fold(0, |bits, index| bits | u64::from(unsafe { self.block.word(index) } == 0) << index)
    }

    /// Counts keys in at their VLANs, but for those of VLANs with a limit.
    #[inline(always)]
    unsafe fn count_in_vlans<L: Lanes>(&self, keys: &[Key], mut left: u64) -> u64 {
        let counts = &self.session.table.counts;
        let mut counted = 0;
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let same = match self.block.common {
                Some(_) => left,
                // SAFETY: the caller has the instructions.
                None => unsafe { L::of_fid(&self.block.fids, self.block.fid(first)) & left },
            };
            if counts.admit_many_to_vlan(self.block.fid(first), keys[first].vlan(), same.count_ones()) {
                counted |= same;
            }
            left &= !same;
        }
        counted
    }

    #[inline(always)]
    unsafe fn survey<L: Lanes>(&self, index: usize) -> Survey {
        let table = self.session.table;
        // SAFETY: the caller has the instructions and a block with this key; buckets are below the number of lines.
        unsafe {
            let line = Lines::of(table).at(self.block.bucket(index));
            L::survey(line, self.block.key(index), table.layout.key_mask())
        }
    }

    /// Chooses slots as `insert` would; those of `keys` for which there is one.
    #[inline(always)]
    unsafe fn choose<L: Lanes>(&mut self, keys: u64) -> u64 {
        let mut chosen = 0;
        for index in places(keys) {
            // SAFETY: the caller's promise.
            let (survey, bucket) = unsafe { (self.survey::<L>(index), self.block.bucket(index)) };
            if let Some(slot) = survey.simple_slot() {
                self.places[index].write(Place::new(bucket, slot));
                chosen |= 1 << index;
            }
        }
        chosen
    }

    /// Takes the chosen slots; those of `keys` that got theirs.
    #[inline(always)]
    unsafe fn take_chosen(&self, keys: u64) -> u64 {
        let table = self.session.table;
        let lines = Lines::of(table);
        let mut taken = 0;
        for index in places(keys) {
            let Held { place, binding, .. } = self.held(index);
            // SAFETY: the caller has a block with this key; the place is in its bucket.
            let is_mine = unsafe {
                let pending = table.layout.entry(self.block.key(index), binding, age::PENDING);
                let cell = lines.at(place.bucket()).slot(place.slot());
                cell.compare_exchange(EMPTY, pending, Ordering::SeqCst, Ordering::Relaxed).is_ok()
            };
            taken |= u64::from(is_mine) << index;
        }
        taken
    }

    /// Looks again, and gives way where a rival may be: those of `keys` that are alone.
    #[inline(always)]
    unsafe fn confirm<L: Lanes>(&self, keys: u64) -> u64 {
        let mut alone = keys;
        for index in places(keys) {
            let place = self.held(index).place;
            // SAFETY: the caller's promise.
            let survey = unsafe { self.survey::<L>(index) };
            // Without a mark there is no rival in the second bucket that will not see this one: see `insert`.
            if survey.same & !(1 << place.slot()) != 0 || survey.is_marked {
                self.session.table.vacate(place);
                alone &= !(1 << index);
            }
        }
        alone
    }
}

impl Drop for Hold<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.session.end_offer();
        for index in places(self.held) {
            self.session.table.give_back(self.held(index));
        }
    }
}

impl Session<'_> {
    /// The address whose turn it was is learned, or nobody wants to: what it was offered and did not take goes back.
    #[inline(always)]
    pub(crate) fn end_offer(&self) {
        if let Some(held) = self.offered.take() {
            self.table.give_back(held);
        }
    }

    /// Shows the entry of an absent key for which a slot is held; false if it must be placed otherwise.
    #[inline(always)]
    pub(crate) fn show_held(&self, probe: &Probe, binding: u16) -> bool {
        let Some(held) = self.offered.take() else { return false };
        let (table, place) = (self.table, held.place);
        let pending = table.layout.entry(probe.key(), binding, age::PENDING);
        let cell = table.lines[place.bucket()].slot(place.slot());
        // A pending word changes by its owner's hand alone.
        let is_its = place.bucket() == table.bucket(probe) && cell.load(Ordering::Relaxed) == pending;
        if is_its {
            cell.store(with_age(pending, self.clock.code()), Ordering::Release);
        } else {
            table.give_back(held);
        }
        is_its
    }
}

impl MacTable {
    fn vacate(&self, place: Place) {
        debug_assert_ne!(place.slot(), MARK_SLOT);
        self.lines[place.bucket()].slot(place.slot()).store(EMPTY, Ordering::SeqCst);
    }

    /// Empties a slot and counts its key out.
    #[cold]
    fn give_back(&self, held: Held) {
        self.vacate(held.place);
        self.counts.leave(Holder::Binding(held.binding), held.fid);
    }
}
