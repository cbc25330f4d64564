//! Many look-ups at once, eight to a vector.
//!
//! The steps are those of `batch.rs`. The words of the table are loaded one by one, as every look-up must, and put together to vectors:
//! what they mean is worked out for eight addresses at once, and each address noted on the list of what it needs next, by compressing.
//! So vectors only ever touch what is this batch's own, ranges apart, and the argument why readers may believe what they see is the
//! same. Gathers would load eight words at once; they are slower, and Rust has no atomic ones.

use crate::batch::prefetch;
use crate::fib::Shared;
use crate::group::GroupId;
use crate::prefix::Address;
use crate::shortcut::Shortcut;
use crate::word::{Form, RANGES, STRIDE, Word};
use std::arch::x86_64::*;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

/// Addresses that take their steps together.
const TOGETHER: usize = 256;
/// Addresses that are no longer worth a step of vectors.
const FEW: usize = 2;
/// Lanes of a vector.
const LANES: usize = 8;
/// Bits of an address that a column holds, of which a key of ranges takes half.
const WINDOW: u8 = 64;

/// One value for each address of a batch, or for those on a list. What is not written is not read.
struct Column([MaybeUninit<u64>; TOGETHER + LANES]);

impl Column {
    #[inline(always)]
    fn new() -> Self {
        Column([const { MaybeUninit::uninit() }; TOGETHER + LANES])
    }

    /// The last entry of a list again behind it, as often as there are lanes. Nothing for an empty list.
    ///
    /// # Safety
    /// There are so many, and not more than [`TOGETHER`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn pad(&mut self, len: usize) {
        debug_assert!(len <= TOGETHER);
        if len > 0 {
            // SAFETY: the caller's promise; columns have room for one vector more than batches have addresses.
            unsafe {
                let last = _mm512_set1_epi64(self.get(len - 1) as i64);
                _mm512_storeu_si512(self.0.as_mut_ptr().add(len).cast(), last);
            }
        }
    }

    /// # Safety
    /// `at` is below [`TOGETHER`].
    #[inline(always)]
    unsafe fn set(&mut self, at: usize, value: u64) {
        debug_assert!(at < TOGETHER);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked_mut(at).write(value) };
    }

    /// # Safety
    /// It was set.
    #[inline(always)]
    unsafe fn get(&self, at: usize) -> u64 {
        debug_assert!(at < TOGETHER + LANES);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(at).assume_init() }
    }

    /// The values from `at` on, in those lanes that `lanes` has a one for; elsewhere zero.
    ///
    /// # Safety
    /// They were set.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn eight(&self, at: usize, lanes: __mmask8) -> __m512i {
        debug_assert!(at < TOGETHER);
        // SAFETY: the caller's promise; lanes without a one are not read.
        unsafe { _mm512_maskz_loadu_epi64(lanes, self.0.as_ptr().add(at).cast()) }
    }

    /// Puts the lanes that `chosen` has ones for at the end of a list.
    ///
    /// # Safety
    /// `len` and the ones together are at most [`TOGETHER`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn append(&mut self, len: usize, chosen: __mmask8, lanes: __m512i) {
        debug_assert!(len + chosen.count_ones() as usize <= TOGETHER);
        // The form that compresses into memory is slow on some processors, so all lanes are written, and those behind the list's end again.
        let packed = _mm512_maskz_compress_epi64(chosen, lanes);
        // SAFETY: columns have room for one vector more than batches have addresses.
        unsafe { _mm512_storeu_si512(self.0.as_mut_ptr().add(len).cast(), packed) };
    }
}

/// Eight words, each loaded by itself.
#[inline]
#[target_feature(enable = "avx512f")]
fn gathered(word: impl Fn(usize) -> u64) -> __m512i {
    let [a, b, c, d, e, f, g, h] = std::array::from_fn(|lane| word(lane) as i64);
    _mm512_set_epi64(h, g, f, e, d, c, b, a)
}

/// A list's entries are a place in the batch, in the upper 32 bits, and what to do there.
const UPPER: i64 = 0xffff_ffff << 32;
/// Beside a place in the arena, which has 30 bits.
const IS_SHORTCUT: u64 = 1 << 31;

/// What is still to be done for which addresses.
struct Columns {
    /// Addresses that have come to nodes of words: where the next word is, in words.
    nodes: Column,
    /// In the same order: the bits of the address behind those that led to the node, left-aligned.
    rests: Column,
    /// To nodes of groups: where the group is, in units of 32 bits.
    groups: Column,
    /// To values: the group.
    values: Column,
    /// To ranges or a shortcut to them: where it is, in words, and [`IS_SHORTCUT`].
    ranges: Column,
    /// In the same order, in the upper half: the key that is looked for in them.
    keys: Column,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    nodes: usize,
    groups: usize,
    values: usize,
    ranges: usize,
}

