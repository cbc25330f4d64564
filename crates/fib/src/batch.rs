//! Many look-ups at once.
//!
//! One look-up waits for memory at each step. So a batch takes one step for all of its addresses before the next step for any, and
//! asks for the lines of that next step as soon as it knows them: the processor has as many on their way as it can. What is to be
//! done for an address next is written to a list of its kind, without a branch; a guess gone wrong would throw away the work behind it.

use crate::fib::Shared;
use crate::group::GroupId;
use crate::prefix::Address;
use crate::reader::Session;
use crate::simd::{Lanes, Scalar, Simd};
use crate::word::{Form, RANGES, STRIDE, Word};
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

/// Addresses that take their steps together. Places in a batch are kept in eight bits.
const TOGETHER: usize = 256;

/// One value for each address of a batch. What is not written is not read.
struct Column<T>([MaybeUninit<T>; TOGETHER]);

impl<T: Copy> Column<T> {
    #[inline(always)]
    fn new() -> Self {
        Column([const { MaybeUninit::uninit() }; TOGETHER])
    }

    /// # Safety
    /// `at` is below [`TOGETHER`].
    #[inline(always)]
    unsafe fn set(&mut self, at: usize, value: T) {
        debug_assert!(at < TOGETHER);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked_mut(at).write(value) };
    }

    /// # Safety
    /// It was set.
    #[inline(always)]
    unsafe fn get(&self, at: usize) -> T {
        debug_assert!(at < TOGETHER);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(at).assume_init() }
    }
}

/// What is still to be done for which addresses.
struct Columns {
    /// By place in the batch: the word that an address has come to.
    words: Column<Word>,
    /// By place: the group's place in the arena, in units of 32 bits, if that is a node of groups.
    halves: Column<u32>,
    /// By place: how many bits led to the word.
    depths: Column<u8>,
    /// The places that have come to a node of this form.
    groups: Column<u8>,
    nodes: Column<u8>,
    ranges: Column<u8>,
}

/// How long the lists are. Apart from them, so that it can stay in registers.
#[derive(Clone, Copy, Default)]
struct Counts {
    groups: usize,
    nodes: usize,
    ranges: usize,
}

