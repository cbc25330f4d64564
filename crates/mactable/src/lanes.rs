//! What a batch does to single buckets and groups of eight keys, per set of vector instructions.
//!
//! A vector load over words that other threads write is not among the things that Rust's memory model knows, so it is
//! written as inline assembly: to the compiler an opaque read of memory that happens where it stands. To the
//! processor it is a load like others, and all x86 loads are ordered with each other (acquire). Each word of it is
//! what some store left there, whole: `docs/mactable.md` says what the manuals promise of that and what is only seen.
//! Different words of a line may be of different moments, as with eight single loads.
//!
//! What is written here word by word is not read as a vector soon after: such a load waits until all that was written has
//! left the store buffer, and that is after every look-up before it. So words are brought together in registers.

#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
pub(crate) mod x86;

use crate::batch::UNKNOWN;
use crate::block::GROUPS;
use crate::bucket::{EMPTY, Line, SLOTS, Survey};
use crate::clock::Clock;
use crate::ids::NONE;
use crate::key::Key;
use crate::layout::is_entry;
use crate::session::Session;
use crate::sync::Ordering;
use crate::table::MacTable;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Keys that are hashed together.
pub(crate) const GROUP: usize = 8;

/// Eight words, one per key of a group.
pub(crate) type Words = [u64; GROUP];

/// The table's lines, for buckets that come out of hashing.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'t>(*const Line, PhantomData<&'t Line>);

impl<'t> Lines<'t> {
    #[inline(always)]
    pub(crate) fn of(table: &'t MacTable) -> Self {
        Lines(table.lines.as_ptr(), PhantomData)
    }

    /// # Safety
    /// `bucket` is below the number of lines.
    #[inline(always)]
    pub(crate) unsafe fn at(self, bucket: usize) -> &'t Line {
        // SAFETY: the caller's promise.
        unsafe { &*self.0.add(bucket) }
    }

    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline(always)]
    fn first(self) -> *const Line {
        self.0
    }

    /// # Safety
    /// There is a line so many bytes from the first one.
    #[inline(always)]
    pub(crate) unsafe fn at_offset(self, offset: u64) -> &'t Line {
        // SAFETY: the caller's promise.
        unsafe { &*self.0.byte_add(offset as usize) }
    }
}

/// Filtering ids of eight keys.
pub(crate) enum Fids<'a> {
    /// All have this one.
    All(u16),
    /// Each has its own, to be looked up and noted here; [`NONE`] where a VLAN has none.
    Each(&'a mut [u16; GROUP]),
}

/// One set of vector instructions. What is not said for one is done without them.
///
/// # Safety
/// All of it may be called only where the instructions exist, with one key to a group at the least.
pub(crate) trait Lanes {
    /// The entry that has these key bits, or 0. `key_mask` says which bits of a word are the key's.
    unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64;

    /// Are all keys of one VLAN?
    #[inline(always)]
    unsafe fn same_vlan(keys: &[Key], vlan: u16) -> bool {
        keys.iter().fold(0, |bits, key| bits | (key.vlan() ^ vlan)) == 0
    }

    /// Hashes up to eight keys under their filtering ids, to key bits and the offsets of their lines; further places are filled with the first key. Gives one bit for each key that has no filtering id.
    #[inline(always)]
    unsafe fn hash(
        table: &MacTable,
        keys: &[Key],
        mut fids: Fids<'_>,
        bits: &mut MaybeUninit<Words>,
        offsets: &mut MaybeUninit<Words>,
    ) -> u8 {
        let mut nameless = 0;
        let split: [_; GROUP] = std::array::from_fn(|index| {
            let key = if index < keys.len() { keys[index] } else { keys[0] };
            let fid = match &mut fids {
                Fids::All(fid) => *fid,
                Fids::Each(fids) if index < keys.len() => {
                    fids[index] = table.fid(key.vlan());
                    fids[index]
                }
                Fids::Each(fids) => fids[0],
            };
            nameless |= u8::from(fid == NONE) << index;
            let hash = table.permutation.forward((u64::from(fid) << 48) | key.mac());
            table.layout.split(hash)
        });
        bits.write(split.map(|(_, bits)| bits));
        offsets.write(split.map(|(bucket, _)| (bucket * size_of::<Line>()) as u64));
        nameless
    }

    /// Starts to fetch the first `count` of these lines.
    #[inline(always)]
    unsafe fn prefetch(lines: Lines<'_>, offsets: &Words, count: usize) {
        for &offset in &offsets[..count.min(GROUP)] {
            // SAFETY: the caller has lines there.
            unsafe { lines.at_offset(offset) }.prefetch();
        }
    }