/// The groups of many addresses, as [`crate::Session::look_up_batch`] gives them.
#[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt,lzcnt")]
pub(crate) fn look_up<A: Address>(shared: &Shared<A>, addresses: &[A], found: &mut [Option<GroupId>]) {
    for (addresses, found) in addresses.chunks(TOGETHER).zip(found.chunks_mut(TOGETHER)) {
        let columns = Columns {
            rests: Column::new(),
            nodes: Column::new(),
            groups: Column::new(),
            values: Column::new(),
            ranges: Column::new(),
            keys: Column::new(),
        };
        // SAFETY: chunks are no longer than that, and of one length.
        unsafe { Batch { shared, addresses, found, columns, counts: Counts::default() }.look_up() };
    }
}

/// At most [`TOGETHER`] addresses, and as many groups.
struct Batch<'a, A> {
    shared: &'a Shared<A>,
    addresses: &'a [A],
    found: &'a mut [Option<GroupId>],
    columns: Columns,
    counts: Counts,
}

/// The lanes of the vector that begins at `at`, of `len` values in all.
#[inline(always)]
fn lanes(at: usize, len: usize) -> __mmask8 {
    match len - at {
        rest @ ..LANES => (1 << rest) - 1,
        _ => !0,
    }
}

/// What [`Address::window`] gives behind the first table's bits, for eight addresses.
///
/// # Safety
/// There is an address in each of the lanes that `lanes` has a one for.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,bmi2")]
unsafe fn windows<A: Address>(addresses: *const A, lanes: __mmask8) -> __m512i {
    const { assert!(A::ROOT_BITS == 19 && cfg!(target_endian = "little")) };
    // SAFETY: lanes without a one are not read. An address is 32 or 128 bits, of which the first 64 stand behind the last.
    unsafe {
        if A::BITS == 32 {
            let addresses = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(lanes, addresses.cast()));
            return _mm512_slli_epi64::<51>(addresses);
        }
        let halves = _pdep_u32(lanes.into(), 0x5555) * 3;
        let first = _mm512_maskz_loadu_epi64(halves as u8, addresses.cast());
        let second =
            _mm512_maskz_loadu_epi64((halves >> 8) as u8, addresses.cast::<i64>().wrapping_add(LANES));
        let odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
        let near = _mm512_permutex2var_epi64(first, odd, second);
        let far = _mm512_permutex2var_epi64(first, _mm512_sub_epi64(odd, _mm512_set1_epi64(1)), second);
        _mm512_or_epi64(_mm512_slli_epi64::<19>(near), _mm512_srli_epi64::<45>(far))
    }
}

