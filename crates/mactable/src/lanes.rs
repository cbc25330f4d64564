//! What a batch does to single buckets and groups of eight keys, per set of vector instructions.
//!
//! A vector load over words that other threads write is not among the things that Rust's memory model knows, so it is
//! written as inline assembly: to the compiler an opaque read of memory that happens where it stands. To the
//! processor it is a load like others, and all x86 loads are ordered with each other (acquire). Each word of it is
//! what some store left there, whole: `docs/mactable.md` says what the manuals promise of that and what is only seen.
//! Different words of a line may be of different moments, as with eight single loads.

use crate::batch::UNKNOWN;
use crate::bucket::{Line, SLOTS};
use crate::clock::Clock;
use crate::key::Key;
use crate::layout::is_entry;
use crate::sync::Ordering;
use crate::table::MacTable;
use std::mem::MaybeUninit;

/// Keys that are hashed together.
pub(crate) const GROUP: usize = 8;

/// Eight words, one per key of a group.
pub(crate) type Words = [u64; GROUP];

/// One set of vector instructions.
///
/// # Safety
/// All of it may be called only where the instructions exist.
pub(crate) trait Lanes {
    /// One to eight keys, in the form that hashing starts from.
    type Group<'k>: Copy;

    /// The entry that has these key bits, or 0. `key_mask` says which bits of a word are the key's.
    unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64;

    /// Is this very word in the line?
    unsafe fn holds(line: &Line, word: u64) -> bool;

    /// Takes the keys of a group, one at the least.
    unsafe fn group(keys: &[Key]) -> Self::Group<'_>;

    /// Are all keys of one VLAN?
    unsafe fn same_vlan(keys: Self::Group<'_>, vlan: u16) -> bool;

    /// Hashes the keys of a group under the filtering ids given, to key bits and buckets, which are below the number of
    /// buckets. Fills at least as many places as there are keys.
    unsafe fn hash(
        table: &MacTable,
        keys: Self::Group<'_>,
        fids: Fids<'_>,
        bits: &mut MaybeUninit<Words>,
        buckets: &mut MaybeUninit<Words>,
    );

    /// One bit for each word that is 0.
    unsafe fn zeros(words: &Words) -> u8;

    /// The ports of eight entries; [`UNKNOWN`] for what is none, or one whose time is over or whose port was flushed. And
    /// one bit for each of the last kind.
    unsafe fn ports(table: &MacTable, clock: &Clock, words: &Words) -> ([u16; GROUP], u8);
}

/// Filtering ids of eight keys.
#[derive(Clone, Copy)]
pub(crate) enum Fids<'a> {
    All(u16),
    Each(&'a [u16; GROUP]),
}

impl Fids<'_> {
    fn of(&self, index: usize) -> u16 {
        match self {
            Fids::All(fid) => *fid,
            Fids::Each(fids) => fids[index],
        }
    }
}

/// No vectors.
pub(crate) struct Scalar;

impl Lanes for Scalar {
    type Group<'k> = &'k [Key];

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

    #[inline(always)]
    unsafe fn holds(line: &Line, word: u64) -> bool {
        (0..SLOTS).fold(false, |held, slot| held | (line.slot(slot).load(Ordering::Acquire) == word))
    }

    #[inline(always)]
    unsafe fn group(keys: &[Key]) -> &[Key] {
        keys
    }

    #[inline(always)]
    unsafe fn same_vlan(keys: &[Key], vlan: u16) -> bool {
        keys.iter().fold(0, |bits, key| bits | (key.vlan() ^ vlan)) == 0
    }