impl<A: Address> Session<'_, A> {
    /// The groups of many addresses. Each is what it was at some moment of the session; they have no moment in common.
    ///
    /// Batches of 32 to 256 are best.
    ///
    /// # Panics
    /// When `groups` has another length than `addresses`.
    pub fn look_up_batch(&self, addresses: &[A], groups: &mut [Option<GroupId>]) {
        assert_eq!(addresses.len(), groups.len(), "one group for each address");
        match self.shared.simd {
            // SAFETY: nothing is needed for it.
            Simd::Scalar => unsafe { steps::<A, Scalar>(self.shared, addresses, groups) },
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            // SAFETY: the table was made with instructions that the machine has.
            Simd::Avx2 => unsafe { avx2(self.shared, addresses, groups) },
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            // SAFETY: as above.
            Simd::Avx512 => unsafe { crate::wide::look_up(self.shared, addresses, groups) },
            #[cfg(any(not(target_arch = "x86_64"), greylag_scalar))]
            Simd::Avx2 | Simd::Avx512 => unreachable!("not available"),
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn avx2<A: Address>(shared: &Shared<A>, addresses: &[A], groups: &mut [Option<GroupId>]) {
    // SAFETY: compiled for these instructions.
    unsafe { steps::<A, crate::simd::Avx2>(shared, addresses, groups) };
}

/// # Safety
/// The machine has the instructions of `L`.
#[inline(always)]
unsafe fn steps<A: Address, L: Lanes>(shared: &Shared<A>, addresses: &[A], groups: &mut [Option<GroupId>]) {
    for (addresses, groups) in addresses.chunks(TOGETHER).zip(groups.chunks_mut(TOGETHER)) {
        let columns = Columns {
            words: Column::new(),
            halves: Column::new(),
            depths: Column::new(),
            groups: Column::new(),
            nodes: Column::new(),
            ranges: Column::new(),
        };
        // SAFETY: chunks are no longer than that, and the caller's promise.
        unsafe { Batch { shared, addresses, found: groups, columns }.look_up::<L>() };
    }
}

/// At most [`TOGETHER`] addresses, and as many groups.
struct Batch<'a, A> {
    shared: &'a Shared<A>,
    addresses: &'a [A],
    found: &'a mut [Option<GroupId>],
    columns: Columns,
}

impl<A: Address> Batch<'_, A> {
    /// # Safety
    /// The machine has the instructions of `L`.
    #[inline(always)]
    unsafe fn look_up<L: Lanes>(mut self) {
        let mut counts = Counts::default();
        for address in self.addresses {
            prefetch(self.shared.slot(address.root_slot()));
        }
        for place in 0..self.addresses.len() {
            // SAFETY: there are as many addresses; an address has a slot.
            unsafe {
                let slot = self.addresses.get_unchecked(place).root_slot();
                let word = Word(self.shared.slot(slot).load(Ordering::Acquire));
                self.arrive::<true>(place, word, A::ROOT_BITS, &mut counts);
            }
        }
        let mut depth = A::ROOT_BITS;
        while counts.nodes != 0 {
            // SAFETY: the list of nodes is of this depth.
            unsafe {
                // What comes to few addresses only is kept out of the way of the others.
                match depth + 2 * STRIDE <= A::NEAR {
                    true => self.descend::<true>(depth, &mut counts),
                    false => self.descend::<false>(depth, &mut counts),
                }
            }
            depth += STRIDE;
        }
        self.finish_groups(counts);
        // SAFETY: the caller's promise.
        unsafe { self.finish_ranges::<L>(counts) };
    }

    /// Takes the next step for all addresses that have come to nodes of words.
    ///
    /// # Safety
    /// They have done so by `depth` bits; with `NEAR`, two strides more do not go beyond [`Address::NEAR`].
    #[inline(always)]
    unsafe fn descend<const NEAR: bool>(&mut self, depth: u8, counts: &mut Counts) {
        for index in 0..std::mem::take(&mut counts.nodes) {
            // SAFETY: the list holds so many places, of addresses that are there and have a word, whose run is in the arena.
            // It is written again no further than it was read.
            unsafe {
                let place = usize::from(self.columns.nodes.get(index));
                let node = self.columns.words.get(place);
                let run = node.run(five::<A, NEAR>(*self.addresses.get_unchecked(place), depth));
                let word = Word(self.shared.arena.word(node.place() + run).load(Ordering::Acquire));
                self.arrive::<NEAR>(place, word, depth + STRIDE, counts);
            }
        }
    }

    /// An address has come to a word: notes what is to be done next, and asks for the memory that takes.
    ///
    /// # Safety
    /// There is an address at this place; the lists hold fewer than all of them. With `NEAR`, one stride more does not go
    /// beyond [`Address::NEAR`].
    #[inline(always)]
    unsafe fn arrive<const NEAR: bool>(&mut self, place: usize, word: Word, depth: u8, counts: &mut Counts) {
        let columns = &mut self.columns;
        // SAFETY: the caller's promise.
        unsafe {
            // All that might be needed is written; what is not will not be looked at.
            *self.found.get_unchecked_mut(place) = GroupId::new(word.group());
            columns.words.set(place, word);
            let run = word.run(five::<A, NEAR>(*self.addresses.get_unchecked(place), depth));
            columns.halves.set(place, (word.place() * 2 + run) as u32);
            prefetch(self.shared.arena.near(word.first_half(run)));
            columns.groups.set(counts.groups, place as u8);
            counts.groups += usize::from(word.is(Form::Groups));
            columns.nodes.set(counts.nodes, place as u8);
            counts.nodes += usize::from(word.is(Form::Words));
            if A::RANGES {
                columns.depths.set(place, depth);
                columns.ranges.set(counts.ranges, place as u8);
                counts.ranges += usize::from(word.is_sparse());
            }
        }
    }

    #[inline(always)]
    fn finish_groups(&mut self, counts: Counts) {
        for index in 0..counts.groups {
            // SAFETY: the list holds so many places, each with the half of a node of groups.
            unsafe {
                let place = usize::from(self.columns.groups.get(index));
                let half = self.columns.halves.get(place);
                let group = self.shared.arena.half(0, half as usize).load(Ordering::Relaxed);
                *self.found.get_unchecked_mut(place) = GroupId::new(group);
            }
        }
    }

    /// # Safety
    /// The machine has the instructions of `L`.
    #[inline(always)]
    unsafe fn finish_ranges<L: Lanes>(&mut self, counts: Counts) {
        for index in 0..counts.ranges {
            // SAFETY: the list holds so many places, each with the word of a node of ranges or of a shortcut to one. Such a node is written
            // before it is shown and not again before the session ends, so it may be read by whatever means.
            unsafe {
                let place = usize::from(self.columns.ranges.get(index));
                let word = self.columns.words.get(place);
                let (address, depth) = (*self.addresses.get_unchecked(place), self.columns.depths.get(place));
                if word.is(Form::Shortcut) {
                    *self.found.get_unchecked_mut(place) = self.shared.look_up_from(word, depth, address);
                    continue;
                }
                let key = address.tail(depth);
                let arena = &self.shared.arena;
                let range = L::find(&*arena.half(word.place(), 0).as_ptr().cast(), key);
                let group = arena.half(word.place(), RANGES + range).load(Ordering::Relaxed);
                *self.found.get_unchecked_mut(place) = GroupId::new(group);
            }
        }
    }
}

#[inline(always)]
fn five<A: Address, const NEAR: bool>(address: A, depth: u8) -> u32 {
    if NEAR { address.near_five(depth) } else { address.five(depth) }
}

/// Says that this line will be needed. It may be any address.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it, and it never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