    /// Looks for `count` keys in their first buckets. Fills `words` with their entries, or 0, and further places with
    /// anything. Gives one bit for each that is not there and may be in its second bucket.
    #[inline(always)]
    unsafe fn search(
        lines: Lines<'_>,
        (bits, offsets): (&Words, &Words),
        count: usize,
        key_mask: u64,
        words: &mut MaybeUninit<Words>,
    ) -> u8 {
        let mut crowded = 0;
        words.write(std::array::from_fn(|index| {
            if index >= count {
                return 0;
            }
            // SAFETY: buckets are below the number of lines, and the caller has the instructions.
            let (line, key) = unsafe { (lines.at_offset(offsets[index]), bits[index]) };
            // Before the others: vectors load it with them, and nothing may rest on its being read later.
            let mark = line.mark();
            // SAFETY: as above.
            let word = unsafe { Self::find(line, key, key_mask) };
            crowded |= u8::from(word == 0 && mark != EMPTY) << index;
            word
        }));
        crowded
    }

    /// What is to be known of a line to place a key there, in one order with the placing of entries.
    #[inline(always)]
    unsafe fn survey(line: &Line, key: u64, key_mask: u64) -> Survey {
        Survey::of(&line.words(), key, key_mask)
    }

    /// One bit for each place that has this filtering id.
    #[inline(always)]
    unsafe fn of_fid(fids: &[[u16; GROUP]; GROUPS], fid: u16) -> u64 {
        let all = fids.as_flattened().iter().enumerate();
        all.fold(0, |bits, (index, &other)| bits | u64::from(other == fid) << index)
    }

    /// Puts a word into its place among eight.
    #[inline(always)]
    unsafe fn put(words: &mut Words, place: usize, word: u64) {
        words[place] = word;
    }

    /// One bit for each key whose entry a frame from it on `binding` would leave as it is, see [`Session::is_settled`].
    #[inline(always)]
    unsafe fn settled(session: &Session<'_>, words: &Words, bits: &Words, binding: u16) -> u8 {
        let is_settled = |index: usize| session.is_settled(words[index], bits[index], binding);
        (0..GROUP).fold(0, |settled, index| settled | u8::from(is_settled(index)) << index)
    }

    /// The ports of eight entries; [`UNKNOWN`] for what is none, or one whose time is over or whose port was flushed. And
    /// one bit for each of the last kind.
    #[inline(always)]
    unsafe fn ports(table: &MacTable, clock: &Clock, words: &Words) -> ([u16; GROUP], u8) {
        let mut flushed = 0;
        let ports = std::array::from_fn(|index| {
            let word = words[index];
            if !is_entry(word) || clock.lapsed(word) {
                return UNKNOWN;
            }
            let port = table.port_of(word);
            flushed |= u8::from(port.is_none()) << index;
            port.unwrap_or(UNKNOWN)
        });
        (ports, flushed)
    }
}

/// No vectors.
pub(crate) struct Scalar;