    #[inline(always)]
    unsafe fn hash(
        table: &MacTable,
        keys: &[Key],
        fids: Fids<'_>,
        bits: &mut MaybeUninit<Words>,
        buckets: &mut MaybeUninit<Words>,
    ) {
        let hash = |index: usize, key: Key| {
            let hash = table.permutation.forward((u64::from(fids.of(index)) << 48) | key.mac());
            table.layout.split(hash)
        };
        if let Some(keys) = keys.first_chunk::<GROUP>() {
            let split: [_; GROUP] = std::array::from_fn(|index| hash(index, keys[index]));
            bits.write(split.map(|(_, bits)| bits));
            buckets.write(split.map(|(bucket, _)| bucket as u64));
            return;
        }
        let (bits, buckets) = (bits.as_mut_ptr().cast::<u64>(), buckets.as_mut_ptr().cast::<u64>());
        for (index, &key) in keys.iter().enumerate() {
            let (bucket, rest) = hash(index, key);
            // SAFETY: fewer keys than places.
            unsafe {
                bits.add(index).write(rest);
                buckets.add(index).write(bucket as u64);
            }
        }
    }

    #[inline(always)]
    unsafe fn zeros(words: &Words) -> u8 {
        (0..GROUP).fold(0, |bits, index| bits | u8::from(words[index] == 0) << index)
    }

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

#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
pub(crate) mod x86 {
    use super::{Fids, GROUP, Lanes, Scalar, Words};
    use crate::bucket::{Line, MARK_SLOT};
    use crate::clock::{AHEAD, Clock, LIFE};
    use crate::key::Key;
    use crate::layout::{AGE_MASK, BINDING_SHIFT, ENTRY_MASK, age};
    use crate::table::MacTable;
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    const _: () = assert!(size_of::<Line>() == 64 && align_of::<Line>() == 64 && MARK_SLOT < 8);

    /// 16 bytes at a time.
    pub(crate) struct Sse2;
    /// 32 bytes at a time.
    pub(crate) struct Avx2;
    /// 64 bytes at a time.
    pub(crate) struct Avx512;

    #[inline(always)]
    fn load16(line: &Line, quarter: usize) -> __m128i {
        let vector;
        // SAFETY: reads 16 bytes inside the line, aligned as `movdqa` wants it; no flags, no stack. The compiler
        // takes memory as changed, which keeps the order of this and other loads.
        unsafe {
            asm!("movdqa {vector}, xmmword ptr [{line}]",
                line = in(reg) std::ptr::from_ref(line).cast::<u8>().add(quarter * 16),
                vector = lateout(xmm_reg) vector, options(nostack, preserves_flags));
        }
        vector
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load32(line: &Line, half: usize) -> __m256i {
        let vector;
        // SAFETY: as `load16`, 32 bytes.
        unsafe {
            asm!("vmovdqa {vector}, ymmword ptr [{line}]",
                line = in(reg) std::ptr::from_ref(line).cast::<u8>().add(half * 32),
                vector = lateout(ymm_reg) vector, options(nostack, preserves_flags));
        }
        vector
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load64(line: &Line) -> __m512i {
        let vector;
        // SAFETY: as `load16`, the whole line.
        unsafe {
            asm!("vmovdqa64 {vector}, zmmword ptr [{line}]",
                line = in(reg) std::ptr::from_ref(line),
                vector = lateout(zmm_reg) vector, options(nostack, preserves_flags));
        }
        vector
    }

    /// Lanes of equal 64-bit words: SSE2 compares 32 bits at most.
    #[inline(always)]
    fn equal64(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let halves = _mm_cmpeq_epi32(a, b);
            _mm_and_si128(halves, _mm_shuffle_epi32::<0b10_11_00_01>(halves))
        }
    }

    /// The key was seen in two slots: it left one and was placed in the other between two loads. Put together, the two
    /// words would say what nobody wrote.
    #[inline(always)]
    fn is_twice(hits: i32) -> bool {
        hits & hits.wrapping_sub(1) != 0
    }

    impl Lanes for Sse2 {
        type Group<'k> = &'k [Key];

        #[inline(always)]
        unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
            // SAFETY: SSE2 is part of x86-64.
            unsafe {
                let bits = key;
                let (key, mask) = (_mm_set1_epi64x(key as i64), _mm_set1_epi64x(key_mask as i64));
                let (entry, zero) = (_mm_set1_epi64x(ENTRY_MASK as i64), _mm_setzero_si128());
                let (mut hit, mut hits) = (zero, 0);
                for quarter in 0..4 {
                    let words = load16(line, quarter);
                    let is_key = equal64(_mm_and_si128(words, mask), key);
                    let no_entry = equal64(_mm_and_si128(words, entry), zero);
                    let is_hit = _mm_andnot_si128(no_entry, is_key);
                    hits |= _mm_movemask_pd(_mm_castsi128_pd(is_hit)) << (2 * quarter);
                    hit = _mm_or_si128(hit, _mm_and_si128(words, is_hit));
                }
                if is_twice(hits) {
                    return Scalar::find(line, bits, key_mask);
                }
                // At most one word is left, in one of two lanes.
                _mm_cvtsi128_si64(_mm_or_si128(hit, _mm_unpackhi_epi64(hit, hit))) as u64
            }
        }

        #[inline(always)]
        unsafe fn holds(line: &Line, word: u64) -> bool {
            // SAFETY: SSE2 is part of x86-64.
            unsafe {
                let word = _mm_set1_epi64x(word as i64);
                let mut held = _mm_setzero_si128();
                for quarter in 0..4 {
                    held = _mm_or_si128(held, equal64(load16(line, quarter), word));
                }
                _mm_movemask_epi8(held) != 0
            }
        }

        #[inline(always)]
        unsafe fn group(keys: &[Key]) -> &[Key] {
            keys
        }

        #[inline(always)]
        unsafe fn same_vlan(keys: &[Key], vlan: u16) -> bool {
            // SAFETY: the scalar one needs nothing.
            unsafe { Scalar::same_vlan(keys, vlan) }
        }

        #[inline(always)]
        unsafe fn hash(
            table: &MacTable,
            keys: &[Key],
            fids: Fids<'_>,
            bits: &mut MaybeUninit<Words>,
            buckets: &mut MaybeUninit<Words>,
        ) {
            // Neither SSE2 nor AVX2 multiplies 64-bit words.
            // SAFETY: as above.
            unsafe { Scalar::hash(table, keys, fids, bits, buckets) }
        }

        #[inline(always)]
        unsafe fn zeros(words: &Words) -> u8 {
            // SAFETY: as above.
            unsafe { Scalar::zeros(words) }
        }

        #[inline(always)]
        unsafe fn ports(table: &MacTable, clock: &Clock, words: &Words) -> ([u16; GROUP], u8) {
            // SAFETY: as above.
            unsafe { Scalar::ports(table, clock, words) }
        }
    }