impl<A: Address> Batch<'_, A> {
    /// # Safety
    /// As many addresses as groups, at most [`TOGETHER`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt,lzcnt")]
    unsafe fn look_up(mut self) {
        // SAFETY: each step leaves the lists as the next wants them.
        unsafe {
            self.begin();
            let (mut depth, mut window) = (A::ROOT_BITS, WINDOW);
            while self.counts.nodes > FEW {
                window -= STRIDE;
                if window < WINDOW / 2 {
                    // A step further on the column would hold too few bits for a key.
                    self.refill(depth);
                    window = WINDOW - STRIDE;
                }
                depth += STRIDE;
                self.descend();
            }
            self.finish_few(depth);
            self.finish();
        }
    }

    /// From the first table.
    ///
    /// # Safety
    /// As [`Batch::look_up`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt,lzcnt")]
    unsafe fn begin(&mut self) {
        // SAFETY: there are no more addresses than columns have room for. Of the vectors, lanes are read that were set, and
        // groups written for which there are addresses; an optional group is a number, 0 for none.
        unsafe {
            for address in self.addresses {
                prefetch(self.shared.slot(address.root_slot()));
            }
            let len = self.addresses.len();
            let mut counts = Counts::default();
            let mut places = _mm512_slli_epi64::<32>(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
            for at in (0..len).step_by(LANES) {
                let lanes = lanes(at, len);
                let word = |place: usize| {
                    let slot = self.addresses.get_unchecked(place).root_slot();
                    self.shared.slot(slot).load(Ordering::Acquire)
                };
                let words = match at + LANES <= len {
                    true => gathered(|lane| word(at + lane)),
                    false => gathered(|lane| word((at + lane).min(len - 1))),
                };
                let words = _mm512_maskz_mov_epi64(lanes, words);
                let rests = windows(self.addresses.as_ptr().add(at), lanes);
                // Written for all; what is no value is written again.
                let groups = _mm512_cvtepi64_epi32(_mm512_srli_epi64::<32>(words));
                _mm256_mask_storeu_epi32(self.found.as_mut_ptr().add(at).cast(), lanes, groups);
                self.arrive(words, rests, places, &mut counts);
                places = _mm512_add_epi64(places, _mm512_set1_epi64((LANES as i64) << 32));
            }
            self.pad(counts);
        }
    }

    /// Takes the next step for all addresses that have come to nodes of words.
    ///
    /// # Safety
    /// The list of nodes and the column of rests are in order.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt,lzcnt")]
    unsafe fn descend(&mut self) {
        // SAFETY: the list holds so many entries, each of which says where a word is. It is written again no further than it was
        // read: the eight that are written begin no later than those that were read last.
        unsafe {
            let len = std::mem::take(&mut self.counts.nodes);
            let mut counts = self.counts;
            for at in (0..len).step_by(LANES) {
                let lanes = lanes(at, len);
                let word = |at| self.shared.arena.word(self.columns.nodes.get(at) as u32 as usize);
                let words = gathered(|lane| word(at + lane).load(Ordering::Acquire));
                let words = _mm512_maskz_mov_epi64(lanes, words);
                let rests = _mm512_slli_epi64::<{ STRIDE as u32 }>(self.columns.rests.eight(at, lanes));
                let places = _mm512_and_epi64(self.columns.nodes.eight(at, lanes), _mm512_set1_epi64(UPPER));
                let values = _mm512_mask_testn_epi64_mask(lanes, words, _mm512_set1_epi64(1));
                let value = _mm512_or_epi64(places, _mm512_srli_epi64::<32>(words));
                self.columns.values.append(counts.values, values, value);
                counts.values += values.count_ones() as usize;
                self.arrive(words, rests, places, &mut counts);
            }
            self.pad(counts);
        }
    }

    /// Lists are gone through eight at a time: their last entries again, so that the eight are full. What is done for an address twice is done
    /// alike.
    ///
    /// # Safety
    /// So many entries are in them.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn pad(&mut self, counts: Counts) {
        self.counts = counts;
        // SAFETY: the caller's promise; columns have room for a vector more.
        unsafe { self.columns.nodes.pad(counts.nodes) };
    }

    /// Eight addresses have come to these words: notes what is to be done next for those that are no values.
    ///
    /// # Safety
    /// All lists together have room for eight more, or as many as there are words that are no values.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt,lzcnt")]
    unsafe fn arrive(&mut self, words: __m512i, rests: __m512i, places: __m512i, counts: &mut Counts) {
        // The bits that are looked at, of four forms.
        const { assert!(Form::Words as u64 == 1 && Form::Ranges as u64 == 2 && Form::Shortcut as u64 == 3) };
        let nodes = _mm512_test_epi64_mask(words, _mm512_set1_epi64(1));
        let of_ranges = match A::RANGES {
            true => _mm512_mask_test_epi64_mask(nodes, words, _mm512_set1_epi64(2 << 32)),
            false => 0,
        };
        let of_words = _mm512_mask_test_epi64_mask(nodes & !of_ranges, words, _mm512_set1_epi64(1 << 32));
        let of_groups = nodes & !of_words & !of_ranges;
        // As `Word::run`: shifted so that the part's own bit is the highest, those of later parts fall out.
        let later =
            _mm512_srli_epi64::<{ 64 - STRIDE as u32 }>(_mm512_xor_epi64(rests, _mm512_set1_epi64(-1)));
        let ones = _mm512_popcnt_epi64(_mm512_sllv_epi64(_mm512_slli_epi64::<32>(words), later));
        let runs = _mm512_sub_epi64(ones, _mm512_set1_epi64(1));
        let begins = _mm512_srli_epi64::<34>(words);
        let next = _mm512_or_epi64(places, _mm512_add_epi64(begins, runs));
        let half = _mm512_or_epi64(places, _mm512_add_epi64(_mm512_add_epi64(begins, begins), runs));
        if nodes != 0 {
            let words_too = _mm512_mask_add_epi64(begins, of_words, begins, runs);
            let at = _mm512_add_epi64(_mm512_add_epi64(begins, words_too), runs);
            self.prefetch_eight(_mm512_maskz_mov_epi64(nodes, at));
        }
        let columns = &mut self.columns;
        // SAFETY: the caller's promise.
        unsafe {
            columns.nodes.append(counts.nodes, of_words, next);
            columns.rests.append(counts.nodes, of_words, rests);
            columns.groups.append(counts.groups, of_groups, half);
            if A::RANGES {
                let is_shortcut = _mm512_srli_epi64::<1>(_mm512_and_epi64(words, _mm512_set1_epi64(1 << 32)));
                let ranges = _mm512_or_epi64(_mm512_or_epi64(places, begins), is_shortcut);
                columns.ranges.append(counts.ranges, of_ranges, ranges);
                columns.keys.append(counts.ranges, of_ranges, rests);
                counts.ranges += of_ranges.count_ones() as usize;
            }
        }
        counts.nodes += of_words.count_ones() as usize;
        counts.groups += of_groups.count_ones() as usize;
    }

    /// Asks for the lines of what is needed next, in units of 32 bits; 0 is the first table's first, for want of another.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn prefetch_eight(&self, at: __m512i) {
        let mut halves = [0u64; LANES];
        // SAFETY: as large as a vector.
        unsafe { _mm512_storeu_si512(halves.as_mut_ptr().cast(), at) };
        for half in halves {
            prefetch(self.shared.arena.near(half as usize));
        }
    }

    /// The last that are at nodes of words, each by itself: for so few a step of vectors takes as long as for eight.
    ///
    /// # Safety
    /// The list of nodes is in order, and of this depth.
    #[inline(always)]
    unsafe fn finish_few(&mut self, depth: u8) {
        for at in 0..self.counts.nodes {
            // SAFETY: the list holds so many entries, with places of addresses that are there, and of words.
            unsafe {
                let entry = self.columns.nodes.get(at);
                let place = (entry >> 32) as usize;
                let word = Word(self.shared.arena.word(entry as u32 as usize).load(Ordering::Acquire));
                let address = *self.addresses.get_unchecked(place);
                *self.found.get_unchecked_mut(place) =
                    self.shared.look_up_from(word, depth + STRIDE, address);
            }
        }
    }

    /// The column of rests anew, for addresses that have come so deep that little is left of what it held.
    ///
    /// # Safety
    /// The list of nodes is in order.
    #[cold]
    unsafe fn refill(&mut self, depth: u8) {
        for at in 0..self.counts.nodes {
            // SAFETY: the list holds so many entries, with places of addresses that are there.
            unsafe {
                let place = (self.columns.nodes.get(at) >> 32) as usize;
                self.columns.rests.set(at, self.addresses.get_unchecked(place).window(depth));
            }
        }
    }

    /// What the lists of groups, values and ranges say is found.
    ///
    /// # Safety
    /// They are in order.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt,lzcnt")]
    unsafe fn finish(&mut self) {
        let (arena, columns) = (&self.shared.arena, &self.columns);
        let halves = |half: usize| {
            // SAFETY: a half of a node of groups or ranges, where the lists say.
            unsafe { arena.half(0, half) }.load(Ordering::Relaxed)
        };
        // SAFETY: lists hold so many entries, with places of addresses that are there. Nodes of ranges are written before
        // they are shown and not again before the session ends, so they may be read by whatever means; they begin with a cache line.
        unsafe {
            for at in 0..self.counts.groups {
                let entry = columns.groups.get(at);
                *self.found.get_unchecked_mut((entry >> 32) as usize) =
                    GroupId::new(halves(entry as u32 as usize));
            }
            for at in 0..self.counts.values {
                let entry = columns.values.get(at);
                *self.found.get_unchecked_mut((entry >> 32) as usize) = GroupId::new(entry as u32);
            }
            for at in 0..self.counts.ranges {
                let entry = columns.ranges.get(at);
                let place = (entry >> 32) as usize;
                let node = (entry as u32 & !(IS_SHORTCUT as u32)) as usize;
                if entry & IS_SHORTCUT != 0 {
                    let address = *self.addresses.get_unchecked(place);
                    let (word, depth) = Shortcut::read(arena, node).follow(address);
                    *self.found.get_unchecked_mut(place) = self.shared.look_up_from(word, depth, address);
                    continue;
                }
                let key = (columns.keys.get(at) >> 32) as i32;
                let begins = _mm256_load_si256(arena.half(node, 0).as_ptr().cast());
                let range = _mm256_cmple_epu32_mask(begins, _mm256_set1_epi32(key)).count_ones() as usize - 1;
                *self.found.get_unchecked_mut(place) = GroupId::new(halves(node * 2 + RANGES + range));
            }
        }
    }
}