impl Lanes for Scalar {
    #[inline(always)]
    unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
        // No early exit on the words themselves: eight loads and compares without a branch between them cost less
        // than one branch that is guessed wrong.
        let mut words = [0; SLOTS];
        let mut hits = 0u32;
        for (slot, at) in words.iter_mut().enumerate() {
            *at = line.slot(slot).load(Ordering::Acquire);
            hits |= u32::from((*at ^ key) & key_mask == 0) << slot;
        }
        // More than one hit is rare: a vacant slot matches the one key whose remainder is zero, and a rival's pending
        // insert may stand beside the entry.
        while hits != 0 {
            let word = words[hits.trailing_zeros() as usize];
            if is_entry(word) {
                return word;
            }
            hits &= hits - 1;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::MARK;
    use crate::layout::age;

    fn find<L: Lanes>(line: &Line, key: u64, key_mask: u64) -> u64 {
        // SAFETY: the caller has asked whether the instructions are there.
        unsafe { L::find(line, key, key_mask) }
    }

    /// Loads of different moments may see a key in the slot that it leaves and in the one that it comes to.
    #[test]
    fn a_key_that_is_seen_in_two_slots_is_one_of_the_two_and_no_mixture() {
        let key_mask = !0xfff;
        let key = 0x1234_5000;
        let words = [key | (age::FIRST_STAMP + 1), key | (age::FIRST_STAMP + 2)];
        for (first, second) in (0..SLOTS).flat_map(|first| (0..first).map(move |second| (first, second))) {
            let line = Line::default();
            line.slot(first).store(words[0], Ordering::Relaxed);
            line.slot(second).store(words[1], Ordering::Relaxed);
            assert!(words.contains(&find::<Scalar>(&line, key, key_mask)));
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            for (simd, find) in [
                (crate::simd::Simd::Sse2, find::<x86::Sse2> as fn(&Line, u64, u64) -> u64),
                (crate::simd::Simd::Avx2, find::<x86::Avx2>),
                (crate::simd::Simd::Avx512, find::<x86::Avx512>),
            ] {
                if simd.is_available() {
                    let found = find(&line, key, key_mask);
                    assert!(words.contains(&found), "{}: {found:#x} of {words:#x?}", simd.name());
                }
            }
        }
    }

    /// What is at the place of a key and is no entry hides none that comes after it, nor the mark.
    #[test]
    fn a_batch_looks_past_a_pending_word() {
        let (key_mask, key) = (!0x3ff_u64, 0x1234_5000_u64);
        let entry = key | (age::FIRST_STAMP + 9);
        type Search = unsafe fn(Lines<'_>, (&Words, &Words), usize, u64, &mut MaybeUninit<Words>) -> u8;
        let kinds = [
            (crate::simd::Simd::Scalar, Scalar::search as Search),
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            (crate::simd::Simd::Sse2, x86::Sse2::search),
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            (crate::simd::Simd::Avx2, x86::Avx2::search),
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            (crate::simd::Simd::Avx512, x86::Avx512::search),
        ];
        for (simd, search) in kinds.into_iter().filter(|(simd, _)| simd.is_available()) {
            for (behind, mark, found, crowded) in
                [(entry, 0, entry, 0), (entry, MARK, entry, 0), (0, 0, 0, 0), (0, MARK, 0, u8::MAX)]
            {
                let lines: [Line; 2] = Default::default();
                lines[1].slot(1).store(key | age::PENDING, Ordering::Relaxed);
                lines[1].slot(SLOTS - 2).store(behind, Ordering::Relaxed);
                lines[1].slot(SLOTS - 1).store(mark, Ordering::Relaxed);
                let (bits, offsets) = ([key; GROUP], [size_of::<Line>() as u64; GROUP]);
                let mut words = MaybeUninit::uninit();
                let lines = Lines(lines.as_ptr(), PhantomData);
                // SAFETY: the instructions are there, and so are two lines.
                let told = unsafe { search(lines, (&bits, &offsets), GROUP, key_mask, &mut words) };
                // SAFETY: a search fills it.
                let words = unsafe { words.assume_init() };
                assert_eq!((words, told), ([found; GROUP], crowded), "{} {behind:x} {mark:x}", simd.name());
            }
        }
    }

    /// Words of a line that other threads write one by one are never seen in halves, by whatever instructions.
    #[cfg(not(any(loom, shuttle)))]
    #[test]
    fn no_word_is_torn_while_others_write_it() {
        // What a writer leaves says in both halves how often it had written.
        let whole = |turn: u64| (turn << 40) | ((turn & 0xff_ffff) << 12) | age::STATIC;
        let is_whole = |word: u64| (word >> 40) == ((word >> 12) & 0xff_ffff);
        let kinds = [
            (crate::simd::Simd::Scalar, find::<Scalar> as fn(&Line, u64, u64) -> u64),
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            (crate::simd::Simd::Sse2, find::<x86::Sse2>),
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            (crate::simd::Simd::Avx2, find::<x86::Avx2>),
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            (crate::simd::Simd::Avx512, find::<x86::Avx512>),
        ];
        for (simd, find) in kinds.into_iter().filter(|(simd, _)| simd.is_available()) {
            let line = Line::default();
            std::thread::scope(|scope| {
                let looking = scope.spawn(|| {
                    // A processor that serves others besides may give the writer none for as long as a million looks take.
                    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
                    let (mut last, mut changes) = ([0; SLOTS], 0);
                    for look in 0.. {
                        // The lowest bits of how often it wrote say which slot that was: one word has this key.
                        let slot = look % SLOTS;
                        let word = find(&line, (slot as u64) << 12, 7 << 12);
                        assert!(word == 0 || is_whole(word), "{}: {word:#x}", simd.name());
                        changes += usize::from(std::mem::replace(&mut last[slot], word) != word);
                        if look >= 1_000_000 && look % 10_000 == 0 {
                            if changes > 2 * SLOTS {
                                break;
                            }
                            assert!(std::time::Instant::now() < deadline, "{}: nobody writes", simd.name());
                            std::thread::yield_now();
                        }
                    }
                });
                // It writes as long as somebody looks, and no longer: not when what was seen was wrong.
                for turn in (1u64..1 << 24).cycle().take_while(|_| !looking.is_finished()) {
                    line.slot(turn as usize % SLOTS).store(whole(turn), Ordering::Release);
                }
            });
        }
    }
}