    impl Lanes for Avx2 {
        type Group<'k> = &'k [Key];

        #[inline(always)]
        unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
            // SAFETY: the caller has AVX2.
            unsafe {
                let bits = key;
                let (key, mask) = (_mm256_set1_epi64x(key as i64), _mm256_set1_epi64x(key_mask as i64));
                let (entry, zero) = (_mm256_set1_epi64x(ENTRY_MASK as i64), _mm256_setzero_si256());
                let hit = |words| {
                    let is_key = _mm256_cmpeq_epi64(_mm256_and_si256(words, mask), key);
                    let no_entry = _mm256_cmpeq_epi64(_mm256_and_si256(words, entry), zero);
                    let is_hit = _mm256_andnot_si256(no_entry, is_key);
                    (_mm256_and_si256(words, is_hit), _mm256_movemask_pd(_mm256_castsi256_pd(is_hit)))
                };
                let ((low, low_hits), (high, high_hits)) = (hit(load32(line, 0)), hit(load32(line, 1)));
                if is_twice(low_hits | (high_hits << 4)) {
                    return Scalar::find(line, bits, key_mask);
                }
                let four = _mm256_or_si256(low, high);
                let two = _mm_or_si128(_mm256_castsi256_si128(four), _mm256_extracti128_si256::<1>(four));
                // At most one word is left, in one of two lanes.
                _mm_cvtsi128_si64(_mm_or_si128(two, _mm_unpackhi_epi64(two, two))) as u64
            }
        }

        #[inline(always)]
        unsafe fn holds(line: &Line, word: u64) -> bool {
            // SAFETY: the caller has AVX2.
            unsafe {
                let word = _mm256_set1_epi64x(word as i64);
                let first = _mm256_cmpeq_epi64(load32(line, 0), word);
                let second = _mm256_cmpeq_epi64(load32(line, 1), word);
                _mm256_movemask_epi8(_mm256_or_si256(first, second)) != 0
            }
        }

        #[inline(always)]
        unsafe fn group(keys: &[Key]) -> &[Key] {
            keys
        }

        #[inline(always)]
        unsafe fn same_vlan(keys: &[Key], vlan: u16) -> bool {
            // SAFETY: the scalar one needs nothing.
            unsafe { Scalar::same_vlan(keys, vlan) }
        }

        #[inline(always)]
        unsafe fn hash(
            table: &MacTable,
            keys: &[Key],
            fids: Fids<'_>,
            bits: &mut MaybeUninit<Words>,
            buckets: &mut MaybeUninit<Words>,
        ) {
            // Neither SSE2 nor AVX2 multiplies 64-bit words.
            // SAFETY: as above.
            unsafe { Scalar::hash(table, keys, fids, bits, buckets) }
        }

        #[inline(always)]
        unsafe fn zeros(words: &Words) -> u8 {
            // SAFETY: as above.
            unsafe { Scalar::zeros(words) }
        }

        #[inline(always)]
        unsafe fn ports(table: &MacTable, clock: &Clock, words: &Words) -> ([u16; GROUP], u8) {
            // SAFETY: as above.
            unsafe { Scalar::ports(table, clock, words) }
        }
    }

    impl Lanes for Avx512 {
        /// Fewer than eight keys are followed by repetitions of the first.
        type Group<'k> = __m512i;

        #[inline(always)]
        unsafe fn group(keys: &[Key]) -> __m512i {
            // SAFETY: the caller has AVX-512 F; a key is a word, and no more are loaded than there are.
            unsafe {
                if keys.len() >= GROUP {
                    return _mm512_loadu_si512(keys.as_ptr().cast());
                }
                let words = keys.as_ptr().cast::<i64>();
                let first = _mm512_set1_epi64(*words);
                // A key alone was most likely just written, and a load of more than was written waits for it.
                if keys.len() == 1 {
                    return first;
                }
                _mm512_mask_loadu_epi64(first, (1 << keys.len()) - 1, words)
            }
        }

        #[inline(always)]
        unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
            // SAFETY: the caller has AVX-512 F.
            unsafe {
                let words = load64(line);
                let differs = _mm512_xor_si512(words, _mm512_set1_epi64(key as i64));
                let is_key = _mm512_testn_epi64_mask(differs, _mm512_set1_epi64(key_mask as i64));
                let hit = _mm512_mask_test_epi64_mask(is_key, words, _mm512_set1_epi64(ENTRY_MASK as i64));
                let first = _mm512_maskz_compress_epi64(hit, words);
                _mm_cvtsi128_si64(_mm512_castsi512_si128(first)) as u64
            }
        }

        #[inline(always)]
        unsafe fn holds(line: &Line, word: u64) -> bool {
            // SAFETY: the caller has AVX-512 F.
            unsafe { _mm512_cmpeq_epi64_mask(load64(line), _mm512_set1_epi64(word as i64)) != 0 }
        }

        #[inline(always)]
        unsafe fn same_vlan(keys: __m512i, vlan: u16) -> bool {
            // SAFETY: the caller has AVX-512 F.
            unsafe {
                let first = _mm512_set1_epi64((u64::from(vlan) << 48) as i64);
                let differs = _mm512_xor_si512(keys, first);
                _mm512_test_epi64_mask(differs, _mm512_set1_epi64(!0 << 48)) == 0
            }
        }

        #[inline(always)]
        unsafe fn hash(
            table: &MacTable,
            keys: __m512i,
            fids: Fids<'_>,
            bits: &mut MaybeUninit<Words>,
            buckets: &mut MaybeUninit<Words>,
        ) {
            let (layout, permutation) = (&table.layout, &table.permutation);
            // SAFETY: the caller has AVX-512 F and DQ; there are as many places as lanes everywhere.
            unsafe {
                let splat = |word: u64| _mm512_set1_epi64(word as i64);
                let shift = |bits: u32| _mm_cvtsi32_si128(bits as i32);
                let mac = _mm512_and_si512(keys, splat((1 << 48) - 1));
                let fid = match fids {
                    Fids::All(fid) => splat(u64::from(fid) << 48),
                    Fids::Each(fids) => {
                        let fids = _mm512_cvtepu16_epi64(_mm_loadu_si128(fids.as_ptr().cast()));
                        _mm512_slli_epi64::<48>(fids)
                    }
                };
                let fold = |x| _mm512_xor_si512(x, _mm512_srl_epi64(x, shift(permutation.fold)));
                let mut x = fold(_mm512_ternarylogic_epi64::<0x96>(mac, fid, splat(permutation.whiten)));
                for multiplier in permutation.multipliers {
                    let product = _mm512_mullo_epi64(x, splat(multiplier));
                    x = fold(_mm512_and_si512(product, splat(permutation.mask)));
                }
                let bucket = _mm512_and_si512(x, splat(layout.buckets() as u64 - 1));
                let rest = _mm512_srl_epi64(x, shift(layout.index_bits()));
                let key = _mm512_sll_epi64(rest, shift(layout.remainder_shift()));
                _mm512_storeu_si512(bits.as_mut_ptr().cast(), key);
                _mm512_storeu_si512(buckets.as_mut_ptr().cast(), bucket);
            }
        }

        #[inline(always)]
        unsafe fn zeros(words: &Words) -> u8 {
            // SAFETY: the caller has AVX-512 F.
            unsafe {
                let words = _mm512_loadu_si512(words.as_ptr().cast());
                _mm512_testn_epi64_mask(words, words)
            }
        }

        #[inline(always)]
        unsafe fn ports(table: &MacTable, clock: &Clock, words: &Words) -> ([u16; GROUP], u8) {
            // SAFETY: the caller has AVX-512 F, VL and BW.
            unsafe {
                let splat = |word: u64| _mm512_set1_epi64(word as i64);
                let words = _mm512_loadu_si512(words.as_ptr().cast());
                let mut dead = _mm512_testn_epi64_mask(words, splat(ENTRY_MASK));
                let code = _mm512_and_si512(words, splat(AGE_MASK));
                if !clock.is_ageless() {
                    let stamped = _mm512_cmpge_epu64_mask(code, splat(age::FIRST_STAMP));
                    let now = splat(clock.code());
                    let behind = _mm512_sub_epi64(now, code);
                    let wrapped = _mm512_cmpgt_epu64_mask(code, now);
                    let distance = _mm512_mask_add_epi64(behind, wrapped, behind, splat(age::STAMPS));
                    let old = _mm512_mask_cmpgt_epu64_mask(stamped, distance, splat(LIFE));
                    dead |= _mm512_mask_cmplt_epu64_mask(old, distance, splat(age::STAMPS - AHEAD));
                }
                let field = _mm512_srl_epi64(words, _mm_cvtsi32_si128(BINDING_SHIFT as i32));
                let field = _mm512_and_si512(field, splat(table.layout.bindings() as u64 - 1));
                let fields = _mm512_cvtepi64_epi16(field);
                let mut bindings = [0u16; GROUP];
                _mm_storeu_si128(bindings.as_mut_ptr().cast(), fields);
                let names = bindings.map(|binding| table.ports.raw_name(binding));
                let names = _mm_loadu_si128(names.as_ptr().cast());
                // The bit that says that a name has lost its id becomes all bits: `UNKNOWN`.
                let ports = _mm_or_si128(names, _mm_srai_epi16::<15>(names));
                let is_static = _mm512_cmpeq_epi64_mask(code, splat(age::STATIC));
                let ports = _mm_mask_mov_epi16(ports, is_static, fields);
                let ports = _mm_mask_mov_epi16(ports, dead, _mm_set1_epi16(-1));
                let flushed = _mm_movepi16_mask(names) & !is_static & !dead;
                let mut all = [0; GROUP];
                _mm_storeu_si128(all.as_mut_ptr().cast(), ports);
                (all, flushed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
